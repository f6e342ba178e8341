"""A fresh corner of the machine for one test: its own HOME, runtime folder, work folder and environment, and ways to run
programs there. Nothing of the caller's environment gets in but what ALLOWED names."""
import os
import re
import shutil
import stat
import subprocess
import tempfile
import time
from pathlib import Path
from urllib.parse import urlsplit

from cloud.client import (APP, AWS_REGION, AWS_VARIABLES, CONNECTION, FAB, GITHUB_REQUEST_TOKEN, GITHUB_URL, PIPELINES_TOKEN, PIPELINES_URL, TENANT, TENANT2)

ROOT = Path(__file__).resolve().parents[2]
BIN = Path(os.environ.get("DAYPASS_TEST_BIN") or ROOT / "build" / "release" / "bin")
MODE = os.environ.get("DAYPASS_TEST_MODE", "")
WALL = MODE == "wall"
ALLOWED = ("HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "NO_PROXY", "no_proxy", "SSL_CERT_FILE", "GIT_SSL_CAINFO")
PATH = f"{BIN}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
HELPER = "git-credential-daypass"
URL = "https://dev.azure.com/contoso/shop/_git/web"
JWT = re.compile(r"eyJ[A-Za-z0-9_-]{12,}")
LIMIT = 120  # seconds after which a run counts as hung, on any machine


def text(data):
    return data.decode("utf-8", "surrogateescape")


class Result:
    """What a run left behind. fields: the credential lines, the last value of each key; rows: all lines as pairs."""

    def __init__(self, argv, rc, out, err, seconds=0.0):
        self.argv, self.rc, self.out, self.err, self.seconds = argv, rc, text(out), text(err), seconds
        self.rows = [tuple(line.split("=", 1)) for line in self.out.splitlines() if "=" in line]
        self.fields = dict(self.rows)
        self.token = self.fields.get("password") or self.fields.get("credential")

    def __repr__(self):
        return f"<{self.argv[0]} ended {self.rc}; out: {JWT.sub('eyJ***', self.out)!r}; err: {self.err!r}>"


class Place:
    def __init__(self, cloud):
        self.cloud, self.identity = cloud, {}
        self.folder = Path(tempfile.mkdtemp(prefix="p-", dir=os.environ["DAYPASS_TEST_DIR"]))
        self.home, self.work, self.token_file = self.folder / "home", self.folder / "work", self.folder / "token"
        for path in (self.home, self.work):
            path.mkdir(mode=0o700)
        self.runtime, self.running = None, []
        self.fresh_runtime()
        self.gitconfig()

    # --- the corner itself ---

    def fresh_runtime(self):
        """Another, empty runtime folder: what a restart of the machine leaves."""
        self.runtime = Path(tempfile.mkdtemp(prefix="r-", dir=os.environ["XDG_RUNTIME_DIR"]))
        return self.runtime

    @property
    def store(self):
        return self.runtime / "daypass" / "v1"

    def records(self):
        return sorted(p for p in self.store.glob("*") if re.fullmatch("[0-9a-f]{64}", p.name)) if self.store.is_dir() else []

    def gitconfig(self, more=""):
        (self.home / ".gitconfig").write_text(
            '[credential]\n\thelper =\n\thelper = daypass\n[credential "https://dev.azure.com"]\n\tuseHttpPath = true\n'
            "[user]\n\tname = t\n\temail = t@t.test\n[init]\n\tdefaultBranch = main\n[gc]\n\tauto = 0\n[maintenance]\n\tauto = false\n"
            "[core]\n\tfsync = none\n[advice]\n\tdetachedHead = false\n" + more)

    def write(self, name, data, mode=0o600):
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data if isinstance(data, bytes) else data.encode())
        path.chmod(mode)
        return path

    def script(self, name, body):
        """A program of ours: a shell script, or any other with its own first line."""
        return self.write(f"work/{name}", body if body.startswith("#!") else f"#!/bin/sh\n{body}\n", 0o755)

    def assertion(self, **how):
        """A new external token in the token file, put there at once as a kubelet does: whoever reads meanwhile has the old one or the new one."""
        token = self.cloud.mint(**how)
        os.replace(self.write("token.new", token), self.token_file)
        return token

    def close(self):
        for p in self.running:
            if p.poll() is None:
                p.kill()
                p.wait()
        for folder, names, _ in os.walk(self.folder):
            for name in names:
                path = os.path.join(folder, name)
                if not os.path.islink(path):
                    os.chmod(path, stat.S_IRWXU)
        shutil.rmtree(self.folder, ignore_errors=True)

    # --- who we are ---

    def pod(self, client=APP, tenant=TENANT, **how):
        """A pod with workload identity: two ids and a file."""
        self.assertion(**how)
        self.identity = {"AZURE_TENANT_ID": tenant, "AZURE_CLIENT_ID": client, "AZURE_FEDERATED_TOKEN_FILE": str(self.token_file)}
        return self

    def github(self, job=1, **more):
        """A GitHub Actions job with `id-token: write`."""
        self.identity = {"GITHUB_ACTIONS": "true", "CI": "true", "ACTIONS_ID_TOKEN_REQUEST_URL": GITHUB_URL, "AZURE_TENANT_ID": TENANT,
                         "ACTIONS_ID_TOKEN_REQUEST_TOKEN": f"{GITHUB_REQUEST_TOKEN[:-2]}-{job}", "AZURE_CLIENT_ID": APP, **more}
        return self

    def pipelines(self, job=1, **more):
        """An Azure Pipelines job in AzureCLI@2, with the access token mapped."""
        self.identity = {"TF_BUILD": "True", "SYSTEM_OIDCREQUESTURI": PIPELINES_URL, "SYSTEM_ACCESSTOKEN": f"{PIPELINES_TOKEN}-{job}",
                         "SYSTEM_COLLECTIONURI": "https://dev.azure.com/contoso/", "AZURESUBSCRIPTION_CLIENT_ID": APP,
                         "AZURESUBSCRIPTION_TENANT_ID": TENANT, "AZURESUBSCRIPTION_SERVICE_CONNECTION_ID": CONNECTION, **more}
        return self

    def amazon(self, **more):
        """A place with a session of a role of AWS, which names that source: CodeBuild, Lambda, a shell behind aws sso login."""
        self.identity = {"DAYPASS_SOURCE": "aws", "AWS_REGION": AWS_REGION, **AWS_VARIABLES, "AZURE_TENANT_ID": TENANT, "AZURE_CLIENT_ID": APP, **more}
        return self

    def config(self, body=None, more="", **settings):
        """The user's configuration file. Without body: identity default with a token file; settings replace its lines."""
        if body is None:
            lines = {"tenant": TENANT, "client-id": APP, "source": "file", "token-file": self.token_file,
                     **{k.replace("_", "-"): v for k, v in settings.items()}}
            body = "[identity default]\n" + "".join(f"{k} = {v}\n" for k, v in lines.items() if v is not None) + more
        if not self.token_file.exists():
            self.assertion()
        self.identity = {}
        return self.write("home/.config/daypass/config", body)

    def two_organizations(self):
        """contoso is served by APP, fabrikam by FAB of another tenant."""
        return self.config(more=f"[identity fab]\ntenant = {TENANT2}\nclient-id = {FAB}\nsource = file\ntoken-file = {self.token_file}\n"
                                "[match https://dev.azure.com/contoso]\nidentity = default\n[match https://dev.azure.com/fabrikam]\nidentity = fab\n")

    # --- running something there ---

    def env(self, **more):
        """The whole environment of a child; None takes a variable away."""
        env = {k: os.environ[k] for k in ALLOWED if k in os.environ}
        env.update(PATH=PATH, HOME=str(self.home), XDG_RUNTIME_DIR=str(self.runtime), LANG="C.UTF-8", GIT_CONFIG_NOSYSTEM="1",
                   GIT_TERMINAL_PROMPT="0")
        env.update({**self.identity, **more})
        return {k: str(v) for k, v in env.items() if v is not None}

    def start(self, argv, stdin=subprocess.PIPE, before=None, cwd=None, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **env):
        argv = [str(a) for a in argv]
        ours, begun = BIN / argv[0], time.monotonic()  # ours, whatever PATH a test gives it
        p = subprocess.Popen(argv, executable=str(ours) if ours.exists() else None, stdin=stdin, stdout=stdout, stderr=stderr,
                             env=self.env(**env), cwd=cwd or self.work, preexec_fn=before)
        p.begun = begun
        self.running.append(p)
        return p

    def finish(self, p, data=b"", leaks=False):
        out, err = p.communicate(data.encode("utf-8", "surrogateescape") if isinstance(data, str) else data, timeout=LIMIT)
        r = Result(p.args, p.returncode, out or b"", err or b"", time.monotonic() - p.begun)
        assert leaks or not JWT.search(r.err), f"a token on stderr: {r.err}"
        return r

    def run(self, argv, stdin=b"", leaks=False, **how):
        """how: cwd, before (in the child), and variables."""
        return self.finish(self.start(argv, **how), stdin, leaks)

    def ask(self, host="dev.azure.com", path=None, extra="", protocol="https"):
        """What git writes on a helper's stdin."""
        return f"protocol={protocol}\nhost={host}\n" + (f"path={path}\n" if path is not None else "") + extra

    def get(self, extra="", host="dev.azure.com", path=None, options=(), **how):
        """git-credential-daypass get. A helper's caller must never see it fail."""
        r = self.run([HELPER, *options, "get"], self.ask(host, path, extra), **how)
        assert r.rc == 0, r
        return r

    def erase(self, token, path=None, **how):
        r = self.run([HELPER, "erase"], self.ask(path=path, extra=f"username=x\npassword={token}\n"), **how)
        assert r.rc == 0 and r.out == "", r
        return r

    def many(self, count, argv, stdin=b"", **how):
        """The same program that many times at once."""
        running = [self.start(argv, **how) for _ in range(count)]
        for p in running:  # all have their question before anyone's answer is read
            p.stdin.write(stdin.encode() if isinstance(stdin, str) else stdin)
            p.stdin.close()
            p.stdin = None
        return [self.finish(p) for p in running]

    def git(self, *args, rc=0, **how):
        r = self.run(["git", *args], **how)
        assert rc is None or r.rc == rc, r
        return r

    def clone(self, url=URL, name="web", *options, **how):
        self.git("clone", "-q", *options, url, name, **how)
        return self.work / name


def one_line(r):
    """The one line that a helper may say about a failure."""
    assert r.err.endswith("\n") and r.err.count("\n") == 1 and r.err.startswith("daypass: "), r
    assert len(r.err) < 4096 and r.err[:-1].isprintable(), r
    return r.err


def said_no(r, *words):
    """Nothing was given, and one line says why, with these words in it."""
    assert r.token is None, r
    line = one_line(r)
    for word in words:
        assert str(word) in line, f"{word!r} is missing: {line}"
    return line


def silent(r):
    """Not ours: no word on either stream."""
    assert (r.rc, r.out, r.err) == (0, "", ""), r


def hosts(cloud):
    """Every host that anybody asked for in any way, by name resolution, by proxy, by TLS or by HTTP."""
    return {r["host"] for r in cloud.log() if r["kind"] in ("http", "dns", "tls", "proxy")}


def host_of(url):
    return urlsplit(url).hostname


def wait_until(good, what, limit=30):
    """Until a condition holds; fails with its name."""
    end = time.monotonic() + limit
    while not (value := good()):
        assert time.monotonic() < end, f"not within {limit} s: {what}"
        time.sleep(0.01)
    return value
