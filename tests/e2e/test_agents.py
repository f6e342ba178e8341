"""Sources that ask a service: url, in every form of answer and refusal, and Fly.io's API on its socket."""
import json

import pytest

from cloud.client import APP, AUDIENCE, TENANT, UAMI
from e2e.agent import Agent, fly
from e2e.place import said_no, silent


def text(answer, status=200, ctype="text/plain"):
    return lambda request: (status, answer, ctype)


def asks(place, url, more="", **env):
    place.config(f"[identity default]\ntenant = {TENANT}\nclient-id = {APP}\nsource = url\nurl = {url}\n{more}")
    place.identity = env
    return place


# --- url ---

def test_the_answer_is_the_token(place, cloud):
    with Agent(text(cloud.mint())) as agent:
        assert asks(place, agent.url + "/token?audience={audience}").get().token and len(cloud.exchanges()) == 1
        asked, = agent.asked
    assert (asked["method"], asked["path"]) == ("GET", "/token?audience=api%3A%2F%2FAzureADTokenExchange")


@pytest.mark.parametrize("answer, more", [
    ({"token": "T"}, ""), ({"id_token": "T"}, ""), ({"value": "T"}, ""), ({"my_token": "T", "token": "other"}, "token-field = my_token\n")])
def test_json_answers(place, cloud, answer, more):
    body = json.dumps({k: cloud.mint() if v == "T" else v for k, v in answer.items()})
    with Agent(text(body, ctype="application/json")) as agent:
        assert asks(place, agent.url, more).get().token


@pytest.mark.parametrize("before, after", [("", "\n"), ('"', '"'), ("\ufeff", "\r\n"), ("  ", "  ")])
def test_what_stands_around_it(place, cloud, before, after):
    with Agent(text(before + cloud.mint() + after)) as agent:
        assert asks(place, agent.url).get().token


def test_behind_a_socket(place, cloud):
    with Agent(text(cloud.mint()), place.folder / "agent.sock") as agent:
        assert asks(place, "http://localhost/token", f"unix-socket = {agent.path}\n", ALL_PROXY="http://127.0.0.1:9", NO_PROXY="login.microsoftonline.com").get().token
        assert agent.asked[0]["path"] == "/token"


def test_a_header_with_a_secret(place, cloud):
    with Agent(text(cloud.mint())) as agent:
        r = asks(place, agent.url, "url-header = X-Key\nurl-header-env = MY_KEY\n", MY_KEY="hush-hush").get(DAYPASS_TRACE="1")
        assert r.token and agent.asked[0]["headers"]["x-key"] == "hush-hush" and "hush-hush" not in r.err


@pytest.mark.parametrize("answer, status, ctype, words", [
    ("hello", 200, "text/plain", ("is not a JWT",)), ("", 200, "text/plain", ("is empty",)), ("[]", 200, "application/json", ("is not a JWT",)),
    ("a.b.c.d", 200, "text/plain", ("is not a JWT",)), ("{}", 200, "application/json", ("is not a JWT",)), ("x" * 70000, 200, "text/plain", ("larger than 64 KiB",)),
    ("y" * (1 << 20), 200, "text/plain", ("more than 256 KiB",)), ("<html>sign in</html>", 200, "text/html", ("web page",)),
    ('{"message": "not for you"}', 403, "application/json", ("HTTP 403: not for you",)), ("no", 500, "text/plain", ("HTTP 500",)),
    ('{"success": false, "message": "log in first"}', 200, "application/json", ("log in first",)), ("moved", 302, "text/plain", ("redirect",))])
def test_answers_that_are_no_token(place, cloud, answer, status, ctype, words):
    with Agent(text(answer, status, ctype)) as agent:
        said_no(asks(place, agent.url).get(), "source url", *words)
    assert not cloud.exchanges()


def test_a_member_that_is_not_there(place, cloud):
    with Agent(text(json.dumps({"token": cloud.mint()}), ctype="application/json")) as agent:
        said_no(asks(place, agent.url, "token-field = mine\n").get(), "has no mine")


def test_nobody_listens(place, cloud):
    said_no(asks(place, "http://127.0.0.1:9/").get(), "source url", "cannot be reached", "check url (")


@pytest.mark.parametrize("url", ["http://example.test/", "ftp://127.0.0.1/", "https://u:p@x.test/", "nothing", "http://127.0.0.1@evil.test/"])
def test_a_url_that_is_not_asked(place, cloud, url):
    said_no(asks(place, url).get(), "config:5", "https://HOST/PATH")
    assert not cloud.log()


def test_half_a_header(place, cloud):
    said_no(asks(place, "https://x.test/", "url-header = X-Key\n").get(), "belong together")
    said_no(asks(place, "https://x.test/", "url-header = X-Key\nurl-header-env = MY_KEY\n").get(), "MY_KEY is not set")
    assert not cloud.log()


def test_no_variable_leads_anywhere(place, cloud):
    """Whoever sets variables could have us ask anybody: only a file says where."""
    place.identity = {"AZURE_TENANT_ID": TENANT, "AZURE_CLIENT_ID": APP, "DAYPASS_SOURCE": "url", "DAYPASS_URL": "http://127.0.0.1:9/"}
    said_no(place.get(), "no url is configured")
    assert not cloud.log()


# --- Fly.io ---

def on_fly(place, path, client=APP):
    place.config(f"[identity default]\ntenant = {TENANT}\nclient-id = {client}\nunix-socket = {path}\n")
    place.identity = {"FLY_MACHINE_ID": "3d8d9014b32d68", "FLY_APP_NAME": "shop"}
    return place


@pytest.mark.parametrize("client", [APP, UAMI])
def test_fly(place, cloud, client):
    with Agent(fly(cloud), place.folder / "api") as agent:
        assert on_fly(place, agent.path, client).get().token and cloud.exchanges()[0]["form"]["client_id"] == client
        asked, = agent.asked
    assert json.loads(asked["body"]) == {"aud": AUDIENCE}


def test_fly_may_answer_in_json(place, cloud):
    with Agent(text(json.dumps({"token": cloud.mint()}), ctype="application/json"), place.folder / "api") as agent:
        assert on_fly(place, agent.path).get().token


def test_without_the_machines_variable_it_is_not_looked_for(place, cloud):
    with Agent(fly(cloud), place.folder / "api") as agent:
        on_fly(place, agent.path).identity = {}
        said_no(place.get(), "no source of an external token")
        assert not agent.asked
        assert place.get(DAYPASS_SOURCE="fly").token


def test_flys_socket_is_missing(place, cloud):
    said_no(on_fly(place, place.folder / "nowhere").get(), "source fly", "/nowhere is not here", "choose another source")
    place.identity = {"FLY_MACHINE_ID": "x"}
    assert not cloud.log()


def test_a_job_on_a_fly_machine_is_a_job(place, cloud):
    with Agent(fly(cloud), place.folder / "api") as agent:
        said_no(on_fly(place, agent.path).get(GITHUB_ACTIONS="true"), "id-token")
        assert not agent.asked


@pytest.mark.parametrize("answer, status, words", [("nothing", 200, ("is not a JWT",)), ('{"error": "no oidc"}', 403, ("HTTP 403: no oidc",)), ("", 500, ("HTTP 500",))])
def test_fly_refuses(place, cloud, answer, status, words):
    with Agent(text(answer, status, "application/json" if answer.startswith("{") else "text/plain"), place.folder / "api") as agent:
        said_no(on_fly(place, agent.path).get(), "source fly", *words)


def test_flys_wrong_subject_is_explained(place, cloud):
    with Agent(fly(cloud, sub="contoso:shop:other"), place.folder / "api") as agent:
        said_no(on_fly(place, agent.path).get(), "AADSTS700213", "contoso:shop:other")


def test_nobody_else_gets_the_token(place, cloud):
    place.identity = {"AZURE_TENANT_ID": TENANT, "AZURE_CLIENT_ID": APP}
    silent(place.get())
