#!/usr/bin/python3
"""run.py BIN_DIR [CASE...]: plays every case below tests/golden/FACE/CASE/ to the built program. Standard library only;
no network, no namespaces, any user; leaves nothing behind. There is no --update: an expected text is reviewed by reason.
run.py --seeds DIR writes every input, as the program gets it, into DIR for the fuzzers.

A case is a folder of small text files; one that is missing is empty:
  cmd     "# why this is right", then the steps. A step is a line of shell-like words: the face (kubelogin too) or `daypass`, then its
          arguments; "<open" leaves stdin open behind the input, "<&-" and ">&-" close it, ">/dev/full" is a full disk.
          "exit N" behind a step expects another status than 0.
          "kept [KEY=VALUE...]": before that, a get has put {TOKEN} into the cache.
          "mkdir", "rm", "chmod MODE", "write FILE TEXT": on files below {DIR}.   "needs PROGRAM-OR-LIBRARY-OR-tmpfs-OR-disk": else it is skipped.
  env     NAME=VALUE lines over the little environment that run.py makes; "NAME" alone takes it away
  config  the user's configuration file
  in, out, err    stdin, and exactly what stdout and stderr must be; parts of several steps are split by "---" lines

In all of them \\r \\n \\0 \\xNN \\\\ are bytes, a backslash at the end of a line joins it with the next, {64*x} repeats, and
{DIR} {CONFIG} {PROGRAM} {GOLDEN} {UID} {VERSION} {CLIENT} {TOKEN} {SHA256_TOKEN} {TOKEN2} {SHA256_TOKEN2} {EXPIRES} {KUBE_EXPIRES} {AZ_EXPIRES} {AZD_EXPIRES} {ASSERTION} {ASSERTION2} stand for what
they say: the fake az (bin/az) gives TOKEN when it is asked first, and TOKEN2 later."""
import base64
import ctypes
import difflib
import hashlib
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
PARTS = ("in", "out", "err")
CLIENT = "00001111-aaaa-2222-bbbb-3333cccc4444"
ESCAPES = {"r": b"\r", "n": b"\n", "t": b"\t", "0": b"\0", "\\": b"\\", "\n": b""}
PATIENCE = 60  # seconds; only a program that hangs ever meets it


class Broken(Exception):
    """The case itself is wrong, or cannot be played here."""


class Skip(Exception):
    pass


def part(value):
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


def version():
    with open(os.path.join(HERE, "../../Makefile")) as f:
        return re.search(r"^VERSION = (\S+)", f.read(), re.M).group(1)


def words_of(now):
    """What the placeholders stand for."""
    claims = {"iss": "https://sts.windows.net/x/", "appid": CLIENT, "iat": now, "exp": now + 3600}
    words = {"CLIENT": CLIENT, "UID": str(os.geteuid()), "EXPIRES": str(now + 3600), "VERSION": version()}
    words["KUBE_EXPIRES"] = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(now + 3300))  # kubectl hears of it five minutes earlier
    words["AZ_EXPIRES"] = time.strftime("%Y-%m-%d %H:%M:%S.000000", time.gmtime(now + 3600))  # with TZ=UTC
    words["AZD_EXPIRES"] = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(now + 3600))
    for name, jti in (("TOKEN", 1), ("TOKEN2", 2)):
        words[name] = ".".join((part({"alg": "RS256", "typ": "JWT"}), part({**claims, "jti": jti}), "c2lnbmF0dXJl"))
        words["SHA256_" + name] = hashlib.sha256(words[name].encode()).hexdigest()
    external = {"iss": "https://issuer.test", "aud": "api://AzureADTokenExchange"}  # without exp: no text depends on the time
    for name, sub in (("ASSERTION", "repo:contoso/shop:ref:refs/heads/main"), ("ASSERTION2", "it's; rm -rf $HOME `id` \"q\"")):
        words[name] = ".".join((part({"alg": "RS256", "typ": "JWT"}), part({**external, "sub": sub}), "c2lnbmF0dXJl"))
    return words


def expand(text, words):
    """Bytes of a file of a case."""
    text = re.sub(r"\{(\w+)\}", lambda m: words.get(m.group(1), m.group(0)), text)
    text = re.sub(r"\{(\d+)\*([^}]*)\}", lambda m: m.group(2) * int(m.group(1)), text)
    out, at = [], 0
    for m in re.finditer(r"\\(x[0-9a-fA-F]{2}|.)", text, flags=re.S):
        out += [text[at:m.start()].encode(), bytes.fromhex(m.group(1)[1:]) if len(m.group(1)) == 3 else ESCAPES[m.group(1)]]
        at = m.end()
    return b"".join(out) + text[at:].encode()


class Case:
    def __init__(self, folder):
        self.folder, self.name = folder, os.path.relpath(folder, HERE)
        self.cmd = self.read("cmd").splitlines()
        self.steps = []
        self.before = []
        if not self.cmd or not self.cmd[0].startswith("# "):
            raise Broken("cmd begins with '# ' and the reason why the answer is right")
        for line in self.cmd:
            words = line.split()
            if not words or words[0] == "#":
                continue
            if words[0] == "exit" and self.steps:
                self.steps[-1]["status"] = int(words[1])
            elif words[0] in ("kept", "chmod", "mkdir", "rm", "write", "needs"):
                self.before.append(words)
            else:
                self.steps.append({"line": line, "status": 0})
        if not self.steps:
            raise Broken("cmd has no step")
        extra = set(os.listdir(folder)) - {"cmd", "env", "config", *PARTS}
        if extra:
            raise Broken(f"{', '.join(sorted(extra))}: no file of a case")
        for name in PARTS:
            parts = self.read(name).split("---\n") if len(self.steps) > 1 else [self.read(name)]
            if len(parts) > len(self.steps):
                raise Broken(f"{name} has {len(parts)} parts, and there are {len(self.steps)} steps")
            for i, step in enumerate(self.steps):
                step[name] = parts[i] if i < len(parts) else ""

    def read(self, name):
        path = os.path.join(self.folder, name)
        if not os.path.exists(path):
            return ""
        with open(path, encoding="utf-8", newline="") as f:
            return f.read()


class Play:
    """One case, in a folder of its own."""

    def __init__(self, case, bin_dir, folder, runtime, words):
        self.case, self.bin, self.folder, self.words = case, bin_dir, folder, {**words, "DIR": folder}
        self.config = os.path.join(folder, "config", "daypass", "config")
        self.words["CONFIG"] = self.config
        self.words.update(PROGRAM=os.path.realpath(os.path.join(bin_dir, "daypass")), GOLDEN=HERE)
        for name in ("home", "az", "config/daypass"):
            os.makedirs(os.path.join(folder, name), 0o700)
        for name, token in (("first", "TOKEN"), ("second", "TOKEN2")):
            self.write(f"az/{name}.json", json.dumps({"accessToken": words[token], "expires_on": int(words["EXPIRES"]), "tokenType": "Bearer"}))
        self.write("az/azureProfile.json", "{}")
        text = case.read("config")
        if text:
            self.write("config/daypass/config", expand(text, self.words))
        self.env = {"PATH": os.path.join(HERE, "bin") + ":/usr/bin:/bin", "HOME": os.path.join(folder, "home"), "XDG_RUNTIME_DIR": runtime,
                    "XDG_CONFIG_HOME": os.path.join(folder, "config"), "AZURE_CONFIG_DIR": os.path.join(folder, "az"),
                    "HTTPS_PROXY": "http://127.0.0.1:9", "GIT_CONFIG_NOSYSTEM": "1"}
        for name in ("ASAN_OPTIONS", "UBSAN_OPTIONS", "LSAN_OPTIONS", "GCOV_PREFIX", "GCOV_PREFIX_STRIP"):  # of other builds
            if name in os.environ:
                self.env[name] = os.environ[name]
        for line in expand(case.read("env"), self.words).decode().splitlines():
            name, equals, value = line.partition("=")
            self.env[name] = value
            if not equals:
                del self.env[name]

    def write(self, name, data):
        path = os.path.join(self.folder, name)
        with open(path, "wb") as f:
            f.write(data if isinstance(data, bytes) else data.encode())
        os.chmod(path, 0o600)

    def prepare(self, have_memory):
        for words in self.case.before:
            if words[0] == "needs":
                if not (have_memory if words[1] == "tmpfs" else not in_memory(self.folder) if words[1] == "disk" else here(words[1])):
                    raise Skip(f"{words[1]} is not here")
            elif words[0] == "chmod":
                os.chmod(os.path.join(self.folder, words[2]), int(words[1], 8))
            elif words[0] == "mkdir":
                os.makedirs(os.path.join(self.folder, words[1]))
            elif words[0] == "rm":
                os.unlink(os.path.join(self.folder, words[1]))
            elif words[0] == "write":
                self.write(words[1], expand(" ".join(words[2:]), self.words))
            else:
                self.keep(words[1:], have_memory)

    def keep(self, words, have_memory):
        if not have_memory:
            raise Skip("no folder of ours on tmpfs, so nothing is kept")
        fields = {"protocol": "https", "host": "dev.azure.com", **dict(w.split("=", 1) for w in words)}
        given = "".join(f"{k}={v}\n" for k, v in fields.items()).encode()
        done = subprocess.run([os.path.join(self.bin, "git-credential-daypass"), "get"], input=given, capture_output=True, env=self.env, cwd=self.folder,
                              timeout=PATIENCE)
        if self.words["TOKEN"].encode() not in done.stdout:
            raise Broken(f"the get before gave no token: {done.stdout!r} {done.stderr!r}")

    def step(self, step):
        """Every difference, as lines."""
        argv = shlex.split(expand(step["line"], self.words).decode())
        shape = {w for w in argv if w in ("<open", "<&-", ">&-", ">/dev/full")}
        argv = [w for w in argv if w not in shape]
        argv[0] = os.path.join(self.bin, argv[0])
        program = argv[0] if os.path.exists(argv[0]) else os.path.join(self.bin, "daypass")  # a name that nobody installs unasked
        given = expand(step["in"], self.words)
        closed = [fd for word, fd in (("<&-", 0), (">&-", 1)) if word in shape]
        out = open("/dev/full", "wb") if ">/dev/full" in shape else subprocess.PIPE
        with subprocess.Popen(argv, executable=program, stdin=subprocess.PIPE, stdout=out, stderr=subprocess.PIPE, env=self.env, cwd=self.folder, bufsize=0,
                              preexec_fn=lambda: [os.close(fd) for fd in closed] if closed else None) as child:
            if "<open" in shape:
                try:
                    child.stdin.write(given)
                except BrokenPipeError:
                    pass  # it ended without reading
                child.wait(PATIENCE)
                seen, said = child.stdout.read(), child.stderr.read()
            else:
                seen, said = child.communicate(given, PATIENCE)
        if out is not subprocess.PIPE:
            out.close()
        lines = [] if child.returncode == step["status"] else [f"exit status {child.returncode}, not {step['status']}"]
        for name, got in (("out", seen or b""), ("err", said)):
            want = expand(step[name], self.words)
            if got != want:
                lines += difflib.unified_diff(show(want), show(got), name, "what came", lineterm="", n=1)
        return lines


def here(name):
    if ".so" not in name:
        return shutil.which(name, path="/usr/bin:/bin") is not None
    try:
        return ctypes.CDLL(name) is not None
    except OSError:
        return False


def show(data):
    return [repr(line)[2:-1] for line in data.splitlines(keepends=True)]


def in_memory(path):
    with open("/proc/self/mounts") as f:
        mounts = [line.split()[1:3] for line in f]
    best = max((m for m in mounts if (os.path.realpath(path) + "/").startswith(m[0].rstrip("/") + "/")), key=lambda m: len(m[0]))
    return best[1] in ("tmpfs", "ramfs")


def memory_folder():
    """Where daypass itself would look, so that it never looks into the caller's own cache."""
    for base in (os.environ.get("XDG_RUNTIME_DIR"), f"/run/user/{os.geteuid()}", "/dev/shm"):
        if base and os.access(base, os.W_OK | os.X_OK) and in_memory(base):
            return tempfile.mkdtemp(prefix="dp-golden-", dir=base)
    return None


def play(case, bin_dir, base, memory):
    """(verdict, lines)"""
    folder = tempfile.mkdtemp(dir=base)
    runtime = tempfile.mkdtemp(dir=memory or base)
    try:
        p = Play(case, bin_dir, folder, runtime, words_of(int(time.time())))
        p.prepare(memory is not None)
        lines = [f"step {i + 1}: {line}" if len(case.steps) > 1 else line for i, step in enumerate(case.steps) for line in p.step(step)]
        return ("failed" if lines else "passed"), lines
    except Skip as e:
        return "skipped", [str(e)]
    except (Broken, OSError, KeyError, ValueError, subprocess.TimeoutExpired) as e:
        return "failed", [f"cannot be played: {e}"]
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        shutil.rmtree(runtime, ignore_errors=True)


def cases(wanted):
    for folder, names, files in sorted(os.walk(HERE)):
        names.sort()
        if "cmd" in files and (not wanted or any(w.strip("/") in os.path.relpath(folder, HERE) for w in wanted)):
            yield folder


def write_seeds(to):
    os.makedirs(to, exist_ok=True)
    words = {**words_of(1700000000), "DIR": "/d", "CONFIG": "/d/config"}
    for folder in cases(()):
        case = Case(folder)
        seeds = [(f"in.{i}", expand(step["in"], words)) for i, step in enumerate(case.steps) if step["in"]]
        seeds += [("config", expand(case.read("config"), words))] if case.read("config") else []
        for kind, data in seeds:
            with open(os.path.join(to, case.name.replace("/", "-") + "." + kind), "wb") as f:
                f.write(data)


def main():
    if len(sys.argv) == 3 and sys.argv[1] == "--seeds":
        return write_seeds(sys.argv[2])
    if len(sys.argv) < 2 or sys.argv[1].startswith("-"):
        sys.exit("usage: run.py BIN_DIR [CASE...] | run.py --seeds DIR")
    os.umask(0o077)
    if os.path.exists("/etc/daypass/config"):
        print("note: this machine's /etc/daypass/config is read in every case too: failures may come from there")
    counts = {"passed": 0, "failed": 0, "skipped": 0}
    memory, base = memory_folder(), tempfile.mkdtemp(prefix="dp-golden-")
    try:
        for folder in cases(sys.argv[2:]):
            try:
                verdict, lines = play(Case(folder), os.path.abspath(sys.argv[1]), base, memory)
            except Broken as e:
                verdict, lines = "failed", [str(e)]
            counts[verdict] += 1
            if verdict != "passed":
                print(f"{verdict}: {os.path.relpath(folder, HERE)}")
                print("".join(f"    {line}\n" for line in lines), end="")
    finally:
        for path in (base, memory):
            if path:
                shutil.rmtree(path, ignore_errors=True)
    print(f"golden: {counts['passed']} passed, {counts['failed']} failed, {counts['skipped']} skipped")
    return 1 if counts["failed"] or not counts["passed"] else 0


if __name__ == "__main__":
    sys.exit(main())
