"""The kubeconfig that AKS writes, unedited, in a pod: the real API server takes what daypass answers, whichever program asks. The pod's token is that
same server's own, so the circle is full: its service account is trusted by Entra, and Entra's token by it."""
import json
import time

import pytest

from cloud.client import AKS, APP, GROUP_ADMINS, GROUP_DEVS, OIDS, PUBLIC
from e2e.cluster import CACHE, NAMESPACE
from e2e.kube import FOR_AKS, GROUP, STANZA, environment, get, program
from e2e.place import wait_until
from e2e.real.conftest import wanted

ME = (OIDS[APP], [GROUP_ADMINS, GROUP_DEVS, "system:authenticated"])
FORTY = [f"c{n}" for n in range(1, 41)]


@pytest.fixture
def aks(place, cloud, cluster):
    """A pod of the cluster with AKS workload identity, as its webhook sets it up, and AKS's kubeconfig; kubelogin on PATH is daypass."""
    cluster.federate(cloud)
    place.pod()
    place.write("token", cluster.service_token())
    place.identity["AZURE_AUTHORITY_HOST"] = f"https://{PUBLIC}/"
    stanza = {"apiVersion": GROUP + "v1beta1", "command": "kubelogin", "args": STANZA, "env": None, "provideClusterInfo": False}
    place.kubeconfig = place.write("work/kubeconfig", cluster.kubeconfig({"exec": stanza}))
    place.seen = environment(place, place.kubeconfig)
    return place


def counted(aks, cluster):
    """The same through a script that counts."""
    script = aks.script("counted", f'echo x >>{aks.work}/calls\nexec "{program(aks, "kubelogin")}" "$@"')
    stanza = {"apiVersion": GROUP + "v1beta1", "command": str(script), "args": STANZA, "env": None, "provideClusterInfo": False}
    aks.write("work/kubeconfig", cluster.kubeconfig({"exec": stanza}))
    return lambda: (aks.work / "calls").read_text().count("x")


def did(aks, *argv, **how):
    r = aks.run(argv, **{**aks.seen, **how})
    assert r.rc == 0 and r.err == "", r
    return r.out


def test_kubectl(aks, cloud, kubectl):
    said = json.loads(did(aks, kubectl, "auth", "whoami", "-o", "json"))["status"]["userInfo"]
    assert (said["username"], said["groups"]) == ME
    assert [row["form"]["client_id"] for row in cloud.exchanges()] == [APP]
    assert "kube-system" in did(aks, kubectl, "get", "ns", "-o", "name") and len(cloud.exchanges()) == 1


@pytest.mark.parametrize("name", ["helm3", "helm4"])
def test_helm(aks, cloud, name):
    found = sorted((CACHE / "clients-go").glob(f"{name}-*"))
    helm = found[-1] if found else pytest.skip(f"not run: the registry client {name} could not be fetched")
    aks.write("work/chart/Chart.yaml", f"apiVersion: v2\nname: {name}\nversion: 0.1.0\n")
    aks.write("work/chart/templates/cm.yaml", f"apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: from-{name}\ndata:\n  a: b\n")
    assert "STATUS: deployed" in did(aks, helm, "install", name, "chart")
    assert [row["name"] for row in json.loads(did(aks, helm, "list", "-o", "json"))] == [name]
    assert "uninstalled" in did(aks, helm, "uninstall", name) and len(cloud.exchanges()) == 1


def clientgo():
    return wanted("clientgo", "the Kubernetes client clientgo")


def test_a_program_with_client_go(aks, cloud, cluster):
    calls = counted(aks, cluster)
    who, names, again = map(json.loads, did(aks, clientgo(), stdin=b"whoami\nnamespaces\nwhoami\n").splitlines())
    assert (who["user"], who["groups"]) == ME and NAMESPACE in names["names"] and again == who
    assert calls() == 1 and len(cloud.exchanges()) == 1


class Controller:
    """The same program as one that goes on: a question, then its answer, whenever the test likes."""

    def __init__(self, place):
        self.p = place.start([clientgo()], **place.seen)

    def ask(self, what="whoami"):
        self.p.stdin.write(what.encode() + b"\n")
        self.p.stdin.flush()
        return json.loads(self.p.stdout.readline())

    def knows_me(self):
        return self.ask().get("user") == ME[0]


def test_a_controller_goes_on_over_the_end_of_its_token(aks, cloud, cluster):
    """What `expirationTimestamp` says is when it asks us again, and then there is another token."""
    cloud.set(life=20)
    calls, controller = counted(aks, cluster), Controller(aks)
    assert controller.knows_me()
    end = time.time() + 20
    wait_until(lambda: time.time() > end, "that time is past", 60)
    assert controller.knows_me() and controller.ask("namespaces")["names"]
    assert calls() == len(cloud.exchanges()) >= 2, "one run, one exchange for each token"
    assert aks.finish(controller.p).rc == 0


def test_a_controller_goes_on_after_a_401(aks, cloud, cluster):
    """Entra's key is gone: each refused request makes client-go ask us again, so that it needs nothing but another token in our cache."""
    calls, controller = counted(aks, cluster), Controller(aks)
    assert controller.knows_me() and calls() == 1
    cloud.rotate("entra")
    wait_until(lambda: cluster.call("GET", "/version", token=cloud.token(APP, AKS)).status == 200, "the API server knows the new key", 60)
    wait_until(lambda: "Unauthorized" in controller.ask().get("error", ""), "it takes the old token no longer (it remembers a good one for 10 s)", 60)
    before = calls()
    assert "Unauthorized" in controller.ask()["error"] and calls() == before + 1 and len(cloud.exchanges()) == 1
    get(aks, *FOR_AKS, "--refresh")
    assert "Unauthorized" in controller.ask()["error"], "the request that is refused is not made again"
    assert controller.knows_me() and controller.knows_me() and calls() == before + 2 and len(cloud.exchanges()) == 2
    assert aks.finish(controller.p).rc == 0


def test_fifty_kubectls_at_once(aks, cloud, kubectl):
    cloud.fault("entra", "delay", ms=300)
    running = [aks.start([kubectl, "get", "--raw", "/version"], **aks.seen) for _ in range(50)]
    done = [aks.finish(p) for p in running]
    assert [r for r in done if r.rc] == [] and len(cloud.exchanges()) == 1


def test_forty_resources(aks, cluster, kubectl):
    """One kubectl, 40 requests and those before them, one call of the plugin."""
    for name in FORTY:
        cluster.make("/api/v1/namespaces/default/configmaps", "ConfigMap", name)
    calls, seen = counted(aks, cluster), len(cluster.audit())
    assert len(did(aks, kubectl, "get", "cm", *FORTY, "-o", "name").splitlines()) == 40
    assert calls() == 1 and len(cluster.audit(seen)) >= 40


def test_forty_kinds_of_resources(aks, cluster, kubectl):
    names = [n for n in did(aks, kubectl, "api-resources", "--verbs=list", "-o", "name").split() if n not in ("componentstatuses", "endpoints")]  # outdated
    calls, seen = counted(aks, cluster), len(cluster.audit())
    assert len(names) >= 40
    did(aks, kubectl, "get", ",".join(names[:40]), "-A", "-o", "name")
    assert calls() == 1 and len(cluster.audit(seen)) >= 40


def test_configured(aks, cloud, kubectl):
    """What `daypass configure kube` makes of it works as well, and what `unconfigure` leaves."""
    before = aks.kubeconfig.read_bytes()
    for word in ("configure", "unconfigure"):
        did(aks, "daypass", word, "kube")
        assert json.loads(did(aks, kubectl, "auth", "whoami", "-o", "json"))["status"]["userInfo"]["username"] == ME[0]
    assert aks.kubeconfig.read_bytes() == before and len(cloud.exchanges()) == 1


def test_check(aks, cloud, cluster):
    """daypass kube check against the real one; and a key of Entra's that is gone, which makes a kept token stale."""
    for word in (OIDS[APP], GROUP_ADMINS, "all is well"):
        assert word in did(aks, "daypass", "kube", "check")
    bad = aks.script("bad", f"echo '{json.dumps({'kind': 'ExecCredential', 'apiVersion': GROUP + 'v1beta1', 'status': {'token': cluster.service_token()}})}'")
    aks.write("work/kubeconfig", cluster.kubeconfig({"exec": {"apiVersion": GROUP + "v1beta1", "command": str(bad), "args": [], "env": None}}))
    r = aks.run(["daypass", "kube", "check"], **aks.seen)
    assert r.rc == 6 and "says Unauthorized to the token" in r.err and cluster.issuer in r.err, r
