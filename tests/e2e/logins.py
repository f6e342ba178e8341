"""What kubelogin's log-in modes, flags and variables do, case by case, whoever stands under that name: Azure's own (0.2.21) or daypass. Each case
says what Azure's does, seen here, and by DIFFERS where daypass means to do otherwise; what each did becomes a line of the table that
tests/e2e/real prints."""
import base64
import calendar
import http.server
import json
import re
import subprocess
import threading
import time
from urllib.parse import parse_qs, urlsplit

from cloud.client import (AKS, AKS_CLIENT, APP, APP2, ARC, CLUSTER_ARC_ID, CONNECTION, CUSTOM, PUBLIC, SECRET, TENANT, UAMI, UAMI_RESOURCE)
from e2e.place import PATH

GUIDS = {APP: "APP", APP2: "APP2", UAMI: "UAMI", AKS: "AKS", ARC: "ARC", TENANT: "TENANT", AKS_CLIENT: "AKS-CLIENT", CONNECTION: "CONNECTION"}
ASKED = {"discovery/instance": "instance", "openid-configuration": "openid", "oauth2/v2.0/token": "token", "oauth2/token": "token-v1",
         "oauth2/v2.0/devicecode": "devicecode", "oauth2/devicecode": "devicecode-v1", "idtoken": "github", "oidctoken": "pipelines", "msi/token": "msi"}
SHORT = {PUBLIC: "", "login.microsoftonline.us": "usgov:", "login.chinacloudapi.cn": "china:", "login.partner.microsoftonline.cn": "china:", CUSTOM: "custom:"}
IDS = ("--client-id", APP, "--tenant-id", TENANT)
INFO = '{"kind":"ExecCredential","apiVersion":"client.authentication.k8s.io/%s","spec":{"interactive":false}}\n'
DISCOVERED = "instance openid token"  # what Azure's asks for one token
ROWS = []


# --- who one is ---

def pod(place):
    place.pod()


def jobless(place):
    """Two ids and a file, for the flags."""
    place.assertion()


def github(place):
    place.github()


def pipelines(place):
    place.pipelines()


def certificate(place):
    """PEM with key, and the same as PFX with a password: as OpenSSL 3 makes it, and as older programs can read it."""
    def openssl(*words):
        subprocess.run(["openssl", *words], cwd=place.work, check=True, capture_output=True)
    openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=app", "-days", "1", "-keyout", "key.pem", "-out", "cert.pem")
    place.write("work/both.pem", (place.work / "cert.pem").read_text() + (place.work / "key.pem").read_text())
    openssl("pkcs12", "-export", "-in", "both.pem", "-out", "new.pfx", "-passout", "pass:pfx-password")
    openssl("pkcs12", "-export", "-in", "both.pem", "-out", "old.pfx", "-passout", "pass:pfx-password", "-certpbe", "PBE-SHA1-3DES", "-keypbe", "PBE-SHA1-3DES",
            "-macalg", "sha1")
    place.cloud.client(APP, certificates=[(place.work / "cert.pem").read_text()])


def azure_cli(place):
    """az and azd that are logged in, and write down how they were called."""
    token, end = place.cloud.token(APP, AKS), int(time.time()) + 3599
    stamp = {name: time.strftime(form, time.gmtime(end)) for name, form in (("az", "%Y-%m-%d %H:%M:%S.000000"), ("azd", "%Y-%m-%dT%H:%M:%SZ"))}
    said = {"az": {"accessToken": token, "expiresOn": stamp["az"], "expires_on": end, "subscription": TENANT, "tenant": TENANT, "tokenType": "Bearer"},
            "azd": {"token": token, "expiresOn": stamp["azd"]}}
    place.write("home/.azure/azureProfile.json", "{}")
    place.write("home/.azd/auth.json", "{}")
    for name, answer in said.items():
        place.script(name, f"echo {name} \"$@\" >>{place.work}/called\necho '{json.dumps(answer)}'")


class Managed(http.server.ThreadingHTTPServer):
    """App Service's endpoint for UAMI, at IDENTITY_ENDPOINT."""
    daemon_threads = True

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            server, query = self.server, {k: v[0] for k, v in parse_qs(urlsplit(self.path).query).items()}
            server.asked.append(query)
            good = self.headers.get("X-IDENTITY-HEADER") == "header-1"
            body = {"access_token": server.cloud.token(UAMI, query["resource"]), "expires_on": str(int(time.time()) + 3599), "resource": query["resource"],
                    "token_type": "Bearer", "client_id": UAMI} if good else {"statusCode": 401, "message": "bad header"}
            self.send_response(200 if good else 401)
            self.send_header("Content-Type", "application/json")
            self.end_headers()
            self.wfile.write(json.dumps(body).encode())

        def log_message(self, *_):
            pass

    def __init__(self, cloud):
        super().__init__(("127.0.0.1", 0), self.Handler)
        self.cloud, self.asked = cloud, []
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()


def managed(place):
    server = Managed(place.cloud)
    place.managed = server
    place.identity = {"IDENTITY_ENDPOINT": f"http://127.0.0.1:{server.server_address[1]}/msi/token", "IDENTITY_HEADER": "header-1"}


def close(place):
    """End the servers that a case began."""
    if hasattr(place, "managed"):
        place.managed.shutdown()
        place.managed.server_close()


# --- the cases ---

WHOLE = ("--version", "remove-tokens", "remove-cache-dir", "frob")


class Case:
    """argv: after `kubelogin get-token`, or whole where it is no get-token. want: a client's id (a token of it, for aud), else words of the
    one failure (exit 1), or None: exit 0 and no credential. asks: the requests, in order ("-": none; "...": and
    more); calls: of az. differs: (what daypass answers instead, why)."""

    def __init__(self, name, *argv, who=None, want=None, asks="", aud=AKS, api="v1beta1", env=None, says="", differs=None, calls=None, times=1):
        self.name, self.argv, self.who, self.want, self.asks = name, argv, who, want, asks
        self.aud, self.api, self.env, self.says, self.differs, self.calls, self.times = aud, api, env or {}, says, differs, calls, times

    def words(self, place):
        argv = self.argv if self.argv and self.argv[0] in WHOLE else ("get-token", *self.argv)
        return [a.format(work=place.work, token=place.token_file, home=place.home) for a in argv]


def aks(*argv):
    return ("--server-id", AKS, *argv)


WI, SPN, PIPE = ("-l", "workloadidentity"), ("-l", "spn"), ("-l", "azurepipelines")
FILE = ("--federated-token-file", "{token}")
STANZA = ("--environment", "AzurePublicCloud", "--server-id", AKS, "--client-id", AKS_CLIENT, "--tenant-id", TENANT, "--login", "devicecode")
IDENTITY = "answered by the identity that is there"
HIDDEN, PFX = {"AZURE_CLIENT_SECRET": SECRET}, {"AZURE_CLIENT_CERTIFICATE_PASSWORD": "pfx-password"}
ARGUMENTS = ("not taken", "what stands in arguments can be read by everybody")
# Flags and variables that disagree, and flags that contradict each other.
CONTRADICTIONS = [
    Case("mode twice", *aks("-l", "spn", *WI), who=pod, want=APP, asks=DISCOVERED),
    Case("mode by flag and variable", *aks(*SPN), who=pod, env={"AAD_LOGIN_METHOD": "workloadidentity"}, want=APP, asks=DISCOVERED),
    Case("mode by flag and variable, flags alone", *aks(*WI, *IDS, *FILE, "--disable-environment-override"), who=pod, env={"AAD_LOGIN_METHOD": "azurecli"},
         want=APP, asks=DISCOVERED),
    Case("file by flag and variable", *aks(*WI, "--federated-token-file", "{work}/none"), who=pod, want=APP, asks=DISCOVERED),
    Case("environment and authority disagree", *aks(*WI, "-e", "AzureChinaCloud"), who=pod, env={"AZURE_AUTHORITY_HOST": f"https://{PUBLIC}/"}, want=APP, asks=DISCOVERED),
    Case("authority by flag and variable", *aks(*WI, "--authority-host", "https://login.microsoftonline.us/"), who=pod, env={"AZURE_AUTHORITY_HOST": f"https://{PUBLIC}/"},
         want=APP, asks=DISCOVERED),
    Case("client twice", *aks(*WI, "--client-id", APP2, "--client-id", APP, "-t", TENANT, *FILE), who=jobless, want=APP, asks=DISCOVERED),
    Case("no mode's name", *aks("--login", ""), who=pod, want=""),
    Case("no truth value", *aks(*WI, "--legacy=maybe"), who=pod, want="legacy"),
    Case("another mode's flags", *aks(*WI, "--identity-resource-id", UAMI_RESOURCE, "--username", "x", "--redirect-url", "http://localhost:1"), who=pod, want=APP, asks=DISCOVERED),
]
CASES = [
    # workloadidentity
    Case("pod", *aks(*WI), who=pod, want=APP, asks=DISCOVERED),
    Case("pod, again", *aks(*WI), who=pod, want=APP, asks="instance", times=2),
    Case("pod, again, no instance discovery", *aks(*WI, "--disable-instance-discovery"), who=pod, want=APP, asks="-", times=2),
    Case("pod, flags only", *aks(*WI, *IDS, *FILE), who=jobless, want=APP, asks=DISCOVERED),
    Case("pod, no instance discovery", *aks(*WI, "--disable-instance-discovery"), who=pod, want=APP, asks="openid token"),
    Case("pod, variables beat flags", *aks(*WI, "--client-id", APP2, "--tenant-id", "other"), who=pod, want=APP, asks=DISCOVERED),
    Case("pod, flags alone count", *aks(*WI, *FILE, "--client-id", APP2, "--tenant-id", TENANT, "--disable-environment-override"), who=pod, want="AADSTS70025"),
    Case("pod, no file", *aks(*WI, *IDS), want="federated token file cannot be empty"),
    Case("pod, file is missing", *aks(*WI, *IDS, "--federated-token-file", "{work}/none"), want="no such file"),
    Case("pod, wrong subject", *aks(*WI), who=lambda p: p.pod(sub="system:other"), want="AADSTS700213", asks=DISCOVERED),
    Case("pod, expired assertion", *aks(*WI), who=lambda p: p.pod(life=-3600), want="AADSTS700024"),
    Case("github", *aks(*WI, *IDS), who=github, want=APP, asks="instance openid github token"),
    Case("github, again", *aks(*WI, *IDS), who=github, want=APP, asks="instance openid github token", times=2),
    Case("pipelines", *aks(*PIPE), who=pipelines, want=APP, asks="instance openid pipelines token"),
    Case("pipelines, flags beat variables", *aks(*PIPE, "--client-id", APP2), who=pipelines, want="AADSTS70025"),
    Case("pipelines, connection by flag", *aks(*PIPE, *IDS, "--azure-pipelines-service-connection-id", CONNECTION),
         who=lambda p: p.pipelines(AZURESUBSCRIPTION_CLIENT_ID=None, AZURESUBSCRIPTION_TENANT_ID=None, AZURESUBSCRIPTION_SERVICE_CONNECTION_ID=None), want=APP),
    Case("pipelines, no SYSTEM_ACCESSTOKEN", *aks(*PIPE), who=lambda p: p.pipelines(SYSTEM_ACCESSTOKEN=None), want="SYSTEM_ACCESSTOKEN"),
    # spn
    Case("spn, secret by flag", *aks(*SPN, *IDS, "--client-secret", SECRET), want=APP, asks=DISCOVERED, differs=ARGUMENTS),
    Case("spn, secret by variable", *aks(*SPN, *IDS), want=APP, asks=DISCOVERED, env=HIDDEN),
    Case("spn, secret by variable, again", *aks(*SPN, *IDS), want=APP, asks="instance", times=2, env=HIDDEN),
    Case("spn, AAD_*", *aks(*SPN, "-t", TENANT), want=APP, env={"AAD_SERVICE_PRINCIPAL_CLIENT_ID": APP, "AAD_SERVICE_PRINCIPAL_CLIENT_SECRET": SECRET}),
    Case("spn, AZURE_* beats AAD_*", *aks(*SPN), want=APP, env={"AAD_SERVICE_PRINCIPAL_CLIENT_ID": APP2, "AAD_SERVICE_PRINCIPAL_CLIENT_SECRET": "x",
                                                               "AZURE_CLIENT_ID": APP, "AZURE_CLIENT_SECRET": SECRET, "AZURE_TENANT_ID": TENANT}),
    Case("spn, ARM_* by flag", *aks(*SPN, "--use-azurerm-env-vars"), want=APP, env={"ARM_CLIENT_ID": APP, "ARM_CLIENT_SECRET": SECRET, "ARM_TENANT_ID": TENANT}),
    Case("spn, ARM_* without the flag", *aks(*SPN), want="client ID cannot be empty",
         env={"ARM_CLIENT_ID": APP, "ARM_CLIENT_SECRET": SECRET, "ARM_TENANT_ID": TENANT}),
    Case("spn, wrong secret", *aks(*SPN, *IDS), want="AADSTS7000215", asks=DISCOVERED, env={"AZURE_CLIENT_SECRET": "x"}),
    Case("spn, no secret", *aks(*SPN, *IDS), want="client secret cannot be empty"),
    Case("spn, PEM", *aks(*SPN, *IDS, "--client-certificate", "{work}/both.pem"), who=certificate, want=APP, asks=DISCOVERED),
    Case("spn, PEM by variable", *aks(*SPN, *IDS), who=certificate, want=APP, env={"AZURE_CLIENT_CERTIFICATE_PATH": "{work}/both.pem"}),
    Case("spn, PEM beats a secret", *aks(*SPN, *IDS, "--client-certificate", "{work}/both.pem"), who=certificate, want=APP, env={"AZURE_CLIENT_SECRET": "x"}),
    Case("spn, PEM here", *aks(*SPN, *IDS, "--client-certificate", "both.pem"), who=certificate, want=APP),
    Case("spn, PFX", *aks(*SPN, *IDS, "--client-certificate", "{work}/old.pfx"), who=certificate, want=APP, env=PFX),
    Case("spn, PFX, password by flag", *aks(*SPN, *IDS, "--client-certificate", "{work}/old.pfx", "--client-certificate-password", "pfx-password"), who=certificate,
         want=APP, differs=ARGUMENTS),
    Case("spn, PFX of OpenSSL 3", *aks(*SPN, *IDS, "--client-certificate", "{work}/new.pfx"), who=certificate, env=PFX,
         want="unknown digest algorithm", differs=(APP, "OpenSSL reads what it made")),
    Case("spn, PFX, wrong password", *aks(*SPN, *IDS, "--client-certificate", "{work}/old.pfx"), who=certificate, env={"AZURE_CLIENT_CERTIFICATE_PASSWORD": "x"},
         want="password"),
    Case("spn, no such certificate", *aks(*SPN, *IDS, "--client-certificate", "{work}/none.pem"), want="no such file"),
    Case("spn, legacy", *aks(*SPN, *IDS, "--legacy"), env=HIDDEN, want=APP, asks="token-v1", aud="spn:" + AKS,
         differs=("legacy", "no cluster is left that wants spn: audiences")),
    Case("spn, pop", "--server-id", ARC, *SPN, *IDS, "--pop-enabled", "--pop-claims", f"u={CLUSTER_ARC_ID}", env=HIDDEN, want=APP, asks=DISCOVERED,
         aud=ARC),
    # people
    Case("AKS's stanza, nobody there", *STANZA, "--timeout", "2s", want="context deadline exceeded", asks="openid devicecode...",
         says="https://microsoft.com/devicelogin", differs=("daypass", "no identity: exit 1 at once, and the command to type")),
    Case("AKS's stanza in a pod", *STANZA, "--timeout", "2s", who=pod, want="context deadline exceeded", asks="openid devicecode...",
         differs=(APP, IDENTITY)),
    Case("AKS's stanza, AAD_LOGIN_METHOD", *STANZA, who=pod, env={"AAD_LOGIN_METHOD": "workloadidentity"}, want=APP, asks=DISCOVERED),
    Case("devicecode, legacy", *STANZA, "--legacy", "--timeout", "2s", want="", asks="devicecode-v1", differs=("legacy", "refused with the reason")),
    Case("interactive", *aks("-l", "interactive", *IDS, "--timeout", "2s"), want="", asks="openid", env={"PATH": "{work}:" + PATH},
         who=lambda p: p.script("xdg-open", "exit 0"),
         differs=("daypass", "no identity: exit 1 at once, and the command to type")),
    Case("ropc", *aks("-l", "ropc", *IDS, "--username", "ada@contoso.test", "--password", "x"), want="", differs=("ropc", "a password is no federated source")),
    # managed identity, az, azd
    Case("msi", *aks("-l", "msi"), who=managed, want=UAMI),
    Case("msi, client id by variable", *aks("-l", "msi"), who=managed, want=UAMI, env={"AZURE_CLIENT_ID": UAMI}),
    Case("msi, resource id", *aks("-l", "msi", "--identity-resource-id", UAMI_RESOURCE), who=managed, want=UAMI),
    Case("msi, client id", *aks("-l", "msi", "--client-id", UAMI), who=managed, want=UAMI),
    Case("azurecli", *aks("-l", "azurecli"), who=azure_cli, env={"PATH": "{work}:" + PATH}, want=APP,
         calls=f"az account get-access-token -o json --resource {AKS}"),
    Case("azurecli, tenant and subscription", *aks("-l", "azurecli", "-t", TENANT, "-s", "sub 1"), who=azure_cli, env={"PATH": "{work}:" + PATH}, want=APP,
         calls=f"az account get-access-token -o json --resource {AKS} --tenant {TENANT} --subscription sub 1"),
    Case("azurecli, none", *aks("-l", "azurecli"), env={"PATH": "{work}"}, want="executable not found on path"),
    Case("azd", *aks("-l", "azd"), who=azure_cli, env={"PATH": "{work}:" + PATH}, want=APP, calls=f"azd auth token -o json --no-prompt --scope {AKS}/.default"),
    # which cloud
    Case("usgov", *aks(*SPN, *IDS, "-e", "AzureUSGovernmentCloud"), env=HIDDEN, want=APP, asks="usgov:instance usgov:openid usgov:token"),
    Case("china", *aks(*SPN, *IDS, "-e", "AzureChinaCloud"), env=HIDDEN, want=APP, asks="china:instance china:openid china:token"),
    Case("an unknown cloud", *aks(*SPN, *IDS, "-e", "AzureStackCloud"), env=HIDDEN, want=APP, asks=DISCOVERED,
         differs=("environment", "a misspelt cloud is not the public one")),
    Case("authority by flag", *aks(*SPN, *IDS, "--authority-host", f"https://{CUSTOM}/", "--disable-instance-discovery"), env=HIDDEN, want=APP,
         asks="custom:openid custom:token", differs=("authority", "only from a configuration file")),
    Case("authority by variable", *aks(*WI, "--disable-instance-discovery"), who=pod, env={"AZURE_AUTHORITY_HOST": f"https://{CUSTOM}/"}, want=APP,
         asks="custom:openid custom:token", differs=("authority", "only from a configuration file")),
    Case("authority by variable, spn", *aks(*SPN, *IDS), env={**HIDDEN, "AZURE_AUTHORITY_HOST": f"https://{CUSTOM}/"}, want=APP, asks=DISCOVERED),
    Case("authority without a slash", *aks(*SPN, *IDS, "--authority-host", f"https://{CUSTOM}"), want="trailing slash"),
    Case("server-id with a slash", "--server-id", AKS + "/", *WI, who=pod, want=APP, asks=DISCOVERED),
    Case("server-id is a scope", "--server-id", AKS + "/.default", *WI, who=pod, want=APP, asks=DISCOVERED),
    *CONTRADICTIONS,
    # mistakes
    Case("no flags", want="server-id is required"),
    Case("no client", *aks(), want="client ID cannot be empty"),
    Case("unknown mode", *aks("-l", "frob"), want="'frob' is not a supported login method"),
    Case("unknown flag", *aks("--frob"), want="unknown flag: --frob"),
    Case("flag without a value", "--server-id", want="flag needs an argument: --server-id"),
    Case("timeout 0", *aks("--timeout", "0"), want="timeout"),
    Case("timeout by variable", *aks(*STANZA[2:]), env={"AZURE_CLI_TIMEOUT": "1s"}, want="context deadline exceeded", differs=("daypass", "as above")),
    Case("pop without claims", *aks(*SPN, *IDS, "--pop-enabled"), env=HIDDEN, want="pop-claims"),
    Case("pop-claims alone", *aks(*SPN, *IDS, "--pop-claims", "u=x"), env=HIDDEN, want="pop-enabled"),
    Case("pop-claims without u", *aks(*SPN, *IDS, "--pop-enabled", "--pop-claims", "h=x"), env=HIDDEN, want="u-claim"),
    Case("an argument too many", *aks(*WI), "word", who=pod, want=APP, differs=("takes flags only", "a word that nobody reads is a mistake")),
    # KUBERNETES_EXEC_INFO
    Case("info v1", *aks(*WI), who=pod, env={"KUBERNETES_EXEC_INFO": INFO % "v1"}, want=APP, api="v1"),
    Case("info v1beta1", *aks(*WI), who=pod, env={"KUBERNETES_EXEC_INFO": INFO % "v1beta1"}, want=APP),
    Case("info empty", *aks(*WI), who=pod, env={"KUBERNETES_EXEC_INFO": ""}, want=APP),
    Case("info {}", *aks(*WI), who=pod, env={"KUBERNETES_EXEC_INFO": "{}"}, want=APP, differs=("no ExecCredential", "no client sends it")),
    Case("info v1alpha1", *aks(*WI), who=pod, env={"KUBERNETES_EXEC_INFO": INFO % "v1alpha1"}, want="v1alpha1 is not supported"),
    Case("info is no JSON", *aks(*WI), who=pod, env={"KUBERNETES_EXEC_INFO": "{"}, want="cannot unmarshal"),
    Case("info, plural kind", *aks(*WI), who=pod, env={"KUBERNETES_EXEC_INFO": (INFO % "v1").replace("ExecCredential", "ExecCredentials")}, want=APP, api="v1"),
    # the rest
    Case("cache-dir", *aks(*WI, "--cache-dir", "{work}/cache"), who=pod, want=APP),
    Case("token-cache-dir", *aks(*WI, "--token-cache-dir", "{work}/cache"), who=pod, want=APP, says="deprecated"),
    Case("-v 5", *aks(*WI, "-v", "5"), who=pod, want=APP, says="using credential"),
    Case("--version", "--version"),
    Case("remove-tokens", "remove-tokens"),
    Case("remove-cache-dir", "remove-cache-dir"),
    Case("unknown command", "frob", want="unknown command"),
]


# --- one run ---

def decoded(token, part=1):
    return json.loads(base64.urlsafe_b64decode(token.split(".")[part] + "==="))


class Did:
    """One run, and what is left of it for the eye."""

    def __init__(self, place, program, case):
        self.case, cloud = case, place.cloud
        if case.who:
            case.who(place)
        env = {k: v.replace("{work}", str(place.work)) for k, v in case.env.items()}
        for _ in range(case.times):
            since = len(cloud.log())
            self.r = place.run([program, *case.words(place)], leaks=True, **env)
        self.rows = [r for r in cloud.log()[since:] if r["kind"] == "http"]
        called = place.work / "called"
        self.called = called.read_text().strip() if called.exists() else None
        self.credential = json.loads(self.r.out) if self.r.rc == 0 and self.r.out.startswith("{") else None
        self.claims, self.margin = {}, None
        if self.credential:
            outer = decoded(self.credential["status"]["token"])
            self.claims = decoded(outer["at"]) if "at" in outer else outer
            self.margin = calendar.timegm(time.strptime(self.credential["status"]["expirationTimestamp"], "%Y-%m-%dT%H:%M:%SZ")) - self.claims["exp"]

    @property
    def asks(self):
        names = [(SHORT.get(r["host"], ""), next((n for tail, n in ASKED.items() if r["path"].endswith(tail)), r["path"].rpartition("/")[2])) for r in self.rows]
        return " ".join(host + name for host, name in names)

    def row(self, whose):
        first = next((line for line in self.r.err.splitlines() if line.strip()), "")
        for guid, name in GUIDS.items():
            first = first.replace(guid, name)
        first = re.sub(r"https://\S{40,}", "https://...", re.sub(r"eyJ[\w.-]+", "eyJ...", first.replace(str(self.r.argv[0]), "kubelogin")))
        shown = ""
        if self.credential:
            api, aud, client = self.credential["apiVersion"].rpartition("/")[2], self.claims["aud"], self.claims["appid"]
            shown = f"{api} {aud.replace(AKS, 'AKS').replace(ARC, 'ARC')} for {GUIDS.get(client, client)}"
        return {"case": self.case.name, "program": whose, "rc": self.r.rc, "stdout": shown or self.r.out.split("\n")[0][:30],
                "margin": "" if self.margin is None else f"{self.margin:+d}", "requests": self.asks, "stderr": first[:110],
                "why": self.case.differs[1] if self.case.differs else ""}


def verdict(theirs, ours):
    """Of a case: same exit code, and a token of the same version, audience and client or none; else why not."""
    if ours["why"]:
        return "on purpose: " + ours["why"]
    good = theirs["rc"] == ours["rc"] and (theirs["stdout"] == ours["stdout"] or not (theirs["margin"] or ours["margin"]))
    return "same" if good else "OTHERWISE"


def beside(rows, titles, verdict):
    """Both programs' lines of each case, one below the other, and whether they did the same; then how many did."""
    found, counts, heads = {}, {}, [*titles][:-1] + ["beside", "stderr"]
    for row in rows:
        found.setdefault(row["case"], {})[row["program"]] = row
    lines = [{**titles, "beside": "beside kubelogin"}]
    for name, pair in found.items():
        theirs, ours = pair.get("kubelogin"), pair.get("daypass")
        said = verdict(theirs, ours) if theirs and ours else "-"
        kind = said.partition(":")[0]
        counts[kind] = counts.get(kind, 0) + 1
        lines += [{**row, "case": name if row is (theirs or ours) else "", "beside": said if row is ours else ""} for row in (theirs, ours) if row]
    widths = [max(len(str(r[h])) for r in lines) for h in heads]
    return ["  ".join(str(r[h]).ljust(w) for h, w in zip(heads, widths)).rstrip() for r in lines] + [
        "", f"{len(found)} cases: " + ", ".join(f"{n} {kind}" for kind, n in counts.items())]


def table():
    titles = {h: h for h in ("case", "program", "rc", "stdout", "margin", "requests", "stderr")}
    return [*beside(ROWS, {**titles, "margin": "s to exp"}, verdict),
            "s to exp: where expirationTimestamp stands against the token's end. requests: what was asked of Entra and of sources, in order."]
