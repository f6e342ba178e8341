"""The Docker face beside the empty program, and beside the helpers that people have today: docker-credential-secretservice with a real gnome-keyring,
docker-credential-pass with a key that has no password. Used by bench.py."""
import os
import shutil
from pathlib import Path
from types import SimpleNamespace

import keyring_cost
from cloud import ids

LOGIN = '{"ServerURL":"registry.example.com","Username":"alice","Secret":"%s"}' % ("e" * 1500)


def measure(bench, cloud, rounds):
    """Rows for the table. cloud: None leaves out what needs a registry."""
    program, server = os.path.join(bench.bin, "docker-credential-daypass"), "registry.example.com"
    theirs = bench.write("docker-theirs", server)
    commands = {"empty program": (theirs, {}, os.path.join(bench.bench, "empty"))}
    if cloud:
        bench.write("assertion", cloud.mint())
        cloud.reset()
        bench.call([program, "get"], ids.REGISTRY)
        count = len(cloud.log(kind="http"))
        bench.judge("docker: requests of a miss", abs(count - 2), str(count), 0, "2")
        commands["docker: cached get"] = (bench.write("docker-ours", ids.REGISTRY), {}, program, "get")
    others, end = {}, []
    try:
        for name, begin in (("docker-credential-secretservice", secretservice), ("docker-credential-pass", password_store)):
            if shutil.which(name):
                env = begin(bench, end)
                if env is None:
                    continue
                bench.call([name, "store"], LOGIN, env={**bench.env, **env})
                others[name] = (theirs, env, shutil.which(name), "get")
            else:
                bench.notes.append(f"{name}: not on this machine")
        rows(bench, rounds, commands, others)
        not_ours(bench, rounds, program, theirs)
    finally:
        for undo in end:
            undo()


def rows(bench, rounds, commands, others):
    results = dict(zip(commands, bench.spawn(rounds, *commands.values())))
    results.update(zip(others, bench.spawn(bench.middle, *others.values())) if others else ())
    empty = results.pop("empty program")
    for name, r in results.items():
        ratio = r["wall"] / empty["wall"]
        text = f"{r['wall'] / 1e6:.3f} ms  {ratio:.2f} x  {r['rss'] / 1024:.1f} MiB"
        budget = "1.50 x, 3 MiB" if name.startswith("docker:") else ""
        bench.row(name, text, budget, budget and ("ok" if ratio <= 1.5 and r["rss"] <= 3 * 1024 else "OVER"))


def not_ours(bench, rounds, program, theirs):
    """It ends with 1, as its clients want it: through a shell that makes a 0 of it, as the empty program beside it."""
    shell = ["/bin/sh", "-c", '"$0" "$1"; exit 0']
    empty, foreign = bench.spawn(rounds, (theirs, {}, *shell, os.path.join(bench.bench, "empty"), "get"), (theirs, {}, *shell, program, "get"))
    ratio = foreign["wall"] / empty["wall"]
    bench.judge("docker: get, not ours (both in a shell)", ratio, f"{foreign['wall'] / 1e6:.3f} ms  {ratio:.2f} x", 1.5, "1.50 x")


def secretservice(bench, end):
    if keyring_cost.missing():
        return None
    from e2e.keyring import Keyring
    session = Keyring(SimpleNamespace(folder=Path(bench.folder)), "real")
    end.append(session.close)
    return session.env


def password_store(bench, end):
    lacking = next((p for p in ("pass", "gpg", "gpgconf") if not shutil.which(p)), None)
    if lacking:
        bench.notes.append(f"docker-credential-pass: not measured, there is no {lacking}")
        return None
    env = {"GNUPGHOME": os.path.join(bench.folder, "g"), "PASSWORD_STORE_DIR": os.path.join(bench.folder, "p")}
    os.mkdir(env["GNUPGHOME"], 0o700)
    full = {**bench.env, **env}
    end.append(lambda: bench.call(["gpgconf", "--kill", "all"], env=full, check=False))
    bench.call(["gpg", "--batch", "--quiet", "--passphrase", "", "--quick-gen-key", "bench", "default", "default", "never"], env=full)
    bench.call(["pass", "init", "bench"], env=full)
    return env
