"""What happens to tokens over time and between callers: many at once, expired, revoked, refused, another job's."""
import re
import shutil
import time

import pytest

from cloud.client import APP, APP2, FAB, OIDS, TENANT, TENANT2, UAMI
from e2e.place import HELPER, URL, hosts, one_line, said_no, silent, wait_until

NOMEMBER = "https://dev.azure.com/nomember/shop/_git/web"
BOTH = "capability[]=authtype\ncapability[]=state\n"


def git_heals(place):
    """git 2.46 and later ask a helper again within the same command."""
    numbers = re.search(r"(\d+)\.(\d+)", place.git("--version").out).groups()
    return tuple(map(int, numbers)) >= (2, 46)


# --- many at once ---

def test_fifty_cold_processes_make_one_exchange(pod, cloud):
    cloud.fault("entra", "delay", ms=300)
    results = pod.many(50, [HELPER, "get"], pod.ask())
    assert {(r.rc, r.err) for r in results} == {(0, "")}
    assert len({r.token for r in results}) == 1 and results[0].token
    assert cloud.concurrency() == {"running": 0, "most": 1, "total": 1}


def test_twenty_parallel_fetches_make_one_exchange(pod, cloud):
    web = pod.clone()
    for i in range(20):
        shutil.copytree(web, pod.work / f"w{i}")
    pod.fresh_runtime()
    before = len(cloud.exchanges())
    cloud.fault("entra", "delay", ms=300)
    running = [pod.start(["git", "fetch", "-q"], cwd=pod.work / f"w{i}") for i in range(20)]
    results = [pod.finish(p) for p in running]
    assert {(r.rc, r.out, r.err) for r in results} == {(0, "", "")}
    assert len(cloud.exchanges()) == before + 1 and cloud.concurrency()["most"] == 1


def test_many_waiters_share_one_failure(place, cloud):
    place.pod(sub="system:other")
    cloud.fault("entra", "delay", ms=300)
    results = place.many(20, [HELPER, "get"], place.ask())
    assert len(cloud.exchanges()) == 1
    assert len({said_no(r, "AADSTS700213") for r in results}) == 1


def test_two_identities_do_not_wait_for_each_other(place, cloud):
    """Both hang in their exchange at the same time, and each gets its own."""
    place.two_organizations()
    cloud.fault("entra", "hang", times=2)
    running = [place.start([HELPER, "get"]) for _ in range(2)]
    for p, org in zip(running, ("contoso", "fabrikam")):
        p.stdin.write(place.ask(path=f"{org}/shop/_git/web").encode())
        p.stdin.flush()
        p.stdin.close()
        p.stdin = None
    wait_until(lambda: cloud.concurrency()["running"] == 2 or len(cloud.exchanges()) == 2, "two exchanges at the same time")
    cloud.clear()
    results = [place.finish(p) for p in running]
    assert all(r.token for r in results) and results[0].token != results[1].token


# --- time ---

def expire(seconds):
    wait_until(lambda: time.time() > seconds, "the token has expired")


def test_expired_between_two_commands(pod, cloud):
    cloud.fault("entra", "fields", times=1, set={"expires_in": 1})
    first = pod.get()
    expire(int(first.fields["password_expiry_utc"]))
    assert pod.git("ls-remote", URL).err == ""
    assert len(cloud.exchanges()) == 2 and pod.get().token != first.token and len(cloud.exchanges()) == 2


def test_expiry_is_told_to_git(pod, cloud):
    start = int(time.time())
    r = pod.get()
    assert start + 3599 <= int(r.fields["password_expiry_utc"]) <= time.time() + 3599
    assert [k for k, _ in r.rows] == ["username", "password", "password_expiry_utc"]
    assert pod.get().out == r.out


@pytest.mark.parametrize("life", [1, 10, 60, 3599, 86400])
def test_margin_before_the_end(pod, cloud, life):
    """A token is kept for any life; within its margin (a tenth, five minutes at most) it is not handed out again."""
    cloud.set(life=life)
    first = pod.get()
    if life == 1:
        expire(int(first.fields["password_expiry_utc"]))
    second = pod.get()
    assert (second.token == first.token) == (life > 1) and len(cloud.exchanges()) == (1 if life > 1 else 2)


# --- refused by Azure DevOps ---

def test_revoked_while_kept(pod, cloud):
    pod.git("ls-remote", URL)
    cloud.revoke()
    second = pod.git("ls-remote", URL, rc=None)
    if git_heals(pod):
        assert second.rc == 0 and second.err == ""
    else:
        assert second.rc == 128 and "Authentication failed" in second.err and len(cloud.exchanges()) == 1
    assert pod.git("ls-remote", URL).err == "" and len(cloud.exchanges()) == 2


def test_revoked_heals_within_the_same_command_by_protocol(pod, cloud):
    """What git 2.46 and later do: they come back with our state and without an erase."""
    first = pod.get(BOTH)
    assert "continue" not in first.fields, "a token that was minted just now is not asked for again"
    second = pod.get(BOTH)
    assert [k for k, _ in second.rows] == ["capability[]", "capability[]", "authtype", "credential", "ephemeral",
                                           "password_expiry_utc", "continue", "state[]"]
    assert second.fields["authtype"] == "Bearer" and second.fields["state[]"].startswith("daypass:1:")
    state = f"state[]={second.fields['state[]']}\n"
    third = pod.get(BOTH + "state[]=other:2:x\n" + state)
    assert third.token != first.token and "continue" not in third.fields and len(cloud.exchanges()) == 2
    fourth = pod.get(BOTH + state)  # somebody else's late second round: the token that is there now is another
    assert fourth.token == third.token and "continue" not in fourth.fields and len(cloud.exchanges()) == 2


@pytest.mark.parametrize("state", ["daypass:1:", "daypass:1:zz", "daypass:2:" + "0" * 64, "daypass:1:" + "0" * 64, "git-credential-x:" + "0" * 64])
def test_foreign_state_keeps_the_token(pod, cloud, state):
    first = pod.get()
    assert pod.get(BOTH + f"state[]={state}\n").token == first.token and len(cloud.exchanges()) == 1


def test_only_what_was_announced_is_answered(pod):
    assert [k for k, _ in pod.get().rows] == ["username", "password", "password_expiry_utc"]
    keys = [k for k, _ in pod.get("capability[]=authtype\n").rows]
    assert keys == ["capability[]", "authtype", "credential", "ephemeral", "password_expiry_utc"]
    assert "capability[]" in pod.get("capability[]=state\ncapability[]=unknown\n").fields


@pytest.mark.parametrize("with_path", [True, False])
def test_not_a_member_says_what_to_do(pod, cloud, with_path):
    if not with_path:
        pod.gitconfig('[credential "https://dev.azure.com"]\n\tuseHttpPath = false\n')
    r = pod.git("ls-remote", NOMEMBER, rc=128)
    line = next(line for line in r.err.splitlines() if line.startswith("daypass: "))
    assert APP in line and TENANT in line and "Basic access" in line and ("organization nomember" in line) == with_path
    assert sum(line.startswith("daypass: ") for line in r.err.splitlines()) == 1 and len(cloud.exchanges()) == 1


def test_not_a_member_of_another_tenants_organization(pod, cloud):
    r = pod.git("ls-remote", "https://dev.azure.com/fabrikam/shop/_git/web", rc=128)
    assert "another tenant" in r.err and "fabrikam" in r.err and len(cloud.exchanges()) == 1


def test_erase_takes_only_the_token_that_is_kept(pod, cloud):
    first = pod.get().token
    assert pod.erase(cloud.token(client=FAB)).err == "" and pod.erase("not-a-jwt").err == ""
    assert pod.run([HELPER, "erase"], pod.ask()).err == "" and pod.run([HELPER, "erase"], "").err == ""
    assert pod.get().token == first and len(cloud.exchanges()) == 1
    assert APP in one_line(pod.erase(first))
    assert pod.get().token != first and len(cloud.exchanges()) == 2


@pytest.mark.parametrize("age, told", [(0, True), (200, True), (400, False), (3000, False)])
def test_erase_explains_only_young_tokens(pod, cloud, age, told):
    now = int(time.time())
    r = pod.erase(cloud.token(life=3599, iat=now - age, nbf=now - age, exp=now - age + 3599))
    assert bool(r.err) == told and not cloud.exchanges()


def test_store_changes_nothing(pod, cloud):
    """git says `store` even after a sign-in page: no proof that a token is good."""
    kept = pod.get()
    cloud.revoke()
    for what in (f"username=x\npassword={kept.token}\n", "username=a\npassword=b\n",
                 f"capability[]=authtype\nauthtype=Bearer\ncredential={cloud.token()}\nephemeral=1\n"):
        silent(pod.run([HELPER, "store"], pod.ask(extra=what)))
    assert pod.get().token == kept.token and len(cloud.exchanges()) == 1
    pod.erase(kept.token)
    assert pod.get().token != kept.token


def test_sign_in_page_does_not_make_a_token_good(pod, cloud):
    """Azure DevOps redirects a bad token to a page with status 200: git calls that success, and stores."""
    pod.get()
    cloud.fault("azdo", "sign-in-if-bad")
    cloud.revoke()
    pod.git("ls-remote", URL, rc=None)
    assert "spsprodeus21.vssps.visualstudio.com" in hosts(cloud)
    assert {r["auth"] for r in cloud.log(kind="http", host="spsprodeus21.vssps.visualstudio.com")} == {""}
    assert len(cloud.exchanges()) == 1


# --- refused by Entra ---

@pytest.mark.parametrize("how, words", [
    (dict(tenant=TENANT2), ("AADSTS700016", APP, TENANT2)),
    (dict(client=FAB), ("AADSTS700016", FAB, TENANT)),
    (dict(client="00000000-1111-4222-8333-444444444444"), ("AADSTS700016", "00000000-1111-4222-8333-444444444444")),
    (dict(client=APP2), ("AADSTS70025", APP2)),
    (dict(tenant="33333333-3333-4333-8333-333333333333"), ("AADSTS90002", "33333333-3333-4333-8333-333333333333")),
    (dict(tenant="nobody.example"), ("AADSTS90002", "nobody.example"))])
def test_wrong_ids(place, cloud, how, words):
    line = said_no(place.pod(**how).get(), "HTTP 400" if "AADSTS70025" not in words else "HTTP 401", *words)
    assert "correlation id" in line and len(cloud.exchanges()) == 1


def presented(line):
    return re.search(r"presented: issuer '([^']*)', subject '([^']*)', audience '([^']*)'", line).groups()


def test_refused_subject_shows_what_was_presented(place, cloud):
    r = place.pod(sub="system:other").get()
    line = said_no(r, "AADSTS700213", APP, TENANT, "correlation id", "daypass fic print")
    assert presented(line) == ("https://issuer.test", "system:other", "api://AzureADTokenExchange")
    assert r.out == "" and place.token_file.read_text().split(".")[1][:20] not in line
    assert cloud.exchanges()[0]["headers"]["client-request-id"] in line


@pytest.mark.parametrize("more, answer", [
    ("", ""), ("[match https://dev.azure.com]\n", "quit=1\n"), ("[match https://dev.azure.com/contoso]\n", "quit=1\n"),
    ("[match https://dev.azure.com]\non-failure = soft\n", ""), ("[match https://dev.azure.com]\non-failure = stop\n", "quit=1\n")])
def test_quit_only_where_a_match_names_the_host(place, cloud, more, answer):
    place.assertion(sub="system:other")
    place.config(more=more)
    r = place.get(path="contoso/shop/_git/web")
    said_no(r, "AADSTS700213")
    assert r.out == answer


def test_on_failure_by_variable(place):
    place.assertion(sub="system:other")
    place.config(more="[match https://dev.azure.com]\n")
    assert place.get(DAYPASS_ON_FAILURE="soft").out == ""


def test_quit_stops_git_and_silence_does_not(place, cloud):
    token = cloud.token()
    other = place.script("other", f'[ "$1" = get ] && printf "username=x\\npassword={token}\\n"; exit 0')
    place.gitconfig(f"[credential]\n\thelper = {other}\n")
    place.assertion(sub="system:other")
    place.config(more="[match https://dev.azure.com]\n")
    r = place.git("ls-remote", URL, rc=128)
    assert "AADSTS700213" in r.err and "told us to quit" in r.err
    place.config()
    place.fresh_runtime()
    r = place.git("ls-remote", URL)
    assert "AADSTS700213" in r.err and len(r.err.splitlines()) == 1


def test_after_the_trust_is_made_it_works_at_once(place, cloud):
    """A refusal is remembered for seconds only, and not for another assertion."""
    place.pod(sub="system:other")
    said_no(place.get(), "AADSTS700213")
    cloud.fic("add", client=APP, issuer="https://issuer.test", subject="system:other")
    place.assertion(sub="system:other")
    assert place.get().token and len(cloud.exchanges()) == 2


# --- other jobs on the same machine ---

def test_two_jobs_get_their_own_tokens(place, cloud):
    tokens = []
    for job in (1, 2, 1, 2):
        tokens.append(place.github(job).get().token)
    assert tokens[0] == tokens[2] and tokens[1] == tokens[3] and tokens[0] != tokens[1] and len(cloud.exchanges()) == 2


@pytest.mark.parametrize("kind", ["github", "pipelines"])
def test_a_job_without_its_own_right_gets_nothing_of_anothers(place, cloud, kind):
    getattr(place, kind)()
    assert place.get().token
    take = {"github": ("ACTIONS_ID_TOKEN_REQUEST_TOKEN", "ACTIONS_ID_TOKEN_REQUEST_URL"), "pipelines": ("SYSTEM_ACCESSTOKEN",)}[kind]
    said_no(place.get(**{name: None for name in take}), take[0])
    for name in place.identity:  # not even the job's marker: nobody
        if name not in ("AZURE_TENANT_ID", "AZURE_CLIENT_ID", "AZURESUBSCRIPTION_TENANT_ID", "AZURESUBSCRIPTION_CLIENT_ID"):
            place.identity[name] = None
    silent(place.get())
    assert len(cloud.exchanges()) == 1


def test_a_job_never_falls_back_to_its_runners_identity(place, cloud):
    place.pod()
    assert place.get().token
    said_no(place.get(GITHUB_ACTIONS="true"), "id-token: write")
    said_no(place.get(TF_BUILD="True"), "SYSTEM_OIDCREQUESTURI")
    said_no(place.get(GITLAB_CI="true"), "id_tokens")
    assert len(cloud.exchanges()) == 1


def test_tokens_are_kept_apart_by_client_and_subject(place, cloud):
    cloud.fic("add", client=APP, issuer="https://issuer.test", subject="system:second")
    tokens = [place.pod().get().token, place.pod(client=UAMI).get().token, place.pod(sub="system:second").get().token]
    assert len(set(tokens)) == 3 and len(cloud.exchanges()) == 3
    assert [place.pod().get().token, place.pod(client=UAMI).get().token, place.pod(sub="system:second").get().token] == tokens
    assert len(cloud.exchanges()) == 3 and set(OIDS) >= {APP, UAMI}
