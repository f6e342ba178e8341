"""The real kubectl, with the kubeconfig that AKS writes, against the stand-in API servers."""
import json
import time

import pytest

from cloud.client import AKS, APP, APP2, AZDO, CLUSTER, CLUSTER2, CLUSTER_AUDIENCE, CLUSTER_OIDC, EVIL, OIDS, TENANT, TENANT2
from e2e.kube import FOR_AKS, GROUP, HELPER, KUBECTL, STANZA, config, environment, get, kubectl
from e2e.place import BIN, hosts

pytestmark = pytest.mark.skipif(not KUBECTL, reason="not run: no kubectl here")


def test_akss_own_stanza_in_a_pod(pod, cloud):
    """devicecode, with Microsoft's client: unedited, and nobody has to be there."""
    path = config(pod)
    r = kubectl(pod, path, "get", "pods", "-A", "--no-headers")
    assert r.err == "" and [line.split()[1] for line in r.out.splitlines()] == ["web-1", "web-2", "web-3"]
    assert {row["user"] for row in cloud.kube(CLUSTER)} == {OIDS[APP]} and len(cloud.exchanges()) == 1
    kubectl(pod, path, "get", "ns")
    kubectl(pod, path, "version")
    assert len(cloud.exchanges()) == 1, "the second kubectl has the first one's token"


def test_fifty_kubectls_at_once(pod, cloud):
    """Cold, with the API's pages in nobody's cache: one exchange."""
    cloud.fault("entra", "delay", ms=300)
    seen = environment(pod, config(pod))  # written once: who reads a file that is being written sees half of it
    running = [pod.start([KUBECTL, "get", "--raw", "/version"], **seen) for _ in range(50)]
    done = [pod.finish(p) for p in running]
    assert [r for r in done if r.rc] == [] and len(cloud.exchanges()) == 1


def test_one_call_of_the_plugin_for_each_kubectl(pod, cloud):
    """The time in the answer lies ahead: however many requests follow, we are asked once."""
    ours = pod.script("counted", f'echo x >>{pod.work}/calls\nexec "{BIN}/{HELPER}" "$@"')
    path = config(pod, command=str(ours))
    for words in ("get pods -A", "api-resources", "get cm,secrets,sa,pods,svc,deploy -A"):
        (pod.work / "calls").unlink(missing_ok=True)
        kubectl(pod, path, *words.split())
        assert (pod.work / "calls").read_text() == "x\n", words


def test_forty_resources(pod, cloud):
    cloud.cluster(CLUSTER, pods=40)
    ours = pod.script("counted", f'echo x >>{pod.work}/calls\nexec "{BIN}/{HELPER}" "$@"')
    r = kubectl(pod, config(pod, command=str(ours)), "get", "pods", *(f"web-{n}" for n in range(1, 41)), "-o", "name")
    assert len(r.out.splitlines()) == 40 and (pod.work / "calls").read_text() == "x\n" and len(cloud.kube()) >= 40


@pytest.mark.parametrize("version", ["v1", "v1beta1"])
def test_each_version_as_a_plugin_of_our_own_name(pod, cloud, version):
    path = config(pod, ["get-token", *FOR_AKS], HELPER, apiVersion=GROUP + version, interactiveMode="Never", provideClusterInfo=True)
    r = pod.run([KUBECTL, "get", "--raw", "/version"], **environment(pod, path))
    if version == "v1" and f'invalid apiVersion "{GROUP}v1"' in r.err:
        pytest.skip("not run: no kubectl here that knows v1 (1.22 or later)")
    assert r.rc == 0 and json.loads(r.out)["major"] == "1", r


def test_an_ended_version_is_kubectls_own_error(pod, cloud):
    r = kubectl(pod, config(pod, apiVersion=GROUP + "v1alpha1"), "get", "ns", rc=1)
    assert "v1alpha1" in r.err and not cloud.exchanges()


def test_a_wrong_audience_or_an_ended_token_is_kubectls_own_message(pod, cloud):
    """What the API server refuses is told by kubectl; we are asked once more, and say nothing on the way."""
    get(pod)
    for bad in (cloud.token(APP, AZDO), cloud.token(APP, AKS, exp=int(time.time()) - 1)):
        answer = json.dumps({"kind": "ExecCredential", "apiVersion": GROUP + "v1beta1", "status": {"token": bad}})
        path = config(pod, [], str(pod.script("bad", f"echo '{answer}'")))
        r = kubectl(pod, path, "get", "--raw", "/version", rc=1)
        assert "You must be logged in to the server" in r.err or "Unauthorized" in r.err, r
    assert cloud.kube()[-1]["why"] == "expired"


def test_a_token_that_was_revoked_is_mended_by_a_refresh(pod, cloud):
    path = config(pod)
    kubectl(pod, path, "get", "--raw", "/version")
    cloud.revoke()
    r = kubectl(pod, path, "get", "--raw", "/version", rc=1)
    assert "daypass" not in r.err and len(cloud.exchanges()) == 1
    get(pod, *FOR_AKS, "--refresh")
    kubectl(pod, path, "get", "--raw", "/version")
    assert len(cloud.exchanges()) == 2


def test_who_has_no_role_is_told_by_the_api_server(pod, cloud):
    assert "(Forbidden)" in kubectl(pod, config(pod, host=CLUSTER2), "get", "ns", rc=1).err


def test_our_one_line_is_what_people_see(place, cloud):
    r = kubectl(place, config(place), "get", "ns", rc=1)
    ours, = {line for line in r.err.splitlines() if line.startswith("daypass: ")}
    assert "no identity for this cluster" in ours and "executable kubelogin failed with exit code 1" in r.err and not cloud.log(kind="http")


@pytest.mark.parametrize("args", [[*STANZA, "--authority-host", f"https://{EVIL}/"], ["get-token", "--login", "workloadidentity", "--server-id", "https://graph.microsoft.com"],
                                  [TENANT2 if w == TENANT else w for w in STANZA], [*STANZA, "--client-secret", "x"], [*STANZA, "--legacy"]])
def test_a_strangers_kubeconfig_gets_nothing(pod, cloud, args):
    r = kubectl(pod, config(pod, args), "get", "ns", rc=1)
    assert "daypass: " in r.err and "failed with exit code 1" in r.err and not hosts(cloud), r


def test_only_the_clusters_that_are_named(place, cloud):
    place.config(more=f"[match kube:{CLUSTER}]\nidentity = default\n")
    r = kubectl(place, config(place), "get", "ns", rc=1)
    assert "provideClusterInfo: true" in r.err and not cloud.log(kind="http")
    kubectl(place, config(place, provideClusterInfo=True), "get", "ns")
    r = kubectl(place, config(place, host=CLUSTER2, provideClusterInfo=True), "get", "--raw", "/version", rc=1)
    assert f"the API server {CLUSTER2} gets no token" in r.err and not cloud.kube(CLUSTER2)


def test_a_cluster_that_trusts_the_issuer_itself(place, cloud):
    """mode = direct: no Entra; and what is for Entra never goes there."""
    path = config(place, host=CLUSTER_OIDC, provideClusterInfo=True)
    place.assertion(aud=CLUSTER_AUDIENCE)
    place.config(more=f"[match kube:{CLUSTER_OIDC}]\nmode = direct\ncluster-audience = {CLUSTER_AUDIENCE}\n")
    kubectl(place, path, "get", "--raw", "/version")
    asked = len(cloud.kube())
    assert hosts(cloud) == {CLUSTER_OIDC} and asked and {row["status"] for row in cloud.kube()} == {200}
    place.fresh_runtime()
    place.assertion()
    r = kubectl(place, path, "get", "--raw", "/version", rc=1)
    assert f"it must be for {CLUSTER_AUDIENCE} alone" in r.err and len(cloud.kube()) == asked and not cloud.exchanges(), r


def test_kubectl_finds_us_as_its_own_plugin(pod, cloud):
    r = pod.run([KUBECTL, "daypass", "get-token", *FOR_AKS], PATH=f"{BIN}:/usr/bin:/bin")
    assert r.rc == 0 and json.loads(r.out)["kind"] == "ExecCredential" and r.err == "", r


def test_variables_decide_under_kubelogins_name(pod, cloud):
    """kubelogin's own way: AAD_LOGIN_METHOD in a pod; and a client id of the kubeconfig goes behind AZURE_CLIENT_ID."""
    args = [APP2 if i and STANZA[i - 1] == "--client-id" else w for i, w in enumerate(STANZA)]
    kubectl(pod, config(pod, args), "get", "--raw", "/version", AAD_LOGIN_METHOD="workloadidentity")
    assert [r["form"]["client_id"] for r in cloud.exchanges()] == [APP] and cloud.kube()[-1]["user"] == OIDS[APP]
