"""The stand-in judged by clients that we did not write: curl, git, git-lfs, PyJWT, openssl. Run it inside:

    tests/cloud/run -- /usr/bin/python3 -m pytest -q tests/cloud/selftest.py -p no:cacheprovider
"""
import os
import shutil
import subprocess
import time

import jwt
import pytest

from cloud.client import (AKS_ISSUER, AKS_SUBJECT, ANONYMOUS, APP, APP2, AUDIENCE, AUDIENCE_AKS, AUDIENCE_CHINA, AUDIENCE_GUID,
                          AUDIENCE_USGOV, AZDO, AZDO_SCOPE, CONNECTION, CONNECTION_ENTRA, CONNECTION_SUBJECT, CUSTOM, Cloud, CloudError,
                          ENTRA_ISSUER, FAB, GITHUB_ISSUER, GITHUB_REQUEST_TOKEN, GITHUB_SUBJECT, GITHUB_URL, ISSUER, LOB, OIDS,
                          PIPELINE_SUBJECT, PIPELINES_TOKEN, PIPELINES_URL, SECRET, TENANT, TENANT2, UAMI, VSTOKEN_ISSUER)
from cloud.peers import TOKEN_URL, Git, curl, exchange

WALL = os.environ["DAYPASS_TEST_MODE"] == "wall"
wall_only = pytest.mark.skipif(not WALL, reason="not run: no namespaces")


def access_claims(token, audience):
    """What PyJWT says about a token, with the keys that Entra publishes."""
    keys = curl(f"https://login.microsoftonline.com/{TENANT}/discovery/v2.0/keys").json
    kid = jwt.get_unverified_header(token)["kid"]
    key = next(jwt.PyJWK(k, "RS256").key for k in keys["keys"] if k["kid"] == kid)
    return jwt.decode(token, key, algorithms=["RS256"], audience=audience, options={"require": ["exp", "iat", "nbf", "iss", "aud"]})


# --- Entra ---

def test_good_exchange(cloud):
    answer = exchange(cloud, "-H", "client-request-id: 00000000-1111-4222-8333-444444444444")
    assert answer.status == 200 and answer.json["token_type"] == "Bearer" and answer.json["expires_in"] == 3599
    assert answer.all("client-request-id") == ["00000000-1111-4222-8333-444444444444"]
    assert answer.all("cache-control") == ["no-store, no-cache"] and answer.all("x-ms-ests-server")
    claims = access_claims(answer.json["access_token"], AZDO)
    assert (claims["iss"], claims["appid"], claims["tid"], claims["ver"]) == (f"https://sts.windows.net/{TENANT}/", APP, TENANT, "1.0")
    assert claims["oid"] == OIDS[APP] and claims["idtyp"] == "app" and 3500 < claims["exp"] - time.time() < 3601
    assert exchange(cloud).json["access_token"] != answer.json["access_token"]
    rows = cloud.exchanges()
    assert len(rows) == 2 and rows[0]["status"] == 200 and rows[0]["form"]["client_id"] == APP
    assert cloud.concurrency()["total"] == 2


def test_v2_token_and_extra_scopes(cloud):
    answer = exchange(cloud, client_id=UAMI, scope=LOB + "/.default openid offline_access profile")
    claims = access_claims(answer.json["access_token"], LOB)
    assert claims["iss"] == ENTRA_ISSUER and claims["azp"] == UAMI and claims["ver"] == "2.0"


@pytest.mark.parametrize("host, audience", [("login.microsoftonline.us", AUDIENCE_USGOV), ("login.chinacloudapi.cn", AUDIENCE_CHINA),
                                            (CUSTOM, AUDIENCE), ("sts.windows.net", AUDIENCE)])
def test_clouds(cloud, host, audience):
    url = f"https://{host}/contoso.onmicrosoft.com/oauth2/v2.0/token"
    assert exchange(cloud, url=url, assertion=cloud.mint(aud=audience)).status == 200
    refused = exchange(cloud, url=url, assertion=cloud.mint(aud="api://other"))
    assert refused.json["error_codes"] == [700212]


REFUSALS = {
    90002: dict(url=TOKEN_URL.replace("1111-4111", "1111-4112")), 900023: dict(url=TOKEN_URL.replace(TENANT, "contoso")),
    9001023: dict(url=TOKEN_URL.replace(TENANT, "common")), 700016: dict(client_id=FAB), 900144: dict(drop=["scope"]),
    70003: dict(grant_type="password"), 70011: dict(scope="openid"),
    1002012: dict(scope="https://management.azure.com/user_impersonation"), 700022: dict(scope=AZDO_SCOPE + " https://graph.microsoft.com/.default"), 500011: dict(scope="https://nobody.test/.default"),
    7000218: dict(client_assertion_type="urn:other"), 7000215: dict(drop=["client_assertion", "client_assertion_type"], client_secret="no"),
    50027: dict(assertion="a.b"), 70025: dict(client_id=APP2)}
ASSERTIONS = {
    5002738: dict(alg="HS256"), 700027: dict(key="stranger"), 7000272: dict(key="stranger", kid="NOBODY"), 700211: dict(iss=ISSUER + "/"),
    700213: dict(sub="system:other"), 7002138: dict(sub="System:CI"), 700212: dict(aud=AUDIENCE_GUID), 700024: dict(life=-400),
    700236: dict(iss=f"https://login.microsoftonline.com/{TENANT2}/v2.0"), 7002137: dict(iss=ENTRA_ISSUER, sub="no"),
    700227: dict(iss=f"https://sts.windows.net/{TENANT}/")}
STATUS_400 = {90002, 900023, 9001023, 700016, 900144, 70003, 70011, 1002012, 700022, 500011, 50027, 5002738, 50166, 9000411, 900561}


@pytest.mark.parametrize("code", [*REFUSALS, *ASSERTIONS])
def test_refusals(cloud, code):
    how = REFUSALS.get(code) or {"assertion": cloud.mint(**ASSERTIONS[code])}
    refused(exchange(cloud, **how), code)


def refused(answer, code):
    body = answer.json
    assert body["error_codes"] == [code] and answer.status == (400 if code in STATUS_400 else 401)
    assert body["error_description"].startswith(f"AADSTS{code}: ") and f"Correlation ID: {body['correlation_id']}" in body["error_description"]
    assert answer.all("x-ms-clitelem") == [f"1,{code},0,,"] and answer.all("content-type") == ["application/json; charset=utf-8"]
    assert "{" not in body["error_description"].replace("{tenantId}", "")


def test_more_refusals(cloud):
    refused(curl(TOKEN_URL), 900561)
    refused(curl("-H", "Content-Type: application/json", "-d", "{}", TOKEN_URL), 900144)
    refused(exchange(cloud, "-d", "scope=x"), 9000411)
    refused(exchange(cloud, client_id=UAMI, assertion=cloud.mint(iss=ENTRA_ISSUER)), 700222)
    for bad in (cloud.mint() + "\n", cloud.mint().replace(".", "=.", 1), "", cloud.mint(life=None), cloud.mint(sub=None)):
        refused(exchange(cloud, assertion=bad), 50027)
    refused(exchange(cloud, assertion=cloud.mint(nbf=400)), 700024)
    assert exchange(cloud, assertion=cloud.mint(life=-200)).status == 200  # within the skew
    cloud.fic("remove", client=APP, issuer=ISSUER)
    refused(exchange(cloud), 700211)
    cloud.fic("add", client=APP, issuer=ISSUER, subject="system:ci", audience="api://own")
    refused(exchange(cloud), 700212)
    assert exchange(cloud, assertion=cloud.mint(aud=["api://own"])).status == 200


def test_secret_and_managed_identity_as_assertion(cloud):
    assert exchange(cloud, drop=["client_assertion", "client_assertion_type"], client_secret=SECRET).status == 200
    entra_made = cloud.mint(iss=ENTRA_ISSUER, sub=OIDS[UAMI], aud=AUDIENCE_GUID)
    assert exchange(cloud, assertion=entra_made).status == 200


def test_issuer_is_really_asked(cloud):
    old = cloud.mint()
    assert exchange(cloud, assertion=old).status == 200
    assert [r["path"] for r in cloud.log(kind="internal")] == ["/.well-known/openid-configuration", "/.well-known/jwks"]
    cloud.rotate(ISSUER)
    refused(exchange(cloud, assertion=old), 7000272)
    assert exchange(cloud).status == 200
    cloud.fault("issuer", "status", status=503, path="jwks")
    refused(exchange(cloud), 50166)
    assert jwt.decode(cloud.mint(), options={"verify_signature": False})["iss"] == ISSUER


def test_documents():
    base = "https://login.microsoftonline.com/"
    found = curl(base + "contoso.onmicrosoft.com/v2.0/.well-known/openid-configuration").json
    assert found["issuer"] == ENTRA_ISSUER and found["token_endpoint"].endswith("contoso.onmicrosoft.com/oauth2/v2.0/token")
    assert curl(base + "nobody.test/v2.0/.well-known/openid-configuration").json["error"] == "invalid_tenant"
    ask = base + "common/discovery/instance?api-version=1.1&authorization_endpoint=https://{}/x/oauth2/v2.0/authorize"
    assert "login.windows.net" in curl(ask.format("login.windows.net")).json["metadata"][0]["aliases"]
    assert curl(ask.format(CUSTOM)).json["error"] == "invalid_instance"


# --- sources ---

def test_github(cloud):
    auth = ("-H", "Authorization: bearer " + GITHUB_REQUEST_TOKEN)
    token = curl(*auth, GITHUB_URL + "&audience=api%3A%2F%2FAzureADTokenExchange").json["value"]
    assert exchange(cloud, assertion=token).status == 200
    claims = jwt.decode(curl(*auth, GITHUB_URL).json["value"], options={"verify_signature": False})
    assert claims["aud"] == "https://github.com/contoso" and claims["iss"] == GITHUB_ISSUER and claims["sub"] == GITHUB_SUBJECT
    assert curl("-H", "Authorization: bearer no", GITHUB_URL).status == 401
    assert curl(*auth, GITHUB_URL.partition("?")[0] + "?audience=x").status == 400
    cloud.set(github_claims={"sub": "repo:contoso/shop:pull_request"})
    refused(exchange(cloud, assertion=curl(*auth, GITHUB_URL + "&audience=api://AzureADTokenExchange").json["value"]), 700213)


def test_pipelines(cloud):
    url, auth = PIPELINES_URL + "?api-version=7.1", ("-X", "POST", "-H", "Content-Length: 0", "-H", "Authorization: Bearer " + PIPELINES_TOKEN)
    for connection in (CONNECTION, CONNECTION_ENTRA):
        token = curl(*auth, url + "&serviceConnectionId=" + connection).json["oidcToken"]
        assert exchange(cloud, assertion=token).status == 200
    claims = jwt.decode(curl(*auth, url).json["oidcToken"], options={"verify_signature": False})
    assert claims["sub"] == PIPELINE_SUBJECT and claims["iss"] == VSTOKEN_ISSUER and CONNECTION_SUBJECT != claims["sub"]
    stranger = curl(*auth, url + "&serviceConnectionId=" + TENANT)
    assert stranger.status == 200 and stranger.json["count"] == 151 and "no explicit reference" in stranger.json["value"]
    assert curl(*auth, PIPELINES_URL).status == 400
    assert curl(*auth[4:], url).status == 405
    assert curl("-X", "POST", *auth[4:], url).status == 411
    bad = ("-X", "POST", "-H", "Content-Length: 0", "-H", "Authorization: Bearer other")
    assert curl(*bad, url).status == 302 and "_signin" in curl(*bad, url).all("location")[0]
    assert curl(*bad, "-H", "X-TFS-FedAuthRedirect: Suppress", url).status == 401


def test_aks_proxy(cloud):
    aks, path = cloud.info()["aks"], f"/{TENANT}/oauth2/v2.0/token"
    port, assertion = aks["url"].rpartition(":")[2], cloud.mint(iss=AKS_ISSUER, sub=AKS_SUBJECT, aud=AUDIENCE_AKS)
    args = ("--noproxy", "*", "--cacert", aks["ca"], "--connect-to", f"{aks['sni']}:443:127.0.0.1:{port}")
    assert exchange(cloud, *args, url=f"https://{aks['sni']}{path}", assertion=assertion, client_id=UAMI).status == 200
    assert exchange(cloud, "-k", "--noproxy", "*", url=aks["url"] + path, assertion=assertion, client_id=UAMI).rc == 35  # no SNI
    refused(exchange(cloud, assertion=assertion, client_id=UAMI), 700211)


# --- Azure DevOps ---

URLS = ["https://dev.azure.com/contoso/shop/_git/web", "https://contoso@dev.azure.com/contoso/my%20shop/_git/lib",
        "https://dev.azure.com/contoso/_git/web", "https://contoso.visualstudio.com/shop/_git/web",
        "https://contoso.visualstudio.com/DefaultCollection/shop/_git/web"]


@pytest.mark.parametrize("url", URLS)
@pytest.mark.parametrize("version", ["0", "2"])
def test_clone_fetch_push(cloud, tmp_path, url, version):
    git = Git(tmp_path, exchange(cloud).json["access_token"])
    git.options += ["-c", "protocol.version=" + version]
    git("clone", "-q", url, "one")
    git("clone", "-q", url, "two")
    assert (tmp_path / "one/README.md").read_text() == "hello\n"
    (tmp_path / "one/blob").write_bytes(os.urandom(3 << 20))  # larger than http.postBuffer: chunked
    (tmp_path / "one/many").write_text("line\n" * 5000)
    git("add", ".", cwd=tmp_path / "one")
    git("commit", "-qm", "second", cwd=tmp_path / "one")
    git("push", "-q", cwd=tmp_path / "one")
    git("fetch", "-q", cwd=tmp_path / "two")
    assert "second" in git("log", "--oneline", "origin/main", cwd=tmp_path / "two")
    chunked = cloud.log(kind="http", path=lambda p: p.endswith("git-receive-pack"), headers=lambda h: "transfer-encoding" in h)
    assert chunked and chunked[0]["status"] in (200, 401)
    assert cloud.log(kind="http", headers=lambda h: h.get("git-protocol") == "version=2") or version == "0"


def test_bearer_header(cloud, tmp_path):
    git = Git(tmp_path)
    git("-c", "http.extraheader=Authorization: Bearer " + cloud.token(), "clone", "-q", URLS[0], "out")
    assert [r["status"] for r in cloud.log(kind="http")] == [200] * len(cloud.log(kind="http"))


def test_challenges(cloud, tmp_path):
    refs = URLS[0] + "/info/refs?service=git-upload-pack"
    no = curl(refs)
    assert no.status == 401 and no.all("www-authenticate") == [
        f"Bearer authorization_uri=https://login.microsoftonline.com/{TENANT}", 'Basic realm="https://tfsprodeus1.visualstudio.com/"',
        "TFS-Federated"]
    assert no.all("x-vss-resourcetenant") == [TENANT] and b"TF400813" in no.body and ANONYMOUS.encode() in no.body
    bearer = lambda token: ("-H", "Authorization: Bearer " + token)
    assert curl(*bearer(cloud.token()), refs).status == 200
    assert curl("-u", "user:" + cloud.token(), refs).status == 200
    assert curl("-u", "id://guid:" + cloud.token(), refs).status == 401  # Basic splits at the first colon
    for bad in (cloud.token(resource="https://management.azure.com"), cloud.token(exp=int(time.time()) - 1), cloud.token() + "x",
                cloud.token(client=FAB)):
        assert curl(*bearer(bad), refs).status == 401
    stranger = curl(*bearer(cloud.token()), refs.replace("contoso", "nomember"))
    assert stranger.status == 401 and OIDS[APP].encode() in stranger.body
    cloud.members("nomember", add=APP)
    assert curl(*bearer(cloud.token()), refs.replace("contoso", "nomember")).status == 200
    missing = curl(*bearer(cloud.token()), refs.replace("web", "gone"))
    assert missing.status == 404 and "TF401019" in missing.json["message"]
    token = cloud.token()
    cloud.revoke(token)
    assert curl(*bearer(token), refs).status == 401 and curl(*bearer(cloud.token()), refs).status == 200
    token = cloud.token()
    cloud.revoke()
    assert curl(*bearer(token), refs).status == 401
    assert "Authentication failed" in Git(tmp_path, "bad")("clone", URLS[0], "out", rc=128)


def test_connection_data(cloud):
    url = "https://dev.azure.com/contoso/_apis/connectionData"
    good = curl("-H", "Authorization: Bearer " + cloud.token(), url)
    assert good.status == 200 and good.json["authenticatedUser"]["providerDisplayName"] == APP
    bad = ("-H", "Authorization: Bearer bad")
    assert curl(*bad, url).status == 203 and b"Sign In" in curl(*bad, url).body and curl(url).status == 302
    assert curl(*bad, "-H", "Accept: application/json", "-H", "X-TFS-FedAuthRedirect: Suppress", url).status == 401


def test_sign_in_instead_of_401(cloud, tmp_path):
    cloud.fault("azdo", "sign-in-if-bad")
    text = Git(tmp_path, "bad")("clone", URLS[0], "out", rc=128)
    assert "update url base from redirection" in text or "not valid" in text, text
    Git(tmp_path)("-c", "http.extraheader=Authorization: Bearer " + cloud.token(), "clone", "-q", URLS[0], "out")


@pytest.mark.skipif(not shutil.which("git-lfs"), reason="no git-lfs")
def test_lfs(cloud, tmp_path):
    git = Git(tmp_path, cloud.token())
    git("lfs", "install")
    git("clone", "-q", URLS[0], "one")
    git("lfs", "track", "*.bin", cwd=tmp_path / "one")
    (tmp_path / "one/a.bin").write_bytes(os.urandom(100000))
    git("add", ".", cwd=tmp_path / "one")
    git("commit", "-qm", "large", cwd=tmp_path / "one")
    git("push", "-q", cwd=tmp_path / "one")
    git("clone", "-q", URLS[0], "two")
    assert (tmp_path / "two/a.bin").read_bytes() == (tmp_path / "one/a.bin").read_bytes()


# --- faults ---

def test_http_faults(cloud):
    def once(*args, limit=3, **params):
        cloud.clear()
        cloud.fault("entra", *args, times=1, **params)
        return exchange(cloud, limit=limit)
    assert once("status", status=500, body="oops").body == b"oops"
    assert once("html", status=403).all("content-type") == ["text/html"]
    text = once("throttle", retry_after=7, text=True)
    assert text.status == 429 and text.body == b"Too Many Requests" and text.all("retry-after") == ["7"]
    assert once("throttle", date=True).all("retry-after")[0].endswith(" GMT")
    assert once("aadsts", code=53003, more={"claims": "{}"}).json["claims"] == "{}"
    assert once("redirect").all("location") == [TOKEN_URL.replace("login.microsoftonline.com", "evil.test")]
    assert once("reset").rc in (35, 52, 56) and once("close").rc in (52, 56)
    assert once("cut").rc in (18, 56) and once("stall", limit=1).rc == 28 and once("hang", limit=1).rc == 28 and once("drip", limit=1).rc == 28
    assert once("error-200").json["error"] == "invalid_client" and once("deep").body.count(b"[") == 100000
    assert len(once("huge", bytes=1 << 20).body) > 1 << 20
    assert once("chunked").json["token_type"] == "Bearer" and once("gzip").body[:2] == b"\x1f\x8b"
    assert once("content-type").all("content-type") == ["text/html"]
    start = time.monotonic()
    assert once("delay", ms=300).status == 200 and time.monotonic() - start >= 0.3
    assert exchange(cloud).status == 200  # the fault is used up


def test_field_faults(cloud):
    def once(*args, **params):
        cloud.clear()
        cloud.fault("entra", *args, times=1, **params)
        return exchange(cloud)
    assert once("fields", set={"expires_in": "3599", "token_type": "MAC"}, drop=["ext_expires_in"]).json["token_type"] == "MAC"
    assert "access_token" not in once("fields", drop=["access_token"]).json
    assert b'"expires_in":1e300' in once("raw-number").body
    assert "\nhost=evil.test" in once("poison").json["access_token"] and b"\\u0000tail" in once("nul").body
    assert once("duplicate").body.count(b'"access_token"') == 2 and once("duplicate", first=True).json["access_token"].startswith("ey")
    assert len(once("long").json["access_token"]) > 16384


def test_clock_and_skip(cloud):
    cloud.fault("entra", "clock", offset=-86400)
    refused(exchange(cloud), 700024)
    cloud.clear()
    cloud.fault("entra", "status", status=503, skip=1, times=1)
    assert [exchange(cloud).status for _ in range(3)] == [200, 503, 200]


def test_tls_faults(cloud):
    for kind in ("unknown-ca", "expired", "wrong-name"):
        cloud.fault("tls", kind, times=1, host="issuer.test")
        assert curl(ISSUER).rc == 60
    cloud.fault("tls", "close", times=1, host="issuer.test")
    assert curl(ISSUER).rc == 35
    assert cloud.log(kind="tls", host="issuer.test", error=lambda e: e)


def test_concurrency(cloud):
    cloud.fault("entra", "delay", ms=300)
    assertion = cloud.mint()
    args = ["curl", "-sS", "-o", "/dev/null", "-d", f"client_assertion={assertion}", TOKEN_URL]
    for p in [subprocess.Popen(args) for _ in range(10)]:
        assert p.wait() == 0
    assert cloud.concurrency() == {"running": 0, "most": 10, "total": 10} and len(cloud.exchanges()) == 10


# --- the frame ---

def test_unknown_names_stay_unknown(cloud):
    answer = curl("https://example.com/", limit=5)
    if WALL:
        assert answer.rc == 6 and cloud.log(kind="dns", host="example.com")
    else:
        assert answer.rc in (7, 56) and cloud.log(kind="proxy", host="example.com", status=403)


@wall_only
def test_dead_name_server(cloud):
    assert curl("https://login.dead.test/", limit=1).rc == 28
    cloud.dead_dns("issuer.test")
    assert curl(ISSUER, limit=1).rc == 28


@wall_only
def test_no_route_and_metadata_address(cloud):
    assert curl("http://192.0.2.1/", limit=5).rc == 7
    assert curl("http://169.254.169.254/metadata/instance").status == 404
    assert cloud.log(kind="http", host="169.254.169.254", service="unknown")


def test_proxy(cloud):
    through = ("--noproxy", "", "-x", cloud.info()["proxy"], "--cacert", cloud.info()["ca"])
    assert curl(*through, ISSUER + "/.well-known/openid-configuration").status == 200
    cloud.fault("proxy", "status", status=407, times=1, headers=["Proxy-Authenticate: Negotiate"])
    assert "407" in curl(*through, ISSUER).err
    cloud.set(proxy_auth="u:p")
    assert "407" in curl(*through, ISSUER).err and curl(*through, "-U", "u:p", ISSUER).status == 404
    assert curl(*through, "https://example.com/").rc in (7, 56)


def test_every_fault_is_described():
    from cloud.faults import BUILT_IN, KINDS
    with open(os.path.join(os.path.dirname(__file__), "README.md")) as f:
        text = f.read()
    assert not [k for k in {*KINDS, *(k for kinds in BUILT_IN.values() for k in kinds)} if f"`{k}`" not in text]
    for wrong in (("entra", "nothing"), ("tls", "status"), ("nobody", "status")):
        with pytest.raises(CloudError):
            Cloud().fault(*wrong)
    with pytest.raises(CloudError):
        Cloud().fault("entra", "delay", seconds=1)


def test_clean_environment():
    folder = os.environ["XDG_RUNTIME_DIR"]
    assert os.stat(folder).st_mode & 0o777 == 0o700 and os.stat(folder).st_uid == os.geteuid()
    assert "CapEff:\t0000000000000000" in open("/proc/self/status").read()
    assert not WALL or not {k for k in os.environ if "PROXY" in k.upper() or k.startswith("SSL_")}
    assert subprocess.run(["openssl", "verify", "-x509_strict", "-CAfile", os.environ["DAYPASS_TEST_CA"], os.environ["DAYPASS_TEST_CA"]],
                          capture_output=True).returncode == 0
