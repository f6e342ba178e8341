"""The Docker helper against the stand-in registries: who gets a token, for how many requests, and who gets none for no request at all."""
import random
import string

import pytest

from cloud.client import (ACR, ACR_SCOPE, ACR_USER, APP, ARM, AUDIENCE_CHINA, AUDIENCE_USGOV, CHINA, CUSTOM, FAB, PUBLIC, REGISTRY, REGISTRY2,
                          REGISTRY_CHINA, REGISTRY_CUSTOM, REGISTRY_DATA, REGISTRY_DNL, REGISTRY_EAST, REGISTRY_FAB, REGISTRY_USGOV, TENANT, TENANT2, USGOV)
from e2e.docker import HELPER, NO_SERVER, NO_USER, NOT_FOUND, answer, ask, claims, counts, failed, get, listed, login, not_found
from e2e.place import hosts


# --- the request itself ---

def test_a_cold_get_is_one_request_to_entra_and_one_to_the_registry(pod, cloud):
    token = get(pod)
    entra, = cloud.exchanges()
    acr, = cloud.acr()
    assert counts(cloud) == (1, 1, 0) and hosts(cloud) == {PUBLIC, REGISTRY}, "no challenge is asked for, no realm believed"
    assert entra["form"]["scope"] == ACR_SCOPE and entra["form"]["client_id"] == APP
    assert set(acr["form"]) == {"grant_type", "service", "tenant", "access_token"} and acr["query"] == {} and acr["auth"] == ""
    assert (acr["form"]["grant_type"], acr["form"]["service"], acr["form"]["tenant"]) == ("access_token", REGISTRY, TENANT)
    assert claims(acr["form"]["access_token"])["aud"] == ACR and claims(token)["aud"] == REGISTRY and claims(token)["grant_type"] == "refresh_token"
    headers = acr["headers"]
    assert headers["content-type"] == "application/x-www-form-urlencoded" and headers["accept"] == "application/json" and "authorization" not in headers
    assert headers["user-agent"].startswith("daypass/") and "cookie" not in headers and "expect" not in headers


def test_a_second_get_is_none(pod, cloud):
    assert get(pod) == get(pod) and counts(cloud) == (1, 1, 0)


def test_a_second_registry_needs_no_second_token_of_entras(pod, cloud):
    assert claims(get(pod, REGISTRY))["aud"] == REGISTRY and claims(get(pod, REGISTRY2))["aud"] == REGISTRY2
    assert counts(cloud) == (1, 2, 0)


def test_git_and_docker_have_a_token_each(pod, cloud):
    pod.get()
    get(pod)
    assert [r["form"]["scope"] for r in cloud.exchanges()][1:] == [ACR_SCOPE] and counts(cloud) == (2, 1, 0)


SPELLINGS = [REGISTRY, f"{REGISTRY}:443", f"https://{REGISTRY}", f"https://{REGISTRY}:443", f"https://{REGISTRY}/", f"https://{REGISTRY}/v2/",
             f"https://{REGISTRY}/v1/", f"{REGISTRY}/", f"{REGISTRY}/team/app", f"{REGISTRY}/team/app:v1", REGISTRY.upper(), f"HTTPS://{REGISTRY}", f"{REGISTRY}.",
             f"{REGISTRY}.:443/x", f"{REGISTRY}/a..b"]


def test_every_spelling_is_one_registry(pod, cloud):
    """nerdctl's, crane's, docker's after a log-in: one cache entry, and each client's own words in its answer."""
    tokens = {get(pod, s) for s in SPELLINGS}
    for end in ("\n", "\r\n", " \r\n"):
        tokens.add(answer(ask(pod, REGISTRY + end), REGISTRY))
    assert len(tokens) == 1 and counts(cloud) == (1, 1, 0)
    erased = ask(pod, f"https://{REGISTRY}:443/", verb="erase")
    assert (erased.rc, erased.out, erased.err) == (0, "", "") and get(pod, f"{REGISTRY}/team/app") not in tokens


@pytest.mark.parametrize("count", [20, 50])
def test_many_at_once_make_one_request_each(pod, cloud, count):
    cloud.fault("entra", "delay", ms=200)
    cloud.fault("acr", "delay", ms=200)
    tokens = {answer(r) for r in pod.many(count, [HELPER, "get"], REGISTRY)}
    assert len(tokens) == 1 and counts(cloud) == (1, 1, 0)


def test_many_at_once_for_two_registries_make_one_request_to_entra(pod, cloud):
    cloud.fault("entra", "delay", ms=200)
    running = [(s, pod.start([HELPER, "get"])) for s in (REGISTRY, REGISTRY2) * 10]
    for server, p in running:
        p.stdin.write(server.encode())
        p.stdin.close()
        p.stdin = None
    tokens = {answer(pod.finish(p), server) for server, p in running}
    assert len(tokens) == 2 and counts(cloud) == (1, 2, 0)


# --- what is not ours ---

LOOKALIKES = [
    f"{REGISTRY}.evil.example", f"{REGISTRY}:8443", f"user@{REGISTRY}", f"http://{REGISTRY}", f"http://{REGISTRY}:443", f"{REGISTRY}/../x", "azurecr.io", "a.b.azurecr.io", "evilazurecr.io",
    "cont\u043eso.azurecr.io", "contoso\u3002azurecr.io", "contoso.azurecr.\u0131o", "xn--contso-8x8a.azurecr.io\u200b", f"{REGISTRY}%00.evil.example",
    f"{REGISTRY}\0", f"{REGISTRY}\0.evil.example", f"{REGISTRY}\n.evil.example", f"{REGISTRY}\r\nx", f"evil.example/{REGISTRY}", f"evil.example#{REGISTRY}", f"evil.example?{REGISTRY}",
    f"evil.example\\@{REGISTRY}", f"https://evil.example@{REGISTRY}", f"https://{REGISTRY}@evil.example", f"evil.example://{REGISTRY}", f"https://https://{REGISTRY}",
    f"x/https://{REGISTRY}", f"ftp://{REGISTRY}", f"{REGISTRY}:", f"{REGISTRY}:0", f"{REGISTRY}:0443", f"{REGISTRY}:443:443", f"{REGISTRY}:65979", f"{REGISTRY}..", f".{REGISTRY}",
    "*.azurecr.io", "con.azurecr.io", "contoso-.azurecr.io", "con-to-so.azurecr.io", "con_toso.azurecr.io", "contoso.geo.azurecr.io", "contoso.a.b.geo.azurecr.io",
    "contoso.east-us.geo.azurecr.io", REGISTRY_DATA, "contoso.azurecr.de", "contoso.azurecr.com", "contoso.azurecr.io.cn", "azurecr.io.azurecr.io", "contoso.azurecr.us.azurecr.io",
    REGISTRY_CUSTOM, REGISTRY_USGOV, REGISTRY_CHINA, "mcr.microsoft.com", "https://index.docker.io/v1/", "docker.io", "ghcr.io", "localhost:5000", "[::1]:443", "127.0.0.1", "a" * 5000,
    f"{REGISTRY}/{'a' * 5000}", "a" * 60 + ".azurecr.io", "contoso-" + "a" * 60 + ".azurecr.io", "<token>", '{"ServerURL":"contoso.azurecr.io"}', f'"{REGISTRY}"', f"{REGISTRY},evil.example",
    f"{REGISTRY};x", f"{REGISTRY} x", f"x {REGISTRY}", f"{REGISTRY}\t.evil.example", f"{REGISTRY}\x1b[31m", f"{REGISTRY}\x7f", "/", "//", "https://", "://", ":443", "."]


def generated(count):
    """Bent spellings, the same ones each time: a byte put in, taken out or replaced where it changes the host, or something in front or behind."""
    chance, found = random.Random(20261123), {}
    odd = "@:%\\ \t_*\0\u0430\u200d!$&'()+,;=~`^|<>{}[]\"" + string.ascii_lowercase
    while len(found) < count:
        at, byte = chance.randrange(len("contoso."), len(REGISTRY)), chance.choice(odd)
        found[chance.choice([
            REGISTRY[:at] + byte + REGISTRY[at:], REGISTRY[:at] + REGISTRY[at + 1:], f"{REGISTRY}.{byte * 3}x", REGISTRY + byte + ".example", f"{byte}@{REGISTRY}",
            f"evil.example{chance.choice('/?#')}{REGISTRY}", f"{REGISTRY}:{chance.choice([1, 80, 442, 444, 8443, 65535, 65536 + 443])}", f"{byte}{byte}://{REGISTRY}"])] = True
    return list(found)


def none_of_ours(place, cloud, servers):
    for server in servers:
        r = ask(place, server)
        assert (r.rc, r.out, r.err) == (1, NOT_FOUND, ""), (server, r)
    assert not place.store.exists() and not hosts(cloud)


def test_lookalikes_are_not_found_without_a_request(pod, cloud):
    none_of_ours(pod, cloud, LOOKALIKES)


def test_two_hundred_bent_spellings_are_not_found_without_a_request(pod, cloud):
    none_of_ours(pod, cloud, generated(200))


def test_a_wildcard_makes_no_look_alike_ours(place, cloud):
    place.config(more="[match *.azurecr.io]\nidentity = default\n")
    none_of_ours(place, cloud, LOOKALIKES)
    assert get(place)


def test_nothing_asked_has_its_own_text(pod, cloud):
    for text in ("", "\n", " \r\n"):
        failed(ask(pod, text), NO_SERVER)
        failed(ask(pod, text, verb="erase"), NO_SERVER)
        assert ask(pod, text).out == NO_SERVER + "\n"
    assert failed(login(pod, "", "x")) == f"daypass: {NO_USER}\n"
    assert not pod.store.exists() and not cloud.log(kind="http")


def test_nobody_to_be_is_not_found(place, cloud):
    not_found(ask(place))
    assert not place.store.exists() and not cloud.log(kind="http")


# --- names and clouds ---

def test_a_domain_name_label_is_a_registry(pod, cloud):
    assert claims(get(pod, REGISTRY_DNL))["aud"] == REGISTRY_DNL and hosts(cloud) == {PUBLIC, REGISTRY_DNL}


@pytest.mark.parametrize("aud, said", [("host", REGISTRY_EAST), ("global", REGISTRY)])
def test_a_regional_endpoint_is_asked_itself(pod, cloud, aud, said):
    cloud.set(acr_regional_aud=aud)
    assert claims(get(pod, REGISTRY_EAST))["aud"] == said and hosts(cloud) == {PUBLIC, REGISTRY_EAST}
    assert get(pod, REGISTRY) != get(pod, REGISTRY_EAST) and counts(cloud) == (1, 2, 0)


CLOUDS = [("usgov", USGOV, AUDIENCE_USGOV, REGISTRY_USGOV), ("china", CHINA, AUDIENCE_CHINA, REGISTRY_CHINA)]


@pytest.mark.parametrize("name, host, audience, registry", CLOUDS)
def test_a_sovereign_registry_has_its_clouds_identity(place, cloud, name, host, audience, registry):
    place.assertion(aud=audience)
    place.config(cloud=name)
    assert claims(get(place, registry))["aud"] == registry and hosts(cloud) == {host, registry}
    assert cloud.exchanges()[0]["form"]["scope"] == ACR_SCOPE, "one audience in every cloud"
    not_found(ask(place, REGISTRY))
    assert counts(cloud) == (1, 1, 0)


@pytest.mark.parametrize("name, host, audience, registry", CLOUDS)
def test_an_identity_is_not_told_to_another_cloud(place, cloud, name, host, audience, registry):
    place.config()
    not_found(ask(place, registry))
    place.config(more=f"[match {registry}]\nidentity = default\n")
    failed(ask(place, registry), registry, f"cloud {name}", "identity default", "public", f"cloud = {name}")
    assert not cloud.log(kind="http")


def test_a_custom_domain_is_its_login_server(place, cloud):
    place.config(more=f"[match images.contoso.test]\nidentity = default\nlogin-server = {REGISTRY}\n")
    assert claims(get(place, "images.contoso.test"))["aud"] == REGISTRY and hosts(cloud) == {PUBLIC, REGISTRY}
    assert get(place, "https://images.contoso.test/v2/") and counts(cloud) == (1, 1, 0)
    not_found(ask(place, REGISTRY))


def test_another_clouds_suffix_by_configuration(place, cloud):
    place.config(authority=f"https://{CUSTOM}", more="[match *.registry.custom.test]\nidentity = default\n")
    assert claims(get(place, REGISTRY_CUSTOM))["aud"] == REGISTRY_CUSTOM and hosts(cloud) == {CUSTOM, REGISTRY_CUSTOM}
    not_found(ask(place, "registry.custom.test"))


def test_a_registry_may_want_another_audience(place, cloud):
    place.config(more=f"[match {REGISTRY}]\nidentity = default\nregistry-audience = {ARM}\n")
    assert get(place) and cloud.exchanges()[0]["form"]["scope"] == f"{ARM}/.default"


def test_a_registry_may_want_the_user_of_identity_tokens(place, cloud):
    place.config(more=f"[match {REGISTRY}]\nidentity = default\nregistry-user = token\n[match {REGISTRY2}]\nidentity = default\n")
    assert get(place, REGISTRY, "<token>") and get(place, REGISTRY2, ACR_USER)
    assert listed(place) == {REGISTRY: "<token>", REGISTRY2: ACR_USER}


def test_registries_of_two_tenants_by_match(place, cloud):
    place.config(more=f"[identity fab]\ntenant = {TENANT2}\nclient-id = {FAB}\nsource = file\ntoken-file = {place.token_file}\n"
                      f"[match *.azurecr.io]\nidentity = default\n[match {REGISTRY_FAB}]\nidentity = fab\n")
    assert claims(get(place, REGISTRY))["sub"] == APP and claims(get(place, REGISTRY_FAB))["sub"] == FAB
    assert counts(cloud) == (2, 2, 0)
