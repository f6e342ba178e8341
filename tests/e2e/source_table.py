"""Each source's way to a token, as rows of the table that `make check` prints: how a place is set up for it, and how its end point goes down."""
import json
import subprocess
import time

from cloud.client import AKS_SUBJECT, APP, AWS_REGION, AWS_VARIABLES, CLUSTER_AUDIENCE, CLUSTER_OIDC, KUBE_ADMIN, SECRET, TENANT, UAMI
from e2e.agent import Agent, fly
from e2e.place import PATH, wait_until

COLUMNS = ("detected", "token", "app registration", "managed identity", "wrong subject", "end point down")
ROWS = []  # (name, cells) in the order of the tests


class Source:
    """setup(place, client): this place has the source, and the identity is of that client id. down(place): what it asks does not answer any more,
    or is not there; then these words are said: the thing, the cause, and what to do. exchanged: its token is an assertion (else Entra's own, or a secret).
    code: Entra's for a subject that is not registered."""

    def __init__(self, setup, down, words, exchanged=True, code=700213):
        self.setup, self.down, self.words, self.exchanged, self.code = setup, down, words, exchanged, code


def config(place, client, source, more="", **settings):
    place.config(source=source, client_id=client, more=more, **{"token_file": None, **settings})


def refuse(service):
    """Nobody answers there: the connection is cut."""
    return lambda place: place.cloud.fault(service, "reset")


def gone(place):
    place.token_file.unlink()


def github(place, client):
    place.github(AZURE_CLIENT_ID=client)


def pipelines(place, client):
    place.pipelines(AZURESUBSCRIPTION_CLIENT_ID=client)


def gitlab(place, client):
    place.identity = {"GITLAB_CI": "true", "CI": "true", "AZURE_TENANT_ID": TENANT, "AZURE_CLIENT_ID": client, "DAYPASS_ID_TOKEN": place.cloud.mint()}


def variable(place, client):
    config(place, client, "env", token_env="MY_TOKEN")
    place.identity = {"MY_TOKEN": place.cloud.mint()}


def command(place, client):
    place.write("printed", place.cloud.mint())
    config(place, client, "command", command=f"/bin/cat {place.folder}/printed")


def machine(place, client):
    config(place, UAMI, "managed-identity", tenant=None)
    place.identity = {"AZURE_POD_IDENTITY_AUTHORITY_HOST": place.cloud.info()["machine"]}


def gcp(place, client):
    config(place, client, "gcp")
    place.identity = {"GCE_METADATA_HOST": place.cloud.info()["machine"].removeprefix("http://")}


def chain(place, client):
    place.config(f"[identity default]\ntenant = {TENANT}\nclient-id = {client}\nsource = identity\nvia = hop\n[identity hop]\nsource = managed-identity\n")
    place.identity = {"AZURE_POD_IDENTITY_AUTHORITY_HOST": place.cloud.info()["machine"]}


def amazon(place, client):
    config(place, client, "aws")
    place.identity = {"AWS_REGION": AWS_REGION, **AWS_VARIABLES}


def amazon_instance(place, client):
    config(place, client, "aws")
    place.identity = {"AWS_EC2_METADATA_SERVICE_ENDPOINT": place.cloud.info()["machine"]}


def url(place, client):
    place.write("agent/token", place.cloud.mint())
    place.agent = getattr(place, "agent", None) or Agent(lambda request: (200, (place.folder / "agent" / "token").read_text(), "text/plain"))
    config(place, client, "url", url=place.agent.url)


def on_fly(place, client):
    path = place.folder / "api"
    place.agent = getattr(place, "agent", None) or Agent(fly(place.cloud), path)
    config(place, client, "auto", unix_socket=path)
    place.identity = {"FLY_MACHINE_ID": "m1"}


def vault(place, client):
    def reply(request):
        return 200, json.dumps({"data": {"token": place.cloud.mint()}}), "application/json"
    place.agent = getattr(place, "agent", None) or Agent(reply)
    config(place, client, "vault", role="azure")
    place.identity = {"VAULT_ADDR": place.agent.url, "VAULT_TOKEN": "hvs.x"}


def buildkite(place, client):
    place.write("printed", place.cloud.mint())
    folder = place.write("agent/buildkite-agent", f"#!/bin/sh\nexec cat {place.folder}/printed\n", 0o755).parent
    folder.chmod(0o755)
    place.identity = {"BUILDKITE": "true", "BUILDKITE_JOB_ID": "1", "BUILDKITE_AGENT_ACCESS_TOKEN": "x", "PATH": f"{folder}:{PATH}", "AZURE_TENANT_ID": TENANT,
                      "AZURE_CLIENT_ID": client}


def kubernetes(place, client):
    place.cloud.cluster(CLUSTER_OIDC, roles={"oidc:" + AKS_SUBJECT: KUBE_ADMIN})
    path = place.write("sa/token", place.cloud.mint(sub=AKS_SUBJECT, aud=CLUSTER_AUDIENCE))
    place.write("sa/ca.crt", open(place.cloud.info()["ca"]).read())
    config(place, client, "kubernetes", token_file=path)
    place.identity = {"KUBERNETES_SERVICE_HOST": CLUSTER_OIDC, "KUBERNETES_SERVICE_PORT": "443"}


def spiffe(place, client):
    """An agent of go-spiffe's, where it was fetched."""
    from e2e.real.test_spiffe import program
    socket = place.folder / "agent.sock"
    place.write("svids/a", place.cloud.mint())
    if not socket.exists():
        place.agent = place.start([program(), "serve", socket, place.folder / "svids"], stdin=subprocess.DEVNULL)
        wait_until(socket.exists, "the agent listens")
    config(place, client, "auto")
    place.identity = {"SPIFFE_ENDPOINT_SOCKET": f"unix://{socket}"}


def kill(place):
    place.agent.kill()
    place.agent.wait()


def stop(place):
    place.agent.__exit__()
    place.agent = None


def secret(place, client):
    config(place, APP, "client-secret", client_secret_file=place.write("secret", SECRET))


def certificate(place, client):
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=app", "-days", "1", "-keyout", "key.pem", "-out", "cert.pem"], cwd=place.folder, check=True,
                   capture_output=True)
    key, cert = ((place.folder / name).read_text() for name in ("key.pem", "cert.pem"))
    place.cloud.client(APP, certificates=[cert])
    config(place, APP, "certificate", certificate=place.write("both.pem", key + cert))


def az(place, client):
    """The real ones are in make check-az: this one is a script that prints what they print."""
    place.write("home/.azure/azureProfile.json", "{}")
    token = {"accessToken": place.cloud.token(), "expires_on": int(time.time()) + 3600}
    folder = place.write("real/az", f"#!/bin/sh\necho '{json.dumps(token)}'\n", 0o755).parent
    config(place, client, "az")
    place.identity = {"PATH": f"{folder}:{PATH}"}


def azd(place, client):
    place.write("home/.azd/config.json", "{}")
    token = {"token": place.cloud.token(), "expiresOn": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 3600))}
    folder = place.write("real/azd", f"#!/bin/sh\necho '{json.dumps(token)}'\n", 0o755).parent
    config(place, client, "azd")
    place.identity = {"PATH": f"{folder}:{PATH}"}


def logged_out(name):
    def out(place):
        place.write(f"real/{name}", "#!/bin/sh\necho 'ERROR: nobody is logged in' >&2\nexit 1\n", 0o755)
    return out


def without(*names):
    def take(place):
        place.identity = {k: v for k, v in place.identity.items() if k not in names}
    return take


SOURCES = {
    "github-actions": Source(github, refuse("github"), ("run-actions.githubusercontent.com cannot be reached", "HTTPS_PROXY")),
    "azure-pipelines": Source(pipelines, refuse("pipelines"), ("dev.azure.com cannot be reached", "HTTPS_PROXY")),
    "ci (GitLab)": Source(gitlab, without("DAYPASS_ID_TOKEN"), ("GitLab CI", "DAYPASS_ID_TOKEN is not set", "add to the job")),
    "file": Source(lambda place, client: place.pod(client=client), gone, ("/token: No such file", "check AZURE_FEDERATED_TOKEN_FILE")),
    "env": Source(variable, without("MY_TOKEN"), ("MY_TOKEN is not set", "export it")),
    "command": Source(command, lambda place: (place.folder / "printed").unlink(), ("/bin/cat ended with status 1", "run it by hand")),
    "identity (managed)": Source(chain, refuse("machine"), ("identity hop, which default goes by", "does not answer", "choose another source"), code=7002137),
    "gcp": Source(gcp, refuse("google"), ("there is no Google's metadata server here", "another source")),
    "aws": Source(amazon, refuse("sts"), (f"sts.{AWS_REGION}.amazonaws.com cannot be reached", "HTTPS_PROXY")),
    "aws (instance role)": Source(amazon_instance, refuse("ec2"), ("the metadata service 127.0.0.1 does not answer", "credential-command")),
    "fly": Source(on_fly, stop, ("Fly.io's socket", "is not here", "choose another source")),
    "kubernetes": Source(kubernetes, refuse("kube"), (CLUSTER_OIDC + " cannot be reached", "check the network")),
    "spiffe": Source(spiffe, kill, ("cannot be reached", "is the agent there?")),
    "vault": Source(vault, stop, ("cannot be reached", "check the network")),
    "buildkite": Source(buildkite, lambda place: (place.folder / "agent" / "buildkite-agent").unlink(), ("no buildkite-agent on PATH", "put it there")),
    "url": Source(url, stop, ("cannot be reached", "check url")),
    "managed-identity": Source(machine, refuse("machine"), ("does not answer", "choose another source"), exchanged=False),
    "certificate": Source(certificate, lambda place: (place.folder / "both.pem").unlink(), ("/both.pem: No such file", "daypass/config:5"), exchanged=False),
    "az": Source(az, logged_out("az"), ("nobody is logged in", "az login"), exchanged=False),
    "azd": Source(azd, logged_out("azd"), ("nobody is logged in", "azd auth login"), exchanged=False),
    "client-secret": Source(secret, lambda place: (place.folder / "secret").unlink(), ("/secret: No such file", "daypass/config:5"), exchanged=False),
}


def table():
    wide = max(len(name) for name, _ in ROWS)
    yield f"{'source':{wide}}  " + "  ".join(COLUMNS)
    for name, cells in ROWS:
        yield f"{name:{wide}}  " + "  ".join(f"{cells.get(c, 'FAILED'):{len(c)}}" for c in COLUMNS)
