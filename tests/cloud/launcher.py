"""tests/cloud/run: puts the cloud into a command's path, by a wall or by a proxy, and clears everything away afterwards.

This half stays outside. It makes a folder, starts the other half (supervisor.py), in new namespaces or not, and talks with it over a unix
socket, because sudo passes no other file descriptors on: "no reason", "up", "exit N" come out, "signal N" goes in. A closed socket means gone.
"""
import argparse
import json
import os
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading

PYTHON = "/usr/bin/python3"
RUN = os.path.join(os.path.dirname(os.path.abspath(__file__)), "run")
KEEP = ("PATH", "HOME", "LANG", "TERM", "CI", "TMPDIR")
KEEP_PREFIXES = ("PYTEST_", "DAYPASS_TEST_")
PID = ["-p", "--fork", "--kill-child", "--mount-proc"]


def arguments():
    parser = argparse.ArgumentParser(prog="run", usage="tests/cloud/run [--mode auto|wall|proxy] [--dir D] -- CMD ARG...")
    parser.add_argument("--mode", choices=("auto", "wall", "proxy"), default="auto")
    parser.add_argument("--dir", help="DAYPASS_TEST_DIR; kept, with the request log and the cloud's own messages (default: temporary)")
    parser.add_argument("command", nargs=argparse.REMAINDER)
    args = parser.parse_args()
    args.command = args.command[1:] if args.command[:1] == ["--"] else args.command
    if not args.command:
        parser.error("no command")
    return args


def base_folder():
    """(where, do programs run there). Below /dev/shm where that is a tmpfs we may use: runtime folders must be, and it is fast."""
    with open("/proc/self/mounts") as f:
        rows = [row for row in map(str.split, f) if row[1:3] == ["/dev/shm", "tmpfs"]]
    if rows and os.access("/dev/shm", os.W_OK | os.X_OK):
        return "/dev/shm", "noexec" not in rows[-1][3].split(",")
    return None, True


def clean_environment(folder, scratch):
    env = {k: v for k, v in os.environ.items() if k in KEEP or k.startswith(KEEP_PREFIXES)}
    env.update(DAYPASS_TEST_DIR=scratch, DAYPASS_TEST_CLOUD=os.path.join(folder, "admin.sock"), PYTHONDONTWRITEBYTECODE="1",
               DAYPASS_TEST_CA=os.path.join(folder, "pki", "ca.pem"), XDG_RUNTIME_DIR=os.path.join(folder, "run"))
    env.setdefault("PATH", "/usr/local/bin:/usr/bin:/bin")
    return env


def walls():
    """Ways to get new namespaces, best first. A user namespace also has keyrings of its own, and there an ordinary user had better
    stay one (-c; needs util-linux 2.38), for tests that care; without a process namespace we reap by hand."""
    ways = [["unshare", "-cmn", "--keep-caps", *PID]] if os.geteuid() else []
    ways += [["unshare", "-rmn", *PID], ["unshare", "-rmn"]]
    for how in [["unshare", "-mn", *PID], ["unshare", "-mn"]]:
        ways.append(how if os.geteuid() == 0 else ["sudo", "-n", *how])
    return [w for w in ways if shutil.which(w[0])]


def possible(way):
    """unshare's own refusal, found out before the command's stderr is connected."""
    done = subprocess.run([*way, "--", "/bin/true"], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    return None if done.returncode == 0 else done.stderr.decode(errors="replace").strip() or f"exit {done.returncode}"


class Launcher:
    def __init__(self, args):
        self.args, self.interrupted, self.status = args, None, None
        self.wake_r, self.wake_w = os.pipe()
        os.set_blocking(self.wake_w, False)
        base, programs_run = base_folder()
        self.folder = tempfile.mkdtemp(prefix="dp-cloud-", dir=base)
        self.scratch = args.dir or (self.folder if programs_run else tempfile.mkdtemp(prefix="dp-cloud-"))
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(os.path.join(self.folder, "launch.sock"))
        self.listener.listen(1)
        signal.set_wakeup_fd(self.wake_w, warn_on_full_buffer=False)
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            if signal.getsignal(number) is not signal.SIG_IGN:
                signal.signal(number, lambda *_: None)  # the wake-up pipe tells

    def write_spec(self, mode, as_root):
        os.makedirs(os.path.join(self.folder, "run"), mode=0o700, exist_ok=True)
        spec = {"mode": mode, "folder": self.folder, "scratch": self.scratch, "keep": bool(self.args.dir), "command": self.args.command,
                "env": clean_environment(self.folder, self.scratch), "user": [os.getuid(), os.getgid()] if as_root else None}
        path = os.path.join(self.folder, "spec.json")
        with open(path, "w") as f:
            json.dump(spec, f)
        return path

    def attempt(self, mode, way):
        """None if the command was run (self.status says how it went), else the reason why this way is none."""
        spec = self.write_spec(mode, way[:1] == ["sudo"])
        child = subprocess.Popen([*way, *(["--"] if way else []), PYTHON, "-B", RUN, "--inside", spec])
        threading.Thread(target=lambda: (child.wait(), os.write(self.wake_w, b"\0")), daemon=True).start()
        reason = self.talk(child)
        child.wait()
        return reason

    def talk(self, child):
        peer, data, waiting = None, b"", [self.listener, self.wake_r]
        while True:
            ready = select.select(waiting, [], [])[0]
            if self.wake_r in ready and not self.woken(peer) and peer is None:
                return "it ended at once" if self.interrupted is None else None
            if self.listener in ready:
                peer = self.listener.accept()[0]
                waiting = [peer, self.wake_r]
                if self.interrupted:
                    self.tell(peer, self.interrupted)
            elif peer in ready:
                more = peer.recv(4096)
                data += more
                if not more:
                    peer.close()
                    return self.verdict(data.decode(errors="replace").splitlines())

    def woken(self, peer):
        """False when the child has ended."""
        alive = True
        for number in os.read(self.wake_r, 64):
            if number == 0:
                alive = False
            elif number != signal.SIGCHLD:
                self.interrupted = number
                if peer and not (number == signal.SIGINT and os.isatty(0)):  # a terminal has told the command already
                    self.tell(peer, number)
        return alive

    @staticmethod
    def tell(peer, number):
        try:
            peer.sendall(b"signal %d\n" % number)
        except OSError:
            pass

    def verdict(self, lines):
        for line in lines:
            word, _, rest = line.partition(" ")
            if word == "no":
                return rest
            if word == "exit":
                self.status = int(rest)
        if self.status is None and "up" not in lines:
            return "it ended without a word"
        return None

    def run(self):
        reasons = []
        ways = [("wall", w) for w in walls()] if self.args.mode != "proxy" else []
        ways += [("proxy", [])] if self.args.mode != "wall" else []
        for mode, way in ways:
            reason = (possible(way) if way else None) or self.attempt(mode, way)
            if reason is None or self.interrupted:
                return self.status if self.status is not None else 128 + (self.interrupted or signal.SIGKILL)
            reasons.append(f"{' '.join(way) or mode}: {reason}")
        print("tests/cloud/run: no way in:", *reasons, sep="\n  ", file=sys.stderr)
        return 97

    def clear(self):
        remove_tree(self.folder)
        if not self.args.dir:
            remove_tree(self.scratch)


def remove_tree(path):
    """Also folders that a test made unreadable."""
    if not os.path.isdir(path) or os.path.islink(path):
        return os.unlink(path) if os.path.lexists(path) else None
    for folder, names, _ in os.walk(path):
        for name in names:
            try:
                if not os.path.islink(os.path.join(folder, name)):
                    os.chmod(os.path.join(folder, name), 0o700)
            except OSError:
                pass
    return shutil.rmtree(path, ignore_errors=True)


def main():
    if len(sys.argv) == 3 and sys.argv[1] == "--inside":
        from .supervisor import main as inside
        return inside(sys.argv[2])
    args = arguments()
    if args.dir:
        args.dir = os.path.abspath(args.dir)
        os.makedirs(args.dir, exist_ok=True)
    launcher = Launcher(args)
    try:
        return launcher.run()
    finally:
        launcher.clear()
