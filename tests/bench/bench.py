#!/usr/bin/python3
"""bench.py BIN_DIR BENCH_DIR: what daypass costs, held against its budgets (design, section 12). Standard library only.

`make bench` runs it inside the stand-in cloud (tests/cloud/run); run alone, it leaves the figures that need a token
endpoint out and says so. Every figure is a ratio or a difference of medians within one run: the machine's own speed
cancels out. Exit status 0 unless a figure could not be taken; a budget that is exceeded is said, not punished."""
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.parse

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.dirname(HERE))
from cloud import ids  # noqa: E402

import az_cost  # noqa: E402  beside this file
import docker_cost  # noqa: E402
import keyring_cost  # noqa: E402
import kube_cost  # noqa: E402

SHORT, LONG, WARM = 400, 40, 10  # rounds of processes that take one millisecond, and of those that take twenty
MANY = 1000  # records in the cache
HERD = 50
CONFIG = """[identity default]
tenant    = {tenant}
client-id = {client}
source    = file
token-file = {folder}/assertion

[match https://dev.azure.com/contoso]
identity = default
"""
OURS = "capability[]=authtype\ncapability[]=state\nprotocol=https\nhost=dev.azure.com\npath=contoso/shop/_git/shop\n"
FOREIGN = "capability[]=authtype\ncapability[]=state\nprotocol=https\nhost=github.com\n"
AZ = '#!/bin/sh\ncat "$AZURE_CONFIG_DIR/${AZ_LIFE:-answer}"\n'  # AZ_LIFE=short: a token that no keyring is bothered with


class Failed(Exception):
    """A figure that could not be taken."""


def memory_folder():
    """The runtime tier wants tmpfs."""
    for base in (os.environ.get("XDG_RUNTIME_DIR"), "/dev/shm"):
        if base and os.access(base, os.W_OK | os.X_OK):
            return tempfile.mkdtemp(prefix="dp-bench-", dir=base)
    raise Failed("no folder on tmpfs: set XDG_RUNTIME_DIR")


class Bench:
    def __init__(self, bin_dir, bench_dir, folder):
        self.bin, self.bench, self.folder = os.path.abspath(bin_dir), os.path.abspath(bench_dir), folder
        self.program = os.path.join(self.bin, "git-credential-daypass")
        self.rows, self.notes, self.cleanup, self.middle, self.request = [], [], [], LONG, OURS
        for name in ("run", "config", "az", "bin"):
            os.mkdir(os.path.join(folder, name), 0o700)
        # Nor CI: what is measured is a person's machine, where the keyring is used.
        self.env = {k: v for k, v in os.environ.items() if k != "CI" and not k.startswith(("AZURE_", "ARM_", "DAYPASS_", "GITHUB_", "GCM_"))}
        self.env.update(XDG_RUNTIME_DIR=os.path.join(folder, "run"), XDG_CONFIG_HOME=os.path.join(folder, "config"),
                        DAYPASS_CONFIG=self.write("config/file", CONFIG.format(tenant=ids.TENANT, client=ids.APP, folder=folder)))
        self.ours, self.foreign = self.write("ours", OURS), self.write("foreign", FOREIGN)

    def write(self, name, text, mode=0o600):
        path = os.path.join(self.folder, name)
        with open(path, "w") as f:
            f.write(text)
        os.chmod(path, mode)
        return path

    def call(self, argv, given="", check=True, env=None):
        done = subprocess.run(argv, input=given, text=True, capture_output=True, env=env or self.env)
        if check and done.returncode:
            raise Failed(f"{argv[0]} ended with {done.returncode}: {done.stderr.strip()}")
        return done.stdout

    def spawn(self, rounds, *commands):
        """A command is (stdin file, {variables}, words...). A result each, in order."""
        words = [os.path.join(self.bench, "spawn"), str(rounds), str(WARM if rounds >= SHORT else 2)]
        for stdin, env, *argv in commands:
            words += ["--", stdin, *(f"{k}={v}" for k, v in env.items()), *argv]
        results = [json.loads(line) for line in self.call(words).splitlines()]
        for result, command in zip(results, commands):
            if result["status"] != 0 or not result["steady"]:
                raise Failed(f"{' '.join(command[2:])} ended with wait status {result['status']}")
        return results

    def row(self, what, value, budget="", verdict=""):
        self.rows.append((what, value, budget, verdict))

    def judge(self, what, value, text, limit, budget):
        self.row(what, text, budget, "ok" if value <= limit else "OVER")

    # --- cached, foreign, and what others need ---

    def az_env(self):
        """A source that needs no token endpoint: a stand-in for az, asked once to fill the cache."""
        answer = {"accessToken": "eyJhbGciOiJSUzI1NiJ9." + "e" * 1500 + ".s", "expires_on": int(time.time()) + 3600}
        self.write("az/answer", json.dumps(answer))
        self.write("az/short", json.dumps({**answer, "expires_on": int(time.time()) + 1500}))
        self.write("az/azureProfile.json", "{}")
        self.write("bin/az", AZ, 0o700)
        config = self.write("config/az", "[identity default]\nsource = az\n\n[match https://dev.azure.com/contoso]\nidentity = default\n")
        return {"AZURE_CONFIG_DIR": os.path.join(self.folder, "az"), "DAYPASS_CONFIG": config,
                "PATH": os.path.join(self.folder, "bin") + ":" + self.env.get("PATH", "/usr/bin:/bin")}

    def fill(self, env):
        """Two gets: the second is a hit, or the figures are of something else."""
        env = {**self.env, **env}
        self.call([self.program, "get"], OURS, env=env)
        if "continue=1" not in self.call([self.program, "get"], OURS, env=env):
            raise Failed("the second get was not served from the cache")

    def git_cache(self):
        """git's own cache, with its daemon; ended by its own `exit`, which returns when the daemon is gone."""
        program = os.path.join(self.call(["git", "--exec-path"]).strip(), "git-credential-cache")
        if not os.access(program, os.X_OK):
            self.notes.append("git credential-cache: not on this machine")
            return None
        os.mkdir(os.path.join(self.folder, "gc"), 0o700)
        words = [program, "--socket", os.path.join(self.folder, "gc", "socket")]
        given = self.write("git-cache", "protocol=https\nhost=dev.azure.com\n")
        self.cleanup.append(lambda: self.call([*words, "exit"], check=False))
        self.call([*words, "store"], f"protocol=https\nhost=dev.azure.com\nusername=u\npassword={'e' * 1500}\n")
        return given, {}, *words, "get"

    def libsecret(self):
        program = shutil.which("git-credential-libsecret") or "/usr/lib/git-core/git-credential-libsecret"
        if os.access(program, os.X_OK) and self.env.get("DBUS_SESSION_BUS_ADDRESS"):
            return self.ours, {}, program, "get"
        self.notes.append("git-credential-libsecret: not measured (not packaged here, or no session bus)")
        return None

    def short(self, cloud):
        az = self.az_env()
        self.fill(az)
        commands = {"empty program": (self.ours, {}, os.path.join(self.bench, "empty")),
                    "cached get": (self.ours, az, self.program, "get"),
                    "get, not ours": (self.foreign, az, self.program, "get")}
        if cloud:
            self.write("assertion", cloud.mint())
            self.fill({})
            commands["cached get, token file"] = (self.ours, {}, self.program, "get")
            commands["docker: cached get"] = docker_cost.cached(self, cloud)
            commands.update(kube_cost.cached(self, cloud))
            commands.update(az_cost.cached(self, cloud))
        for name, command in (("git credential-cache get", self.git_cache()), ("git-credential-libsecret get", self.libsecret())):
            if command:
                commands[name] = command
        results = dict(zip(commands, self.spawn(SHORT, *commands.values())))
        empty = results["empty program"]
        for name, r in results.items():
            ratio = r["wall"] / empty["wall"]
            text = f"{r['wall'] / 1e6:.3f} ms  {ratio:.2f} x  (cpu {r['cpu'] / empty['cpu']:.2f} x, min {r['min'] / empty['min']:.2f} x)  {r['rss'] / 1024:.1f} MiB"
            if "get" in name and not name.startswith("git"):
                good = ratio <= 1.5 and r["rss"] <= 3 * 1024
                self.row(name, text, "1.50 x, 3 MiB", "ok" if good else "OVER")
            else:
                self.row(name, text)

    def crowded(self):
        """A hit beside a thousand other records costs what it costs alone."""
        env = {**self.az_env(), "XDG_RUNTIME_DIR": os.path.join(self.folder, "crowd")}
        os.mkdir(env["XDG_RUNTIME_DIR"], 0o700)
        self.fill(env)
        store = os.path.join(env["XDG_RUNTIME_DIR"], "daypass", "v1")
        (record,) = [n for n in os.listdir(store) if len(n) == 64]
        for i in range(MANY):
            shutil.copy2(os.path.join(store, record), os.path.join(store, f"{i:064x}"))
        alone, crowd = self.spawn(SHORT, (self.ours, self.az_env(), self.program, "get"), (self.ours, env, self.program, "get"))
        ratio = crowd["wall"] / alone["wall"]
        self.judge(f"cached get beside {MANY} records", ratio, f"{crowd['wall'] / 1e6:.3f} ms  {ratio:.2f} x the same alone", 1.1, "1.00 x")

    def keyring(self):
        lacking = keyring_cost.missing()
        if lacking:
            self.notes.append(f"keyring: not measured, there is no {lacking}")
        else:
            keyring_cost.measure(self, self.az_env())

    # --- the exchange ---

    def exchange(self, cloud):
        form = urllib.parse.urlencode({"grant_type": "client_credentials", "client_id": ids.APP, "scope": ids.AZDO_SCOPE,
                                       "client_assertion_type": ids.ASSERTION_TYPE, "client_assertion": cloud.mint()})
        url = f"https://{ids.PUBLIC}/{ids.TENANT}/oauth2/v2.0/token"
        self.write("assertion", cloud.mint())
        bare = (self.ours, {}, os.path.join(self.bench, "curl_post"), url, self.write("form", form))
        cold = (self.ours, {"DAYPASS_CACHE": "none"}, self.program, "get")
        cloud.reset()
        self.call([self.program, "get"], OURS, env={**self.env, "DAYPASS_CACHE": "none"})
        count = len(cloud.log(kind="http"))
        self.judge("requests of one exchange", abs(count - 1), str(count), 0, "1")
        post, get = self.spawn(LONG, bare, cold)
        over = (get["wall"] - post["wall"]) / 1e6
        self.row("bare libcurl POST", f"{post['wall'] / 1e6:.1f} ms  {post['rss'] / 1024:.1f} MiB")
        self.judge("exchange (cache = none)", over, f"{get['wall'] / 1e6:.1f} ms  {over:+.1f} ms over the bare POST  {get['rss'] / 1024:.1f} MiB", 5, "+5 ms")

    def herd(self, cloud):
        shutil.rmtree(os.path.join(self.folder, "run", "daypass"), ignore_errors=True)
        self.write("assertion", cloud.mint())
        cloud.reset()
        pipes = dict(stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        crowd = [subprocess.Popen([self.program, "get"], env=self.env, **pipes) for _ in range(HERD)]
        start = time.monotonic()
        for p in crowd:  # all wait for their request by now: none is done before the last one has begun
            p.stdin.write(OURS.encode())
            p.stdin.close()
            p.stdin = None
        told = [p.communicate() for p in crowd]
        seconds = time.monotonic() - start
        tokens = {out.partition(b"\ncredential=")[2].partition(b"\n")[0] for out, _ in told}
        if len(tokens) != 1 or b"" in tokens:
            raise Failed("the herd did not get one and the same token: " + "; ".join(sorted({err.decode().strip() for _, err in told})))
        count = len(cloud.exchanges())
        self.judge(f"{HERD} cold processes at once", abs(count - 1), f"{count} exchange{'s' * (count != 1)} in {seconds:.2f} s", 0, "1 exchange")

    def size(self):
        copy = os.path.join(self.folder, "stripped")
        shutil.copyfile(os.path.realpath(self.program), copy)
        self.call(["strip", copy])
        size = os.path.getsize(copy)
        self.judge("binary, stripped", size, f"{size / 1024:.0f} KiB", 300 * 1024, "300 KiB")

    def run(self):
        cloud = None
        if os.environ.get("DAYPASS_TEST_CLOUD"):
            from cloud.client import Cloud
            cloud = Cloud()
            cloud.reset()
        steps = [("short calls", lambda: self.short(cloud)), ("crowded", self.crowded), ("docker", lambda: docker_cost.measure(self, SHORT)), ("keyring", self.keyring), ("size", self.size)]
        if cloud:
            steps += [("kubectl", lambda: kube_cost.measure(self, cloud)), ("az", lambda: az_cost.measure(self, cloud)), ("exchange", lambda: self.exchange(cloud)), ("herd", lambda: self.herd(cloud))]
        else:
            self.notes.append("exchange and herd: need the stand-in cloud (make bench)")
        bad = 0
        for name, step in steps:
            try:
                step()
            except (Failed, OSError) as e:
                bad += 1
                self.row(name, f"not taken: {e}", "", "FAIL")
        for undo in self.cleanup:
            undo()
        return bad

    def print(self):
        widths = [max(len(row[i]) for row in self.rows) for i in range(3)]
        for row in self.rows:
            print(("  ".join(cell.ljust(w) for cell, w in zip(row, widths)) + "  " + row[3]).rstrip())
        for note in self.notes:
            print(f"({note})")


def main():
    if len(sys.argv) != 3:
        sys.exit("usage: bench.py BIN_DIR BENCH_DIR")
    os.environ.pop("LD_PRELOAD", None)
    folder = memory_folder()
    try:
        bench = Bench(sys.argv[1], sys.argv[2], folder)
        bad = bench.run()
        bench.print()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    sys.exit(1 if bad else 0)


if __name__ == "__main__":
    main()
