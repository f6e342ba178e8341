"""What a registry may answer, and what a client hears of it: the right error, or "no log-in here"; nothing kept, and nobody else asked."""
import pytest

from cloud.client import ACR_PULL, APP, PUBLIC, REGISTRY, REGISTRY2, REGISTRY_PUBLIC, UAMI
from e2e.docker import HELPER, NOT_FOUND, answer, ask, claims, counts, failed, get, not_found
from e2e.place import hosts

EXACT = f"[match {REGISTRY_PUBLIC}]\nidentity = default\n"
WIDE = "[match *.azurecr.io]\nidentity = default\n"
HINT = "az role assignment create --role AcrPull --assignee"


def kept(place):
    """Records of tokens: those of failures and of what nobody has are small."""
    return [p for p in place.records() if p.stat().st_size > 2048]


# --- a registry's own no ---

def test_a_registry_named_exactly_refuses_aloud(place, cloud):
    place.config(more=EXACT)
    line = failed(ask(place, REGISTRY_PUBLIC), f"{REGISTRY_PUBLIC} refused identity default", APP, "authentication required", "HTTP 401, correlation id ", HINT)
    assert "CorrelationId" not in line and counts(cloud) == (1, 1, 0) and hosts(cloud) == {PUBLIC, REGISTRY_PUBLIC}
    row, = cloud.acr()
    assert row["status"] == 401


@pytest.mark.parametrize("who", ["wildcard", "no match", "environment", "soft"])
def test_elsewhere_a_refusal_leaves_the_client_anonymous(place, cloud, who):
    if who == "environment":
        place.pod()
    else:
        place.config(more={"wildcard": WIDE, "no match": "", "soft": EXACT + "on-failure = soft\n"}[who])
    not_found(ask(place, REGISTRY_PUBLIC))
    assert counts(cloud) == (1, 1, 0)
    told = place.run([HELPER, "-v", "get"], REGISTRY_PUBLIC)
    assert told.out == NOT_FOUND and f"{REGISTRY_PUBLIC} refused identity" in told.err and "as if there were no log-in" in told.err


@pytest.mark.parametrize("body", [EXACT, WIDE])
def test_a_pull_of_twenty_layers_asks_a_registry_that_refuses_once(place, cloud, body):
    place.config(more=body)
    said = {ask(place, REGISTRY_PUBLIC).out for _ in range(20)}
    assert len(said) == 1 and counts(cloud) == (1, 1, 0)


def test_many_at_once_hear_one_refusal(place, cloud):
    place.config(more=EXACT)
    cloud.fault("acr", "delay", ms=300)
    said = {(r.rc, r.out) for r in place.many(20, [HELPER, "get"], REGISTRY_PUBLIC)}
    assert len(said) == 1 and counts(cloud) == (1, 1, 0)


def test_a_refusal_is_that_registrys_alone(place, cloud):
    place.config(more=WIDE)
    not_found(ask(place, REGISTRY_PUBLIC))
    assert get(place, REGISTRY) and get(place, REGISTRY2)


def test_a_role_that_comes_later_is_seen(place, cloud):
    place.config(more=EXACT)
    failed(ask(place, REGISTRY_PUBLIC), "refused")
    cloud.registry(REGISTRY_PUBLIC, roles={APP: ACR_PULL, UAMI: ACR_PULL}, anonymous=True)
    ask(place, REGISTRY_PUBLIC, verb="erase")
    assert get(place, REGISTRY_PUBLIC) and counts(cloud) == (1, 2, 0)


@pytest.mark.parametrize("body, words", [(f"[match {REGISTRY}]\nidentity = default\n", ("firewall", "HTTP 403", "az acr network-rule add --name contoso --ip-address")), (WIDE, None)])
def test_the_firewalls_refusal(place, cloud, body, words):
    place.config(more=body)
    cloud.registry(REGISTRY, roles={APP: ACR_PULL}, firewall=True)
    r = ask(place)
    failed(r, *words) if words else not_found(r)
    assert counts(cloud) == (1, 1, 0)


def test_a_tenant_of_strangers(place, cloud):
    place.config(more="[match fabrikam.azurecr.io]\nidentity = default\n")
    failed(ask(place, "fabrikam.azurecr.io"), "fabrikam.azurecr.io refused identity default", "unknown tenantId")


@pytest.mark.parametrize("body", ["", WIDE, f"[match {REGISTRY}]\nidentity = default\non-failure = soft\n"])
def test_a_refusal_of_entras_is_an_error_always(place, cloud, body):
    place.config(more=body)
    cloud.fault("entra", "aadsts", code=700213)
    failed(ask(place), "AADSTS700213")
    failed(ask(place), "AADSTS700213")
    assert counts(cloud) == (1, 0, 0) and hosts(cloud) == {PUBLIC}


# --- answers that are none ---

FAULTS = [
    ("html", dict(status=200), 1, ("web page", "HTTP 200")), ("html", dict(status=403), 1, ("web page", "HTTP 403")), ("html", dict(status=502), 2, ("web page",)),
    *[("redirect", dict(status=s), 1, ("redirect", f"HTTP {s}", "evil.test", "not followed")) for s in (301, 302, 307, 308)],
    ("error-200", {}, 1, ("no well-formed refresh_token",)), ("fields", dict(drop=["refresh_token"]), 1, ("refresh_token",)),
    *[("fields", dict(set={"refresh_token": v}), 1, ("refresh_token",)) for v in ("", None, 7, ["x"], "two words")],
    ("fields", dict(set={"refresh_token": "plain"}), 1, ("no JWT",)), ("poison", {}, 1, ("refresh_token",)), ("nul", {}, 1, ()), ("duplicate", {}, 1, ("refresh_token",)),
    ("huge", dict(bytes=10 << 20), 2, ("more than 256 KiB",)), ("huge", dict(bytes=10 << 20, length=False), 2, ("more than 256 KiB",)), ("deep", {}, 1, ("not JSON",)),
    ("long", dict(bytes=70000), 1, ("64 KiB",)), ("body", dict(value="<?xml?>"), 1, ("web page",)), ("body", dict(suffix="{}"), 1, ("not JSON",)),
    ("status", dict(status=500, body="oops"), 2, ("not JSON", "HTTP 500")), ("status", dict(status=503), 2, (REGISTRY,)), ("status", dict(status=404, body={}), 1, ("HTTP 404",)),
    ("status", dict(status=400, body={"errors": [{"message": "\u202egnp\x1b[31m"}]}), 1, ("HTTP 400",)), ("status", dict(status=204, body=""), 1, ("HTTP 204",)),
    ("throttle", dict(retry_after=100), 1, ("throttles us (HTTP 429)", "retry in 100 s")), ("throttle", dict(retry_after=None), 1, ("HTTP 429", "retry in 60 s")),
    ("throttle", dict(retry_after=100, text=True), 1, ("HTTP 429",)), ("reset", {}, 2, (REGISTRY,)), ("close", {}, 2, (REGISTRY,)), ("cut", {}, 2, ("cut short",)),
    ("gzip", {}, 1, ("not JSON",))]


@pytest.mark.parametrize("kind, params, asked, words", FAULTS, ids=[f"{k}-{i}" for i, (k, _, _, _) in enumerate(FAULTS)])
def test_broken_answers(pod, cloud, kind, params, asked, words):
    """Never "not found": that would be an anonymous pull instead of the network's problem. And only the registry itself is asked."""
    cloud.fault("acr", kind, **params)
    line = failed(ask(pod), *words)
    assert "\u202e" not in line and counts(cloud) == (1, asked, 0) and hosts(cloud) == {PUBLIC, REGISTRY}
    assert len(kept(pod)) <= 1, "nothing but Entra's token is kept"
    cloud.clear()
    failed(ask(pod), *words)  # for two seconds the failure speaks for those who come after
    assert counts(cloud) == (1, asked, 0)
    ask(pod, verb="erase")
    if kind != "throttle":  # which is the registry's word for all of us, and no log-in's
        assert get(pod) and counts(cloud) == (1, asked + 1, 0), "Entra's token was good all the time"


@pytest.mark.parametrize("kind, params", [("status", dict(status=503)), ("reset", {}), ("close", {}), ("cut", {}), ("html", dict(status=502)), ("throttle", dict(retry_after=1))])
def test_what_passes_is_tried_again_once(pod, cloud, kind, params):
    cloud.fault("acr", kind, times=1, **params)
    assert get(pod) and counts(cloud) == (1, 2, 0)


@pytest.mark.parametrize("kind, params", [("hang", {}), ("stall", {}), ("drip", dict(ms=200))])
def test_silence_ends_with_the_timeout(pod, cloud, kind, params):
    cloud.fault("acr", kind, **params)
    r = ask(pod, DAYPASS_TIMEOUT="1")
    failed(r, REGISTRY, "did not answer in time", "DAYPASS_TIMEOUT")
    assert r.seconds < 6 and counts(cloud) == (1, 1, 0)


@pytest.mark.parametrize("kind", ["unknown-ca", "expired", "wrong-name"])
def test_a_registry_with_a_wrong_certificate_gets_no_token(pod, cloud, kind):
    cloud.fault("tls", kind, host=REGISTRY)
    failed(ask(pod), REGISTRY, "certificate")
    assert counts(cloud) == (1, 0, 0)


# --- whose token, and for how long ---

def given(cloud, token):
    cloud.fault("acr", "fields", set={"refresh_token": token})


@pytest.mark.parametrize("how, word", [
    (dict(aud=REGISTRY2), REGISTRY2), (dict(aud="evil.test"), "evil.test"), (dict(aud=f"{REGISTRY}.evil.test"), "evil.test"), (dict(aud=[REGISTRY, "evil.test"]), "not used"),
    (dict(aud=None), "not used"), (dict(aud=""), "not used"), (dict(exp=1), "expired"), (dict(exp=None), "no JWT with an end"), (dict(life=-5), "expired"), (dict(life=86500), "longer than a day"),
    (dict(life=3600, iat=None, exp=9999999999), "longer than a day")])
def test_a_token_that_is_not_for_us_or_not_for_today_is_not_used(pod, cloud, how, word):
    given(cloud, cloud.refresh_token(REGISTRY, **how))
    failed(ask(pod), REGISTRY, word)
    assert counts(cloud) == (1, 1, 0) and len(kept(pod)) <= 1
    assert word != "not used" or "login-server" in ask(pod).err


def test_another_regions_token_is_not_used(pod, cloud):
    given(cloud, cloud.refresh_token(REGISTRY, aud="contoso.westus.geo.azurecr.io"))
    failed(ask(pod, "contoso.eastus.geo.azurecr.io"), "contoso.westus.geo.azurecr.io", "not used")


@pytest.mark.parametrize("offset", [-7200, 7200, -86400 * 400, 86400 * 400])
def test_our_own_clock_may_be_wrong(place, cloud, offset):
    """The rest of the world has another time: its Date tells by how much, and only a token's span counts."""
    for service in ("entra", "acr"):
        cloud.fault(service, "clock", offset=offset)
    place.pod(iat=offset, nbf=offset - 60, life=offset + 3600)
    assert get(place) == get(place) and counts(cloud) == (1, 1, 0)


def test_a_token_with_a_strangers_signature_is_the_registrys_business(pod, cloud):
    """We cannot know its key; it is for the registry to refuse what it did not make."""
    token = cloud.refresh_token(REGISTRY, key="stranger")
    given(cloud, token)
    assert answer(ask(pod)) == token and claims(token)["aud"] == REGISTRY
