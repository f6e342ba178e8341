"""Which names are ours, and which part of the cloud answers under them."""
from . import acr, arm, aws, azdo, blob, entra, google, graph, imds, issuers, kube
from .ids import AKS_SNI, CLOUD_OF, CONTAINER, EVIL, METADATA, REGISTRY_DATA
from .wire import Response

ISSUER_HOSTS = {base.split("/")[2] for base in issuers.PUBLISHED}
EXACT = {*CLOUD_OF, *arm.HOSTS, *graph.HOSTS, *ISSUER_HOSTS, issuers.GITHUB_HOST, google.HOST, "dev.azure.com", EVIL, REGISTRY_DATA}
OLD, VSSPS = ".visualstudio.com", ".vssps.visualstudio.com"


def knows(state, host):
    """Exact names, any organization's old host, the sign-in hosts, registries, clusters, storage accounts and STS's regions."""
    host = host.lower().rstrip(".")
    label = host[:-len(VSSPS)] if host.endswith(VSSPS) else host[:-len(OLD)] if host.endswith(OLD) else "."
    return host in EXACT or host in state.registries or host in state.clusters or blob.account_of(state, host) or aws.region_of(host) or (label != "" and "." not in label)


def trap(request):
    """Where a fault's redirect leads. Always says yes: whoever follows is found out by the log."""
    return Response(200, {"token_type": "Bearer", "expires_in": 3599, "access_token": "from-evil", "value": "from-evil", "oidcToken": "from-evil"})


def route(state, request):
    """(service that faults are named by, function that answers)"""
    host, found = request.host, None
    if request.listener == "aks":
        return aks(state, request)
    if request.listener == "machine" or host in (METADATA, CONTAINER):
        found = google.route(state, request) or imds.route(state, request) or aws.machine(state, request)
    elif aws.region_of(host):
        found = "sts", lambda: aws.sts(state, request)
    elif host in CLOUD_OF:
        found = entra.route(state, request)
    elif host in ISSUER_HOSTS:
        found = "issuer", lambda: issuers.document(state, request)
    elif host == google.HOST:
        found = google.route(state, request)
    elif host == issuers.GITHUB_HOST:
        found = "github", lambda: issuers.github(state, request)
    elif host == "dev.azure.com" or host.endswith(OLD):
        found = azdo.route(state, request)
    elif host in arm.HOSTS:
        found = arm.route(state, request)
    elif host in graph.HOSTS:
        found = graph.route(state, request)
    elif blob.account_of(state, host):
        found = blob.route(state, request)
    elif host in state.registries or host == REGISTRY_DATA:
        found = acr.route(state, request)
    elif host in state.clusters:
        found = kube.route(state, request)
    elif host == EVIL:
        found = "evil", lambda: trap(request)
    return found or ("unknown", lambda: Response(404, {"error": "not_found", "host": host, "path": request.path}))


def aks(state, request):
    """The identity-binding proxy of a cluster: the token endpoint and nothing else."""
    tenant, _, rest = request.path[1:].partition("/")
    if rest == "oauth2/v2.0/token":
        return "aks", lambda: entra.token_endpoint(state, request, tenant, via="aks")
    return "aks", lambda: Response(404, {"error": "not_found", "sni": AKS_SNI})
