"""The desktop's Secret Service in any condition: a private bus, and on it the real gnome-keyring or a mock (fake_secrets.py), for one test.

kind            what a client meets
real            gnome-keyring with an unlocked default collection
locked          the same, locked; nobody is there to ask for a password
new             gnome-keyring that never had a password: no default collection
stopped         the real one under SIGSTOP
nobus           no address, and no bus in the runtime folder
deadbus         the address of a socket that does not exist
deafbus         a bus that takes connections and never says a word
absent          a bus where nobody is a Secret Service, nor can be started
mock            a right Secret Service without a fault
hung:METHOD, dies:METHOD, cuts:METHOD, prompting, garbage:VARIANT    the same with one: see fake_secrets.py

A test hands keyring.env to place.run(); all that the daemon writes lies in keyring.folder, below the place's."""
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from contextlib import ExitStack, closing
from pathlib import Path
from urllib.parse import quote

import pytest

from e2e.place import PATH, wait_until

try:
    import dbus
    import dbus.bus
    import gi  # noqa: F401  the mocks need it
except ImportError:
    dbus = None

NAME, TOP = "org.freedesktop.secrets", "/org/freedesktop/secrets"
SECRET, PROPERTIES = "org.freedesktop.Secret.", "org.freedesktop.DBus.Properties"
# What gnome-keyring offers to those who set up a session without a dialog.
WITH_PASSWORD = "org.gnome.keyring.InternalUnsupportedGuiltRiddenInterface"
PASSWORD = b"the password of the keyring"
MOCKS = ("mock", "hung", "dies", "cuts", "prompting", "garbage")
REAL = ("real", "locked", "new", "stopped")
LIMIT = 30  # seconds for an answer to the test itself
CONFIG = """<busconfig>
<type>session</type><listen>{}</listen><auth>EXTERNAL</auth>
<policy context="default"><allow send_destination="*" eavesdrop="true"/><allow eavesdrop="true"/><allow own="*"/></policy>
</busconfig>
"""


class Keyring:
    def __init__(self, place, kind):
        self.kind, self.folder = kind, Path(tempfile.mkdtemp(prefix="k-", dir=place.folder))
        self.running, self.service, self.control, self.socket = [], None, None, None
        self.address = f"unix:path={quote(str(self.folder / 'bus'))}"
        self.env = {"DBUS_SESSION_BUS_ADDRESS": None if kind == "nobus" else self.address}
        self.log = self.folder / "calls"
        try:
            self.begin()
        except BaseException:
            self.close()
            raise

    def begin(self):
        if self.kind == "deafbus":  # the kernel takes connections for us, as long as nobody accepts them
            self.socket = socket.socket(socket.AF_UNIX)
            self.socket.bind(str(self.folder / "bus"))
            self.socket.listen(4096)
        elif self.kind not in ("nobus", "deadbus"):
            needed = ["dbus-daemon"] + ["gnome-keyring-daemon"] * (self.kind in REAL)
            missing = [p for p in needed if not shutil.which(p, path=PATH)] + ["python3-dbus or python3-gi"] * (dbus is None)
            if missing:
                pytest.skip(f"not run: no {missing[0]} here")
            self.start_bus()
            if self.kind != "absent":
                self.start()
            if self.kind == "locked":
                self.lock()
            if self.kind == "stopped":
                self.stop()

    # --- processes ---

    def spawn(self, argv, stdout=None, stdin=subprocess.DEVNULL):
        """A child with nothing of ours: HOME and runtime folder are the lab's own, and there is no display."""
        env = {"PATH": PATH, "LANG": "C.UTF-8", "DBUS_SESSION_BUS_ADDRESS": self.address}
        for variable, name in (("HOME", "home"), ("XDG_DATA_HOME", "data"), ("XDG_RUNTIME_DIR", "run")):
            (self.folder / name).mkdir(mode=0o700, exist_ok=True)
            env[variable] = str(self.folder / name)
        with open(self.folder / "said", "ab") as said:
            p = subprocess.Popen(argv, env=env, cwd=self.folder, stdin=stdin, stdout=stdout or said, stderr=said)
        self.running.append(p)
        return p

    def start_bus(self):
        """It knows no folder with services: nothing of this machine's can be started."""
        config = self.folder / "bus.conf"
        config.write_text(CONFIG.format(self.address))
        p = self.spawn(["dbus-daemon", "--nofork", "--nopidfile", f"--config-file={config}", "--print-address"], subprocess.PIPE)
        with p.stdout:
            assert p.stdout.readline(), self.said()  # it listens
        self.control = dbus.bus.BusConnection(self.address)
        self.control.set_exit_on_disconnect(False)

    def start(self):
        """The service; after kill() once more: what a restart of the machine makes of the real one's files."""
        if self.kind.partition(":")[0] in MOCKS:
            program = Path(__file__).with_name("fake_secrets.py")
            self.service = self.spawn([sys.executable, "-B", "-I", program, self.address, self.kind, self.log, self.control.get_unique_name()])
        else:
            new = self.kind == "new"
            # A copy: where the program has a capability, to lock memory, it cannot be started behind the wall, which has none to give.
            program = shutil.copyfile(shutil.which("gnome-keyring-daemon", path=PATH), self.folder / "gnome-keyring-daemon")
            program.chmod(0o700)
            argv = [program, "--foreground", "--components=secrets"] + ["--unlock"] * (not new)
            self.service = self.spawn(argv, stdin=subprocess.DEVNULL if new else subprocess.PIPE)
            if not new:
                with self.service.stdin as f:
                    f.write(PASSWORD)

        def there():
            assert self.service.poll() is None, self.said()
            return self.control.name_has_owner(NAME) and (self.kind == "new" or self.default and not self.locked)
        wait_until(there, f"the keyring is there ({self.kind})")

    def said(self):
        """What the children had to say."""
        return (self.folder / "said").read_text(errors="replace")

    def stop(self):
        self.service.send_signal(signal.SIGSTOP)
        os.waitid(os.P_PID, self.service.pid, os.WSTOPPED | os.WEXITED | os.WNOWAIT)

    def cont(self):
        self.service.send_signal(signal.SIGCONT)

    def kill(self):
        self.service.kill()
        self.service.wait()
        wait_until(lambda: not self.control.name_has_owner(NAME), "the bus has noticed")

    def close(self):
        """Ends what was started, and nothing else."""
        for thing in (self.control, self.socket):
            if thing:
                thing.close()
        for p in reversed(self.running):
            p.kill()
            p.wait()

    # --- the test's own look at it ---

    def call(self, path, method, signature="", *args):
        interface, _, member = method.rpartition(".")
        return self.control.call_blocking(NAME, path, interface, member, signature, args, timeout=LIMIT, byte_arrays=True)

    def get(self, path, interface, name):
        return self.call(path, f"{PROPERTIES}.Get", "ss", SECRET + interface, name)

    def session(self):
        return self.call(TOP, f"{SECRET}Service.OpenSession", "sv", "plain", "")[1]

    @property
    def default(self):
        """The path of the default collection, or None. Our first question too: gnome-keyring may abort where a client begins with OpenSession."""
        path = self.call(TOP, f"{SECRET}Service.ReadAlias", "s", "default")
        return None if path == "/" else path

    @property
    def locked(self):
        return bool(self.get(self.default, "Collection", "Locked"))

    def items(self):
        """What lies in the default collection; the secret is None where it is locked."""
        if not self.default:
            return []
        paths, session = self.get(self.default, "Collection", "Items"), self.session()
        secrets = self.call(TOP, f"{SECRET}Service.GetSecrets", "aoo", paths, session)
        self.call(session, f"{SECRET}Session.Close")
        return [{"attributes": {str(k): str(v) for k, v in self.get(path, "Item", "Attributes").items()},
                 "label": str(self.get(path, "Item", "Label")), "secret": bytes(secrets[path][2]) if path in secrets else None} for path in paths]

    def put(self, secret, label="theirs", modified=None, **attributes):
        """An item, as any other program of the user makes it. modified: seconds since 1970, for mocks only."""
        self.create(secret, label, attributes, modified)

    def create(self, secret, label, attributes, modified=None):
        """The same where names of attributes are no words of Python's, or one is "label"."""
        session = self.session()
        properties = {f"{SECRET}Item.Label": label, f"{SECRET}Item.Attributes": dbus.Dictionary(attributes, signature="ss")}
        if modified:
            properties[f"{SECRET}Item.Modified"] = dbus.UInt64(modified)
        self.call(self.default, f"{SECRET}Collection.CreateItem", "a{sv}(oayays)b", properties, (session, b"", secret, "text/plain"), False)
        self.call(session, f"{SECRET}Session.Close")

    def lock(self):
        self.call(TOP, f"{SECRET}Service.Lock", "ao", [self.default])
        assert self.locked

    def unlock(self):
        """Without a dialog."""
        if self.kind.partition(":")[0] in MOCKS:
            self.call(TOP, f"{SECRET}Service.Unlock", "ao", [self.default])
        else:
            session = self.session()
            self.call(TOP, f"{WITH_PASSWORD}.UnlockWithMasterPassword", "o(oayays)", self.default, (session, b"", PASSWORD, "text/plain"))
            self.call(session, f"{SECRET}Session.Close")
        assert not self.locked

    def calls(self):
        """The methods that others than the test called so far, answered or not. Mocks only."""
        return self.log.read_text().split() if self.log.exists() else []


@pytest.fixture
def keyrings(place):
    """keyrings("locked") and so on, as many as a test wants."""
    with ExitStack() as stack:
        yield lambda kind: stack.enter_context(closing(Keyring(place, kind)))
