"""The laboratory itself: a real kube-apiserver takes the stand-in Entra's tokens and nothing else, a shell script being the exec plugin; Entra takes
its service accounts' tokens; and the stand-in's own API servers answer as this one does. Tests of daypass build upon this (see ../cluster.py)."""
import json
import time

import jwt
import pytest

from cloud.client import (AKS, AKS_SCOPE, APP, APP2, AZDO, CLUSTER, CLUSTER_AUDIENCE, CLUSTER_OIDC, FAB, GITHUB_ISSUER, GITHUB_SUBJECT, GROUP_ADMINS,
                          GROUP_DEVS, OIDS, SUBJECT, TENANT, UAMI)
from cloud.peers import exchange, kube
from e2e.cluster import ACCOUNT, NAMESPACE

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
