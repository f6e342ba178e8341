"""kubectl's exec plugin beside the empty program; beside it Azure's kubelogin, and a whole kubectl with each of them. Used by bench.py."""
import glob
import json
import os
import shutil

from cloud import ids

CACHE = os.environ.get("DAYPASS_TEST_CACHE") or os.path.expanduser("~/.cache/daypass-tests")
GROUP = "client.authentication.k8s.io/v1beta1"
FOR_AKS = ("get-token", "--server-id", ids.AKS)
INFO = {"kind": "ExecCredential", "apiVersion": GROUP, "spec": {"interactive": False}}
CLUSTER = {"server": f"https://{ids.CLUSTER}:443", "certificate-authority-data": "QUJD" * 600}  # as large as AKS's


def program_of(bench):
    return os.path.join(bench.bin, "kubectl-daypass")


def info(**spec):
    return {"KUBERNETES_EXEC_INFO": json.dumps({**INFO, "spec": {**spec, "interactive": False}}, separators=(",", ":"))}


def cached(bench, cloud):
    """The commands for a hit, after the one miss that it needs, of which the requests are counted: as clients call it that say nothing of themselves,
    as kubectl does, and as kubectl with provideClusterInfo."""
    cloud.reset()
    bench.call([program_of(bench), *FOR_AKS])
    count = len(cloud.log(kind="http"))
    bench.judge("kube: requests of a miss", abs(count - 1), str(count), 0, "1")
    given = bench.write("kube-ours", "")
    return {"kube: cached get-token": (given, {}, program_of(bench), *FOR_AKS),
            "kube: cached get-token, kubectl's": (given, info(), program_of(bench), *FOR_AKS),
            "kube: cached get-token, cluster info": (given, info(cluster=CLUSTER), program_of(bench), *FOR_AKS)}


def built(name):
    return next(iter(sorted(glob.glob(os.path.join(CACHE, "kube", f"{name}-[0-9]*")), reverse=True)), None)


def kubelogin(bench, empty):
    """Its command for a hit that asks nobody, or None. Its cache is sealed with a key of the kernel's."""
    program = built("kubelogin")
    if not program:
        bench.notes.append("kubelogin: not built here (make check-real builds it)")
        return None
    env = {"AZURE_TENANT_ID": ids.TENANT, "AZURE_CLIENT_ID": ids.APP, "AZURE_FEDERATED_TOKEN_FILE": os.path.join(bench.folder, "assertion"), "HOME": bench.folder}
    command = empty, env, program, *FOR_AKS, "--login", "workloadidentity", "--disable-instance-discovery"
    bench.call(list(command[2:]), env={**bench.env, **env})
    return command


def kubeconfig(bench, cloud, name, user):
    with open(cloud.info()["ca"]) as f:
        ca = bench.write("kube-ca", f.read())
    config = {"apiVersion": "v1", "kind": "Config", "current-context": "c", "users": [{"name": "u", "user": user}],
              "clusters": [{"name": "c", "cluster": {"server": CLUSTER["server"], "certificate-authority": ca}}],
              "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}]}
    return bench.write(f"kubeconfig-{name}", json.dumps(config))


def stanza(program, words):
    return {"exec": {"apiVersion": GROUP, "command": program, "args": list(words), "interactiveMode": "Never"}}


def measure(bench, cloud):
    bench.write("assertion", cloud.mint())
    empty = bench.write("kube-ours", "")
    bench.call([program_of(bench), *FOR_AKS])
    theirs = kubelogin(bench, empty)
    if theirs:
        none, ours, other = bench.spawn(bench.middle, (empty, {}, os.path.join(bench.bench, "empty")), (empty, {}, program_of(bench), *FOR_AKS), theirs)
        bench.row("kubelogin's cached get-token", f"{other['wall'] / 1e6:.1f} ms  {other['wall'] / none['wall']:.0f} x  {other['rss'] / 1024:.1f} MiB; "
                                                  f"{other['wall'] / ours['wall']:.0f} x ours")
    whole(bench, cloud, empty, theirs)


def whole(bench, cloud, empty, theirs):
    """A whole kubectl: what the plugin adds to a token that stands in the file."""
    kubectl = built("kubectl") or shutil.which("kubectl", path="/usr/local/bin:/usr/bin:/bin")
    if not kubectl:
        bench.notes.append("kubectl: not on this machine")
        return
    users = {"static token": ({}, {"token": cloud.token(ids.APP, ids.AKS)}), "ours": ({}, stanza(program_of(bench), FOR_AKS))}
    if theirs:
        users["kubelogin"] = theirs[1], stanza(theirs[2], theirs[3:])
    commands = [(empty, {**env, "HOME": bench.folder, "KUBECONFIG": kubeconfig(bench, cloud, name.split()[0], user)}, kubectl, "get", "--raw", "/version")
                for name, (env, user) in users.items()]
    results = bench.spawn(bench.middle, *commands)
    for name, r in zip(users, results):
        ratio, text = r["wall"] / results[0]["wall"], f"{r['wall'] / 1e6:.1f} ms"
        if name == "ours":
            bench.judge(f"kubectl get --raw /version, {name}", ratio, f"{text}  {ratio:.2f} x", 1.05, "1.05 x")
        else:
            bench.row(f"kubectl get --raw /version, {name}", f"{text}  {ratio:.2f} x")
