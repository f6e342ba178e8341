"""Microsoft Graph, as far as applications, service principals and federated credentials go. v1.0 knows no expressions."""
import re
import time
import uuid

from . import bearer, fics, flexible
from .ids import CHINA, GRAPH_WRITE, PUBLIC, USGOV
from .wire import Response

HOSTS = {"graph.microsoft.com": PUBLIC, "graph.microsoft.us": USGOV, "microsoftgraph.chinacloudapi.cn": CHINA}
OWN_ID = "00000003-0000-0000-c000-000000000000"
WHY = {"missing": "Access token is empty.", "malformed": "CompactToken parsing failed with error code: 80049217", "audience": "Access token validation failure. Invalid audience.",
       "expired": "Lifetime validation failed, the token is expired.", "early": "Lifetime validation failed, the token is not yet valid.",
       "signature": "Access token validation failure. Invalid signature.", "issuer": "Access token validation failure. Invalid issuer.",
       "revoked": "Continuous access evaluation resulted in challenge."}
PATH = re.compile(r"/(?P<version>v1\.0|beta)/(?P<kind>applications|servicePrincipals)(?:\(appId='(?P<app>[^']*)'\)|/(?P<object>[0-9a-f-]{36}))?"
                  r"(?P<inner>/federatedIdentityCredentials(?:/(?P<name>[^/]+))?)?")
FILTER = re.compile(r"appId eq '([0-9a-f-]{36})'")


class Failure(Exception):
    def __init__(self, status, code, message):
        super().__init__(message)
        self.status, self.code, self.message = status, code, message


def route(state, request):
    return "graph", lambda: answer(state, request, HOSTS[request.host])


def answer(state, request, cloud):
    headers = [("request-id", str(uuid.uuid4())), ("OData-Version", "4.0")]
    try:
        response = dispatch(state, request, cloud)
    except Failure as e:
        inner = {"date": time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime()), "request-id": headers[0][1], "client-request-id": headers[0][1]}
        response = Response(e.status, {"error": {"code": e.code, "message": e.message, "innerError": inner}})
    response.headers = [*response.headers, *headers]
    return response


def dispatch(state, request, cloud):
    claims = who(state, request, cloud)
    found = PATH.fullmatch(request.path)
    if not found:
        raise Failure(400, "BadRequest", f"Resource not found for the segment '{request.path.split('/')[2] if request.path.count('/') > 1 else ''}'.")
    writes = request.method not in ("GET", "HEAD")
    role = state.directory.get(claims.get("appid"))
    if not role or (writes and role != GRAPH_WRITE):
        raise Failure(403, "Authorization_RequestDenied", "Insufficient privileges to complete the operation.")
    if not found["app"] and not found["object"] and not found["inner"]:
        return listed(state, request, claims["tid"], found["kind"])
    client_id = resolved(state, found, claims["tid"])
    if found["kind"] == "servicePrincipals":
        if found["inner"]:
            raise Failure(400, "BadRequest", "Resource not found for the segment 'federatedIdentityCredentials'.")
        return Response(200, selected(principal(state, client_id), request))
    if state.clients[client_id]["kind"] != "app":
        raise missing(found["app"] or found["object"])
    if not found["inner"]:
        return Response(200, selected(application(state, client_id), request))
    return credentials(state, request, found, client_id, cloud)


def who(state, request, cloud):
    try:
        return bearer.shown(state, request, "graph", (f"https://{request.host}", OWN_ID), cloud)
    except bearer.Unfit as e:
        request.row["why"] = e.why
        raise Failure(401, "InvalidAuthenticationToken", WHY[e.why]) from None


def missing(what):
    return Failure(404, "Request_ResourceNotFound", f"Resource '{what}' does not exist or one of its queried reference-property objects are not present.")


def object_id(client_id):
    """Of the application; that of its service principal is the client's oid."""
    return str(uuid.uuid5(uuid.NAMESPACE_OID, client_id))


def resolved(state, found, tenant):
    for client_id, row in state.clients.items():
        own = object_id(client_id) if found["kind"] == "applications" else row["oid"]
        if row["tenant"] == tenant and found["app"] == client_id or found["object"] == own:
            return client_id
    raise missing(found["app"] or found["object"])


def listed(state, request, tenant, kind):
    asked = FILTER.fullmatch(request.query.get("$filter", ""))
    if not asked:
        raise Failure(400, "Request_UnsupportedQuery", "Unsupported or invalid query filter clause specified for property.")
    mine = [c for c, row in state.clients.items() if row["tenant"] == tenant and c == asked[1] and (kind != "applications" or row["kind"] == "app")]
    return Response(200, {"value": [application(state, c) if kind == "applications" else principal(state, c) for c in mine]})


def application(state, client_id):
    return {"id": object_id(client_id), "appId": client_id, "displayName": "stand-in", "identifierUris": [], "signInAudience": "AzureADMyOrg"}


def principal(state, client_id):
    row = state.clients[client_id]
    managed = row["kind"] != "app"
    machine = f"/subscriptions/{row['tenant']}/resourcegroups/rg/providers/Microsoft.Compute/virtualMachines/vm"
    names = [f"isExplicit={row['kind'] == 'uami'}", row["resource"] or machine] if managed else []
    return {"id": row["oid"], "appId": client_id, "displayName": "stand-in", "servicePrincipalType": "ManagedIdentity" if managed else "Application",
            "alternativeNames": names, "appOwnerOrganizationId": None if managed else row["tenant"]}


def selected(row, request):
    wanted = [w for w in request.query.get("$select", "").split(",") if w]
    unknown = [w for w in wanted if w not in row]
    if unknown:
        raise Failure(400, "BadRequest", f"Could not find a property named '{unknown[0]}'.")
    return {k: v for k, v in row.items() if not wanted or k in wanted}


# --- federated credentials ---

def credentials(state, request, found, client_id, cloud):
    rows = fics.of(state, client_id)
    if found["name"]:
        return one(state, request, found, rows, cloud)
    if request.method == "GET":
        return Response(200, {"@odata.context": f"https://{request.host}{request.path}", "value": [describe(f, found["version"], cloud) for f in rows]})
    if request.method != "POST":
        raise Failure(405, "Request_BadRequest", f"Specified HTTP method is not allowed for the request target.")
    body = request.json
    if not isinstance(body, dict) or not request.headers.get("Content-Type", "").startswith("application/json"):
        raise Failure(400, "BadRequest", "Unable to read JSON request payload. Please ensure Content-Type header is set and payload is of valid JSON format.")
    known = {"name", "issuer", "subject", "audiences", "description", "@odata.type"} | ({"claimsMatchingExpression"} if found["version"] == "beta" else set())
    unknown = sorted(set(body) - known)
    if unknown:
        raise Failure(400, "Request_BadRequest", f"Invalid property '{unknown[0]}'.")
    flexible_fits(body)
    try:
        fics.add(state, client_id, body.get("name"), body)
    except fics.Unfit as e:
        raise Failure(e.status, "Request_MultipleObjectsWithSameKeyValue" if e.status == 409 else "Request_BadRequest", e.message) from None
    return Response(201, describe(fics.of(state, client_id)[-1], found["version"], cloud))


def flexible_fits(body):
    expression = body.get("claimsMatchingExpression")
    if not expression:
        return
    try:
        flexible.clauses(expression["value"])
    except (ValueError, KeyError, TypeError):
        raise Failure(400, "Request_BadRequest", "The expression is not valid.") from None
    if expression.get("languageVersion") != 1 or not flexible.ISSUERS.fullmatch(str(body.get("issuer"))):
        raise Failure(400, "Request_BadRequest", "Expressions are not supported for this issuer or language version.")


def one(state, request, found, rows, cloud):
    row = next((f for f in rows if found["name"] in (f["name"], f["id"])), None)
    if not row:
        raise missing(found["name"])
    if request.method == "DELETE":
        with state.lock:
            state.fics.remove(row)
            state.changed()
        return Response(204)
    return Response(200, describe(row, found["version"], cloud))


def describe(f, version, cloud):
    row = {"id": f["id"], "name": f["name"], "issuer": f["issuer"], "subject": f["subject"], "description": None, "audiences": fics.audiences(f, cloud)}
    if version == "beta":
        row["claimsMatchingExpression"] = {"value": f["expression"], "languageVersion": 1} if f["expression"] else None
    return row
