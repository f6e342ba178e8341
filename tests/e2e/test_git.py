"""The real git, from clone to push, with daypass as its only helper: what it needs of the network, and nothing more."""
import base64
import shutil

import pytest

from cloud.client import APP, AZDO_SCOPE, FAB, GITHUB_ISSUER, PUBLIC, TENANT, TENANT2, UAMI, VSTOKEN_ISSUER
from e2e.place import URL, hosts, one_line

FABRIKAM = "https://dev.azure.com/fabrikam/shop/_git/lib"
USUAL = {"dev.azure.com", PUBLIC}


def shown(cloud, host="dev.azure.com"):
    """What Azure DevOps was shown and took: (user, token) of every request that it served."""
    rows = cloud.log(kind="http", host=host, service="azdo", status=200)
    assert rows, "nothing was served"
    pairs = set()
    for row in rows:
        scheme, _, value = row["auth"].partition(" ")
        pairs.add(tuple(base64.b64decode(value).decode().split(":", 1)) if scheme == "Basic" else (None, value))
    return pairs


def only_one_exchange(cloud, **match):
    rows = cloud.exchanges()
    assert len(rows) == 1 and rows[0]["status"] == 200, rows
    for key, value in match.items():
        assert rows[0]["form"][key] == value
    return rows[0]


def test_clone_needs_one_exchange_and_nobody_else(pod, cloud):
    r = pod.git("clone", "-q", URL, "web")
    assert (r.out, r.err) == ("", "") and (pod.work / "web" / "README.md").read_text() == "hello\n"
    row = only_one_exchange(cloud, client_id=APP, scope=AZDO_SCOPE, grant_type="client_credentials",
                            client_assertion_type="urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
                            client_assertion=pod.token_file.read_text())
    assert (row["host"], row["path"], row["method"]) == (PUBLIC, f"/{TENANT}/oauth2/v2.0/token", "POST")
    assert hosts(cloud) == USUAL
    kept = pod.get()
    assert shown(cloud) <= {(APP, kept.token), (None, kept.token)} and len(cloud.exchanges()) == 1


def test_fetch_and_push_use_the_kept_token(pod, cloud):
    web = pod.clone()
    (web / "more").write_text("x")
    pod.git("add", "more", cwd=web)
    pod.git("commit", "-q", "-m", "more", cwd=web)
    for command in (("fetch", "-q"), ("push", "-q", "origin", "HEAD:topic"), ("fetch", "-q", "origin", "topic"), ("pull", "-q")):
        r = pod.git(*command, cwd=web)
        assert (r.out, r.err) == ("", ""), command
    seen = pod.git("ls-remote", "origin", "refs/heads/topic", cwd=web).out.split()
    assert seen == [pod.git("rev-parse", "HEAD", cwd=web).out.strip(), "refs/heads/topic"]
    only_one_exchange(cloud)
    assert cloud.log(kind="http", status=200, path=lambda p: p.endswith("/git-receive-pack"))


@pytest.mark.parametrize("url", [
    pytest.param("https://contoso@dev.azure.com/contoso/shop/_git/web", id="org-at"),
    pytest.param("https://dev.azure.com/contoso/my%20shop/_git/web", id="percent-encoded"),
    pytest.param("https://dev.azure.com/contoso/_git/web", id="short"),
    pytest.param("https://DEV.azure.com:443/Contoso/shop/_git/web".replace("Contoso", "contoso"), id="upper-case-and-port"),
    pytest.param("https://dev.azure.com/contoso/shop/_git/web/", id="slash")])
@pytest.mark.parametrize("who", ["pod", "match"])
def test_url_forms(place, cloud, url, who):
    place.pod() if who == "pod" else place.two_organizations()
    assert place.git("clone", "-q", "--depth", "1", url, "web").err == ""
    only_one_exchange(cloud, client_id=APP)
    assert hosts(cloud) == USUAL


def test_match_on_a_percent_encoded_project(place, cloud):
    place.config(more="[match https://dev.azure.com/contoso/my%20shop]\n")
    place.clone("https://dev.azure.com/contoso/my%20shop/_git/web")
    only_one_exchange(cloud)
    assert "could not read Username" in place.git("ls-remote", URL, rc=128).err
    assert len(cloud.exchanges()) == 1


def test_without_use_http_path(place, cloud):
    """git then names the host alone, which is enough while one identity serves it."""
    place.pod().gitconfig('[credential "https://dev.azure.com"]\n\tuseHttpPath = false\n')
    place.clone()
    only_one_exchange(cloud)


def test_several_identities_need_the_path(place, cloud):
    place.two_organizations()
    place.gitconfig('[credential "https://dev.azure.com"]\n\tuseHttpPath = false\n')
    r = place.git("ls-remote", URL, rc=128)
    assert "daypass configure git" in r.err and "several identities" in r.err and not cloud.exchanges()
    assert place.git("ls-remote", URL.replace("//", "//contoso@")).err == ""
    only_one_exchange(cloud, client_id=APP)


# --- submodules ---

def with_submodule(place, cloud):
    """contoso's repository has one of fabrikam as a submodule; the token that put it there is forgotten."""
    web = place.clone()
    head = place.git("rev-parse", "HEAD", cwd=web).out.strip()
    (web / ".gitmodules").write_text(f'[submodule "lib"]\n\tpath = lib\n\turl = {FABRIKAM}\n')
    place.git("add", ".gitmodules", cwd=web)
    place.git("update-index", "--add", "--cacheinfo", f"160000,{head},lib", cwd=web)
    place.git("commit", "-q", "-m", "lib", cwd=web)
    place.git("push", "-q", "origin", "HEAD", cwd=web)
    shutil.rmtree(web)
    place.fresh_runtime()
    return len(cloud.exchanges())


def test_submodule_of_another_organization_and_tenant(place, cloud):
    place.two_organizations()
    before = with_submodule(place, cloud)
    r = place.git("clone", "-q", "--recurse-submodules", URL, "web")
    assert "daypass" not in r.err and (place.work / "web" / "lib" / "README.md").exists()
    rows = cloud.exchanges()[before:]
    assert [(r["form"]["client_id"], r["path"].split("/")[1]) for r in rows] == [(APP, TENANT), (FAB, TENANT2)]


def test_submodule_that_policy_refuses(place, cloud):
    place.config(more="[match https://dev.azure.com/contoso]\nidentity = default\n")
    before = with_submodule(place, cloud)
    r = place.git("clone", "-q", "--recurse-submodules", URL, "web", rc=None)
    assert r.rc != 0 and "could not read Username" in r.err and "daypass" not in r.err
    assert len(cloud.exchanges()) == before + 1
    seen = cloud.log(kind="http", host="dev.azure.com", path=lambda p: p.startswith("/fabrikam"))
    assert seen and {row["auth"] for row in seen} == {""}, "a token was shown to an organization that no [match] names"


def test_parallel_submodules_and_worktrees_share_one_exchange(pod, cloud):
    web = pod.clone()
    pod.fresh_runtime()
    for i in range(3):
        pod.git("remote", "add", f"r{i}", URL.replace("/web", "/lib"), cwd=web)
    pod.git("fetch", "-q", "--multiple", "--jobs=4", "r0", "r1", "r2", "origin", cwd=web)
    assert len(cloud.exchanges()) == 2


# --- visualstudio.com ---

OLD = "https://contoso.visualstudio.com/shop/_git/web"


def test_old_host_by_match_only(place, cloud):
    place.config(more="[match https://contoso.visualstudio.com]\n")
    place.clone(OLD)
    only_one_exchange(cloud)
    assert hosts(cloud) == {"contoso.visualstudio.com", PUBLIC} and shown(cloud, "contoso.visualstudio.com")


def test_old_host_is_not_served_by_itself(pod, cloud):
    assert "could not read Username" in pod.git("ls-remote", OLD, rc=128).err
    assert not cloud.exchanges() and {r["auth"] for r in cloud.log(kind="http", host="contoso.visualstudio.com")} == {""}


def test_old_host_that_the_job_names(place, cloud):
    place.pipelines(SYSTEM_COLLECTIONURI="https://contoso.visualstudio.com/")
    place.clone(OLD)
    row = only_one_exchange(cloud)
    assert place.cloud.log(kind="http", service="pipelines", status=200) and row["form"]["client_id"] == APP
    r = place.git("ls-remote", OLD.replace("contoso", "fabrikam"), rc=128)
    assert "could not read Username" in r.err and "daypass" not in r.err and len(cloud.exchanges()) == 1


def test_collection_uri_outside_a_job_names_nothing(pod, cloud):
    pod.git("ls-remote", OLD, rc=128, SYSTEM_COLLECTIONURI="https://contoso.visualstudio.com/")
    assert not cloud.exchanges()


# --- other callers ---

@pytest.mark.skipif(not shutil.which("git-lfs"), reason="git-lfs is not installed")
def test_lfs_push_and_clone(pod, cloud):
    pod.git("lfs", "install", "--skip-repo")
    web = pod.clone()
    pod.git("lfs", "track", "*.bin", cwd=web)
    (web / "a.bin").write_bytes(b"\0large" * 1000)
    pod.git("add", "-A", cwd=web)
    pod.git("commit", "-q", "-m", "large", cwd=web)
    r = pod.git("push", "-q", "origin", "HEAD", cwd=web)
    assert "daypass" not in r.err
    again = pod.clone(URL, "again")
    assert (again / "a.bin").read_bytes() == b"\0large" * 1000
    only_one_exchange(cloud)
    assert {m for m in ("POST", "PUT", "GET") if cloud.log(method=m, status=200, path=lambda p: "/info/lfs/" in p)} == {"POST", "PUT", "GET"}
    assert hosts(cloud) == USUAL


@pytest.mark.parametrize("who, issuer", [("github", GITHUB_ISSUER), ("pipelines", VSTOKEN_ISSUER)])
def test_clone_in_a_job(place, cloud, who, issuer):
    getattr(place, who)()
    assert place.git("clone", "-q", URL, "web").err == ""
    only_one_exchange(cloud, client_id=APP)
    asked = cloud.log(kind="http", service=who)
    assert len(asked) == 1 and asked[0]["status"] == 200
    assert {r["host"] for r in cloud.log(kind="internal")} == {issuer.split("/")[2]}


def test_user_assigned_managed_identity(place, cloud):
    place.pod(client=UAMI).clone()
    only_one_exchange(cloud, client_id=UAMI)


def test_configured_identity_without_any_variable(place, cloud):
    place.config()
    assert place.git("clone", "-q", URL, "web").err == ""
    only_one_exchange(cloud, client_id=APP)


def test_a_partial_clone_fetches_later_without_an_exchange(pod, cloud):
    web = pod.clone(URL, "web", "--filter=blob:none", "--no-checkout")
    pod.git("checkout", "-q", "main", cwd=web)
    assert (web / "README.md").exists()
    only_one_exchange(cloud)


def test_helper_with_options_before_the_operation(place, cloud):
    place.two_organizations()
    place.gitconfig('[credential]\n\thelper =\n\thelper = "daypass --identity default"\n')
    assert place.git("ls-remote", URL).err == ""
    only_one_exchange(cloud, client_id=APP)


def test_next_helper_goes_on_where_we_are_silent(place, cloud):
    """No identity at all: another helper's password is used, and ours said nothing."""
    token = cloud.token()
    other = place.script("other", f'[ "$1" = get ] && printf "username=x\\npassword={token}\\n"; exit 0')
    place.gitconfig(f"[credential]\n\thelper = {other}\n")
    assert place.git("ls-remote", URL).err == "" and not cloud.exchanges()


def test_missing_repository_is_gits_own_error(pod, cloud):
    r = pod.git("ls-remote", URL.replace("web", "none"), rc=128)
    assert "not found" in r.err and "daypass" not in r.err
    only_one_exchange(cloud)


def test_credential_fill_and_reject(pod, cloud):
    """git's own plumbing, as scripts and IDEs use it."""
    filled = pod.run(["git", "credential", "fill"], pod.ask(path="contoso/shop/_git/web") + "\n")
    assert filled.rc == 0 and filled.token and filled.err == ""
    assert pod.run(["git", "credential", "approve"], filled.out + "\n").err == ""
    assert len(pod.records()) == 1
    rejected = pod.run(["git", "credential", "reject"], filled.out + "\n")
    assert "contoso" in one_line(rejected) and pod.records() == [] and len(cloud.exchanges()) == 1


def asked(place, name="other"):
    """How often that helper was called."""
    log = place.work / f"{name}.log"
    return log.read_text().count("\n") if log.exists() else 0


def other_helper(place, name="other"):
    return place.script(name, f'echo "$1" >> {place.work}/{name}.log; [ "$1" = get ] && printf "username=x\\npassword=wrong\\n"; exit 0')


def test_after_configure_no_system_wide_helper_is_asked(pod, cloud):
    """`daypass configure git` shuts out, for Azure's hosts, whatever the system or the person had; others keep theirs."""
    system = pod.write("system.gitconfig", f"[credential]\n\thelper = {other_helper(pod)}\n")
    pod.write("home/.gitconfig", f"[credential]\n\thelper = {other_helper(pod, 'own')}\n[init]\n\tdefaultBranch = main\n")
    how = {"GIT_CONFIG_NOSYSTEM": None, "GIT_CONFIG_SYSTEM": system}
    pod.git("ls-remote", URL, rc=128, **how)
    assert asked(pod) and not cloud.exchanges(), "before: the other helper was asked, and its password shown"
    (pod.work / "other.log").unlink()
    assert pod.run(["daypass", "configure", "git"], **how).rc == 0
    assert pod.git("clone", "-q", URL, "web", **how).err == "" and len(cloud.exchanges()) == 1
    cloud.revoke()
    pod.git("ls-remote", URL, rc=None, **how)
    assert asked(pod) == 0 and asked(pod, "own") <= 3
    pod.git("ls-remote", "https://contoso.visualstudio.com/shop/_git/web", rc=128, **how)
    assert asked(pod), "another host's helper was taken away"


def test_after_unconfigure_all_is_as_before(pod, cloud):
    other = other_helper(pod)
    path = pod.write("home/.gitconfig", f"[credential]\n\thelper = {other}\n")
    assert pod.run(["daypass", "configure", "git"]).rc == 0 and pod.run(["daypass", "unconfigure", "git"]).rc == 0
    assert path.read_text() == f"[credential]\n\thelper = {other}\n"
    pod.git("ls-remote", URL, rc=128)
    assert asked(pod) and not cloud.exchanges()


def test_whoami_then_clone_share_one_exchange(pod, cloud):
    r = pod.run(["daypass", "whoami"])
    assert r.rc == 0 and APP in r.out and "system:ci" in r.out and r.err == ""
    pod.clone()
    only_one_exchange(cloud, client_id=APP)
