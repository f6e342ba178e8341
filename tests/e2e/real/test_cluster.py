"""The laboratory itself: a real kube-apiserver takes the stand-in Entra's tokens and nothing else, a shell script being the exec plugin; Entra takes
its service accounts' tokens; and the stand-in's own API servers answer as this one does. Tests of daypass build upon this (see ../cluster.py)."""
import json
import time

import jwt
import pytest

from cloud.client import (AKS, AKS_SCOPE, APP, APP2, AZDO, CLUSTER, CLUSTER_AUDIENCE, CLUSTER_OIDC, FAB, GITHUB_ISSUER, GITHUB_SUBJECT, GROUP_ADMINS,
                          GROUP_DEVS, OIDS, SUBJECT, TENANT, TENANT2, UAMI)
from cloud.peers import exchange, kube
from e2e.cluster import ACCOUNT, NAMESPACE, ROLES

WHOAMI = "/apis/authentication.k8s.io/v1/selfsubjectreviews"
REVIEW = {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}
PLUGIN = """#!/bin/sh
printf %%s "$KUBERNETES_EXEC_INFO" >>%(folder)s/calls
printf '{"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential","status":{"token":"%%s"%(expiry)s}}\\n' "$(cat %(folder)s/token)"
"""


class Plugin:
    """The least that can be an exec plugin: it prints the token of the moment, and counts."""

    def __init__(self, place, cluster, expiry=None):
        self.place, self.folder = place, place.work
        script = place.script("plugin", PLUGIN % {"folder": self.folder, "expiry": f',"expirationTimestamp":"{expiry}"' if expiry else ""})
        self.user = {"exec": {"apiVersion": "client.authentication.k8s.io/v1", "command": str(script), "interactiveMode": "Never"}}
        place.write("work/calls", "")
        self.config = place.write("kubeconfig", cluster.kubeconfig(self.user))

    def calls(self):
        """How often it was called since the last look."""
        found = (self.folder / "calls").read_text().count("\n")
        self.place.write("work/calls", "")
        return found


@pytest.fixture
def run(place, cluster, kubectl):
    """kubectl with that token behind the plugin."""
    plugin = Plugin(place, cluster)

    def run(token, *args, rc=0):
        place.write("work/token", token)
        r = place.run([kubectl, *args], KUBECONFIG=plugin.config)
        assert r.rc == rc, r
        return r
    run.plugin = plugin
    return run


def whoami(run, token):
    return json.loads(run(token, "auth", "whoami", "-o", "json").out)["status"]["userInfo"]


# --- tokens of Entra's ---

def test_user_and_groups(run, cloud, cluster):
    seen = len(cluster.audit())
    mine = whoami(run, exchange(cloud, scope=AKS_SCOPE).json["access_token"])
    assert (mine["username"], mine["groups"]) == (OIDS[APP], [GROUP_ADMINS, GROUP_DEVS, "system:authenticated"])
    assert mine["extra"]["contoso.test/oid"] == [OIDS[APP]] and run.plugin.calls() == 1
    assert [r["user"]["username"] for r in cluster.audit(seen) if r["requestURI"].startswith(WHOAMI)] == [OIDS[APP]]
    assert whoami(run, cloud.token(APP, AKS, upn="ada@contoso.test"))["username"] == "ada@contoso.test"


def test_roles(run, cloud):
    run(cloud.token(UAMI, AKS), "get", "ns")
    assert "secrets is forbidden" in run(cloud.token(UAMI, AKS), "get", "secrets", rc=1).err
    run(cloud.token(APP, AKS), "get", "secrets")
    assert "namespaces is forbidden" in run(cloud.token(APP2, AKS), "get", "ns", rc=1).err


@pytest.mark.parametrize("bad", ["expired", "audience", "spn", "issuer", "tenant", "other tenant's issuer", "stranger", "nobody's"])
def test_unauthorized(run, cloud, bad):
    token = {"expired": lambda: cloud.token(APP, AKS, exp=int(time.time()) - 1), "audience": lambda: cloud.token(APP, AZDO),
             "spn": lambda: cloud.token(APP, "spn:" + AKS), "issuer": lambda: cloud.mint(aud=AKS), "tenant": lambda: cloud.token(APP, AKS, tid="x"),
             "other tenant's issuer": lambda: cloud.token(FAB, AKS), "nobody's": lambda: "x.y.z",
             "stranger": lambda: cloud.mint(iss=f"https://sts.windows.net/{TENANT}/", aud=AKS, tid=TENANT, oid="o", key="stranger")}[bad]()
    r = run(token, "get", "--raw", "/version", rc=1)
    assert r.err.strip().endswith("You must be logged in to the server (Unauthorized)") or "Unauthorized" in r.err, r
    assert run.plugin.calls() == 2  # once more after the 401; and the request is not made again
    assert run(cloud.token(APP, AKS), "get", "--raw", "/version").rc == 0


def test_keys_change(run, cloud):
    old, used = cloud.token(APP, AKS), cloud.token(UAMI, AKS)
    run(used, "get", "ns")
    cloud.rotate("entra")
    whoami(run, cloud.token(APP, AKS))  # an unknown key: the server asks for the keys anew
    run(old, "get", "ns", rc=1)
    run(used, "get", "ns")  # it remembers what was good for 10 s


def test_one_call_of_the_plugin_for_each_kubectl(run, place, cloud, cluster, kubectl):
    token = cloud.token(APP, AKS)
    for words in ("version", "get pods -A", "api-resources", "get ns", "get cm,secrets,sa,pods,svc,deploy -A"):
        run(token, *words.split())
        assert run.plugin.calls() == 1, words
    past = Plugin(place, cluster, "2026-01-01T00:00:00Z")
    for words, requests in (("get --raw /version", 1), ("get ns", 3)):
        seen = len(cluster.audit())
        assert place.run([kubectl, *words.split()], KUBECONFIG=past.config, HOME=place.folder / "another").rc == 0
        assert (past.calls(), len(cluster.audit(seen))) == (requests, requests), "an expiry that is past: once for each request"


# --- an issuer's own tokens ---

def test_structured_authentication(run, cloud):
    mine = whoami(run, cloud.mint(aud=CLUSTER_AUDIENCE, groups=["builders"]))
    assert (mine["username"], mine["groups"]) == ("oidc:" + SUBJECT, ["oidc:builders", "system:authenticated"])
    assert whoami(run, cloud.mint(iss=GITHUB_ISSUER, sub=GITHUB_SUBJECT, aud=CLUSTER_AUDIENCE))["username"] == "oidc:" + GITHUB_SUBJECT
    for bad in (cloud.mint(), cloud.mint(aud=CLUSTER_AUDIENCE, life=-1), cloud.mint(aud=CLUSTER_AUDIENCE, key="stranger")):
        run(bad, "get", "--raw", "/version", rc=1)


# --- full circle ---

def test_a_service_account_is_a_federated_source(run, cloud, cluster):
    assertion = cluster.service_token()
    claims = jwt.decode(assertion, options={"verify_signature": False})
    assert (claims["iss"], claims["sub"]) == (cluster.issuer, f"system:serviceaccount:{NAMESPACE}:{ACCOUNT}") and claims["exp"] - claims["iat"] == 3600
    assert exchange(cloud, assertion=assertion, scope=AKS_SCOPE).json["error_codes"] == [700211]
    cluster.federate(cloud)
    assert whoami(run, exchange(cloud, assertion=assertion, scope=AKS_SCOPE).json["access_token"])["username"] == OIDS[APP]
    assert [r["path"] for r in cloud.log(kind="internal")] == [], "Entra asked the API server itself, not the stand-in"
    assert exchange(cloud, assertion=cluster.service_token("api://other"), scope=AKS_SCOPE).json["error_codes"] == [700212]
    run(assertion, "get", "--raw", "/version", rc=1)  # it is for Entra, not for the API server


# --- the stand-in beside it ---

def both(cluster, host, token, path, body=None):
    """What each says, the failures byte for byte, the rest without ids, times and versions."""
    found = []
    more = ["-d", json.dumps(body), "-H", "Content-Type: application/json"] if body else []
    for answer, data in ((a := cluster.call("POST" if body else "GET", path, body, token), a.data), (a := kube(token, path, *more, host=host), a.body)):
        if answer.status in (200, 201):
            info = answer.json.get("status", {}).get("userInfo", {})
            data = [sorted(answer.json), answer.json.get("kind"), answer.json.get("apiVersion"), info.get("username"), info.get("groups")]
        found.append((answer.status, data))
    return found


@pytest.mark.parametrize("client", [APP, UAMI, APP2, "expired", "other", None])
def test_the_stand_in_answers_as_the_real_one(cloud, cluster, client):
    token = {"expired": lambda: cloud.token(APP, AKS, exp=int(time.time()) - 1), "other": lambda: cloud.token(APP, AZDO)}.get(
        client, lambda: client and cloud.token(client, AKS))()
    for path in ("/version", "/api/v1/namespaces", "/api/v1/namespaces/none", "/api/v1/namespaces/default/pods/none", "/api/v1/namespaces/default/secrets",
                 "/api/v1/namespaces/default/secrets/none", "/apis/apps/v1/deployments", "/apis/apps/v1/namespaces/default/deployments/none", "/nothing"):
        real, ours = both(cluster, CLUSTER, token, path)
        assert ours == real, path
    real, ours = both(cluster, CLUSTER, token, WHOAMI, REVIEW)
    assert ours == real


def test_the_stand_in_takes_an_issuers_tokens_as_the_real_one(cloud, cluster):
    for how, status in ((dict(), 201), (dict(groups=["a", "b"]), 201), (dict(sub="other"), 201), (dict(nbf=45), 201), (dict(nbf=75), 401), (dict(life=-1), 401),
                        (dict(key="stranger"), 401), (dict(aud="x"), 401), (dict(aud=["x", CLUSTER_AUDIENCE]), 201)):
        real, ours = both(cluster, CLUSTER_OIDC, cloud.mint(**{"aud": CLUSTER_AUDIENCE, **how}), WHOAMI, REVIEW)
        assert ours == real and real[0] == status, how


# --- daypass kube check ---

@pytest.fixture
def check(place, cluster):
    """With that user of a kubeconfig; the status and what was said."""
    def check(exec, rc=0):
        stanza = {"apiVersion": "client.authentication.k8s.io/v1", "interactiveMode": "Never", **exec}
        path = place.write("kubeconfig", cluster.kubeconfig({"exec": stanza}))
        r = place.run(["daypass", "kube", "check", "--kubeconfig", path])
        assert r.rc == rc and (rc or not r.err), r
        return r.out + r.err
    return check


OURS = {"command": "daypass", "args": ["kube", "get-token", "--server-id", AKS]}


def test_check_all_is_well(place, check, cluster):
    place.pod()
    seen = len(cluster.audit())
    told = check(OURS)
    assert f"you are {OIDS[APP]}" in told and GROUP_ADMINS in told and "all is well" in told
    assert [r["requestURI"] for r in cluster.audit(seen)] == [WHOAMI], "one request"


def test_check_tells_a_stale_token_from_a_refused_one(place, check, cloud, cluster):
    """The kept token was never shown to the server, which remembers for 10 s what was good."""
    place.pod()
    assert place.run(["kubectl-daypass", "get-token", "--server-id", AKS]).rc == 0
    cloud.rotate("entra")
    assert cluster.call("GET", "/version", token=cloud.token(UAMI, AKS)).status == 200  # an unknown key: it asks for the keys anew
    told = check(OURS)
    assert "the kept token was refused" in told and "all is well" in told and len(cloud.exchanges()) == 2
    assert "the kept token" not in check(OURS) and len(cloud.exchanges()) == 2


def test_check_a_fresh_token_that_the_server_does_not_trust(place, check, cloud):
    place.pod(FAB, TENANT2)
    told = check(OURS, rc=6)
    assert "a fresh token, as it did to the one before" in told and f"tenant {TENANT2}" in told and "az aks show" in told


def test_check_a_wrong_audience(place, check, cloud):
    answer = json.dumps({"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential", "status": {"token": cloud.token(APP, AZDO)}})
    other = {"command": str(place.script("other", f"echo '{answer}'"))}
    assert f"the token's audience is {AZDO}, and the cluster wants {AKS}" in check({**other, "args": ["get-token", "--server-id", AKS]}, rc=6)
    told = check(other, rc=6)
    assert "Unauthorized" in told and f"audience {AZDO}" in told


def exec_of(**change):
    return lambda user: {"exec": {k: v for k, v in {**user["exec"], **change}.items() if v is not None}}


VERDICTS = [  # what becomes of the user, and how it goes on
    ("ok", lambda user: user), ("ok", exec_of(apiVersion="client.authentication.k8s.io/v1beta1", interactiveMode=None)), ("ok", exec_of(command="./plugin")),
    ("ok", exec_of(provideClusterInfo=True)),
    ("user", exec_of(interactiveMode=None)), ("user", exec_of(interactiveMode="Maybe")), ("user", exec_of(apiVersion="client.authentication.k8s.io/v1alpha1")),
    ("user", exec_of(apiVersion=None)), ("user", exec_of(command=None)), ("user", exec_of(env=[{"value": "x"}])), ("user", exec_of(env=[{"name": "x", "value": 1}])),
    ("user", exec_of(args=[1])), ("user", lambda user: {}), ("user", lambda user: {**user, "token": "x"}), ("user", lambda user: {**user, "username": "x", "password": "y"}),
    ("user", lambda user: {**user, "auth-provider": {"name": "azure", "config": {}}}), ("user", lambda user: {"auth-provider": {"name": "azure", "config": {}}}),
    ("program", exec_of(command="nowhere")), ("program", exec_of(command="work/none")), ("plugin", exec_of(command="./plugin", apiVersion="client.authentication.k8s.io/v1beta1")),
    ("plugin", exec_of(command="false"))]


@pytest.mark.parametrize("case", range(len(VERDICTS)))
def test_check_and_kubectl_agree(place, cloud, cluster, kubectl, case):
    """Where we say that all is well kubectl works, and where we say that something is wrong it does not; the plugin is asked by both or by neither."""
    step, change = VERDICTS[case]
    plugin = Plugin(place, cluster)
    place.write("work/token", cloud.token(APP, AKS))
    user = change(plugin.user)
    if user.get("exec", {}).get("command") == "./plugin":
        (place.folder / "plugin").symlink_to(place.work / "plugin")
    if case == 1:
        place.script("plugin", (place.work / "plugin").read_text().replace("k8s.io/v1\"", "k8s.io/v1beta1\""))
    path = place.write("kubeconfig", cluster.kubeconfig(user))
    told = place.run(["daypass", "kube", "check", "--kubeconfig", path], cwd=place.home)
    assert (told.rc == 0) == (step == "ok") and (step == "ok" or f"  wrong  {step}" in told.out), told
    asked = (plugin.folder / "calls").read_text()
    place.write("work/calls", "")
    r = place.run([kubectl, "get", "--raw", "/version"], KUBECONFIG=path, cwd=place.home)
    assert (r.rc == 0) == (step == "ok"), (told, r)
    assert asked == (plugin.folder / "calls").read_text(), "what it is told, to the byte, as often"


@pytest.mark.parametrize("first,well", [({"users": [{"name": "u", "user": {"token": "x"}}]}, False), ({"current-context": "other"}, False), ({"current-context": ""}, True),
                                        ({"clusters": [{"name": "c", "cluster": {"server": "https://127.0.0.1:1"}}]}, False), ({"users": [{"name": "v", "user": {}}]}, True),
                                        ({"contexts": [{"name": "c", "context": {"cluster": "c", "user": "v"}}]}, False),
                                        ({"clusters": [{"name": "c", "cluster": {"tls-server-name": "localhost"}}]}, False)])
def test_check_merges_files_as_kubectl_does(place, cloud, cluster, kubectl, first, well):
    """The first file that has an entry has it whole."""
    plugin = Plugin(place, cluster)
    place.write("work/token", cloud.token(APP, AKS))
    paths = f"{place.folder}/none:{place.write('first', json.dumps({'apiVersion': 'v1', 'kind': 'Config', **first}))}:{plugin.config}"
    told = place.run(["daypass", "kube", "check"], KUBECONFIG=paths)
    assert (place.run([kubectl, "get", "--raw", "/version"], KUBECONFIG=paths).rc == 0, told.rc == 0) == (well, well), told


# --- daypass asks the API server for a token ---

@pytest.mark.parametrize("named", [False, True])
def test_a_service_accounts_token_becomes_a_clone(place, cloud, cluster, named):
    """The real API server writes it, its issuer's own keys are what the stand-in Entra looks it up by, and git gets a clone."""
    cluster.federate(cloud)
    rules = [{"apiGroups": [""], "resources": ["serviceaccounts/token"], "resourceNames": [ACCOUNT], "verbs": ["create"]}]
    cluster.make(ROLES, "ClusterRole", "lab-token-request", "rbac.authorization.k8s.io/v1", rules=rules)
    pod = "pod" if named else ACCOUNT
    cluster.make(f"/api/v1/namespaces/{NAMESPACE}/serviceaccounts", "ServiceAccount", pod)
    cluster.bind("lab-token-request", "User", f"system:serviceaccount:{NAMESPACE}:{pod}")
    path = place.write("sa/token", cluster.service_token(audience=cluster.issuer, account=pod))
    place.write("sa/ca.crt", cluster.ca.read_text())
    place.config(f"[identity default]\ntenant = {TENANT}\nclient-id = {APP}\nsource = kubernetes\ntoken-file = {path}\n" +
                 (f"service-account = {NAMESPACE}/{ACCOUNT}\n" if named else ""))
    place.identity = {"KUBERNETES_SERVICE_HOST": "127.0.0.1", "KUBERNETES_SERVICE_PORT": str(cluster.port)}
    place.gitconfig()
    assert (place.clone() / ".git").is_dir() and len(cloud.exchanges()) == 1
    r = place.run(["daypass", "doctor", "https://dev.azure.com/contoso"])
    assert r.rc == 0 and f"system:serviceaccount:{NAMESPACE}:{ACCOUNT}" in r.out, r
