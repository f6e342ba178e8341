"""Clients that we did not write, for the selftests: curl, git, skopeo and kubectl."""
import base64
import json
import os
import subprocess

from cloud.client import ACR_USER, APP, ASSERTION_TYPE, AZDO_SCOPE, CLUSTER, REGISTRY, TENANT, Cloud

TOKEN_URL = f"https://login.microsoftonline.com/{TENANT}/oauth2/v2.0/token"


class Answer:
    """One curl run: its exit code, the HTTP status, headers (lower case, last block) and body."""

    def __init__(self, done):
        self.rc, self.err = done.returncode, done.stderr.decode()
        head, _, self.body = done.stdout.partition(b"\r\n\r\n")
        while self.body.startswith(b"HTTP/"):
            head, _, self.body = self.body.partition(b"\r\n\r\n")
        lines = head.decode("latin1").split("\r\n")
        self.status = int(lines[0].split()[1]) if lines[0].startswith("HTTP/") else None
        self.headers = [(k.lower(), v) for k, _, v in (line.partition(": ") for line in lines[1:])]

    def all(self, name):
        return [v for k, v in self.headers if k == name]

    @property
    def json(self):
        return json.loads(self.body)


def curl(*args, limit=20, data=None):
    return Answer(subprocess.run(["curl", "-sS", "-i", "--suppress-connect-headers", "-m", str(limit), *args], capture_output=True, input=data))


def fields(**form):
    return [a for k, v in form.items() for each in (v if isinstance(v, list) else [v]) for a in ("--data-urlencode", f"{k}={each}")]


def exchange(cloud, *more, url=TOKEN_URL, assertion=None, limit=20, drop=(), **form):
    form = {"grant_type": "client_credentials", "client_id": APP, "scope": AZDO_SCOPE, "client_assertion_type": ASSERTION_TYPE,
              "client_assertion": cloud.mint() if assertion is None else assertion, **form}
    return curl(*more, *fields(**{k: v for k, v in form.items() if k not in drop and v is not None}), url, limit=limit)


def to_refresh(host, token, *more, **form):
    """A registry's exchange: an Entra token for a refresh token."""
    asked = {"grant_type": "access_token", "service": host, "access_token": token, **form}
    return curl(*more, *fields(**{k: v for k, v in asked.items() if v is not None}), f"https://{host}/oauth2/exchange")


def to_access(host, *more, **form):
    """A registry's token endpoint by POST."""
    return curl(*more, *fields(service=host, **form), f"https://{host}/oauth2/token")


def by_get(host, user, secret, *scopes, query=""):
    """The same by GET, as user or (None) as nobody."""
    url = f"https://{host}/oauth2/token?service={host}{query}" + "".join("&scope=" + s for s in scopes)
    return curl(*(["-u", f"{user}:{secret}"] if user else []), url)


def bearer(token, path, *more, host=REGISTRY):
    """A registry's /v2/ with an access token."""
    return curl("-H", f"Authorization: Bearer {token}", *more, f"https://{host}{path}")


def kube(token, path, *more, host=CLUSTER):
    """An API server with a bearer token, or (None) with nothing."""
    return curl(*(["-H", f"Authorization: Bearer {token}"] if token is not None else []), *more, f"https://{host}{path}")


def kubeconfig(server, user, ca=None, **cluster):
    """The text of a kubeconfig with one context (JSON, which is YAML too). user: {"token": ...}, {"exec": {...}}; ca: PEM."""
    trust = {"certificate-authority-data": base64.b64encode(ca.encode()).decode()} if ca else {}
    return json.dumps({"apiVersion": "v1", "kind": "Config", "current-context": "c", "users": [{"name": "u", "user": user}],
                       "clusters": [{"name": "c", "cluster": {"server": server, **trust, **cluster}}],
                       "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}]}, indent=1)


def helper(path, token):
    """A credential helper as short as can be: it answers get with a password."""
    path.write_text(f'#!/bin/sh\n[ "$1" = get ] && printf "username=x\\npassword=%s\\n" "$(cat {path}.token)"\nexit 0\n')
    path.chmod(0o755)
    (path.parent / (path.name + ".token")).write_text(token)
    return str(path)


def kept():
    """What a client needs of the launcher's environment."""
    return {k: v for k, v in os.environ.items() if k.lower() in ("path", "https_proxy", "no_proxy", "git_ssl_cainfo", "ssl_cert_file")}


class Git:
    def __init__(self, folder, token=None):
        self.folder = folder
        self.env = {**kept(), "HOME": str(folder), "GIT_CONFIG_NOSYSTEM": "1", "GIT_TERMINAL_PROMPT": "0", "LANG": "C.UTF-8",
                    "GIT_AUTHOR_NAME": "t", "GIT_AUTHOR_EMAIL": "t@t", "GIT_COMMITTER_NAME": "t", "GIT_COMMITTER_EMAIL": "t@t"}
        self.options = ["-c", "credential.helper="] + (["-c", "credential.helper=" + helper(folder / "helper", token)] if token else [])

    def __call__(self, *args, cwd=None, rc=0):
        done = subprocess.run(["git", *self.options, *args], cwd=cwd or self.folder, env=self.env, capture_output=True, text=True, timeout=60)
        assert done.returncode == rc, done.stderr
        return done.stdout + done.stderr


class Skopeo:
    """A copy between an OCI layout and a registry, and questions about what lies there. secret: a password, or None for nobody."""

    def __init__(self, folder, secret=None, user=ACR_USER):
        self.folder, self.creds = folder, None if secret is None else f"{user}:{secret}"
        self.env = {**kept(), "HOME": str(folder), "TMPDIR": str(folder), "REGISTRY_AUTH_FILE": str(folder / "no-auth.json"), "LANG": "C.UTF-8",
                    "_CONTAINERS_ROOTLESS_UID": "1000"}  # root would remember blobs in /var/lib, from one test to the next

    def run(self, *args, rc=0):
        done = subprocess.run(["skopeo", "--insecure-policy", *args], cwd=self.folder, env=self.env, capture_output=True, text=True, timeout=60)
        assert (done.returncode != 0) == (rc != 0), done.stdout + done.stderr
        return done.stdout if rc == 0 else done.stderr

    def option(self, name="--creds"):
        return [name, self.creds] if self.creds else []

    def push(self, layout, where, rc=0):
        return self.run("copy", *self.option("--dest-creds"), f"oci:{layout}", f"docker://{where}", rc=rc)

    def pull(self, where, layout, rc=0):
        return self.run("copy", *self.option("--src-creds"), f"docker://{where}", f"oci:{layout}", rc=rc)

    def ask(self, what, where, rc=0):
        text = self.run(what, *self.option(), f"docker://{where}", rc=rc)
        return json.loads(text) if rc == 0 else text


class Kubectl:
    """With a token and nothing else, as nobody's plugin."""

    def __init__(self, folder, token, host=CLUSTER):
        self.folder, self.config = folder, folder / "kubeconfig"
        self.env = {**kept(), "HOME": str(folder), "KUBECONFIG": str(self.config), "LANG": "C.UTF-8"}
        with open(Cloud().info()["ca"]) as f:
            self.config.write_text(kubeconfig(f"https://{host}:443", {"token": token}, f.read()))

    def __call__(self, *args, rc=0):
        done = subprocess.run(["kubectl", *args], cwd=self.folder, env=self.env, capture_output=True, text=True, timeout=60)
        assert done.returncode == rc, done.stdout + done.stderr
        return done.stdout if rc == 0 else done.stderr
