"""Kubernetes as the source: a pod asks its API server for a service account's token, with its own, which goes nowhere else."""
import json

import pytest

from cloud.client import AKS_SUBJECT, APP, AUDIENCE, CLUSTER_AUDIENCE, CLUSTER_OIDC, KUBE_ADMIN, TENANT, UAMI
from e2e.place import said_no, silent

PATH = "/api/v1/namespaces/ci/serviceaccounts/builder/token"


def pod(place, cloud, client=APP, sub=AKS_SUBJECT, more="", **env):
    """A pod's folder with its token and the API server's authority, and an identity that names the source."""
    cloud.cluster(CLUSTER_OIDC, roles={"oidc:" + AKS_SUBJECT: KUBE_ADMIN})
    place.own = cloud.mint(sub=sub, aud=CLUSTER_AUDIENCE)
    path = place.write("sa/token", place.own)
    place.write("sa/ca.crt", open(cloud.info()["ca"]).read())
    place.config(f"[identity default]\ntenant = {TENANT}\nclient-id = {client}\nsource = kubernetes\ntoken-file = {path}\n{more}")
    place.identity = {"KUBERNETES_SERVICE_HOST": CLUSTER_OIDC, "KUBERNETES_SERVICE_PORT": "443", **env}
    return place


def test_a_token_of_ones_own_service_account(place, cloud):
    assert pod(place, cloud).get().token
    row, = cloud.kube(CLUSTER_OIDC)
    assert (row["method"], row["path"], row["auth"]) == ("POST", PATH, f"Bearer {place.own}")
    sent = cloud.exchanges()[0]["form"]["client_assertion"]
    assert sent != place.own, "the pod's own token is the API server's"


def test_what_is_asked(place, cloud):
    cloud.fault("kube", "status", status=201, body={"status": {"token": cloud.mint()}})
    assert pod(place, cloud).get().token
    row, = cloud.kube(CLUSTER_OIDC)
    assert row["headers"]["content-type"] == "application/json" and row["length"] == len(json.dumps(
        {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {"audiences": [AUDIENCE], "expirationSeconds": 3600}}, separators=(",", ":")))


def test_another_service_account(place, cloud):
    pod(place, cloud, sub="system:serviceaccount:ci:pod", more="service-account = ci/builder\n")
    cloud.cluster(CLUSTER_OIDC, roles={"oidc:system:serviceaccount:ci:pod": KUBE_ADMIN})
    assert place.get().token and cloud.kube(CLUSTER_OIDC)[0]["path"] == PATH


def test_a_managed_identity(place, cloud):
    cloud.fic("add", client=UAMI, issuer="https://aks.issuer.test/", subject=AKS_SUBJECT)
    assert pod(place, cloud, client=UAMI).get().token and cloud.exchanges()[0]["form"]["client_id"] == UAMI


def test_without_the_right_the_role_to_make_is_told(place, cloud):
    pod(place, cloud)
    cloud.cluster(CLUSTER_OIDC, roles={})
    line = said_no(place.get(), "source kubernetes", "ci/builder", "HTTP 403", "--resource=serviceaccounts/token", "--resource-name=builder")
    assert place.own not in line and not cloud.exchanges()


@pytest.mark.parametrize("more, words", [
    ("service-account = ci/nobody\n", ("ci/nobody", "HTTP 404", "check service-account")), ("service-account = builder\n", ("config:6", "NAMESPACE/NAME")),
    ("service-account = a/b/c\n", ("NAMESPACE/NAME",)), ("service-account = ../x\n", ("source kubernetes",))])
def test_service_accounts_that_are_none(place, cloud, more, words):
    said_no(pod(place, cloud, more=more).get(), *words)
    assert not cloud.exchanges()


@pytest.mark.parametrize("fault, params, words", [
    ("status", dict(status=401, body={"kind": "Status", "message": "Unauthorized"}), ("HTTP 401: Unauthorized",)), ("html", dict(status=200), ("web page",)),
    ("status", dict(status=201, body={"status": {}}), ("HTTP 201",)), ("status", dict(status=201, body=[]), ("HTTP 201",)),
    ("status", dict(status=201, body={"status": {"token": "a.b.c"}}), ("is not a JWT",)), ("redirect", {}, ("redirect",)), ("reset", {}, ("cannot be reached",))])
def test_bad_answers(place, cloud, fault, params, words):
    cloud.fault("kube", fault, **params)
    line = said_no(pod(place, cloud).get(), "source kubernetes", *words)
    assert place.own not in line and not cloud.exchanges()


def test_another_authority_is_not_trusted(place, cloud):
    pod(place, cloud)
    place.write("sa/ca.crt", open(cloud.info()["aks"]["ca"]).read())
    said_no(place.get(), "certificate", "not trusted")
    assert not cloud.kube(CLUSTER_OIDC)


@pytest.mark.parametrize("content, words", [(None, ("No such file",)), ("", ("is empty",)), ("hello", ("is not a JWT",))])
def test_the_pods_token_is_missing(place, cloud, content, words):
    pod(place, cloud)
    (place.folder / "sa" / "token").unlink()
    if content is not None:
        place.write("sa/token", content)
    said_no(place.get(), "sa/token", *words)
    assert not cloud.log()


def test_a_token_of_no_service_account(place, cloud):
    said_no(pod(place, cloud, sub="somebody").get(), "of no service account", "service-account = NAMESPACE/NAME")
    assert not cloud.log()


def test_not_in_a_pod(place, cloud):
    said_no(pod(place, cloud, KUBERNETES_SERVICE_HOST=None).get(), "not in a pod", "kubectl create token")
    assert not cloud.log()


def test_only_a_name_leads_there(place, cloud):
    place.identity = {"AZURE_TENANT_ID": TENANT, "AZURE_CLIENT_ID": APP, "KUBERNETES_SERVICE_HOST": CLUSTER_OIDC}
    silent(place.get())
    assert not cloud.log()


def test_the_subject_is_explained(place, cloud):
    cloud.fic("remove", client=APP, subject=AKS_SUBJECT)
    said_no(pod(place, cloud).get(), "AADSTS700211", AKS_SUBJECT)
