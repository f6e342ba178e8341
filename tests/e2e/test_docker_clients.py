"""The distribution's clients of registries (skopeo, buildah, podman, docker) with docker-credential-daypass as their helper: they push, look and
pull, and the cloud's log says who was asked how often. Newer and other clients run most of this in real/test_docker_matrix.py."""
import os
import time

import pytest

from cloud.client import ACR_PUSH, ACR_USER, APP, REGISTRY, REGISTRY_DNL, REGISTRY_EAST, REGISTRY_PUBLIC, REPOSITORY, UAMI
from e2e.clients import DOCKER_HELPER, NOT_FOUND, Client, installed
from e2e.place import wait_until

HERE = list(installed("skopeo", "buildah", "podman", "docker"))
LOOKALIKE = REGISTRY + ".shop.test"
EXCHANGE, ENTRA, TOKEN = "/oauth2/exchange", "/oauth2/v2.0/token", "/oauth2/token"


def made(place, kind, program, version=None):
    if not program:
        pytest.skip(f"not run: no {kind} here")
    if not place.cloud.info()["docker_registry"]:
        pytest.skip("not run: no docker-registry here")
    if kind in ("podman", "buildah") and os.geteuid():
        pytest.skip(f"not run: rootless {kind} makes a namespace of its own, which it cannot have within ours")
    return Client(place.pod(), kind, program, version)


@pytest.fixture(params=HERE, ids=[f"{kind}{n}" for n, (kind, _) in enumerate(HERE)])
def client(request, place):
    return made(place, *request.param)


def asked(client, host=REGISTRY, verbs=("get",), strings=None):
    """The calls of the helper: only get, and for nothing but the host."""
    calls = client.recorder.calls()
    assert calls and {c.verb for c in calls} == {*verbs} and {c.asked for c in calls if c.verb == "get"} == (strings or {host}), calls
    return calls


def exchanged(client, count=1):
    assert [r["status"] for r in client.seen(ENTRA)] == [200] * count and [r["status"] for r in client.seen(EXCHANGE)] == [200] * count


def look(client):
    return client.can("look", "pull")[0]


def as_nobody(client):
    return client.seen(TOKEN) and not any(r["auth"] or r["form"].get("password") or r["form"].get("refresh_token") for r in client.seen(TOKEN))


def everything(client, user):
    """Every command that this client has; one exchange serves them all."""
    good = client.row(user)
    if not client.can("push"):
        client.seed()
    for action in client.can("push", "look", "list", "pull"):
        client(action)
    assert {c.rc for c in asked(client)} == {0}
    exchanged(client)
    return good


def test_push_look_and_pull(client, cloud):
    good = everything(client, "zeros")
    named = [r for r in client.seen(TOKEN) if r["auth"] or r["form"]]
    assert named and all(r["auth"].startswith("Basic ") or r["form"].get("username") == ACR_USER for r in named)
    good()


def test_as_an_identity_token(client, cloud):
    """registry-user = token: the user <token> says that the secret is a refresh token, which the client then POSTs as such."""
    client.place.config(more=f"[match {REGISTRY}]\nidentity = default\nregistry-user = token\n")
    good = everything(client, "<token>")
    assert {(r["method"], r["form"].get("grant_type")) for r in client.seen(TOKEN) if r["auth"] or r["form"]} == {("POST", "refresh_token")}
    good()


def test_who_may_only_pull(client, cloud):
    """The identity decides; the second command finds what the first has left."""
    client.seed()
    client.place.pod(UAMI)
    for _ in range(2):
        client(look(client))
        exchanged(client)
    assert [r["form"]["client_id"] for r in client.seen(ENTRA)] == [UAMI]
    if client.can("push"):
        client("push", rc=1, tag="v2")
        exchanged(client)


def test_a_public_registry_that_has_no_role_for_us(client, cloud):
    """Reached without a [match], its refusal is 'no login here', and the client goes on as nobody."""
    client.helped(REGISTRY_PUBLIC)
    client.seed(REGISTRY_PUBLIC, UAMI)
    for action in client.can("look", "pull"):
        client(action, REGISTRY_PUBLIC)
    assert {r["status"] for r in client.seen(EXCHANGE)} == {401} and {c.rc for c in asked(client, REGISTRY_PUBLIC)} == {1}
    assert as_nobody(client)


def test_a_refusal_is_an_error_where_a_match_names_the_registry(client, cloud):
    """The reason reaches the person: what a helper says on stdout is in the client's message, or its stderr is the client's."""
    client.helped(REGISTRY_PUBLIC)
    client.seed(REGISTRY_PUBLIC, UAMI)
    client.place.config(more=f"[match {REGISTRY_PUBLIC}]\nidentity = default\n")
    r = client(look(client), REGISTRY_PUBLIC, rc=None)
    assert {c.rc for c in asked(client, REGISTRY_PUBLIC)} == {1} and NOT_FOUND not in r.out + r.err
    assert APP in r.out + r.err and REGISTRY_PUBLIC in r.out + r.err, r


def test_entra_refuses(client, cloud):
    client.seed()
    client.place.pod(sub="system:other")
    r = client(look(client), rc=1)
    assert "AADSTS700213" in r.out + r.err and not client.seen(EXCHANGE), r


@pytest.mark.parametrize("host", [REGISTRY_DNL, REGISTRY_EAST])
def test_other_login_servers(client, cloud, host):
    client.helped(host)
    if not client.can("push"):
        client.seed(host)
    for action in client.can("push", "look", "pull"):
        client(action, host)
    assert {c.rc for c in asked(client, host)} == {0} and [r["form"]["service"] for r in client.seen(EXCHANGE)] == [host]


def test_as_the_helper_of_every_registry(client, cloud):
    """credsStore, or credential-helpers in registries.conf: no list of hosts. crane then begins with the repository, and regctl with the list
    of what is held, so that it finds nothing before somebody else has asked."""
    client.seed()
    if client.kind == "regctl":
        client.place.run([DOCKER_HELPER, "get"], REGISTRY)
    client.helped(**({} if client.kind in ("skopeo", "buildah", "podman") else {"credsStore": "daypass"}))
    client.place.write("home/.config/containers/registries.conf", 'credential-helpers = ["containers-auth.json", "daypass"]\n')
    client(look(client))
    calls = asked(client, verbs=("list", "get") if client.kind == "regctl" else ("get",), strings={f"{REGISTRY}/{REPOSITORY}"} if client.kind == "crane" else None)
    assert {c.rc for c in calls} == {0}
    exchanged(client)


def test_a_foreign_registry_goes_on_as_nobody(client, cloud):
    """Though the client asks us for it: no exchange, no error, and nothing of ours is told to it. (A chart cannot be put there.)"""
    cloud.registry(LOOKALIKE, anonymous=True, roles={UAMI: ACR_PUSH})
    client.helped(LOOKALIKE)
    if client.kind != "helm":
        client.seed(LOOKALIKE, UAMI)
    client(look(client), LOOKALIKE, rc=1 if client.kind == "helm" else 0)
    assert {c.rc for c in asked(client, LOOKALIKE)} == {1} and not cloud.exchanges() and not cloud.acr()
    assert as_nobody(client)


# --- what does not depend on the client: with one of them ---

@pytest.fixture
def skopeo(place):
    return made(place, *next(row for row in HERE if row[0] == "skopeo"))


def test_a_refresh_token_that_has_expired_is_made_anew(skopeo, cloud):
    skopeo.seed()
    cloud.set(acr_refresh_life=2)
    skopeo("list")
    end = time.time() + 2
    wait_until(lambda: time.time() > end, "the refresh token has expired")
    skopeo("list")
    assert [r["status"] for r in skopeo.seen(EXCHANGE)] == [200, 200] and len(skopeo.seen(ENTRA)) == 1 and {c.rc for c in asked(skopeo)} == {0}


def test_twenty_cold_clients_make_one_exchange(skopeo, place, cloud):
    skopeo.seed()
    cloud.fault("entra", "delay", ms=300)
    running = [place.start([skopeo.program, "list-tags", f"docker://{REGISTRY}/{REPOSITORY}"], **skopeo.env) for _ in range(20)]
    results = [place.finish(p) for p in running]
    assert {(r.rc, '"v1"' in r.out) for r in results} == {(0, True)} and len(asked(skopeo)) == 20
    exchanged(skopeo)
