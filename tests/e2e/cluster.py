"""A real Kubernetes for a test module: etcd and kube-apiserver on loopback, in a folder of their own, ended with it. It trusts the stand-in
Entra's v1 tokens for AKS, and tokens of ISSUER and GITHUB_ISSUER for CLUSTER_AUDIENCE; its own service accounts' tokens Entra can trust in turn.
There is no kubelet, scheduler or controller: objects can be made, and nothing happens to them."""
import http.client
import json
import os
import shutil
import socket
import ssl
import subprocess
import tempfile
from pathlib import Path

from cloud.client import (AKS, APP, AUDIENCE, CLUSTER_AUDIENCE, GITHUB_ISSUER, ISSUER, KUBE_ADMIN, OIDS, TENANT, UAMI, Cloud)
from cloud.peers import kubeconfig
from e2e.place import ALLOWED, wait_until

CACHE = Path(os.environ.get("DAYPASS_TEST_CACHE") or Path.home() / ".cache" / "daypass-tests")
ADMIN = "lab-admin-token"
NAMESPACE, ACCOUNT = "ci", "builder"
PUBLIC_PATHS = ("/livez", "/readyz", "/.well-known/openid-configuration", "/openid/v1/jwks")
ROLES, BINDINGS = (f"/apis/rbac.authorization.k8s.io/v1/{name}" for name in ("clusterroles", "clusterrolebindings"))


def program(name):
    """What fetch_kube.sh built, or None."""
    found = sorted((CACHE / "kube").glob(f"{name}-[0-9]*"))
    return found[-1] if found else None


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def authentication(ca):
    """An AuthenticationConfiguration: users are named as AKS and the stand-in name them."""
    def jwt(url, audience, mappings, rules=()):
        return {"issuer": {"url": url, "audiences": [audience], "certificateAuthority": ca}, "claimMappings": mappings, "claimValidationRules": list(rules)}
    entra = {"username": {"expression": "claims.?upn.orValue(claims.oid)"}, "groups": {"claim": "groups", "prefix": ""},
             "extra": [{"key": "contoso.test/oid", "valueExpression": "claims.oid"}]}
    oidc = {"username": {"claim": "sub", "prefix": "oidc:"}, "groups": {"claim": "groups", "prefix": "oidc:"}}
    return {"apiVersion": "apiserver.config.k8s.io/v1", "kind": "AuthenticationConfiguration",
            "anonymous": {"enabled": True, "conditions": [{"path": p} for p in PUBLIC_PATHS]},
            "jwt": [jwt(f"https://sts.windows.net/{TENANT}/", AKS, entra, [{"expression": f"claims.tid == '{TENANT}'", "message": "another tenant"}]),
                    jwt(ISSUER, CLUSTER_AUDIENCE, oidc), jwt(GITHUB_ISSUER, CLUSTER_AUDIENCE, oidc)]}


class Cluster:
    def __init__(self):
        self.folder = Path(tempfile.mkdtemp(prefix="kube-", dir=os.environ["DAYPASS_TEST_DIR"]))
        self.port, self.running = free_port(), []
        self.url = self.issuer = f"https://127.0.0.1:{self.port}"
        self.ca, self.log = self.folder / "certs" / "apiserver.crt", self.folder / "audit.log"

    # --- the two programs ---

    def start(self):
        try:
            self._start()
        except BaseException:
            self.stop()
            raise
        return self

    def _start(self):
        with open(Cloud().info()["ca"]) as f:
            self.write("authentication.yaml", json.dumps(authentication(f.read())))
        self.write("tokens.csv", f'{ADMIN},lab-admin,1,"system:masters"\n')
        self.write("audit.yaml", json.dumps({"apiVersion": "audit.k8s.io/v1", "kind": "Policy", "omitStages": ["RequestReceived"],
                                             "rules": [{"level": "Metadata"}]}))
        subprocess.run(["openssl", "genrsa", "-out", self.folder / "sa.key", "2048"], check=True, capture_output=True)
        client, peer = (f"http://127.0.0.1:{free_port()}" for _ in range(2))
        self.run("etcd", "--unsafe-no-fsync", f"--data-dir={self.folder}/etcd", f"--listen-client-urls={client}", f"--advertise-client-urls={client}",
                 f"--listen-peer-urls={peer}", f"--initial-advertise-peer-urls={peer}", f"--initial-cluster=default={peer}", "--log-level=error")
        self.run("kube-apiserver", f"--etcd-servers={client}", "--bind-address=127.0.0.1", "--advertise-address=127.0.0.1", f"--secure-port={self.port}",
                 f"--cert-dir={self.folder}/certs", "--endpoint-reconciler-type=none", "--service-cluster-ip-range=10.0.0.0/24", "--authorization-mode=RBAC",
                 "--disable-admission-plugins=ServiceAccount", f"--service-account-issuer={self.issuer}", f"--service-account-key-file={self.folder}/sa.key",
                 f"--service-account-signing-key-file={self.folder}/sa.key", f"--authentication-config={self.folder}/authentication.yaml",
                 f"--token-auth-file={self.folder}/tokens.csv", f"--audit-policy-file={self.folder}/audit.yaml", f"--audit-log-path={self.log}")
        wait_until(self.ready, "the API server is ready", 120)
        self.furnish()

    def write(self, name, text):
        (self.folder / name).write_text(text)
        (self.folder / name).chmod(0o600)

    def run(self, name, *arguments):
        env = {k: os.environ[k] for k in (*ALLOWED, "PATH") if k in os.environ}
        with open(self.folder / f"{name}.log", "wb") as log:
            self.running.append(subprocess.Popen([program(name), *arguments], env={**env, "HOME": str(self.folder)}, cwd=self.folder, stdin=subprocess.DEVNULL,
                                                 stdout=log, stderr=log))

    def ready(self):
        for p in self.running:
            if p.poll() is not None:
                raise AssertionError(f"{p.args[0]} ended: " + (self.folder / (Path(p.args[0]).name.rpartition("-")[0] + ".log")).read_text()[-3000:])
        try:
            return self.call("GET", "/readyz").status == 200
        except OSError:
            return False

    def stop(self):
        """What was started here, in reverse, and nothing else."""
        for p in reversed(self.running):
            p.terminate()
            try:
                p.wait(10)
            except subprocess.TimeoutExpired:
                p.kill()
                p.wait()
        shutil.rmtree(self.folder, ignore_errors=True)

    # --- what is in it ---

    def furnish(self):
        """The roles of the stand-in's CLUSTER and CLUSTER_OIDC, a service account, and its issuer's documents for everybody; then wait until the
        first token of Entra's is taken: the server reads an issuer's keys in its own time."""
        self.make(ROLES, "ClusterRole", "lab-view", "rbac.authorization.k8s.io/v1", rules=[  # `view` itself is empty: a controller fills it
            {"apiGroups": ["", "apps"], "resources": ["namespaces", "pods", "configmaps", "serviceaccounts", "deployments"],
             "verbs": ["get", "list", "watch"]}])
        self.bind("lab-view", "User", OIDS[UAMI])
        self.bind(KUBE_ADMIN, "User", OIDS[APP])
        self.bind("system:service-account-issuer-discovery", "Group", "system:unauthenticated")
        self.make("/api/v1/namespaces", "Namespace", NAMESPACE)
        self.make(f"/api/v1/namespaces/{NAMESPACE}/serviceaccounts", "ServiceAccount", ACCOUNT)
        cloud = Cloud()
        for token in (cloud.token(APP, AKS), cloud.mint(aud=CLUSTER_AUDIENCE), cloud.mint(iss=GITHUB_ISSUER, aud=CLUSTER_AUDIENCE)):
            wait_until(lambda: self.call("GET", "/version", token=token).status == 200, "the API server knows the issuers' keys", 60)

    def bind(self, role, kind, name):
        body = {"roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": role},
                "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": kind, "name": name}]}
        self.make(BINDINGS, "ClusterRoleBinding", f"lab-{role}-{kind.lower()}-{name}".replace(":", "-"), "rbac.authorization.k8s.io/v1", **body)

    def make(self, path, kind, name, version="v1", **more):
        answer = self.call("POST", path, {"apiVersion": version, "kind": kind, "metadata": {"name": name}, **more}, ADMIN)
        assert answer.status in (201, 409), answer.data

    def call(self, method, path, body=None, token=None):
        """One request, as curl would make it; the answer has status, data (bytes) and json."""
        context = ssl.create_default_context(cafile=self.ca) if self.ca.exists() else ssl._create_unverified_context()
        there = http.client.HTTPSConnection("127.0.0.1", self.port, context=context, timeout=60)
        there.request(method, path, json.dumps(body) if body is not None else None, {
            **({"Authorization": f"Bearer {token}"} if token else {}), "Content-Type": "application/json"})
        answer = there.getresponse()
        answer.data = answer.read()
        there.close()
        answer.json = json.loads(answer.data) if answer.data.startswith(b"{") else None
        return answer

    # --- what tests ask for ---

    def service_token(self, audience=AUDIENCE, life=3600, account=ACCOUNT):
        """A projected service-account token, as the kubelet would write it into a pod."""
        answer = self.call("POST", f"/api/v1/namespaces/{NAMESPACE}/serviceaccounts/{account}/token", {
            "apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {"audiences": [audience], "expirationSeconds": life}}, ADMIN)
        assert answer.status == 201, answer.data
        return answer.json["status"]["token"]

    def federate(self, cloud, client=APP, account=ACCOUNT, audience=None):
        """Entra trusts that service account from now on, until the cloud's reset()."""
        cloud.fic("add", client=client, issuer=self.issuer, subject=f"system:serviceaccount:{NAMESPACE}:{account}", audience=audience)

    def kubeconfig(self, user, **cluster):
        """Its text, with one context; user: {"token": ...} or {"exec": {...}}."""
        return kubeconfig(self.url, user, self.ca.read_text(), **cluster)

    def audit(self, since=0):
        """Who asked for what, in order: rows with user, verb, requestURI, responseStatus; `since`: that many rows are known already."""
        return [json.loads(line) for line in self.log.read_text().splitlines()][since:]
