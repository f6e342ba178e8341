"""The real docker-registry behind a registry's /v2/: a process for each, started when first needed, reached over a unix socket."""
import contextlib
import http.client
import itertools
import os
import re
import shutil
import socket
import subprocess
import threading
import time

from . import acr_tokens
from .wire import Response

# Of one connection only; date, type and length the response writes itself.
HOP = {"connection", "keep-alive", "proxy-authorization", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade", "expect",
       "content-length"}
OURS = HOP | {"date", "content-type"}
CONFIG = """version: 0.1
log:
  level: error
  accesslog:
    disabled: true
storage:
  filesystem:
    rootdirectory: {folder}/data
  delete:
    enabled: true
  redirect:
    disable: true
  maintenance:
    uploadpurging:
      enabled: false
http:
  net: unix
  addr: {folder}/socket
  relativeurls: true
  secret: stand-in
auth:
  token:
    realm: https://{name}/oauth2/token
    service: {name}
    issuer: {issuer}
    rootcertbundle: {folder}/signer.pem
"""
_starting, _numbers = threading.Lock(), itertools.count()


def program():
    """Debian's docker-registry; or another build that a test names."""
    return shutil.which(os.environ.get("DAYPASS_TEST_REGISTRY", "docker-registry"))


class Backend:
    def __init__(self, state, name):
        self.folder = os.path.join(state.folder, "registries", str(next(_numbers)))  # a socket's path must be short
        os.makedirs(self.folder, exist_ok=True)
        self.empty()
        self.write("signer.pem", acr_tokens.bundle(state, name))
        self.write("config.yml", CONFIG.format(folder=self.folder, name=name, issuer=acr_tokens.ISSUER).encode())
        self.process = self.start()

    def write(self, name, data):
        with open(os.path.join(self.folder, name), "wb") as f:
            f.write(data)

    def empty(self):
        """It keeps nothing in memory, so that its images can be taken away under it."""
        shutil.rmtree(os.path.join(self.folder, "data"), ignore_errors=True)
        os.makedirs(os.path.join(self.folder, "data"))

    def start(self):
        """Running, and listening. Newer versions would look for a collector of traces on loopback."""
        env = {"PATH": "/usr/bin:/bin", "HOME": self.folder, "OTEL_TRACES_EXPORTER": "none"}
        with open(os.path.join(self.folder, "log"), "wb") as log:
            process = subprocess.Popen([program(), "serve", os.path.join(self.folder, "config.yml")], env=env, cwd=self.folder,
                                       stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        end = time.monotonic() + 30
        while not self.answers():
            if process.poll() is not None or time.monotonic() > end:
                with open(log.name, errors="replace") as f:
                    raise OSError("docker-registry did not start: " + f.read()[-2000:])
            time.sleep(0.005)
        return process

    def answers(self):
        with socket.socket(socket.AF_UNIX) as s:
            return s.connect_ex(os.path.join(self.folder, "socket")) == 0


class Connection(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("localhost", timeout=900)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(self.path)


def backend(state, name):
    with _starting:
        if name not in state.backends or state.backends[name].process.poll() is not None:
            state.backends[name] = Backend(state, name)
        return state.backends[name]


def forward(state, request, name):
    """The registry's own answer. Repeated headers stay repeated (Accept), locations are relative, and a body is passed on as it comes."""
    link = Connection(os.path.join(backend(state, name).folder, "socket"))
    link.putrequest(request.method, request.target, skip_host=True, skip_accept_encoding=True)
    for k, v in request.headers.items():
        if k.lower() not in HOP:
            link.putheader(k, v)
    for k, v in (("X-Forwarded-Proto", "https"), ("Connection", "close"), ("Content-Length", str(len(request.body)))):
        link.putheader(k, v)
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # a refusal may come before it has read everything
        link.endheaders(request.body)
    answer = link.getresponse()
    response = Response(answer.status, b"", answer.getheader("Content-Type"), [(k, v) for k, v in answer.getheaders() if k.lower() not in OURS])
    if request.method == "HEAD":
        response.length = int(answer.getheader("Content-Length") or 0)
    elif answer.length:
        response.stream = answer
    else:
        response.data = answer.read()
    return response


def scope(method, path):
    """What docker-registry would ask for, for a path and method; "" for the front door."""
    if path.rstrip("/") == "/v2/_catalog":
        return "registry:catalog:*"
    found = re.match(r"/v2/(.+)/(?:manifests|blobs|tags)/", path)
    actions = {"GET": "pull", "HEAD": "pull", "DELETE": "delete"}.get(method, "pull,push")
    return f"repository:{found[1]}:{actions}" if found else ""


def end_all(state):
    """The program knows nothing of us and would live on."""
    for each in list(state.backends.values()):
        each.process.kill()
