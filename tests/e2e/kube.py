"""What kubectl asks its exec plugin, under both names of ours, and what it must hear."""
import calendar
import json
import os
import shutil
import time

from cloud.client import AKS, AKS_CLIENT, CLUSTER, TENANT, Cloud
from cloud.peers import kubeconfig
from e2e.docker import claims
from e2e.place import BIN, PATH, one_line

HELPER = "kubectl-daypass"
GROUP = "client.authentication.k8s.io/"
NAMES = ("kubelogin", HELPER)
FOR_AKS = ("--server-id", AKS)
WI = (*FOR_AKS, "--login", "workloadidentity")
STANZA = ["get-token", "--environment", "AzurePublicCloud", "--server-id", AKS, "--client-id", AKS_CLIENT, "--tenant-id", TENANT, "--login", "devicecode"]
KUBECTL = shutil.which("kubectl", path="/usr/local/bin:/usr/bin:/bin")


def program(place, name=HELPER):
    """The path of ours under that name: kubelogin is a link that nobody installs unasked."""
    if (BIN / name).exists():
        return BIN / name
    link = place.work / "bin" / name
    link.parent.mkdir(exist_ok=True)
    if not link.is_symlink():
        link.symlink_to(os.path.realpath(BIN / "daypass"))
    return link


def info(version="v1", server=None, **more):
    """KUBERNETES_EXEC_INFO, as kubectl writes it."""
    cluster = {"cluster": {"server": server}} if server else {}
    return json.dumps({"kind": "ExecCredential", "apiVersion": GROUP + version, "spec": {**cluster, "interactive": False}, **more}, separators=(",", ":"))


def ask(place, *flags, name=HELPER, **how):
    return place.run([program(place, name), "get-token", *flags], **how)


def answer(r, version="v1beta1"):
    """The token of a good answer, which is exactly this and nothing else; its time lies ahead, and before the token's end."""
    assert r.rc == 0 and r.err == "", r
    told = json.loads(r.out)
    assert told["apiVersion"] == GROUP + version and told["kind"] == "ExecCredential" and set(told) == {"kind", "apiVersion", "status"}, told
    assert set(told["status"]) == {"expirationTimestamp", "token"} and r.out == json.dumps(told, separators=(",", ":")) + "\n"
    end = calendar.timegm(time.strptime(told["status"]["expirationTimestamp"], "%Y-%m-%dT%H:%M:%SZ"))
    assert time.time() < end < claims(told["status"]["token"])["exp"], told["status"]["expirationTimestamp"]
    return told["status"]["token"]


def get(place, *flags, version="v1beta1", **how):
    return answer(ask(place, *(flags or FOR_AKS), **how), version)


def failed(r, *words):
    """One line on stderr, which is all that some clients show, and nothing on stdout."""
    line = one_line(r)
    assert r.rc == 1 and r.out == "", r
    for word in words:
        assert str(word) in line, f"{word!r} is missing: {line}"
    return line


def config(place, args=None, command="kubelogin", host=CLUSTER, name="kubeconfig", cluster=None, **more):
    """A kubeconfig as AKS writes it, with an exec stanza of these arguments."""
    stanza = {"apiVersion": GROUP + "v1beta1", "command": command, "args": STANZA if args is None else args, "env": None, "provideClusterInfo": False, **more}
    with open(Cloud().info()["ca"]) as f:
        return place.write(f"work/{name}", kubeconfig(f"https://{host}:443", {"exec": stanza}, f.read(), **(cluster or {})))


def environment(place, path):
    """What kubectl needs to find that kubeconfig, and kubelogin on PATH."""
    program(place, "kubelogin")
    return {"KUBECONFIG": path, "PATH": f"{place.work}/bin:{PATH}"}


def kubectl(place, path, *args, rc=0, **env):
    r = place.run([KUBECTL, *args], **{**environment(place, path), **env})
    assert r.rc == rc, r
    return r
