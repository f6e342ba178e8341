"""What a cached answer and a polite "no" cost, by the system calls that they make: no network, no bus, no library that is not needed.

The helper makes itself undumpable, which would hide file names from an strace without privileges: that one call is answered by strace."""
import os
import pwd
import re
import shutil
import subprocess

import pytest

from cloud.client import ARC, CLUSTER_ARC_ID
from e2e import docker, kube
from e2e.place import BIN, HELPER, URL

MISSING = shutil.which("strace") is None
pytestmark = pytest.mark.skipif(MISSING, reason="strace is not installed")
NETWORK = re.compile(r"\b(socket|connect|sendto|sendmsg|bind|listen|socketpair)\(")


@pytest.fixture(scope="module", autouse=True)
def may_trace():
    done = subprocess.run(["strace", "-o", "/dev/null", "true"], capture_output=True, text=True)
    if done.returncode:
        pytest.skip("not run: ptrace is refused")


def trace(place, argv, stdin="", **env):
    """(result, the calls as text)."""
    out = place.folder / "trace"
    program = shutil.which(argv[0], path=place.env()["PATH"])
    r = place.run(["strace", "-f", "-s", "300", "-e", "inject=prctl:retval=0", "-o", out, program, *argv[1:]], stdin, **env)
    return r, out.read_text(errors="replace")


def opened(calls):
    """Every path that was opened or looked for."""
    return re.findall(r'\b(?:open|openat|openat2|stat|newfstatat|access|faccessat2?|statx|readlink|lstat)\((?:AT_FDCWD, |\d+, )?"([^"]*)"', calls)


def libraries(calls):
    """Names of the libraries that were mapped: opened with success."""
    return {m.group(1) for m in re.finditer(r'openat\(AT_FDCWD, "[^"]*/(lib[^"/]+?)\.so[^"]*", [^)]*\) = \d', calls)}


def test_the_trace_sees_an_exchange(pod, cloud):
    """The watch itself can fail: the first request does all that a hit must not do."""
    r, calls = trace(pod, [HELPER, "get"], pod.ask())
    assert r.token and NETWORK.search(calls) and {"libcurl", "libcjson"} <= libraries(calls), libraries(calls)
    assert any("/daypass/v1" in p for p in opened(calls)) and len(cloud.exchanges()) == 1


def test_a_hit_opens_no_socket_and_no_library(pod, cloud):
    first = pod.get()
    r, calls = trace(pod, [HELPER, "get"], pod.ask())
    assert r.token == first.token and not NETWORK.search(calls)
    assert libraries(calls) <= {"libc", "libsodium"}, libraries(calls)
    assert not [p for p in opened(calls) if re.search(r"dbus|/bus\b|curl|secret|glib|ssl/|resolv|nsswitch|hosts", p)]
    assert "execve" not in calls.split("\n", 1)[1] and not re.search(r"\b(fork|vfork|clone3?)\(", calls), "a hit starts nobody"
    assert "flock" not in calls, "a hit takes no lock"


def test_a_hit_writes_nothing_but_the_answer(pod, cloud):
    pod.get()
    before = {p: (p.stat().st_mtime_ns, p.stat().st_ino) for p in pod.folder.rglob("*") if p.name not in ("trace", "work", "home", pod.folder.name)}
    _, calls = trace(pod, [HELPER, "get"], pod.ask())
    assert not re.search(r"O_CREAT|O_WRONLY|O_RDWR|rename|unlink|mkdir|chmod|utimensat|truncate", calls)
    assert len(re.findall(r"\bwritev?\(", calls)) == 1
    assert before == {p: (p.stat().st_mtime_ns, p.stat().st_ino) for p in before}


@pytest.mark.parametrize("host", ["github.com", "dev.azure.com.evil.test", "contoso.visualstudio.com"])
def test_a_foreign_host_costs_no_cache_access(pod, cloud, host):
    pod.get()
    r, calls = trace(pod, [HELPER, "get"], pod.ask(host))
    assert (r.rc, r.out, r.err) == (0, "", "") and not NETWORK.search(calls)
    assert not [p for p in opened(calls) if str(pod.runtime) in p or "/daypass/v1" in p or "/dev/shm/daypass" in p or str(pod.token_file) in p]
    assert libraries(calls) <= {"libc", "libsodium"} and not re.search(r"keyctl|add_key|request_key", calls)


@pytest.mark.parametrize("operation", ["store", "capability", "frobnicate"])
def test_other_operations_touch_nothing(pod, cloud, operation):
    pod.get()
    r, calls = trace(pod, [HELPER, operation], pod.ask(extra="username=x\npassword=y\n"))
    assert r.rc == 0 and not NETWORK.search(calls) and not [p for p in opened(calls) if str(pod.runtime) in p or str(pod.token_file) in p]


def test_no_identity_costs_no_network_either(place, cloud):
    r, calls = trace(place, [HELPER, "get"], place.ask())
    assert (r.out, r.err) == ("", "") and not NETWORK.search(calls) and not [p for p in opened(calls) if str(place.runtime) in p]


@pytest.mark.parametrize("why", [{"DBUS_SESSION_BUS_ADDRESS": None}, {"DAYPASS_KEYRING": "off"}, {"CI": "true"}, {"DAYPASS_CACHE": "none"}])
def test_an_exchange_touches_no_bus_where_there_is_none_or_it_is_not_wanted(pod, cloud, why):
    bus = f"unix:path={pod.folder}/bus"
    r, calls = trace(pod, [HELPER, "get"], pod.ask(), **{"DBUS_SESSION_BUS_ADDRESS": bus, **why})
    assert r.token and f"{pod.folder}/bus" not in calls and not {"libsecret-1", "libdbus-1", "libgio-2"} & libraries(calls)


def test_an_exchange_asks_a_bus_that_is_named(pod, cloud):
    """The watch of the test above can fail."""
    r, calls = trace(pod, [HELPER, "get"], pod.ask(), DBUS_SESSION_BUS_ADDRESS=f"unix:path={pod.folder}/bus")
    assert r.token and r.err == "" and f"{pod.folder}/bus" in calls and "libsecret-1" in libraries(calls)


def test_a_hit_touches_no_bus(pod, cloud):
    bus = f"unix:path={pod.folder}/bus"
    first = pod.get(DBUS_SESSION_BUS_ADDRESS=bus)
    r, calls = trace(pod, [HELPER, "get"], pod.ask(), DBUS_SESSION_BUS_ADDRESS=bus)
    assert r.token == first.token and f"{pod.folder}/bus" not in calls and "libsecret-1" not in libraries(calls) and not NETWORK.search(calls)


def test_a_fetch_with_a_kept_token_starts_one_helper_per_call(pod, cloud):
    """git itself needs the network; of the helper's two runs (get, store) neither opens a socket."""
    web = pod.clone()
    r, calls = trace(pod, ["git", "-C", str(web), "ls-remote", URL])
    assert r.rc == 0 and len(cloud.exchanges()) == 1
    helpers = {m.group(1) for m in re.finditer(rf'^(\d+) +execve\("{re.escape(str(BIN))}/{HELPER}"(?!.* = -1)', calls, re.M)}
    assert len(helpers) == 2
    for pid in helpers:
        own = "\n".join(line for line in calls.split("\n") if line.startswith(pid + " "))
        assert not NETWORK.search(own.split(HELPER, 1)[1]) and "libcurl" not in libraries(own)


def test_dockers_hit_opens_no_socket_and_no_library(pod, cloud):
    bus = {"DBUS_SESSION_BUS_ADDRESS": f"unix:path={pod.folder}/bus"}
    first = docker.get(pod, **bus)
    r, calls = trace(pod, [docker.HELPER, "get"], docker.REGISTRY, **bus)
    assert docker.answer(r) == first and not NETWORK.search(calls) and libraries(calls) <= {"libc", "libsodium"}, libraries(calls)
    assert not [p for p in opened(calls) if any(w in p for w in ("dbus", "/bus", "curl", "secret", "glib", "ssl/", "resolv", "nsswitch", "hosts"))]
    assert not any(w in calls for w in ("flock(", "fork(", "clone(", "clone3(", "O_CREAT")) and "execve" not in calls.split("\n", 1)[1]


@pytest.mark.parametrize("server", ["docker.io", f"{docker.REGISTRY}.evil.example", f"http://{docker.REGISTRY}", f"user@{docker.REGISTRY}", f"{docker.REGISTRY}:8443"])
@pytest.mark.parametrize("verb", ["get", "erase"])
def test_a_registry_of_others_costs_not_even_a_look_into_the_cache(pod, cloud, server, verb):
    docker.get(pod)
    bus = {"DBUS_SESSION_BUS_ADDRESS": f"unix:path={pod.folder}/bus"}
    r, calls = trace(pod, [docker.HELPER, verb], server, **bus)
    assert r.err == "" and r.rc == (1 if verb == "get" else 0) and not NETWORK.search(calls)
    assert not [p for p in opened(calls) if str(pod.runtime) in p or "/daypass/v1" in p or "/dev/shm/daypass" in p or str(pod.token_file) in p or p.endswith("/bus")]
    assert libraries(calls) <= {"libc", "libsodium"} and not any(w in calls for w in ("keyctl(", "add_key(", "request_key("))


SAID = {"nothing": None, "kubectl's": kube.info("v1"), "cluster info": kube.info("v1", f"https://{kube.CLUSTER}:443")}


@pytest.mark.parametrize("said", SAID)
def test_kubectls_hit_opens_no_socket(pod, cloud, said):
    """Only cluster info is read with a library; nothing else is opened for anybody."""
    more = {"KUBERNETES_EXEC_INFO": SAID[said]}
    bus, version = {"DBUS_SESSION_BUS_ADDRESS": f"unix:path={pod.folder}/bus"}, "v1" if SAID[said] else "v1beta1"
    first = kube.get(pod, version=version, **bus, **more)
    r, calls = trace(pod, [kube.HELPER, *kube.STANZA], **bus, **more)
    assert kube.answer(r, version) == first and not NETWORK.search(calls)
    assert libraries(calls) <= {"libc", "libsodium"} | ({"libcjson", "libm"} if said == "cluster info" else set()), libraries(calls)
    assert not [p for p in opened(calls) if any(w in p for w in ("dbus", "/bus", "curl", "secret", "glib", "ssl/", "resolv", "nsswitch", "hosts"))]
    assert not any(w in calls for w in ("flock(", "fork(", "clone(", "clone3(", "O_CREAT")) and "execve" not in calls.split("\n", 1)[1]


@pytest.mark.parametrize("flags", [["--server-id", "https://graph.microsoft.com"], [*kube.FOR_AKS, "--authority-host", "https://evil.example/"], [*kube.FOR_AKS, "--frob"]])
def test_what_a_strangers_kubeconfig_wants_costs_no_look_into_the_cache(pod, cloud, flags):
    kube.get(pod)
    r, calls = trace(pod, [kube.HELPER, "get-token", *flags])
    kube.failed(r)
    assert not NETWORK.search(calls) and not [p for p in opened(calls) if str(pod.runtime) in p or str(pod.token_file) in p]


def test_only_a_proof_of_possession_opens_libcrypto(pod, cloud):
    """Its hit signs: libcrypto, and no network. No other hit does."""
    plain, proof = ["kubectl-daypass", "get-token", "--server-id", ARC], ["--pop-enabled", "--pop-claims", f"u={CLUSTER_ARC_ID}"]
    for argv, wanted in ((plain, {"libc", "libsodium"}), ([*plain, *proof], {"libc", "libsodium", "libcrypto"})):
        assert pod.run(argv).rc == 0
        r, calls = trace(pod, argv)
        assert r.rc == 0 and not NETWORK.search(calls) and "flock" not in calls
        assert libraries(calls) - {"libz"} <= wanted and wanted - libraries(calls) <= {"libc"}, libraries(calls)


def test_without_a_home_az_looks_into_the_systems(place):
    """The C++ SDK gives az PATH alone: the configuration lies where the system says that our home is."""
    link = place.work / "bin" / "az"
    link.parent.mkdir()
    link.symlink_to(os.path.realpath(BIN / "daypass"))
    r, calls = trace(place, [str(link), "version"], HOME=None, XDG_CONFIG_HOME=None, DAYPASS_CONFIG=None)
    assert r.rc == 0 and f"{pwd.getpwuid(os.geteuid()).pw_dir}/.config/daypass/config" in opened(calls), opened(calls)
