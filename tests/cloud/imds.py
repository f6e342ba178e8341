"""The machine's own identities: IMDS (in the wall at its real address), App Service, Azure Arc's agent, Azure ML and Cloud Shell, all on
one plain listener on loopback. Source: learn.microsoft.com, the managed identities' token pages of each host."""
from . import entra
from .ids import MACHINE_HEADER, MACHINE_SECRET, METADATA, PUBLIC
from .wire import Response

SELECTORS = {"2018-02-01": "msi_res_id", "2020-06-01": "msi_res_id", "2019-08-01": "mi_res_id"}


def route(state, request):
    """(service, function), or None."""
    found = {"/metadata/identity/oauth2/token": metadata, "/msi/token": app_service, "/ml/token": machine_learning, "/oauth2/token": cloud_shell}
    here = found.get(request.path)
    return ("machine", lambda: here(state, request)) if here and (request.host == METADATA or request.listener == "machine") else None


def bad(text, error="invalid_request", status=400):
    return Response(status, {"error": error, "error_description": text}, headers=[("Server", "IMDS/150.870.65.1854")])


def who(state, client, resource_id):
    """The client id of the identity that is meant, or None where it is not assigned."""
    machine = state.settings["machine"]
    if client or resource_id:
        wanted = client or machine["resource_ids"].get(resource_id)
        return wanted if wanted in machine["assigned"] else None
    return machine["system"] or (machine["assigned"][0] if len(machine["assigned"]) == 1 else None)


def token(state, client, resource, **extra):
    answer = entra.issue(state, client, resource, PUBLIC, {}, state.settings["machine_life"])
    end = int(state.clock("entra")) + answer["expires_in"]
    return {"access_token": answer["access_token"], "client_id": client, "expires_on": str(end), "resource": resource, "token_type": "Bearer", **extra}


def known(resource):
    return resource and (resource[:-1] if resource.endswith("/") else resource) in entra.RESOURCES


def metadata(state, request):
    version = request.query.get("api-version")
    if request.headers.get("Metadata", "").lower() != "true" or "X-Forwarded-For" in request.headers:
        return bad("Required metadata header not specified")
    if request.method != "GET" or version not in ("2018-02-01", "2020-06-01"):
        return bad("The api-version parameter is missing or not supported")
    if version == "2020-06-01" and (no := challenge(state, request)):
        return no
    query, resource = request.query, request.query.get("resource")
    if not resource:
        return bad("Required query variable 'resource' is missing")
    ignores = version == "2020-06-01" and state.settings["machine"]["old_agent"]
    client = who(state, None if ignores else query.get("client_id"), None if ignores else query.get(SELECTORS[version]))
    if not client:
        several = len(state.settings["machine"]["assigned"]) > 1 and not query.get("client_id") and not query.get(SELECTORS[version])
        return bad("Multiple user assigned identities exist, please specify the clientId / resourceId of the identity in the token request" if several
                   else "Identity not found")
    if not known(resource):
        return bad(f"AADSTS500011: The resource principal named {resource} was not found in the tenant named Contoso.", "invalid_resource")
    life = str(state.settings["machine_life"])
    return Response(200, token(state, client, resource, expires_in=life, ext_expires_in=life, not_before="1"), headers=[("Server", "IMDS/150.870.65.1854")])


def challenge(state, request):
    """Arc: who may read the agent's file may have the token."""
    key = state.settings["machine"]["arc_key"]
    if key and request.auth == f"Basic {key['value']}":
        return None
    realm = f"Basic realm={key['path'] if key else '/var/opt/azcmagent/tokens/none.key'}"
    return Response(401, {"error": "unauthorized_client", "error_description": "Missing Basic Authorization header"}, headers=[("WWW-Authenticate", realm)])


def app_service(state, request):
    if request.headers.get("X-IDENTITY-HEADER") != MACHINE_HEADER:
        return Response(401, {"statusCode": 401, "message": "Unauthorized"})
    if request.method != "GET" or request.query.get("api-version") != "2019-08-01" or not known(request.query.get("resource")):
        return Response(400, {"statusCode": 400, "message": "Unable to load the proper Managed Identity."})
    client = who(state, request.query.get("client_id"), request.query.get("mi_res_id"))
    if not client:
        return Response(400, {"statusCode": 400, "message": "No Managed Identity found for specified ClientId/ResourceId/PrincipalId."})
    return Response(200, token(state, client, request.query["resource"]))


def machine_learning(state, request):
    if request.headers.get("secret") != MACHINE_SECRET:
        return Response(401, {"error": {"code": "UserError", "message": "Invalid secret"}})
    client = who(state, request.query.get("clientid"), None)
    if request.query.get("api-version") != "2017-09-01" or not known(request.query.get("resource")) or not client:
        return Response(400, {"error": {"code": "UserError", "message": "No managed identity found"}})
    return Response(200, token(state, client, request.query["resource"]))


def cloud_shell(state, request):
    if request.method != "POST" or request.headers.get("Metadata", "").lower() != "true" or not known(request.form.get("resource")) or len(request.form) != 1:
        return Response(400, {"error": {"code": "invalid_request", "message": "The request is not well-formed: resource is wanted, and Metadata: true."}})
    client = who(state, None, None)
    return Response(200, token(state, client, request.form["resource"], expires_in="3599"))
