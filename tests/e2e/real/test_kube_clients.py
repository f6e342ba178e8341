"""Kubernetes' clients in other languages, each with the kubeconfig that AKS writes, unedited, in a pod: what each hands to the plugin is what its golden
transcript says, and the API server knows who asks. Against the stand-in, and against a real API server where one was built (make check-kube)."""
import json
import os
import shutil

import pytest

from cloud.client import APP, GROUP_ADMINS, GROUP_DEVS, OIDS, PUBLIC
from e2e.kube import GROUP, STANZA, config, environment
from e2e.kube_clients import CLIENTS, RECORDER, ROWS

ME = {"user": OIDS[APP], "groups": [GROUP_ADMINS, GROUP_DEVS, "system:authenticated"]}


@pytest.fixture(params=CLIENTS, ids=[c.name for c in CLIENTS])
def client(request):
    if not request.param.version:
        pytest.skip(f"not run: the Kubernetes client {request.param.name} could not be fetched")
    return request.param


def stanza(**more):
    return {"exec": {"apiVersion": GROUP + "v1beta1", "command": "kubelogin", "args": STANZA, "env": None, "provideClusterInfo": False, **more}}


@pytest.fixture
def server():
    return "stand-in"


@pytest.fixture
def aks(request, place, cloud, server):
    """A pod with AKS workload identity, as its webhook sets it up, and AKS's kubeconfig; kubelogin on PATH is daypass, behind a script that counts."""
    place.pod()
    place.identity["AZURE_AUTHORITY_HOST"] = f"https://{PUBLIC}/"
    path = config(place)
    if server == "kube-apiserver":
        cluster = request.getfixturevalue("cluster")
        cluster.federate(cloud)
        place.write("token", cluster.service_token())
        path = place.write("work/kubeconfig", cluster.kubeconfig(stanza()))
    place.seen = environment(place, path)
    place.write("work/seen/kubelogin", RECORDER % {"work": place.work}, 0o755)
    place.seen["PATH"] = f"{place.work}/seen:{place.seen['PATH']}"
    return place


def calls(place):
    path = place.work / "calls"
    return [call.rsplit("|", 2) for call in path.read_text().split("\0")[:-1]] if path.exists() else []


def ask(place, client, *lines, **env):
    """Its answers, one a line."""
    program = shutil.which(client.argv[0], path=os.environ["PATH"])
    r = place.run([program, *client.argv[1:]], "".join(line + "\n" for line in lines), **{**place.seen, **client.env, **env})
    return r, [json.loads(line) for line in r.out.splitlines()]


@pytest.mark.parametrize("server", ["stand-in", "kube-apiserver"])
def test_whoami(aks, cloud, client, server):
    r, said = ask(aks, client, "whoami", "namespaces", *["whoami"] * 4)
    assert r.rc == 0 and [said[0], *said[2:]] == [ME] * 5 and "kube-system" in said[1]["names"], r
    seen = calls(aks)
    ROWS.append({"client": client.name, "version": client.version, "server": server, "runs": len(seen), "stdin": seen[0][1].split(":")[0],
                 "sends": seen[0][0].strip()})
    assert {(info.strip(), bool(merged)) for info, _, merged in seen} == {(client.sends() or "unset", client.merged)}
    assert len(seen) == client.runs and len(cloud.exchanges()) == 1 and cloud.exchanges()[0]["form"]["client_id"] == APP


def test_our_line_is_what_people_see(aks, cloud, client):
    """In the program's error, on its stderr, or (fabric8) in its log."""
    r, _ = ask(aks, client, "whoami", AZURE_FEDERATED_TOKEN_FILE=None)
    assert "daypass: no identity for this cluster: the environment names an identity, but there is no source" in r.out + r.err, r
    assert calls(aks) and not cloud.exchanges()


def test_configured(aks, cloud, client):
    """The same with what `daypass configure kube` makes of it."""
    assert aks.run(["daypass", "configure", "kube"], **aks.seen).rc == 0
    r, said = ask(aks, client, "whoami")
    assert said == [ME] and not calls(aks), r


def test_v1_with_the_cluster(aks, cloud, client):
    """Those that send nothing are answered in the version that a flag names, since most of them want the kubeconfig's."""
    path = aks.seen["KUBECONFIG"]
    text = path.read_text()
    changes = (("v1beta1", "v1"), ('"provideClusterInfo": false', '"provideClusterInfo": true, "interactiveMode": "Never"'),
               ('"get-token"', f'"get-token", "--exec-api-version", "{GROUP}v1"'))
    for old, new in changes:
        assert old in text, text
        text = text.replace(old, new)
    path.write_text(text)
    r, said = ask(aks, client, "whoami")
    assert said == [ME] and len(cloud.exchanges()) == 1, r
