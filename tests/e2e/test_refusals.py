"""Entra's refusals: each known code gives its advice, is asked again as often as makes sense, and is explained by `daypass explain`."""
import re

import pytest

from cloud.client import APP, AUDIENCE_GUID, ENTRA_ISSUER, ISSUER, OIDS, TENANT, TENANT2, UAMI, VSTOKEN_ISSUER
from e2e.place import HELPER, said_no

# By Microsoft's documentation and recorded answers, not by our own table: code, how often Entra is asked, and a word that the person
# needs (of any of these).
CODES = [
    (700211, 1, "issuer"), (700212, 1, "audience"), (7002121, 1, "audience"), (700213, 1, "subject"), (7002138, 1, "case"), (7002137, 1, "subject"),
    (70021, 1, "issuer"), (70025, 1, "no federated credential"), (700222, 1, "managed identity"), (700226, 1, "managed identit"), (700229, 1, "app"),
    (700227, 1, "issuer"), (700236, 1, "tenant"), (700223, 1, "policy"), (700238, 1, "policy"), (7002381, 1, "enterprise"), (70052, 1, "single-tenant"),
    (700024, 1, "clock"), (700027, 1, "signature"), (50012, 1, "signature"), (7000272, 1, "key"), (50166, 2, "reachable"), (90061, 2, "reachable"),
    (501661, 2, "reachable"), (50027, 1, "JWT"), (5002710, 1, "header"), (700016, 1, "tenant and client id"), (700011, 1, "tenant and client id"),
    (70001, 1, "tenant and client id"), (7000112, 1, "disabled"), (90002, 1, "tenant"), (900023, 1, "tenant"), (900382, 1, "cloud"), (900432, 1, "cloud"),
    (90038, 1, "cloud"), (900439, 1, "cloud"), (500011, 1, "tenant"), (650052, 1, "consent"), (50001, 1, "tenant"), (70011, 1, "scope"), (1002012, 1, "scope"),
    (700022, 1, "resource"), (7000215, 1, "secret"), (7000222, 1, "expired"), (7000218, 1, "credential"), (700025, 1, "public client"),
    (53003, 1, "Conditional Access"),
    (530032, 1, "policy"), (53011, 1, "risk"), (50105, 1, "assign"), (50033, 2, "try again"), (50087, 2, "try again"), (90006, 2, "try again"),
    (90012, 2, "try again"),
    (90024, 2, "try again"), (90033, 2, "try again"), (90090, 2, "try again"), (40010, 2, "try again"), (65001, 1, "consent"), (65002, 1, "client"),
    (100007, 1, "regional")]


@pytest.mark.parametrize("code, asked, word", CODES, ids=[str(c) for c, _, _ in CODES])
def test_codes(pod, cloud, code, asked, word):
    cloud.fault("entra", "aadsts", code=code, status=401)
    line = said_no(pod.get(), f"AADSTS{code}, HTTP 401", "correlation id", word, APP, TENANT, f"issuer '{ISSUER}'")
    assert len(cloud.exchanges()) == asked and re.search(r"correlation id [0-9a-f-]{36}\)", line)
    assert cloud.exchanges()[-1]["headers"]["client-request-id"] in line


@pytest.mark.parametrize("code, asked, word", CODES, ids=[str(c) for c, _, _ in CODES])
def test_codes_are_explained(place, cloud, code, asked, word):
    for how in (str(code), f"AADSTS{code}"):
        r = place.run(["daypass", "explain", how])
        assert r.rc == 0 and word in r.out and r.err == "" and not cloud.log()


@pytest.mark.parametrize("status", [400, 401])
@pytest.mark.parametrize("code", [50196, 90055])
def test_loop_and_tenant_throttle_stop_for_minutes(pod, cloud, code, status):
    cloud.fault("entra", "aadsts", times=1, code=code, status=status)
    said_no(pod.get(), f"AADSTS{code}")
    said_no(pod.get(), f"AADSTS{code}", "retry in")
    assert len(cloud.exchanges()) == 1, "a second process asks again at once"


@pytest.mark.parametrize("code", [1, 999999, 123456789012, -1, 0])
def test_unknown_codes_keep_entras_own_sentence(pod, cloud, code):
    cloud.fault("entra", "aadsts", code=code, status=400, error="brand_new", text="Something that nobody knows yet.")
    said_no(pod.get(), "Something that nobody knows yet.", "HTTP 400", "login.microsoftonline.com/error")
    assert len(cloud.exchanges()) == 1


@pytest.mark.parametrize("code", [90033, 50166])
def test_passing_problems_heal(pod, cloud, code):
    cloud.fault("entra", "aadsts", times=1, code=code)
    r = pod.get()
    assert r.token and r.err == "" and len(cloud.exchanges()) == 2


@pytest.mark.parametrize("code", [700024, 7000272])
def test_a_fresh_assertion_cures(place, cloud, code):
    cloud.fault("entra", "aadsts", times=1, code=code)
    assert place.github().get().token
    assert len(cloud.log(service="github", kind="http")) == 2
    first, second = (r["form"]["client_assertion"] for r in cloud.exchanges())
    assert first != second


def test_the_same_assertion_is_not_shown_twice(pod, cloud):
    """The file has not changed: Entra would only say the same."""
    cloud.fault("entra", "aadsts", code=700024)
    said_no(pod.get(), "AADSTS700024")
    assert len(cloud.exchanges()) == 1


def test_unknown_key_is_cured_after_a_rotation(pod, cloud):
    """The issuer rotated its key: what the file holds is refused, and the kubelet's next token is good."""
    cloud.rotate(ISSUER)
    said_no(pod.get(), "AADSTS7000272", "kid")
    assert len(cloud.exchanges()) == 1
    pod.assertion()
    assert pod.get().token


def test_issuer_that_entra_cannot_reach(pod, cloud):
    cloud.fault("issuer", "status", status=503, path="jwks")
    said_no(pod.get(), "AADSTS50166", "reachable from the internet")


# --- the judge's own refusals, by what is really wrong ---

@pytest.mark.parametrize("how, code, words", [
    (dict(iss=ISSUER + "/"), 700211, (f"issuer '{ISSUER}/'", "final slash")), (dict(sub="system:other"), 700213, ("subject 'system:other'",)),
    (dict(sub="System:CI"), 7002138, ("letter",)), (dict(aud="api://other"), 700212, ("audience 'api://other'",)),
    (dict(key="stranger"), 700027, ("signature",)),
    (dict(key="stranger", kid="NOBODY"), 7000272, ("JWKS",)), (dict(alg="HS256"), 5002738, ("RS256",)), (dict(life=None), 50027, ("JWT",)),
    (dict(sub=None), 50027, ("JWT",)),
    (dict(life=-400), 700024, ("by this machine's clock",)), (dict(nbf=400), 700024, ("clock",)), (dict(aud=["api://one", "api://other"]), 700212,
            ("and others", "exactly one")),
    (dict(iss=ENTRA_ISSUER, sub="no"), 7002137, ("eid1",)), (dict(iss=f"https://login.microsoftonline.com/{TENANT2}/v2.0"), 700236, ("tenant",)),
    (dict(iss=f"https://sts.windows.net/{TENANT}/"), 700227, ("v2.0",))], ids=lambda v: None if isinstance(v, tuple) else str(v)[:40])
def test_wrong_assertions(place, cloud, how, code, words):
    place.pod(**how)
    r = place.get()
    said_no(r, f"AADSTS{code}", *words)
    assert r.out == "" and place.token_file.read_text() not in r.err


def test_managed_identity_with_an_entra_made_token(place, cloud):
    place.pod(client=UAMI, iss=ENTRA_ISSUER, sub=OIDS[UAMI], aud=AUDIENCE_GUID)
    said_no(place.get(), "AADSTS700222")


def test_pipeline_subject_is_shown(place, cloud):
    cloud.fic("remove", client=APP, issuer=VSTOKEN_ISSUER)
    said_no(place.pipelines().get(), "AADSTS700211", VSTOKEN_ISSUER, "sc://contoso/shop/deploy")


@pytest.mark.parametrize("offset", [-600, 600, -90, 90])
def test_clock_skew_is_told(pod, cloud, offset):
    """By the Date header that came with the refusal."""
    cloud.fault("entra", "date", offset=offset)
    cloud.fault("entra", "aadsts", code=700024)
    line = said_no(pod.get(), "AADSTS700024", "ahead of Entra's" if offset < 0 else "behind Entra's")
    assert abs(int(re.search(r"clock is (\d+) s", line).group(1)) - abs(offset)) <= 5


def test_small_skew_is_not_worth_a_word(pod, cloud):
    cloud.fault("entra", "date", offset=20)
    cloud.fault("entra", "aadsts", code=700213)
    assert "behind" not in said_no(pod.get()) and "ahead" not in said_no(pod.get())


def test_entras_text_cannot_break_the_line(pod, cloud):
    """What a proxy or an attacker behind one may write into a refusal."""
    evil = "x\r\nquit=1\npassword=stolen\x1b[2J\u202e\u0000" + "y" * 5000
    cloud.fault("entra", "aadsts", code=70011, text=evil.replace("\0", ""))
    r = pod.get()
    line = said_no(r, "AADSTS70011")
    assert r.out == "" and "\x1b" not in line and "\u202e" not in line and len(line) < 3000


def test_very_long_claims_do_not_hide_the_code(place, cloud):
    place.pod(sub="s" * 3000, iss=ISSUER)
    line = said_no(place.get(), "AADSTS700213", "correlation id")
    assert len(line) < 2000


def test_a_refusal_speaks_for_those_who_wait_and_not_for_long(place, cloud):
    """The same evidence within seconds: no second request; the text is the same."""
    place.pod(sub="system:other")
    first = said_no(place.get(), "AADSTS700213")
    assert {said_no(r) for r in place.many(5, [HELPER, "get"], place.ask())} == {first} and len(cloud.exchanges()) == 1
