"""store = keyring: what git gives is kept in the keyring, as git-credential-libsecret keeps it. git's own battery for that is in real/."""
import json

import pytest

from e2e.keyring import keyrings  # noqa: F401  a fixture
from e2e.place import HELPER, URL, silent
from e2e.test_keyring import EVERY, FIRST, SLACK

KEEP = "[match https://*]\nstore = keyring\n[match http://*]\nstore = keyring\n"
PAT = "7pat7pat7pat"


def helper(place, operation, text, **how):
    r = place.run([HELPER, operation], text, **how)
    assert r.rc == 0 and r.err == "", r
    return r.out


def ask(host="git.example.com", protocol="https", **fields):
    return f"protocol={protocol}\nhost={host}\n" + "".join(f"{k}={v}\n" for k, v in fields.items())


def git(place, operation, text, **how):
    """git itself, with us as its only helper. fill ends with an error where nobody knows."""
    return place.run(["git", "credential", operation], text, **how)


def kept(keyring):
    return [i for i in keyring.items() if i["attributes"].get("xdg:schema") == "org.git.Password"]


def test_git_gives_and_gets(place, cloud, keyrings):  # noqa: F811
    keyring = keyrings("real")
    place.config(KEEP)
    assert git(place, "fill", ask(), **keyring.env).rc != 0
    r = git(place, "approve", ask(username="alice", password=PAT), **keyring.env)
    assert (r.rc, r.out, r.err) == (0, "", "")
    r = git(place, "fill", ask(), **keyring.env)
    assert r.err == "" and r.fields["username"] == "alice" and r.fields["password"] == PAT
    assert git(place, "reject", ask(username="alice", password="another"), **keyring.env).err == ""
    assert git(place, "fill", ask(), **keyring.env).rc == 0, "another password was refused, not this one"
    git(place, "reject", ask(username="alice", password=PAT), **keyring.env)
    assert git(place, "fill", ask(), **keyring.env).rc != 0 and kept(keyring) == [] and not cloud.exchanges()


def test_the_layout_is_that_of_gits_own_helper(place, cloud, keyrings):  # noqa: F811
    keyring = keyrings("real")
    place.config("[match https://git.example.com:8443/team]\nstore = keyring\n")
    helper(place, "store", ask("git.example.com:8443", path="team/web", username="alice", password=PAT, password_expiry_utc="1999999999",
                               oauth_refresh_token="rrr"), **keyring.env)
    (item,) = kept(keyring)
    assert item["attributes"] == {"user": "alice", "object": "team/web", "protocol": "https", "port": "8443", "server": "git.example.com",
                                  "xdg:schema": "org.git.Password"}
    assert item["secret"].decode() == f"{PAT}\npassword_expiry_utc=1999999999\noauth_refresh_token=rrr"
    assert helper(place, "get", ask("git.example.com:8443", path="team/web"), **keyring.env) == \
        f"username=alice\npassword={PAT}\npassword_expiry_utc=1999999999\noauth_refresh_token=rrr\n"


def test_what_gits_own_helper_kept_is_found(place, cloud, keyrings):  # noqa: F811
    keyring = keyrings("real")
    place.config(KEEP)
    keyring.put(PAT.encode(), "Git: https://git.example.com/", user="bob", protocol="https", server="git.example.com", **{"xdg:schema": "org.git.Password"})
    assert helper(place, "get", ask(), **keyring.env) == f"username=bob\npassword={PAT}\n"
    helper(place, "store", ask(username="bob", password="new"), **keyring.env)
    assert [i["secret"] for i in kept(keyring)] == [b"new"], "replaced, not doubled"


def test_a_store_replaces_exactly_its_own_item(place, cloud, keyrings):  # noqa: F811
    """gnome-keyring takes an item with more attributes for the same: a password without a path would overwrite one with a path."""
    keyring = keyrings("real")
    place.config(KEEP)
    helper(place, "store", ask(path="a", username="u", password="with"), **keyring.env)
    helper(place, "store", ask(username="u", password="without"), **keyring.env)
    assert sorted(i["secret"] for i in kept(keyring)) == [b"with", b"without"]
    assert "password=with\n" in helper(place, "get", ask(path="a"), **keyring.env)


def test_a_store_leaves_what_others_kept_long_ago(place, cloud, keyrings):  # noqa: F811
    """Only tokens are tidied by their age; what people gave is theirs."""
    keyring = keyrings("mock")
    place.config(KEEP)
    keyring.put(b"old", "Git: https://old.example.com/ (daypass)", modified=1_000_000_000, user="u", protocol="https", server="old.example.com",
                **{"xdg:schema": "org.git.Password"})
    helper(place, "store", ask(username="u", password="new"), **keyring.env)
    assert sorted(i["secret"] for i in kept(keyring)) == [b"new", b"old"]


def test_only_what_a_match_names(place, cloud, keyrings):  # noqa: F811
    keyring = keyrings("mock")
    place.config("[match https://git.example.com]\nstore = keyring\n[match http://plain.example.com:8080]\nstore = keyring\n")
    for text in (ask("other.example.com"), ask(protocol="http"), ask("git.example.com:8443"), ask("plain.example.com", "http"), ask("git.example.com.evil.test"),
                 ask("evilgit.example.com"), ask("x.git.example.com")):
        for operation in ("get", "store", "erase"):
            r = place.run([HELPER, operation], text + "username=u\npassword=p\n", **keyring.env)
            silent(r)
    assert keyring.calls() == []
    helper(place, "store", ask("plain.example.com:8080", "http", username="u", password="p"), **keyring.env)
    assert "password=p" in helper(place, "get", ask("plain.example.com:8080", "http"), **keyring.env)


@pytest.mark.parametrize("given", [{"authtype": "Bearer", "credential": "c", "ephemeral": 1}, {"username": "u", "password": "p", "ephemeral": 1},
                                   {"password": "p"}, {"username": "u"}, {}])
def test_what_is_not_to_be_kept(place, cloud, keyrings, given):  # noqa: F811
    keyring = keyrings("mock")
    place.config(KEEP)
    helper(place, "store", "capability[]=authtype\n" + ask(**given), **keyring.env)
    assert keyring.items() == []


def test_other_schemes_of_authentication(place, cloud, keyrings):  # noqa: F811
    keyring = keyrings("real")
    place.config(KEEP)
    helper(place, "store", "capability[]=authtype\n" + ask(authtype="Digest", credential="ccc"), **keyring.env)
    assert helper(place, "get", ask(), **keyring.env) == "", "this git would not understand it"
    assert helper(place, "get", "capability[]=authtype\n" + ask(), **keyring.env) == "capability[]=authtype\nauthtype=Digest\ncredential=ccc\n"
    helper(place, "erase", ask(authtype="Digest", credential="ddd"), **keyring.env)
    assert len(kept(keyring)) == 1
    helper(place, "erase", ask(authtype="Digest", credential="ccc"), **keyring.env)
    assert kept(keyring) == []


@pytest.mark.parametrize("secret", [b"p\0assword", b"pass\rword", b"x\nauthtype=Bearer", b"x\nauthtype=A\ncredential=b\rhost=evil", b"\x1b[31m", b"x" * 200000])
def test_what_others_put_there_is_not_trusted(place, cloud, keyrings, secret):  # noqa: F811
    keyring = keyrings("mock")
    place.config(KEEP)
    keyring.put(secret, user="u", protocol="https", server="git.example.com", **{"xdg:schema": "org.git.Password"})
    assert helper(place, "get", "capability[]=authtype\n" + ask(), **keyring.env) == ""


# --- beside tokens ---

def test_keeping_for_others_takes_nothing_from_azure(place, cloud, keyrings):  # noqa: F811
    """[match] sections that only keep are none about tokens, however wide: identity default still serves dev.azure.com."""
    keyring = keyrings("real")
    place.config(more=KEEP)
    helper(place, "store", ask("dev.azure.com", username="u", password=PAT), **keyring.env)
    assert place.get(**keyring.env).token.startswith("ey") and place.git("ls-remote", URL, **keyring.env).err == ""
    assert len(cloud.exchanges()) == 1 and kept(keyring) == [], "and a token is not kept as if it were a password"


def test_a_pat_for_an_organization_that_cannot_be_federated_yet(place, cloud, keyrings):  # noqa: F811
    keyring = keyrings("real")
    place.config(more="[match https://dev.azure.com/contoso]\nidentity = default\n[match https://dev.azure.com/legacy]\nstore = keyring\n")
    legacy = ask("dev.azure.com", path="legacy/shop/_git/web")
    silent(place.run([HELPER, "get"], legacy, **keyring.env))
    helper(place, "store", legacy + f"username=u\npassword={PAT}\n", **keyring.env)
    assert f"password={PAT}" in helper(place, "get", legacy, **keyring.env)
    assert place.get(path="contoso/shop/_git/web", **keyring.env).token.startswith("ey") and len(cloud.exchanges()) == 1
    r = place.run(["daypass", "config", "check", "https://dev.azure.com/legacy/shop/_git/web"], **keyring.env)
    assert r.rc == 0 and "kept in the keyring" in r.out


def test_what_was_given_goes_before_a_token(place, cloud, keyrings):  # noqa: F811
    keyring = keyrings("real")
    place.config(more="[match https://dev.azure.com/contoso]\nidentity = default\nstore = keyring\n")
    url = ask("dev.azure.com", path="contoso/shop/_git/web")
    token = place.get(path="contoso/shop/_git/web", **keyring.env)
    helper(place, "store", url + f"username={token.fields['username']}\npassword={token.token}\n", **keyring.env)
    assert kept(keyring) == [], "our own token is not kept as a password"
    helper(place, "store", url + f"username=u\npassword={PAT}\n", **keyring.env)
    assert place.get(path="contoso/shop/_git/web", **keyring.env).token == PAT
    helper(place, "erase", url + f"username=u\npassword={PAT}\n", **keyring.env)
    assert place.get(path="contoso/shop/_git/web", **keyring.env).token == token.token and len(cloud.exchanges()) == 1


# --- with every keyring ---

@pytest.mark.parametrize("kind", EVERY)
def test_git_with_such_a_keyring(place, cloud, keyrings, kind):  # noqa: F811
    """A person is asked, as if there were no helper; no prompt of the keyring, no pause but the first, no word."""
    keyring = keyrings(kind)
    place.config(KEEP)
    for operation in ("get", "store", "erase", "get"):
        r = place.run([HELPER, operation], ask(username="u", password="p"), **keyring.env)
        assert r.rc == 0 and r.err == "" and r.seconds < FIRST + SLACK, r
    calls = keyring.calls()
    assert "Prompt" not in calls and "Unlock" not in calls


def test_with_v_it_says_why(place, cloud, keyrings):  # noqa: F811
    keyring = keyrings("locked")
    place.config(KEEP)
    r = place.run([HELPER, "-v", "store"], ask(username="u", password=PAT), **keyring.env)
    assert "keyring: locked; this is not kept" in r.err and PAT not in r.err


def test_not_in_a_job(place, cloud, keyrings):  # noqa: F811
    keyring = keyrings("mock")
    place.config(KEEP)
    helper(place, "store", ask(username="u", password="p"), CI="true", **keyring.env)
    assert keyring.calls() == []


# --- the commands for people ---

def test_list_and_logout(place, cloud, keyrings):  # noqa: F811
    keyring = keyrings("real")
    place.config(KEEP)
    keyring.put(b"theirs", "Git: https://theirs.example.com/", user="bob", protocol="https", server="theirs.example.com", **{"xdg:schema": "org.git.Password"})
    helper(place, "store", ask(username="alice", password=PAT), **keyring.env)
    r = place.run(["daypass", "cache", "list", "--json"], **keyring.env)
    assert json.loads(r.out) == [{"kind": "credential", "label": "Git: https://git.example.com/", "user": "alice", "tiers": ["keyring"]}] and PAT not in r.out
    assert "user alice" in place.run(["daypass", "cache", "list"], **keyring.env).out
    place.run(["daypass", "logout"], **keyring.env)
    assert len(kept(keyring)) == 2, "a password that was given stays, unless --all"
    place.run(["daypass", "logout", "--all"], **keyring.env)
    assert [i["secret"] for i in kept(keyring)] == [b"theirs"], "what git's own helper kept is not ours to delete"


def test_configure_git_asks_for_kept_hosts_too(place, cloud):
    place.config(more="[match https://git.example.com]\nstore = keyring\n[match http://plain.example.com]\nstore = keyring\n[match https://*]\nstore = keyring\n")
    r = place.run(["daypass", "configure", "git", "--dry-run"])
    assert "https://dev.azure.com" in r.out and "https://git.example.com" in r.out and "plain.example.com" not in r.out


def test_config_check_knows_them(place, cloud):
    place.config("[match http://plain.example.com]\nstore = keyring\n")
    r = place.run(["daypass", "config", "check", "http://plain.example.com/x"])
    assert r.rc == 0 and "kept in the keyring" in r.out
    assert "never used" not in place.run(["daypass", "config", "check"]).out
    r = place.run(["daypass", "config", "check", "http://other.example.com/x"])
    assert r.rc == 4 and "only https on port 443" in r.err
