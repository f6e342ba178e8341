"""Where the external token comes from, by file and by variable: what is taken, what is refused and in which words."""
import os

import pytest

from cloud.client import APP, AUDIENCE, TENANT, TENANT2, UAMI
from e2e.place import one_line, said_no, silent

BOM = "\ufeff"


def sent(cloud, row=-1):
    """The assertion that Entra got."""
    return cloud.exchanges()[row]["form"]["client_assertion"]


# --- a file ---

@pytest.mark.parametrize("form", ["{}", "{}\n", "{}\r\n", "\n\n {}\t\n", '"{}"', BOM + "{}", BOM + '"{}"\r\n'],
                         ids=["plain", "newline", "crlf", "blanks", "quotes", "bom", "bom-quotes-crlf"])
def test_file_forms(pod, cloud, form):
    token = cloud.mint()
    pod.write("token", form.format(token))
    assert pod.get().token and sent(cloud) == token


def break_file(place, how):
    path = place.token_file
    path.unlink()
    if how == "directory":
        path.mkdir()
    elif how == "fifo":
        os.mkfifo(path)
    elif how == "unreadable":
        place.write("token", place.cloud.mint(), 0o000)
    elif how == "dangling link":
        path.symlink_to(place.folder / "nowhere")
    elif how == "no folder":
        path = place.folder / "no" / "such" / "folder"
    elif how == "device":
        path.symlink_to("/dev/zero")
    return path


@pytest.mark.parametrize("how, words", [
    ("missing", "No such file"), ("directory", "is a directory"), ("fifo", "is not a regular file"), ("unreadable", "Permission denied"),
    ("dangling link", "No such file"), ("no folder", "No such file"), ("device", "is not a regular file")])
def test_file_that_cannot_be_read(pod, cloud, how, words):
    path = break_file(pod, how)
    said_no(pod.get(AZURE_FEDERATED_TOKEN_FILE=path), path, words, "AZURE_FEDERATED_TOKEN_FILE", "source file")
    assert not cloud.log()


@pytest.mark.parametrize("content, words", [
    ("", "is empty"), ("\n \n", "is empty"), ("hello", "is not a JWT"), ("a.b.c", "is not a JWT"), ("{\"id_token\": \"x\"}", "is not a JWT"),
    (b"\0\1\2", "is not a JWT"), ("x" * 65536, "is not a JWT"), ("x" * 65537, "larger than 65536 bytes"), ("x" * (1 << 20), "larger than 65536 bytes"),
    ("eyJh.eyJh.x\nhost=evil.test", "is not a JWT"), ("two " * 3, "is not a JWT")], ids=range(11))
def test_file_with_something_else(pod, cloud, content, words):
    pod.write("token", content)
    said_no(pod.get(), pod.token_file, words)
    assert not cloud.log()


def test_file_behind_a_link_as_kubernetes_mounts_it(pod, cloud):
    (pod.folder / "..data").mkdir()
    pod.token_file.rename(pod.folder / "..data" / "token")
    pod.token_file.symlink_to("..data/token")
    assert pod.get().token


def test_file_is_read_again_for_each_exchange(pod, cloud):
    """The kubelet rotates it; the second exchange sends the second token."""
    first = sent(cloud) if pod.get(DAYPASS_CACHE="none").token else None
    second = pod.assertion()
    assert pod.get(DAYPASS_CACHE="none").token and (sent(cloud, 0), sent(cloud, 1)) == (first, second) and first != second


def test_rotated_file_keeps_the_cached_token(pod, cloud):
    kept = pod.get().token
    pod.assertion()
    assert pod.get().token == kept and len(cloud.exchanges()) == 1


def test_missing_file_is_an_error_even_with_a_cached_token(pod, cloud):
    assert pod.get().token
    pod.token_file.unlink()
    said_no(pod.get(), pod.token_file, "No such file")
    assert len(cloud.exchanges()) == 1


def test_expired_file_is_shown_to_entra_and_explained(place, cloud):
    """Our clock explains, it never refuses: Entra decides, and is not shown the same token twice."""
    place.pod(life=-3600)
    said_no(place.get(), "AADSTS700024", "expired 1h00m ago by this machine's clock", "check this machine's and the issuer's clock")
    assert len(cloud.exchanges()) == 1


def test_file_rotated_during_the_exchange_heals(place, cloud):
    """An expired token is refused; the retry reads the file again and finds the new one."""
    place.pod(life=-3600)
    fresh = cloud.mint()
    cloud.fault("entra", "delay", times=1, ms=1500)
    running = place.start(["git-credential-daypass", "get"])
    running.stdin.write(place.ask().encode())
    running.stdin.close()
    running.stdin = None
    cloud.wait(1, kind="http", service="entra")
    place.write("token", fresh)
    assert place.finish(running).token
    rows = cloud.exchanges()
    assert [r["status"] for r in rows] == [401, 200] and sent(cloud) == fresh


def test_token_file_setting(place, cloud):
    path = place.config()
    assert place.get().token
    place.token_file.unlink()
    said_no(place.get(), f"{path}:5", place.token_file)


# --- a variable ---

def test_env_by_our_own_names(place, cloud):
    token = cloud.mint()
    place.identity = {"DAYPASS_TENANT": TENANT, "DAYPASS_CLIENT_ID": APP, "DAYPASS_ID_TOKEN": f' "{token}"\n'}
    assert place.get().token and sent(cloud) == token
    assert len(cloud.exchanges()) == 1


def test_token_env_names_another(place, cloud):
    place.config(source="env", token_file=None, token_env="MY_TOKEN")
    assert place.get(MY_TOKEN=cloud.mint()).token
    said_no(place.get(), "MY_TOKEN", "is not set")
    said_no(place.get(MY_TOKEN="garbage"), "the variable MY_TOKEN is not a JWT")
    assert len(cloud.exchanges()) == 1


def test_env_is_keyed_by_issuer_and_subject(place, cloud):
    place.config(source="env", token_file=None)
    kept = place.get(DAYPASS_ID_TOKEN=cloud.mint()).token
    assert place.get(DAYPASS_ID_TOKEN=cloud.mint()).token == kept and len(cloud.exchanges()) == 1
    said_no(place.get(DAYPASS_ID_TOKEN=cloud.mint(sub="system:other")), "AADSTS700213")


CI = [("GITLAB_CI", "DAYPASS_ID_TOKEN", "id_tokens"), ("CIRCLECI", "CIRCLE_OIDC_TOKEN_V2", "context"),
      ("BITBUCKET_BUILD_NUMBER", "BITBUCKET_STEP_OIDC_TOKEN", "oidc: audiences")]


@pytest.mark.parametrize("marker, variable, advice", CI, ids=[row[0] for row in CI])
def test_ci_presets(pod, cloud, marker, variable, advice):
    """The job's own token, and never the file of the machine that runs it."""
    token = cloud.mint(life=300)
    assert pod.get(**{marker: "true", variable: token}).token and sent(cloud) == token
    pod.fresh_runtime()
    said_no(pod.get(**{marker: "true"}), variable, "is not set", advice)
    said_no(pod.get(**{marker: "true", variable: "garbage"}), variable, "is not a JWT")
    assert len(cloud.exchanges()) == 1


# --- families of variables: whole or not at all, in this order ---

def family(place, *names):
    """The variables of these families; each names another client, so that the log shows which one was taken."""
    token = place.cloud.mint()
    place.write("token", token)
    rows = {
        "GCM": {"GCM_AZREPOS_WIF": "generic", "GCM_AZREPOS_WIF_TENANTID": TENANT, "GCM_AZREPOS_WIF_CLIENTID": UAMI, "GCM_AZREPOS_WIF_ASSERTION": token},
        "AZURE": {"AZURE_TENANT_ID": TENANT, "AZURE_CLIENT_ID": APP, "AZURE_FEDERATED_TOKEN_FILE": place.token_file},
        "ARM": {"ARM_TENANT_ID": TENANT, "ARM_CLIENT_ID": UAMI, "ARM_OIDC_TOKEN": token},
        "ARM file": {"ARM_TENANT_ID": TENANT, "ARM_CLIENT_ID": UAMI, "ARM_OIDC_TOKEN_FILE_PATH": place.token_file},
        "DAYPASS": {"DAYPASS_TENANT": TENANT, "DAYPASS_CLIENT_ID": APP, "DAYPASS_ID_TOKEN": token}}
    return {k: v for name in names for k, v in rows[name].items()}


@pytest.mark.parametrize("names, client", [
    (("AZURE",), APP), (("ARM",), UAMI), (("ARM file",), UAMI), (("GCM",), UAMI), (("AZURE", "ARM"), APP), (("GCM", "AZURE"), UAMI),
    (("DAYPASS", "GCM", "ARM"), APP)], ids=lambda v: "+".join(v) if isinstance(v, tuple) else None)
def test_families(place, cloud, names, client):
    r = place.get(**family(place, *names))
    assert r.token and r.err == "" and [x["form"]["client_id"] for x in cloud.exchanges()] == [client]


def test_half_a_family_is_not_mixed_with_another(place, cloud):
    """AZURE_CLIENT_ID without its tenant: ARM_* is whole, and its client is asked for."""
    variables = {**family(place, "ARM"), "AZURE_CLIENT_ID": APP}
    assert place.get(**variables).token and cloud.exchanges()[0]["form"]["client_id"] == UAMI


@pytest.mark.parametrize("take", ["AZURE_TENANT_ID", "AZURE_CLIENT_ID", "AZURE_FEDERATED_TOKEN_FILE"])
def test_stray_variables_are_nobody(place, cloud, take):
    variables = family(place, "AZURE")
    del variables[take]
    silent(place.get(**variables))
    assert not cloud.log()


def test_no_identity_at_all(place, cloud):
    silent(place.get())
    silent(place.get(DAYPASS_ID_TOKEN=cloud.mint()))
    assert not cloud.log()


def test_configured_identity_goes_before_every_variable(place, cloud):
    place.config()
    assert place.get(**{**family(place, "ARM", "GCM"), "AZURE_TENANT_ID": TENANT2, "AZURE_CLIENT_ID": UAMI}).token
    assert cloud.exchanges()[0]["form"]["client_id"] == APP


def test_daypass_variables_override_the_file(place, cloud):
    place.config()
    assert place.get(DAYPASS_CLIENT_ID=UAMI).token and cloud.exchanges()[0]["form"]["client_id"] == UAMI
    said_no(place.get(DAYPASS_CLIENT_ID="not-a-guid"), "DAYPASS_CLIENT_ID", "GUID")


@pytest.mark.parametrize("mode", ["generic", "Generic", "GENERIC"])
def test_gcm_assertion_in_a_file(place, cloud, mode):
    variables = {**family(place, "GCM"), "GCM_AZREPOS_WIF": mode, "GCM_AZREPOS_WIF_ASSERTION": f"file://{place.token_file}"}
    assert place.get(**variables).token and sent(cloud) == place.token_file.read_text()


def test_gcm_in_github_actions(place, cloud):
    place.github(AZURE_CLIENT_ID=None, AZURE_TENANT_ID=None)
    variables = {"GCM_AZREPOS_WIF": "githubactions", "GCM_AZREPOS_WIF_TENANTID": TENANT, "GCM_AZREPOS_WIF_CLIENTID": APP}
    assert place.get(**variables).token and cloud.log(service="github")[0]["query"]["audience"] == AUDIENCE
    cloud.fic("add", client=APP, issuer="https://token.actions.githubusercontent.com", subject="repo:contoso/shop:ref:refs/heads/main", audience="api://own")
    assert place.get(**variables, GCM_AZREPOS_WIF_AUDIENCE="api://own").token
    assert cloud.log(service="github")[1]["query"]["audience"] == "api://own"


@pytest.mark.parametrize("change, word", [
    ({"GCM_AZREPOS_WIF": "other"}, "GCM_AZREPOS_WIF = other"), ({"GCM_AZREPOS_WIF": "managedidentity"}, "managed identity"),
    ({"GCM_AZREPOS_WIF_ASSERTION": "garbage"}, "GCM_AZREPOS_WIF_ASSERTION is not a JWT"),
    ({"GCM_AZREPOS_WIF_ASSERTION": None}, "GCM_AZREPOS_WIF_ASSERTION is not set"),
    ({"GCM_AZREPOS_WIF_ASSERTION": "file:///nowhere/at/all"}, "/nowhere/at/all"), ({"GCM_AZREPOS_WIF_CLIENTID": "x"}, "GCM_AZREPOS_WIF_CLIENTID")])
def test_gcm_mistakes(place, cloud, change, word):
    said_no(place.get(**{**family(place, "GCM"), **change}), word)
    assert not cloud.log()


@pytest.mark.parametrize("name, value, word", [
    ("AZURE_TENANT_ID", "not a tenant", "AZURE_TENANT_ID"), ("AZURE_CLIENT_ID", "42", "AZURE_CLIENT_ID"),
    ("AZURE_TENANT_ID", "a.b/../c.d", "AZURE_TENANT_ID"), ("AZURE_TENANT_ID", TENANT + "?x=1", "AZURE_TENANT_ID"),
    ("AZURE_FEDERATED_TOKEN_FILE", "relative/path", "AZURE_FEDERATED_TOKEN_FILE")])
def test_bad_values_of_variables_are_named(pod, cloud, name, value, word):
    said_no(pod.get(**{name: value}), word, value)
    assert not cloud.log()


def test_secret_beside_a_federated_source_is_not_used(pod, cloud):
    r = pod.get(options=["-v"], AZURE_CLIENT_SECRET="hush-hush-hush")
    assert r.token and "AZURE_CLIENT_SECRET" in one_line(r) and "hush" not in r.err
    assert "client_secret" not in cloud.exchanges()[0]["form"] and pod.get(AZURE_CLIENT_SECRET="hush-hush-hush").err == ""


@pytest.mark.parametrize("name", ["nonsense", "github-action", "Env", ""])
def test_unknown_source(place, cloud, name):
    place.config()
    r = place.get(DAYPASS_SOURCE=name)
    if name == "":  # an empty variable is none
        assert r.token
    else:
        said_no(r, "DAYPASS_SOURCE", name)
        assert not cloud.log()


def test_command_never_comes_from_the_environment(place, cloud):
    script = place.script("token", f"touch {place.work}/ran")
    place.identity = {"DAYPASS_TENANT": TENANT, "DAYPASS_CLIENT_ID": APP, "DAYPASS_SOURCE": "command", "DAYPASS_COMMAND": script}
    said_no(place.get(), "no command is configured")
    assert not (place.work / "ran").exists() and not cloud.log()


def test_named_source_is_used_inside_another_job(pod, cloud):
    """An explicit source wins over the job that we are in."""
    pod.identity["DAYPASS_SOURCE"] = "file"
    pod.identity.update(DAYPASS_TENANT=TENANT, DAYPASS_CLIENT_ID=APP)
    assert pod.get(GITLAB_CI="true").token
