"""All that the cloud remembers. Everything a test may change is data here, and reset() brings the first day back."""
import contextlib
import copy
import os
import shutil
import threading
import time
import uuid

from .ids import (ACR_PULL, ACR_PUSH, ACR_TOKEN, ACR_TOKEN_PASSWORD, AKS, AKS_ISSUER, AKS_SUBJECT, APP, APP2, ARC, ARM_CONTRIBUTOR,
                  ARM_READER, AUDIENCE_AKS, AWS_ISSUER, AWS_ROLE, BLOB_CONTRIBUTOR, BLOB_READER, CHINA, CLUSTER, CLUSTER2, CLUSTER_ARC, CLUSTER_ARC_ID,
                  CLUSTER_AUDIENCE, CLUSTER_FAB, CLUSTER_OIDC, CLUSTER_USGOV, CONNECTION, CONNECTION_ENTRA, CONNECTION_ENTRA_SUBJECT, CONNECTION_HAND, CONNECTION_OLD, CONNECTION_SHARED, CONNECTION_SUBJECT, CUSTOM,
                  ENTRA_ISSUER, FAB, GITHUB_ISSUER, GITHUB_SUBJECT, GOOGLE_ACCOUNT, GOOGLE_ISSUER, GOOGLE_OTHER, GOOGLE_SUBJECTS, GRAPH_WRITE, GROUP_ADMINS, GROUP_DEVS, ISSUER, KUBE_ADMIN, KUBE_VIEW, OIDS, OPS, OPS_SUBJECT, PUBLIC,
                  REGISTRY, REGISTRY2, REGISTRY_CHINA, REGISTRY_CUSTOM, REGISTRY_DNL, REGISTRY_EAST, REGISTRY_FAB, REGISTRY_PUBLIC,
                  REGISTRY_USGOV, REPOSITORY, SECRET, STATE_CONTAINER, STATE_GROUP, STORAGE, SUBJECT, SUBSCRIPTION, SUBSCRIPTION2,
                  SUBSCRIPTION_FAB, SUBSCRIPTION_NAME, TENANT, TENANT2, TENANT2_DOMAIN, TENANT_DOMAIN, UAMI, UAMI_RESOURCE, USGOV,
                  VSTOKEN_ISSUER)
from .tokens import KeyRing


def client(oid, tenant=TENANT, kind="app", secret=None, certificates=(), groups=(), resource=None, also=()):
    """An application ("app") or managed identity ("uami"; "system": a machine's own). certificates: PEM, what it may sign its own assertions
    with; groups: ids; resource: where a managed identity is in Resource Manager; also: the other tenants that have a multi-tenant
    application, and its object id there."""
    return {"tenant": tenant, "also": dict(also), "oid": oid, "kind": kind, "secret": secret, "certificates": list(certificates), "groups": list(groups),
            "resource": resource}


def fic(client, issuer, subject=None, audience=None, via=None, name=None, expression=None):
    """A federated credential. audience None: the usual one of the cloud that is asked; via "aks": through that proxy only; expression: in the
    place of subject (flexible.py)."""
    key = str(uuid.uuid5(uuid.NAMESPACE_URL, f"{client} {issuer} {subject} {expression} {name}"))
    return {"client": client, "issuer": issuer, "subject": subject, "audience": audience, "via": via, "name": name or "fic-" + key[:8],
            "expression": expression, "id": key}


def registry(tenant=TENANT, roles=(), cloud=PUBLIC, arm=True, anonymous=False, firewall=False, tokens=(), same=None):
    """A login server. roles: client -> role; arm: takes tokens for ARM too; anonymous: everybody may pull; firewall: keeps us out;
    tokens: name -> {"password", "repositories": {name: actions}}; same: it is another name of that registry, and only the name counts."""
    return {"tenant": tenant, "roles": dict(roles), "cloud": cloud, "arm": arm, "anonymous": anonymous, "firewall": firewall,
            "tokens": dict(tokens), "same": same}


def cluster(tenant=TENANT, roles=(), cloud=PUBLIC, server_id=AKS, pop=None, jwt=(), pods=3):
    """An API server. tenant, cloud, server_id: whose Entra tokens it takes (tenant None: nobody's); pop: the u of the only tokens that it
    takes, proofs of possession; jwt: issuers that it trusts by itself, see authenticator(); roles: who (client, group or user name) ->
    KUBE_ADMIN or KUBE_VIEW; pods: how many run there."""
    return {"tenant": tenant, "roles": dict(roles), "cloud": cloud, "server_id": server_id, "pop": pop, "jwt": list(jwt), "pods": pods}


def subscription(tenant=TENANT, name="A subscription", roles=(), condition="Enabled"):
    """What ARM shows to those who have a role there. roles: client -> ARM_READER or ARM_CONTRIBUTOR; condition: Enabled, Warned, Disabled ..."""
    return {"tenant": tenant, "name": name, "roles": dict(roles), "condition": condition}


def account(tenant=TENANT, roles=(), containers=(), subscription=SUBSCRIPTION, group=STATE_GROUP):
    """A storage account, NAME.blob.core.windows.net. roles: client -> BLOB_READER or BLOB_CONTRIBUTOR; containers: names of those it begins with."""
    return {"tenant": tenant, "roles": dict(roles), "containers": list(containers), "subscription": subscription, "group": group}


def authenticator(issuer, audience=CLUSTER_AUDIENCE, prefix="oidc:"):
    """One of an AuthenticationConfiguration: the user is prefix + sub, its groups prefix + each of `groups`."""
    return {"issuer": issuer, "audience": audience, "prefix": prefix}


def project(name):
    return {"id": str(uuid.uuid5(uuid.NAMESPACE_DNS, name)), "name": name}


def connection(key, name, mode, scheme, projects, client=APP, issuer=None, subject=None):
    """A connection to Azure Resource Manager, as the REST interface shows it; the first of its projects owns it."""
    federation = {"workloadIdentityFederationIssuer": issuer, "workloadIdentityFederationSubject": subject} if issuer else {}
    return {"id": key, "name": name, "type": "azurerm", "url": "https://management.azure.com/", "isShared": len(projects) > 1, "isReady": True, "owner": "library",
            "authorization": {"scheme": scheme, "parameters": {"tenantid": TENANT, "serviceprincipalid": client, **federation}},
            "data": {"subscriptionId": SUBSCRIPTION, "subscriptionName": SUBSCRIPTION_NAME, "environment": "AzureCloud", "scopeLevel": "Subscription", "creationMode": mode},
            "operationStatus": {"state": "Ready", "statusMessage": ""},
            "serviceEndpointProjectReferences": [{"projectReference": project(p), "name": name, "description": ""} for p in projects]}


PUSHER = {APP: ACR_PUSH}
FIRST_DAY = {
    "tenants": {TENANT: {"domain": TENANT_DOMAIN, "name": "Contoso"}, TENANT2: {"domain": TENANT2_DOMAIN, "name": "Fabrikam"}},
    "clients": {APP: client(OIDS[APP], secret=SECRET, groups=[GROUP_ADMINS, GROUP_DEVS]), UAMI: client(OIDS[UAMI], kind="uami", groups=[GROUP_DEVS], resource=UAMI_RESOURCE),
                APP2: client(OIDS[APP2]), FAB: client(OIDS[FAB], TENANT2), OPS: client(OIDS[OPS])},
    "fics": [
        fic(APP, ISSUER, SUBJECT), fic(APP, GITHUB_ISSUER, GITHUB_SUBJECT), fic(APP, GOOGLE_ISSUER, GOOGLE_SUBJECTS[GOOGLE_ACCOUNT]),
        fic(APP, VSTOKEN_ISSUER, CONNECTION_SUBJECT), fic(APP, AKS_ISSUER, AKS_SUBJECT),
        fic(APP, AWS_ISSUER, AWS_ROLE), fic(APP, ENTRA_ISSUER, CONNECTION_ENTRA_SUBJECT), fic(APP, ENTRA_ISSUER, OIDS[UAMI]),
        fic(UAMI, ISSUER, SUBJECT), fic(UAMI, AKS_ISSUER, AKS_SUBJECT, AUDIENCE_AKS, "aks"),
        fic(FAB, ISSUER, SUBJECT), fic(OPS, ISSUER, OPS_SUBJECT)],
    "directory": {OPS: GRAPH_WRITE},  # who may look at applications in Microsoft Graph, or change them
    "orgs": {"contoso": {"tenant": TENANT, "members": [APP, UAMI]}, "fabrikam": {"tenant": TENANT2, "members": [FAB]},
             "nomember": {"tenant": TENANT, "members": []}},
    "projects": {"contoso": [project(p) for p in ("shop", "my shop", "platform")], "fabrikam": [project("main")], "nomember": []},
    "connections": {"contoso": [
        connection(CONNECTION, "deploy", "Manual", "WorkloadIdentityFederation", ["shop"], issuer=VSTOKEN_ISSUER, subject=CONNECTION_SUBJECT),
        connection(CONNECTION_ENTRA, "deploy-new", "Manual", "WorkloadIdentityFederation", ["shop"], issuer=ENTRA_ISSUER, subject=CONNECTION_ENTRA_SUBJECT),
        connection(CONNECTION_OLD, "deploy-old", "Automatic", "ServicePrincipal", ["shop"]),
        connection(CONNECTION_HAND, "by hand", "Manual", "ServicePrincipal", ["my shop"]),
        connection(CONNECTION_SHARED, "shared", "Automatic", "ServicePrincipal", ["platform", "shop"])], "fabrikam": [], "nomember": []},
    "registries": {
        REGISTRY: registry(roles={APP: ACR_PUSH, UAMI: ACR_PULL}, tokens={
            ACR_TOKEN: {"password": ACR_TOKEN_PASSWORD, "repositories": {REPOSITORY: ["pull"]}}}),
        REGISTRY_EAST: registry(same=REGISTRY), REGISTRY2: registry(roles={APP: ACR_PULL}, arm=False),
        REGISTRY_FAB: registry(TENANT2, {FAB: ACR_PUSH}), REGISTRY_PUBLIC: registry(roles={UAMI: ACR_PUSH}, anonymous=True),
        REGISTRY_DNL: registry(roles=PUSHER), REGISTRY_USGOV: registry(roles=PUSHER, cloud=USGOV),
        REGISTRY_CHINA: registry(roles=PUSHER, cloud=CHINA), REGISTRY_CUSTOM: registry(roles=PUSHER, cloud=CUSTOM)},
    "clusters": {
        CLUSTER: cluster(roles={GROUP_ADMINS: KUBE_ADMIN, UAMI: KUBE_VIEW}), CLUSTER2: cluster(),
        CLUSTER_FAB: cluster(TENANT2, {FAB: KUBE_ADMIN}), CLUSTER_USGOV: cluster(roles={APP: KUBE_ADMIN}, cloud=USGOV),
        CLUSTER_OIDC: cluster(None, {"oidc:" + SUBJECT: KUBE_ADMIN, "oidc:" + GITHUB_SUBJECT: KUBE_VIEW},
                              jwt=[authenticator(ISSUER), authenticator(GITHUB_ISSUER)]),
        CLUSTER_ARC: cluster(roles={APP: KUBE_ADMIN, UAMI: KUBE_VIEW}, server_id=ARC, pop=CLUSTER_ARC_ID)},
    "subscriptions": {SUBSCRIPTION: subscription(name=SUBSCRIPTION_NAME, roles={APP: ARM_CONTRIBUTOR, UAMI: ARM_READER, OPS: ARM_CONTRIBUTOR}),
                      SUBSCRIPTION2: subscription(name="Contoso Dev", roles={UAMI: ARM_CONTRIBUTOR}),
                      SUBSCRIPTION_FAB: subscription(TENANT2, "Fabrikam", {FAB: ARM_CONTRIBUTOR})},
    "accounts": {STORAGE: account(roles={APP: BLOB_CONTRIBUTOR, UAMI: BLOB_READER}, containers=[STATE_CONTAINER])},
    # life: of access tokens; github_*, pipelines_*: of external ones; proxy_auth: "user:password" that the proxy demands;
    # acr_*_life: of a registry's tokens; acr_regional_aud: whom a regional endpoint's refresh token is for, its "host" or the "global" one
    # google: whether this is a machine of Google Cloud, its service account, those that it may act for
    # skew: of Entra's clock, when it looks at an assertion; machine: its identities: system (a client id or None), assigned (client ids), resource_ids (id -> client id); arc_key: {"path",
    # "value"} of the agent's file; old_agent: Arc's, that does not know client_id. machine_life: of its tokens
    # aws: outbound: the account has outbound federation; left: seconds of its sessions; off: regions that are not enabled;
    # on_ec2, role: whether this is an instance, and with which role (None: without); audiences: those that policies allow a token for (None: all)
    "settings": {"machine": {"system": None, "assigned": [UAMI], "resource_ids": {UAMI_RESOURCE: UAMI}, "arc_key": None, "old_agent": False},
                 "machine_life": 86399, "life": 3599, "skew": 300, "refresh_in": None, "github_life": 300, "google": {"on": True, "account": GOOGLE_ACCOUNT, "may_act": [GOOGLE_OTHER]}, "github_claims": {}, "pipelines_life": 600, "project_page": 2, "connection_admins": [OPS], "connection_polls": 2, "connection_fails": None,
                 "aws": {"outbound": True, "left": 3600, "off": [], "on_ec2": True, "role": "deploy", "audiences": None},
                 "proxy_auth": None, "acr_refresh_life": 10800, "acr_access_life": 4500, "acr_regional_aud": "host"},
}


class State:
    def __init__(self, folder):
        self.folder, self.repos = folder, os.path.join(folder, "repos")
        self.lock, self.generation, self.epoch = threading.RLock(), 0, 0
        self.keys = KeyRing(["entra", ISSUER])
        self.info, self.backends = {}, {}
        self.reset()

    def reset(self):
        """Forget what happened and what was changed; signing keys stay (making them is slow), but only the last of each."""
        with self.lock:
            self.generation, self.epoch = self.generation + 1, self.epoch + 1
            self.data = copy.deepcopy(FIRST_DAY)
            self.rows, self.faults, self.revoked = [], [], set()
            self.issued, self.refresh_tokens = {}, {}  # uti -> cloud; jti -> registry
            self.jwks_cache, self.lfs, self.writing = {}, {}, set()
            self.groups, self.blobs = {}, {}  # subscription -> name -> resource group; account -> container -> name -> blob
            self.running = self.most = self.total = 0
            self.keys.rings = {owner: ring[-1:] for owner, ring in self.keys.rings.items()}
            shutil.rmtree(self.repos, ignore_errors=True)
            os.makedirs(self.repos, mode=0o755)
            for backend in self.backends.values():
                backend.empty()

    def __getattr__(self, name):
        """state.tenants, state.clients, state.fics, state.orgs, state.registries, state.clusters, state.subscriptions, state.accounts, state.directory, state.projects, state.connections, state.settings"""
        if name in FIRST_DAY:
            return self.data[name]
        raise AttributeError(name)

    def log(self, **row):
        row = {"t": time.time(), **row}
        with self.lock:
            self.rows.append(row)
        return row

    def take(self, service, **seen):
        """The faults that apply to this request, each used up by one."""
        with self.lock:
            found = [f for f in self.faults if f.matches(service, seen)]
            return [f for f in found if f.use()]

    def peek(self, service, kind):
        """The first active fault of that kind, without using it up."""
        with self.lock:
            return next((f for f in self.faults if f.service == service and f.kind == kind and f.times != 0), None)

    def clock(self, service):
        """That service's idea of the time."""
        fault = self.peek(service, "clock")
        return time.time() + (fault.params.get("offset", 0) if fault else 0)

    def changed(self):
        """Something that Entra may have cached is out of date."""
        with self.lock:
            self.jwks_cache = {}

    @contextlib.contextmanager
    def counted(self, wanted):
        """Counts token requests, delays included: what proves single flight."""
        epoch = self.epoch
        if wanted:
            with self.lock:
                self.running, self.total = self.running + 1, self.total + 1
                self.most = max(self.most, self.running)
        try:
            yield
        finally:
            with self.lock:
                if wanted and self.epoch == epoch:
                    self.running -= 1

    def tenant(self, name):
        """The tenant's id for a GUID or domain, or None."""
        name = name.lower()
        return next((t for t, row in self.tenants.items() if name in (t, row["domain"])), None)
