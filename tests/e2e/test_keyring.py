"""The keyring as the second tier for tokens: what it keeps over a restart, and that nobody notices where it is absent, locked, hung or mad."""
import errno
import json
import subprocess
import time

import pytest

from cloud.client import APP, FAB, TENANT
from e2e.keyring import keyrings  # noqa: F401  a fixture
from e2e.place import BIN, HELPER, URL, one_line, silent
from e2e.sandbox import without_keyring

FIRST = 1.5   # seconds that a keyring may cost, once
SLACK = 3.0   # and what a busy machine may add
HUNG = ["stopped", "deafbus", "hung:GetAll", "hung:OpenSession", "hung:SearchItems", "hung:*"]
HUNG_ON_STORE = ["hung:ReadAlias", "hung:CreateItem"]
AWAY = ["deadbus", "absent", "locked", "new"]
MAD = ["dies:OpenSession", "dies:SearchItems", "dies:GetAll", "dies:*", "cuts:SearchItems", "cuts:GetAll", *(f"garbage:{v}" for v in (
    "types", "empty", "properties", "nothing", "session", "key", "longkey", "paths", "errors", "many"))]
MAD_ON_STORE = ["prompting", "dies:CreateItem", "dies:ReadAlias", "cuts:CreateItem"]
MAD_WITH_ITEMS = ["secret", "parameters", "nul", "none", "huge", "missing", "stranger", "twice", "locked", "others"]
HELPFUL = ["garbage:key", "garbage:longkey"]  # libsecret makes do with them: a session without encryption
EVERY = ["nobus", *AWAY, *HUNG, *HUNG_ON_STORE, *MAD, *MAD_ON_STORE]


def ours(keyring):
    return [i for i in keyring.items() if i["attributes"].get("app") == "daypass"]


def reboot(place):
    """The runtime folder goes; the keyring stays."""
    return place.fresh_runtime()


# --- what it is for ---

def test_a_token_outlives_a_restart(pod, cloud, keyrings):  # noqa: F811
    keyring = keyrings("real")
    assert pod.git("ls-remote", URL, **keyring.env).err == "" and len(cloud.exchanges()) == 1
    token = pod.get(**keyring.env).token
    reboot(pod)
    r = pod.git("ls-remote", URL, **keyring.env)
    assert "refs/heads/main" in r.out and r.err == "" and len(cloud.exchanges()) == 1, "Entra was asked again"
    assert pod.get(**keyring.env).token == token and len(pod.records()) == 1, "what was found is lifted up"
    (item,) = ours(keyring)
    assert set(item["attributes"]) == {"app", "v", "kind", "key", "xdg:schema"} and item["attributes"]["kind"] == "access"
    assert item["label"] == "daypass: token for Azure Repos (identity AZURE_*)"
    told = "".join(item["attributes"].values())
    assert TENANT not in told and APP not in told and "azure" not in told.lower(), "attributes can be read by anybody on the bus"


def test_nothing_lies_on_a_disk_in_clear(pod, cloud, keyrings):  # noqa: F811
    keyring = keyrings("real")
    token = pod.get(**keyring.env).token
    (item,) = ours(keyring)
    secret, seen = item["secret"], 0
    assert token.encode() not in secret and secret.startswith(b"daypass:1:")
    body = secret.rsplit(b":", 1)[1][400:600]  # some of it: a file may wrap lines, but keeps this much together
    for path in keyring.folder.rglob("*"):
        if path.is_file():
            data, seen = path.read_bytes(), seen + 1
            assert body not in data and token.encode() not in data and token.rsplit(".", 1)[1].encode() not in data, path
    assert seen >= 3 and list(keyring.folder.rglob("*.keyring")), "the keyring's file was among them"


def test_a_restart_of_the_keyring_too(pod, cloud, keyrings):  # noqa: F811
    keyring = keyrings("real")
    token = pod.get(**keyring.env).token
    keyring.kill()
    keyring.start()
    reboot(pod)
    assert pod.get(**keyring.env).token == token and len(cloud.exchanges()) == 1


def test_a_replaced_token_is_one_item(pod, cloud, keyrings):  # noqa: F811
    keyring = keyrings("real")
    first = pod.get(**keyring.env).token
    pod.erase(first, **keyring.env)
    assert ours(keyring) == []
    second = pod.get(**keyring.env).token
    assert second != first and len(ours(keyring)) == 1


def fill(keyring, modified):
    """70 tokens of ours; modified: of each, by its number."""
    for i in range(70):
        keyring.put(b"old", modified=modified(i), app="daypass", v="1", kind="access", key=f"{i:064x}", **{"xdg:schema": "org.daypass.Token"})


def test_it_does_not_fill_up(pod, cloud, keyrings):  # noqa: F811
    """A keyring writes all that it has at each change: of our tokens it gets 64 at most."""
    keyring = keyrings("real")
    fill(keyring, lambda i: None)
    pod.get(**keyring.env)
    assert len(ours(keyring)) == 49 and sum(i["secret"].startswith(b"daypass:1:") for i in ours(keyring)) == 1


@pytest.mark.parametrize("age, left", [(lambda i: 100 * i, [*range(48)]), (lambda i: 100 if i < 10 else 26 * 3600, [*range(10)])])
def test_the_oldest_go(pod, cloud, keyrings, age, left):  # noqa: F811
    """Until a quarter of the room is free; and whatever is older than any token lives."""
    keyring, now = keyrings("mock"), int(time.time())
    fill(keyring, lambda i: now - age(i))
    pod.get(**keyring.env)
    assert sorted(int(i["attributes"]["key"], 16) for i in ours(keyring) if i["secret"] == b"old") == left and len(ours(keyring)) == len(left) + 1


def test_short_tokens_are_not_worth_it(pod, cloud, keyrings):  # noqa: F811
    keyring = keyrings("real")
    cloud.set(life=1500)
    pod.get(**keyring.env)
    assert ours(keyring) == []
    reboot(pod)
    pod.get(DAYPASS_KEYRING="always", **keyring.env)
    assert len(ours(keyring)) == 1


@pytest.mark.parametrize("why", [{"DAYPASS_KEYRING": "off"}, {"CI": "true"}, {"GITHUB_ACTIONS": "true", "ACTIONS_ID_TOKEN_REQUEST_URL": "https://x.test/",
                                                                              "ACTIONS_ID_TOKEN_REQUEST_TOKEN": "x"}, {"DAYPASS_CACHE": "none"}])
def test_where_it_is_not_wanted(pod, cloud, keyrings, why):  # noqa: F811
    """Nor is it read there: a job never gets what a person left."""
    keyring = keyrings("mock")
    pod.get(**keyring.env)
    assert len(ours(keyring)) == 1
    calls = keyring.calls()
    reboot(pod)
    pod.get(**keyring.env, **why)
    assert keyring.calls() == calls


def test_no_bus_is_started_for_us(pod, cloud):
    """autolaunch would start one, and a daemon on it."""
    mark = pod.folder / "launched"
    pod.script("dbus-launch", f"touch {mark}")
    env = {"PATH": f"{pod.work}:{pod.env()['PATH']}", "DISPLAY": ":99"}
    for address in ("autolaunch:", "unix:path=/nowhere;autolaunch:", None):
        assert pod.get(DBUS_SESSION_BUS_ADDRESS=address, **env).token
        reboot(pod)
    assert not mark.exists()


def test_a_bus_in_the_runtime_folder(pod, cloud, keyrings):  # noqa: F811
    """Where systemd puts it: no variable is needed."""
    keyring = keyrings("real")
    (pod.runtime / "bus").symlink_to(keyring.folder / "bus")
    assert pod.get().token and len(ours(keyring)) == 1


# --- who may have it ---

def test_another_caller_gets_nothing(pod, cloud, keyrings):  # noqa: F811
    """The finding against another helper's cache: whoever knows tenant and client id, with a wrong credential or another kind of it, got the
    token of somebody else. Here in both tiers."""
    keyring = keyrings("real")
    token = pod.get(**keyring.env).token
    stranger = cloud.mint(sub="system:other")
    for fresh in (False, True):
        if fresh:
            reboot(pod)
        pod.write("token", stranger)
        r = pod.get(**keyring.env)
        assert r.token is None and "AADSTS" in one_line(r)
        r = pod.get(DAYPASS_SOURCE="env", DAYPASS_ID_TOKEN=stranger, AZURE_FEDERATED_TOKEN_FILE=None, **keyring.env)
        assert r.token is None and "AADSTS" in one_line(r)
        pod.assertion()
        assert pod.get(DAYPASS_CLIENT_ID=FAB, **keyring.env).token is None
    assert pod.get(**keyring.env).token == token


def test_a_source_that_is_gone_is_an_error_though_a_token_is_kept(pod, cloud, keyrings):  # noqa: F811
    keyring = keyrings("real")
    pod.get(**keyring.env)
    reboot(pod)
    pod.token_file.unlink()
    assert pod.get(**keyring.env).token is None


def test_a_revoked_token_does_not_come_back(pod, cloud, keyrings):  # noqa: F811
    """git's erase reaches the keyring too."""
    keyring = keyrings("real")
    pod.git("ls-remote", URL, **keyring.env)
    cloud.revoke()
    assert pod.git("ls-remote", URL, rc=None, **keyring.env).rc != 0
    assert ours(keyring) == [] and pod.records() == []
    reboot(pod)
    assert pod.git("ls-remote", URL, **keyring.env).err == "" and len(cloud.exchanges()) == 2


def test_erase_compares(pod, cloud, keyrings):  # noqa: F811
    keyring = keyrings("real")
    token = pod.get(**keyring.env).token
    reboot(pod)
    pod.erase(cloud.token(), **keyring.env)
    assert len(ours(keyring)) == 1
    pod.erase(token, **keyring.env)
    assert ours(keyring) == []


@pytest.mark.parametrize("trouble", ["stop", "lock"])
def test_an_erase_that_the_keyring_did_not_hear_counts(pod, cloud, keyrings, trouble):  # noqa: F811
    """It hangs, or is locked, when git hands the refused token back; later it works again and still has it."""
    keyring = keyrings("real")
    token = pod.get(**keyring.env).token
    getattr(keyring, trouble)()
    pod.erase(token, **keyring.env)
    keyring.cont() if trouble == "stop" else keyring.unlock()
    people(pod, "cache", "status", **keyring.env)  # looks anew
    assert len(ours(keyring)) == 1
    fresh = pod.get(**keyring.env).token
    assert fresh != token and len(cloud.exchanges()) == 2
    reboot(pod)
    assert pod.get(**keyring.env).token == fresh, "and the new one has taken its place"


def test_items_of_others_stay(pod, cloud, keyrings):  # noqa: F811
    keyring = keyrings("real")
    keyring.put(b"theirs", app="daypass", label="looks like ours")
    keyring.put(b"theirs", service="x")
    token = pod.get(**keyring.env).token
    pod.erase(token, **keyring.env)
    pod.run(["daypass", "logout", "--all"], **keyring.env)
    assert len(keyring.items()) == 2, "ours have a schema of their own"


# --- nobody notices ---

def cold(place, keyring, **how):
    """A get that must exchange: with nothing kept and nothing remembered."""
    reboot(place)
    return place.get(**keyring.env, **how)


def check_time(r, base):
    assert r.seconds - base.seconds < FIRST + SLACK, r


@pytest.mark.parametrize("kind", EVERY)
def test_a_keyring_that_does_not_help_is_not_noticed(pod, cloud, keyrings, kind):  # noqa: F811
    base = pod.get(DAYPASS_KEYRING="off")
    keyring = keyrings(kind)
    r = cold(pod, keyring)
    assert r.token and r.err == "" and "password_expiry_utc" in r.fields
    check_time(r, base)
    calls = keyring.calls()
    again = pod.get(DAYPASS_CLIENT_ID=APP.upper(), **keyring.env)  # another key: it exchanges, while the keyring is remembered
    assert again.token != r.token and again.err == ""
    assert kind in HELPFUL or keyring.calls() == calls, "asked again within the minute"
    calls = keyring.calls()
    assert pod.get(**keyring.env).token == r.token and len(cloud.exchanges()) == 3
    silent(pod.get(host="github.com", **keyring.env))
    assert "Prompt" not in calls and keyring.calls() == calls, "neither a hit nor a stranger's host asks the keyring"


@pytest.mark.parametrize("kind", EVERY)
def test_a_clone_with_such_a_keyring(pod, cloud, keyrings, kind):  # noqa: F811
    keyring = keyrings(kind)
    assert pod.git("clone", "-q", URL, "web", **keyring.env).err == "" and (pod.work / "web" / "README.md").exists()
    assert len(cloud.exchanges()) == 1


@pytest.mark.parametrize("kind", EVERY)
def test_erase_with_such_a_keyring(pod, cloud, keyrings, kind):  # noqa: F811
    token = pod.get(DAYPASS_KEYRING="off").token
    pod.erase(token, **keyrings(kind).env)
    assert pod.records() == [] or all(r.stat().st_size < 400 for r in pod.records()), "the token is gone; what is known of the keyring may stay"
    assert pod.get(DAYPASS_KEYRING="off").token != token


@pytest.mark.parametrize("variant", MAD_WITH_ITEMS)
def test_a_keyring_that_gives_back_something_else(pod, cloud, keyrings, variant):  # noqa: F811
    keyring = keyrings(f"garbage:{variant}")
    first = pod.get(**keyring.env)
    r = cold(pod, keyring)
    assert first.token and r.token and r.err == ""
    if r.token == first.token:
        assert variant in ("twice", "others", "locked", "stranger"), "what came back was not what was kept"


def test_an_item_of_another_key_is_not_taken(pod, cloud, keyrings):  # noqa: F811
    """Somebody gives the attributes of one token to another's item."""
    keyring = keyrings("real")
    mine = pod.get(**keyring.env).token
    key = ours(keyring)[0]["attributes"]
    pod.get(DAYPASS_CLIENT_ID=APP.upper(), **keyring.env)
    other = [i for i in ours(keyring) if i["attributes"] != key][0]
    pod.erase(mine, **keyring.env)
    keyring.put(other["secret"], **key)
    r = cold(pod, keyring)
    assert r.token and r.token != mine and len(cloud.exchanges()) == 3


def test_many_cold_processes_and_one_hung_keyring(pod, cloud, keyrings):  # noqa: F811
    """The time is lost once, not once a process."""
    keyring = keyrings("hung:*")
    results = pod.many(20, [HELPER, "get"], pod.ask(), **keyring.env)
    assert {r.token for r in results if r.rc == 0} == {results[0].token} and results[0].token and not any(r.err for r in results)
    assert len(cloud.exchanges()) == 1 and max(r.seconds for r in results) < 2 * FIRST + SLACK


def test_the_keyring_survives_a_crowd(pod, cloud, keyrings):  # noqa: F811
    """A service that is opened by many clients at once has been seen to abort. 24 processes, 4 keys, after each of 3 restarts."""
    keyring = keyrings("real")
    for _ in range(3):
        reboot(pod)
        running = [pod.start([HELPER, "get"], DAYPASS_AUDIENCE=f"audience-{i % 4}", **keyring.env) for i in range(24)]
        results = [pod.finish(p, pod.ask()) for p in running]
        assert all(r.rc == 0 and r.token and r.err == "" for r in results), results
        assert len({r.token for r in results}) == 4 and len(ours(keyring)) == 4
    assert keyring.service.poll() is None and not keyring.locked and len(cloud.exchanges()) == 4


def test_the_timeout_of_the_request_counts_for_the_keyring_too(pod, cloud, keyrings):  # noqa: F811
    keyring = keyrings("hung:*")
    r = pod.get(DAYPASS_TIMEOUT="2", **keyring.env)
    assert r.token and r.err == ""


def test_without_libsecret(pod, cloud, keyrings):  # noqa: F811
    """As on a server: the library is not there. (A folder with an empty file of that name goes before the real one.)"""
    keyring = keyrings("mock")
    (pod.folder / "lib").mkdir()
    (pod.folder / "lib" / "libsecret-1.so.0").write_bytes(b"")
    r = pod.get(LD_LIBRARY_PATH=pod.folder / "lib", **keyring.env)
    assert r.token and r.err == "" and keyring.calls() == []
    status = json.loads(pod.run(["daypass", "cache", "status", "--json"], LD_LIBRARY_PATH=pod.folder / "lib", **keyring.env).out)
    assert status["keyring"]["state"] == "no-library" and "libsecret-1-0" in status["keyring"]["next"]


# --- the commands for people ---

def people(place, *words, **how):
    return place.run(["daypass", *words], **how)


STATES = {"real": "open", "mock": "open", "locked": "locked", "new": "absent", "nobus": "no-bus", "deadbus": "no-bus", "absent": "absent", "deafbus": "hung",
          "stopped": "hung", "hung:GetAll": "hung", "dies:*": "broken", "garbage:types": "broken"}


@pytest.mark.parametrize("kind", STATES)
def test_status_says_what_is_wrong(pod, cloud, keyrings, kind):  # noqa: F811
    keyring = keyrings(kind)
    r = people(pod, "cache", "status", "--json", **keyring.env)
    told = json.loads(r.out)
    assert r.rc == 0 and r.err == "" and told["keyring"]["state"] == STATES[kind]
    assert told["runtime"]["state"] in ("sealed", "plain") and told["runtime"]["path"] == str(pod.store)
    if kind in ("real", "locked"):
        assert told["keyring"]["provider"] == "gnome-keyring-daemon"
    if STATES[kind] in ("locked", "hung", "broken"):
        assert told["keyring"]["next"] and "next: " in people(pod, "cache", "status", **keyring.env).out


@pytest.mark.parametrize("number, words", [(errno.EPERM, ["no kernel keyring", "container"]), (errno.ENOSYS, ["no kernel keyring"]),
                                           (errno.EDQUOT, ["quota", "/proc/key-users", "sysctl"])])
def test_status_says_why_records_are_not_sealed(pod, cloud, number, words):
    r = people(pod, "cache", "status", before=without_keyring(number))
    assert r.rc == 0 and r.out.startswith(f"runtime  plain, in {pod.store}: ") and all(w in r.out for w in words), r


def test_status_where_nothing_is_kept(pod, cloud):
    r = people(pod, "cache", "status", DAYPASS_CACHE="none")
    assert r.rc == 0 and r.out.startswith("runtime  off: cache = none") and "keyring  no-bus" in r.out


def test_status_looks_anew(pod, cloud, keyrings):  # noqa: F811
    keyring = keyrings("real")
    keyring.stop()
    pod.get(**keyring.env)
    keyring.cont()
    pod.get(DAYPASS_CLIENT_ID=APP.upper(), **keyring.env)
    assert ours(keyring) == [], "remembered for a minute"
    assert json.loads(people(pod, "cache", "status", "--json", **keyring.env).out)["keyring"]["state"] == "open"
    reboot_less = pod.get(DAYPASS_AUDIENCE="api://AzureADTokenExchange", **keyring.env)
    pod.erase(reboot_less.token, **keyring.env)
    pod.get(**keyring.env)
    assert len(ours(keyring)) == 1, "status found it open, so it is used again"


def test_list_tells_tiers_and_no_token(pod, cloud, keyrings):  # noqa: F811
    keyring = keyrings("real")
    assert people(pod, "cache", "list", **keyring.env).out == "nothing is held\n"
    token = pod.get(**keyring.env).token

    def rows():
        r = people(pod, "cache", "list", "--json", **keyring.env)
        assert r.rc == 0 and token not in r.out and token.split(".")[2] not in r.out
        return json.loads(r.out)
    (row,) = rows()
    assert row["tiers"] == ["runtime", "keyring"] and row["client_id"] == APP and row["tenant"] == TENANT and 3000 < row["expires_in"] <= 3600
    text = people(pod, "cache", "list", **keyring.env).out
    assert text.splitlines()[0].split() == ["FOR", "IDENTITY", "EXPIRES", "IN", "KEPT", "IN"] and "Azure Repos" in text and "runtime, keyring" in text
    reboot(pod)
    assert rows()[0]["tiers"] == ["keyring"]
    keyring.lock()
    assert rows() == []


def test_clear_forgets_both_tiers_and_failures(place, cloud, keyrings):  # noqa: F811
    keyring = keyrings("real")
    place.two_organizations()
    first = place.get(path="contoso/shop/_git/web", **keyring.env).token
    place.get(path="fabrikam/shop/_git/web", **keyring.env)
    rows = json.loads(people(place, "cache", "list", "--json", **keyring.env).out)
    assert {r["identity"] for r in rows} >= {"default"}
    r = people(place, "--identity", "fab", "cache", "clear", **keyring.env)
    assert r.rc == 0
    assert place.get(path="contoso/shop/_git/web", **keyring.env).token == first, "the other identity's stays"
    assert {r["identity"] for r in json.loads(people(place, "cache", "list", "--json", **keyring.env).out)} == {"default"}
    assert people(place, "cache", "clear", **keyring.env).out == "1 token forgotten\n"
    assert ours(keyring) == [] and place.records() == []


def test_logout(pod, cloud, keyrings):  # noqa: F811
    keyring = keyrings("real")
    token = pod.get(**keyring.env).token
    copy = {p.name: p.read_bytes() for p in pod.records()}
    older = pod.runtime / "daypass" / "v7"
    older.mkdir(mode=0o700)
    for name in ("0" * 64, "t.1", "lock.00", "strangers"):
        (older / name).write_bytes(b"x")
    r = people(pod, "logout", **keyring.env)
    assert r.rc == 0 and r.err == "" and "logged out" in r.out
    assert ours(keyring) == [] and pod.records() == [] and {p.name for p in older.iterdir()} == {"lock.00", "strangers", "generation"}
    for name, data in copy.items():  # somebody had copied the records: the key that opens them is gone
        (pod.store / name).write_bytes(data)
        (pod.store / name).chmod(0o600)
    sealed = json.loads(people(pod, "cache", "status", "--json", **keyring.env).out)["runtime"]["state"] == "sealed"
    assert (pod.get(**keyring.env).token != token) == sealed


def test_logout_with_a_locked_keyring_says_so(pod, cloud, keyrings):  # noqa: F811
    keyring = keyrings("real")
    pod.get(**keyring.env)
    keyring.lock()
    r = people(pod, "logout", **keyring.env)
    assert r.rc == 9 and "locked" in r.err and "next: " in r.err and pod.records() == []
    keyring.unlock()
    assert people(pod, "logout", **keyring.env).rc == 0 and ours(keyring) == []


def test_logout_deletes_what_an_earlier_setting_kept(pod, cloud, keyrings):  # noqa: F811
    keyring = keyrings("real")
    pod.get(**keyring.env)
    assert people(pod, "logout", DAYPASS_KEYRING="off", DAYPASS_CACHE="none", **keyring.env).rc == 0
    assert ours(keyring) == [] and pod.records() == []


@pytest.mark.parametrize("kind", [*HUNG, *AWAY, *MAD])
@pytest.mark.parametrize("words", [("cache", "list"), ("cache", "clear"), ("logout",), ("whoami",)])
def test_commands_with_such_a_keyring(pod, cloud, keyrings, kind, words):  # noqa: F811
    r = people(pod, *words, **keyrings(kind).env)
    assert r.rc in (0, 9) and r.seconds < 2 * FIRST + SLACK, r
    assert (r.rc == 9) == ("the keyring is left as it was" in r.err), r


def test_usage(place):
    for words in (("cache",), ("cache", "burn"), ("cache", "list", "--xml"), ("logout", "now"), ("--identity", "x", "logout")):
        r = people(place, *words)
        assert r.rc == 2 and r.err and r.out == "", r


def test_secret_tool_finds_one_item(pod, cloud, keyrings):  # noqa: F811
    """As the person who looks into it."""
    keyring = keyrings("real")
    pod.get(**keyring.env)
    r = subprocess.run(["secret-tool", "search", "--all", "app", "daypass"], env={**pod.env(), **keyring.env}, capture_output=True, text=True)
    assert r.stdout.count("label = daypass: token for Azure Repos") == 1 and "schema = org.daypass.Token" in r.stdout
    assert (BIN / HELPER).exists()
