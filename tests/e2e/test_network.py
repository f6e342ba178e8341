"""The way to the token endpoint: certificates, proxies and name servers; the user learns which hop failed and which setting helps."""
import os
import shutil
import socket

import pytest

from cloud.client import CUSTOM, PUBLIC
from e2e.place import WALL, hosts, said_no

CERTS = dict.fromkeys(("SSL_CERT_FILE", "SSL_CERT_DIR", "GIT_SSL_CAINFO"))  # nothing said about trust
wall_only = pytest.mark.skipif(not WALL, reason="not run: no namespaces")


# --- certificates ---

@pytest.mark.parametrize("kind", ["unknown-ca", "expired", "wrong-name"])
def test_bad_certificates(pod, cloud, kind):
    cloud.fault("tls", kind, host=PUBLIC)
    said_no(pod.get(), PUBLIC, "DAYPASS_CA_FILE", "certificate")
    assert not cloud.exchanges() and hosts(cloud) == {PUBLIC}


@pytest.mark.parametrize("how", [{}, {"GIT_SSL_NO_VERIFY": "1"}, {"NODE_TLS_REJECT_UNAUTHORIZED": "0"}, {"CURL_INSECURE": "1"}])
def test_no_variable_switches_checking_off(pod, cloud, how):
    pod.gitconfig("[http]\n\tsslVerify = false\n")
    cloud.fault("tls", "unknown-ca", host=PUBLIC)
    said_no(pod.get(**how), "DAYPASS_CA_FILE")
    assert not cloud.exchanges()


def test_another_authority_by_ssl_cert_file(pod, cloud):
    """Somebody else's bundle: the message names the setting that would help."""
    other = {**CERTS, "SSL_CERT_FILE": cloud.info()["aks"]["ca"]}
    said_no(pod.get(**other), PUBLIC, "not trusted", "DAYPASS_CA_FILE")
    assert not cloud.exchanges()
    pod.fresh_runtime()
    assert pod.get(**other, DAYPASS_CA_FILE=cloud.info()["ca"]).token


def test_ca_file_works_and_is_the_only_trust(pod, cloud):
    assert pod.get(**CERTS, DAYPASS_CA_FILE=cloud.info()["ca"]).token
    pod.fresh_runtime()
    said_no(pod.get(DAYPASS_CA_FILE=cloud.info()["aks"]["ca"]), "not trusted")
    assert len(cloud.exchanges()) == 1


def test_ssl_cert_dir(pod, cloud):
    folder = pod.folder / "certs"
    folder.mkdir()
    said_no(pod.get(**{**CERTS, "SSL_CERT_DIR": folder}), "DAYPASS_CA_FILE")
    pod.fresh_runtime()
    shutil.copytree(cloud.info()["certs"], folder, dirs_exist_ok=True, symlinks=True)
    if not any(p.name.endswith(".0") for p in folder.iterdir()):
        assert pod.run(["openssl", "rehash", folder]).rc == 0
    assert pod.get(**{**CERTS, "SSL_CERT_DIR": folder}).token


@pytest.mark.parametrize("what", ["missing", "garbage", "folder"])
@pytest.mark.parametrize("name", ["DAYPASS_CA_FILE", "SSL_CERT_FILE"])
def test_ca_file_that_cannot_be_read(pod, cloud, what, name):
    path = pod.write("ca.pem", "hello") if what == "garbage" else pod.work if what == "folder" else pod.folder / "none"
    said_no(pod.get(**{**CERTS, name: path}), "DAYPASS_CA_FILE")
    assert not cloud.exchanges()


@wall_only
def test_system_trust_is_the_default(pod, cloud):
    assert pod.get(**CERTS).token


def git_says(place, **settings):
    """A person who has told only git."""
    place.gitconfig("[http]\n" + "".join(f'\t{name} = "{value}"\n' for name, value in settings.items()))


def test_what_only_git_was_told_about_trust(pod, cloud):
    """http.sslCAInfo goes before SSL_CERT_FILE, GIT_SSL_CAINFO before that, and DAYPASS_CA_FILE before all."""
    good, bad = cloud.info()["ca"], cloud.info()["aks"]["ca"]
    rows = [(good, {"SSL_CERT_FILE": bad}), (bad, {"GIT_SSL_CAINFO": good}), (bad, {"DAYPASS_CA_FILE": good, "GIT_SSL_CAINFO": bad})]
    for said, variables in rows:
        pod.fresh_runtime()
        git_says(pod, sslCAInfo=said)
        assert pod.get(**{**CERTS, **variables}).token, (said, variables)
    pod.fresh_runtime()
    git_says(pod, sslCAInfo=bad)
    said_no(pod.get(**{**CERTS, "SSL_CERT_FILE": good}), "not trusted")
    assert len(cloud.exchanges()) == 3


@pytest.mark.parametrize("kind", ["close", "hang", "delay"])
def test_handshake_that_goes_wrong(pod, cloud, kind):
    cloud.fault("tls", kind, host=PUBLIC, **{"ms": 5000} if kind == "delay" else {})
    r = pod.get(DAYPASS_TIMEOUT="1")
    said_no(r, PUBLIC)
    assert r.seconds < 15 and not cloud.exchanges()


# --- proxies ---

def through(proxy, direct=""):
    """Variables for everything through this proxy."""
    return {**{k: proxy for k in ("HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy")}, "NO_PROXY": direct, "no_proxy": direct}


def with_user(cloud, user):
    return cloud.info()["proxy"].replace("://", f"://{user}@")


def test_proxy_is_used(pod, cloud):
    assert pod.get(**through(cloud.info()["proxy"])).token
    row, = cloud.log(kind="proxy")
    assert (row["method"], row["host"], row["port"], row["status"], row["auth"]) == ("CONNECT", PUBLIC, 443, 200, "")
    assert "client_assertion" not in str(row["headers"]) and row["headers"]["user-agent"].startswith("daypass/")


@pytest.mark.parametrize("names", [("HTTPS_PROXY",), ("https_proxy",), ("ALL_PROXY",), ("all_proxy",)])
def test_proxy_by_each_name(pod, cloud, names):
    none = {k: None for k in through("")}
    assert pod.get(**{**none, **{k: cloud.info()["proxy"] for k in names}}).token and len(cloud.log(kind="proxy")) == 1


def test_proxy_password(pod, cloud):
    cloud.set(proxy_auth="user:pass%word")
    assert pod.get(**through(with_user(cloud, "user:pass%25word"))).token
    assert cloud.log(kind="proxy")[-1]["status"] == 200


@pytest.mark.parametrize("user", [None, "user:wrong-password", "only-a-user"])
def test_proxy_407_names_the_cure_and_masks_user_info(pod, cloud, user):
    cloud.set(proxy_auth="user:right")
    proxy = with_user(cloud, user) if user else cloud.info()["proxy"]
    line = said_no(pod.get(**through(proxy)), "HTTP 407", PUBLIC, "HTTPS_PROXY", f"NO_PROXY={PUBLIC}")
    assert "wrong-password" not in line and "only-a-user" not in line and ("***@127.0.0.1" in line) == bool(user)
    assert not cloud.exchanges() and cloud.log(kind="proxy")[-1]["status"] == 407


@pytest.mark.parametrize("status", [403, 502, 503, 302])
def test_proxy_refuses(pod, cloud, status):
    cloud.fault("proxy", "status", status=status, body="<html>no</html>", headers=["Location: https://evil.test/"])
    said_no(pod.get(**through(with_user(cloud, "me:secret-word"))), f"HTTP {status}", "proxy http://***@127.0.0.1", PUBLIC)
    assert not cloud.exchanges()


@pytest.mark.parametrize("kind", ["reset", "close", "stall", "delay"])
def test_proxy_that_breaks(pod, cloud, kind):
    cloud.fault("proxy", kind, **{"ms": 5000} if kind == "delay" else {})
    r = pod.get(DAYPASS_TIMEOUT="1", **through(with_user(cloud, "me:secret-word")))
    line = said_no(r)
    assert "secret-word" not in line and r.seconds < 15 and not cloud.exchanges()


def closed_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


@pytest.mark.parametrize("proxy", ["http://me:secret-word@127.0.0.1:{}", "http://me:secret-word@no.such.host.test:{}", "me:secret-word@127.0.0.1:{}",
                                   "socks5h://me:secret-word@127.0.0.1:{}",
                                   "http://me:secret-word@127.0.0.1:{}:9", "gopher://me:secret-word@x", "http://me:secret word@127.0.0.1:{}"])
def test_proxy_that_is_not_there(pod, cloud, proxy):
    line = said_no(pod.get(DAYPASS_TIMEOUT="5", **through(proxy.format(closed_port()))))
    assert "secret" not in line and not cloud.exchanges()


def test_masked_in_the_trace_too(pod, cloud):
    cloud.set(proxy_auth="user:right")
    r = pod.get(DAYPASS_TRACE="1", options=["-v"], **through(with_user(cloud, "user:wrong-password")))
    assert r.token is None and "wrong-password" not in r.err and "HTTP 407" in r.err


@wall_only
def test_no_proxy(pod, cloud):
    dead = f"http://127.0.0.1:{closed_port()}"
    assert pod.get(**through(dead, direct=f"other.test,{PUBLIC}")).token and not cloud.log(kind="proxy")
    pod.fresh_runtime()
    assert pod.get(**through(dead, direct=".microsoftonline.com")).token
    pod.fresh_runtime()
    assert pod.get(**{**through(dead, direct="*")}).token
    pod.fresh_runtime()
    said_no(pod.get(**through(dead, direct="microsoftonline")), "127.0.0.1")
    assert len(cloud.exchanges()) == 3


def test_what_only_git_was_told_about_the_proxy(pod, cloud):
    """http.proxy, for all hosts or for Entra's; an empty one means none; another host's is not ours."""
    proxy, none = with_user(cloud, "me:secret-word"), {k: None for k in through("")}
    git_says(pod, proxy=proxy)
    assert pod.get(**none).token and [r["host"] for r in cloud.log(kind="proxy")] == [PUBLIC]
    pod.fresh_runtime()
    git_says(pod, proxy=f"http://me:secret-word@127.0.0.1:{closed_port()}")
    line = said_no(pod.get(**through(proxy)), "proxy", "127.0.0.1")
    assert "secret-word" not in line and len(cloud.log(kind="proxy")) == 1, "as in git, its own setting goes before the environment"
    pod.fresh_runtime()
    pod.gitconfig(f'[http "https://login.microsoftonline.com"]\n\tproxy = {proxy}\n'
                  f'[http "https://dev.azure.com"]\n\tproxy = http://127.0.0.1:{closed_port()}\n')
    assert pod.get(**none).token and len(cloud.log(kind="proxy")) == 2


@wall_only
def test_an_empty_proxy_of_git_means_none(pod, cloud):
    git_says(pod, proxy="")
    assert pod.get(**through(f"http://127.0.0.1:{closed_port()}")).token


@pytest.mark.parametrize("body", ["exit 1", "exec sleep 600", "kill -9 $$", "printf '\\0\\0\\0junk'", "yes"])
def test_a_git_that_cannot_be_asked(pod, cloud, body):
    """A broken git on PATH delays a miss at most, and never a hit."""
    script = pod.script("bin/git", f'echo run >> "$0.runs"; {body}')
    first = pod.get(PATH=f"{script.parent}:/usr/bin:/bin", DAYPASS_TIMEOUT="30", **{k: os.environ[k] for k in ("GIT_SSL_CAINFO",) if k in os.environ})
    assert first.token
    assert pod.get(PATH=f"{script.parent}:/usr/bin:/bin").token == first.token and script.with_name("git.runs").read_text().count("run") >= 1


def test_a_slow_git_does_not_outlast_the_deadline(pod, cloud):
    """What git is asked counts too: the whole ends with DAYPASS_TIMEOUT."""
    script = pod.script("bin/git", "exec sleep 600")
    r = pod.get(PATH=f"{script.parent}:/usr/bin:/bin", DAYPASS_TIMEOUT="1")
    assert r.seconds < 2.9, "git alone took its three seconds"


# --- names ---

def elsewhere(place, host):
    place.config(cloud=None, authority=f"https://{host}")


def test_unknown_host(place, cloud):
    elsewhere(place, "no.such.host.test")
    said_no(place.get(), "no.such.host.test", "cannot be resolved" if WALL else "HTTP 403")
    assert not cloud.exchanges()


@wall_only
@pytest.mark.parametrize("kind", ["nxdomain", "servfail"])
def test_name_server_says_no(pod, cloud, kind):
    cloud.fault("dns", kind)
    said_no(pod.get(DAYPASS_TIMEOUT="10"), PUBLIC, "cannot be resolved", "name server")


@wall_only
def test_dead_name_server_does_not_outlast_the_deadline(pod, cloud):
    cloud.dead_dns()
    r = pod.get(DAYPASS_TIMEOUT="2")
    said_no(r, PUBLIC)
    assert 1.9 < r.seconds < 6 and cloud.log(kind="dns") and not cloud.log(kind="tls")


@wall_only
def test_dead_name_server_for_one_name_only(place, cloud):
    elsewhere(place, "login.dead.test")
    assert place.get(DAYPASS_TIMEOUT="1").token is None
    elsewhere(place, CUSTOM)
    assert place.get().token


@wall_only
def test_slow_name_server_still_works(pod, cloud):
    cloud.fault("dns", "delay", ms=300, host=PUBLIC)
    assert pod.get().token


@wall_only
@pytest.mark.parametrize("port", [1, 8443])
def test_closed_port(place, cloud, port):
    elsewhere(place, f"{CUSTOM}:{port}")
    said_no(place.get(), CUSTOM, "cannot be reached")
