"""What `kubelogin convert-kubeconfig` makes of a kubeconfig as AKS writes it, case by case: Azure's own (0.2.21) and daypass under that name.
Each case has the arguments that Azure's leaves in the stanza; daypass keeps more of the file (see issue 6), and the same arguments."""
import json
import re

from cloud.client import AKS, AKS_CLIENT, APP, CLUSTER, CONNECTION, TENANT
from e2e.logins import GUIDS, beside

ROWS = []

KUBECONFIG = f"""\
# my clusters, by hand
apiVersion: v1
kind: Config
clusters:
- name: c
  cluster:
    server: https://{CLUSTER}:443
contexts:
- {{name: c, context: {{cluster: c, user: clusterUser_rg_c}}}}
- {{name: other, context: {{cluster: c, user: other}}}}
- {{name: static, context: {{cluster: c, user: static}}}}
current-context: c
users:
- name: clusterUser_rg_c   # the one that AKS wrote
  user:
    exec:
      apiVersion: client.authentication.k8s.io/v1beta1
      args:
      - get-token
      - --environment
      - AzurePublicCloud
      - --server-id
      - {AKS}
      - --client-id
      - {AKS_CLIENT}
      - --tenant-id
      - {TENANT}
      - --login
      - devicecode
      command: kubelogin
      env:
      - name: MINE
        value: "1"
      installHint: ask ada
      interactiveMode: Always
      provideClusterInfo: true
- name: other
  user:
    exec: {{apiVersion: client.authentication.k8s.io/v1, command: /opt/bin/Kubelogin.exe, interactiveMode: Never, env: null,
           args: [get-token, --login, azurecli, --server-id, {AKS}]}}
- name: static
  user: {{token: abc}}
"""
OLD = f"""\
apiVersion: v1
kind: Config
clusters: [{{name: c, cluster: {{server: "https://{CLUSTER}:443"}}}}]
contexts: [{{name: c, context: {{cluster: c, user: u}}}}]
current-context: c
users:
- name: u
  user:
    auth-provider:
      name: azure
      config: {{apiserver-id: {AKS}, client-id: {AKS_CLIENT}, tenant-id: {TENANT}, environment: AzurePublicCloud, config-mode: "1"}}
"""
FOREIGN = KUBECONFIG.replace(f"args: [get-token, --login, azurecli, --server-id, {AKS}]", "args: [get-token, --oidc-issuer-url, x]")


class Conversion:
    """argv: after convert-kubeconfig. want: the first user's arguments after `get-token --login MODE --server-id AKS`, or the words of a failure that
    leaves the file as it was; changed: how many users were changed; env: what the first one has then; ours: what daypass says instead."""

    def __init__(self, name, *argv, want="", fails=False, text=KUBECONFIG, mode=None, changed=2, env=None, variables=None, ours=None):
        self.name, self.argv, self.want, self.fails, self.text = name, argv, want, fails, text
        self.ours = ours
        self.mode, self.changed, self.env, self.variables = mode or (argv[1] if argv else "devicecode"), changed, env, variables or {}


ALONE = ("--context", "c")
CONVERSIONS = [
    Conversion("workloadidentity", "-l", "workloadidentity"),
    Conversion("workloadidentity, flags", "-l", "workloadidentity", "--client-id", APP, "--tenant-id", TENANT, "--federated-token-file", "/t",
               want=f"--client-id {APP} --tenant-id {TENANT} --federated-token-file /t"),
    Conversion("workloadidentity, authority", "-l", "workloadidentity", "--authority-host", "https://login.custom.test/",
               want="--authority-host https://login.custom.test/"),
    Conversion("one context", "-l", "workloadidentity", *ALONE, changed=1),
    Conversion("mode by variable", mode="workloadidentity", variables={"AAD_LOGIN_METHOD": "workloadidentity"}),
    Conversion("azurecli", "-l", "azurecli"),
    Conversion("azurecli, flags", "-l", "azurecli", "-t", TENANT, "-s", "sub", want=f"--tenant-id {TENANT} --subscription sub"),
    Conversion("azurecli, its folder", "-l", "azurecli", "--azure-config-dir", "/x", env=[{"name": "AZURE_CONFIG_DIR", "value": "/x"}]),
    Conversion("azd", "-l", "azd"),
    Conversion("msi", "-l", "msi"),
    Conversion("msi, client", "-l", "msi", "--client-id", APP, want=f"--client-id {APP}"),
    Conversion("msi, resource", "-l", "msi", "--identity-resource-id", "/x", want="--identity-resource-id /x"),
    Conversion("spn", "-l", "spn", *ALONE, changed=1, want=f"--client-id {AKS_CLIENT} --tenant-id {TENANT} --environment AzurePublicCloud"),
    Conversion("spn, secret", "-l", "spn", *ALONE, "--client-id", APP, "--client-secret", "s", changed=1,
               want=f"--client-id {APP} --tenant-id {TENANT} --environment AzurePublicCloud --client-secret s", ours="--client-secret"),
    Conversion("devicecode", *ALONE, "--legacy", mode="devicecode", changed=1,
               want=f"--client-id {AKS_CLIENT} --tenant-id {TENANT} --environment AzurePublicCloud --legacy", ours="--legacy"),
    Conversion("devicecode, two users", "-l", "devicecode", want="--client-id is required", fails=True),
    Conversion("interactive", "-l", "interactive", *ALONE, changed=1, want=f"--client-id {AKS_CLIENT} --tenant-id {TENANT} --environment AzurePublicCloud"),
    Conversion("azurepipelines", "-l", "azurepipelines", *ALONE, "--azure-pipelines-service-connection-id", CONNECTION, changed=1,
               want=f"--tenant-id {TENANT} --azure-pipelines-service-connection-id {CONNECTION}"),
    Conversion("cache-dir", "-l", "workloadidentity", "--cache-dir", "/x", want="--cache-dir /x"),
    Conversion("what convert does not write", "-l", "workloadidentity", "--timeout", "5s", "--disable-instance-discovery", "--use-azurerm-env-vars"),
    Conversion("auth-provider", "-l", "azurecli", text=OLD, changed=1),
    Conversion("auth-provider, devicecode", "-l", "devicecode", text=OLD, changed=1,
               want=f"--client-id {AKS_CLIENT} --tenant-id {TENANT} --environment AzurePublicCloud"),
    Conversion("another kubelogin beside it", "-l", "workloadidentity", text=FOREIGN, want="--server-id is required", fails=True, ours="int128's kubelogin"),
    Conversion("no such context", "-l", "azurecli", "--context", "none", want="none", fails=True),
    Conversion("unknown mode", "-l", "frob", want="'frob' is not a supported login method", fails=True),
    Conversion("nothing to convert", "-l", "azurecli", "--context", "static", changed=0),
]


def flags(words):
    """What arguments say, whatever their order."""
    return {(flag, words[i + 1] if i + 1 < len(words) and not words[i + 1].startswith("-") else None) for i, flag in enumerate(words) if flag.startswith("-")}


class Converted:
    """One run, and what is in the file then, as kubectl reads it."""

    def __init__(self, place, program, kubectl, case):
        self.path = place.write("kubeconfig", case.text)
        self.r = place.run([program, "convert-kubeconfig", *case.argv, "--kubeconfig", self.path], **case.variables)
        self.text = self.path.read_text()
        before, after = (self.users(place, kubectl, text) for text in (case.text, self.text))
        self.exec = next(iter(after.values())).get("exec", {})
        self.changed = sum(before[n] != after[n] for n in before)

    @staticmethod
    def users(place, kubectl, text):
        r = place.run([kubectl, "config", "view", "--raw", "-o", "json"], KUBECONFIG=place.write("work/view", text))
        assert r.rc == 0, r
        return {u["name"]: u["user"] for u in json.loads(r.out)["users"]}

    @property
    def comments(self):
        return len(re.findall(r"#", self.text))

    def flags(self):
        return flags(self.exec.get("args", []))

    def row(self, whose, case):
        said = next((line for line in (self.r.err + self.r.out).splitlines() if line.strip()), "")
        args = " ".join(GUIDS.get(word, word) for word in self.exec.get("args", [])) if self.changed else ""
        return {"case": case.name, "program": whose, "rc": self.r.rc, "users": self.changed, "comments": self.comments, "arguments": args,
                "stderr": said.replace(str(self.path), "FILE")[:110], "flags": self.flags() if self.changed else set(), "ours": case.ours}


def verdict(theirs, ours):
    if theirs["rc"] == ours["rc"] and theirs["users"] == ours["users"] and theirs["flags"] <= ours["flags"]:
        return "same" if theirs["flags"] == ours["flags"] else "same, and keeps more"
    return "on purpose: " + ours["ours"] if ours["ours"] else "OTHERWISE"


def table():
    return beside(ROWS, {h: h for h in ("case", "program", "rc", "users", "comments", "arguments", "stderr")}, verdict)
