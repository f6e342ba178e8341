"""Azure DevOps: who may come in, Git repositories behind `git http-backend`, and the way it sends others to sign in."""
import base64
import os
import shutil
import subprocess
import urllib.parse
import uuid

from . import entra, lfs
from .ids import ANONYMOUS, AZDO
from .issuers import pipelines, vss_error, vss_headers
from .wire import Response

PROJECTS, REPOS = ("shop", "my shop"), ("web", "lib")
PAGE = ('<!DOCTYPE html><html lang="en-US"><head><title>Access Denied: {0}</title></head>'
        '<body><h1>401 - Uh-oh, you do not have access.</h1><p>{0}</p></body></html>')


class Caller:
    """user: whom it names in TF400813; member: may come in."""

    def __init__(self, user=ANONYMOUS, client=None, member=False):
        self.user, self.client, self.member = user, client, member


def split(state, request):
    """(organization, the decoded segments after it), or (None, []) where the host or path names none."""
    parts = [urllib.parse.unquote(p) for p in request.path.split("/")[1:]]
    if request.host == "dev.azure.com":
        org, parts = parts[0].lower(), parts[1:]
    else:
        org = request.host.split(".")[0]
        parts = parts[1:] if parts[0].lower() == "defaultcollection" else parts
    return (org, parts) if org in state.orgs else (None, [])


# --- who is it ---

def presented(auth):
    """The token in a Bearer or Basic header. Basic splits at the first colon, whoever the user is."""
    scheme, _, value = auth.partition(" ")
    if scheme.lower() == "bearer":
        return value.strip()
    if scheme.lower() == "basic":
        try:
            return base64.b64decode(value.strip(), validate=True).decode("latin1").partition(":")[2]
        except ValueError:
            return ""
    return ""


def caller(state, request, org):
    claims = entra.opened(state, presented(request.auth), (AZDO, "https://app.vssps.visualstudio.com"), state.clock("azdo"))
    if claims is None:
        return Caller()
    client = claims.get("appid") or claims.get("azp")
    member = claims["tid"] == state.orgs[org]["tenant"] and client in state.orgs[org]["members"]
    return Caller(claims["oid"], client, member)


# --- how it says no ---

def org_headers(tenant):
    return [("WWW-Authenticate", f"Bearer authorization_uri=https://login.microsoftonline.com/{tenant}"),
            ("WWW-Authenticate", 'Basic realm="https://tfsprodeus1.visualstudio.com/"'), ("WWW-Authenticate", "TFS-Federated"),
            ("X-VSS-ResourceTenant", tenant), ("X-VSS-AuthorizationEndpoint", "https://vssps.dev.azure.com/"),
            ("P3P", 'CP="CAO DSP COR ADMa DEV CONo TELo CUR PSA PSD TAI IVDo OUR SAMi BUS DEM NAV STA UNI COM INT PHY ONL FIN PUR LOC CNT"'),
            *vss_headers()]


def challenge(tenant, user=ANONYMOUS):
    text = f"TF400813: The user '{user}' is not authorized to access this resource."
    return Response(401, PAGE.format(text), "text/html; charset=utf-8", org_headers(tenant) + [("X-TFS-ServiceError", urllib.parse.quote(text))])


def sign_in_redirect(request):
    back = urllib.parse.quote(f"https://{request.host}{request.target}", safe="")
    where = f"https://spsprodeus21.vssps.visualstudio.com/_signin?realm=dev.azure.com&reply_to={back}"
    page = f'<html><head><title>Object moved</title></head><body><h2>Object moved to <a href="{where}">here</a>.</h2></body></html>'
    return Response(302, page, "text/html; charset=utf-8", [("Location", where), *vss_headers()])


def sign_in_page(status=200):
    page = ("<!DOCTYPE html><html><head><title>Azure DevOps Services | Sign In</title></head>"
            "<body><form id=\"i0281\" action=\"https://login.microsoftonline.com/common/login\"></form></body></html>")
    return Response(status, page, "text/html; charset=utf-8", vss_headers())


# --- what it serves ---

def answer(state, request):
    if request.host.endswith(".vssps.visualstudio.com"):
        return sign_in_page()
    org, parts = split(state, request)
    if org is None:
        return Response(404, PAGE.format("The resource cannot be found."), "text/html; charset=utf-8", vss_headers())
    tenant, who = state.orgs[org]["tenant"], caller(state, request, org)
    if "_git" in parts:
        return git(state, request, org, parts) if who.member else challenge(tenant, who.user)
    if not who.member:
        return rest_refusal(request, tenant, who)
    if parts == ["_apis", "connectionData"]:
        return connection_data(state, org, who)
    from . import connections
    found = connections.route(state, request, org, parts, who)
    if found:
        return found
    return vss_error(404, "VssServiceException", "The controller for path was not found.")


def rest_refusal(request, tenant, who):
    """REST callers get a 401 if they ask not to be redirected; others the sign-in page, with 203 where they sent something."""
    accept = request.headers.get("Accept", "")
    if request.headers.get("X-TFS-FedAuthRedirect", "").lower() == "suppress" or "application/json" in accept or who.user != ANONYMOUS:
        return challenge(tenant, who.user)
    response = sign_in_page(203) if request.auth else sign_in_redirect(request)
    response.headers += org_headers(tenant)[:4]
    return response


def connection_data(state, org, who):
    user = {"id": str(uuid.uuid5(uuid.NAMESPACE_URL, org + who.user)), "subjectDescriptor": "aadsp." + who.user,
            "providerDisplayName": who.client, "isActive": True, "properties": {}}
    return Response(200, {"authenticatedUser": user, "authorizedUser": user, "instanceId": str(uuid.uuid5(uuid.NAMESPACE_URL, org)),
                          "deploymentType": "hosted", "locationServiceData": {"serviceOwner": "00025394-6065-48ca-87d9-7f5672854ef7"}},
                    headers=[("X-VSS-ResourceTenant", state.orgs[org]["tenant"]), *vss_headers()])


def git(state, request, org, parts):
    at = parts.index("_git")
    name = parts[at + 1] if len(parts) > at + 1 else ""
    project = parts[0] if at else PROJECTS[0]  # org/_git/repo: the short form of a repository in its project
    rest = "/" + "/".join(parts[at + 2:])
    if rest.startswith("/info/lfs/") and name.endswith(".git"):  # git-lfs puts it there
        name = name[:-len(".git")]
    repo = repository(state, org, project, name)
    if not repo:
        return vss_error(404, "GitRepositoryNotFoundException", f"TF401019: The Git repository with name or identifier {name} does not "
                         "exist or you do not have permissions for the operation you are attempting.")
    if rest.startswith("/info/lfs/"):
        return lfs.answer(state, request, f"{org}/{project}/{name}", rest[len("/info/lfs"):])
    return backend(state, request, repo, rest)


def repository(state, org, project, name):
    """The bare repository's folder, made from the template when first asked for."""
    if project not in PROJECTS or name not in REPOS:
        return None
    path = os.path.join(state.repos, org, project, name)
    with state.lock:
        if not os.path.isdir(path):
            shutil.copytree(os.path.join(state.folder, "template"), path)
    return path


def git_environment(state):
    return {"PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": state.folder, "GIT_CONFIG_NOSYSTEM": "1", "LANG": "C.UTF-8",
            "GIT_AUTHOR_NAME": "Stand In", "GIT_AUTHOR_EMAIL": "stand-in@contoso.test", "GIT_COMMITTER_NAME": "Stand In",
            "GIT_COMMITTER_EMAIL": "stand-in@contoso.test", "GIT_AUTHOR_DATE": "1767225600 +0000", "GIT_COMMITTER_DATE": "1767225600 +0000"}


SEED = b"""commit refs/heads/main
mark :1
committer Stand In <stand-in@contoso.test> 1767225600 +0000
data 6
first
M 644 inline README.md
data 6
hello

"""


def make_template(state):
    """One bare repository with one commit; every repository begins as its copy."""
    path = os.path.join(state.folder, "template")
    settings = ["-c", "init.defaultBranch=main", "-c", "core.fsync=none"]
    run = lambda *args, **more: subprocess.run(["git", *settings, *args], env=git_environment(state), check=True,
                                               stdout=subprocess.DEVNULL, **more)
    run("init", "-q", "--bare", "--template=", path)
    run("-C", path, "fast-import", "--quiet", input=SEED)
    with open(os.path.join(path, "config"), "a") as f:
        f.write("[http]\n\treceivepack = true\n[gc]\n\tauto = 0\n[receive]\n\tautogc = false\n[uploadpack]\n\tallowFilter = true\n")


def backend(state, request, repo, rest):
    """CGI, with bodies already unchunked; git http-backend itself undoes gzip."""
    environment = {**git_environment(state), "GIT_PROJECT_ROOT": repo, "GIT_HTTP_EXPORT_ALL": "1", "PATH_INFO": rest,
                   "QUERY_STRING": request.raw_query, "REQUEST_METHOD": request.method, "REMOTE_USER": "member", "REMOTE_ADDR": "127.0.0.1",
                   "CONTENT_TYPE": request.headers.get("Content-Type", ""), "CONTENT_LENGTH": str(len(request.body)),
                   "HTTP_CONTENT_ENCODING": request.headers.get("Content-Encoding", ""), "GIT_PROTOCOL": request.headers.get("Git-Protocol", "")}
    done = subprocess.run(["git", "http-backend"], input=request.body, env=environment, stdout=subprocess.PIPE)
    head, _, body = done.stdout.partition(b"\r\n\r\n")
    fields = [tuple(line.split(": ", 1)) for line in head.decode("latin1").split("\r\n") if ": " in line]
    named = {k.lower(): v for k, v in fields}
    status = int(named.get("status", "200" if head else "500").split()[0])
    keep = [(k, v) for k, v in fields if k.lower() not in ("status", "content-type", "content-length")]
    return Response(status, body, named.get("content-type", "text/plain"), keep + vss_headers())


def route(state, request):
    if request.host == "dev.azure.com" and request.path.lower().endswith("/oidctoken"):
        return "pipelines", lambda: pipelines(state, request)
    return "azdo", lambda: answer(state, request)
