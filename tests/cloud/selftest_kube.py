"""The stand-in's Kubernetes API servers: judged by curl, PyJWT and the machine's own kubectl. Run it inside, as selftest.py."""
import base64
import hashlib
import json
import os
import re
import shutil
import time
import uuid

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from cloud.client import (AKS, AKS_SCOPE, APP, APP2, ARC, ARC_SCOPE, AZDO, CLUSTER, CLUSTER2, CLUSTER_ARC, CLUSTER_ARC_ID, CLUSTER_AUDIENCE,
                          CLUSTER_FAB, CLUSTER_OIDC, CLUSTER_USGOV, FAB, GITHUB_ISSUER, GITHUB_SUBJECT, GROUP_ADMINS, GROUP_DEVS, ISSUER,
                          KUBE_ADMIN, KUBE_VIEW, OIDS, PUBLIC, SUBJECT, TENANT, TENANT2, UAMI, USGOV)
from cloud.peers import Kubectl, curl, exchange, kube

WHOAMI, NAMESPACES = "/apis/authentication.k8s.io/v1/selfsubjectreviews", "/api/v1/namespaces"
needs_kubectl = pytest.mark.skipif(not shutil.which("kubectl"), reason="not run: no kubectl here")


def status(answer, code, reason, message):
    """A Status object, as the real server writes it."""
    assert (answer.status, answer.json["reason"], answer.json["code"]) == (code, reason, code), answer.body
    assert (answer.json["kind"], answer.json["apiVersion"], answer.json["status"]) == ("Status", "v1", "Failure")
    assert answer.json["message"] == message and answer.all("audit-id"), answer.body


def refused(cloud, answer, why):
    status(answer, 401, "Unauthorized", "Unauthorized")
    assert answer.body == (b'{"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure","message":"Unauthorized",'
                           b'"reason":"Unauthorized","code":401}\n')
    assert why in cloud.kube()[-1]["why"], cloud.kube()[-1]["why"]


def whoami(token, host=CLUSTER):
    answer = kube(token, WHOAMI, "-d", "{}", "-H", "Content-Type: application/json", host=host)
    assert (answer.status, answer.json["kind"]) == (201, "SelfSubjectReview"), answer.body
    return answer.json["status"]["userInfo"]


# --- AKS ---

def test_from_exchange_to_whoami(cloud):
    token = exchange(cloud, scope=AKS_SCOPE).json["access_token"]
    keys = {k["kid"]: k for k in curl("https://login.microsoftonline.com/common/discovery/keys").json["keys"]}
    claims = jwt.decode(token, jwt.PyJWK(keys[jwt.get_unverified_header(token)["kid"]], "RS256").key, algorithms=["RS256"], audience=AKS,
                        issuer=f"https://sts.windows.net/{TENANT}/")
    assert (claims["ver"], claims["tid"], claims["appid"], claims["oid"]) == ("1.0", TENANT, APP, OIDS[APP])
    assert claims["groups"] == [GROUP_ADMINS, GROUP_DEVS]
    assert whoami(token) == {"username": OIDS[APP], "groups": [GROUP_ADMINS, GROUP_DEVS, "system:authenticated"], "extra": {"oid": [OIDS[APP]]}}
    row = cloud.kube(CLUSTER)[0]
    assert (row["status"], row["user"], row["auth"]) == (201, OIDS[APP], "Bearer " + token)


def test_a_person_is_named_by_upn(cloud):
    assert whoami(cloud.token(APP, AKS, upn="ada@contoso.test"))["username"] == "ada@contoso.test"


def test_roles(cloud):
    admin, viewer, nobody = (cloud.token(c, AKS) for c in (APP, UAMI, APP2))
    secrets = "/api/v1/namespaces/default/secrets"
    assert [kube(t, NAMESPACES).status for t in (admin, viewer, nobody)] == [200, 200, 403]
    assert [kube(t, secrets).status for t in (admin, viewer, nobody)] == [200, 403, 403]
    assert [kube(t, "/version").status for t in (admin, viewer, nobody)] == [200, 200, 200]
    answer = kube(nobody, NAMESPACES)
    status(answer, 403, "Forbidden",
           f'namespaces is forbidden: User "{OIDS[APP2]}" cannot list resource "namespaces" in API group "" at the cluster scope')
    status(kube(viewer, secrets + "/s"), 403, "Forbidden",
           f'secrets "s" is forbidden: User "{OIDS[UAMI]}" cannot get resource "secrets" in API group "" in the namespace "default"')
    status(kube(nobody, "/nothing"), 403, "Forbidden", f'forbidden: User "{OIDS[APP2]}" cannot get path "/nothing"')
    status(kube(viewer, NAMESPACES, "-X", "POST", "-d", "{}"), 403, "Forbidden",
           f'namespaces is forbidden: User "{OIDS[UAMI]}" cannot create resource "namespaces" in API group "" at the cluster scope')
    status(kube(admin, NAMESPACES, "-X", "POST", "-d", "{}"), 405, "MethodNotAllowed", "the server does not allow this method on the requested resource")
    status(kube(admin, NAMESPACES + "/none"), 404, "NotFound", 'namespaces "none" not found')
    status(kube(admin, "/api/v1/nodes"), 404, "NotFound", "the server could not find the requested resource")
    assert kube(admin, "/nothing").status == 404 and kube(cloud.token(APP, AKS), NAMESPACES, host=CLUSTER2).status == 403
    cloud.cluster(CLUSTER, roles={APP2: KUBE_VIEW})
    assert [kube(t, NAMESPACES).status for t in (admin, viewer, nobody)] == [403, 403, 200]
    cloud.client(APP2, groups=[GROUP_ADMINS])
    cloud.cluster(CLUSTER, roles={GROUP_ADMINS: KUBE_ADMIN})
    assert kube(nobody, NAMESPACES).status == 403 and kube(cloud.token(APP2, AKS), NAMESPACES).status == 200


def test_strangers(cloud):
    now = int(time.time())
    good = cloud.token(APP, AKS)
    for token, why in ((None, "no bearer"), ("", "no bearer"), ("x", "not a JWT"), ("a.b.c", "not a JWT"), (good[:-4] + "AAAA", "signature"),
                       (cloud.token(APP, AKS, exp=now - 1), "expired"), (cloud.token(APP, AKS, exp=None), "expired"),
                       (cloud.token(APP, AKS, nbf=now + 75), "not valid yet"), (cloud.token(APP, AZDO), "audience"),
                       (cloud.token(APP, "spn:" + AKS), "audience"), (cloud.token(APP, AKS + "/"), "audience"), (cloud.token(APP, ARC), "audience"),
                       (cloud.token(APP, AKS, iss=f"https://login.microsoftonline.com/{TENANT}/v2.0"), "issuer"), (cloud.token(FAB, AKS), "issuer"),
                       (cloud.token(APP, AKS, tid=TENANT2), "issuer"), (cloud.mint(aud=AKS), "issuer"),
                       (cloud.mint(iss=f"https://sts.windows.net/{TENANT}/", aud=AKS, tid=TENANT, key="stranger"), "signature")):
        refused(cloud, kube(token, "/version"), why)
    refused(cloud, curl("-u", "a:b", f"https://{CLUSTER}/version"), "no bearer")
    assert kube(cloud.token(APP, AKS, nbf=now + 45), "/version").status == 200 and kube(good, "/version").json["gitVersion"].startswith("v1.34")
    assert curl(f"http://{CLUSTER}/version").rc == 52


def test_keys_and_revocation(cloud):
    old, other = cloud.token(APP, AKS), cloud.token(UAMI, AKS)
    cloud.revoke(old)
    refused(cloud, kube(old, "/version"), "revoked")
    assert kube(other, "/version").status == 200
    cloud.rotate("entra", keep_old=True)
    assert kube(other, "/version").status == 200
    cloud.rotate("entra")
    refused(cloud, kube(other, "/version"), "signature")
    assert kube(cloud.token(UAMI, AKS), "/version").status == 200
    cloud.fault("kube", "clock", offset=3700)
    refused(cloud, kube(cloud.token(UAMI, AKS), "/version"), "expired")


def test_tenants_and_clouds(cloud):
    assert whoami(cloud.token(FAB, AKS), CLUSTER_FAB)["username"] == OIDS[FAB]
    refused(cloud, kube(cloud.token(APP, AKS), "/version", host=CLUSTER_FAB), "issuer")
    assert kube(cloud.token(APP, AKS, cloud=USGOV), NAMESPACES, host=CLUSTER_USGOV).status == 200
    refused(cloud, kube(cloud.token(APP, AKS, cloud=USGOV), "/version"), "another cloud")
    refused(cloud, kube(cloud.token(APP, AKS, cloud=PUBLIC), "/version", host=CLUSTER_USGOV), "another cloud")
    cloud.cluster("new-dns-00000000.hcp.eastus.azmk8s.io", roles={APP: KUBE_VIEW}, pods=40)
    answer = kube(cloud.token(APP, AKS), "/api/v1/pods", host="new-dns-00000000.hcp.eastus.azmk8s.io")
    assert len(answer.json["items"]) == 40
    cloud.reset()
    assert curl("https://new-dns-00000000.hcp.eastus.azmk8s.io/version").rc != 0


def test_too_many_groups(cloud):
    groups = [str(uuid.uuid4()) for _ in range(201)]
    cloud.client(APP, groups=groups[:200])
    assert whoami(cloud.token(APP, AKS))["groups"] == [*groups[:200], "system:authenticated"]
    cloud.client(APP, groups=groups)
    token = cloud.token(APP, AKS)
    claims = jwt.decode(token, options={"verify_signature": False})
    assert "groups" not in claims and claims["_claim_names"] == {"groups": "src1"}
    assert whoami(token)["groups"] == ["system:authenticated"] and kube(token, NAMESPACES).status == 403
    assert "groups" not in jwt.decode(cloud.token(APP, AZDO), options={"verify_signature": False})


# --- an issuer's own tokens ---

def test_structured_authentication(cloud):
    token = cloud.mint(aud=CLUSTER_AUDIENCE, groups=["builders"])
    assert whoami(token, CLUSTER_OIDC) == {"username": "oidc:" + SUBJECT, "groups": ["oidc:builders", "system:authenticated"]}
    assert kube(token, NAMESPACES, host=CLUSTER_OIDC).status == 200
    assert kube(cloud.mint(aud=["x", CLUSTER_AUDIENCE]), "/version", host=CLUSTER_OIDC).status == 200
    job = cloud.mint(iss=GITHUB_ISSUER, sub=GITHUB_SUBJECT, aud=CLUSTER_AUDIENCE)
    assert whoami(job, CLUSTER_OIDC)["username"] == "oidc:" + GITHUB_SUBJECT
    for bad, why in ((cloud.mint(), "audience"), (cloud.mint(aud=CLUSTER_AUDIENCE, life=-1), "expired"), (cloud.token(APP, AKS), "nobody here trusts"),
                     (cloud.mint(aud=CLUSTER_AUDIENCE, iss="https://issuer.test/"), "nobody here trusts"),
                     (cloud.mint(aud=CLUSTER_AUDIENCE, key="stranger"), "signature"), (cloud.mint(aud=CLUSTER_AUDIENCE, kid="other"), "signature")):
        refused(cloud, kube(bad, "/version", host=CLUSTER_OIDC), why)
    cloud.rotate(ISSUER)
    refused(cloud, kube(token, "/version", host=CLUSTER_OIDC), "signature")
    cloud.fault("issuer", "status", status=503)
    refused(cloud, kube(cloud.mint(aud=CLUSTER_AUDIENCE), "/version", host=CLUSTER_OIDC), "does not answer")


# --- Arc: proofs of possession ---

class Holder:
    """Somebody with a key, and tokens for it: PyJWT signs."""

    def __init__(self):
        self.key = rsa.generate_private_key(65537, 2048)
        whole = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(self.key.public_key()))
        self.jwk = {k: whole[k] for k in ("e", "kty", "n")}
        self.kid = self.b64(hashlib.sha256(json.dumps(self.jwk, separators=(",", ":")).encode()).digest())

    @staticmethod
    def b64(data):
        return base64.urlsafe_b64encode(data).rstrip(b"=").decode()

    def token(self, cloud, **form):
        cnf = self.b64(json.dumps({"kid": self.kid, "xms_ksl": "sw"}).encode())
        return exchange(cloud, **{"scope": ARC_SCOPE, "token_type": "pop", "req_cnf": cnf, **form})

    def proof(self, at, head=(), alg="RS256", **more):
        body = {"at": at, "ts": int(time.time()), "u": CLUSTER_ARC_ID, "cnf": {"jwk": {**self.jwk, "alg": "RS256", "kid": self.kid}},
                "nonce": uuid.uuid4().hex}
        return jwt.encode({k: v for k, v in {**body, **more}.items() if v is not None}, self.key, algorithm=alg,
                          headers={"typ": "pop", "kid": self.kid, **dict(head)})


def test_proof_of_possession(cloud):
    holder, other = Holder(), Holder()
    answer = holder.token(cloud)
    assert answer.json["token_type"] == "pop"
    at = answer.json["access_token"]
    assert jwt.decode(at, options={"verify_signature": False})["cnf"] == {"kid": holder.kid, "xms_ksl": "sw"}
    assert whoami(holder.proof(at), CLUSTER_ARC)["username"] == OIDS[APP]
    now, ask = int(time.time()), lambda token: kube(token, NAMESPACES, host=CLUSTER_ARC)
    for good in (dict(u=CLUSTER_ARC_ID.upper()), dict(ts=now - 890), dict(ts=str(now)), dict(head={"typ": "PoP"}), dict(nonce=None)):
        assert ask(holder.proof(at, **good)).status == 200
    for bad, why in ((at, "typ"), (holder.proof(at, ts=now - 901), "ts"), (holder.proof(at, ts=None), "ts"), (holder.proof(at, ts="x"), "ts"), (holder.proof(at, u="x"), "u is x"),
                     (holder.proof(at, u=None), "u is"), (holder.proof(at, alg="RS384"), "algorithm"), (holder.proof(at, head={"kid": ""}), "kid"),
                     (holder.proof(at, head={"typ": "JWT"}), "typ"), (holder.proof(at, cnf=None), "cnf"), (holder.proof(at, cnf={"jwk": {}}), "cnf"),
                     (holder.proof(at, cnf={"jwk": other.jwk}), "signature"), (other.proof(at), "another key"), (holder.proof(None), "not a JWT"),
                     (holder.proof(cloud.token(APP, ARC)), "another key"), (holder.proof(cloud.token(APP, AKS, cnf={"kid": holder.kid})), "audience"),
                     (holder.proof(cloud.token(APP, ARC, cnf={"kid": holder.kid}, exp=now - 1)), "expired")):
        refused(cloud, ask(bad), why)
    assert ask(holder.proof(cloud.token(UAMI, ARC, cnf={"kid": holder.kid}))).status == 200
    for wrong in ("", "x", holder.b64(b"[]"), holder.b64(b"{}"), holder.b64(b"\xff")):
        assert holder.token(cloud, req_cnf=wrong).json["error_codes"] == [900144]


# --- faults ---

def test_faults(cloud):
    token = cloud.token(APP, AKS)
    cloud.fault("kube", "throttle", times=1, retry_after=3)
    answer = kube(token, "/version")
    status(answer, 429, "TooManyRequests", "Too many requests, please try again later.")
    assert answer.all("retry-after") == ["3"]
    cloud.fault("kube", "status", times=1, status=503, path="/version")
    assert kube(token, NAMESPACES).status == 200 and kube(token, "/version").status == 503
    cloud.fault("tls", "unknown-ca", host=CLUSTER)
    assert kube(token, "/version").rc == 60


def test_old_discovery(cloud):
    """What a real API server reads before it trusts v1 tokens."""
    for host in ("login.microsoftonline.com", "sts.windows.net"):
        found = curl(f"https://{host}/{TENANT}/.well-known/openid-configuration").json
        assert found["issuer"] == f"https://sts.windows.net/{TENANT}/" and curl(found["jwks_uri"]).json["keys"]
    assert curl("https://sts.windows.net/nobody.test/.well-known/openid-configuration").json["error"] == "invalid_tenant"


# --- kubectl ---

@needs_kubectl
def test_kubectl_looks_around(cloud, tmp_path):
    kubectl = Kubectl(tmp_path, cloud.token(APP, AKS))
    assert json.loads(kubectl("get", "--raw", "/version"))["gitVersion"] == "v1.34.2"
    assert json.loads(kubectl("version", "-o", "json"))["serverVersion"]["minor"] == "34"
    rows = [line.split() for line in kubectl("get", "ns").splitlines()]
    assert rows[0] == ["NAME", "STATUS", "AGE"] and ["shop", "Active"] == rows[3][:2]
    assert [line.split()[0] for line in kubectl("get", "pods", "-A", "--no-headers").splitlines()] == ["default"] * 3
    assert kubectl("get", "pod", "web-2", "-o", "name") == "pod/web-2\n"
    assert kubectl("get", "pods", "-w").count("\n") == 4 and "deployment.apps/web" in kubectl("get", "all", "-A")
    assert f"https://{CLUSTER}:443" in kubectl("cluster-info")
    names = {line.split()[0] for line in kubectl("api-resources", "--no-headers").splitlines()}
    assert {"namespaces", "pods", "secrets", "deployments"} <= names
    assert 'pods "none" not found' in kubectl("get", "pod", "none", rc=1)
    assert {r["status"] for r in cloud.kube(CLUSTER)} <= {200, 201, 404}


@needs_kubectl
def test_kubectl_is_told_no(cloud, tmp_path):
    kubectl = Kubectl(tmp_path, cloud.token(APP2, AKS))
    assert "(Forbidden): namespaces is forbidden: User" in kubectl("get", "ns", rc=1)
    assert "Unauthorized" in Kubectl(tmp_path, cloud.token(APP, AZDO))("get", "--raw", "/version", rc=1)


@needs_kubectl
def test_kubectl_whoami(cloud, tmp_path):
    kubectl = Kubectl(tmp_path, cloud.token(UAMI, AKS))
    minor = int(re.match(r"\d+", json.loads(kubectl("version", "--client", "-o", "json"))["clientVersion"]["minor"])[0])
    if minor < 28:
        pytest.skip(f"not run: the kubectl of this distribution (1.{minor}) has no whoami")
    said = json.loads(kubectl("auth", "whoami", "-o", "json"))["status"]["userInfo"]
    assert said == {"username": OIDS[UAMI], "groups": [GROUP_DEVS, "system:authenticated"], "extra": {"oid": [OIDS[UAMI]]}}
    proof = Holder()
    arc = Kubectl(tmp_path, proof.proof(proof.token(cloud).json["access_token"]), CLUSTER_ARC)
    assert OIDS[APP] in arc("auth", "whoami")


def test_where_there_is_no_wall(cloud):
    """The names lead here in both modes."""
    assert os.environ["DAYPASS_TEST_MODE"] in ("wall", "proxy") and kube(cloud.token(APP, AKS), "/readyz").body == b"ok"
