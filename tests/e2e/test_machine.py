"""The machine's own identity as the source: who is asked, with what, and what is said where it says no."""
import time

import pytest

from cloud.client import APP, AZDO, MACHINE_HEADER, MACHINE_SECRET, METADATA, TENANT, UAMI, UAMI_RESOURCE
from e2e.place import HELPER, PATH, URL, WALL, one_line, said_no, silent
from e2e.sandbox import namespace

in_the_wall = pytest.mark.skipif(not WALL, reason="not run: no namespaces")


@pytest.fixture
def machine(place, cloud):
    """A configuration that names the source; the metadata service is on loopback."""
    place.config(source="managed-identity", token_file=None, client_id=None, tenant=None)
    place.identity = {"AZURE_POD_IDENTITY_AUTHORITY_HOST": cloud.info()["machine"]}
    return place


def asked(cloud):
    return cloud.log(service="machine", kind="http")


def app_service(cloud, **more):
    return {"IDENTITY_ENDPOINT": cloud.info()["machine"] + "/msi/token", "IDENTITY_HEADER": MACHINE_HEADER, "AZURE_POD_IDENTITY_AUTHORITY_HOST": None, **more}


def everything(cloud):
    """One identity of each kind is assigned: nobody but client_id tells which is meant."""
    cloud.set(machine={"system": APP, "assigned": [UAMI], "resource_ids": {UAMI_RESOURCE: UAMI}, "arc_key": None, "old_agent": False})


def whose(cloud, token):
    import jwt
    return jwt.decode(token, options={"verify_signature": False})["appid"]


# --- by name ---

def test_imds_is_asked_once_and_not_exchanged(machine, cloud):
    assert machine.git("ls-remote", URL).err == ""
    start, r = int(time.time()), machine.get()
    row, = asked(cloud)
    assert (row["method"], row["path"]) == ("GET", "/metadata/identity/oauth2/token")
    assert row["query"] == {"api-version": "2018-02-01", "resource": AZDO} and row["headers"]["metadata"] == "true" and row["auth"] == ""
    assert r.err == "" and start + 86000 < int(r.fields["password_expiry_utc"]) <= start + 86399
    assert not cloud.exchanges() and whose(cloud, r.token) == UAMI


@in_the_wall
def test_imds_at_its_own_address(machine, cloud):
    assert machine.get(AZURE_POD_IDENTITY_AUTHORITY_HOST=None).token and asked(cloud)[0]["host"] == METADATA


@in_the_wall
def test_only_a_name_leads_to_the_metadata_address(place, cloud):
    place.identity = {"AZURE_TENANT_ID": TENANT, "AZURE_CLIENT_ID": UAMI}
    silent(place.get())
    silent(place.get(AZURE_POD_IDENTITY_AUTHORITY_HOST=cloud.info()["machine"]))
    assert not cloud.log()
    assert place.get(DAYPASS_SOURCE="managed-identity", AZURE_TENANT_ID=None, AZURE_CLIENT_ID=None).token


def test_a_user_assigned_identity(machine, cloud):
    everything(cloud)
    assert whose(cloud, machine.get().token) == APP
    assert whose(cloud, machine.get(DAYPASS_CLIENT_ID=UAMI).token) == UAMI
    assert whose(cloud, machine.get(DAYPASS_RESOURCE_ID=UAMI_RESOURCE).token) == UAMI
    assert [r["query"].get("client_id") or r["query"].get("msi_res_id") for r in asked(cloud)] == [None, UAMI, UAMI_RESOURCE]
    said_no(machine.get(DAYPASS_CLIENT_ID=TENANT), f"has no identity {TENANT}", "DAYPASS_CLIENT_ID", "az vm identity assign")


def test_no_identity_is_assigned(machine, cloud):
    cloud.set(machine={"system": None, "assigned": [], "resource_ids": {}, "arc_key": None, "old_agent": False})
    said_no(machine.get(), "no system-assigned identity", "Identity not found", "az vm identity assign")
    assert len(asked(cloud)) == 1


@pytest.mark.parametrize("proxy", ["HTTP_PROXY", "http_proxy", "ALL_PROXY"])
def test_never_through_a_proxy(machine, cloud, proxy):
    assert machine.get(**{proxy: cloud.info()["proxy"], "NO_PROXY": None, "no_proxy": None}).token
    assert asked(cloud)[0]["listener"] == "machine" and not cloud.log(kind="proxy")


@pytest.mark.parametrize("kind, params", [("throttle", {"retry_after": 1}), ("status", {"status": 404, "body": {"error": "updating"}}), ("status", {"status": 503})])
def test_a_busy_service_is_asked_again(machine, cloud, kind, params):
    cloud.fault("machine", kind, times=1, **params)
    assert machine.get().token and len(asked(cloud)) == 2


def test_patience_ends_with_the_deadline(machine, cloud):
    cloud.fault("machine", "status", status=500, body={"error": "down"})
    start = time.monotonic()
    said_no(machine.get(DAYPASS_TIMEOUT="4"), "HTTP 500", "down", "DAYPASS_TIMEOUT")
    assert time.monotonic() - start < 6 and len(asked(cloud)) == 3


def test_nobody_is_there(machine, cloud):
    start = time.monotonic()
    said_no(machine.get(AZURE_POD_IDENTITY_AUTHORITY_HOST="http://127.0.0.1:1"), "there is no managed identity here", "127.0.0.1", "no Azure VM")
    assert time.monotonic() - start < 2


@pytest.mark.parametrize("kind, params, words", [
    ("html", {}, "a web page came back"), ("redirect", {}, "redirect"), ("close", {}, "does not answer"), ("cut", {}, "does not answer"), ("huge", {}, "does not answer"),
    ("deep", {}, "not JSON"), ("fields", {"drop": ["access_token"]}, "holds no token"), ("nul", {"name": "access_token"}, "not JSON"),
    ("poison", {"name": "access_token", "text": "\nhost=evil.test"}, "holds no token"), ("fields", {"set": {"client_id": APP}}, "and " + UAMI),
    ("fields", {"set": {"resource": "https://graph.microsoft.com"}}, "https://graph.microsoft.com")])
def test_odd_answers(machine, cloud, kind, params, words):
    cloud.fault("machine", kind, **params)
    said_no(machine.get(DAYPASS_CLIENT_ID=UAMI, DAYPASS_TIMEOUT="3"), words)


@pytest.mark.parametrize("where", ["http://10.1.2.3", "https://evil.test", "http://evil.test"])
def test_far_addresses_are_not_asked(machine, cloud, where):
    said_no(machine.get(AZURE_POD_IDENTITY_AUTHORITY_HOST=where), "AZURE_POD_IDENTITY_AUTHORITY_HOST", "not asked")
    assert not cloud.log()


# --- the platforms ---

def test_app_service_by_its_variables(place, cloud):
    """auto: two ids, and a platform that names its end point."""
    place.identity = {"AZURE_TENANT_ID": TENANT, "AZURE_CLIENT_ID": UAMI, **app_service(cloud)}
    r = place.get()
    row, = asked(cloud)
    assert r.token and row["headers"]["x-identity-header"] == MACHINE_HEADER and row["auth"] == ""
    assert row["query"] == {"api-version": "2019-08-01", "resource": AZDO, "client_id": UAMI}
    assert int(r.fields["password_expiry_utc"]) > time.time() + 80000, "App Service says expires_on only"
    assert place.get(IDENTITY_HEADER="another").token is None and len(asked(cloud)) == 2, "another header is another caller"


def test_app_service_refuses(machine, cloud):
    said_no(machine.get(**app_service(cloud, IDENTITY_HEADER="wrong")), "App Service gave no token (HTTP 401)")
    said_no(machine.get(**app_service(cloud, DAYPASS_CLIENT_ID=APP)), f"has no identity {APP}", "az webapp identity assign")
    said_no(machine.get(**app_service(cloud, IDENTITY_HEADER=None)), "neither IDENTITY_HEADER nor IMDS_ENDPOINT")


def test_a_federated_source_goes_before_the_machine(pod, cloud):
    assert pod.get(**app_service(cloud)).token and not asked(cloud) and len(cloud.exchanges()) == 1


def test_a_job_never_gets_its_runners_identity(place, cloud):
    place.github(ACTIONS_ID_TOKEN_REQUEST_URL=None, ACTIONS_ID_TOKEN_REQUEST_TOKEN=None)
    said_no(place.get(**app_service(cloud)), "id-token: write")
    assert not cloud.log()


def test_azure_ml(machine, cloud):
    msi = {"MSI_ENDPOINT": cloud.info()["machine"] + "/ml/token", "MSI_SECRET": MACHINE_SECRET}
    assert machine.get(**msi, DEFAULT_IDENTITY_CLIENT_ID=UAMI).token
    row, = asked(cloud)
    assert row["headers"]["secret"] == MACHINE_SECRET and row["query"] == {"api-version": "2017-09-01", "resource": AZDO, "clientid": UAMI}


def test_cloud_shell(machine, cloud):
    shell = {"MSI_ENDPOINT": cloud.info()["machine"] + "/oauth2/token"}
    assert machine.get(**shell).token
    row, = asked(cloud)
    assert (row["method"], row["form"], row["query"]) == ("POST", {"resource": AZDO}, {})
    said_no(machine.get(**shell, DAYPASS_CLIENT_ID=UAMI), "Cloud Shell has one identity only", "DAYPASS_CLIENT_ID")


def test_service_fabric_is_refused_with_the_reason(machine, cloud):
    said_no(machine.get(**app_service(cloud, IDENTITY_SERVER_THUMBPRINT="00")), "Service Fabric", "thumbprint")
    assert not cloud.log()


def arc(cloud, path="/var/opt/azcmagent/tokens/a.key", old=False):
    cloud.set(machine={"system": UAMI, "assigned": [APP], "resource_ids": {}, "arc_key": {"path": path, "value": "arc-key-0001"}, "old_agent": old})
    url = cloud.info()["machine"]
    return {"IDENTITY_ENDPOINT": url + "/metadata/identity/oauth2/token", "IMDS_ENDPOINT": url}


def on_arc(machine, variables, **more):
    """In a mount namespace of its own, where the agent's folder lies."""
    words = [*namespace(), "sh", "-c", "mount -t tmpfs none /var/opt && mkdir -p /var/opt/azcmagent/tokens && printf arc-key-0001 >/var/opt/azcmagent/tokens/a.key && "
             f"exec {PATH.split(':')[0]}/{HELPER} get"]
    return machine.run(words, machine.ask(), **variables, **more)


def test_arc_answers_the_challenge(machine, cloud):
    assert whose(cloud, on_arc(machine, arc(cloud)).token) == UAMI
    assert [(r["status"], r["auth"]) for r in asked(cloud)] == [(401, ""), (200, "Basic arc-key-0001")]
    assert asked(cloud)[0]["query"] == {"api-version": "2020-06-01", "resource": AZDO}


def test_arc_agent_that_does_not_know_client_id(machine, cloud):
    said_no(on_arc(machine, arc(cloud, old=True), DAYPASS_CLIENT_ID=APP), f"a token of identity {UAMI}, and {APP} was asked for")


@pytest.mark.parametrize("path", ["/etc/passwd", "/var/opt/azcmagent/tokens/../../x.key", "/var/opt/azcmagent/tokens/a.txt", "a.key"])
def test_arc_cannot_have_other_files_read(machine, cloud, path):
    assert path in said_no(machine.get(**arc(cloud, path)), "names no file of /var/opt/azcmagent/tokens")
    assert len(asked(cloud)) == 1


def test_another_boot_or_header_is_another_caller(machine, cloud):
    assert machine.get(options=["-v"]).token and one_line(machine.get(**app_service(cloud, IDENTITY_HEADER="wrong")))
    assert machine.get().token and len(asked(cloud)) == 2


def test_whoami_says_whose_token_it_is(machine, cloud):
    r = machine.run(["daypass", "whoami"], DAYPASS_TENANT=TENANT, DAYPASS_CLIENT_ID=UAMI)
    assert r.rc == 0 and "source managed-identity" in r.out and "Entra said to managed-identity: you are" in r.out and UAMI in r.out, r
