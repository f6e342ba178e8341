"""Azure DevOps' connections to Azure Resource Manager: projects page by page, and service endpoints that are read, converted in their own time,
reverted and made. Sources: azure-devops-docs, REST "Endpoints" 7.1; Microsoft's script that converts them. Who may change one holds its
Administrator role: settings["connection_admins"]."""
import json
import time
import uuid

from .ids import CONNECTION_ENTRA, CONNECTION_ENTRA_SUBJECT, ENTRA_ISSUER
from .issuers import vss_error, vss_headers
from .wire import Response

WEEK = 7 * 86400
FEDERATED, SECRET = "WorkloadIdentityFederation", "ServicePrincipal"


def good(body, headers=()):
    return Response(200, body, headers=[*vss_headers(), *headers])


def refused(message, status=400, kind="VssServiceException"):
    return vss_error(status, kind, message)


def iso(seconds):
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds)) + "Z"


def route(state, request, org, parts, who):
    """The answer, or None where the path is not about these."""
    if parts == ["_apis", "projects"]:
        return projects(state, request, org)
    project, rest = (None, parts) if parts[:1] == ["_apis"] else (parts[0] if parts else None, parts[1:])
    if rest[:3] != ["_apis", "serviceendpoint", "endpoints"] or len(rest) > 4:
        return None
    if request.query.get("api-version") != "7.1":
        return refused("The requested REST API version is not supported here.", kind="VssVersionNotSpecifiedException")
    rows = state.connections[org]
    if project and not any(p["name"].lower() == project.lower() for p in state.projects[org]):
        return vss_error(404, "ProjectDoesNotExistWithNameException", f"TF200016: The following project does not exist: {project}.")
    if request.method != "GET" and who.client not in state.settings["connection_admins"]:
        return refused(f"You do not have permission to perform this operation on the service connection. User: {who.user}", 403)
    with state.lock:
        return endpoints(state, request, org, project, rest[3] if len(rest) == 4 else None, rows)


def projects(state, request, org):
    if request.method != "GET" or request.query.get("api-version") != "7.1":
        return refused("No api-version was supplied.", kind="VssVersionNotSpecifiedException")
    rows, at = state.projects[org], int(request.query.get("continuationToken") or 0)
    size = min(int(request.query.get("$top", 100)), state.settings["project_page"])
    more = [("x-ms-continuationtoken", str(at + size))] if at + size < len(rows) else []
    page = rows[at:at + size]
    return good({"count": len(page), "value": [{**p, "state": "wellFormed", "visibility": "private"} for p in page]}, more)


def visible(row, project):
    return not project or any(r["projectReference"]["name"].lower() == project.lower() for r in row["serviceEndpointProjectReferences"])


def endpoints(state, request, org, project, wanted, rows):
    if request.method == "POST" and not wanted:
        return made(state, request, org, rows)
    if not wanted:
        found = [shown(r) for r in rows if visible(r, project)] if request.query.get("type") == "azurerm" else []
        return good({"count": len(found), "value": found})
    row = next((r for r in rows if r["id"] == wanted.lower() and visible(r, project)), None)
    if not row:
        return vss_error(404, "ServiceEndpointNotFoundException", f"Service connection with ID {wanted} could not be found in project.")
    if request.method == "PUT":
        return changed(state, request, project, row)
    advance(state, row)
    return good(shown(row), [("Retry-After", "0")] if not row["isReady"] else [])


def shown(row):
    return {k: v for k, v in row.items() if not k.startswith("_")}


def advance(state, row):
    """It is done by itself; here with each look."""
    if row["operationStatus"]["state"] != "InProgress":
        return
    row["_polls"] -= 1
    if row["_polls"] > 0:
        return
    why = state.settings["connection_fails"]
    row["operationStatus"] = {"state": "Failed", "statusMessage": why} if why else {"state": "Ready", "statusMessage": ""}
    row["isReady"] = not why
    if not why:
        settle(row, row["_wanted"])


def settle(row, scheme):
    parameters = row["authorization"]["parameters"]
    row["authorization"]["scheme"] = scheme
    if scheme == FEDERATED:
        subject = CONNECTION_ENTRA_SUBJECT.replace(CONNECTION_ENTRA, row["id"])
        parameters.update(workloadIdentityFederationIssuer=ENTRA_ISSUER, workloadIdentityFederationSubject=subject, workloadIdentityFederationIssuerType="EntraID")
        row["data"]["revertSchemeDeadline"] = iso(time.time() + WEEK)
    else:
        for name in [n for n in parameters if n.startswith("workloadIdentity")]:
            del parameters[name]
        row["data"].pop("revertSchemeDeadline", None)


def changed(state, request, project, row):
    body = request.json
    if request.query.get("operation") != "ConvertAuthenticationScheme" or not isinstance(body, dict):
        return refused("The operation is not supported.")
    scheme = body.get("authorization", {}).get("scheme")
    owner = row["serviceEndpointProjectReferences"][0]["projectReference"]
    named = [r["projectReference"]["id"] for r in body.get("serviceEndpointProjectReferences", [])]
    if body.get("id") != row["id"] or not named or "revertSchemeDeadline" in body.get("data", {}):
        return refused("The service connection is not valid: id or project references are missing, or it says until when it can be reverted.")
    if project and project.lower() != owner["name"].lower():
        return refused("Only the project in which the service connection was created can convert it.")
    if scheme == FEDERATED and row["data"]["creationMode"] != "Automatic":
        return refused("Converting the authentication scheme is supported for service connections created automatically only.")
    if scheme == SECRET and row["data"].get("revertSchemeDeadline", "") <= iso(time.time()):
        return refused("The service connection can not be reverted any more.")
    if scheme not in (FEDERATED, SECRET) or scheme == row["authorization"]["scheme"]:
        return refused("The authentication scheme is the same, or not known.")
    row.update(isReady=False, operationStatus={"state": "InProgress", "statusMessage": ""}, _polls=state.settings["connection_polls"], _wanted=scheme)
    return good(shown(row))


def made(state, request, org, rows):
    body = request.json if isinstance(request.json, dict) else {}
    parameters = body.get("authorization", {}).get("parameters", {})
    wanted = ("name", "type", "url", "data", "authorization", "serviceEndpointProjectReferences")
    if any(not body.get(n) for n in wanted) or body["type"] != "AzureRM" or not all(parameters.get(n) for n in ("tenantid", "serviceprincipalid")):
        return refused("The request is not valid: " + ", ".join(n for n in wanted if not body.get(n)))
    references = body["serviceEndpointProjectReferences"]
    if not all(any(p["id"] == r["projectReference"]["id"] for p in state.projects[org]) for r in references):
        return refused("The project does not exist.", 404)
    if any(r["name"] == body["name"] and visible(r, references[0]["projectReference"]["name"]) for r in rows):
        return refused(f"Service connection with name {body['name']} already exists.", 409)
    key = str(uuid.uuid4())
    row = {**json.loads(json.dumps(body)), "id": key, "type": "azurerm", "isReady": True, "operationStatus": {"state": "Ready", "statusMessage": ""}}
    row["authorization"]["parameters"].update(workloadIdentityFederationIssuer=ENTRA_ISSUER,
                                               workloadIdentityFederationSubject=CONNECTION_ENTRA_SUBJECT.replace(CONNECTION_ENTRA, key))
    rows.append(row)
    return good(shown(row))
