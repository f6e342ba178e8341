"""Google Cloud: the metadata server's tokens (in the wall at its real address, else on the plain listener that managed identities use) and
IAM's generateIdToken. Sources: cloud.google.com, "About VM metadata", "Get an ID token"; google-auth's own expectations."""
from . import issuers
from .ids import GOOGLE_ISSUER, GOOGLE_OTHER, GOOGLE_SUBJECTS
from .wire import Response

HOST, ROOT = "iamcredentials.googleapis.com", "/computeMetadata/v1/instance/service-accounts/"
FLAVOR = [("Metadata-Flavor", "Google"), ("Server", "Metadata Server for VM")]
ACCESS = "ya29.stand-in-"


def is_metadata(request):
    return request.path == "/" and "metadata-flavor" in {k.lower() for k in request.headers} or request.path.startswith("/computeMetadata/")


def metadata(state, request):
    """What the server says to everybody is text/html, errors too."""
    if not state.settings["google"]["on"]:
        return Response(404, "404 page not found\n", "text/plain")
    if request.headers.get("Metadata-Flavor") != "Google" or "X-Forwarded-For" in request.headers:
        return Response(403, "<html>Missing Metadata-Flavor:Google header.</html>", "text/html")
    if request.method != "GET":
        return Response(405, "<html>Method not allowed</html>", "text/html", headers=FLAVOR)
    if request.path == "/":
        return Response(200, "computeMetadata/\n", "application/text", headers=FLAVOR)
    account = state.settings["google"]["account"]
    name, _, what = request.path.removeprefix(ROOT).partition("/")
    if not request.path.startswith(ROOT) or not account or name not in ("default", account):
        return Response(404, "<html>The requested URL was not found on this server.</html>", "text/html", headers=FLAVOR)
    return account_page(state, request, account, what)


def account_page(state, request, account, what):
    if what == "identity":
        audience = request.query.get("audience")
        if not audience:
            return Response(400, "non-empty audience parameter required", "text/html", headers=FLAVOR)
        more = {"google": {"compute_engine": {"project_id": "shop"}}} if request.query.get("format") == "full" else {}
        return Response(200, identity(state, account, audience, **more), "text/html", headers=FLAVOR)
    if what == "token":
        return Response(200, {"access_token": ACCESS + account, "expires_in": 3599, "token_type": "Bearer"}, headers=FLAVOR)
    if what == "" and request.query.get("recursive") == "true":
        return Response(200, {"aliases": ["default"], "email": account, "scopes": ["https://www.googleapis.com/auth/cloud-platform"]}, headers=FLAVOR)
    return Response(404, "<html>The requested URL was not found on this server.</html>", "text/html", headers=FLAVOR)


def identity(state, account, audience, **more):
    return issuers.mint(state, iss=GOOGLE_ISSUER, sub=GOOGLE_SUBJECTS[account], aud=audience, life=3600, nbf=None, azp=GOOGLE_SUBJECTS[account],
                        email=account, email_verified=True, **more)


def error(status, name, message):
    return Response(status, {"error": {"code": status, "message": message, "status": name}})


def generate(state, request):
    """POST /v1/projects/-/serviceAccounts/EMAIL:generateIdToken"""
    email, _, verb = request.path.removeprefix("/v1/projects/-/serviceAccounts/").partition(":")
    if request.method != "POST" or verb != "generateIdToken" or not request.path.startswith("/v1/projects/-/"):
        return error(404, "NOT_FOUND", "Method not found.")
    scheme, _, token = request.auth.partition(" ")
    if scheme != "Bearer" or not token.startswith(ACCESS):
        return error(401, "UNAUTHENTICATED", "Request had invalid authentication credentials.")
    body = request.json if isinstance(request.json, dict) else {}
    if not isinstance(body.get("audience"), str) or not body["audience"] or set(body) - {"audience", "delegates", "includeEmail"}:
        return error(400, "INVALID_ARGUMENT", "Request contains an invalid argument.")
    if email != GOOGLE_OTHER:
        return error(404, "NOT_FOUND", "Not found; Gaia id not found for email " + email)
    if email not in state.settings["google"]["may_act"]:
        return error(403, "PERMISSION_DENIED", "Permission 'iam.serviceAccounts.getOpenIdToken' denied on resource (or it may not exist).")
    return Response(200, {"token": identity(state, email, body["audience"])})


def route(state, request):
    if request.host == HOST:
        return "google", lambda: generate(state, request)
    return ("google", lambda: metadata(state, request)) if is_metadata(request) else None
