"""Microsoft Entra: discovery documents and the token endpoint."""
import base64
import json
import os
import re
import time
import uuid
from urllib.parse import urlsplit

from . import judge
from .ids import AKS, AKS_CLIENT, ARC, ASSERTION_TYPE, AUDIENCE_GUID, CHINA, CLOUD_AUDIENCE, CLOUD_OF, CUSTOM, PUBLIC, UAMI_RESOURCE, USGOV
from .refusals import Refused, describe
from .tokens import parse, unb64, verified
from .wire import Response

DOMAIN = re.compile(r"(?=.{4,253}$)[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?)+")
GUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
DEVICE_GRANTS = ("device_code", "urn:ietf:params:oauth:grant-type:device_code")
OIDC_SCOPES = {"openid", "offline_access", "profile", "email"}
EXCHANGES = set(CLOUD_AUDIENCE.values())  # what a token must be for to be an assertion; in it stands AUDIENCE_GUID
RESOURCES = {  # resource (without a trailing slash) -> version of its access tokens
    "499b84ac-1321-427f-aa17-267ca6975798": 1, "https://app.vssps.visualstudio.com": 1,
    "6dae42f8-4368-4678-94ff-3960e28e3630": 1, "6256c85f-0aad-4d50-b960-e6e9b21efe35": 1, "https://containerregistry.azure.net": 1,
    "https://management.azure.com": 1, "https://management.core.windows.net": 1, "https://management.usgovcloudapi.net": 1,
    "https://management.core.usgovcloudapi.net": 1, "https://graph.windows.net": 1, "https://batch.core.windows.net": 1,
    "https://rest.media.azure.net": 1, "https://datalake.azure.net": 1,
    "https://management.chinacloudapi.cn": 1, "https://management.core.chinacloudapi.cn": 1,
    "https://graph.microsoft.com": 1, "https://graph.microsoft.us": 1, "https://microsoftgraph.chinacloudapi.cn": 1, "https://vault.azure.net": 1, "https://storage.azure.com": 1,
    "https://database.windows.net": 1, "https://ossrdbms-aad.database.windows.net": 1,
    **dict.fromkeys(EXCHANGES, 2), "api://lob.contoso.test": 2}
STS = {PUBLIC: "https://sts.windows.net", USGOV: "https://sts.windows.net", CHINA: "https://sts.chinacloudapi.cn",
       CUSTOM: "https://sts.windows.net"}
ALIASES = [{"preferred_network": net, "preferred_cache": cache, "aliases": names} for net, cache, names in (
    (PUBLIC, "login.windows.net", [PUBLIC, "login.windows.net", "login.microsoft.com", "sts.windows.net"]),
    (USGOV, USGOV, [USGOV, "login.usgovcloudapi.net"]), (CHINA, CHINA, [CHINA, "login.chinacloudapi.cn"]))]


def common_headers(code=0):
    return [("Cache-Control", "no-store, no-cache"), ("Pragma", "no-cache"), ("Expires", "-1"),
            ("Strict-Transport-Security", "max-age=31536000; includeSubDomains"), ("X-Content-Type-Options", "nosniff"),
            ("P3P", 'CP="DSP CUR OTPi IND OTRi ONL FIN"'), ("x-ms-request-id", str(uuid.uuid4())),
            ("x-ms-ests-server", "2.1.99999.1 - WUS3 ProdSlices"), ("x-ms-clitelem", f"1,{code},0,,"), ("x-ms-srs", "1.P")]


def correlated(request, headers):
    """client-request-id is given back where the caller asked so (and it is a GUID); it is the correlation id either way."""
    mine = request.headers.get("client-request-id") or request.query.get("client-request-id", "")
    mine = mine if GUID.fullmatch(mine) else str(uuid.uuid4())
    if request.headers.get("return-client-request-id", "").lower() == "true" or request.headers.get("client-request-id"):
        headers.append(("client-request-id", mine))
    return mine


def refusal(request, code, status=None, error=None, text=None, more=None, facts=None):
    usual_status, usual_error, usual_text = describe(code, facts or {})
    headers = common_headers(code)
    correlation, trace = correlated(request, headers), str(uuid.uuid4())
    now = time.strftime("%Y-%m-%d %H:%M:%SZ", time.gmtime())
    body = {"error": error or usual_error,
            "error_description": f"AADSTS{code}: {text or usual_text} Trace ID: {trace} Correlation ID: {correlation} Timestamp: {now}",
            "error_codes": [code], "timestamp": now, "trace_id": trace, "correlation_id": correlation,
            "error_uri": f"https://login.microsoftonline.com/error?code={code}"}
    if code in (50166, 90061):
        del body["error_uri"]
    return Response(status or usual_status, {**body, **(more or {})}, headers=headers)


def token_endpoint(state, request, tenant, via=None):
    try:
        return grant(state, request, tenant, via)
    except Refused as e:
        return refusal(request, e.code, facts=e.facts)


def grant(state, request, tenant, via):
    cloud = CLOUD_OF.get(request.host, PUBLIC)
    if request.method != "POST":
        raise Refused(900561, method=request.method)
    form = request.form
    if not request.pairs:
        raise Refused(900144, name="grant_type")
    for name in form:
        if sum(k == name for k, _ in request.pairs) > 1:
            raise Refused(9000411, name=name)
    tenant_id = known_tenant(state, tenant, form.get("client_id"))
    if form.get("grant_type") in DEVICE_GRANTS:
        raise Refused(70016)
    client_id = known_client(state, tenant_id, form)
    if via == "v1":
        return Response(200, old_answer(state, client_id, cloud, form, tenant_id), headers=answer_headers(request))
    resource = asked_resource(state, form, tenant_id)
    authenticate(state, form, client_id, cloud, via)
    return Response(200, issue(state, client_id, resource, cloud, form, tenant=tenant_id), headers=answer_headers(request))


def old_token_endpoint(state, request, tenant):
    """v1, as ADAL asks it: a resource instead of a scope, and numbers as text."""
    return token_endpoint(state, request, tenant, "v1")


def old_answer(state, client_id, cloud, form, tenant_id):
    """A resource that is a GUID becomes spn:GUID in the token."""
    if not form.get("resource"):
        raise Refused(900144, name="resource")
    resource = asked_resource(state, {**form, "scope": form["resource"] + "/.default"}, tenant_id)
    authenticate(state, form, client_id, cloud, None)
    answer = issue(state, client_id, "spn:" + resource if GUID.fullmatch(resource) else resource, cloud, form)
    claims = parse(answer["access_token"])[1]
    times = {"expires_in": answer["expires_in"], "ext_expires_in": answer["ext_expires_in"], "expires_on": claims["exp"], "not_before": claims["nbf"]}
    return {**answer, **{k: str(v) for k, v in times.items()}, "resource": form["resource"]}


def device_code(state, request, tenant):
    """The first half of what a person does at another screen. Nobody ever does the second: whoever polls is told to wait."""
    try:
        if request.method != "POST":
            raise Refused(900561, method=request.method)
        tenant_id = known_tenant(state, tenant, request.form.get("client_id"))
        if request.form.get("client_id") != AKS_CLIENT:  # Microsoft's own are at home in each tenant
            known_client(state, tenant_id, request.form)
    except Refused as e:
        return refusal(request, e.code, facts=e.facts)
    code = "A1B2C3D4E"
    text = f"To sign in, use a web browser to open the page https://microsoft.com/devicelogin and enter the code {code} to authenticate."
    return Response(200, {"user_code": code, "device_code": "stand-in-device-code", "verification_uri": "https://microsoft.com/devicelogin",
                          "expires_in": 900, "interval": 5, "message": text}, headers=answer_headers(request))


def answer_headers(request):
    headers = common_headers()
    correlated(request, headers)
    return headers


def known_tenant(state, name, client):
    if name.lower() in ("common", "consumers"):
        raise Refused(9001023)
    if name.lower() == "organizations":
        raise Refused(50194, client=client)
    if not GUID.fullmatch(name) and not DOMAIN.fullmatch(name):
        raise Refused(900023, tenant=name)
    found = state.tenant(name)
    if not found:
        raise Refused(90002, tenant=name)
    return found


def known_client(state, tenant_id, form):
    client_id = form.get("client_id", "").lower()
    if not client_id:
        raise Refused(900144, name="client_id")
    client = state.clients.get(client_id, {"tenant": None, "also": {}})
    if tenant_id != client["tenant"] and tenant_id not in client["also"]:
        raise Refused(700016, client=client_id, directory=state.tenants[tenant_id]["name"])
    return client_id


def asked_resource(state, form, tenant_id):
    """The one resource of grant_type + scope. It is what stands before the last slash: one that ends in / keeps it."""
    for name in ("grant_type", "scope"):
        if not form.get(name):
            raise Refused(900144, name=name)
    if form["grant_type"] != "client_credentials":
        raise Refused(70003, grant=form["grant_type"])
    scopes = [s for s in form["scope"].split(" ") if s and s not in OIDC_SCOPES]
    if not scopes or "/.default" in scopes:
        raise Refused(70011, scope=form["scope"])
    if not all(s.endswith("/.default") for s in scopes):
        raise Refused(1002012, scope=form["scope"])
    if len({s for s in scopes}) > 1:
        raise Refused(700022, scope=form["scope"])
    resource = scopes[0][:-len("/.default")]
    if (resource[:-1] if resource.endswith("/") else resource) not in RESOURCES:
        raise Refused(500011, resource=resource, directory=state.tenants[tenant_id]["name"])
    return resource


def authenticate(state, form, client_id, cloud, via):
    if "client_assertion" in form or "client_assertion_type" in form:
        if form.get("client_assertion_type") != ASSERTION_TYPE or "client_assertion" not in form:
            raise Refused(7000218)
        return judge.accept(state, form["client_assertion"], client_id, cloud, via if via == "aks" else None)
    if "client_secret" not in form:
        raise Refused(7000218)
    if form["client_secret"] != state.clients[client_id]["secret"]:
        raise Refused(7000215, client=client_id)
    return None


def issue(state, client_id, resource, cloud, form, life=None, tenant=None):
    """The successful answer, with a really signed access token that differs each time."""
    life = int(life or state.settings["life"])
    claims = access_claims(state, client_id, resource, cloud, life, tenant)
    if "xms_cc" in form.get("claims", ""):
        claims["xms_cc"] = json.loads(form["claims"])["access_token"]["xms_cc"]["values"]
    pop = form.get("token_type") == "pop"
    if pop:
        claims["cnf"] = confirmation(form.get("req_cnf", ""))
    token = state.keys.current("entra").sign(claims)
    with state.lock:
        state.issued[claims["uti"]] = cloud
    answer = {"token_type": "pop" if pop else "Bearer", "expires_in": life, "ext_expires_in": life, "access_token": token}
    if state.settings["refresh_in"] is not None:
        answer["refresh_in"] = state.settings["refresh_in"]
    return answer


def confirmation(req_cnf):
    """Whose proof of possession the token is going to need; how Entra refuses another req_cnf is our guess."""
    try:
        cnf = json.loads(unb64(req_cnf))
        if isinstance(cnf["kid"], str):
            return cnf
    except (ValueError, KeyError, TypeError):
        pass
    raise Refused(900144, name="req_cnf")


def access_claims(state, client_id, resource, cloud, life, tenant=None):
    """tenant: where the token is asked for; a multi-tenant application is another object there than at home."""
    client, now = state.clients[client_id], int(state.clock("entra"))
    tenant, version = tenant or client["tenant"], RESOURCES.get(resource.rstrip("/"), 1)
    oid = client["also"].get(tenant, client["oid"])
    uti = base64.urlsafe_b64encode(os.urandom(16)).rstrip(b"=").decode()
    claims = {"aud": AUDIENCE_GUID if resource in EXCHANGES else resource, "iat": now, "nbf": now, "exp": now + life, "oid": oid, "sub": oid, "tid": tenant,
              "idtyp": "app", "uti": uti, "rh": "1.AQAA" + uti[:12] + ".", "aio": uti[::-1]}
    if version == 1:
        sts = f"{STS[cloud]}/{tenant}/"
        claims.update(iss=sts, idp=sts, appid=client_id, appidacr="2", ver="1.0")
    else:
        claims.update(iss=f"https://{cloud}/{tenant}/v2.0", azp=client_id, azpacr="2", ver="2.0")
    if resource.removeprefix("spn:").rstrip("/") in (AKS, ARC) and client["groups"]:
        claims.update(groups_of(client))
    if client["kind"] == "uami":
        claims["xms_mirid"] = client["resource"] or UAMI_RESOURCE
    return claims


def groups_of(client):
    """More than 200 do not fit: then only where to ask for them."""
    if len(client["groups"]) <= 200:
        return {"groups": client["groups"]}
    url = f"https://graph.windows.net/{client['tenant']}/servicePrincipals/{client['oid']}/getMemberObjects"
    return {"_claim_names": {"groups": "src1"}, "_claim_sources": {"src1": {"endpoint": url}}}


def opened(state, token, audiences, now):
    """The claims of a token of ours for one of these audiences, in its time and not revoked; else None. How any service looks at it."""
    try:
        header, claims, signed, signature = parse(token)
    except ValueError:
        return None
    keys = [k.jwk() for k in state.keys.all("entra") if k.kid == header.get("kid")]
    if header.get("alg") != "RS256" or not keys or not verified(keys[0], signed, signature):
        return None
    if claims.get("aud") not in audiences or not claims["nbf"] - 300 <= now < claims["exp"]:
        return None
    return None if claims.get("uti") in state.revoked else claims


# --- documents ---

def configuration(state, request, tenant):
    tenant_id = tenant if tenant in ("common", "organizations", "consumers") else state.tenant(tenant)
    if not tenant_id:
        return refusal(request, 90002, error="invalid_tenant", facts={"tenant": tenant})
    base = f"https://{request.host}/{tenant}"
    shown = tenant_id if state.tenant(tenant_id) else "{tenantid}"
    return Response(200, {
        "token_endpoint": base + "/oauth2/v2.0/token",
        "token_endpoint_auth_methods_supported": ["client_secret_post", "private_key_jwt", "client_secret_basic"],
        "jwks_uri": base + "/discovery/v2.0/keys", "response_modes_supported": ["query", "fragment", "form_post"],
        "subject_types_supported": ["pairwise"], "id_token_signing_alg_values_supported": ["RS256"],
        "response_types_supported": ["code", "id_token", "code id_token", "id_token token"],
        "scopes_supported": ["openid", "profile", "email", "offline_access"],
        "issuer": f"https://{CLOUD_OF[request.host]}/{shown}/v2.0", "authorization_endpoint": base + "/oauth2/v2.0/authorize",
        "device_authorization_endpoint": base + "/oauth2/v2.0/devicecode", "tenant_region_scope": "EU",
        "cloud_instance_name": "microsoftonline.com", "cloud_graph_host_name": "graph.windows.net",
        "msgraph_host": "graph.microsoft.com"}, headers=common_headers())


def old_configuration(state, request, tenant):
    """That of v1 tokens: what an API server that trusts their issuer asks for."""
    tenant_id = state.tenant(tenant)
    if not tenant_id:
        return refusal(request, 90002, error="invalid_tenant", facts={"tenant": tenant})
    cloud = CLOUD_OF[request.host]
    base = f"https://{cloud}/{tenant}"
    return Response(200, {
        "token_endpoint": base + "/oauth2/token", "jwks_uri": f"https://{cloud}/common/discovery/keys",
        "token_endpoint_auth_methods_supported": ["client_secret_post", "private_key_jwt", "client_secret_basic"],
        "subject_types_supported": ["pairwise"], "id_token_signing_alg_values_supported": ["RS256"],
        "response_types_supported": ["code", "id_token", "code id_token", "token id_token", "token"],
        "scopes_supported": ["openid"], "issuer": f"{STS[cloud]}/{tenant_id}/", "authorization_endpoint": base + "/oauth2/authorize"},
        headers=common_headers())


def instance(state, request, _tenant):
    asked = urlsplit(request.query.get("authorization_endpoint", ""))
    if CLOUD_OF.get(asked.hostname or "", CUSTOM) == CUSTOM:
        return refusal(request, 50049)
    tenant = asked.path.split("/")[1] if "/" in asked.path else "common"
    return Response(200, {"tenant_discovery_endpoint": f"https://{asked.hostname}/{tenant}/v2.0/.well-known/openid-configuration",
                          "api-version": "1.1", "metadata": ALIASES}, headers=common_headers())


def jwks(state, _request, _tenant):
    keys = [{k: v for k, v in key.jwk().items() if k != "alg"} for key in state.keys.all("entra")]
    return Response(200, {"keys": keys}, headers=common_headers())


def sign_in(_state, _request, _tenant):
    return Response(200, "<!DOCTYPE html><html><head><title>Sign in to your account</title></head></html>", "text/html; charset=utf-8")


ROUTES = [  # (path after the tenant, service for faults, handler)
    ("/oauth2/v2.0/token", "entra", token_endpoint),
    ("/oauth2/token", "entra", old_token_endpoint), ("/oauth2/v2.0/devicecode", "discovery", device_code),
    ("/v2.0/.well-known/openid-configuration", "discovery", configuration),
    ("/.well-known/openid-configuration", "discovery", old_configuration),
    ("/discovery/instance", "discovery", instance),
    ("/discovery/v2.0/keys", "discovery", jwks), ("/discovery/keys", "discovery", jwks),
    ("/oauth2/v2.0/authorize", "discovery", sign_in), ("/oauth2/authorize", "discovery", sign_in)]


def route(state, request):
    tenant, slash, rest = request.path[1:].partition("/")
    for path, service, handler in ROUTES:
        if slash + rest == path:
            return service, lambda: handler(state, request, tenant)
    return None
