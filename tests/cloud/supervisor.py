"""The half of the launcher that is inside the wall (or stands in for it): starts the cloud, then the command, and ends both."""
import ctypes
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time

from . import wall
from .launcher import PYTHON, remove_tree

TESTS = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
DROP = ["--bounding-set=-all", "--inh-caps=-all", "--ambient-caps=-all"]
PR_SET_CHILD_SUBREAPER, PR_SET_PDEATHSIG = 36, 1
libc = ctypes.CDLL(None, use_errno=True)


class Supervisor:
    def __init__(self, spec):
        self.spec, self.folder, self.command, self.stopping = spec, spec["folder"], None, None
        self.outside = socket.socket(socket.AF_UNIX)
        self.outside.connect(os.path.join(self.folder, "launch.sock"))
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            if signal.getsignal(number) is not signal.SIG_IGN:
                signal.signal(number, self.on_signal)
        libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)

    def say(self, text):
        try:
            self.outside.sendall(text.encode() + b"\n")
        except OSError:
            pass

    def on_signal(self, number, _frame):
        """A terminal's ^C reaches the command by itself."""
        if number != signal.SIGINT:
            self.stop(number)

    # --- the cloud ---

    def start_cloud(self):
        """It lives in a session of its own, so that no terminal's signal reaches it, and ends when our end of its stdin does."""
        ready_r, ready_w = os.pipe()
        self.errors = os.path.join(self.folder, "cloud.err")
        env = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "PYTHONPATH": TESTS, "LANG": "C.UTF-8"}
        env.update({k: v for k, v in self.spec["env"].items() if k == "DAYPASS_TEST_REGISTRY"})
        with open(self.errors, "wb") as err:
            self.cloud = subprocess.Popen(
                [PYTHON, "-B", "-s", "-m", "cloud", "--dir", self.folder, "--mode", self.spec["mode"], "--ready-fd", str(ready_w)],
                env=env, cwd=self.folder, stdin=subprocess.PIPE, stdout=err, stderr=err, pass_fds=[ready_w], start_new_session=True)
        os.close(ready_w)
        return ready_r

    def wait_cloud(self, ready_r):
        with os.fdopen(ready_r, "rb") as f:
            line = f.readline()
        if not line:
            with open(self.errors, errors="replace") as f:
                sys.stderr.write(f.read()[-4000:])
            raise OSError("the cloud did not start")
        return json.loads(line)

    def prepare(self):
        if self.spec["mode"] == "wall":
            wall.require_own_network()
            wall.network()
            wall.names(self.folder)
        ready = self.wait_cloud(self.start_cloud())
        if self.spec["mode"] == "wall":
            wall.trust(os.path.join(self.folder, "pki", "certs"))
        return self.environment(ready)

    def environment(self, ready):
        env, bundle = dict(self.spec["env"]), os.path.join(self.folder, "pki", "certs", "ca-certificates.crt")
        env["DAYPASS_TEST_MODE"] = self.spec["mode"]
        if self.spec["mode"] == "proxy":
            env.update({k: ready["proxy"] for k in ("HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy")})
            env.update({k: bundle for k in ("SSL_CERT_FILE", "GIT_SSL_CAINFO", "REQUESTS_CA_BUNDLE", "NODE_EXTRA_CA_CERTS")})
            env.update(NO_PROXY="127.0.0.1,localhost", no_proxy="127.0.0.1,localhost")
        return env

    # --- the command ---

    def wrapped(self):
        """Without capabilities, so that permission tests mean something (DAYPASS_TEST_CAPABILITIES=1 leaves them: podman's store wants CAP_SYS_ADMIN);
        as who we were, where sudo made the wall."""
        user = self.spec["user"]
        who = [f"--reuid={user[0]}", f"--regid={user[1]}", "--init-groups"] if user else []
        drop = ["setpriv", *who, *DROP]
        if (os.geteuid() == 0 or self.spec["mode"] == "wall") and not os.environ.get("DAYPASS_TEST_CAPABILITIES"):
            if subprocess.run([*drop, "true"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode == 0:
                return [*drop, "--", *self.spec["command"]]
        if user:
            raise OSError("setpriv cannot give root's rights back")
        return self.spec["command"]

    def run(self, env):
        try:
            self.command = subprocess.Popen(self.wrapped(), env=env)
        except OSError as e:
            print(f"tests/cloud/run: {e}", file=sys.stderr)
            return 127 if isinstance(e, FileNotFoundError) else 126
        self.say("up")
        if self.stopping:
            self.stop(self.stopping)
        while True:
            pid, status = os.waitpid(-1, 0)
            if pid == self.command.pid:
                return os.WEXITSTATUS(status) if os.WIFEXITED(status) else 128 + os.WTERMSIG(status)
            if pid == self.cloud.pid:
                with open(self.errors, errors="replace") as f:
                    sys.stderr.write("tests/cloud/run: the cloud died\n" + f.read()[-4000:])

    def listen(self):
        """Orders from outside. A closed socket is one too: whoever started us is gone."""
        lines = self.outside.makefile("rb")
        for line in lines:
            self.stop(int(line.split()[1]))
        self.stop(signal.SIGTERM)

    def stop(self, number):
        """Tell the command (^C goes to what it started too, as at a terminal); if it does not mind, end it."""
        self.stopping = number
        if self.command is None:
            return
        for pid in [self.command.pid] + (descendants(self.command.pid) if number == signal.SIGINT else []):
            self.kill(pid, number)
        timer = threading.Timer(5, self.kill, (self.command.pid, signal.SIGKILL))
        timer.daemon = True
        timer.start()

    @staticmethod
    def kill(pid, number):
        try:
            os.kill(pid, number)
        except OSError:
            pass

    # --- the end ---

    def end_all(self):
        """Nothing that was started inside survives: orphans became our children, and theirs will."""
        end = time.monotonic() + 10
        while time.monotonic() < end:
            for pid in children(os.getpid()):
                self.kill(pid, signal.SIGKILL)
            try:
                os.waitpid(-1, 0)
            except ChildProcessError:
                break

    def clear(self):
        self.keep_log()
        self.end_all()
        remove_tree(self.folder)
        if not self.spec["keep"]:
            remove_tree(self.spec["scratch"])

    def abandon(self, reason):
        """This wall cannot be built; leave the folder as it was for the next way."""
        self.end_all()
        for name in os.listdir(self.folder):
            if name != "launch.sock":
                remove_tree(os.path.join(self.folder, name))
        self.say(f"no {reason}")

    def keep_log(self):
        if not self.spec["keep"]:
            return
        from .client import Cloud
        try:
            with open(os.path.join(self.spec["scratch"], "log.jsonl"), "w") as f:
                f.writelines(json.dumps(row) + "\n" for row in Cloud(os.path.join(self.folder, "admin.sock")).log())
            with open(self.errors, "rb") as err, open(os.path.join(self.spec["scratch"], "cloud.err"), "wb") as f:
                f.write(err.read())
        except OSError as e:
            print(f"tests/cloud/run: the log was not kept: {e}", file=sys.stderr)


def children(parent):
    found = []
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{name}/stat", "rb") as f:
                if int(f.read().rpartition(b")")[2].split()[1]) == parent:
                    found.append(int(name))
        except (OSError, IndexError, ValueError):
            pass
    return found


def descendants(parent):
    found = children(parent)
    return found + [pid for child in found for pid in descendants(child)]


def main(spec_path):
    with open(spec_path) as f:
        inside = Supervisor(json.load(f))
    try:
        env = inside.prepare()
    except Exception as e:
        inside.abandon(e)
        return 1
    threading.Thread(target=inside.listen, daemon=True).start()
    status = inside.run(env)
    inside.clear()
    inside.say(f"exit {status}")
    return 0
