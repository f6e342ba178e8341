"""Kubernetes API servers: AKS, Arc, and one that trusts OIDC issuers by itself. Who asks is checked for real (kube_who.py), what they may do
by role; behind it lies as much of the API as kubectl and helm want to see before and while they list something."""
import re
import uuid

from . import issuers, kube_who
from .ids import AKS_ISSUER, AKS_SUBJECT, KUBE_ADMIN, KUBE_VIEW
from .wire import Response, dump

BORN = "2026-01-02T03:04:05Z"
VERSION = {"major": "1", "minor": "34", "emulationMajor": "1", "emulationMinor": "34", "minCompatibilityMajor": "1", "minCompatibilityMinor": "33",
           "gitVersion": "v1.34.2", "gitCommit": "8cc511e399b929453cd98ae65b419c3cc227ec79", "gitTreeState": "clean",
           "buildDate": BORN, "goVersion": "go1.24.9", "compiler": "gc", "platform": "linux/amd64"}
READ = ["get", "list", "watch"]
RESOURCES = {  # (group, version) -> name: (kind, in a namespace, short names, verbs)
    ("", "v1"): {"configmaps": ("ConfigMap", True, ["cm"], READ), "namespaces": ("Namespace", False, ["ns"], READ),
                 "pods": ("Pod", True, ["po"], READ), "secrets": ("Secret", True, [], READ),
                 "serviceaccounts": ("ServiceAccount", True, ["sa"], READ),
                 "services": ("Service", True, ["svc"], READ)},
    ("apps", "v1"): {"deployments": ("Deployment", True, ["deploy"], READ)},
    ("authentication.k8s.io", "v1"): {"selfsubjectreviews": ("SelfSubjectReview", False, [], ["create"])}}
VERBS = {"GET": "get", "HEAD": "get", "POST": "create", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}
OBJECT = re.compile(r"/(?:api|apis/(?P<group>[^/]+))/(?P<version>v\d\w*)(?:/namespaces/(?P<ns>[^/]+))?(?:/(?P<name>[a-z]+)(?:/(?P<one>[^/]+))?)?")


TOKEN = re.compile(r"/api/v1/namespaces/(?P<ns>[a-z0-9-]+)/serviceaccounts/(?P<name>[a-z0-9.-]+)/token")


class Failure(Exception):
    """What becomes a Status object."""

    def __init__(self, code, reason, message, details=None):
        super().__init__(message)
        self.code, self.reason, self.message, self.details = code, reason, message, details


def route(state, request):
    if request.listener == "plain":  # they have no http
        return "kube", lambda: Response(wire="close")
    return "kube", lambda: answer(state, request, state.clusters[request.host])


def answer(state, request, row):
    try:
        user = kube_who.who(state, request, row)
        request.row["user"] = user.name
        return reply(state, request, row, user)
    except kube_who.Stranger as e:
        request.row["why"] = str(e)
        return failure(Failure(401, "Unauthorized", "Unauthorized"))
    except Failure as e:
        return failure(e)


def headers():
    return [("Audit-Id", str(uuid.uuid4())), ("Cache-Control", "no-cache, private")]


def failure(e):
    body = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "message": e.message, "reason": e.reason}
    return good({**body, **({"details": e.details} if e.details is not None else {}), "code": e.code}, e.code)


def good(data, code=200):
    if isinstance(data, str):
        return Response(code, data, "text/plain; charset=utf-8", headers())
    return Response(code, dump(data) + "\n", "application/json", headers())


# --- paths ---

def reply(state, request, row, user):
    """Everybody who is somebody may see what there is and who he is; objects need a role."""
    path, method = request.path.rstrip("/"), request.method
    fixed = {"/version": VERSION, "/healthz": "ok", "/livez": "ok", "/readyz": "ok",
             "/api": {"kind": "APIVersions", "versions": ["v1"],
                      "serverAddressByClientCIDRs": [{"clientCIDR": "0.0.0.0/0", "serverAddress": f"{request.host}:443"}]},
             "/apis": {"kind": "APIGroupList", "apiVersion": "v1", "groups": [group(*key) for key in RESOURCES if key[0]]}}
    if path in fixed and method == "GET":
        return good(fixed[path])
    if found := TOKEN.fullmatch(path):
        return token_request(state, request, row, user, found)
    found = OBJECT.fullmatch(path)
    if not found:
        if method != "GET" or not may(state, row, user, "get", "*"):
            raise Failure(403, "Forbidden", f'forbidden: User "{user.name}" cannot {VERBS.get(method, method.lower())} path "{path or "/"}"', {})
        return Response(404, "404 page not found\n", "text/plain; charset=utf-8", headers())
    return resource(state, request, row, user, found)


def token_request(state, request, row, user, found):
    """authentication.k8s.io/v1 TokenRequest; the tokens are AKS_ISSUER's, as those of its pods."""
    ns, name, body = found["ns"], found["name"], request.json
    if request.method != "POST":
        raise Failure(405, "MethodNotAllowed", "the server does not allow this method on the requested resource", {})
    if not may(state, row, user, "create", "serviceaccounts/token"):
        raise Failure(403, "Forbidden", f'serviceaccounts "{name}" is forbidden: User "{user.name}" cannot create resource "serviceaccounts/token" in API group "" '
                      f'in the namespace "{ns}"', {"name": name, "kind": "serviceaccounts"})
    if not isinstance(body, dict) or (body.get("apiVersion"), body.get("kind")) != ("authentication.k8s.io/v1", "TokenRequest"):
        raise Failure(400, "BadRequest", "the object provided is unrecognized (must be of type TokenRequest)", {})
    if (ns, name) != tuple(AKS_SUBJECT.split(":")[2:]):
        raise Failure(404, "NotFound", f'serviceaccounts "{name}" not found', {"name": name, "kind": "serviceaccounts"})
    audiences, life = body["spec"].get("audiences"), body["spec"].get("expirationSeconds", 3600)
    if not isinstance(audiences, list) or not isinstance(life, int) or life < 600:
        raise Failure(422, "Invalid", 'TokenRequest.authentication.k8s.io "" is invalid: spec.expirationSeconds: Invalid value: may not specify a duration less than 10 minutes', {})
    token = issuers.mint(state, iss=AKS_ISSUER, sub=f"system:serviceaccount:{ns}:{name}", aud=audiences, life=life)
    return good({"kind": "TokenRequest", "apiVersion": "authentication.k8s.io/v1", "metadata": {"name": name, "namespace": ns}, "spec": body["spec"],
                 "status": {"token": token, "expirationTimestamp": BORN}}, 201)


def group(name, version):
    both = {"groupVersion": f"{name}/{version}", "version": version}
    return {"name": name, "versions": [both], "preferredVersion": both}


def resource(state, request, row, user, found):
    key, ns, name, one = (found["group"] or "", found["version"]), found["ns"], found["name"], found["one"]
    if ns and not name:
        ns, name, one = None, "namespaces", ns
    rows = RESOURCES.get(key, {})
    if not name and rows and request.method == "GET":
        return good({"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": "/".join(filter(None, key)), "resources": [
            {"name": n, "singularName": kind.lower(), "namespaced": spaced, "kind": kind, "verbs": verbs, "shortNames": short,
             **({"categories": ["all"]} if n in ("pods", "services", "deployments") else {})}
            for n, (kind, spaced, short, verbs) in rows.items()]})
    if name == "selfsubjectreviews" and name in rows and request.method == "POST":
        return good({"kind": rows[name][0], "apiVersion": "/".join(key), "metadata": {"creationTimestamp": BORN},
                     "status": {"userInfo": user.info()}}, 201)
    verb = "list" if request.method == "GET" and not one else VERBS.get(request.method, "get")
    if not may(state, row, user, verb, name):
        space = ns or (one if name == "namespaces" else None)  # a namespace lies in itself
        where = f'in the namespace "{space}"' if space else "at the cluster scope"
        raise Failure(403, "Forbidden", f'{called(key, name, one)} is forbidden: User "{user.name}" cannot {verb} resource "{name}" in API group '
                      f'"{key[0]}" {where}', details(key, name, one))
    if name not in rows:
        raise Failure(404, "NotFound", "the server could not find the requested resource", {})
    if verb not in READ:
        raise Failure(405, "MethodNotAllowed", "the server does not allow this method on the requested resource", {})
    return objects(request, row, name, rows[name], key, ns, one)


def called(key, name, one):
    return ".".join(filter(None, (name, key[0]))) + (f' "{one}"' if one else "")


def details(key, name, one):
    return {k: v for k, v in (("name", one), ("group", key[0]), ("kind", name)) if v}


# --- what is there ---

def may(state, row, user, verb, name):
    """RBAC. The user name of an application or managed identity is its object's id; tests speak of clients."""
    mine = {user.name, *user.groups, *(c for c, client in state.clients.items() if client["oid"] == user.name)}
    held = {row["roles"][who] for who in mine if who in row["roles"]}
    return KUBE_ADMIN in held or (KUBE_VIEW in held and verb in READ and name not in ("secrets", "*"))


def things(row, name):
    """(namespace, name, columns as kubectl shows them)"""
    if name == "namespaces":
        return [(None, n, ("Active",)) for n in ("default", "kube-system", "shop")]
    if name == "pods":
        return [("default", f"web-{n}", ("1/1", "Running", 0)) for n in range(1, row["pods"] + 1)]
    return [("default", "web", ("1/1", 1, 1))] if name == "deployments" else []


COLUMNS = {"namespaces": ("Status",), "pods": ("Ready", "Status", "Restarts"), "deployments": ("Ready", "Up-to-date", "Available")}


def objects(request, row, name, what, key, ns, one):
    kind, version = what[0], "/".join(filter(None, key))
    found = [(space, n, cells, {"kind": kind, "apiVersion": version, "metadata": {
        "name": n, **({"namespace": space} if space else {}), "uid": str(uuid.uuid5(uuid.NAMESPACE_DNS, f"{request.host}/{name}/{n}")),
        "resourceVersion": "1", "creationTimestamp": BORN}}) for space, n, cells in things(row, name) if ns in (None, space) and one in (None, n)]
    if one and not found:
        raise Failure(404, "NotFound", f"{called(key, name, one)} not found", details(key, name, one))
    if request.query.get("watch") in ("1", "true"):  # nothing ever happens here
        return Response(200, b"", "application/json", headers())
    if "as=Table" in request.headers.get("Accept", ""):
        titles = ("Name", *COLUMNS.get(name, ()), "Age")
        return good({"kind": "Table", "apiVersion": "meta.k8s.io/v1", "metadata": {"resourceVersion": "1"},
                     "columnDefinitions": [{"name": t, "type": "string", "format": "name" if t == "Name" else "", "description": t, "priority": 0}
                                           for t in titles],
                     "rows": [{"cells": [n, *cells, "1d"], "object": {**thing, "kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1"}}
                              for _, n, cells, thing in found]})
    if one:
        return good(found[0][3])
    return good({"kind": kind + "List", "apiVersion": version, "metadata": {"resourceVersion": "1"}, "items": [thing for *_, thing in found]})
