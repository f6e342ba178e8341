"""Google Cloud as the source: the metadata server, another service account by IAM, and what is said where there is none."""
import time

import pytest

from cloud.client import APP, AUDIENCE, GOOGLE_ACCOUNT, GOOGLE_ISSUER, GOOGLE_OTHER, GOOGLE_SUBJECTS, METADATA, UAMI
from e2e.place import URL, WALL, said_no, silent

in_the_wall = pytest.mark.skipif(not WALL, reason="not run: no namespaces")


@pytest.fixture
def gce(place, cloud):
    """A configuration that names the source; the metadata server is on loopback."""
    place.config(source="gcp", token_file=None)
    place.identity = {"GCE_METADATA_HOST": cloud.info()["machine"].removeprefix("http://")}
    return place


def asked(cloud):
    return cloud.log(service="google", kind="http")


def test_the_machines_own_account(gce, cloud):
    assert gce.git("ls-remote", URL).err == "" and gce.get().token
    row, = asked(cloud)
    assert (row["method"], row["path"]) == ("GET", "/computeMetadata/v1/instance/service-accounts/default/identity")
    assert row["query"] == {"audience": AUDIENCE, "format": "full"} and row["headers"]["metadata-flavor"] == "Google" and row["auth"] == ""
    assert len(cloud.exchanges()) == 1


@in_the_wall
def test_at_its_own_address(gce, cloud):
    assert gce.get(GCE_METADATA_HOST=None).token and asked(cloud)[0]["host"] == METADATA
    assert gce.get(GCE_METADATA_HOST="metadata.google.internal").token
    assert not cloud.log(kind="dns", host="metadata.google.internal"), "no name server says where the metadata server is"


def test_only_a_name_leads_there(place, cloud):
    place.identity = {"AZURE_TENANT_ID": "x", "AZURE_CLIENT_ID": APP, "GCE_METADATA_HOST": cloud.info()["machine"].removeprefix("http://")}
    silent(place.get())
    assert not cloud.log()


def test_another_account_by_iam(gce, cloud):
    cloud.fic("add", client=APP, issuer=GOOGLE_ISSUER, subject=GOOGLE_SUBJECTS[GOOGLE_OTHER])
    assert gce.get(DAYPASS_SERVICE_ACCOUNT=GOOGLE_OTHER).token
    first, second = asked(cloud)
    assert first["path"].endswith("/default/token") and second["host"] == "iamcredentials.googleapis.com"
    assert second["path"] == f"/v1/projects/-/serviceAccounts/{GOOGLE_OTHER}:generateIdToken" and second["auth"].startswith("Bearer ya29.")


def test_accounts_have_places_of_their_own_in_the_cache(gce, cloud):
    assert gce.get().token and gce.get().token and len(cloud.exchanges()) == 1
    said_no(gce.get(DAYPASS_SERVICE_ACCOUNT=GOOGLE_OTHER), "AADSTS700213", GOOGLE_SUBJECTS[GOOGLE_OTHER])


@pytest.mark.parametrize("google, words", [
    ({"on": False, "account": GOOGLE_ACCOUNT, "may_act": []}, ("does not say Metadata-Flavor: Google", "another source")),
    ({"on": True, "account": None, "may_act": []}, ("knows no service account", "gcloud compute instances set-service-account"))])
def test_no_machine_of_google_or_without_an_account(gce, cloud, google, words):
    cloud.set(google=google)
    said_no(gce.get(), "source gcp", *words)
    assert not cloud.exchanges()


def test_iam_refuses(gce, cloud):
    cloud.set(google={"on": True, "account": GOOGLE_ACCOUNT, "may_act": []})
    line = said_no(gce.get(DAYPASS_SERVICE_ACCOUNT=GOOGLE_OTHER), "HTTP 403", "roles/iam.serviceAccountOpenIdTokenCreator", GOOGLE_OTHER)
    assert "ya29" not in line and not cloud.exchanges()


def test_away_from_google_it_is_told_soon(gce, cloud):
    start = time.monotonic()
    said_no(gce.get(GCE_METADATA_HOST="127.0.0.1:9"), "there is no Google's metadata server here", "no machine of Google Cloud")
    assert time.monotonic() - start < 10 and not cloud.log()


@pytest.mark.parametrize("host", ["evil.test", "evil.test:80", "127.0.0.1@evil.test", "127.0.0.1/x"])
def test_a_variable_leads_nowhere_else(gce, cloud, host):
    said_no(gce.get(GCE_METADATA_HOST=host), "GCE_METADATA_HOST", "not asked")
    assert not cloud.log()


@pytest.mark.parametrize("proxy", ["HTTP_PROXY", "http_proxy", "ALL_PROXY"])
def test_never_through_a_proxy(gce, cloud, proxy):
    assert gce.run(["daypass", "whoami"], **{proxy: "http://127.0.0.1:9", "NO_PROXY": "login.microsoftonline.com"}).out and len(asked(cloud)) >= 1


@pytest.mark.parametrize("fault, params, words", [
    ("status", dict(status=500, body="secret words"), ("Metadata-Flavor",)), ("html", dict(status=200), ("Metadata-Flavor",)),
    ("redirect", {}, ("Metadata-Flavor",)), ("close", {}, ("there is no Google's metadata server here",)),
    ("reset", {}, ("there is no Google's metadata server here",))])
def test_bad_answers(gce, cloud, fault, params, words):
    cloud.fault("google", fault, **params)
    said_no(gce.get(), "source gcp", *words)
    assert not cloud.exchanges()


def test_a_managed_identity_trusts_it_too(gce, cloud):
    cloud.fic("add", client=UAMI, issuer=GOOGLE_ISSUER, subject=GOOGLE_SUBJECTS[GOOGLE_ACCOUNT])
    assert gce.get(DAYPASS_CLIENT_ID=UAMI).token and cloud.exchanges()[0]["form"]["client_id"] == UAMI
