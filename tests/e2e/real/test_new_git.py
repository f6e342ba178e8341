"""git 2.46 and later: bearer answers, healing within one command, and helpers beside us. Run with the gits that fetch_gits.sh brings."""
import re
import time

import pytest

from cloud.client import APP, TENANT
from e2e.place import URL, hosts, wait_until

NOMEMBER = URL.replace("contoso", "nomember")


def requests(cloud, since=0):
    """(status, the scheme that was shown) of every request to Azure DevOps."""
    return [(r["status"], r["auth"].split(" ")[0]) for r in cloud.log(kind="http", host="dev.azure.com")[since:]]


def test_version(git):
    assert tuple(map(int, re.search(r"(\d+)\.(\d+)", git("--version").out).groups())) >= (2, 46)
    r = git.place.run([git.program, "credential", "capability"], **git.more)
    assert r.out == "version 0\ncapability authtype\ncapability state\n"


def test_clone_with_a_bearer_answer(git, cloud):
    git.place.pod()
    assert git("clone", "-q", URL, "web").err == "" and (git.place.work / "web" / "README.md").exists()
    seen = requests(cloud)
    assert seen[0] == (401, "") and {s for s in seen[1:]} == {(200, "Bearer")}, "no request is wasted on a second probe"
    assert len(cloud.exchanges()) == 1 and {h.split(".", 1)[1] for h in hosts(cloud)} == {"azure.com", "microsoftonline.com"}


def test_fetch_push_and_shallow(git, cloud):
    place = git.place.pod()
    git("clone", "-q", "--depth", "1", URL, "web")
    web = place.work / "web"
    (web / "more").write_text("x")
    git("add", "more", cwd=web)
    git("commit", "-q", "-m", "more", cwd=web)
    for command in (("push", "-q", "origin", "HEAD:topic"), ("fetch", "-q"), ("pull", "-q"), ("ls-remote", "-q")):
        assert git(*command, cwd=web).err == "", command
    assert len(cloud.exchanges()) == 1


def test_revoked_token_heals_within_the_same_command(git, cloud):
    place = git.place.pod()
    git("ls-remote", URL)
    cloud.revoke()
    before = len(requests(cloud))
    r = git("ls-remote", URL)
    assert r.err == "" and "refs/heads/main" in r.out and len(cloud.exchanges()) == 2
    assert requests(cloud, before)[:3] == [(401, ""), (401, "Bearer"), (200, "Bearer")]
    assert git("ls-remote", URL).err == "" and len(cloud.exchanges()) == 2 and len(place.records()) >= 1


def test_revoked_token_heals_during_a_push(git, cloud):
    place = git.place.pod()
    git("clone", "-q", URL, "web")
    web = place.work / "web"
    (web / "large").write_bytes(b"0123456789" * 200000)
    git("add", "-A", cwd=web)
    git("commit", "-q", "-m", "large", cwd=web)
    cloud.revoke()
    assert git("push", "-q", "origin", "HEAD:topic", cwd=web).err == "" and len(cloud.exchanges()) == 2


def test_a_fresh_token_that_is_refused_ends_with_advice(git, cloud):
    """Not a member: no endless asking, and one line."""
    git.place.pod()
    r = git("ls-remote", NOMEMBER, rc=128)
    ours = [line for line in r.err.splitlines() if line.startswith("daypass: ")]
    assert len(ours) == 1 and APP in ours[0] and TENANT in ours[0] and "organization nomember" in ours[0] and "Authentication failed" in r.err
    assert len(cloud.exchanges()) == 1
    before = len(cloud.exchanges())
    r = git("ls-remote", NOMEMBER, rc=128)  # nothing is kept now, or what is kept is tried once and then minted anew
    assert len(cloud.exchanges()) <= before + 1 and "organization nomember" in r.err


def test_a_kept_token_that_a_second_organization_refuses(git, cloud):
    place = git.place.pod()
    git("ls-remote", URL)
    r = git("ls-remote", NOMEMBER, rc=128)
    assert "organization nomember" in r.err and len(cloud.exchanges()) == 2, "the kept token could have been stale: one more, then the advice"
    assert git("ls-remote", URL).err == "" and len(place.records()) >= 1


def test_proactive_auth_saves_the_round_trips(git, cloud):
    place = git.place.pod()
    place.gitconfig('[http "https://dev.azure.com"]\n\tproactiveAuth = auto\n')
    assert git("ls-remote", URL).err == ""
    assert {s for s in requests(cloud)} == {(200, "Bearer")} and len(cloud.exchanges()) == 1


def test_expired_between_two_commands(git, cloud):
    git.place.pod()
    cloud.fault("entra", "fields", times=1, set={"expires_in": 2})
    end = int(git.place.get().fields["password_expiry_utc"])
    wait_until(lambda: time.time() > end, "the token has expired")
    assert git("ls-remote", URL).err == "" and len(cloud.exchanges()) == 2


def test_other_helpers_behind_us_do_not_store_a_bearer_token(git, cloud):
    place = git.place.pod()
    place.gitconfig(f"[credential]\n\thelper = store --file {place.folder}/stored\n")
    assert git("ls-remote", URL).err == ""
    token = place.get().token
    assert token and not (place.folder / "stored").exists()
    calls = place.folder / "calls"
    other = place.script("other", f'echo "$1" >> {calls}; cat >> {calls}')
    place.gitconfig(f"[credential]\n\thelper = {other}\n")
    assert git("ls-remote", URL).err == ""
    written = calls.read_text()
    assert "store" in written.splitlines() and "get" not in written.splitlines() and "ephemeral=1" in written


def test_another_helper_in_front_wins_and_is_left_alone(git, cloud):
    place = git.place.pod()
    token = cloud.token()
    first = place.script("first", f'[ "$1" = get ] && printf "username=x\\npassword={token}\\n"; exit 0')
    place.write("home/.gitconfig", f"[credential]\n\thelper =\n\thelper = {first}\n\thelper = daypass\n")
    assert git("ls-remote", URL).err == "" and not cloud.exchanges() and not place.records()


def test_twenty_at_once(git, cloud):
    place = git.place.pod()
    cloud.fault("entra", "delay", ms=300)
    running = [place.start([git.program, "ls-remote", URL], **git.more) for _ in range(20)]
    results = [place.finish(p) for p in running]
    assert {(r.rc, r.err) for r in results} == {(0, "")} and len(cloud.exchanges()) == 1


def test_twenty_at_once_after_a_revocation(git, cloud):
    """Each heals within its own command; whoever comes second finds the new token."""
    place = git.place.pod()
    place.get()
    cloud.revoke()
    running = [place.start([git.program, "ls-remote", URL], **git.more) for _ in range(20)]
    results = [place.finish(p) for p in running]
    assert {(r.rc, r.err) for r in results} == {(0, "")} and len(cloud.exchanges()) == 2


@pytest.mark.parametrize("match", ["", "[match https://dev.azure.com]\n"])
def test_refused_by_entra(git, cloud, match):
    place = git.place
    place.assertion(sub="system:other")
    place.config(more=match)
    r = git("ls-remote", URL, rc=128)
    assert r.err.count("AADSTS700213") == 1 and ("told us to quit" in r.err) == bool(match)


def test_interactive_never_changes_anything(git, cloud):
    git.place.pod()
    assert git("-c", "credential.interactive=false", "ls-remote", URL).err == "" and len(cloud.exchanges()) == 1
