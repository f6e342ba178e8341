"""The server behind `daypass exec`: its forms, whom it refuses, and that it stays up whatever comes."""
import json
import os
import platform
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from cloud.client import APP, ARM, AUDIENCE, AZDO, FAB, LOB, TENANT, TENANT2
from e2e.job import Job
from e2e.place import JWT, wait_until
from e2e.sandbox import without_call

SOCKET, GETPEERNAME = {"aarch64": (198, 205)}.get(platform.machine(), (41, 52))
NETLINK = 16


@pytest.fixture
def job(pod):
    return Job(pod)


def audience(token):
    import jwt
    return jwt.decode(token, options={"verify_signature": False})["aud"]


# --- the forms ---

def test_app_service(job, cloud):
    before = int(time.time())
    status, a = job.token()
    assert status == 200 and audience(a["access_token"]) == ARM
    assert {k: v for k, v in a.items() if k in ("client_id", "resource", "token_type")} == {"client_id": APP, "resource": ARM, "token_type": "Bearer"}
    assert all(isinstance(a[k], str) and a[k].isdigit() for k in ("expires_in", "expires_on", "ext_expires_in", "not_before"))
    assert before + 3000 < int(a["expires_on"]) and 3000 < int(a["expires_in"]) <= 3600 and int(a["not_before"]) >= before
    assert job.headers["Cache-Control"] == "no-store"
    assert job.token()[1]["access_token"] == a["access_token"] and len(cloud.exchanges()) == 1


def test_one_exchange_for_all_forms(job, cloud):
    tokens = {job.token()[1]["access_token"], job.terraform()[1]["access_token"], job.azd()[1]["token"]}
    path = job.env["ARM_MSI_ENDPOINT"].split(job.host)[1]
    tokens.add(job.ask(path, {"Metadata": "true", "Content-Type": "application/x-www-form-urlencoded"}, "POST", f"resource={ARM}")[1]["access_token"])
    assert len(tokens) == 1 and len(cloud.exchanges()) == 1
    assert job.token(ARM + "/")[1]["resource"] == ARM + "/"  # another resource, to Entra


@pytest.mark.parametrize("query", [f"resource={ARM.replace(':', '%3A').replace('/', '%2F')}", f"api-version=2019-08-01&resource={ARM}&client_id={APP.upper()}", f"resource={ARM}&client_id=&mi_res_id="])
def test_app_service_queries(job, query):
    for path in ("/msi/token", "/msi/token/", "/%6dsi/token"):
        assert job.ask(f"{path}?{query}", {"x-identity-header": job.secret})[0] == 200


def test_what_came_before(job):
    """MSI_ENDPOINT: az before 2.66 posts a form to it; with MSI_SECRET as App Service had it in 2017, and Machine Learning has it."""
    path = job.env["MSI_ENDPOINT"].split(job.host)[1]
    assert job.ask(path, {"Metadata": "true", "Content-Type": "application/x-www-form-urlencoded"}, "POST", f"resource={ARM}")[0] == 200
    for slash in ("", "/"):
        assert job.ask(f"{path}{slash}?resource={ARM}&api-version=2017-09-01", {"secret": job.env["MSI_SECRET"]})[0] == 200
    assert job.ask(f"{path}?resource={ARM}&api-version=2017-09-01&clientid={FAB}", {"secret": job.secret})[0] == 400
    assert job.ask(f"{path}?resource={ARM}&api-version=2017-09-01", {"secret": "0" * 64})[0] == 403


def test_terraform_and_imds(job):
    path = job.env["ARM_MSI_ENDPOINT"].split(job.host)[1]
    assert job.terraform(more=f"&client_id={APP}")[0] == 200
    assert job.ask(f"{path}/?api-version=2018-02-01&resource={ARM}", {"Metadata": "true"})[0] == 200  # JavaScript's slash
    for headers in ({}, {"Metadata": "false"}):  # a probe: quick, and 400 means that somebody is there
        status, a = job.ask(path, headers)
        assert status == 400 and "Metadata" in a["message"]


def test_azd(job):
    status, a = job.azd(tenantId=TENANT)
    assert status == 200 and a["status"] == "success" and audience(a["token"]) == ARM
    assert time.strptime(a["expiresOn"], "%Y-%m-%dT%H:%M:%SZ")


@pytest.mark.parametrize("scopes, more, word", [
    ((), {"tenantId": TENANT2}, "tenant"), ((ARM,), {}, "scope"), ((ARM + "/.default", LOB + "/.default"), {}, "one scope"), ((7,), {}, "scope"), ((ARM + "/user_impersonation",), {}, "scope")])
def test_azd_hears_no_with_200(job, cloud, scopes, more, word):
    status, a = job.azd(*scopes, **more)
    assert (status, a["status"], a["code"]) == (200, "error", "GetTokenError") and word in a["message"] and not cloud.exchanges()


def test_requests_one_behind_the_other(job):
    with job.connect() as s:
        for _ in range(3):
            s.sendall(job.head())
            assert job.read(s)[0] == 200
        s.sendall(job.head() + job.head(more="Connection: close\r\n"))
        with s.makefile("rb") as f:
            both = f.read()
    assert both.count(b"HTTP/1.1 200 OK\r\n") == 2


def test_a_body_that_waits_to_be_asked_for(job):
    body = json.dumps({"scopes": [ARM + "/.default"]}).encode()
    with job.connect() as s:
        s.sendall(f"POST /azd/token HTTP/1.1\r\nHost: {job.host}\r\nAuthorization: bearer {job.secret}\r\nExpect: 100-continue\r\nContent-Length: {len(body)}\r\n\r\n".encode())
        assert s.recv(64) == b"HTTP/1.1 100 Continue\r\n\r\n"
        s.sendall(body)
        assert job.read(s)[0] == 200


# --- issuers ---

def test_issuers(pod, cloud):
    job = Job(pod, "--oidc")
    e = job.env
    assert e["ARM_USE_OIDC"] == "true" and "ARM_USE_MSI" not in e and e["ARM_OIDC_REQUEST_URL"] == e["AZURE_OIDC_REQUEST_URL"] and "?" in e["ARM_OIDC_REQUEST_URL"]
    path, bearer = e["ARM_OIDC_REQUEST_URL"].split(job.host)[1], {"Authorization": f"Bearer {e['ARM_OIDC_REQUEST_TOKEN']}"}
    assertion = pod.token_file.read_text()
    assert job.ask(f"{path}&audience=api%3A%2F%2FAzureADTokenExchange", bearer) == (200, {"count": len(assertion), "value": assertion})
    assert job.ask(f"{path}&api-version=7.1&serviceConnectionId=x&audience={AUDIENCE}", bearer, "POST", "") == (200, {"oidcToken": assertion})
    fresh = pod.assertion(marker="2")
    assert job.ask(path, bearer)[1]["value"] == fresh  # each time anew: Terraform asks at every renewal
    assert job.ask(f"{path}&audience=api://other", bearer)[0] == 403
    assert job.ask(path)[0] == 403 and job.ask(path, {"Authorization": "Bearer " + "0" * 64})[0] == 403
    assert job.ask(path.replace(job.secret, "0" * 64), bearer)[0] == 403
    assert job.token()[0] == 200 and not cloud.log(service="issuer", method="POST")


def test_no_issuer_unasked(job):
    assert job.ask(f"/{job.secret}/oidc?v=1", {"Authorization": f"Bearer {job.secret}"})[0] == 400


def test_oidc_excludes_allow(pod):
    r = pod.run(["daypass", "exec", "--oidc", "--allow", ARM, "--", "sh", "-c", "echo started"])
    assert r.rc == 2 and r.out == "" and "exclude each other" in r.err


def test_no_issuer_without_an_external_token(place):
    place.config(source="client-secret", token_file=None, client_secret_env="X")
    r = place.run(["daypass", "exec", "--oidc", "--", "true"], X="s")
    assert r.rc == 3 and "source client-secret has no external token" in r.err


# --- who is refused ---

def refusals(job):
    """(name, status, what is sent)"""
    good, post = job.head(), b"POST /azd/token HTTP/1.1\r\nHost: " + job.host.encode() + b"\r\n"
    sub = lambda old, new: good.replace(old.encode(), new.encode())
    return {
        "wrong secret": (403, sub(job.secret, "0" * 64)), "short secret": (403, sub(job.secret, job.secret[:63])), "long secret": (403, sub(job.secret, job.secret + "0")),
        "no secret": (403, sub("X-IDENTITY-HEADER", "X-Other")), "secret twice": (400, sub("\r\n\r\n", f"\r\nx-identity-header: {job.secret}\r\n\r\n")),
        "another host": (403, sub(f"Host: {job.host}", "Host: evil.test")), "rebound": (403, sub(f"Host: {job.host}", f"Host: evil.test:{job.port}")),
        "localhost": (403, sub(f"Host: {job.host}", f"Host: localhost:{job.port}")), "no port": (403, sub(f"Host: {job.host}", "Host: 127.0.0.1")),
        "no host": (400, sub(f"Host: {job.host}\r\n", "")), "host twice": (400, sub("\r\n\r\n", "\r\nHost: evil.test\r\n\r\n")),
        **{h: (403, job.head(more=f"{h}: x\r\n")) for h in ("Origin", "Referer", "Sec-Fetch-Site", "sec-fetch-mode", "X-Forwarded-For", "Forwarded", "Via", "ORIGIN")},
        "empty origin": (403, job.head(more="Origin:\r\n")),
        "other identity": (400, job.head(f"/msi/token?resource={ARM}&client_id={FAB}")), "object id": (400, job.head(f"/msi/token?resource={ARM}&object_id={APP}")),
        "resource id": (400, job.head(f"/msi/token?resource={ARM}&mi_res_id=/subscriptions/x")),
        "no resource": (400, job.head("/msi/token")), "resource twice": (400, job.head(f"/msi/token?resource={ARM}&resource={ARM}")),
        "no such resource": (400, job.head("/msi/token?resource=a%20b")), "control": (400, job.head(f"/msi/token?resource={ARM}%0a")), "nul": (400, job.head(f"/msi/token?resource={ARM}%00")),
        **{p: (400, job.head(p)) for p in ("/", "/msi", "/msi/token/x", "//msi/token", "/msi//token", "/msi/token//", "/../../etc/passwd", "/msi/../msi/token", "/msi/%2e%2e/msi/token", "/msi/token%00",
                                           "/msi%2ftoken%0d%0aX", "/MSI/token", "msi/token", "*", "http://127.0.0.1/msi/token", "/msi/token#x", "/metadata/identity/oauth2/token")},
        "post there": (400, job.head(first="POST {} HTTP/1.1")), **{m: (405, job.head(first=m + " {} HTTP/1.1")) for m in ("PUT", "HEAD", "OPTIONS", "get", "GETX")},
        "old": (400, job.head(first="GET {} HTTP/0.9")), "new": (400, job.head(first="GET {} HTTP/2.0")), "none": (400, job.head(first="GET {}")), "blanks": (400, job.head(first="GET  {} HTTP/1.1")),
        "fold": (400, sub("\r\n\r\n", "\r\n X: y\r\n\r\n")), "blank name": (400, job.head(more="X Y: z\r\n")), "blank before": (400, job.head(more="X : z\r\n")), "no colon": (400, job.head(more="X\r\n")),
        "bare feed": (400, job.head(more="X: y\nZ: z\r\n")), "nul byte": (400, job.head(more="X: \0\r\n")), "not http": (400, b"\x16\x03\x01\x02\r\n\r\n"), "feeds only": (400, b"\r\n\r\n"),
        "long line": (400, job.head(more="X: " + "y" * 9000 + "\r\n")), "long head": (400, job.head(more="X: y\r\n" * 2000)), "endless": (400, b"GET /" + b"x" * 20000),
        "chunks": (400, post + b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"), "both": (400, post + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
        "lengths": (400, post + b"Content-Length: 2\r\nContent-Length: 2\r\n\r\n{}"), **{f"length {n}": (400, post + f"Content-Length: {n}\r\n\r\n".encode()) for n in ("-1", "+1", "1x", "0x1", "1,1", "", "99999999999999999999")},
        "large": (413, post + b"Content-Length: 65537\r\n\r\n"), "10 MiB": (413, post + b"Content-Length: 10485760\r\n\r\n" + b"x" * 10485760), "huge": (413, post + b"Content-Length: 9223372036854775807\r\n\r\n"),
        "expects": (400, post + b"Expect: money\r\nContent-Length: 2\r\n\r\n{}"),
        "azd without its key": (403, post + b"Content-Length: 2\r\n\r\n{}"), "azd, basic": (403, post + f"Authorization: Basic {job.secret}\r\nContent-Length: 2\r\n\r\n{{}}".encode()),
        "path with a wrong secret": (403, job.head(f"/{'0' * 64}/metadata/identity/oauth2/token?resource={ARM}", "Metadata: true\r\n")),
    }


def test_refusals(job, cloud):
    wrong = {}
    for name, (status, data) in refusals(job).items():
        with job.connect() as s:
            try:
                s.sendall(data)
            except OSError:
                pass
            got, body = job.read(s)
        if got != status or JWT.search(body.decode()) or job.secret in body.decode() or json.loads(body)["statusCode"] != status:
            wrong[name] = (got, body)
    assert not wrong and not cloud.exchanges()
    assert job.token()[0] == 200


def test_nothing_but_the_allowed(pod, cloud):
    job = Job(pod, "--allow", AZDO, f"{LOB}/")
    status, a = job.token(ARM)
    assert status == 403 and "--allow" in a["message"]
    assert job.terraform(ARM)[0] == 403 and job.azd()[1]["status"] == "error"
    assert not cloud.exchanges()
    assert [job.token(r)[0] for r in (AZDO, LOB, LOB + "/")] == [200, 200, 200]


def test_the_file_says_what_is_allowed(place, cloud):
    place.config(allow=AZDO)
    status, a = Job(place).token(ARM)
    assert status == 403 and "allow = " in a["message"] and "config:" in a["message"] and not cloud.exchanges()


def test_allow_is_checked(pod):
    r = pod.run(["daypass", "exec", "--allow", "a b", "--", "sh", "-c", "echo started"])
    assert r.rc == 2 and r.out == "" and "it is no resource" in r.err


def test_another_user_is_refused(job):
    """By the socket's owner, whatever secret is known."""
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            os.setgroups([])
            os.setresuid(65534, 65534, 65534)
        except OSError:
            os._exit(77)
        try:
            status, a = job.token()
            code = 0 if status == 403 and "user" in a["message"] else 2
        finally:
            os._exit(code)
    code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    if code == 77:
        pytest.skip("not run: no file of another owner")
    assert code == 0 and job.token()[0] == 200


def test_the_last_resort_to_know_the_user(pod):
    """No netlink in a sandbox: /proc/net/tcp says it."""
    job = Job(pod, before=without_call(SOCKET, NETLINK, 13))
    assert job.token()[0] == 200
    with socket.socket(socket.AF_INET6) as s:  # as Java connects
        s.connect(("::ffff:127.0.0.1", job.port))
        s.sendall(job.head())
        assert job.read(s)[0] == 200


def test_java_connects_by_ipv6_sockets(job):
    with socket.socket(socket.AF_INET6) as s:
        s.connect(("::ffff:127.0.0.1", job.port))
        s.sendall(job.head())
        assert job.read(s)[0] == 200


def test_whoever_cannot_be_told_is_refused(pod):
    """Where nothing says who it is (getpeername fails), nobody gets anything, whatever secret is known."""
    job = Job(pod, before=without_call(GETPEERNAME))
    status, a = job.token()
    assert status == 403 and "user" in a["message"]


# --- Entra says no, or nothing ---

def test_a_refusal_is_told_and_not_repeated(job, cloud):
    job.place.assertion(sub="system:other")
    for _ in range(3):
        status, a = job.token()
        assert status == 403 and "AADSTS700213" in a["message"] and a["error"] == "access_denied" and "system:other" in a["message"]
    assert len(cloud.exchanges()) == 1
    assert "AADSTS700213" in job.azd()[1]["message"]


def test_a_source_that_has_gone(job, cloud):
    job.place.token_file.unlink()
    status, a = job.token()
    assert status == 403 and str(job.place.token_file) in a["message"] and not cloud.exchanges()


def test_what_passes_is_told_as_such(job, cloud):
    cloud.fault("entra", "throttle", retry_after=30)
    assert job.token()[0] == 429 and int(job.headers["Retry-After"]) > 0
    cloud.clear()
    cloud.fault("entra", "reset")
    other = Job(job.place.config() and job.place)
    assert other.token(LOB)[0] in (429, 503)


def test_network_trouble_may_be_tried_again(job, cloud):
    cloud.fault("entra", "status", status=500)
    assert job.token()[0] == 503


# --- it stays up ---

def test_fifty_cold_requests_are_one_exchange(job, cloud):
    cloud.fault("entra", "delay", ms=300)
    with ThreadPoolExecutor(50) as pool:
        answers = list(pool.map(lambda i: job.token() if i % 2 else job.terraform(), range(50)))
    assert {s for s, _ in answers} == {200} and len({a["access_token"] for _, a in answers}) == 1 and len(cloud.exchanges()) == 1


def test_one_that_hangs_holds_up_nobody(job, cloud):
    job.token(ARM)
    cloud.fault("entra", "hang")
    with ThreadPoolExecutor(1) as pool:
        slow = pool.submit(job.token, LOB)
        cloud.wait(2, kind="http", path=lambda p: p.endswith("/oauth2/v2.0/token"))
        assert job.token(ARM)[0] == 200 and not slow.done()
        cloud.clear()
        cloud.call("reset")
        slow.result()


def test_a_client_that_does_not_wait_costs_nothing(job, cloud):
    cloud.fault("entra", "delay", ms=500)
    for _ in range(20):
        with job.connect() as s:
            s.sendall(job.head())
    assert job.token()[0] == 200 and len(cloud.exchanges()) == 1


def test_a_thousand_open_connections(job):
    job.token()
    quiet = []
    try:
        for _ in range(1000):
            quiet.append(job.connect())
        assert job.token()[0] == 200
        for s in quiet[-50:]:
            s.sendall(b"GET ")
        assert job.token()[0] == 200
        assert quiet[0].recv(1) == b""  # the longest quiet one made room
    finally:
        for s in quiet:
            s.close()
    assert job.token()[0] == 200 and job.end().rc == 0


def test_the_longest_idle_connection_makes_room(job):
    """Each has had an answer and may stay for a minute: a new one is not kept waiting for that."""
    idle = []
    try:
        for _ in range(300):
            idle.append(job.connect())
            idle[-1].settimeout(45)
            idle[-1].sendall(job.head())
            assert job.read(idle[-1])[0] == 200
        assert idle[0].recv(1) == b""
        idle[200].setblocking(False)
        with pytest.raises(BlockingIOError):
            idle[200].recv(1)
    finally:
        for s in idle:
            s.close()


def test_few_descriptors(pod):
    """The caller's limit is the server's too, as far as it cannot be raised."""
    from e2e.sandbox import limited
    job = Job(pod, before=limited(NOFILE=40))
    quiet = [job.connect() for _ in range(100)]
    assert job.token()[0] == 200
    for s in quiet:
        s.close()
    assert job.token()[0] == 200


def test_a_slow_client_is_given_up(job):
    with job.connect() as slow, job.connect() as silent:
        slow.sendall(b"GET /msi/token HTTP/1.1\r\nHost")
        assert job.token()[0] == 200
        assert slow.recv(1) == b"" and silent.recv(1) == b""


def test_a_client_that_does_not_read(job):
    with job.connect() as s:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        s.settimeout(0)
        try:
            while True:
                s.send(job.head() * 8)
        except OSError:
            pass
        assert job.token()[0] == 200


# --- long jobs ---

def test_tokens_and_assertions_that_end(job, cloud):
    """A long job, in fast motion: tokens are good for some seconds, assertions for fewer; whoever asks is never refused."""
    cloud.set(life=4)
    stop, failed = threading.Event(), []

    def refresh():
        while not stop.is_set():
            job.place.assertion(life=3)
            stop.wait(1)
    keeper = threading.Thread(target=refresh)
    keeper.start()
    seen = set()
    try:
        def all_forms():
            for ask in (job.token, job.terraform, job.azd):
                status, a = ask()
                token = a.get("access_token") or a.get("token")
                if status != 200 or not token:
                    failed.append((status, a))
                    return True
                seen.add(token)
            return len(seen) >= 5
        wait_until(all_forms, "five generations of tokens", limit=60)
    finally:
        stop.set()
        keeper.join()
    assert not failed


def test_cache_none_is_served_too(pod, cloud):
    job = Job(pod, DAYPASS_CACHE="none")
    assert job.token()[0] == job.token()[0] == 200 and len(cloud.exchanges()) == 2
