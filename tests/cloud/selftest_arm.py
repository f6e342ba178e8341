"""Resource Manager and storage accounts, judged by clients that we did not write: curl, and where they are there Microsoft's az and
azure-identity (tests/e2e/real/fetch_sdks.sh) and Terraform."""
import json
import os
import shutil
import subprocess
import time
from pathlib import Path
from xml.etree import ElementTree

import pytest

from cloud.client import (APP, APP2, ARM, ARM_READER, AZDO, BLOB_READER, FAB, OIDS, STATE_CONTAINER, STATE_GROUP, STORAGE, STORAGE_SCOPE,
                          SUBSCRIPTION, SUBSCRIPTION2, SUBSCRIPTION_FAB, SUBSCRIPTION_NAME, TENANT, TENANT2, UAMI)
from cloud.peers import curl, kept

CACHE = Path(os.environ.get("DAYPASS_TEST_CACHE") or Path.home() / ".cache" / "daypass-tests")
CORE = "https://management.core.windows.net/"
BLOB = f"https://{STORAGE}.blob.core.windows.net"
STORAGE_AUD = "https://storage.azure.com"
WALL = os.environ["DAYPASS_TEST_MODE"] == "wall"


def arm(token, path, *more, version="2022-12-01", host="management.azure.com"):
    auth = ["-H", f"Authorization: Bearer {token}"] if token is not None else []
    return curl(*auth, *more, f"https://{host}{path}" + (f"?api-version={version}" if version else ""))


def refused(answer, status, code, *words):
    error = answer.json["error"]
    assert (answer.status, error["code"]) == (status, code), answer.body
    assert all(w in error["message"] for w in words), error["message"]


def blob(token, path, *more, method="GET", version="2023-11-03"):
    auth = ["-H", f"Authorization: Bearer {token}"] if token is not None else []
    how = ["-I"] if method == "HEAD" else ["-X", method]
    return curl(*how, *auth, "-H", f"x-ms-version: {version}", *more, BLOB + path)


def blob_refused(answer, status, code, detail=""):
    error = ElementTree.fromstring(answer.body)
    assert (answer.status, error.findtext("Code"), answer.all("x-ms-error-code")) == (status, code, [code]), answer.body
    assert detail in (error.findtext("AuthenticationErrorDetail") or "")


# --- Resource Manager ---

def test_who_sees_which_subscriptions(cloud):
    seen = {c: [r["subscriptionId"] for r in arm(cloud.token(c, ARM), "/subscriptions").json["value"]] for c in (APP, UAMI, APP2, FAB)}
    assert seen == {APP: [SUBSCRIPTION], UAMI: [SUBSCRIPTION, SUBSCRIPTION2], APP2: [], FAB: [SUBSCRIPTION_FAB]}
    for audience in (ARM, ARM + "/", CORE, CORE[:-1]):
        one = arm(cloud.token(APP, audience), f"/subscriptions/{SUBSCRIPTION}").json
        assert (one["displayName"], one["tenantId"], one["state"]) == (SUBSCRIPTION_NAME, TENANT, "Enabled")
    assert [t["tenantId"] for t in arm(cloud.token(APP2, ARM), "/tenants").json["value"]] == [TENANT]
    cloud.subscription(SUBSCRIPTION2, roles={APP: ARM_READER}, condition="Warned")
    assert [r["state"] for r in arm(cloud.token(APP, ARM), "/subscriptions").json["value"]] == ["Enabled", "Warned"]


def test_arm_refuses(cloud):
    now, good, one = int(time.time()), cloud.token(APP, ARM), f"/subscriptions/{SUBSCRIPTION}"
    for token, code, why in ((None, "AuthenticationFailed", "missing"), ("x", "InvalidAuthenticationToken", "malformed"),
                             (good[:-4] + "AAAA", "InvalidAuthenticationToken", "signature"),
                             (cloud.token(APP, AZDO), "InvalidAuthenticationTokenAudience", "audience"),
                             (cloud.token(APP, ARM + "//"), "InvalidAuthenticationTokenAudience", "audience"),
                             (cloud.token(APP, ARM, exp=now - 1), "ExpiredAuthenticationToken", "expired"),
                             (cloud.token(APP, ARM, nbf=now + 400), "InvalidAuthenticationToken", "early"),
                             (cloud.token(APP, ARM, iss="https://sts.windows.net/other/"), "InvalidAuthenticationToken", "issuer"),
                             (cloud.mint(aud=ARM), "InvalidAuthenticationToken", "signature"),
                             (cloud.token(APP, ARM, cloud="login.microsoftonline.us"), "InvalidAuthenticationToken", "issuer")):
        answer = arm(token, "/subscriptions")
        refused(answer, 401, code)
        assert cloud.arm()[-1]["why"] == why and 'error="invalid_token"' in answer.all("www-authenticate")[0]
    refused(arm(cloud.token(FAB, ARM), one), 401, "InvalidAuthenticationTokenTenant", TENANT, TENANT2)
    refused(arm(cloud.token(APP2, ARM), one), 403, "AuthorizationFailed", OIDS[APP2], "Microsoft.Resources/subscriptions/read")
    refused(arm(good, "/subscriptions/none"), 404, "SubscriptionNotFound", "'none'")
    refused(arm(good, one, version=None), 400, "MissingApiVersionParameter")
    refused(arm(good, one, version="1"), 400, "InvalidApiVersionParameter")
    cloud.revoke(good)
    refused(arm(good, one), 401, "InvalidAuthenticationToken")
    cloud.fault("arm", "throttle", times=1, retry_after=7)
    throttled = arm(cloud.token(APP, ARM), one)
    refused(throttled, 429, "TooManyRequests")
    assert throttled.all("retry-after") == ["7"] and arm(cloud.token(APP, ARM), one).status == 200


def test_resource_groups(cloud):
    token, path = cloud.token(APP, ARM), f"/subscriptions/{SUBSCRIPTION}/resourcegroups/Shop"
    refused(arm(token, path), 404, "ResourceGroupNotFound", "'Shop'")
    put = ["-X", "PUT", "-H", "Content-Type: application/json", "-d", '{"location":"westeurope","tags":{"a":"b"}}']
    refused(arm(cloud.token(UAMI, ARM), path, *put), 403, "AuthorizationFailed", "resourcegroups/write")
    assert [arm(token, path, *put).status for _ in "12"] == [201, 200]
    assert arm(token, path.lower()).json["tags"] == {"a": "b"} and arm(cloud.token(UAMI, ARM), path).status == 200
    assert arm(token, path, "-I").status == 204 and arm(token, path, "-X", "DELETE").status == 200 and arm(token, path, "-I").status == 404
    account = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/{STATE_GROUP}/providers/Microsoft.Storage/storageAccounts/"
    assert arm(token, account + STORAGE).json["properties"]["primaryEndpoints"]["blob"] == BLOB + "/"
    refused(arm(token, account + "none"), 404, "ResourceNotFound")


@pytest.mark.parametrize("host, name, login", [("management.azure.com", "AzureCloud", "login.microsoftonline.com"),
                                               ("management.usgovcloudapi.net", "AzureUSGovernment", "login.microsoftonline.us"),
                                               ("management.chinacloudapi.cn", "AzureChinaCloud", "login.partner.microsoftonline.cn")])
def test_clouds(cloud, host, name, login):
    new, old, oldest = (arm(None, "/metadata/endpoints", host=host, version=v).json for v in ("2022-09-01", "2019-05-01", "2015-01-01"))
    assert new["name"] == name and new["authentication"]["loginEndpoint"] == f"https://{login}" and old == [new]
    assert oldest["authentication"] == {"loginEndpoint": f"https://{login}/", "audiences": new["authentication"]["audiences"]}
    token = cloud.token(APP, new["authentication"]["audiences"][0], cloud=login)
    assert len(arm(token, "/subscriptions", host=host).json["value"]) == 1


# --- storage ---

def test_blobs(cloud):
    token, path = cloud.token(APP, STORAGE_AUD), f"/{STATE_CONTAINER}/prod.tfstate"
    blob_refused(blob(token, path), 404, "BlobNotFound")
    blob_refused(blob(token, "/none/x"), 404, "ContainerNotFound")
    put = ["-H", "x-ms-blob-type: BlockBlob", "-H", "Content-Type: application/json", "-H", "x-ms-meta-who: me"]
    assert blob(token, path, *put, "-d", '{"a":1}', method="PUT").status == 201
    got, head = blob(token, path), blob(token, path, method="HEAD")
    assert got.body == b'{"a":1}' and got.all("x-ms-meta-who") == head.all("x-ms-meta-who") == ["me"] and got.all("etag") == head.all("etag")
    assert head.all("content-length") == ["7"] and got.all("content-type") == ["application/json"]
    assert blob(token, path, "-H", "x-ms-range: bytes=1-3").body == b'"a"'
    blob_refused(blob(token, path, *put, "-H", 'If-Match: "no"', "-d", "x", method="PUT"), 412, "ConditionNotMet")
    blob_refused(blob(token, path, *put, "-H", "If-None-Match: *", "-d", "x", method="PUT"), 409, "BlobAlreadyExists")
    assert blob(token, path, "-H", f"If-None-Match: {got.all('etag')[0]}").status == 304
    blob_refused(blob(token, path, "-d", "x", method="PUT"), 400, "InvalidHeaderValue")
    names = blob(token, f"/{STATE_CONTAINER}?restype=container&comp=list&prefix=pr").body
    assert [e.text for e in ElementTree.fromstring(names).iter("Name")] == ["prod.tfstate"]
    blob_refused(blob(token, f"/{STATE_CONTAINER}?restype=container", method="PUT", ), 409, "ContainerAlreadyExists")
    assert blob(token, "/more?restype=container", method="PUT").status == 201
    assert [e.text for e in ElementTree.fromstring(blob(token, "/?comp=list").body).iter("Name")] == ["more", STATE_CONTAINER]
    assert blob(token, path, method="DELETE").status == 202 and blob(token, path, method="HEAD").status == 404
    cloud.reset()
    blob_refused(blob(cloud.token(APP, STORAGE_AUD), "/more/x"), 404, "ContainerNotFound")


def test_blobs_in_blocks(cloud):
    token, path = cloud.token(APP, STORAGE_AUD), f"/{STATE_CONTAINER}/b"
    for name, data in (("QQ==", "one"), ("Qg==", "two")):
        assert blob(token, path + f"?comp=block&blockid={name}", "-d", data, method="PUT").status == 201
    order = "<BlockList><Latest>Qg==</Latest><Latest>{}</Latest></BlockList>"
    blob_refused(blob(token, path + "?comp=blocklist", "-d", order.format("no"), method="PUT"), 400, "InvalidBlockList")
    assert blob(token, path + "?comp=blocklist", "-d", order.format("QQ=="), method="PUT").status == 201 and blob(token, path).body == b"twoone"


def test_leases(cloud):
    token, path = cloud.token(APP, STORAGE_AUD), f"/{STATE_CONTAINER}/l"
    mine, other = "11111111-2222-4333-8444-555555555555", "99999999-2222-4333-8444-555555555555"
    put = lambda *more: blob(token, path, "-H", "x-ms-blob-type: BlockBlob", *more, "-d", "x", method="PUT")
    def lease(action, *more):
        return blob(token, path + "?comp=lease", "-H", f"x-ms-lease-action: {action}", *more, method="PUT")
    named = lambda i, what="lease-id": ("-H", f"x-ms-{what}: {i}")
    take = ("-H", "x-ms-lease-duration: -1")
    blob_refused(lease("acquire", *take), 404, "BlobNotFound")
    assert put().status == 201
    answer = lease("acquire", *take, *named(mine, "proposed-lease-id"))
    assert answer.status == 201 and answer.all("x-ms-lease-id") == [mine]
    assert blob(token, path, method="HEAD").all("x-ms-lease-state") == ["leased"]
    blob_refused(lease("acquire", *take), 409, "LeaseAlreadyPresent")
    blob_refused(put(), 412, "LeaseIdMissing")
    blob_refused(put(*named(other)), 412, "LeaseIdMismatchWithBlobOperation")
    assert put(*named(mine)).status == 201 and lease("renew", *named(mine)).status == 200
    assert blob(token, path + "?comp=metadata", *named(mine), "-H", "x-ms-meta-terraformlockid: e30=", method="PUT").status == 200
    assert blob(token, path, method="HEAD").all("x-ms-meta-terraformlockid") == ["e30="]
    blob_refused(lease("release", *named(other)), 409, "LeaseIdMismatchWithLeaseOperation")
    assert lease("release", *named(mine)).status == 200 and put().status == 201
    blob_refused(put(*named(mine)), 412, "LeaseNotPresentWithBlobOperation")
    assert lease("acquire", *take).status == 201 and lease("break").status == 202
    assert blob(token, path, method="HEAD").all("x-ms-lease-state") == ["broken"] and put().status == 201
    blob_refused(lease("acquire", "-H", "x-ms-lease-duration: 5"), 400, "InvalidHeaderValue")


def test_storage_refuses(cloud):
    now, good = int(time.time()), cloud.token(APP, STORAGE_AUD)
    challenge = f"Bearer authorization_uri=https://login.microsoftonline.com/{TENANT}/oauth2/authorize resource_id={STORAGE_AUD}"
    for token, why, detail in ((None, "missing", ""), ("x", "malformed", "well formed"), (good[:-4] + "AAAA", "signature", "Signature"),
                               (cloud.token(APP, ARM), "audience", "Audience"), (cloud.token(APP, STORAGE_AUD, exp=now - 1), "expired", "expired"),
                               (cloud.token(FAB, STORAGE_AUD), "issuer", "Issuer")):
        answer = blob(token, f"/{STATE_CONTAINER}?restype=container")
        blob_refused(answer, 401, "NoAuthenticationInformation" if token is None else "InvalidAuthenticationInfo", detail)
        assert cloud.blob()[-1]["why"] == why and answer.all("www-authenticate") == [challenge]
    for audience in (STORAGE_AUD + "/", BLOB):
        assert blob(cloud.token(APP, audience), f"/{STATE_CONTAINER}?restype=container").status == 200
    blob_refused(blob(good, f"/{STATE_CONTAINER}?restype=container", version="2015-02-21"), 400, "InvalidHeaderValue")
    reader = cloud.token(UAMI, STORAGE_AUD)
    assert blob(reader, f"/{STATE_CONTAINER}?restype=container&comp=list").status == 200
    blob_refused(blob(reader, f"/{STATE_CONTAINER}/x", "-H", "x-ms-blob-type: BlockBlob", "-d", "x", method="PUT"), 403, "AuthorizationPermissionMismatch")
    blob_refused(blob(cloud.token(APP2, STORAGE_AUD), "/?comp=list"), 403, "AuthorizationPermissionMismatch")
    cloud.account(STORAGE, roles={APP2: BLOB_READER}, containers=["a"])
    assert blob(cloud.token(APP2, STORAGE_AUD), "/?comp=list").status == 200


# --- Microsoft's clients, and HashiCorp's ---

class Az:
    """The real one, with a folder of its own."""

    def __init__(self, cloud, folder):
        program = CACHE / "azure-cli" / "bin" / "az"
        if not (CACHE / "azure-cli" / "done").exists():
            pytest.skip("not run: az could not be fetched (make check-az)")
        self.program, self.folder = program, folder
        self.env = {**kept(), "HOME": str(folder), "LANG": "C.UTF-8", "AZURE_CONFIG_DIR": str(folder / "azure"),
                    "AZURE_CORE_COLLECT_TELEMETRY": "0", "REQUESTS_CA_BUNDLE": cloud.info()["bundle"]}

    def __call__(self, *args, rc=0):
        done = subprocess.run([self.program, *args], env=self.env, cwd=self.folder, capture_output=True, text=True, timeout=300)
        assert done.returncode == rc, done.stdout + done.stderr
        return (json.loads(done.stdout) if done.stdout else None) if rc == 0 else done.stderr

    def login(self, assertion, client=APP, *more, rc=0):
        return self("login", "--service-principal", "-u", client, "-t", TENANT, "--federated-token", assertion, *more, rc=rc)


def test_az(cloud, tmp_path):
    az = Az(cloud, tmp_path)
    assert [(s["id"], s["name"], s["isDefault"]) for s in az.login(cloud.mint())] == [(SUBSCRIPTION, SUBSCRIPTION_NAME, True)]
    rows = [(r["host"], r["method"], r["path"], r["status"]) for r in cloud.log(kind="http")]
    assert rows[-1] == ("management.azure.com", "GET", "/subscriptions", 200), rows
    assert cloud.exchanges()[0]["form"]["scope"] == CORE + "/.default"
    got = az("account", "get-access-token")
    assert set(got) == {"accessToken", "expiresOn", "expires_on", "subscription", "tenant", "tokenType"} and len(cloud.exchanges()) == 1
    assert arm(got["accessToken"], f"/subscriptions/{SUBSCRIPTION}").status == 200
    other = az("account", "get-access-token", "--scope", STORAGE_SCOPE, "--tenant", TENANT)
    assert "subscription" not in other and blob(other["accessToken"], "/?comp=list").status == 200
    assert az("group", "create", "-n", "rg", "-l", "westeurope", "--tags", "a=b")["tags"] == {"a": "b"}
    assert [g["name"] for g in az("group", "list")] == ["rg"] and az("group", "exists", "-n", "rg") is True
    assert az("account", "show")["user"] == {"name": APP, "type": "servicePrincipal"}


def test_az_and_blobs(cloud, tmp_path):
    az, big = Az(cloud, tmp_path), os.urandom(300 << 10)
    az.login(cloud.mint())
    def storage(*words, rc=0):
        return az("storage", *words, "--account-name", STORAGE, "--auth-mode", "login", rc=rc)
    assert storage("container", "create", "-n", "more") == {"created": True} and storage("container", "create", "-n", "more") == {"created": False}
    assert [c["name"] for c in storage("container", "list")] == ["more", STATE_CONTAINER]
    (tmp_path / "up").write_bytes(big)
    storage("blob", "upload", "-c", "more", "-n", "b/x", "-f", str(tmp_path / "up"), "--metadata", "k=v")
    shown = storage("blob", "show", "-c", "more", "-n", "b/x")
    assert (shown["metadata"], shown["properties"]["contentLength"], shown["properties"]["lease"]["state"]) == ({"k": "v"}, len(big), "available")
    assert [b["name"] for b in storage("blob", "list", "-c", "more", "--prefix", "b/")] == ["b/x"]
    storage("blob", "download", "-c", "more", "-n", "b/x", "-f", str(tmp_path / "down"))
    assert (tmp_path / "down").read_bytes() == big
    assert "BlobNotFound" in storage("blob", "download", "-c", "more", "-n", "none", "-f", str(tmp_path / "no"), rc=3)
    assert storage("blob", "delete", "-c", "more", "-n", "b/x") is None and storage("blob", "exists", "-c", "more", "-n", "b/x") == {"exists": False}


def test_az_is_told_no(cloud, tmp_path):
    az = Az(cloud, tmp_path)
    assert "AADSTS700213" in az.login(cloud.mint(sub="other"), rc=1)
    cloud.set(skew=0)
    assert "AADSTS700024" in az.login(cloud.mint(life=-1), rc=1)
    cloud.subscription(SUBSCRIPTION, roles={})
    cloud.subscription(SUBSCRIPTION2, roles={})
    assert "No subscriptions found" in az.login(cloud.mint(), UAMI, rc=1)
    assert az.login(cloud.mint(), UAMI, "--allow-no-subscriptions")[0]["name"] == "N/A(tenant level account)"
    assert "AADSTS500011" in az("account", "get-access-token", "--resource", "https://nobody.test", rc=1)


def test_azure_identity(cloud, tmp_path):
    python = CACHE / "azure-identity" / "bin" / "python"
    if not (CACHE / "azure-identity" / "done").exists():
        pytest.skip("not run: azure-identity could not be fetched (make check-real)")
    token = tmp_path / "token"
    token.write_text(cloud.mint())
    sdk = Path(__file__).resolve().parents[1] / "e2e" / "real" / "sdk" / "sdk.py"
    env = {**kept(), "AZURE_TENANT_ID": TENANT, "AZURE_CLIENT_ID": APP, "AZURE_FEDERATED_TOKEN_FILE": str(token),
           "REQUESTS_CA_BUNDLE": cloud.info()["bundle"]}
    done = subprocess.run([python, "-I", sdk, "wi", STORAGE_SCOPE], env=env, capture_output=True, text=True, timeout=120)
    said = json.loads(done.stdout)
    assert (said["subject"], said["app"], said["aud"]) == (OIDS[APP], APP, STORAGE_AUD), done.stderr
    token.write_text(cloud.mint(sub="other"))
    done = subprocess.run([python, "-I", sdk, "wi"], env=env, capture_output=True, text=True, timeout=120)
    assert done.returncode == 1 and "AADSTS700213" in done.stderr


class Terraform:
    """init and apply of one output, its state in the storage account."""

    def __init__(self, cloud, folder, **env):
        if not shutil.which("terraform"):
            pytest.skip("not run: no terraform")
        self.folder = folder
        (folder / "main.tf").write_text(
            f'terraform {{\n  backend "azurerm" {{\n    storage_account_name = "{STORAGE}"\n    container_name = "{STATE_CONTAINER}"\n'
            f'    key = "prod.tfstate"\n    use_azuread_auth = true\n    tenant_id = "{TENANT}"\n  }}\n}}\noutput "who" {{ value = "us" }}\n')
        self.env = {**kept(), "HOME": str(folder), "CHECKPOINT_DISABLE": "1", "TF_CLI_CONFIG_FILE": "/dev/null", "TF_IN_AUTOMATION": "1",
                    "SSL_CERT_FILE": cloud.info()["bundle"], **env}

    def __call__(self, *args, rc=0):
        done = subprocess.run(["terraform", *args, "-no-color", "-input=false"], env=self.env, cwd=self.folder, capture_output=True, text=True,
                              timeout=300)
        assert done.returncode == rc, done.stdout + done.stderr
        return done.stdout + done.stderr


def test_terraform(cloud, tmp_path):
    (tmp_path / "token").write_text(cloud.mint())
    terraform = Terraform(cloud, tmp_path, ARM_USE_OIDC="true", ARM_CLIENT_ID=APP, ARM_OIDC_TOKEN_FILE_PATH=str(tmp_path / "token"), ARM_USE_CLI="false")
    terraform("init")
    assert 'who = "us"' in terraform("apply", "-auto-approve")
    state = blob(cloud.token(APP, STORAGE_AUD), f"/{STATE_CONTAINER}/prod.tfstate")
    assert state.json["outputs"]["who"]["value"] == "us" and state.all("x-ms-lease-state") == ["available"]
    asked = {(r["method"], r["query"].get("comp", "")) for r in cloud.blob()}
    assert asked >= {("PUT", "lease"), ("PUT", "metadata"), ("PUT", ""), ("GET", "list")}, asked
    assert {r["headers"]["authorization"].split()[0] for r in cloud.blob()} == {"Bearer"}
    cloud.account(STORAGE, roles={APP: BLOB_READER}, containers=[STATE_CONTAINER])
    assert "AuthorizationPermissionMismatch" in terraform("apply", "-auto-approve", rc=1)
