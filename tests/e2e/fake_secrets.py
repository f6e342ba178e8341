"""A Secret Service in memory, small and right, with one fault: python3 fake_secrets.py ADDRESS FAULT LOG CONTROL

FAULT      what happens
mock       nothing: it works
hung:M     method M is never answered (M may be *)
dies:M     this program ends instead of answering M
cuts:M     the bus ends instead
prompting  CreateItem, Delete and Unlock want a prompt first, which anybody may begin and nobody completes
garbage:V  wrong answers, see GARBAGE

Each call becomes a line of the file LOG before it is answered. Who has the unique name CONTROL on the bus is the test itself: it sees no
fault and is not in the log. Whoever makes an item may say
when it was modified. There are no signals, one collection, and no session but the plain one. An item is replaced if it has the
wanted attributes and others besides, as gnome-keyring, KWallet and KeePassXC do it."""
import os
import signal
import sys
import time

import dbus
import dbus.bus
from dbus.lowlevel import HANDLER_RESULT_HANDLED, HANDLER_RESULT_NOT_YET_HANDLED, ErrorMessage, MethodCallMessage, MethodReturnMessage
from dbus.mainloop.glib import DBusGMainLoop
from gi.repository import GLib

NAME, TOP = "org.freedesktop.secrets", "/org/freedesktop/secrets"
SECRET = "org.freedesktop.Secret."
COLLECTION, ALIAS, SESSION, PROMPT = f"{TOP}/collection/login", f"{TOP}/aliases/default", f"{TOP}/session/1", f"{TOP}/prompt/1"
NOWHERE = f"{TOP}/collection/login/nobody"


class Refused(Exception):
    """name, text: of the D-Bus error."""


def no(what, name="org.freedesktop.DBus.Error.UnknownMethod"):
    raise Refused(name, what)


def paths(values):
    return dbus.Array(values, signature="o")


# Each property's type.
PROPERTIES = {"Collections": paths, "Items": paths, "Locked": dbus.Boolean, "Label": dbus.String, "Type": dbus.String, "Created": dbus.UInt64,
              "Modified": dbus.UInt64, "Attributes": lambda values: dbus.Dictionary(values, signature="ss")}


class Service:
    """Every method of the interfaces: its name, with the object's path and the arguments; answers a signature and values."""

    def __init__(self):
        self.items, self.locked, self.made = {}, False, 0

    def found(self, attributes):
        return [path for path, item in self.items.items() if attributes.items() <= item["Attributes"].items()]

    def must_be_open(self):
        if self.locked:
            no("the collection is locked", f"{SECRET}Error.IsLocked")

    def secret(self, path):
        return (SESSION, dbus.ByteArray(b""), dbus.ByteArray(self.items[path]["secret"]), "text/plain")

    # org.freedesktop.Secret.Service

    def OpenSession(self, path, algorithm, _given):
        if algorithm != "plain":
            no("only plain", "org.freedesktop.DBus.Error.NotSupported")
        return "vo", "", SESSION

    def SearchItems(self, path, attributes):
        found = self.found(attributes)
        if path != TOP:
            return "ao", found
        return ("aoao", [], found) if self.locked else ("aoao", found, [])

    def Lock(self, path, objects):
        self.locked = True
        return "aoo", objects, "/"

    def Unlock(self, path, objects):
        self.locked = False
        return "aoo", objects, "/"

    def ReadAlias(self, path, name):
        return "o", COLLECTION if name == "default" else "/"

    def GetSecrets(self, path, items, _session):
        return "a{o(oayays)}", {p: self.secret(p) for p in items if p in self.items and not self.locked}

    # org.freedesktop.Secret.Collection, .Session, .Prompt

    def CreateItem(self, path, properties, secret, replace):
        self.must_be_open()
        wanted = properties.get(f"{SECRET}Item.Attributes", {})
        old = self.found(wanted) if replace else []
        if old:
            path = old[0]
        else:
            self.made += 1
            path = f"{COLLECTION}/{self.made}"
        self.items[path] = {"Attributes": wanted, "Label": properties.get(f"{SECRET}Item.Label", ""), "Type": f"{SECRET}Generic",
                            "Created": int(time.time()), "Modified": int(properties.get(f"{SECRET}Item.Modified", time.time())), "secret": bytes(secret[2])}
        return "oo", path, "/"

    def Close(self, path):
        return ("",)

    def Prompt(self, path, _window):
        return ("",)

    def Dismiss(self, path):
        return ("",)

    # org.freedesktop.Secret.Item

    def Delete(self, path):
        self.must_be_open()
        if not self.items.pop(path, None):
            no("the collection stays")
        return "o", "/"

    def GetSecret(self, path, _session):
        self.must_be_open()
        return "(oayays)", self.secret(path)

    def SetSecret(self, path, secret):
        self.must_be_open()
        self.items[path].update(secret=bytes(secret[2]), Modified=int(time.time()))
        return ("",)

    # org.freedesktop.DBus.Properties

    def properties(self, path):
        if path == TOP:
            return {"Collections": [COLLECTION]}
        if path in (COLLECTION, ALIAS):
            return {"Items": list(self.items), "Label": "Login", "Locked": self.locked, "Created": 0, "Modified": 0}
        return {"Locked": self.locked, **{name: value for name, value in self.items[path].items() if name != "secret"}}

    def GetAll(self, path, _interface):
        return "a{sv}", {name: PROPERTIES[name](value) for name, value in self.properties(path).items()}

    def Get(self, path, _interface, name):
        return "v", PROPERTIES[name](self.properties(path)[name])

    def Set(self, path, _interface, name, value):
        self.items[path][name] = value
        return ("",)

    def answer(self, path, method, arguments):
        if path.startswith(f"{COLLECTION}/") and path not in self.items:
            no(f"nothing at {path}", f"{SECRET}Error.NoSuchObject")
        if not method[0].isupper() or not hasattr(self, method):
            no(f"no method {method}")
        return getattr(self, method)(path, *arguments)


def spoiled(change):
    """Other secrets: change says what becomes of (session, parameters, value, content type)."""
    return {"GetSecrets": lambda service, _, items, _session: ("a{o(oayays)}", {p: change(*service.secret(p)) for p in items if p in service.items}),
            "GetSecret": lambda service, path, _session: ("(oayays)", change(*service.secret(path)))}


# variant: method ("*": each): what to answer, made of the service, the object's path and the arguments.
GARBAGE = {
    "types": {"*": lambda *_: ("u", 7)},
    "empty": {"*": lambda *_: ("",)},
    "properties": {"GetAll": lambda *_: ("a{sv}", {"Locked": "no", "Collections": 7, "Items": "x", "Attributes": ["k"], "Label": 7, "Type": True,
                                                   "Created": "x", "Modified": ["x"]}),
                   "Get": lambda *_: ("v", ["x"])},
    "nothing": {"GetAll": lambda *_: ("a{sv}", dbus.Dictionary({}, signature="sv")), "Get": lambda *_: no("no such property")},
    "session": {"OpenSession": lambda *_: ("vo", 7, SESSION)},
    "key": {"OpenSession": lambda *_: ("vo", dbus.ByteArray(b"\0"), SESSION)},
    "longkey": {"OpenSession": lambda *_: ("vo", dbus.ByteArray(b"\xff" * 1000000), SESSION)},
    "paths": {"SearchItems": lambda *_: ("aoao", [NOWHERE, "/", PROMPT], ["/x"]), "ReadAlias": lambda *_: ("o", f"{TOP}/collection/nowhere"),
              "GetSecrets": lambda *_: ("a{o(oayays)}", {NOWHERE: ("/", b"", b"x", "text/plain")}), "CreateItem": lambda *_: ("oo", NOWHERE, "/")},
    "locked": {"SearchItems": lambda service, _, attributes: ("aoao", [], service.found(attributes))},  # in a collection that says it is not
    "secret": spoiled(lambda session, parameters, _, kind: (session, parameters, bytes(range(255, -1, -1)) * 16, "\x1b[31m\n/" * 99)),
    "parameters": spoiled(lambda session, _, value, kind: (session, b"\1" * 99, value, kind)),
    "nul": spoiled(lambda session, parameters, value, kind: (session, parameters, value[:9] + b"\0" + value[9:], kind)),
    "none": spoiled(lambda session, parameters, _, kind: (session, parameters, b"", kind)),
    "huge": spoiled(lambda session, parameters, _, kind: (session, parameters, b"x" * 30000000, kind)),
    "stranger": spoiled(lambda _, parameters, value, kind: (f"{TOP}/session/2", parameters, value, kind)),
    "missing": {"GetSecrets": lambda *_: ("a{o(oayays)}", dbus.Dictionary({}, signature="o(oayays)")), "GetSecret": lambda *_: no("no such secret")},
    "others": {"SearchItems": lambda service, *_: ("aoao", service.found({}), [])},  # whatever was asked
    "many": {"SearchItems": lambda *_: ("aoao", [f"{NOWHERE}{i}" for i in range(50000)], [])},
    "twice": {"SearchItems": lambda service, _, attributes: ("aoao", service.found(attributes) * 3, service.found(attributes) * 3)},
    "errors": {"*": lambda *_: no("\x1b[31m" + "line\n" * 5000, "org.example." + "X" * 200)},
}
PROMPTED = {"CreateItem": ("oo", "/", PROMPT), "Delete": ("o", PROMPT), "Unlock": ("aoo", dbus.Array([], signature="o"), PROMPT)}


class Fault:
    def __init__(self, words, bus_pid):
        self.kind, _, self.which = words.partition(":")
        self.bus_pid = bus_pid

    def answer(self, service, method, path, arguments):
        """None: the right one; (): none."""
        ours = self.which in (method, "*")
        if self.kind == "dies" and ours:
            os._exit(1)
        if self.kind == "cuts" and ours:
            os.kill(self.bus_pid, signal.SIGKILL)
        if self.kind in ("hung", "cuts") and ours:
            return ()
        if self.kind == "prompting":
            return PROMPTED.get(method)
        if self.kind == "garbage":
            make = GARBAGE[self.which].get(method) or GARBAGE[self.which].get("*")
            return make and make(service, path, *arguments)
        return None


def main(address, fault, log, control):
    bus = dbus.bus.BusConnection(address, mainloop=DBusGMainLoop())
    driver = (dbus.BUS_DAEMON_NAME, dbus.BUS_DAEMON_PATH, dbus.BUS_DAEMON_IFACE)
    service, fault = Service(), Fault(fault, bus.call_blocking(*driver, "GetConnectionUnixProcessID", "s", [dbus.BUS_DAEMON_NAME]))
    out = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    def heard(connection, message):
        if not isinstance(message, MethodCallMessage):
            return HANDLER_RESULT_NOT_YET_HANDLED
        method, path, arguments = message.get_member(), str(message.get_path()), message.get_args_list(byte_arrays=True)
        answer = None
        try:
            if message.get_sender() != control:
                os.write(out, f"{method}\n".encode())
                answer = fault.answer(service, method, path, arguments)
            if answer == ():
                return HANDLER_RESULT_HANDLED
            signature, *values = service.answer(path, method, arguments) if answer is None else answer
            reply = MethodReturnMessage(message)
            reply.append(*values, signature=signature)
        except Refused as error:
            reply = ErrorMessage(message, *error.args)
        except (KeyError, TypeError, IndexError) as error:
            reply = ErrorMessage(message, "org.freedesktop.DBus.Error.InvalidArgs", repr(error))
        connection.send_message(reply)
        return HANDLER_RESULT_HANDLED

    bus.add_message_filter(heard)
    bus.request_name(NAME)
    GLib.MainLoop().run()  # until the bus goes: libdbus then ends this program


if __name__ == "__main__":
    main(*sys.argv[1:])
