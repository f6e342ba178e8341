"""What a hostile repository, a broken caller or a typing mistake may bring: no token for it, no crash, and a line where one helps."""
import os
import subprocess
import threading
import time

import pytest

from e2e.place import HELPER, LIMIT, one_line, silent, wait_until

# --- whose host is it? ---

LOOK_ALIKES = [
    "dev.azure.com.evil.test", "dev.azure.com.", "dev.azure.com..", "xdev.azure.com", "dev-azure.com", "dev.azure.com@evil.test", "evil.test@dev.azure.com",
    "evil.test/dev.azure.com",
    "dev.azure.com/", "dev.azure.com/@evil.test", "dev.azure.com#evil.test", "dev.azure.com?x", "dev.azure.com\\evil.test", "dev.azure.com:444",
    "dev.azure.com:80", "dev.azure.com:",
    "dev.azure.com:0443", "dev.azure.com:443:443", "dev.azure.com:443@evil.test", "dev.azure.com%2eevil.test", "dev%2eazure.com", "dev.azure.com%00.evil.test",
    "dev.azure.com%0a",
    "d\u0435v.azure.com", "dev\u3002azure\u3002com", "dev.azure.c\uff4fm", "\uff44\uff45\uff56.azure.com", "xn--dv-nmc.azure.com", "dev.azure.com\u200b",
    "\u200bdev.azure.com", "dev.azure\u2024com", "DEV.AZURE.\u212aOM",
    " dev.azure.com", "dev.azure.com ", "dev.azure.com\t", "[dev.azure.com]", "dev_azure.com", "azure.com", "test.dev.azure.com", "vs-ssh.dev.azure.com",
    "ssh.dev.azure.com", "pkgs.dev.azure.com",
    "*", "*.azure.com", "dev.*.com", "", ".", "localhost", "127.0.0.1", "[::1]", "github.com", "login.microsoftonline.com", "contoso.visualstudio.com",
    "visualstudio.com", "a.b.visualstudio.com",
    "app.visualstudio.com", "contoso.pkgs.visualstudio.com", "contoso.visualstudio.com.evil.test", "dev.azure.us",
    "cont\u043eso.visualstudio.com", "con toso.visualstudio.com", "x@contoso.visualstudio.com", "x%40contoso.visualstudio.com", "contoso:444.visualstudio.com",
    "contoso/.visualstudio.com", "contoso.visualstudio.com:444", "-\x01.visualstudio.com", ".visualstudio.com", "*.visualstudio.com", "a" * 300 + ".dev.azure.com",
    "dev.azure.com" * 30]


@pytest.mark.parametrize("host", LOOK_ALIKES, ids=range(len(LOOK_ALIKES)))
def test_look_alikes_get_silence(pod, cloud, host):
    for operation in ("get", "erase"):
        silent(pod.run([HELPER, operation], pod.ask(host, "contoso/shop/_git/web", f"username=x\npassword={cloud.token()}\n")))
    assert not cloud.log() and not pod.records()


@pytest.mark.parametrize("host", [h for h in LOOK_ALIKES if h != "contoso.visualstudio.com"], ids=range(len(LOOK_ALIKES) - 1))
def test_a_wide_match_does_not_open_the_list(place, cloud, host):
    """Whatever a configuration says, git is answered for Azure's hosts only."""
    place.config(more="".join(f"[match https://{h}]\n" for h in ("*", "*.com", "*.*.com", "*.azure.com", "*.visualstudio.com", "*.test", "evil.test",
            "github.com", "localhost")))
    silent(place.get(host=host, path="x/y"))
    assert not cloud.log()


@pytest.mark.parametrize("host", ["dev.azure.com", "DEV.Azure.COM", "dev.azure.com:443", "Dev.Azure.Com:443"])
def test_right_hosts(pod, cloud, host):
    assert pod.get(host=host).token and len(cloud.exchanges()) == 1


@pytest.mark.parametrize("protocol", ["http", "HTTPS", "ssh", "ftp", "cert", "file", "", "https ", " https", "httpss", "https\u200b"])
def test_other_protocols(pod, cloud, protocol):
    silent(pod.run([HELPER, "get"], pod.ask(protocol=protocol)))
    assert not cloud.log()


@pytest.mark.parametrize("text", ["", "\n", "\n\n", "protocol=https\n", "host=dev.azure.com\n", "protocol=https\n\nhost=dev.azure.com\n",
                                  "\nprotocol=https\nhost=dev.azure.com\n", "username=x\n",
                                  "protocol=https\nHost=dev.azure.com\n", "PROTOCOL=https\nhost=dev.azure.com\n", "url=https://dev.azure.com/contoso\n",
                                  "protocol=https\nhost=dev.azure.com.evil.test\nurl=https://dev.azure.com\n"])
def test_incomplete_requests(pod, cloud, text):
    silent(pod.run([HELPER, "get"], text))
    assert not cloud.log()


# --- is it well-formed? ---

GOOD = "protocol=https\nhost=dev.azure.com\n"
REFUSED = {
    "duplicate host": GOOD + "host=dev.azure.com\n", "other host after": GOOD + "host=evil.test\n", "other host before": "host=evil.test\n" + GOOD,
    "duplicate protocol": "protocol=http\n" + GOOD,
    "duplicate path": GOOD + "path=a\npath=b\n", "NUL in the host": "protocol=https\nhost=dev.azure.com\0.evil.test\n", "NUL alone": GOOD + "\0",
    "NUL in another value": GOOD + "x=a\0b\n",
    "CR in the host": "protocol=https\nhost=dev.azure.com\rhost=evil.test\n", "CR at one end": "protocol=https\nhost=dev.azure.com\r\nx=y\n",
    "CR in a path": GOOD + "path=a\rb\n", "no equals": GOOD + "nonsense\n",
    "no key": GOOD + "=x\n", "equals alone": GOOD + "=\n", "one MiB of attributes": GOOD + "x=yyyyyyyyyyyyyyy\n" * 65536,
    "one MiB in one line": GOOD + "x=" + "y" * (1 << 20) + "\n",
    "a line of 64 KiB": GOOD + "x=" + "y" * 65534 + "\n", "one MiB without an end of line": "x" * (1 << 20),
    "a password of 64 KiB and more": GOOD + "password=" + "x" * 70000 + "\n"}


@pytest.mark.parametrize("operation", ["get", "erase"])
@pytest.mark.parametrize("name", REFUSED)
def test_refused_requests(pod, cloud, name, operation):
    r = pod.run([HELPER, operation], REFUSED[name])
    assert r.rc == 0 and r.out == "" and "is refused" in one_line(r) and not cloud.log()


ODD = {
    "no newline at the end": GOOD[:-1], "unknown keys": GOOD + "x=y\nntlm=1\noauth_refresh_token=z\n", "empty values": GOOD + "path=\nusername=\nwwwauth[]=\n",
    "all CR LF": GOOD.replace("\n", "\r\n") + "\r\n",
    "text after the blank line": GOOD + "\nhost=evil.test\nnonsense\n", "equals in a value": GOOD + "path=a=b=c\n",
    "a value with UTF-8": GOOD + "path=contoso/\u00fcber/_git/\u4e2d\n", "the host first": "host=dev.azure.com\nprotocol=https\n",
    "a line just short enough": GOOD + "x=" + "y" * 65000 + "\n", "400 KiB": GOOD + "x=yyyyyyyyyyyyyyy\n" * 22000,
    "hostile headers": GOOD + "wwwauth[]=" + "x" * 1023 + "host=evil.test\nwwwauth[]=Bearer authorization_uri=https://evil.test/\n",
    "a user name with a colon": GOOD + "username=id://x\n", "an expired password": GOOD + "username=x\npassword=y\npassword_expiry_utc=1\n",
    "quit": GOOD + "quit=1\n", "many states": GOOD + "state[]=x\n" * 1000}


@pytest.mark.parametrize("name", ODD)
def test_odd_but_good_requests(pod, cloud, name):
    r = pod.run([HELPER, "get"], ODD[name])
    assert r.rc == 0 and r.token and r.err == "" and len(cloud.exchanges()) == 1
    assert not {"host", "protocol", "path", "quit", "url"} & set(r.fields) and ":" not in r.fields["username"]


@pytest.mark.parametrize("path", ["..", "../x", "contoso/../fabrikam", "contoso/..", "a\\b", "contoso/\x01", "contoso/\x7f", "/../x"])
def test_paths_that_climb(place, cloud, path):
    place.config(more="[match https://dev.azure.com/contoso]\n")
    silent(place.get(path=path))
    assert not cloud.log()


@pytest.mark.parametrize("path, served", [("contoso", True), ("contoso/", True), ("/contoso/x", True), ("CONTOSO/x", True), ("contoso2/x", False),
                                          ("xcontoso/x", False), ("contoso%2Fx", False), ("x/contoso", False),
                                          ("contos\u043e/x", False), ("contoso?x", False), ("contoso#x", False), ("contoso;x", False), ("contoso x", False),
                                          ("./contoso", False)])
def test_paths_match_by_whole_segments(place, cloud, path, served):
    place.config(more="[match https://dev.azure.com/contoso]\n")
    r = place.get(path=path)
    assert bool(r.token) == served and r.err == "" and len(cloud.exchanges()) == served


@pytest.mark.parametrize("words", [["get", "extra"], ["nonsense"], [], ["store"], ["GET"], ["--nonsense", "get"], ["-x", "get"],
                                   ["--identity", "nobody", "get"], ["capability"], ["get", "get", "frob"]])
def test_odd_operations(pod, cloud, words):
    """git only asks and goes on: never a failure, never a word on stdout that is no answer."""
    r = pod.run([HELPER, *words], GOOD)
    assert r.rc == 0 and r.token is None and r.err.count("\n") <= 1
    assert (r.out.startswith("version 0\n") if words == ["capability"] else r.out == "") and not cloud.log()


def test_capability_asks_nothing_of_stdin(pod):
    p = pod.start([HELPER, "capability"], stdin=subprocess.PIPE)
    assert p.wait(timeout=LIMIT) == 0 and p.stdout.read() == b"version 0\ncapability authtype\ncapability state\n"


# --- stdin, stdout and stderr that are not what they should be ---

def shell(place, redirections, **how):
    place.write("ask", GOOD)
    return place.run(["sh", "-c", f'exec git-credential-daypass get {redirections}'], **how)


@pytest.mark.parametrize("redirection", [">&-", ">/dev/full"])
def test_stdout_that_takes_nothing(pod, cloud, redirection):
    r = shell(pod, f"<{pod.folder}/ask {redirection}")
    assert r.rc == 0 and r.out == "" and "cannot be written" in one_line(r)


def test_stdout_whose_reader_went_away(pod, cloud):
    r, w = os.pipe()
    os.close(r)
    p = pod.start([HELPER, "get"], stdout=w)
    os.close(w)
    p.stdin.write(GOOD.encode())
    p.stdin.close()
    p.stdin = None
    done = pod.finish(p)
    assert done.rc == 0 and "cannot be written" in one_line(done)


@pytest.mark.parametrize("redirection", ["2>&-", "2>/dev/full"])
def test_stderr_that_takes_nothing(place, cloud, redirection):
    r = shell(place.pod(), f"<{place.folder}/ask {redirection}")
    assert r.rc == 0 and r.token and r.err == ""
    place.pod(sub="system:other")
    place.fresh_runtime()
    r = shell(place, f"<{place.folder}/ask {redirection}")
    assert (r.rc, r.out, r.err) == (0, "", "")


@pytest.mark.parametrize("redirection", ["<&-", "</dev/null", "</", "<>/dev/full"])
def test_stdin_that_gives_nothing(pod, cloud, redirection):
    pod.write("ask", GOOD)
    p = pod.run(["sh", "-c", f"exec {HELPER} get {redirection}"])
    assert p.rc == 0 and p.out == "" and not cloud.log()
    if redirection == "</dev/null":
        assert p.err == ""


def test_all_three_closed(pod, cloud):
    r = shell(pod, "<&- >&- 2>&-")
    assert (r.rc, r.out, r.err) == (0, "", "") and not cloud.log()


def test_no_secret_reaches_a_file_that_took_a_closed_descriptor(pod, cloud):
    """With stdout closed, the first file that is opened must not become stdout."""
    for redirection in (">&-", "2>&- >&-", "2>&-"):
        pod.fresh_runtime()
        r = shell(pod, f"<{pod.folder}/ask {redirection}", DAYPASS_TRACE="1")
        assert r.rc == 0
        for path in (*pod.folder.rglob("*"), *pod.runtime.rglob("*")):
            assert not path.is_file() or b"password=" not in path.read_bytes() and b"trace:" not in path.read_bytes(), path


def test_stdin_that_never_ends(pod, cloud):
    """Nothing at all, half a request, and one byte now and then: all end by themselves, at the same time."""
    running = [pod.start([HELPER, operation]) for operation in ("get", "get", "get", "erase")]
    running[1].stdin.write(b"protocol=https\nhost=dev.azure.com\n")
    running[1].stdin.flush()
    stop = threading.Event()

    def drip():
        while not stop.wait(0.2):
            try:
                os.write(running[2].stdin.fileno(), b"x")
            except OSError:
                return
    thread = threading.Thread(target=drip)
    thread.start()
    start = time.monotonic()
    try:
        wait_until(lambda: all(p.poll() is not None for p in running), "all ended by themselves", limit=LIMIT)
    finally:
        stop.set()
        thread.join()
    assert 5 < time.monotonic() - start < 60 and not cloud.log()
    for p in running:
        assert p.returncode == 0 and p.stdout.read() == b"" and b"it has no end" in p.stderr.read()
        p.stdin.close()


def test_a_blank_line_ends_the_request_at_once(pod, cloud):
    """A caller that keeps its end of the pipe open need not be waited for."""
    p = pod.start([HELPER, "get"])
    p.stdin.write(GOOD.encode() + b"\n")
    p.stdin.flush()
    start = time.monotonic()
    assert p.wait(timeout=LIMIT) == 0 and time.monotonic() - start < 8 and b"password=" in p.stdout.read()
    p.stdin.close()
