"""Where external tokens come from: issuers with discovery and JWKS, the GitHub Actions and Azure Pipelines token endpoints."""
import time
import uuid

from .ids import (AKS_ISSUER, AUDIENCE, AUDIENCE_GUID, AWS_ISSUER,
                  ENTRA_ISSUER, FORGEJO_ISSUER, GHE_ISSUER, GHES_ISSUER, GOOGLE_ISSUER, GITHUB_ISSUER, GITHUB_REQUEST_TOKEN, GITHUB_SUBJECT, ISSUER, ORG_ID, PIPELINE_SUBJECT, PIPELINES_TOKEN,
                  SUBJECT, TENANT, VSTOKEN_ISSUER)
from .wire import Response

PUBLISHED = {i.rstrip("/"): i for i in (ISSUER, AKS_ISSUER, GITHUB_ISSUER, VSTOKEN_ISSUER, GOOGLE_ISSUER, AWS_ISSUER, GHES_ISSUER, GHE_ISSUER, FORGEJO_ISSUER)}
GITHUB_HOST = "run-actions.githubusercontent.com"
DISCOVERY, KEYS = "/.well-known/openid-configuration", "/.well-known/jwks"


def owner_of(issuer):
    """Whose keys sign for that issuer (all of Entra's issuers share one ring)."""
    return "entra" if "/login." in issuer or "/sts." in issuer else issuer


def mint(state, iss=ISSUER, sub=SUBJECT, aud=AUDIENCE, life=600, nbf=-5, iat=0, alg="RS256", kid=None, key=None, header=(), **claims):
    """An external token. nbf and iat are seconds from now; None leaves a claim out; key="stranger": signed by nobody's key."""
    now = int(time.time())
    body = {"iss": iss, "sub": sub, "aud": aud, "jti": str(uuid.uuid4()),
            "iat": None if iat is None else now + iat, "nbf": None if nbf is None else now + nbf,
            "exp": None if life is None else now + life, **claims}
    signer = state.keys.current(key or owner_of(iss))
    if key == "stranger" and kid is None:
        kid = state.keys.current(owner_of(iss)).kid  # claims to be the published one
    return signer.sign({k: v for k, v in body.items() if v is not None}, alg, kid, header)


# --- the issuers' own pages ---

def document(state, request):
    base = next((b for b in PUBLISHED if f"https://{request.host}{request.path}" in (b + DISCOVERY, b + KEYS)), None)
    if not base or request.method not in ("GET", "HEAD"):
        return Response(404, {"error": "not found"})
    if request.path.endswith(KEYS):
        return Response(200, {"keys": [k.jwk() for k in state.keys.all(PUBLISHED[base])]})
    return Response(200, {"issuer": PUBLISHED[base], "jwks_uri": base + KEYS, "response_types_supported": ["id_token"],
                          "subject_types_supported": ["public"], "id_token_signing_alg_values_supported": ["RS256"]})


# --- GitHub Actions ---

def github_claims(sub):
    return {"sub": sub, "repository": "contoso/shop", "repository_id": "8210", "repository_owner": "contoso",
            "repository_owner_id": "5544", "repository_visibility": "private", "ref": "refs/heads/main", "ref_type": "branch",
            "sha": "0123456789abcdef0123456789abcdef01234567", "run_id": "4242", "run_number": "7", "run_attempt": "1",
            "actor": "octocat", "actor_id": "1", "workflow": "ci", "event_name": "push", "runner_environment": "github-hosted",
            "job_workflow_ref": "contoso/shop/.github/workflows/ci.yml@refs/heads/main"}


def github(state, request):
    if request.path != "/idtoken" or request.query.get("x") != "1":
        return Response(400, "the request URL was not kept as it was given", "text/plain")
    if request.method != "GET":
        return Response(405, "method not allowed", "text/plain")
    scheme, _, token = request.auth.partition(" ")
    if scheme.lower() != "bearer" or not token.startswith(GITHUB_REQUEST_TOKEN[:-2]):
        return Response(401, "Unauthorized: bad request token", "text/plain")
    claims = {**github_claims(GITHUB_SUBJECT), "aud": request.query.get("audience") or "https://github.com/contoso",
              **state.settings["github_claims"]}
    jwt = mint(state, **{"iss": GITHUB_ISSUER, "life": state.settings["github_life"], "nbf": -600, **claims})
    return Response(200, {"count": len(jwt), "value": jwt})


# --- Azure Pipelines ---

def vss_headers():
    return [("X-VSS-E2EID", str(uuid.uuid4())), ("X-TFS-ProcessId", str(uuid.uuid4())), ("ActivityId", str(uuid.uuid4())),
            ("X-MSEdge-Ref", "Ref A: 00112233445566778899AABBCCDDEEFF Ref B: STANDIN Ref C: 2026-11-23T00:00:00Z")]


def vss_error(status, kind, message):
    return Response(status, {"$id": "1", "innerException": None, "message": message, "typeKey": kind, "errorCode": 0, "eventId": 3000},
                    headers=vss_headers())


def pipelines(state, request):
    from .azdo import challenge, sign_in_redirect
    scheme, _, token = request.auth.partition(" ")
    if scheme.lower() != "bearer" or not token.startswith(PIPELINES_TOKEN):
        if request.headers.get("X-TFS-FedAuthRedirect", "").lower() == "suppress":
            return challenge(TENANT)
        return sign_in_redirect(request)
    if request.method != "POST":
        return vss_error(405, "VssServiceException", f"The requested resource does not support http method '{request.method}'.")
    if "Content-Length" not in request.headers and "Transfer-Encoding" not in request.headers:
        return Response(411, "<html><body><h2>Length Required</h2></body></html>", "text/html")
    if not request.query.get("api-version"):
        return vss_error(400, "VssVersionNotSpecifiedException", 'No api-version was supplied for the "POST" request.')
    return connection_token(state, request)


def connection_token(state, request):
    audience, connection = request.query.get("audience") or AUDIENCE, request.query.get("serviceConnectionId", "").lower()
    more = {"org_id": ORG_ID, "prj_id": str(uuid.uuid4()), "def_id": "1", "rpo_uri": "https://dev.azure.com/contoso/shop/_git/web"}
    known = {"": (VSTOKEN_ISSUER, PIPELINE_SUBJECT, audience)}
    for row in state.connections["contoso"]:
        p = row["authorization"]["parameters"]
        iss = p.get("workloadIdentityFederationIssuer")
        if iss:
            known[row["id"]] = iss, p["workloadIdentityFederationSubject"], AUDIENCE_GUID if iss == ENTRA_ISSUER else audience
    if connection not in known:
        text = f"There is no explicit reference to service connection {connection} from current stage."
        return Response(200, {"count": 151, "value": text}, headers=vss_headers())
    iss, sub, aud = known[connection]
    jwt = mint(state, iss=iss, sub=sub, aud=aud, life=state.settings["pipelines_life"], **more)
    return Response(200, {"oidcToken": jwt}, headers=vss_headers())
