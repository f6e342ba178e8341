"""Azure Container Registry: Entra tokens for refresh tokens, those for access tokens, and in front of a real docker-registry its challenge.

Texts of 401 and 403 are as recorded; those of 400, 404 and 429, and what is asked of `grant_type` and `service`, are our best knowledge."""
import base64
import uuid

from . import acr_tokens, entra, registry
from .ids import ACR, ACR_USER, CHINA, CUSTOM, PUBLIC, REGISTRY_DATA, USGOV
from .wire import Response, dump

VISIT = "authentication required, visit https://aka.ms/acr/authorization for more information."
FIREWALL = "client with IP '192.0.2.1' is not allowed access. Refer https://aka.ms/acr/firewall to grant access."
GRANTS = ("access_token", "access_token_refresh_token", "refresh_token")  # the latter two are deprecated
ARM = {PUBLIC: {"https://management.azure.com", "https://management.core.windows.net"}, USGOV: {"https://management.usgovcloudapi.net"},
       CHINA: {"https://management.chinacloudapi.cn", "https://management.core.chinacloudapi.cn"}, CUSTOM: {"https://management.azure.com"}}


class Denied(Exception):
    def __init__(self, message=VISIT, status=401, code="UNAUTHORIZED"):
        super().__init__(message)
        self.message, self.status, self.code = message, status, code


def route(state, request):
    if request.listener == "plain":  # they have no http
        return "acr", lambda: Response(wire="close")
    if request.host == REGISTRY_DATA:
        return "acr", data_endpoint
    name, row = acr_tokens.find(state, request.host)
    return "acr", lambda: answer(state, request, name, row)


def answer(state, request, name, row):
    try:
        if row["firewall"]:
            raise Denied(FIREWALL, 403, "DENIED")
        if (request.path, request.method) == ("/oauth2/exchange", "POST"):
            return Response(200, {"refresh_token": exchange(state, request, row)}, headers=common_headers())
        if request.path == "/oauth2/token" and request.method in ("GET", "POST"):
            return Response(200, token(state, request, name, row), headers=common_headers())
        if request.path == "/v2" or request.path.startswith("/v2/"):
            return content(state, request, name)
    except Denied as e:
        return refusal(e.status, e.code, e.message)
    return Response(404, "404 page not found\n", "text/plain; charset=utf-8", common_headers())  # exchange by GET too


# --- how it speaks ---

def common_headers(correlation=None):
    return [("Server", "AzureContainerRegistry"), ("X-Ms-Correlation-Request-Id", correlation or str(uuid.uuid4())),
            ("Strict-Transport-Security", "max-age=31536000; includeSubDomains"), ("X-Content-Type-Options", "nosniff")]


def refusal(status, code, message):
    """As their JSON writer does it: an apostrophe becomes an escape."""
    correlation = str(uuid.uuid4())
    body = {"errors": [{"code": code, "message": f"{message} CorrelationId: {correlation}"}]}
    return Response(status, dump(body).replace("'", "\\u0027"), headers=common_headers(correlation))


def challenge(request):
    """What comes without a token is told where to get one; which scope goes with a path is docker-registry's rule."""
    name, scope = request.host, registry.scope(request.method, request.path)
    header = f'Bearer realm="https://{name}/oauth2/token",service="{name}"' + (f',scope="{scope}"' if scope else "")
    detail = acr_tokens.split(scope) if scope else None
    rows = [{"Type": detail["type"], "Name": detail["name"], "Action": action} for action in detail["actions"]] if detail else None
    return Response(401, {"errors": [{"code": "UNAUTHORIZED", "message": VISIT, "detail": rows}]}, headers=[
        ("Docker-Distribution-Api-Version", "registry/2.0"), ("Www-Authenticate", header), *common_headers()])


def data_endpoint():
    """Storage: what is not signed for it beforehand is refused, and no credential of ours would help."""
    return Response(403, '<?xml version="1.0" encoding="utf-8"?><Error><Code>AuthenticationFailed</Code></Error>', "application/xml")


# --- Entra token -> refresh token ---

def exchange(state, request, row):
    form = request.form
    if form.get("grant_type") not in GRANTS:
        raise Denied("unsupported grant_type.", 400, "BAD_REQUEST")
    if form.get("service") != request.host:
        raise Denied("service is not this registry.", 400, "BAD_REQUEST")
    if not form.get("access_token"):  # an Entra refresh token alone was once enough; nobody here has one
        raise Denied()
    claims = entra_claims(state, row, form["access_token"])
    if form.get("tenant") and state.tenant(form["tenant"]) != row["tenant"]:
        raise Denied()
    client = claims.get("appid") or claims.get("azp")
    if client not in row["roles"]:
        raise Denied()
    return acr_tokens.refresh(state, request.host, client)


def entra_claims(state, row, presented):
    """The claims of an Entra token for registries, of this cloud and tenant."""
    audiences = {ACR} | (ARM[row["cloud"]] if row["arm"] else set())
    claims = entra.opened(state, presented, audiences | {a + "/" for a in audiences}, state.clock("acr"))
    if claims is None or state.issued.get(claims["uti"], row["cloud"]) != row["cloud"]:  # other clouds sign with other keys
        raise Denied("token validation failed.")
    if claims["tid"] != row["tenant"]:
        raise Denied(f'token validation failed: the received access token has unknown tenantId "{claims["tid"]}"')
    return claims


# --- refresh token, password or nothing -> access token ---

class Holder:
    """Who asks: what it may do, and the refresh token that it gets back if it asks for one."""

    def __init__(self, subject, may, refresh=None):
        self.subject, self.may, self.refresh = subject, may, refresh


def token(state, request, name, row):
    fields = request.pairs if request.method == "POST" else request.query_pairs
    form = dict(fields)
    if form.get("service") != request.host:
        raise Denied("service is not this registry.", 400, "BAD_REQUEST")
    who = poster(state, form, name, row) if request.method == "POST" else getter(state, request, name, row)
    scopes = [s for k, v in fields if k == "scope" for s in v.split(" ") if s]
    given = {"access_token": acr_tokens.access(state, request.host, who.subject, acr_tokens.granted(scopes, who.may))}
    if who.refresh and "true" in (form.get("offline_token"), str(form.get("access_type") == "offline").lower()):
        given["refresh_token"] = who.refresh
    return given


def getter(state, request, name, row):
    if not request.auth:
        return nobody(row)
    scheme, _, value = request.auth.partition(" ")
    try:
        user, colon, password = base64.b64decode(value.strip(), validate=True).decode().partition(":")
    except ValueError:
        raise Denied() from None
    if scheme.lower() != "basic" or not colon:
        raise Denied()
    return by_password(state, user, password, name, row)


def poster(state, form, name, row):
    if form.get("grant_type") == "refresh_token":
        return by_token(state, form.get("refresh_token", ""), name, ("refresh_token",))
    if form.get("grant_type") != "password":
        raise Denied("unsupported grant_type.", 400, "BAD_REQUEST")
    if not form.get("username") and not form.get("password"):
        return nobody(row)
    return by_password(state, form.get("username", ""), form.get("password", ""), name, row)


def nobody(row):
    if not row["anonymous"]:
        raise Denied()
    return Holder("", lambda kind, _: ("pull",) if kind == "repository" else ())


def by_token(state, presented, name, kinds):
    claims = acr_tokens.opened(state, name, presented)
    if claims is None or claims.get("grant_type") not in kinds:
        raise Denied()
    if claims["grant_type"] == "refresh_token":
        return Holder(claims["sub"], acr_tokens.by_permissions(claims["permissions"]["actions"]), presented)
    rows = {(entry["type"], entry["name"]): entry["actions"] for entry in claims["access"]}
    return Holder(claims["sub"], acr_tokens.by_list(rows))


def by_password(state, user, password, name, row):
    """A refresh or an access token under the user of zeros, a token with a scope map, or an application with its secret."""
    if user == ACR_USER:
        return by_token(state, password, name, ("refresh_token", "access_token"))
    mapped, client = row["tokens"].get(user), state.clients.get(user, {})
    if mapped and mapped["password"] == password:
        return Holder(user, acr_tokens.by_list({("repository", k): v for k, v in mapped["repositories"].items()}))
    if client.get("secret") == password and client.get("tenant") == row["tenant"] and user in row["roles"]:
        return by_token(state, acr_tokens.refresh(state, name, user), name, ("refresh_token",))
    raise Denied()


# --- images ---

def content(state, request, name):
    if not registry.program():
        return Response(503, {"errors": [{"code": "UNAVAILABLE", "message": "the stand-in has no docker-registry program: install it"}]})
    if not request.auth:
        return challenge(request)
    response = registry.forward(state, request, name)
    response.headers = [(k, v.replace(f'"{name}"', f'"{request.host}"').replace(f"//{name}/", f"//{request.host}/")
                         if k.lower() == "www-authenticate" else v) for k, v in response.headers] + common_headers()
    return response
