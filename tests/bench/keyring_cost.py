"""What the keyring costs, with a real gnome-keyring on a private bus (the lab of the end-to-end tests): a hit after a restart against secret-tool
looking up the same item, and a store. Used by bench.py."""
import os
import shutil
from pathlib import Path
from types import SimpleNamespace


def missing():
    """What is lacking for it here, or None."""
    try:
        from e2e import keyring  # noqa: F401
    except ImportError as e:
        return e.name
    return next((p for p in ("dbus-daemon", "gnome-keyring-daemon", "secret-tool") if not shutil.which(p)), None)


def measure(bench, az):
    """Rows for the table. az: the variables of a source that needs no token endpoint."""
    from e2e.keyring import Keyring
    base = os.path.join(bench.folder, "restarts")
    os.mkdir(base, 0o700)
    session = Keyring(SimpleNamespace(folder=Path(bench.folder)), "real")
    env, fresh = {**az, **session.env}, [os.path.join(bench.bench, "fresh"), base]
    try:
        after_restart(bench, session, env, fresh)
        store(bench, env, fresh)
    finally:
        session.close()


def after_restart(bench, session, env, fresh):
    bench.call([*fresh, bench.program, "get"], bench.request, env={**bench.env, **env})  # fills the keyring
    (item,) = session.items()
    words = [word for pair in item["attributes"].items() if pair[0] != "xdg:schema" for word in pair]
    ours, tool = bench.spawn(bench.middle, (bench.ours, env, *fresh, bench.program, "get"),
                             (bench.ours, env, *fresh, shutil.which("secret-tool"), "lookup", *words))
    over = (ours["wall"] - tool["wall"]) / 1e6
    bench.row("secret-tool lookup", f"{tool['wall'] / 1e6:.1f} ms  {tool['rss'] / 1024:.1f} MiB")
    text = f"{ours['wall'] / 1e6:.1f} ms  {over:+.1f} ms over secret-tool  {ours['rss'] / 1024:.1f} MiB"
    bench.row("keyring hit after a restart", text, "+3 ms, 10 MiB", "ok" if over <= 3 and ours["rss"] <= 10 * 1024 else "OVER")


def store(bench, env, fresh):
    """A whole miss of a client that nobody has seen, with the store in it, beside one without a keyring, and one where only the look is done."""
    get = [*fresh, "--stranger", bench.program, "get"]
    kept, looked, plain = bench.spawn(bench.middle, (bench.ours, env, *get), (bench.ours, {**env, "AZ_LIFE": "short"}, *get),
                                      (bench.ours, {**env, "DAYPASS_KEYRING": "off"}, *get))
    over, look = (kept["wall"] - looked["wall"]) / 1e6, (looked["wall"] - plain["wall"]) / 1e6
    bench.row("keyring: a store", f"{over:+.1f} ms in a miss of {kept['wall'] / 1e6:.1f} ms (the look before it: {look:+.1f} ms)", "+25 ms", "ok" if over <= 25 else "OVER")
