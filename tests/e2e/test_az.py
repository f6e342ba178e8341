"""daypass in the place of az and azd: one exchange for all, the real one behind it, and nobody fooled. The exact texts are in tests/golden/az."""
import json
import os
import re
import shutil
import signal
import subprocess
import time

import pytest

from cloud.client import APP, ARM, OIDS, SUBSCRIPTION, SUBSCRIPTION2, SUBSCRIPTION_NAME, TENANT, TENANT2
from e2e.docker import claims
from e2e.place import BIN, LIMIT, PATH, wait_until

GET = ("account", "get-access-token")
VAULT = "https://vault.azure.net"
LOGIN = "ERROR: Please run 'az login' to setup account.\n"
REAL = r"""#!/usr/bin/env python3
# A real az or azd, as far as one can tell from outside: it says how it was started.
import json, os, signal, sys, time
if sys.argv[1:2] == ["wait"]:
    open(os.environ["MARK"], "w").close()
    signal.pause()
print(json.dumps({"argv": sys.argv[1:], "stdin": "" if sys.stdin.isatty() else sys.stdin.read(), "pid": os.getpid(), "umask": os.umask(0), "cwd": os.getcwd(),
                  "env": dict(os.environ)}))
print("a word", file=sys.stderr)
sys.exit(42)
"""


class Desk:
    """A folder with our two links, and one behind it where a test may put a real az."""

    def __init__(self, place):
        self.place, self.shim, self.real = place, place.work / "shim", place.work / "real"
        self.real.mkdir()
        r = place.run(["daypass", "shim", "install", self.shim])
        assert r.rc == 0 and f"export PATH='{self.shim}'" in r.out, r
        self.path = f"{self.shim}:{self.real}:{PATH}"

    def az(self, *args, name="az", **how):
        how.setdefault("PATH", self.path)
        return self.place.run([self.shim / name, *args], **how)

    def install(self, name="az"):
        program = self.real / name
        program.write_text(REAL)
        program.chmod(0o755)
        return program

    def token(self, *args, resource=ARM, **how):
        r = self.az(*GET, "--output", "json", "--resource", resource, *args, **how)
        assert r.rc == 0 and r.err == "", r
        return json.loads(r.out)


@pytest.fixture
def desk(place):
    return Desk(place)


def refused(r, *words):
    """An error as az prints it, by which a chain stops."""
    assert r.rc == 1 and r.out == "" and r.err.startswith("ERROR: ") and "az login" not in r.err, r
    for word in words:
        assert word in r.err, (word, r.err)


# --- tokens ---

def test_a_token_with_all_that_readers_want(desk, cloud):
    desk.place.pod()
    got = desk.token()
    assert list(got) == ["accessToken", "expiresOn", "expires_on", "subscription", "tenant", "tokenType"]
    assert claims(got["accessToken"])["oid"] == OIDS[APP] and claims(got["accessToken"])["aud"] == ARM
    assert (got["subscription"], got["tenant"], got["tokenType"]) == (SUBSCRIPTION, TENANT, "Bearer")
    assert got["expires_on"] == claims(got["accessToken"])["exp"] or abs(got["expires_on"] - claims(got["accessToken"])["exp"]) <= 2
    assert len(cloud.exchanges()) == 1


def test_every_other_call_is_from_the_cache(desk, cloud):
    desk.place.pod()
    first = desk.token()
    for args in (("--subscription", SUBSCRIPTION), ("--subscription", SUBSCRIPTION_NAME), ("-s", SUBSCRIPTION_NAME.lower())):
        assert desk.token(*args) == first
    assert len(cloud.exchanges()) == 1 and len(cloud.log(kind="http", service="arm")) == 1


def test_many_at_once_make_one_exchange(desk, cloud):
    desk.place.pod()
    runs = desk.place.many(20, [desk.shim / "az", *GET, "-o", "json", "--scope", ARM + "/.default"], PATH=desk.path)
    assert all(r.rc == 0 and r.err == "" for r in runs), runs
    assert len({json.loads(r.out)["accessToken"] for r in runs}) == 1
    assert len(cloud.exchanges()) == 1 and len(cloud.log(kind="http", service="arm")) == 1


def test_az_azd_and_token_share_one_cache(desk, cloud):
    desk.place.pod()
    scope = ARM + "/.default"
    tokens = {desk.token("--tenant", TENANT)["accessToken"], desk.place.run(["daypass", "token", "--resource", ARM]).out.strip(),
              json.loads(desk.az("auth", "token", "--output", "json", "--scope", scope, name="azd").out)["token"]}
    assert len(tokens) == 1 and len(cloud.exchanges()) == 1


@pytest.mark.parametrize("zone", ["UTC", "America/New_York", "Asia/Kathmandu", "Europe/Berlin"])
def test_the_local_time_is_the_same_instant(desk, zone):
    desk.place.pod()
    got = desk.token(TZ=zone)
    text = subprocess.run(["date", "-d", f"@{got['expires_on']}", "+%Y-%m-%d %H:%M:%S.000000"], env={"TZ": zone, "PATH": PATH}, capture_output=True, text=True, timeout=LIMIT).stdout
    assert got["expiresOn"] == text.strip()


def fold_around(at, before):
    """A zone whose summer time ends just before or just after that moment: an hour then comes twice, and both meet in it."""
    change = time.gmtime(at + 3600 + (-600 if before else 600))  # in summer time
    day = change.tm_yday - (1 if change.tm_yday > 59 and change.tm_year % 4 == 0 else 0)
    return f"WIN0SUM,J{day % 365 + 1}/0,J{day}/{time.strftime('%H:%M:%S', change)}"


@pytest.mark.parametrize("before", [True, False], ids=["second", "first"])
def test_the_local_time_in_the_hour_that_comes_twice(desk, before):
    desk.place.pod()
    at = desk.token()["expires_on"]
    zone = fold_around(at, before)
    got = desk.token(TZ=zone)
    date = lambda form: subprocess.run(["date", "-d", f"@{at}", form], env={"TZ": zone, "PATH": PATH}, capture_output=True, text=True, timeout=LIMIT).stdout.strip()
    assert got["expires_on"] == at and date("+%Z") == ("WIN" if before else "SUM") and got["expiresOn"] == date("+%Y-%m-%d %H:%M:%S.000000")


def test_a_double_slash_is_kept(desk, cloud):
    desk.place.pod()
    desk.token(resource="https://management.core.windows.net/")
    assert cloud.exchanges()[0]["form"]["scope"] == "https://management.core.windows.net//.default"


def test_another_tenant_is_asked_and_told(desk, cloud):
    desk.place.pod()
    cloud.client(APP, tenant=TENANT)
    r = desk.az(*GET, "--resource", ARM, "--tenant", TENANT2)
    refused(r, "AADSTS")
    assert cloud.exchanges()[0]["path"].startswith(f"/{TENANT2}/")


def test_claims_go_to_entra_and_past_the_cache(desk, cloud):
    desk.place.pod()
    args = ("auth", "token", "-o", "json", "--scope", ARM + "/.default")
    wish = '{"access_token":{"nbf":{"essential":true,"value":"1"}}}'
    assert desk.az(*args, name="azd").rc == 0
    r = desk.az(*args, "--claims", __import__("base64").b64encode(wish.encode()).decode(), name="azd")
    assert r.rc == 0, r
    forms = [e["form"] for e in cloud.exchanges()]
    assert [f.get("claims") for f in forms] == [None, wish]


# --- the account ---

def test_show_and_list(desk, cloud):
    desk.place.pod()
    show, rows = json.loads(desk.az("account", "show", "-o=json").out), json.loads(desk.az("account", "list", "-o=json").out)
    assert (show["id"], show["name"], show["tenantId"], show["user"]) == (SUBSCRIPTION, SUBSCRIPTION_NAME, TENANT, {"name": APP, "type": "servicePrincipal"})
    assert [r["id"] for r in rows] == [SUBSCRIPTION] and rows[0]["isDefault"] and rows[0]["cloudName"] == "AzureCloud"
    assert len(cloud.log(kind="http", service="arm")) == 1


def test_a_second_subscription_is_known_by_id_and_name(desk, cloud):
    desk.place.pod()
    cloud.subscription(SUBSCRIPTION2, roles={APP: "Reader"}, name="Contoso Dev")
    got = desk.token("--subscription", "Contoso Dev")
    assert got["subscription"] == SUBSCRIPTION2
    assert json.loads(desk.az("account", "show", "-s", SUBSCRIPTION2).out)["name"] == "Contoso Dev"
    assert [r["isDefault"] for r in json.loads(desk.az("account", "list").out)] == [True, False]


def test_the_setting_is_the_subscription_without_a_question(desk, cloud):
    desk.place.pod()
    assert desk.token(AZURE_SUBSCRIPTION_ID=SUBSCRIPTION2)["subscription"] == SUBSCRIPTION2
    assert json.loads(desk.az("account", "show", ARM_SUBSCRIPTION_ID=SUBSCRIPTION2).out)["id"] == SUBSCRIPTION2
    assert not cloud.log(kind="http", service="arm")


def test_without_any_the_tenant_is_the_account(desk, cloud):
    desk.place.pod()
    cloud.subscription(SUBSCRIPTION, roles={})
    assert desk.token()["subscription"] == TENANT
    show = json.loads(desk.az("account", "show").out)
    assert (show["id"], show["name"]) == (TENANT, "N/A(tenant level account)")


def test_an_unknown_subscription_is_told_in_azs_words(desk):
    desk.place.pod()
    r = desk.az(*GET, "--subscription", "no such")
    assert (r.rc, r.out, r.err) == (1, "", "ERROR: Subscription 'no such' not found. Check the spelling and casing and try again.\n")


def test_resource_manager_out_of_order_costs_no_token(desk, cloud):
    desk.place.pod()
    cloud.fault("arm", "status", status=503)
    assert desk.token(resource=VAULT)["subscription"] == TENANT
    refused(desk.az("account", "show"), "503")


# --- refusals ---

def test_refused(desk):
    desk.place.pod(sub="system:other")
    refused(desk.az(*GET, "--resource", ARM), "AADSTS700213", "system:other")
    r = desk.az("auth", "token", "-o", "json", "--scope", ARM + "/.default", name="azd")
    said = json.loads(r.err)
    assert r.rc == 1 and r.out == "" and "AADSTS700213" in said["error"] and set(said) == {"error", "message", "suggestion"}


def test_a_source_that_is_missing_stops_a_chain_too(desk):
    desk.place.config(token_file="/nowhere/token")
    refused(desk.az(*GET, "--resource", ARM), "/nowhere/token")


def test_the_deadline_is_before_the_sdks(desk, cloud):
    """They give up after ten seconds: by our own clock we are done before."""
    desk.place.pod()
    cloud.fault("entra", "stall", seconds=60)
    r = desk.az(*GET, "--resource", ARM, DAYPASS_TIMEOUT="600")
    refused(r)
    assert r.seconds < LIMIT / 2  # not DAYPASS_TIMEOUT's 600


def test_policy(desk, cloud):
    desk.place.config(allow="https://storage.azure.com")
    refused(desk.az(*GET, "--resource", ARM), "allow = https://storage.azure.com")
    assert not cloud.exchanges()


# --- nobody ---

def test_nobody_is_named(desk, cloud):
    r = desk.az(*GET, "--resource", ARM)
    assert (r.rc, r.out, r.err) == (1, "", LOGIN)
    assert not cloud.log(kind="http")


def test_nobody_is_named_and_a_real_az_is_behind(desk):
    desk.install()
    r = desk.az(*GET, "--resource", ARM)
    assert r.rc == 42 and json.loads(r.out)["argv"] == [*GET, "--resource", ARM]


def test_path_alone(desk):
    """As the C++ SDK starts az. Who we are stands in a file then, below the home that the system knows."""
    run = lambda **env: subprocess.run([desk.shim / "az", *GET, "-o", "json", "--resource", ARM], env={"PATH": desk.path, **env}, cwd="/bin", capture_output=True, text=True, timeout=LIMIT)
    r = run()
    assert (r.returncode, r.stderr) == (1, LOGIN) or json.loads(r.stdout)["accessToken"], r
    trusted = {k: v for k, v in desk.place.env().items() if k in ("HTTPS_PROXY", "SSL_CERT_FILE", "XDG_RUNTIME_DIR")}
    desk.place.config()
    r = run(HOME=str(desk.place.home), **trusted)
    assert r.returncode == 0 and r.stderr == "" and claims(json.loads(r.stdout)["accessToken"])["oid"] == OIDS[APP], r


# --- the real one behind us ---

def test_everything_else_becomes_the_real_one(desk):
    desk.place.pod()
    desk.install()
    before = lambda: os.umask(0o027)
    p = desk.place.start([desk.shim / "az", "group", "list", "--query", "[?name=='a b']", ""], PATH=desk.path, MINE="yes", before=before, cwd="/bin")
    r = desk.place.finish(p, "typed\n")
    seen = json.loads(r.out)
    assert r.rc == 42 and r.err == "a word\n" and seen["argv"] == ["group", "list", "--query", "[?name=='a b']", ""] and seen["stdin"] == "typed\n"
    assert seen["pid"] == p.pid and seen["umask"] == 0o027 and seen["cwd"] == os.path.realpath("/bin")
    assert seen["env"]["MINE"] == "yes" and seen["env"]["DAYPASS_SHIM_DEPTH"] == "1" and seen["env"]["PATH"] == desk.path
    assert set(seen["env"]) - set(desk.place.env(MINE="yes")) <= {"DAYPASS_SHIM_DEPTH", "LC_CTYPE"}


def test_a_query_that_we_do_not_know_is_the_real_ones(desk, cloud):
    desk.place.pod()
    desk.install()
    r = desk.az(*GET, "--query", "{t:accessToken}", "-o", "tsv")
    assert r.rc == 42 and not cloud.exchanges()


def test_its_signals_are_its_own(desk):
    mark = desk.place.work / "mark"
    desk.install()
    p = desk.place.start([desk.shim / "az", "wait"], PATH=desk.path, MARK=mark)
    wait_until(mark.exists, "the real az runs")
    p.send_signal(signal.SIGTERM)
    assert p.wait(LIMIT) == -signal.SIGTERM


def test_no_real_one(desk):
    for name, words in (("az", ["group", "list"]), ("az", ["login"]), ("azd", ["up"])):
        r = desk.az(*words, name=name)
        assert r.rc == 1 and r.out == "" and "there is no other" in r.err and "shim check" in r.err and "az login" not in r.err, r


def copies(desk, count):
    """Programs of ours that are not the same file, each a link named az to one."""
    folders = []
    for i in range(count):
        folder = desk.place.work / f"copy{i}"
        folder.mkdir()
        shutil.copy(os.path.realpath(BIN / "daypass"), folder / "daypass")
        (folder / "az").symlink_to("daypass")
        folders.append(str(folder))
    return folders


def test_two_copies_of_ours_hand_on_to_the_real_one(desk):
    desk.install()
    folders = copies(desk, 1)
    r = desk.az("group", "list", PATH=":".join([str(desk.shim), *folders, str(desk.real), PATH]))
    assert r.rc == 42 and json.loads(r.out)["env"]["DAYPASS_SHIM_DEPTH"] == "2", r


def test_a_ring_of_copies_ends_and_names_both(desk):
    one, two = copies(desk, 2)
    r = desk.place.run([f"{one}/az", "group", "list"], PATH=f"{one}:{two}:{one}")
    assert r.rc == 1 and f"{one}/daypass" in r.err and f"{two}/az" in r.err and "hand on" in r.err, r


def test_a_ring_over_a_script_ends(desk):
    (desk.real / "az").write_text('#!/bin/sh\naz "$@"\n')
    (desk.real / "az").chmod(0o755)
    r = desk.az("group", "list")
    assert r.rc == 1 and "hand on" in r.err, r


def test_our_source_az_is_never_ourselves(desk):
    """[identity] source = az, and we stand first on PATH under that name."""
    desk.place.config("[identity default]\nsource = az\n")
    desk.place.write("home/.azure/azureProfile.json", "{}")
    r = desk.az(*GET, "--resource", ARM)
    assert r.rc == 1 and "daypass itself" in r.err, r
    later = int(time.time()) + 3600
    (desk.real / "az").write_text(f'#!/bin/sh\necho "$@" >>{desk.place.work}/asked\necho \'{{"accessToken":"a.b.c","expires_on":{later}}}\'\n')
    (desk.real / "az").chmod(0o755)
    assert desk.token("--tenant", TENANT)["accessToken"] == "a.b.c"
    assert desk.place.run(["daypass", "token"], PATH=desk.path).out == "a.b.c\n"
    assert "get-access-token" in (desk.place.work / "asked").read_text()


def test_nor_another_copy_of_us_or_a_script_in_front(desk):
    """The one that asks holds the lock: whoever else of ours it meets hands on."""
    desk.place.config("[identity default]\nsource = az\n")
    desk.place.write("home/.azure/azureProfile.json", "{}")
    (desk.real / "az").write_text(f'#!/bin/sh\necho \'{{"accessToken":"a.b.c","expires_on":{int(time.time()) + 3600}}}\'\n')
    (desk.real / "az").chmod(0o755)
    front = desk.place.work / "front"
    front.mkdir()
    (front / "az").write_text(f'#!/bin/sh\nexec {desk.shim}/az "$@"\n')
    (front / "az").chmod(0o755)
    path = ":".join([str(front), str(desk.shim), *copies(desk, 1), str(desk.real), PATH])
    assert desk.token("--tenant", TENANT, PATH=path)["accessToken"] == "a.b.c"


# --- shim ---

def test_install_check_and_remove(desk):
    place, shim = desk.place, desk.shim
    assert sorted(p.name for p in shim.iterdir()) == ["az", "azd"] and (shim / "az").is_symlink()
    assert place.run(["daypass", "shim", "install", shim]).rc == 0
    desk.install()
    r = place.run(["daypass", "shim", "check"], PATH=desk.path)
    assert r.rc == 0 and f"{shim}/az (daypass)" in r.out and f"{desk.real}/az" in r.out, r
    r = place.run(["daypass", "shim", "check"], PATH=f"{desk.real}:{PATH}")
    assert r.rc == 3 and "(daypass)" not in r.out.partition("azd")[0], r
    assert place.run(["daypass", "shim", "remove", shim]).rc == 0 and not shim.exists()
    assert place.run(["daypass", "shim", "remove", shim]).rc == 0


def test_the_default_folder(place):
    assert place.run(["daypass", "shim", "install"]).rc == 0
    assert (place.home / ".local/share/daypass/shim/azd").is_symlink()
    assert place.run(["daypass", "shim", "install"], XDG_DATA_HOME=place.work).rc == 0
    assert (place.work / "daypass/shim/az").is_symlink()


def test_no_folder_of_others(place):
    mine = place.work / "bin"
    mine.mkdir()
    (mine / "az").write_text("mine")
    open_to_all = place.work / "open"
    open_to_all.mkdir()
    open_to_all.chmod(0o777)
    for folder, rc in ((mine, 4), ("/usr/bin", 4), (open_to_all, 4), ("relative", 2), (f"{place.work}/a:b", 2), ("/proc/x", 3)):
        r = place.run(["daypass", "shim", "install", folder])
        assert r.rc == rc and r.out == "", (folder, r)
    assert (mine / "az").read_text() == "mine" and not os.path.lexists("/usr/bin/azd")
    assert "are no links" in place.run(["daypass", "shim", "remove", mine]).out and (mine / "az").exists()


# --- the token file ---

def test_the_file_holds_the_assertion_and_nothing_else(pod):
    path = pod.runtime / "token"
    assert pod.run(["daypass", "token-file", path]).rc == 0
    assert path.read_text() == pod.token_file.read_text() and path.stat().st_mode & 0o777 == 0o600
    assert pod.run(["daypass", "assertion"]).out == path.read_text() + "\n"
    assert os.listdir(pod.runtime) == ["token"] or set(os.listdir(pod.runtime)) <= {"token", "daypass"}


def test_no_file_through_a_link_or_among_others(pod):
    link = pod.runtime / "link"
    link.symlink_to(pod.runtime / "elsewhere")
    wide = pod.runtime / "wide"
    wide.mkdir()
    wide.chmod(0o777)
    for path in (link, pod.runtime, wide / "token"):
        r = pod.run(["daypass", "token-file", path])
        assert r.rc == 4 and r.out == "", r
    assert not (pod.runtime / "elsewhere").exists() and link.is_symlink()


def test_watch_renews_and_cleans_up(pod):
    path = pod.runtime / "token"
    pod.assertion(life=4)
    p = pod.start(["daypass", "token-file", path, "--watch"])
    wait_until(path.exists, "the first token")
    first = path.read_text()
    pod.assertion(life=4)
    wait_until(lambda: path.read_text() not in ("", first), "the second")
    p.send_signal(signal.SIGTERM)
    assert p.wait(LIMIT) == 0 and not path.exists()


def test_watch_leaves_a_file_that_is_anothers_by_now(pod):
    path = pod.runtime / "token"
    p = pod.start(["daypass", "token-file", path, "--watch"])
    wait_until(path.exists, "the first token")
    path.unlink()
    path.write_text("mine")
    p.send_signal(signal.SIGINT)
    assert p.wait(LIMIT) == 0 and path.read_text() == "mine"


def test_watch_tells_a_failure_and_goes_on(pod):
    path = pod.runtime / "token"
    pod.assertion(life=4)
    said = pod.folder / "said"
    with open(said, "w") as err:
        p = pod.start(["daypass", "token-file", path, "--watch"], stderr=err)
        wait_until(path.exists, "the first token")
        pod.token_file.unlink()
        wait_until(lambda: "tried again" in said.read_text(), "a word about it")
        assert p.poll() is None and not re.search("eyJ", said.read_text())
        p.send_signal(signal.SIGTERM)
        p.wait(LIMIT)


@pytest.mark.parametrize("argv", [("az", "account", "get-access-token"), ("azd", "auth", "token"), ("azd", "auth", "token", "--output", "json")])
def test_a_token_in_a_refusals_words_is_masked(desk, cloud, argv):
    """A service may quote what it got; az's and azd's callers log what we say."""
    token = cloud.mint()
    cloud.fault("github", "status", status=403, body={"message": f"not taken: {token}"})
    desk.place.github()
    r = desk.az(*argv[1:], name=argv[0], leaks=True)
    assert r.rc != 0 and "not taken" in r.out + r.err and token[-40:] not in r.out + r.err and token[10:40] not in r.out + r.err, r
