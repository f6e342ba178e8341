"""Secrets appear where the protocol says and nowhere else. Planted: an external token and the access token that Entra makes of it; then every
place where a program leaves traces is searched."""
import os
import resource
import signal
import subprocess

import pytest

from cloud.client import GITHUB_REQUEST_TOKEN, PIPELINES_TOKEN
from e2e.place import HELPER, URL, wait_until
from e2e.sandbox import keyring_works, limited


def parts(token):
    """What would give a token away: its claims or its signature (headers are all alike)."""
    return [part[:80].encode() for part in token.split(".")[1:]] + [part[-40:].encode() for part in token.split(".")[1:]]


def found_in(data, secrets):
    data = data if isinstance(data, bytes) else data.encode("utf-8", "surrogateescape")
    return [s for s in secrets if s in data]


def files(*folders):
    """(path, content) of every file there."""
    for folder in folders:
        for path in folder.rglob("*"):
            if path.is_file() and not path.is_symlink():
                yield path, path.read_bytes()


def processes():
    """(pid, what, content) of every process that we may look at: its words and its environment."""
    for pid in filter(str.isdigit, os.listdir("/proc")):
        for what in ("cmdline", "environ"):
            try:
                with open(f"/proc/{pid}/{what}", "rb") as f:
                    yield int(pid), what, f.read()
            except OSError:
                pass


def search(place, results, secrets, allowed=()):
    """No secret in what was said, in HOME, in the work folder, nor (where records are sealed) in the runtime folder."""
    for r in results:
        assert not found_in(r.err, secrets), f"on stderr of {r.argv}"
    folders = [place.home, place.work] + ([place.runtime] if keyring_works() else [])
    leaks = [str(path) for path, data in files(*folders) if path not in allowed and found_in(data, secrets)]
    assert not leaks, leaks


TRACED = {"DAYPASS_TRACE": "1"}


def test_the_search_finds_what_is_there(pod):
    """The hunt itself can fail: a token in a file of HOME is found."""
    token = pod.get().token
    pod.write("home/leak", token)
    with pytest.raises(AssertionError):
        search(pod, [], parts(token))
    control = subprocess.Popen(["sh", "-c", "read x", token], env={"X": token}, stdin=subprocess.PIPE)
    try:
        wait_until(lambda: {w for pid, w, data in processes() if pid == control.pid and found_in(data, parts(token))} == {"cmdline", "environ"}, "it is found")
    finally:
        control.kill()
        control.wait()


@pytest.mark.parametrize("who", ["pod", "github", "pipelines", "env", "command", "az"])
def test_traces_and_files(place, cloud, who):
    """A miss, a hit, a refresh of the words, an erase, all with the trace on."""
    secrets, assertion = [], cloud.mint(marker=os.urandom(16).hex())
    if who == "pod":
        place.pod()
        secrets += parts(place.token_file.read_text())
    elif who == "env":
        place.config(source="env", token_file=None)
        place.identity = {"DAYPASS_ID_TOKEN": assertion}
    elif who == "command":
        script = place.script("source", f"echo {assertion}; echo {assertion} >&2")
        place.config(source="command", token_file=None, command=script)
    elif who == "az":
        made = cloud.token()
        script = place.script("bin/az", f'echo \'{{"accessToken": "{made}", "expires_on": 9999999999}}\'; echo {made} >&2')
        place.write("home/.azure/azureProfile.json", "{}")
        place.config(source="az", token_file=None)
        place.identity = {"PATH": f"{script.parent}:/usr/bin:/bin"}
    else:
        getattr(place, who)()
    secrets += parts(assertion) + [GITHUB_REQUEST_TOKEN[:-2].encode(), PIPELINES_TOKEN.encode()]
    results = [place.get(options=["-v"], **TRACED), place.get(options=["-v"], **TRACED)]
    token = results[0].token
    assert token and results[0].out.count(token) == 1 and "trace:" in results[0].err and results[1].token == token
    secrets += parts(token)
    results += [place.erase(token, **TRACED), place.run(["daypass", "whoami"], **TRACED), place.run(["daypass", "-v", "whoami"], **TRACED)]
    for r in results[3:]:
        assert not found_in(r.out, secrets), r.argv
    results += [place.get(path="../x", **TRACED), place.get(host="evil.test", **TRACED)]
    search(place, results, secrets, allowed=(place.work / "source", place.work / "bin" / "az"))


@pytest.mark.parametrize("kind, params", [("aadsts", dict(code=700213)), ("html", {}), ("fields", dict(set={"token_type": "pop"})), ("poison", {}),
                                          ("body", dict(suffix="junk")), ("cut", {}), ("status", dict(status=500))])
def test_failures_do_not_quote_tokens(pod, cloud, kind, params):
    """Even where the answer held a good token beside something wrong, or a gateway echoes the request."""
    cloud.fault("entra", kind, **params)
    r = pod.get(options=["-v"], **TRACED)
    assert r.token is None and r.out == ""
    assert "eyJ" not in r.err.replace("eyJ***", "")
    search(pod, [r], parts(pod.token_file.read_text()))


def test_a_gateway_that_echoes_the_request(pod, cloud):
    assertion = pod.token_file.read_text()
    for body in (f"<html>you sent client_assertion={assertion}</html>", {"error": assertion, "error_description": f"AADSTS1: {assertion} Trace ID: x",
            "error_codes": [1]}, assertion):
        cloud.clear()
        cloud.fault("entra", "status", status=400, body=body)
        r = pod.run([HELPER, "-v", "get"], pod.ask(), leaks=True, **TRACED)
        assert not found_in(r.err, parts(assertion)), body
        pod.fresh_runtime()


def test_redirect_that_echoes_the_request(pod, cloud):
    assertion = pod.token_file.read_text()
    cloud.fault("entra", "redirect", location=f"https://evil.test/?a={assertion}")
    r = pod.run([HELPER, "-v", "get"], pod.ask(), leaks=True, **TRACED)
    assert not found_in(r.err, parts(assertion)) and r.token is None


def test_nothing_in_words_or_environment_of_processes(place, cloud):
    """While everything is at work: git, the helper, its children."""
    place.pod()
    secrets = parts(place.token_file.read_text())
    cloud.fault("entra", "delay", times=1, ms=1500)
    running = place.start(["git", "ls-remote", URL])
    cloud.wait(1, kind="http", service="entra")
    looked = [(pid, what) for pid, what, data in processes() if found_in(data, secrets)]
    assert not looked and place.finish(running).rc == 0
    kept, before = place.get().token, len(cloud.log(kind="http", host="dev.azure.com"))
    cloud.fault("azdo", "delay", times=1, ms=1000)
    running = place.start(["git", "ls-remote", URL])
    cloud.wait(before + 1, kind="http", host="dev.azure.com")
    seen = list(processes())
    assert any(b"ls-remote" in data for _, what, data in seen if what == "cmdline")
    assert not [(pid, what) for pid, what, data in seen if found_in(data, secrets + parts(kept))]
    assert place.finish(running).rc == 0


def test_children_get_no_token_that_we_made(place, cloud):
    """The source command sees the environment that we were started with and the audience: nothing of ours."""
    kept = place.pod().get().token
    script = place.script("source", f'env -0 > "$0.env"; cat > "$0.stdin"; printf "%s\\0" "$@" > "$0.argv"; ls -l /proc/$$/fd > "$0.fds"; echo {cloud.mint()}')
    place.config(source="command", token_file=None, command=f"{script} word")
    assert place.get(password=kept[:10]).token
    for name in ("env", "stdin", "argv", "fds"):
        data = script.with_name(f"source.{name}").read_bytes()
        assert not found_in(data, parts(kept)) and b"/daypass/v1" not in data and b"socket:" not in data, name


@pytest.fixture
def cores(place):
    """A work folder where this kernel would leave a core file; skips where it leaves none anyway."""
    with open("/proc/sys/kernel/core_pattern") as f:
        pattern = f.read().strip()
    control = place.start(["sleep", "600"], before=limited(CORE=resource.RLIM_INFINITY))
    control.send_signal(signal.SIGSEGV)
    _, status = os.waitpid(control.pid, 0)
    if not os.WCOREDUMP(status):
        pytest.skip(f"not run: this kernel writes no core files ({pattern[:20]})")
    control.returncode = -signal.SIGSEGV
    return place


@pytest.mark.parametrize("how", [signal.SIGSEGV, signal.SIGABRT, signal.SIGBUS, signal.SIGQUIT])
def test_a_crash_leaves_no_core(cores, cloud, how):
    """Killed while it holds the assertion and waits for Entra; with `ulimit -c unlimited`."""
    pod = cores.pod()
    before = set(pod.work.iterdir())
    cloud.fault("entra", "hang", times=1)
    p = pod.start([HELPER, "get"], before=limited(CORE=resource.RLIM_INFINITY))
    p.stdin.write(pod.ask().encode())
    p.stdin.close()
    wait_until(cloud.exchanges, "it asks Entra")
    p.send_signal(how)
    _, status = os.waitpid(p.pid, 0)
    p.returncode = -how
    assert os.WIFSIGNALED(status) and os.WTERMSIG(status) == how and not os.WCOREDUMP(status)
    assert set(pod.work.iterdir()) == before


def test_others_of_the_same_user_cannot_look_into_the_process(pod, cloud):
    cloud.fault("entra", "hang", times=1)
    p = pod.start([HELPER, "get"])
    p.stdin.write(pod.ask().encode())
    p.stdin.close()
    p.stdin = None
    wait_until(cloud.exchanges, "it asks Entra")
    for what in ("mem", "environ", "maps"):
        with pytest.raises(OSError):
            with open(f"/proc/{p.pid}/{what}", "rb") as f:
                f.read(1)
    cloud.clear()
    assert pod.finish(p).token


@pytest.mark.parametrize("name", ["SSLKEYLOGFILE", "CURL_TRACE", "GIT_TRACE_CURL", "OPENSSL_CONF", "QLOGDIR"])
def test_no_variable_makes_a_library_write_secrets(pod, cloud, name):
    path = pod.work / "written"
    assert pod.get(**{name: path}).token and not path.exists()
    assert not list(pod.work.iterdir())
