"""Clients that we did not write, for the selftest: curl and git."""
import json
import os
import subprocess

from cloud.client import APP, ASSERTION_TYPE, AZDO_SCOPE, TENANT

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


def exchange(cloud, *more, url=TOKEN_URL, assertion=None, limit=20, drop=(), **form):
    fields = {"grant_type": "client_credentials", "client_id": APP, "scope": AZDO_SCOPE, "client_assertion_type": ASSERTION_TYPE,
              "client_assertion": cloud.mint() if assertion is None else assertion, **form}
    args = [a for k, v in fields.items() if k not in drop and v is not None for a in ("--data-urlencode", f"{k}={v}")]
    return curl(*more, *args, url, limit=limit)


def helper(path, token):
    """A credential helper as short as can be: it answers get with a password."""
    path.write_text(f'#!/bin/sh\n[ "$1" = get ] && printf "username=x\\npassword=%s\\n" "$(cat {path}.token)"\nexit 0\n')
    path.chmod(0o755)
    (path.parent / (path.name + ".token")).write_text(token)
    return str(path)


class Git:
    def __init__(self, folder, token=None):
        self.folder = folder
        keep = {k: v for k, v in os.environ.items() if k.lower() in ("path", "https_proxy", "no_proxy", "git_ssl_cainfo", "ssl_cert_file")}
        self.env = {**keep, "HOME": str(folder), "GIT_CONFIG_NOSYSTEM": "1", "GIT_TERMINAL_PROMPT": "0", "LANG": "C.UTF-8",
                    "GIT_AUTHOR_NAME": "t", "GIT_AUTHOR_EMAIL": "t@t", "GIT_COMMITTER_NAME": "t", "GIT_COMMITTER_EMAIL": "t@t"}
        self.options = ["-c", "credential.helper="] + (["-c", "credential.helper=" + helper(folder / "helper", token)] if token else [])

    def __call__(self, *args, cwd=None, rc=0):
        done = subprocess.run(["git", *self.options, *args], cwd=cwd or self.folder, env=self.env, capture_output=True, text=True, timeout=60)
        assert done.returncode == rc, done.stderr
        return done.stdout + done.stderr
