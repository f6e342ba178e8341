"""Proof of possession, which Arc-enabled clusters want: the access token is bound to a key of ours, and each call makes a statement of its own. The
stand-in's Arc cluster judges as guard does."""
import base64
import calendar
import json
import time

import pytest

from cloud.client import APP, ARC, CLUSTER_ARC, CLUSTER_ARC_ID, OIDS
from cloud.peers import kube
from e2e.docker import claims
from e2e.kube import HELPER, KUBECTL, NAMES, answer, ask, config, failed, kubectl

POP = ("--server-id", ARC, "--pop-enabled", "--pop-claims", f"u={CLUSTER_ARC_ID}")
WHOAMI = "/apis/authentication.k8s.io/v1/selfsubjectreviews"
both = pytest.mark.parametrize("name", NAMES)


def proof(r):
    """The statement's head and claims, and when client-go will ask again."""
    assert r.rc == 0 and r.err == "", r
    status = json.loads(r.out)["status"]
    head, _, _ = status["token"].partition(".")
    return (json.loads(base64.urlsafe_b64decode(head + "==")), claims(status["token"]), status["token"],
            calendar.timegm(time.strptime(status["expirationTimestamp"], "%Y-%m-%dT%H:%M:%SZ")))


def who(token):
    """What the cluster says: a user name, or None for a 401."""
    r = kube(token, WHOAMI, "-d", "{}", host=CLUSTER_ARC)
    assert r.status in (201, 401)
    return r.json["status"]["userInfo"]["username"] if r.status == 201 else None


@both
def test_each_call_makes_a_statement_of_its_own(pod, cloud, name):
    seen = [proof(ask(pod, *POP, name=name)) for _ in range(3)]
    assert len(cloud.exchanges()) == 1 and len({s["nonce"] for _, s, _, _ in seen}) == 3 and len({s["at"] for _, s, _, _ in seen}) == 1
    for head, said, token, until in seen:
        assert head == {"typ": "pop", "alg": "RS256", "kid": said["cnf"]["jwk"]["kid"]} and said["u"] == CLUSTER_ARC_ID
        assert claims(said["at"])["cnf"]["kid"] == head["kid"] and len(said["nonce"]) == 32
        assert abs(said["ts"] - time.time()) < 60 and time.time() < until < said["ts"] + 15 * 60
        assert who(token) == OIDS[APP]
    form = cloud.exchanges()[0]["form"]
    assert form["token_type"] == "pop" and set(json.loads(base64.urlsafe_b64decode(form["req_cnf"] + "=="))) == {"kid", "xms_ksl"}


def test_a_short_token_ends_before_its_statement(pod, cloud):
    cloud.set(life=300)
    _, said, _, until = proof(ask(pod, *POP))
    assert until < claims(said["at"])["exp"]


def test_it_is_for_that_cluster_alone(pod, cloud):
    _, _, token, _ = proof(ask(pod, *POP[:-1], f"u={CLUSTER_ARC_ID}x"))
    assert who(token) is None and cloud.kube()[-1]["why"].startswith("pop: u")
    assert who(proof(ask(pod, *POP[:-1], f"x=1,u={CLUSTER_ARC_ID.upper()}"))[2]) == OIDS[APP]
    assert len(cloud.exchanges()) == 1, "the key is not of one cluster"
    assert who(answer(ask(pod, "--server-id", ARC))) is None and len(cloud.exchanges()) == 2, "a plain token is another"


def test_fifty_at_once(pod, cloud):
    cloud.fault("entra", "delay", ms=300)
    done = [proof(r) for r in pod.many(50, [HELPER, "get-token", *POP])]
    assert len(cloud.exchanges()) == 1 and len({said["at"] for _, said, _, _ in done}) == 1
    assert all(who(token) == OIDS[APP] for _, _, token, _ in done[::10])


def test_a_cache_that_was_cleared_and_none(pod, cloud):
    first = proof(ask(pod, *POP))[0]["kid"]
    assert pod.run(["daypass", "cache", "clear"]).rc == 0
    second = proof(ask(pod, *POP))
    assert second[0]["kid"] != first and who(second[2]) == OIDS[APP]
    assert len({proof(ask(pod, *POP, DAYPASS_CACHE="none"))[0]["kid"] for _ in range(2)} | {second[0]["kid"]}) == 3


def test_the_key_lies_nowhere_in_clear(pod, cloud):
    """It lies behind the token, in the same sealed record: where that cannot be read, it cannot either."""
    at = proof(ask(pod, *POP))[1]["at"].encode()
    status = pod.run(["daypass", "cache", "status"]).out
    files = [p.read_bytes() for p in (*pod.runtime.rglob("*"), *pod.home.rglob("*")) if p.is_file()]
    assert files and ("sealed" not in status or not any(at[-40:] in data for data in files))
    assert "~" not in pod.run(["daypass", "cache", "list"]).out


def test_a_trace_shows_neither_proof_nor_key(pod):
    r = ask(pod, *POP, DAYPASS_TRACE="1")  # no JWT on stderr: place.finish
    said = claims(json.loads(r.out)["status"]["token"])
    assert r.rc == 0 and said["cnf"]["jwk"]["n"][:40] not in r.err and said["at"][-40:] not in r.err


@pytest.mark.parametrize("how", [dict(set={"token_type": "Bearer"}), dict(drop=["token_type"])])
def test_an_answer_that_is_not_bound(pod, cloud, how):
    cloud.fault("entra", "fields", **how)
    failed(ask(pod, *POP), "token_type is not pop")


def test_a_token_of_another_key(pod, cloud):
    cloud.fault("entra", "fields", set={"access_token": cloud.token(APP, ARC, cnf={"kid": "another"})})
    failed(ask(pod, *POP), "bound to another key")
    cloud.clear()
    cloud.fault("entra", "fields", set={"access_token": cloud.token(APP, ARC)})
    pod.fresh_runtime()
    failed(ask(pod, *POP), "bound to another key")


@pytest.mark.parametrize("claims_of", [None, "", "x", "u", "u=", "=x", "h=x", ",", "u=a,", "u=a,,x=b", "u=a,b", "u=" + "x" * 601, "u=a\nb"])
@both
def test_claims_that_are_none(pod, cloud, claims_of, name):
    more = [] if claims_of is None else ["--pop-claims", claims_of]
    failed(ask(pod, "--server-id", ARC, "--pop-enabled", *more, name=name), "pop-", "az connectedk8s show")
    assert not cloud.exchanges()


@pytest.mark.parametrize("source", ["az", "managed-identity"])
def test_what_others_fetched_is_bound_to_no_key(place, cloud, source):
    place.script("bin/az", "echo asked >&2; exit 1")
    place.write("home/.azure/azureProfile.json", "{}")
    place.config(f"[identity default]\nsource = {source}\n")
    failed(ask(place, *POP), "--pop-enabled", source)
    assert not cloud.log(kind="http")


@pytest.mark.skipif(not KUBECTL, reason="not run: no kubectl here")
def test_kubectl(pod, cloud):
    path = config(pod, ["get-token", *POP, "--login", "workloadidentity"], host=CLUSTER_ARC)
    for _ in range(2):
        kubectl(pod, path, "get", "--raw", "/version")
    r = pod.run(["daypass", "kube", "check"], KUBECONFIG=path, PATH=f"{pod.work}/bin:/usr/bin:/bin")
    assert r.rc == 0 and f"you are {OIDS[APP]}" in r.out and ARC in r.out, r
    assert {row["user"] for row in cloud.kube(CLUSTER_ARC)} == {OIDS[APP]} and len(cloud.exchanges()) == 1
