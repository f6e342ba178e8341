"""git's own battery for credential helpers (t0303 and what it leaves out), with daypass as the only helper and a real gnome-keyring behind it;
from Debian's source packages of git (fetch_git_tests.sh). What git's tests print is shown as they print it."""
import re
import subprocess
from pathlib import Path

import pytest

from e2e.keyring import keyrings  # noqa: F401  a fixture
from e2e.place import BIN, HELPER, LIMIT
from e2e.real.conftest import CACHE

HERE = Path(__file__).resolve().parent
KEEP = "[match https://*]\nstore = keyring\n[match http://*]\nstore = keyring\n"
CHECKS = {"2.39": (12, 0), "2.47": (21, 7), "2.55": (21, 8)}  # of t0303, and of the authtype part that came with git 2.46


def releases():
    return sorted(p.name.removeprefix("gittests-") for p in CACHE.glob("gittests-*") if (p / "done").exists()) or ["none"]


@pytest.mark.parametrize("release", releases())
def test_battery(place, cloud, keyrings, capsys, release):  # noqa: F811
    if release == "none":
        pytest.skip("not run: git's tests could not be fetched")
    keyring = keyrings("real")
    place.config(KEEP)
    env = place.env(DAYPASS_TEST_CACHE=CACHE, DAYPASS_CONFIG=place.home / ".config/daypass/config", **keyring.env)
    done = subprocess.run([HERE / "t0303.sh", BIN / HELPER, release], env=env, capture_output=True, text=True, timeout=LIMIT * 5)
    with capsys.disabled():
        print(f"\n--- git of {release}: {(CACHE / f'gittests-{release}' / 'done').read_text().strip()}\n{done.stdout}{done.stderr}")
    version = (CACHE / f"gittests-{release}" / "done").read_text().split(":", 1)[-1]
    passed = [int(n) for n in re.findall(r"^# passed all (\d+) test", done.stdout, re.M)]
    wanted = next(n for v, n in CHECKS.items() if version.startswith(v))
    assert done.returncode == 0 and tuple(passed) == tuple(n for n in wanted if n) and "\nnot ok" not in done.stdout
    assert [i for i in keyring.items() if i["attributes"].get("xdg:schema") == "org.git.Password"] == [], "the battery cleans up behind itself"


@pytest.mark.parametrize("release", releases())
def test_either_helper_finds_what_the_other_kept(place, cloud, keyrings, release):  # noqa: F811
    """git-credential-libsecret of git 2.41 or later; older ones had another schema."""
    other = CACHE / f"gittests-{release}" / "git-credential-libsecret"
    if release == "none" or not other.exists():
        pytest.skip("not run: git's tests could not be fetched")
    if (CACHE / f"gittests-{release}" / "done").read_text().split(":", 1)[-1] < "2.41":
        pytest.skip("not run: the git of this release has another schema")
    keyring = keyrings("real")
    place.config(KEEP)
    theirs, ours = (f"protocol=https\nhost={h}.example.com:8443\npath=x\nusername=u\npassword={h}\noauth_refresh_token=r\n" for h in ("theirs", "ours"))
    ask = {h: f"protocol=https\nhost={h}.example.com:8443\npath=x\n" for h in ("theirs", "ours")}
    assert place.run([other, "store"], theirs, **keyring.env).rc == 0 and place.run([HELPER, "store"], ours, **keyring.env).rc == 0
    for program in ([other, "get"], [HELPER, "get"]):
        for host, text in ask.items():
            fields = place.run(program, text, **keyring.env).fields
            assert (fields.get("username"), fields.get("password"), fields.get("oauth_refresh_token")) == ("u", host, "r"), (program, host)
