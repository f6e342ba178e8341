"""docker login and its kin, with docker-credential-daypass as the helper. A refresh token that is handed to us is accepted and dropped, as we make
better ones ourselves; any other password is kept in the Secret Service, as docker-credential-secretservice keeps it. Newer and other clients run
the first half of this in real/test_docker_matrix.py."""
import json
import shutil
import socketserver
import threading
from http.server import BaseHTTPRequestHandler

import pytest

from cloud.client import ACR_TOKEN, ACR_TOKEN_PASSWORD, ACR_USER, APP, REGISTRY, REPOSITORY
from cloud.peers import by_get
from e2e.clients import DOCKER_HELPER, NOT_FOUND
from e2e.keyring import keyrings  # noqa: F401  a fixture
from e2e.place import PATH
from e2e.test_docker_clients import ENTRA, EXCHANGE, HERE, TOKEN, look, made

OTHER = "registry.shop.test"  # a registry of somebody else
SECRETSERVICE = "docker-credential-secretservice"
CHECKED = ("docker", "skopeo", "buildah", "podman", "helm", "oras")  # crane keeps what it is told without trying it


def files_shared(client):
    """skopeo and buildah keep a login in the file that they share with podman."""
    client.auth_json = client.kind in ("skopeo", "buildah", "podman")
    client.helped(REGISTRY)
    return client


@pytest.fixture(params=HERE, ids=[f"{kind}{n}" for n, (kind, _) in enumerate(HERE)])
def who(request, place):
    return files_shared(made(place, *request.param))


def helper(place, verb, text="", rc=0, **env):
    r = place.run([DOCKER_HELPER, verb], text, **env)
    assert r.rc == rc, r
    return json.loads(r.out) if rc == 0 and verb in ("get", "list") else r.out


def stored(keyring):
    """What lies there for docker's helpers, by anybody."""
    return [i for i in keyring.items() if i["attributes"].get("xdg:schema") == "io.docker.Credentials"]


def verbs(client):
    return [c.verb for c in client.recorder.calls()]


def unchanged(client, before):
    """docker and crane note in their file that there is a login, as they do with every helper; nobody writes more than that."""
    now = json.loads(client.config.read_text())
    assert now.pop("auths", {}) in ({}, {REGISTRY: {}}) and now == before, client.config.read_text()


def nowhere(client, secret, *more):
    """Not in a file below the user's home and runtime folder, whatever it is encoded as."""
    for folder in (client.place.home, client.place.runtime, *more):
        for path in folder.rglob("*"):
            assert not path.is_file() or secret.encode() not in path.read_bytes(), path


# --- a refresh token, as `az acr login` hands it to docker ---

@pytest.mark.parametrize("kind", ["real", "nobus"])
def test_a_refresh_token_is_accepted_and_dropped(who, cloud, keyrings, kind):  # noqa: F811
    keyring, before, theirs = keyrings(kind), json.loads(who.config.read_text()), cloud.refresh_token(REGISTRY)
    good = who.row("zeros, by log-in") if kind == "real" else list
    r = who.login("-u", ACR_USER, "-p", theirs, **keyring.env)
    assert r.rc == 0 and "store" in verbs(who) and {c.rc for c in who.recorder.calls()} == {0}, r
    unchanged(who, before)
    nowhere(who, theirs.rsplit(".", 1)[1], keyring.folder)
    assert kind != "real" or not stored(keyring)
    ours = helper(who.place, "get", REGISTRY, **keyring.env)
    assert ours["Username"] == ACR_USER and ours["Secret"] != theirs and len(cloud.acr()) == 1
    r = who.logout(**keyring.env)
    assert r.rc == 0 and "erase" in verbs(who) and {c.rc for c in who.recorder.calls()} == {0}, r
    unchanged(who, before)
    good()


def test_login_without_a_name(who, cloud):
    """What the helper has is tried, and is enough. docker lets its daemon try it; some want a name whatever there is."""
    if who.kind == "docker":
        docker_asks_its_daemon(who, cloud)
        return
    before = who.config.read_bytes()
    r = who.login()
    assert who.config.read_bytes() == before and not {"store", "erase"} & set(verbs(who))
    if who.kind in ("skopeo", "buildah", "podman"):
        assert r.rc == 0 and "already logged in" in r.out.lower() and verbs(who) == ["get"] and len(cloud.acr()) == 1, r
    else:
        assert r.rc != 0


# --- a token with a scope map, or any other name and password ---

def test_a_password_is_kept_and_goes_first_until_logout(who, cloud, keyrings):  # noqa: F811
    keyring, before = keyrings("real"), json.loads(who.config.read_text())
    who.seed()
    good = who.row("token1, by log-in")
    r = who.login("-u", ACR_TOKEN, "--password-stdin", stdin=ACR_TOKEN_PASSWORD, **keyring.env)
    assert r.rc == 0, r
    (item,) = stored(keyring)
    assert item["attributes"] == {"label": "Docker Credentials", "server": REGISTRY, "username": ACR_TOKEN, "docker_cli": "1", "app": "daypass",
                                  "xdg:schema": "io.docker.Credentials"} and item["secret"] == ACR_TOKEN_PASSWORD.encode()
    unchanged(who, before)
    nowhere(who, ACR_TOKEN_PASSWORD)
    asked = len(who.seen(EXCHANGE))  # `podman login NAME` looks first what there is
    who.since = len(cloud.log())
    if who.kind != "helm":  # token1 may pull images
        who(look(who), **keyring.env)
        assert {r["auth"][:6] for r in who.seen(TOKEN) if r["auth"] or r["form"]} == {"Basic "}
    assert helper(who.place, "get", REGISTRY, **keyring.env) == {"ServerURL": REGISTRY, "Username": ACR_TOKEN, "Secret": ACR_TOKEN_PASSWORD}
    assert asked <= 1 and not who.seen(ENTRA) and not who.seen(EXCHANGE), "a password needs no exchange"
    assert who.logout(**keyring.env).rc == 0 and not stored(keyring)
    assert helper(who.place, "get", REGISTRY, **keyring.env)["Username"] == ACR_USER and len(who.seen(EXCHANGE)) <= 1
    good()


@pytest.mark.parametrize("kind", ["nobus", "locked", "new"])
def test_without_an_open_keyring_the_login_fails_and_says_so(who, cloud, keyrings, kind):  # noqa: F811
    keyring, before = keyrings(kind), json.loads(who.config.read_text())
    r = who.login("-u", ACR_TOKEN, "--password-stdin", stdin=ACR_TOKEN_PASSWORD, **keyring.env)
    assert r.rc != 0 and "keyring" in r.out + r.err and ACR_TOKEN_PASSWORD not in r.out + r.err, r
    unchanged(who, before)
    nowhere(who, ACR_TOKEN_PASSWORD)
    assert helper(who.place, "get", REGISTRY, **keyring.env)["Username"] == ACR_USER and len(cloud.acr()) == 1


@pytest.mark.parametrize("kind", ["deadbus", "absent", "stopped", "hung:*", "dies:*", "prompting"])
def test_whatever_is_wrong_with_the_keyring_store_says_so(place, cloud, keyrings, kind):  # noqa: F811
    keyring = keyrings(kind)
    said = helper(place.pod(), "store", json.dumps({"ServerURL": REGISTRY, "Username": ACR_TOKEN, "Secret": ACR_TOKEN_PASSWORD}), rc=1, **keyring.env)
    assert "keyring" in said and ACR_TOKEN_PASSWORD not in said and not {"Prompt", "Unlock"} & set(keyring.calls())


def test_a_login_that_fails_takes_nothing_away(who, cloud, keyrings):  # noqa: F811
    """Neither what is cached, nor what an earlier login left."""
    keyring = keyrings("real")
    env = keyring.env
    ours = helper(who.place, "get", REGISTRY, **env)
    if who.kind in CHECKED:
        r = who.login("-u", ACR_TOKEN, "--password-stdin", stdin="wrong", **env)
        assert r.rc != 0 and not stored(keyring) and not {"store", "erase"} & set(verbs(who)), r
    assert helper(who.place, "get", REGISTRY, **env) == ours and len(cloud.acr()) == 1
    assert who.login("-u", ACR_TOKEN, "--password-stdin", stdin=ACR_TOKEN_PASSWORD, **env).rc == 0
    if who.kind in CHECKED:
        assert who.login("-u", ACR_TOKEN, "--password-stdin", stdin="wrong", **env).rc != 0
    assert [i["secret"] for i in stored(keyring)] == [ACR_TOKEN_PASSWORD.encode()] and len(cloud.acr()) == 1


def test_logout_without_a_login(who, cloud):
    before = json.loads(who.config.read_text())
    r = who.logout()
    assert r.rc == 0 and {c.rc for c in who.recorder.calls()} <= {0}, r
    unchanged(who, before)
    assert helper(who.place, "get", REGISTRY)["Username"] == ACR_USER


# --- docker and its daemon ---

class Daemon(socketserver.ThreadingUnixStreamServer):
    """What docker's daemon says to a login: it takes the name and password, as if it had tried them. The test tries them itself."""

    def __init__(self, path):
        self.given = []

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def answer(self, body):
                data = json.dumps(body).encode()
                self.send_response(200)
                for k, v in (("Content-Type", "application/json"), ("Api-Version", "1.41"), ("Content-Length", str(len(data)))):
                    self.send_header(k, v)
                self.end_headers()
                self.wfile.write(b"" if self.command == "HEAD" else data)

            def do_GET(self):
                self.answer({"ApiVersion": "1.41", "Os": "linux", "Arch": "amd64", "IndexServerAddress": "https://index.docker.io/v1/"})

            do_HEAD = do_GET

            def do_POST(self):
                self.server.given.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
                self.answer({"IdentityToken": "", "Status": "Login Succeeded"})

            def address_string(self):
                return "cli"

            def log_message(self, *_):
                pass
        super().__init__(str(path), Handler)
        threading.Thread(target=self.serve_forever, args=(0.01,), daemon=True).start()


def docker_asks_its_daemon(client, cloud):
    """docker stores what was tried once more, and we drop it once more."""
    before = json.loads(client.config.read_text())
    with Daemon(client.place.folder / "docker.sock") as daemon:
        r = client.login(DOCKER_HOST=f"unix://{client.place.folder}/docker.sock")
        daemon.shutdown()
    assert r.rc == 0 and "existing credentials" in r.out + r.err and "Login Succeeded" in r.out, r
    (given,) = daemon.given
    assert given["username"] == ACR_USER and by_get(REGISTRY, ACR_USER, given["password"]).status == 200
    assert verbs(client) == ["get", "store"] and {c.rc for c in client.recorder.calls()} == {0} and len(cloud.acr()) == 1
    unchanged(client, before)
    nowhere(client, given["password"].rsplit(".", 1)[1])


# --- registries of others ---

def kept_by_us(place, host=OTHER):
    place.config(more=f"[match {host}]\nstore = keyring\n")


def given(place, cloud):
    """A registry that takes alice's password, with something in it."""
    cloud.registry(OTHER, tokens={"alice": {"password": "alice's own", "repositories": {REPOSITORY: ["pull"]}}}, roles={APP: "AcrPush"})


def test_a_login_to_a_registry_of_others_is_kept_where_we_are_told(who, cloud, keyrings):  # noqa: F811
    keyring = keyrings("real")
    given(who.place, cloud)
    kept_by_us(who.place)
    who.helped(OTHER)
    if who.kind != "helm":  # a chart can be put there by nobody
        who.seed(OTHER)
    r = who.login("-u", "alice", "--password-stdin", stdin="alice's own", host=OTHER, **keyring.env)
    assert r.rc == 0 and [i["attributes"]["server"] for i in stored(keyring)] == [OTHER], r
    who(look(who), OTHER, rc=1 if who.kind == "helm" else 0, **keyring.env)
    assert helper(who.place, "list", **keyring.env) == {OTHER: "alice"}
    assert who.logout(OTHER, **keyring.env).rc == 0 and not stored(keyring) and not cloud.exchanges()
    assert helper(who.place, "get", OTHER, rc=1, **keyring.env) == NOT_FOUND + "\n"


@pytest.mark.parametrize("host", [OTHER, "contoso.azurecr.io.shop.test", "https://index.docker.io/v1/", "localhost:5000"])
def test_nobody_told_us_to_keep_it(place, cloud, keyrings, host):  # noqa: F811
    """Not found, and a login that fails rather than one that is lost."""
    keyring = keyrings("real")
    place.config()
    assert helper(place, "get", host, rc=1, **keyring.env) == NOT_FOUND + "\n"
    said = helper(place, "store", json.dumps({"ServerURL": host, "Username": "alice", "Secret": "alice's own"}), rc=1, **keyring.env)
    assert host.split("/")[2 if "//" in host else 0] in said and "alice's own" not in said
    helper(place, "erase", host, **keyring.env)
    assert not stored(keyring) and not cloud.log(kind="http")


def secretservice(place, verb, text="", rc=0, **env):
    if not shutil.which(SECRETSERVICE, path=PATH):
        pytest.skip(f"not run: no {SECRETSERVICE} here")
    r = place.run([SECRETSERVICE, verb], text, **env)
    assert r.rc == rc, r
    return json.loads(r.out) if rc == 0 and verb in ("get", "list") else r.out


@pytest.mark.parametrize("server", [OTHER, f"https://{OTHER}/v2/", "http://localhost:5000", "localhost:5000"])
def test_docker_credential_secretservice_finds_what_we_keep_and_the_other_way_round(place, cloud, keyrings, server):  # noqa: F811
    keyring, entry = keyrings("real"), {"ServerURL": server, "Username": "alice", "Secret": "alice's \"own\" \\ <pass> \u00e9"}
    place.config(more=f"[match {OTHER}]\nstore = keyring\n[match localhost:5000]\nstore = keyring\n[match http://localhost:5000]\nstore = keyring\n")
    for one, other in ((helper, secretservice), (secretservice, helper)):
        one(place, "store", json.dumps(entry), **keyring.env)
        assert other(place, "get", server, **keyring.env) == entry, (one, other)
        one(place, "store", json.dumps({**entry, "Secret": "newer"}), **keyring.env)
        assert other(place, "get", server, **keyring.env)["Secret"] == "newer" and len(stored(keyring)) == 1
        other(place, "erase", server, **keyring.env)
        assert one(place, "get", server, rc=1, **keyring.env) == NOT_FOUND + "\n" and not stored(keyring)


def test_both_write_the_same_attributes(place, cloud, keyrings):  # noqa: F811
    keyring, entry = keyrings("real"), json.dumps({"ServerURL": OTHER, "Username": "alice", "Secret": "alice's own"})
    kept_by_us(place)
    helper(place, "store", entry, **keyring.env)
    (ours,) = stored(keyring)
    helper(place, "erase", OTHER, **keyring.env)
    secretservice(place, "store", entry, **keyring.env)
    (theirs,) = stored(keyring)
    assert {**theirs["attributes"], "app": "daypass"} == ours["attributes"] and theirs["secret"] == ours["secret"]


def test_what_is_not_ours_is_passed_on(who, cloud, keyrings):  # noqa: F811
    """fallback = secretservice: we become that helper, for every registry that is not ours, and for no other."""
    keyring = keyrings("real")
    secretservice(who.place, "version")
    given(who.place, cloud)
    who.place.config(f"[daypass]\nfallback = secretservice\n{who.place.config().read_text()}")
    who.helped(OTHER, REGISTRY)
    who.seed(OTHER)
    r = who.login("-u", "alice", "--password-stdin", stdin="alice's own", host=OTHER, **keyring.env)
    assert r.rc == 0 and [i["attributes"].get("app") for i in stored(keyring)] == [None], r
    who(look(who), OTHER, **keyring.env)
    assert helper(who.place, "get", OTHER, **keyring.env) == secretservice(who.place, "get", OTHER, **keyring.env) and not cloud.exchanges()
    assert helper(who.place, "get", REGISTRY, **keyring.env)["Username"] == ACR_USER
    assert set(helper(who.place, "list", **keyring.env)) >= {REGISTRY}
    assert who.logout(OTHER, **keyring.env).rc == 0 and not stored(keyring)
    assert helper(who.place, "get", OTHER, rc=1, **keyring.env) == NOT_FOUND + "\n"
