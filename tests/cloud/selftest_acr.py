"""The stand-in for Azure Container Registry, its tokens: judged by curl and PyJWT. Run it inside, as selftest.py."""
import base64
import time

import jwt
import pytest
from cryptography import x509

from cloud.client import (ACR, ACR_PULL, ACR_PUSH, ACR_SCOPE, ACR_TOKEN, ACR_TOKEN_PASSWORD, ACR_USER, APP, ARM, AZDO, CHINA, CUSTOM,
                          FAB, PUBLIC, REGISTRY, REGISTRY2, REGISTRY_CHINA, REGISTRY_CUSTOM, REGISTRY_DATA, REGISTRY_DNL, REGISTRY_EAST,
                          REGISTRY_FAB, REGISTRY_PUBLIC, REGISTRY_USGOV, REPOSITORY, SECRET, TENANT, TENANT2, TENANT_DOMAIN, UAMI, USGOV)
from cloud.peers import by_get, curl, exchange, fields, to_access, to_refresh

PULL, PUSH, CATALOG = f"repository:{REPOSITORY}:pull", f"repository:{REPOSITORY}:pull,push", "registry:catalog:*"


def entra(stand_in, client=APP, resource=ACR, **more):
    return stand_in.token(client, resource, **more)


def claims_of(token, audience):
    """What PyJWT says, with the certificate that the token itself carries."""
    certificate = x509.load_der_x509_certificate(base64.b64decode(jwt.get_unverified_header(token)["x5c"][0]))
    return jwt.decode(token, certificate.public_key(), algorithms=["RS256"], audience=audience, issuer="Azure Container Registry")


def allowed(token, host):
    return {entry["name"]: entry["actions"] for entry in claims_of(token, host)["access"]}


def refused(answer, status=401, code="UNAUTHORIZED", text="authentication required, visit https://aka.ms/acr/authorization"):
    error = answer.json["errors"][0]
    assert (answer.status, error["code"]) == (status, code) and text in error["message"], answer.body
    assert error["message"].endswith("CorrelationId: " + answer.all("x-ms-correlation-request-id")[0])


# --- exchange ---

def test_exchange(cloud):
    made = exchange(cloud, scope=ACR_SCOPE).json["access_token"]
    answer = to_refresh(REGISTRY, made, tenant=TENANT)
    assert answer.status == 200 and list(answer.json) == ["refresh_token"]
    claims = claims_of(answer.json["refresh_token"], REGISTRY)
    assert claims["exp"] - claims["iat"] == 3 * 3600 and abs(claims["iat"] - time.time()) < 60
    assert (claims["sub"], claims["tenant"], claims["grant_type"], claims["version"]) == (APP, TENANT, "refresh_token", "1.0")
    assert claims["permissions"] == {"actions": ["read", "write"], "notActions": []} and claims["roles"] == [ACR_PUSH]
    row = cloud.acr()[0]
    assert (row["status"], row["form"]["access_token"], row["form"]["service"], row["auth"]) == (200, made, REGISTRY, "")


def test_good_exchanges(cloud):
    for how in (dict(tenant=None), dict(tenant=TENANT_DOMAIN), dict(grant_type="access_token_refresh_token", refresh_token="x")):
        assert to_refresh(REGISTRY, entra(cloud), **how).status == 200
    for token in (entra(cloud, resource=ACR + "/"), entra(cloud, resource=ARM), entra(cloud, resource=ARM + "/"), entra(cloud, UAMI)):
        assert to_refresh(REGISTRY, token).status == 200
    for host, client in ((REGISTRY2, APP), (REGISTRY_FAB, FAB), (REGISTRY_DNL, APP), (REGISTRY_PUBLIC, UAMI)):
        assert to_refresh(host, entra(cloud, client)).status == 200
    pull = to_refresh(REGISTRY2, entra(cloud)).json["refresh_token"]
    assert claims_of(pull, REGISTRY2)["roles"] == [ACR_PULL] and claims_of(pull, REGISTRY2)["permissions"]["actions"] == ["read"]
    assert to_refresh(REGISTRY, entra(cloud), "-H", "Transfer-Encoding: chunked").status == 200


def test_refused_exchanges(cloud):
    failed = dict(text="token validation failed")
    for token in ("a.b.c", "", entra(cloud, resource=AZDO), entra(cloud) + "x",
                  entra(cloud, exp=int(time.time()) - 1), cloud.mint(aud=ACR)):
        refused(to_refresh(REGISTRY, token), **({} if token == "" else failed))
    refused(to_refresh(REGISTRY2, entra(cloud, resource=ARM)), **failed)  # its ARM policy is off
    cloud.registry(REGISTRY2, arm=True)
    assert to_refresh(REGISTRY2, entra(cloud, resource=ARM)).status == 200
    refused(to_refresh(REGISTRY, entra(cloud, FAB)), text=f'the received access token has unknown tenantId "{TENANT2}"')
    refused(to_refresh(REGISTRY_FAB, entra(cloud)), text="unknown tenantId")
    refused(to_refresh(REGISTRY, entra(cloud), tenant=TENANT2))
    refused(to_refresh(REGISTRY2, entra(cloud, UAMI)))  # no role
    refused(to_refresh(REGISTRY_PUBLIC, entra(cloud)))
    token = entra(cloud)
    cloud.revoke(token)
    refused(to_refresh(REGISTRY, token), **failed)
    for wrong in (dict(service=REGISTRY2), dict(service=None), dict(grant_type="client_credentials"), dict(grant_type=None)):
        refused(to_refresh(REGISTRY, entra(cloud), **wrong), 400, "BAD_REQUEST", "")
    assert curl("-G", *fields(grant_type="access_token", service=REGISTRY), f"https://{REGISTRY}/oauth2/exchange").status == 404


def test_firewall_and_changes(cloud):
    cloud.registry(REGISTRY, firewall=True)
    answer = to_refresh(REGISTRY, entra(cloud))
    refused(answer, 403, "DENIED", "client with IP '192.0.2.1' is not allowed access. Refer https://aka.ms/acr/firewall")
    assert b"\\u0027192.0.2.1" in answer.body and curl(f"https://{REGISTRY}/v2/").status == 403
    assert to_refresh(REGISTRY2, entra(cloud)).status == 200
    cloud.registry("brandnew.azurecr.io", roles={UAMI: ACR_PULL})
    refused(to_refresh("brandnew.azurecr.io", entra(cloud)))
    assert to_refresh("brandnew.azurecr.io", entra(cloud, UAMI)).status == 200
    cloud.reset()
    assert curl("https://brandnew.azurecr.io/v2/").rc != 0 and to_refresh(REGISTRY, entra(cloud)).status == 200


@pytest.mark.parametrize("host, authority", [(REGISTRY_USGOV, USGOV), (REGISTRY_CHINA, CHINA), (REGISTRY_CUSTOM, CUSTOM)])
def test_other_clouds(cloud, host, authority):
    assert to_refresh(host, entra(cloud, cloud=authority)).status == 200
    refused(to_refresh(host, entra(cloud, cloud=PUBLIC)), text="token validation failed")
    refused(to_refresh(REGISTRY, entra(cloud, cloud=authority)), text="token validation failed")


def test_regional_endpoint(cloud):
    token = to_refresh(REGISTRY_EAST, entra(cloud)).json["refresh_token"]
    assert claims_of(token, REGISTRY_EAST)["aud"] == REGISTRY_EAST
    assert to_access(REGISTRY, grant_type="refresh_token", refresh_token=token).status == 200
    refused(to_access(REGISTRY_DNL, grant_type="refresh_token", refresh_token=token))
    cloud.set(acr_regional_aud="global")
    assert claims_of(to_refresh(REGISTRY_EAST, entra(cloud)).json["refresh_token"], REGISTRY)["aud"] == REGISTRY
    refused(to_refresh(REGISTRY_EAST, entra(cloud), service=REGISTRY), 400, "BAD_REQUEST", "")
    assert curl(f"http://{REGISTRY}/v2/").rc == 52
    assert curl(f"https://{REGISTRY_DATA}/x").status == 403 and cloud.log(kind="http", host=REGISTRY_DATA)


# --- token ---

def test_access_tokens(cloud):
    token = to_refresh(REGISTRY, entra(cloud)).json["refresh_token"]
    answer = to_access(REGISTRY, grant_type="refresh_token", refresh_token=token, scope=PUSH)
    assert answer.status == 200 and list(answer.json) == ["access_token"]
    claims = claims_of(answer.json["access_token"], REGISTRY)
    assert claims["access"] == [{"type": "repository", "name": REPOSITORY, "actions": ["pull", "push"]}]
    assert claims["exp"] - claims["iat"] == 75 * 60 and claims["grant_type"] == "access_token"
    both = dict(grant_type="refresh_token", refresh_token=token)
    for scope in ([PULL, "repository:other:push", CATALOG], [f"{PULL} repository:other:push {CATALOG}"]):
        made = to_access(REGISTRY, "-H", "Transfer-Encoding: chunked", scope=scope, **both).json["access_token"]
        assert allowed(made, REGISTRY) == {REPOSITORY: ["pull"], "other": ["push"], "catalog": ["*"]}
    assert allowed(by_get(REGISTRY, ACR_USER, token, PULL, "repository:other:pull").json["access_token"], REGISTRY) == {
        REPOSITORY: ["pull"], "other": ["pull"]}
    assert allowed(to_access(REGISTRY, grant_type="password", username=ACR_USER, password=token, scope=PUSH).json["access_token"],
                   REGISTRY) == {REPOSITORY: ["pull", "push"]}
    assert by_get(REGISTRY, ACR_USER, token, query="&account=x&offline_token=true").json["refresh_token"] == token
    assert to_access(REGISTRY, access_type="offline", **both).json["refresh_token"] == token
    assert len(cloud.acr_tokens()) == 7 and len(cloud.acr()) == 1


def test_roles_limit_scopes(cloud):
    pull, nothing = cloud.refresh_token(REGISTRY, UAMI), cloud.refresh_token(REGISTRY2, UAMI)
    assert allowed(by_get(REGISTRY, ACR_USER, pull, PUSH).json["access_token"], REGISTRY) == {REPOSITORY: ["pull"]}
    assert allowed(by_get(REGISTRY2, ACR_USER, nothing, PUSH, CATALOG).json["access_token"], REGISTRY2) == {}
    down = cloud.registry_token(REGISTRY, PULL)  # as a password: good for what stands in it
    assert allowed(by_get(REGISTRY, ACR_USER, down, PUSH, "repository:other:pull").json["access_token"], REGISTRY) == {REPOSITORY: ["pull"]}


def test_other_passwords(cloud):
    made = by_get(REGISTRY, ACR_TOKEN, ACR_TOKEN_PASSWORD, PUSH, "repository:other:pull").json["access_token"]
    assert allowed(made, REGISTRY) == {REPOSITORY: ["pull"]}
    answer = by_get(REGISTRY, APP, SECRET, PUSH, query="&offline_token=true").json
    assert allowed(answer["access_token"], REGISTRY) == {REPOSITORY: ["pull", "push"]}
    assert to_access(REGISTRY, grant_type="refresh_token", refresh_token=answer["refresh_token"]).status == 200
    for user, secret in ((ACR_TOKEN, "no"), (APP, "no"), ("other", ACR_TOKEN_PASSWORD), (ACR_USER, ACR_TOKEN_PASSWORD), (ACR_TOKEN, "")):
        refused(by_get(REGISTRY, user, secret, PULL))
        refused(to_access(REGISTRY, grant_type="password", username=user, password=secret))
    refused(to_access(REGISTRY, grant_type="client_credentials"), 400, "BAD_REQUEST", "")
    refused(curl("-H", "Authorization: Bearer x", f"https://{REGISTRY}/oauth2/token?service={REGISTRY}"))


def test_nobody(cloud):
    refused(by_get(REGISTRY, None, None, PULL))
    assert allowed(by_get(REGISTRY_PUBLIC, None, None, PUSH, CATALOG).json["access_token"], REGISTRY_PUBLIC) == {REPOSITORY: ["pull"]}
    assert to_access(REGISTRY_PUBLIC, grant_type="password", scope=PULL).status == 200


def test_dead_refresh_tokens(cloud):
    ask = lambda token: to_access(REGISTRY, grant_type="refresh_token", refresh_token=token)
    good = cloud.refresh_token(REGISTRY)
    for token in (cloud.refresh_token(REGISTRY, life=-1), cloud.refresh_token(REGISTRY2), cloud.refresh_token(REGISTRY, aud=REGISTRY2),
                  cloud.refresh_token(REGISTRY, key="stranger"), cloud.refresh_token(REGISTRY, nbf=int(time.time()) + 3600),
                  cloud.registry_token(REGISTRY, PULL), entra(cloud), ""):
        refused(ask(token))
    assert ask(good).status == 200
    cloud.revoke_registry(REGISTRY2)
    assert ask(good).status == 200
    cloud.revoke_registry()
    refused(ask(good))
    cloud.set(acr_refresh_life=7, acr_access_life=5)
    short = claims_of(to_refresh(REGISTRY, entra(cloud)).json["refresh_token"], REGISTRY)
    assert short["exp"] - short["iat"] == 7
    cloud.fault("acr", "clock", offset=8)
    refused(ask(cloud.refresh_token(REGISTRY, exp=int(time.time()) + 7)))


# --- faults ---

def test_faults_on_exchange(cloud):
    def once(*args, limit=20, **params):
        cloud.clear()
        cloud.fault("acr", *args, times=1, path="/oauth2/exchange", **params)
        return to_refresh(REGISTRY, entra(cloud), "-m", str(limit))
    refused(once("throttle", retry_after=7), 429, "TOOMANYREQUESTS", "too many requests")
    assert once("throttle", retry_after=7).all("retry-after") == ["7"] and once("throttle", text=True).body == b"Too Many Requests"
    assert once("status", status=503, body="oops").body == b"oops" and once("html").all("content-type") == ["text/html"]
    assert once("redirect").all("location") == ["https://evil.test/oauth2/exchange"]
    assert once("reset").rc in (35, 52, 56) and once("close").rc in (52, 56) and once("cut").rc in (18, 56)
    assert once("hang", limit=1).rc == once("stall", limit=1).rc == once("drip", limit=1).rc == 28
    assert once("error-200").json["errors"] and once("error-200").status == 200
    assert b'"refresh_token":[[' in once("deep").body and b'"refresh_token":"AAA' in once("huge", bytes=1 << 20).body
    assert once("chunked").json["refresh_token"] and once("gzip").body[:2] == b"\x1f\x8b"
    assert once("fields", set={"refresh_token": 1}).json["refresh_token"] == 1 and once("fields", drop=["refresh_token"]).json == {}
    assert "\nhost=evil.test" in once("poison").json["refresh_token"] and b"\\u0000tail" in once("nul").body
    assert len(once("long").json["refresh_token"]) > 16384 and once("duplicate").body.count(b'"refresh_token"') == 2
    assert once("content-type").all("content-type") == ["text/html"] and once("body", value="[]").body == b"[]"
    assert b'"expires_in":1e300' in once("raw-number").body and once("delay", ms=50).status == once("date", offset=60).status == 200
    assert once("aadsts", code=53003).json["error"] and to_refresh(REGISTRY, entra(cloud)).status == 200
