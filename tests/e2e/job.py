"""A command under `daypass exec` that lasts until the test says so, and a client for the server that stands behind it."""
import json
import os
import signal
import socket
from http.client import HTTPConnection, HTTPResponse
from pathlib import Path

from cloud.client import ARM
from e2e.place import wait_until

HOLD = 'env -0 > "$OUT.new" && mv "$OUT.new" "$OUT"; exec cat'


def listening(pid):
    """The sockets that listen in that process's network: what tells one from another."""
    return {row.split()[9] for row in Path(f"/proc/{pid}/net/tcp").read_text().splitlines()[1:] if row.split()[3] == "0A"}


def servers():
    """The processes that serve: by the name that they give themselves; those of other runs on this machine are behind their own walls."""
    found, here = set(), listening("self")
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            if Path(f"/proc/{pid}/comm").read_text() == "daypass-exec\n" and listening(pid) & here:
                found.add(int(pid))
        except OSError:
            pass
    return found


class Job:
    """`daypass exec OPTIONS -- sh`, which writes its environment down and then waits."""

    def __init__(self, place, *options, **how):
        before, self.place = servers(), place
        self.out = place.folder / f"env-{len(place.running)}"
        self.p = place.start(["daypass", "exec", *options, "--", "sh", "-c", HOLD], OUT=self.out, **how)
        wait_until(lambda: self.out.exists() or self.p.poll() is not None, "the command runs")
        assert self.p.poll() is None, place.finish(self.p)
        self.env = dict(row.split("=", 1) for row in self.out.read_text().split("\0") if row)
        self.host = self.env["IDENTITY_ENDPOINT"].split("/")[2]
        self.secret = self.env["IDENTITY_HEADER"]
        self.port = int(self.host.split(":")[1])
        self.server, = wait_until(lambda: servers() - before, "the server has its name")

    def end(self):
        self.p.stdin.close()
        self.p.stdin = None
        r = self.place.finish(self.p)
        self.gone()
        return r

    def gone(self):
        wait_until(lambda: self.server not in servers(), "the server has ended")

    def kill(self, pid, sig=signal.SIGKILL):
        os.kill(pid, sig)

    @property
    def folder(self):
        return Path(self.env["AZURE_CONFIG_DIR"]).parent

    # --- asking ---

    def ask(self, path, headers=None, method="GET", body=None, host=None):
        """(status, the answer's JSON)"""
        c = HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            c.request(method, path, body, {"Host": host or self.host, **(headers or {})})
            r = c.getresponse()
            data = r.read()
            assert r.headers["Content-Type"] == "application/json" and int(r.headers["Content-Length"]) == len(data)
            self.headers = r.headers
            return r.status, json.loads(data)
        finally:
            c.close()

    def token(self, resource=ARM, more="", headers=None, **how):
        """As the SDKs do by IDENTITY_ENDPOINT."""
        return self.ask(f"/msi/token?api-version=2019-08-01&resource={resource}{more}", {"X-IDENTITY-HEADER": self.secret, **(headers or {})}, **how)

    def terraform(self, resource=ARM, more="", headers=None, **how):
        path = self.env["ARM_MSI_ENDPOINT"].split(self.host)[1]
        return self.ask(f"{path}?api-version=2018-02-01&resource={resource}{more}", {"Metadata": "true"} if headers is None else headers, **how)

    def azd(self, *scopes, key=None, **more):
        body = json.dumps({"scopes": scopes or [f"{ARM}/.default"], **more})
        return self.ask("/azd/token?api-version=2023-07-12-preview", {"Authorization": f"Bearer {key or self.env['AZD_AUTH_KEY']}", "Content-Type": "application/json"}, "POST", body)

    def raw(self, data, count=1):
        """Bytes as they are; the statuses of as many answers."""
        with self.connect() as s:
            try:
                s.sendall(data)
            except OSError:  # told no before all was sent
                pass
            return [self.read(s)[0] for _ in range(count)]

    def connect(self):
        s = socket.create_connection(("127.0.0.1", self.port))
        s.settimeout(60)
        return s

    def read(self, s, method="GET"):
        r = HTTPResponse(s, method=method)
        r.begin()
        return r.status, r.read()

    def head(self, path="/msi/token?resource=" + ARM, more="", first="GET {} HTTP/1.1"):
        return (first.format(path) + f"\r\nHost: {self.host}\r\nX-IDENTITY-HEADER: {self.secret}\r\n{more}\r\n").encode()
