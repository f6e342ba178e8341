"""The Docker face beside the empty program, and beside the helpers that people have today: docker-credential-secretservice with a real gnome-keyring,
docker-credential-pass with a key that has no password. Used by bench.py."""
import os
import shutil
from pathlib import Path
from types import SimpleNamespace

import keyring_cost
from cloud import ids

LOGIN = '{"ServerURL":"registry.example.com","Username":"alice","Secret":"%s"}' % ("e" * 1500)


def program_of(bench):
    return os.path.join(bench.bin, "docker-credential-daypass")


def cached(bench, cloud):
    """The command for a hit, after the one miss that it needs, of which the requests are counted."""
    cloud.reset()
    bench.call([program_of(bench), "get"], ids.REGISTRY)
    count = len(cloud.log(kind="http"))
    bench.judge("docker: requests of a miss", abs(count - 2), str(count), 0, "2")
    return bench.write("docker-ours", ids.REGISTRY), {}, program_of(bench), "get"


def measure(bench, rounds):
    """What people have today, and a get that is nobody's."""
    theirs = bench.write("docker-theirs", "registry.example.com")
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
        beside(bench, theirs, others)
        not_ours(bench, rounds, theirs)
    finally:
        for undo in end:
            undo()


def beside(bench, theirs, others):
    empty, *results = bench.spawn(bench.middle, (theirs, {}, os.path.join(bench.bench, "empty")), *others.values())
    for name, r in zip(others, results):
        bench.row(f"{name} get", f"{r['wall'] / 1e6:.1f} ms  {r['wall'] / empty['wall']:.0f} x  {r['rss'] / 1024:.1f} MiB")


def not_ours(bench, rounds, theirs):
    """It ends with 1, as its clients want it: through a shell that makes a 0 of it, as the empty program beside it."""
    shell = ["/bin/sh", "-c", '"$0" "$1"; exit 0']
    empty, foreign = bench.spawn(rounds, (theirs, {}, *shell, os.path.join(bench.bench, "empty"), "get"), (theirs, {}, *shell, program_of(bench), "get"))
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
