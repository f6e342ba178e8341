"""Sources that are services: GitHub Actions' and Azure Pipelines' token endpoints, with everything that can go wrong there."""
import pytest

from cloud.client import (APP, AUDIENCE, AUDIENCE_USGOV, CONNECTION, CONNECTION_ENTRA, CONNECTION_ENTRA_SUBJECT, CONNECTION_SUBJECT, ENTRA_ISSUER, FORGEJO_ISSUER,
                          GHE_ISSUER, GHES_ISSUER, GITHUB_SUBJECT, GITHUB_URL, PIPELINE_SUBJECT, PIPELINES_URL, TENANT, UAMI, USGOV, VSTOKEN_ISSUER)
from e2e.place import host_of, hosts, said_no

GITHUB_HOST = host_of(GITHUB_URL)


# --- GitHub Actions ---

def test_github_request(place, cloud):
    assert place.github().get().token
    row, = cloud.log(service="github", kind="http")
    assert (row["method"], row["host"]) == ("GET", GITHUB_HOST)
    assert row["query"] == {"x": "1", "audience": AUDIENCE} and row["path"] == "/idtoken"
    assert row["auth"].lower() == f"bearer {place.identity['ACTIONS_ID_TOKEN_REQUEST_TOKEN']}" and "application/json" in row["headers"]["accept"]
    assert len(cloud.exchanges()) == 1


def test_github_url_without_a_query(place, cloud):
    """The audience then begins the query; the stand-in, strict about the query it gave, refuses."""
    said_no(place.github(ACTIONS_ID_TOKEN_REQUEST_URL=GITHUB_URL.partition("?")[0]).get(), "GitHub", "HTTP 400")
    assert cloud.log(service="github", kind="http")[0]["query"] == {"audience": AUDIENCE} and not cloud.exchanges()


def test_github_in_another_cloud(place, cloud):
    place.github(AZURE_AUTHORITY_HOST=f"https://{USGOV}")
    cloud.fic("add", client=APP, issuer="https://token.actions.githubusercontent.com", subject="repo:contoso/shop:ref:refs/heads/main", audience=AUDIENCE_USGOV)
    assert place.get().token
    assert cloud.log(service="github", kind="http")[0]["query"]["audience"] == AUDIENCE_USGOV and cloud.exchanges()[0]["host"] == USGOV


@pytest.mark.parametrize("missing, words", [
    (("ACTIONS_ID_TOKEN_REQUEST_URL",), ("ACTIONS_ID_TOKEN_REQUEST_URL is not set", "id-token: write")),
    (("ACTIONS_ID_TOKEN_REQUEST_TOKEN",), ("ACTIONS_ID_TOKEN_REQUEST_TOKEN is not set", "id-token: write")),
    (("ACTIONS_ID_TOKEN_REQUEST_URL", "ACTIONS_ID_TOKEN_REQUEST_TOKEN"), ("may not ask for an OIDC token", "id-token: write", "forks"))])
def test_github_without_the_permission(place, cloud, missing, words):
    place.pod()
    file_of_the_runner = dict(place.identity)
    place.github(**{name: None for name in missing})
    said_no(place.get(AZURE_FEDERATED_TOKEN_FILE=file_of_the_runner["AZURE_FEDERATED_TOKEN_FILE"]), *words)
    assert not cloud.log()


@pytest.mark.parametrize("url", ["http://run-actions.githubusercontent.com/idtoken?x=1", "ftp://x/y", "garbage", "https://",
                                 "https://u:p@run-actions.githubusercontent.com/idtoken?x=1",
                                 "file:///etc/passwd", "https://run-actions.githubusercontent.com:99999/x"])
def test_github_url_that_is_not_https(place, cloud, url):
    line = said_no(place.github(ACTIONS_ID_TOKEN_REQUEST_URL=url).get())
    assert not cloud.log() and place.identity["ACTIONS_ID_TOKEN_REQUEST_TOKEN"] not in line


GITHUB_FAULTS = [
    ("status", dict(status=401, body="Unauthorized: bad request token"), ("HTTP 401",)),
    ("html", dict(status=502), ("web page", "HTTP 502", "HTTPS_PROXY")), ("html", dict(status=200), ("web page", "HTTP 200")),
    ("html", dict(status=403), ("web page", "HTTP 403")), ("status", dict(status=403, body={"message": "not for you"}),
                                                           ("HTTP 403", "not for you", "id-token: write")),
    ("fields", dict(drop=["value"]), ("gave no token", "HTTP 200")), ("fields", dict(set={"value": 7}), ("gave no token",)),
    ("fields", dict(set={"value": ""}), ("empty",)),
    ("fields", dict(set={"value": "garbage"}), ("not a JWT",)), ("fields", dict(set={"value": None}), ("gave no token",)), ("poison", {}, ("gave no token",)),
    ("nul", {}, ()),
    ("duplicate", dict(name="value"), ("gave no token",)), ("redirect", {}, ("redirect", "evil.test", "not followed")),
    ("redirect", dict(status=302), ("not followed",)),
    ("reset", {}, (GITHUB_HOST,)), ("close", {}, (GITHUB_HOST,)), ("cut", {}, ("cut short",)), ("huge", dict(bytes=8 << 20), ("more than 256 KiB",)),
    ("deep", {}, ("not JSON",)), ("long", dict(bytes=100000), ("larger than 64 KiB",)), ("body", dict(value="[]"), ("gave no token",)),
    ("body", dict(value=""), ("not JSON",)),
    ("gzip", {}, ("not JSON",)), ("throttle", dict(retry_after=1), ("HTTP 429",))]


@pytest.mark.parametrize("kind, params, words", GITHUB_FAULTS, ids=[f"{k}-{i}" for i, (k, _, _) in enumerate(GITHUB_FAULTS)])
def test_github_failures(place, cloud, kind, params, words):
    cloud.fault("github", kind, **params)
    said_no(place.github().get(), *words)
    assert not cloud.exchanges() and cloud.log(service="github", kind="http") and hosts(cloud) == {GITHUB_HOST}


@pytest.mark.parametrize("kind, params", [("chunked", {}), ("content-type", {}), ("content-type", dict(value="text/plain")), ("drip", dict(ms=0)),
                                          ("body", dict(prefix="\n ", suffix="\n"))])
def test_github_odd_but_good_answers(place, cloud, kind, params):
    cloud.fault("github", kind, **params)
    assert place.github().get().token


@pytest.mark.parametrize("kind", ["hang", "stall"])
def test_github_silence_is_bounded(place, cloud, kind):
    cloud.fault("github", kind)
    r = place.github().get(DAYPASS_TIMEOUT="1")
    said_no(r, "did not answer in time", "DAYPASS_TIMEOUT")
    assert r.seconds < 20 and not cloud.exchanges()


def test_github_expired_token_is_asked_for_once_more(place, cloud):
    """The first token comes too late to Entra; a fresh one is asked for."""
    cloud.set(github_life=-1000)
    said_no(place.github().get(), "AADSTS700024")
    assert len(cloud.log(service="github", kind="http")) == 2 and len(cloud.exchanges()) == 2


def test_github_wrong_subject(place, cloud):
    cloud.set(github_claims={"sub": "repo:contoso/shop:pull_request"})
    said_no(place.github().get(), "AADSTS700213", "repo:contoso/shop:pull_request", "token.actions.githubusercontent.com")


def test_github_subject_with_tricks_is_shown_harmless(place, cloud):
    """A branch name is the attacker's choice."""
    cloud.set(github_claims={"sub": "repo:x:ref:\u202erm -rf\u2066'; quit=1"})
    line = said_no(place.github().get(), "AADSTS700213")
    assert "\u202e" not in line and "\u2066" not in line


# --- Azure Pipelines ---

def test_pipelines_request(place, cloud):
    assert place.pipelines().get().token
    row, = cloud.log(service="pipelines", kind="http")
    assert (row["method"], row["path"], row["length"]) == ("POST", PIPELINES_URL.split("dev.azure.com")[1], 0)
    assert row["query"] == {"api-version": "7.1", "serviceConnectionId": CONNECTION, "audience": AUDIENCE}
    assert row["auth"] == f"Bearer {place.identity['SYSTEM_ACCESSTOKEN']}" and row["headers"]["x-tfs-fedauthredirect"] == "Suppress"
    assert row["headers"]["content-length"] == "0" and len(cloud.exchanges()) == 1


@pytest.mark.parametrize("name", ["AZURESUBSCRIPTION_SERVICE_CONNECTION_ID", "ARM_ADO_PIPELINE_SERVICE_CONNECTION_ID", "ARM_OIDC_AZURE_SERVICE_CONNECTION_ID"])
def test_pipelines_connection_by_each_peers_name(place, cloud, name):
    place.pipelines(AZURESUBSCRIPTION_SERVICE_CONNECTION_ID=None, **{name: CONNECTION} if name.startswith("ARM") else {})
    place.identity[name] = CONNECTION
    assert place.get().token and cloud.log(service="pipelines")[0]["query"]["serviceConnectionId"] == CONNECTION


def test_pipelines_with_arm_variables(place, cloud):
    place.pipelines(AZURESUBSCRIPTION_CLIENT_ID=None, AZURESUBSCRIPTION_TENANT_ID=None, AZURESUBSCRIPTION_SERVICE_CONNECTION_ID=None,
                    ARM_CLIENT_ID=APP, ARM_TENANT_ID=TENANT, ARM_ADO_PIPELINE_SERVICE_CONNECTION_ID=CONNECTION)
    assert place.get().token and cloud.log(service="pipelines")[0]["query"]["serviceConnectionId"] == CONNECTION


def test_pipelines_connection_of_the_newer_kind(place, cloud):
    assert place.pipelines(AZURESUBSCRIPTION_SERVICE_CONNECTION_ID=CONNECTION_ENTRA).get().token and len(cloud.exchanges()) == 1


def test_pipelines_configured_connection_and_subject(place, cloud):
    place.config(source="azure-pipelines", token_file=None, service_connection=CONNECTION)
    job = {k: v for k, v in place.pipelines().identity.items() if not k.startswith("AZURESUBSCRIPTION")}
    place.identity = job
    assert place.get().token and cloud.log(service="pipelines")[0]["query"]["serviceConnectionId"] == CONNECTION
    cloud.fic("add", client=UAMI, issuer=VSTOKEN_ISSUER, subject=PIPELINE_SUBJECT)
    place.config(source="azure-pipelines", token_file=None, subject="pipeline", client_id=UAMI)
    place.identity = job
    assert place.get().token and "serviceConnectionId" not in cloud.log(service="pipelines")[1]["query"]


@pytest.mark.parametrize("take, words", [
    ("SYSTEM_OIDCREQUESTURI", ("SYSTEM_OIDCREQUESTURI is not set",)),
    ("SYSTEM_ACCESSTOKEN", ("SYSTEM_ACCESSTOKEN is not set", "env: SYSTEM_ACCESSTOKEN: $(System.AccessToken)")),
    ("AZURESUBSCRIPTION_SERVICE_CONNECTION_ID", ("no service connection is named", "AZURESUBSCRIPTION_SERVICE_CONNECTION_ID", "subject = pipeline"))])
def test_pipelines_half_a_job(place, cloud, take, words):
    """And never a token of the pipeline where one of a connection was meant."""
    said_no(place.pipelines(**{take: None}).get(), "azure-pipelines", *words)
    assert not cloud.log()


def test_pipelines_connection_that_no_task_names(place, cloud):
    """A 200 with a number and a sentence, which looks like GitHub's success."""
    place.pipelines(AZURESUBSCRIPTION_SERVICE_CONNECTION_ID="d0d0d0d0-0000-4000-8000-00000000ffff")
    said_no(place.get(), "There is no explicit reference", "condition: false")
    assert not cloud.exchanges()


def test_pipelines_wrong_access_token(place, cloud):
    line = said_no(place.pipelines(SYSTEM_ACCESSTOKEN="$(System.AccessToken)").get(), "HTTP 401")
    assert not cloud.exchanges() and cloud.log(service="pipelines")[0]["status"] == 401 and "$(System" not in line.split(";")[0]


@pytest.mark.parametrize("uri", ["http://dev.azure.com/x", "garbage", "https://u@dev.azure.com/x", "https://dev.azure.com:0/x"])
def test_pipelines_uri_that_is_not_https(place, cloud, uri):
    said_no(place.pipelines(SYSTEM_OIDCREQUESTURI=uri).get())
    assert not cloud.log()


PIPELINES_FAULTS = [
    ("sign-in", {}, ("redirect", "not followed")), ("sign-in", dict(status=203), ("web page", "HTTP 203")), ("html", dict(status=502), ("web page", "502")),
    ("fields", dict(drop=["oidcToken"]), ("gave no token",)), ("fields", dict(set={"oidcToken": ["x"]}), ("gave no token",)),
    ("poison", {}, ("gave no token",)),
    ("status", dict(status=500, body={"message": "TF400898: internal"}), ("TF400898", "HTTP 500")), ("status", dict(status=404, body={}), ("HTTP 404",)),
    ("duplicate", dict(name="oidcToken"), ("gave no token",)), ("redirect", {}, ("not followed",)), ("cut", {}, ("cut short",))]


@pytest.mark.parametrize("kind, params, words", PIPELINES_FAULTS, ids=[f"{k}-{i}" for i, (k, _, _) in enumerate(PIPELINES_FAULTS)])
def test_pipelines_failures(place, cloud, kind, params, words):
    cloud.fault("pipelines", kind, **params)
    said_no(place.pipelines().get(), *words)
    assert not cloud.exchanges() and hosts(cloud) == {"dev.azure.com"}


def test_pipelines_silence_is_bounded(place, cloud):
    cloud.fault("pipelines", "stall")
    r = place.pipelines().get(DAYPASS_TIMEOUT="1")
    said_no(r, "did not answer in time")
    assert r.seconds < 20


def test_two_connections_of_one_job_are_kept_apart(place, cloud):
    first = place.pipelines().get().token
    second = place.pipelines(AZURESUBSCRIPTION_SERVICE_CONNECTION_ID=CONNECTION_ENTRA).get().token
    assert first != second and place.pipelines().get().token == first and len(cloud.exchanges()) == 2


# --- what older agents and other systems say ---

PARTS = {"SYSTEM_COLLECTIONURI": "https://dev.azure.com/contoso/", "SYSTEM_TEAMPROJECTID": "shop", "SYSTEM_HOSTTYPE": "build", "SYSTEM_PLANID": "e0e0e0e0-0000-4000-8000-000000000008",
         "SYSTEM_JOBID": "e0e0e0e0-0000-4000-8000-000000000009"}


def test_pipelines_address_is_made_of_its_parts(place, cloud):
    """Agents that do not set SYSTEM_OIDCREQUESTURI."""
    assert place.pipelines(SYSTEM_OIDCREQUESTURI=None, **PARTS).get().token
    row, = cloud.log(service="pipelines", kind="http")
    assert f"https://{row['host']}{row['path']}" == PIPELINES_URL


@pytest.mark.parametrize("change", [{name: None} for name in PARTS if name != "SYSTEM_COLLECTIONURI"] + [{"SYSTEM_PLANID": "../../x"}, {"SYSTEM_JOBID": "a?b=c"}])
def test_parts_that_are_missing_or_none(place, cloud, change):
    said_no(place.pipelines(SYSTEM_OIDCREQUESTURI=None, **{**PARTS, **change}).get(), "SYSTEM_OIDCREQUESTURI is not set")
    assert not cloud.log()


def test_azure_devops_own_id_is_told(place, cloud):
    r = place.pipelines(AZURESUBSCRIPTION_SERVICE_CONNECTION_ID="d0d0d0d0-0000-4000-8000-0000000000ff").run(["daypass", "whoami"])
    assert r.rc == 5 and "There is no explicit reference" in r.err and "activity id " in r.err and "condition: false" in r.err, r


@pytest.mark.parametrize("variable, name", [("FORGEJO_ACTIONS", "Forgejo Actions"), ("GITEA_ACTIONS", "Gitea Actions"), ("NOTHING", "GitHub Actions")])
def test_whose_actions_they_are(place, variable, name):
    said_no(place.github(ACTIONS_ID_TOKEN_REQUEST_URL=None, ACTIONS_ID_TOKEN_REQUEST_TOKEN=None, **{variable: "true"}).get(), f"this {name} job may not ask")


@pytest.mark.parametrize("issuer", ["https://ghes.contoso.test/_services/token", "https://token.actions.contoso.ghe.com"])
def test_an_enterprise_servers_issuer_is_shown_as_it_is(place, cloud, issuer):
    """GitHub Enterprise Server's and ghe.com's tokens have an issuer of their own: what Entra does not know is told by name."""
    cloud.set(github_claims={"iss": issuer})
    said_no(place.github().get(), "AADSTS700211", f"issuer '{issuer}'")


@pytest.mark.parametrize("issuer", [GHES_ISSUER, GHE_ISSUER, FORGEJO_ISSUER])
def test_an_enterprise_servers_token_is_exchanged(place, cloud, issuer):
    """Whose credential is registered, and whose keys Entra can fetch."""
    cloud.fic("add", client=APP, issuer=issuer, subject=GITHUB_SUBJECT)
    cloud.set(github_claims={"iss": issuer})
    place.github(**{"FORGEJO_ACTIONS": "true"} if issuer == FORGEJO_ISSUER else {})
    r = place.run(["daypass", "whoami"])
    assert r.rc == 0 and issuer in r.out and GITHUB_SUBJECT in r.out, r
    assert place.get().token and len(cloud.exchanges()) == 1


def test_a_server_that_entra_cannot_reach(place, cloud):
    """GitHub Enterprise Server behind a firewall."""
    cloud.fic("add", client=APP, issuer=GHES_ISSUER, subject=GITHUB_SUBJECT)
    cloud.set(github_claims={"iss": GHES_ISSUER})
    cloud.fault("issuer", "status", status=503, path="jwks")
    said_no(place.github().get(), "AADSTS50166", "reachable from the internet")
    r = place.run(["daypass", "explain", "50166"])
    assert r.rc == 0 and "GitHub Enterprise Server" in r.out, r


@pytest.mark.parametrize("marker, name", [("FORGEJO_ACTIONS", "Forgejo"), ("GITEA_ACTIONS", "Gitea"), ("NOTHING", "GitHub")])
def test_whose_service_refused(place, cloud, marker, name):
    cloud.fault("github", "status", status=403, body={"message": "not for you"})
    said_no(place.github(**{marker: "true"}).get(), f"{name}'s OIDC service gave no token (HTTP 403: not for you)", "enable-openid-connect" if name == "Forgejo" else "id-token: write")


@pytest.mark.parametrize("connection, issuer, subject, code", [(CONNECTION, VSTOKEN_ISSUER, CONNECTION_SUBJECT, "AADSTS700211"),
                                                               (CONNECTION_ENTRA, ENTRA_ISSUER, CONNECTION_ENTRA_SUBJECT, "AADSTS7002137")])
def test_both_forms_of_a_connections_subject_are_told_when_nobody_knows_them(place, cloud, connection, issuer, subject, code):
    cloud.fic("remove", client=APP, subject=subject)
    place.pipelines(AZURESUBSCRIPTION_SERVICE_CONNECTION_ID=connection)
    said_no(place.get(), code)
    r = place.run(["daypass", "whoami"])
    assert issuer in r.out + r.err and subject in r.out + r.err, r
