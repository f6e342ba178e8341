"""The token endpoint's answers, good, odd, broken and hostile: a clear line, exit status 0, and never half a token."""
import time

import pytest

from cloud.client import APP, ISSUER, PUBLIC, UAMI
from e2e.place import HELPER, hosts, said_no

FORM = {"grant_type", "client_id", "scope", "client_assertion_type", "client_assertion"}


def statuses(cloud):
    return [r["status"] for r in cloud.exchanges()]


def test_the_request_itself(pod, cloud):
    assert pod.get().token
    row, = cloud.exchanges()
    assert set(row["form"]) == FORM and row["query"] == {} and row["auth"] == ""
    headers = row["headers"]
    assert headers["content-type"] == "application/x-www-form-urlencoded" and headers["accept"] == "application/json" and "expect" not in headers
    assert headers["user-agent"].startswith("daypass/") and headers["x-client-sku"] == "daypass" and "accept-encoding" not in headers
    assert len(headers["client-request-id"]) == 36 and headers["return-client-request-id"] == "true" and "cookie" not in headers


# --- refused answers: kind, parameters, how often Entra is asked, words of the line ---

FAULTS = [
    ("html", dict(status=403), 1, ("web page", "HTTP 403", "HTTPS_PROXY")), ("html", dict(status=407), 1, ("web page", "HTTP 407")),
    ("html", dict(status=502), 2, ("web page", "HTTP 502")), ("html", dict(status=200), 1, ("web page", "HTTP 200", "captive portal")),
    ("status", dict(status=500, body="oops"), 2, ("not JSON", "HTTP 500")), ("status", dict(status=503), 2, ("server_error", "HTTP 503")),
    ("status", dict(status=504, body=""), 2, ("HTTP 504",)), ("status", dict(status=400, body={}), 1, ("no reason given", "HTTP 400")),
    ("status", dict(status=400, body={"error": "x", "error_codes": []}), 1, ("Entra refused", "x")),
    ("status", dict(status=404, body="none"), 1, ("HTTP 404",)),
    ("status", dict(status=400, body={"error": ["x"], "error_description": 7, "error_codes": "x", "correlation_id": {}}), 1, ("HTTP 400",)),
    ("status", dict(status=400, body={"error": "e", "error_description": "AADSTS1: a\r\nTrace ID: 1\r\nCorrelation ID: 2", "error_codes": [1]}), 1,
     ("AADSTS1,", "refused: e: a (client")),
    ("status", dict(status=200, body="[]"), 1, ("access_token",)), ("status", dict(status=200, body=""), 1, ("not JSON", "0 bytes")),
    ("status", dict(status=204, body=""), 1, ("HTTP 204",)), ("status", dict(status=201), 1, ("HTTP 201",)),
    ("status", dict(status=302, body={"error": "x"}, headers=[["Location", "https://evil.test/"]]), 1, ("redirect", "evil.test", "not followed")),
    *[("redirect", dict(status=s), 1, ("redirect", f"HTTP {s}", "evil.test", "not followed")) for s in (301, 302, 303, 307, 308)],
    ("redirect", dict(location="https://evil.test/\u202ex\x1b[31m"), 1, ("not followed",)), ("huge", dict(bytes=8 << 20), 2, ("more than 256 KiB",)),
    ("huge", dict(bytes=8 << 20, length=False), 2, ("more than 256 KiB",)), ("deep", {}, 1, ("not JSON",)), ("reset", {}, 2, (PUBLIC,)),
    ("close", {}, 2, (PUBLIC,)),
    ("cut", {}, 2, ("cut short",)), ("error-200", {}, 1, ("Entra refused", "the client secret is wrong", "AADSTS7000215")), ("gzip", {}, 1, ("not JSON",)),
    ("fields", dict(drop=["access_token"]), 1, ("access_token",)), ("poison", {}, 1, ("access_token",)),
    ("poison", dict(text="\r\nquit=1"), 1, ("access_token",)),
    ("poison", dict(text=" x"), 1, ("access_token",)), ("poison", dict(text="\u00e9"), 1, ("access_token",)), ("nul", {}, 1, ()),
    ("duplicate", {}, 1, ("access_token",)),
    ("duplicate", dict(first=True), 1, ("access_token",)), ("duplicate", dict(name="token_type", value="Bearer"), 1, ("token_type",)),
    ("duplicate", dict(name="expires_in", value=3599), 1, ("expires_in",)), ("long", dict(bytes=70000), 1, ("longer than 64 KiB",)),
    *[("fields", dict(set={"access_token": v}), 1, ("access_token",)) for v in ("", None, 7, ["x"], {"a": 1}, "two words")],
    *[("fields", dict(set={"token_type": v}), 1, ("token_type is not Bearer",)) for v in ("pop", "", None, 7, "Bearer ")],
    ("fields", dict(drop=["token_type"]), 1, ("token_type",)),
    *[("fields", dict(set={"expires_in": v}), 1, ("expires_in",)) for v in (0, -5, "0", "-5", "", "soon", "0x10", None, True, [3599], "1e3", 0.5, 3599.9)],
    ("fields", dict(drop=["expires_in"]), 1, ("expires_in",)), *[("raw-number", dict(value=v), 1, ()) for v in ("1e300", "1e999", "-0", "NaN", "9" * 400)],
    ("body", dict(suffix="{}"), 1, ("not JSON",)), ("body", dict(suffix="\0"), 1, ("not JSON",)), ("body", dict(prefix="while(1);"), 1, ("not JSON",)),
    ("body", dict(value="<?xml?>"), 1, ("web page",))]


@pytest.mark.parametrize("kind, params, asked, words", FAULTS, ids=[f"{k}-{i}" for i, (k, _, _, _) in enumerate(FAULTS)])
def test_broken_answers(pod, cloud, kind, params, asked, words):
    cloud.fault("entra", kind, **params)
    r = pod.get()
    line = said_no(r, *words)
    assert r.out == "" and len(cloud.exchanges()) == asked and "\u202e" not in line
    assert pod.records() and hosts(cloud) == {PUBLIC}
    cloud.clear()
    said_no(pod.get(), *words)  # for two seconds the failure speaks for those who come after
    assert len(cloud.exchanges()) == asked
    pod.fresh_runtime()
    assert pod.get().token


# --- odd answers that are good ---

ODD = [("chunked", {}), ("drip", dict(ms=0)), ("content-type", {}), ("content-type", dict(value="text/plain")), ("body", dict(prefix="\r\n ", suffix="\n\n")),
       ("long", dict(bytes=40000)),
       ("fields", dict(set={"token_type": "bearer"})), ("fields", dict(set={"token_type": "BEARER"})), ("fields", dict(set={"expires_in": "3599"})),
       ("raw-number", dict(value="3.599e3")), ("fields", dict(set={"unknown": {"a": [1, None]}, "ext_expires_in": "x"})),
       ("fields", dict(set={"refresh_in": "soon"})),
       ("fields", dict(set={"refresh_in": -1})), ("fields", dict(set={"refresh_in": 99999})), ("status", dict(status=503, times=1)), ("close", dict(times=1)),
       ("reset", dict(times=1)),
       ("html", dict(status=502, times=1)), ("cut", dict(times=1))]


@pytest.mark.parametrize("kind, params", ODD, ids=[f"{k}-{i}" for i, (k, _) in enumerate(ODD)])
def test_odd_but_good_answers(pod, cloud, kind, params):
    cloud.fault("entra", kind, **params)
    r = pod.get()
    assert r.token and r.err == "" and len(cloud.exchanges()) == (2 if "times" in params else 1)
    assert pod.get().token == r.token and len(cloud.exchanges()) == (2 if "times" in params else 1)


@pytest.mark.parametrize("told, kept", [(60, 60), (86400, 86400), (100800, 100800), (100801, 100800), (10 ** 9, 100800), ("1000000000", 100800)])
def test_expires_in_is_believed_up_to_28_hours(pod, cloud, told, kept):
    cloud.fault("entra", "fields", set={"expires_in": told})
    start = int(time.time())
    expiry = int(pod.get().fields["password_expiry_utc"])
    assert start + kept <= expiry <= time.time() + kept


# --- time ---

@pytest.mark.parametrize("kind, params", [("hang", {}), ("stall", {}), ("stall", dict(sent=30)), ("drip", dict(ms=200)), ("delay", dict(ms=5000))])
def test_silence_ends_with_the_timeout(pod, cloud, kind, params):
    cloud.fault("entra", kind, **params)
    r = pod.get(DAYPASS_TIMEOUT="1")
    said_no(r, PUBLIC, "did not answer in time", "DAYPASS_TIMEOUT")
    assert 0.9 < r.seconds < 6 and len(cloud.exchanges()) == 1


def test_timeout_by_configuration(place, cloud):
    place.config(more="[daypass]\ntimeout = 1\n")
    cloud.fault("entra", "hang")
    r = place.get()
    said_no(r, "did not answer in time")
    assert r.seconds < 15


def test_source_and_exchange_share_one_deadline(place, cloud):
    """A slow source leaves less for the exchange: the total counts."""
    cloud.fault("github", "delay", ms=1200)
    cloud.fault("entra", "hang")
    r = place.github().get(DAYPASS_TIMEOUT="2")
    said_no(r, PUBLIC, "did not answer in time")
    assert 1.9 < r.seconds < 8 and len(cloud.exchanges()) == 1


def test_no_retry_without_time_for_it(pod, cloud):
    cloud.fault("entra", "status", status=500)
    said_no(pod.get(DAYPASS_TIMEOUT="1"), "HTTP 500")
    assert len(cloud.exchanges()) == 1


@pytest.mark.parametrize("bad", ["0", "-1", "601", "soon", "1e9", "99999999999999999999"])
def test_bad_timeout_is_named(pod, cloud, bad):
    said_no(pod.get(DAYPASS_TIMEOUT=bad), "DAYPASS_TIMEOUT", bad, "1 to 600")
    assert not cloud.log() and pod.get(DAYPASS_TIMEOUT="").token


def test_waiters_do_not_outlast_their_own_timeout(pod, cloud):
    """One process hangs in its exchange for long; a second one, in a hurry, says so."""
    cloud.fault("entra", "hang", times=1)
    slow = pod.start([HELPER, "get"], DAYPASS_TIMEOUT="60")
    slow.stdin.write(pod.ask().encode())
    slow.stdin.close()
    slow.stdin = None
    cloud.wait(1, kind="http", service="entra")
    r = pod.get(DAYPASS_TIMEOUT="1")
    said_no(r, "another daypass is still waiting", "DAYPASS_TIMEOUT")
    assert r.seconds < 15 and len(cloud.exchanges()) == 1
    cloud.clear()
    assert pod.finish(slow).token


# --- throttling ---

@pytest.mark.parametrize("params, seconds", [
    (dict(retry_after=30), (30,)), (dict(retry_after=30, date=True), range(15, 31)), (dict(retry_after=30, text=True), (30,)), (dict(retry_after=None), (60,)),
    (dict(retry_after="soon"), (60,)),
    (dict(retry_after="-5"), (60,)), (dict(retry_after=10 ** 12), (3600,)), (dict(retry_after="9" * 40), (60, 3600)), (dict(retry_after="30, 40"), (60,)),
    (dict(retry_after=""), (60,))])
def test_throttled(pod, cloud, params, seconds):
    cloud.fault("entra", "throttle", **params)
    line = said_no(pod.get(), "HTTP 429", PUBLIC)
    assert any(f"retry in {s} s" in line for s in seconds) and statuses(cloud) == [429]


def test_short_retry_after_is_waited_for(pod, cloud):
    cloud.fault("entra", "throttle", times=1, retry_after=1)
    start = time.monotonic()
    assert pod.get().token and statuses(cloud) == [429, 200] and time.monotonic() - start >= 1


def test_retry_after_that_does_not_fit_is_not_waited_for(pod, cloud):
    cloud.fault("entra", "throttle", times=1, retry_after=10)
    r = pod.get(DAYPASS_TIMEOUT="5")
    said_no(r, "retry in 10 s")
    assert statuses(cloud) == [429] and r.seconds < 5


def test_retry_after_is_shared_between_processes(pod, cloud):
    cloud.fault("entra", "throttle", times=1, retry_after=100)
    said_no(pod.get(), "HTTP 429", "retry in 100 s")
    results = pod.many(5, [HELPER, "get"], pod.ask())
    assert {said_no(r, "HTTP 429").count("retry in") for r in results} == {1} and statuses(cloud) == [429]
    cloud.fic("add", client=APP, issuer=ISSUER, subject="system:second")
    said_no(pod.pod(sub="system:second").get(), "HTTP 429", "retry in")
    assert statuses(cloud) == [429], "the same client, whatever it shows"
    assert pod.pod(client=UAMI).get().token, "another client is not meant"
    pod.pod(client=APP).fresh_runtime()
    assert pod.get().token


def test_past_retry_after_asks_again_once(pod, cloud):
    cloud.fault("entra", "throttle", retry_after=-100, date=True)
    said_no(pod.get(), "HTTP 429")
    assert statuses(cloud) == [429, 429]
