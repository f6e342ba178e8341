"""A registry's token over time, and log-ins beside it: renewed, forgotten, kept over a restart; and what is shown of it."""
import json

import pytest

from cloud.client import ACR_USER, APP, REGISTRY, REGISTRY2
from e2e.docker import HELPER, answer, ask, claims, counts, failed, get, listed, login, not_found
from e2e.keyring import keyrings  # noqa: F401  a fixture
from e2e.place import wait_until
from e2e.test_keyring import EVERY
from e2e.test_leak import parts, search

SCHEMA = "io.docker.Credentials"


def logins(keyring):
    return [i for i in keyring.items() if i["attributes"]["xdg:schema"] == SCHEMA]


def others(keyring, server, user, secret):
    """An item as docker-credential-secretservice makes it; its attribute "label" is no label."""
    attributes = {"label": "Docker Credentials", "docker_cli": "1", "server": server, "username": user, "xdg:schema": SCHEMA}
    keyring.create(secret, server, attributes)


# --- time ---

def test_at_half_its_life_one_renews_and_all_are_served(pod, cloud):
    cloud.set(acr_refresh_life=8)
    first = get(pod)
    cloud.fault("acr", "delay", ms=300)
    rounds = []

    def renewed():
        rounds.append([answer(r) for r in pod.many(10, [HELPER, "get"], REGISTRY)])
        return len(cloud.acr()) > 1
    wait_until(renewed, "half of its life")
    assert counts(cloud) == (1, 2, 0) and {first} < set(rounds[-1]) and len(set(rounds[-1])) == 2
    assert all(set(r) == {first} for r in rounds[:-1])


def test_a_failing_renewal_serves_the_old_token_without_a_word(pod, cloud):
    cloud.set(acr_refresh_life=60)
    cloud.fault("acr", "fields", times=1, set={"refresh_token": cloud.refresh_token(REGISTRY, life=8)})
    cloud.fault("acr", "status", skip=1, status=401, body={"errors": [{"code": "UNAUTHORIZED", "message": "no"}]})
    first = get(pod)
    wait_until(lambda: get(pod) == first and len(cloud.acr()) > 1, "a renewal is tried")
    assert get(pod) == first and counts(cloud) == (1, 2, 0)


def test_after_a_log_out_there_is_another_token(pod, cloud):
    first = get(pod)
    for _ in range(4):  # docker log-out says it in up to four spellings, of something or of nothing
        r = ask(pod, f"https://{REGISTRY}", verb="erase")
        assert (r.rc, r.out, r.err) == (0, "", "")
    assert get(pod) != first and counts(cloud) == (1, 2, 0)


def test_what_is_held_is_shown_and_forgotten(pod, cloud):
    def shown():
        return {row["resource"] for row in json.loads(pod.run(["daypass", "cache", "list", "--json"]).out)}
    assert get(pod) and get(pod, REGISTRY2) and listed(pod) == {REGISTRY: ACR_USER, REGISTRY2: ACR_USER}
    assert shown() == {REGISTRY, REGISTRY2, "https://containerregistry.azure.net"}
    said = pod.run(["daypass", "cache", "list"]).out
    assert f"\n{REGISTRY} " in said and "\nAzure Container Registry " in said and "eyJ" not in said
    assert pod.run(["daypass", "cache", "clear"]).rc == 0 and shown() == set() and listed(pod) == {}
    assert get(pod) and counts(cloud) == (2, 3, 0)
    assert pod.run(["daypass", "logout"]).rc == 0 and shown() == set() and pod.records() == []
    assert get(pod) and counts(cloud) == (3, 4, 0)


def test_without_a_cache_each_get_is_both_requests(pod, cloud):
    assert get(pod, DAYPASS_CACHE="none") != get(pod, DAYPASS_CACHE="none")
    assert counts(cloud) == (2, 2, 0) and not pod.records() and listed(pod, DAYPASS_CACHE="none") == {}


def test_jobs_on_one_machine_do_not_share_a_token(place, cloud):
    first = get(place.github(job=1))
    assert get(place.github(job=2)) != first and get(place.github(job=1)) == first
    assert len(cloud.acr()) == 2 and len(cloud.exchanges()) == 2


# --- log-ins ---

@pytest.mark.parametrize("user", ["<token>", ACR_USER])
def test_a_token_that_comes_back_is_taken_and_not_kept(pod, cloud, keyrings, user):  # noqa: F811
    """docker login, az acr login, helm and CI actions store what they got: that must succeed, keyring or not."""
    keyring = keyrings("real")
    for env in (keyring.env, {}, {"CI": "true"}):
        r = login(pod, user, cloud.refresh_token(REGISTRY), **env)
        assert (r.rc, r.out, r.err) == (0, "", "")
    assert keyring.items() == [] and not cloud.log(kind="http")


def test_a_log_in_by_name_is_kept_as_dockers_own_helper_keeps_it_and_goes_first(pod, cloud, keyrings):  # noqa: F811
    keyring = keyrings("real")
    secret = 'pa"ss\\word\n\u00e9 '
    r = login(pod, "alice", secret, f"https://{REGISTRY}:443/", **keyring.env)
    assert (r.rc, r.out, r.err) == (0, "", "")
    (item,) = logins(keyring)
    assert item["attributes"] == {"label": "Docker Credentials", "docker_cli": "1", "server": REGISTRY, "username": "alice", "app": "daypass", "xdg:schema": SCHEMA}
    assert item["label"] == REGISTRY and item["secret"].decode() == secret
    for server in (REGISTRY, f"https://{REGISTRY}", f"{REGISTRY}:443"):
        told = json.loads(ask(pod, server, **keyring.env).out)
        assert told == {"ServerURL": server, "Username": "alice", "Secret": secret}
    assert listed(pod, **keyring.env) == {REGISTRY: "alice"} and not cloud.log(kind="http")
    assert ask(pod, REGISTRY, verb="erase", **keyring.env).rc == 0 and logins(keyring) == []
    assert get(pod, **keyring.env) and counts(cloud) == (1, 1, 0)


def test_a_log_in_that_dockers_own_helper_kept_is_found(pod, cloud, keyrings):  # noqa: F811
    keyring = keyrings("real")
    others(keyring, REGISTRY, "<token>", b"stale")
    others(keyring, REGISTRY, "alice", b"theirs")
    assert get(pod, user="alice", **keyring.env) == "theirs" and not cloud.log(kind="http")


@pytest.mark.parametrize("blind", [{"DAYPASS_KEYRING": "off"}, {"CI": "true"}, {"DBUS_SESSION_BUS_ADDRESS": None}])
def test_a_get_that_could_not_see_a_log_in_hides_it_from_nobody(pod, cloud, keyrings, blind):  # noqa: F811
    keyring = keyrings("real")
    assert login(pod, "alice", "s3cret", **keyring.env).rc == 0
    assert claims(get(pod, **{**keyring.env, **blind}))["aud"] == REGISTRY
    assert get(pod, user="alice", **keyring.env) == "s3cret"


@pytest.mark.parametrize("user", ["<token>", ACR_USER])
def test_a_token_that_another_helper_kept_is_not_used(pod, cloud, keyrings, user):  # noqa: F811
    keyring = keyrings("real")
    others(keyring, REGISTRY, user, b"stale")
    assert claims(get(pod, **keyring.env))["aud"] == REGISTRY and listed(pod, **keyring.env) == {REGISTRY: ACR_USER}


def test_a_newer_log_in_takes_the_place_of_all_others(pod, cloud, keyrings):  # noqa: F811
    keyring = keyrings("real")
    others(keyring, REGISTRY, "carol", b"old")
    assert login(pod, "bob", "s3cret", **keyring.env).rc == 0 and len(logins(keyring)) == 1
    others(keyring, REGISTRY, "alice", b"old")
    assert login(pod, "alice", "s3cret", **keyring.env).rc == 0
    (item,) = logins(keyring)
    assert item["attributes"]["username"] == "alice" and item["secret"] == b"s3cret"


@pytest.mark.parametrize("kind", ["nobus", "absent", "locked", "stopped"])
def test_a_log_in_that_cannot_be_kept_is_an_error(pod, cloud, keyrings, kind):  # noqa: F811
    keyring = keyrings(kind)
    failed(login(pod, "alice", "s3cret", **keyring.env), f"the log-in to {REGISTRY} is not kept")
    assert not cloud.log(kind="http")


def test_registries_of_others_where_the_configuration_says_so(place, cloud, keyrings):  # noqa: F811
    keyring = keyrings("real")
    place.config(more="[match *]\nstore = keyring\n")
    servers = ["https://index.docker.io/v1/", "ghcr.io", "registry.local:5000", "http://registry.local:5000"]
    for server in servers:
        not_found(ask(place, server, **keyring.env))
        assert login(place, "bob", f"secret of {server}", server, **keyring.env).rc == 0
    assert [json.loads(ask(place, s, **keyring.env).out)["Secret"] for s in servers] == [f"secret of {s}" for s in servers]
    assert listed(place, **keyring.env) == dict.fromkeys(servers, "bob") and not cloud.log(kind="http")
    assert get(place, **keyring.env), "Azure's registries are served as before"
    for server in servers:
        assert ask(place, server, verb="erase", **keyring.env).rc == 0
        not_found(ask(place, server, **keyring.env))


# --- the keyring as the second tier ---

def test_a_registrys_token_outlives_a_restart(pod, cloud, keyrings):  # noqa: F811
    keyring = keyrings("real")
    token = get(pod, **keyring.env)
    pod.fresh_runtime()
    assert get(pod, **keyring.env) == token and counts(cloud) == (1, 1, 0)
    assert f"daypass: token for {REGISTRY} (identity AZURE_*)" in {i["label"] for i in keyring.items()}
    ask(pod, verb="erase", **keyring.env)
    pod.fresh_runtime()
    assert get(pod, **keyring.env) != token and counts(cloud) == (1, 2, 0), "what was forgotten is not in the keyring either"


def test_a_log_out_forgets_registries_in_the_keyring(pod, cloud, keyrings):  # noqa: F811
    keyring = keyrings("real")
    assert get(pod, **keyring.env) and login(pod, "alice", "s3cret", REGISTRY2, **keyring.env).rc == 0
    assert pod.run(["daypass", "logout"], **keyring.env).rc == 0
    assert [i["label"] for i in keyring.items()] == [REGISTRY2], "what a person gave us stays"
    assert pod.run(["daypass", "logout", "--all"], **keyring.env).rc == 0 and keyring.items() == []


@pytest.mark.parametrize("kind", EVERY)
def test_nobody_notices_a_bad_keyring(pod, cloud, keyrings, kind):  # noqa: F811
    keyring = keyrings(kind)
    assert get(pod, **keyring.env) == get(pod, **keyring.env) and counts(cloud) == (1, 1, 0)


# --- what it shows ---

def test_no_secret_is_shown_or_left(place, cloud):
    place.config()
    results = [ask(place, DAYPASS_TRACE="1"), ask(place, DAYPASS_TRACE="1"), login(place, "<token>", cloud.refresh_token(REGISTRY), DAYPASS_TRACE="1")]
    token = json.loads(results[0].out)["Secret"]
    row, = cloud.acr()
    entra, = cloud.exchanges()
    secrets = [s for t in (token, row["form"]["access_token"], entra["form"]["client_assertion"]) for s in parts(t)]
    assert "oauth2/exchange" in results[0].err and len(secrets) == 12
    search(place, results, secrets)


@pytest.mark.parametrize("body", [{"message": "{0}"}, {"message": "x {0} y"}])
def test_a_registry_that_repeats_our_token_does_not_show_it(place, cloud, body):
    place.config(more=f"[match {REGISTRY}]\nidentity = default\n")
    token = cloud.token(APP, "https://containerregistry.azure.net")
    cloud.fault("acr", "status", status=401, body={"errors": [{"code": "X", **{k: v.format(token) for k, v in body.items()}}]})
    r = ask(place, DAYPASS_TRACE="1")
    assert r.rc == 1 and token.split(".")[1] not in r.err + r.out and token[-20:] not in r.err + r.out
