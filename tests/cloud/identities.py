"""User-assigned managed identities in Resource Manager, as far as their federated credentials go. arm.py has let the caller in. As the real one it
takes one write at a time for an identity."""
import time

from . import fics
from .ids import CHINA, PUBLIC, USGOV
from .wire import Response

CLOUD_OF_HOST = {"management.azure.com": PUBLIC, "management.usgovcloudapi.net": USGOV, "management.chinacloudapi.cn": CHINA}
TYPE = "Microsoft.ManagedIdentity/userAssignedIdentities"
WRITES_FOR_S = 0.2


def failure(status, code, message):
    return Response(status, {"error": {"code": code, "message": message}})


def answer(state, request, resource, rest):
    """rest: what stands behind the identity's name."""
    found = next(((i, c) for i, c in state.clients.items() if c["kind"] == "uami" and (c["resource"] or "").lower() == resource.lower()), None)
    if not found:
        return failure(404, "ResourceNotFound", f"The Resource '{TYPE}/{resource.rsplit('/', 1)[1]}' was not found. For more details please go to "
                       "https://aka.ms/ARMResourceNotFoundFix")
    client_id, row = found
    if not rest and request.method == "GET":
        return Response(200, {"id": row["resource"], "name": resource.rsplit("/", 1)[1], "type": TYPE, "location": "westeurope", "tags": {},
                              "properties": {"tenantId": row["tenant"], "principalId": row["oid"], "clientId": client_id}})
    if not rest or rest[0].lower() != "federatedidentitycredentials" or len(rest) > 2:
        return failure(404, "InvalidResourceType", f"The resource type '{'/'.join(rest)}' could not be found.")
    if len(rest) == 1 and request.method == "GET":
        return Response(200, {"value": [describe(row, f, request) for f in fics.of(state, client_id)]})
    if len(rest) == 2 and request.method == "GET":
        return one(state, client_id, row, rest[1], request)
    if len(rest) == 2 and request.method == "PUT":
        return put(state, client_id, row, rest[1], request)
    return failure(405, "MethodNotAllowed", f"The method {request.method} is not supported.")


def describe(row, f, request):
    return {"id": f"{row['resource']}/federatedIdentityCredentials/{f['name']}", "name": f["name"], "type": TYPE + "/federatedIdentityCredentials",
            "properties": {"issuer": f["issuer"], "subject": f["subject"], "audiences": fics.audiences(f, CLOUD_OF_HOST[request.host])}}


def one(state, client_id, row, name, request, status=200):
    found = [f for f in fics.of(state, client_id) if f["name"].lower() == name.lower()]
    if not found:
        return failure(404, "NotFound", f"The federated identity credential '{name}' was not found.")
    return Response(status, describe(row, found[0], request))


def put(state, client_id, row, name, request):
    with state.lock:
        if client_id in state.writing:
            return failure(409, "ConcurrentFederatedIdentityCredentialsWritesForSingleManagedIdentity",
                           f"Too many Federated Identity Credentials are written concurrently for the managed identity '{row['resource']}'. Concurrent "
                           "Federated Identity Credentials writes under the same managed identity are not supported.")
        state.writing.add(client_id)
    try:
        time.sleep(WRITES_FOR_S)
        body = request.json
        new = fics.add(state, client_id, name, body.get("properties") or {} if isinstance(body, dict) else {}, replace=True)
        return one(state, client_id, row, name, request, 201 if new else 200)
    except fics.Unfit as e:
        return failure(e.status, "Conflict" if e.status == 409 else "BadRequest", e.message)
    finally:
        state.writing.discard(client_id)
