"""The configuration file: what is refused, with file, line and the word that was probably meant; what is understood; who may write it."""
import pytest

from cloud.client import APP, FAB, TENANT, TENANT2, UAMI
from e2e.place import HELPER, said_no, silent
from e2e.sandbox import foreign_file

HEAD = f"[identity default]\ntenant = {TENANT}\nclient-id = {APP}\nsource = file\n"  # four lines; the token file's follows


def with_file(place, text):
    return place.config(f"{HEAD}token-file = {place.token_file}\n{text}")


MISTAKES = [
    ("tennant = x\n", 6, ("unknown key", "'tennant'", "did you mean 'tenant'")), ("client_id = x\n", 6, ("unknown key", "'client_id'", "client-id")),
    ("identity = x\n", 6, ("unknown key",)), ("frobnicate = x\n", 6, ("unknown key", "frobnicate")), ("tenant = x.y\n", 6, ("stands twice", "tenant")),
    ("[identity default]\n", 6, ("stands twice", "default", ":1")), ("[identity a]\n[identity a]\n", 7, ("stands twice", ":6")),
    ("[match https://dev.azure.com]\n[match https://dev.azure.com]\n", 7, ("stands twice",)), ("[identty x]\n", 6,
            ("unknown section", "did you mean 'identity'")), ("[identity]\n", 6, ("needs a name",)),
    ("[match]\n", 6, ("needs a name",)), ("[daypass x]\n", 6, ("takes no name",)), ("[identity x\n", 6, ("a section is written",)),
    ("[]\n", 6, ("a section is written",)), ("nonsense\n", 6, ("neither",)),
    ("= x\n", 6, ("unknown key",)), ("[daypass]\ntimeout = 0\n", 7, ("timeout = 0", "1 to 600")), ("[daypass]\ntimeout = 5s\n", 7, ("timeout",)),
    ("[daypass]\ncache = some\n", 7, ("auto or none",)),
    ("[daypass]\ntenant = x\n", 7, ("unknown key",)), ("[identity b]\nclient-id = 123\n", 7, ("client-id = 123", "GUID")),
    ("[identity b]\nclient-id = {}\n".format(APP.replace("-", "")), 7, ("GUID",)),
    ("[identity b]\nclient-id = {" + APP + "}\n", 7, ("GUID",)), ("[identity b]\ntenant = contoso\n", 7, ("tenant = contoso", "domain")),
    ("[identity b]\ntenant =\n", 7, ("tenant",)),
    ("[identity b]\nsource = GitHub\n", 7, ("source",)), ("[identity b]\ncloud = germany\n", 7, ("usgov",)),
    ("[identity b]\ntoken-file = x\n", 7, ("absolute path",)), ("[identity b]\ntoken-env = A-B\n", 7, ("variable",)),
    ("[identity b]\nservice-connection = x\n", 7, ("GUID",)), ("[identity b]\nsubject = me\n", 7, ("connection or pipeline",)),
    ("[match https://dev.azure.com]\non-failure = maybe\n", 7, ("stop or soft",)),
    ("[match http://dev.azure.com]\n", 6, ("https only",)), ("[match https://u@dev.azure.com]\n", 6, ("pattern",)),
    ("[match https://dev.azure.com:444]\n", 6, ("pattern",)),
    ("[match https://dev.azure.com/a?b]\n", 6, ("pattern",)), ("[match dev.azure.com/contoso]\n", 6, ("bare host",)),
    ('[identity b]\naudience = "x\n', 7, ("quote is not closed",)),
    ("[identity b]\ntenant = a.b\x01c\n", 7, ("control character",)), ("[identity b]\ntenant = a.b\0c\n", 7, ("NUL",)),
    ("# " + "x" * 4096 + "\n", 6, ("longer than 4096",)),
    ("[identity " + "x" * 5000 + "]\n", 6, ("longer than 4096",))]


@pytest.mark.parametrize("text, line, words", MISTAKES, ids=range(len(MISTAKES)))
def test_mistakes_are_named_with_file_and_line(place, cloud, text, line, words):
    """And only for the hosts that are ours: all others stay silent, so that a typing mistake breaks no other clone."""
    path = with_file(place, text)
    said_no(place.get(), f"{path}:{line}:", *words)
    silent(place.get(host="github.com"))
    silent(place.run([HELPER, "store"], place.ask()))
    assert not cloud.log()
    check = place.run(["daypass", "config", "check"])
    assert check.rc == 3 and f"{path}:{line}:" in check.err and not cloud.log()


def test_a_setting_before_the_first_section(place, cloud):
    path = place.config("tenant = a.b\n")
    said_no(place.get(), f"{path}:1:", "before the first [section]")


GOOD = {
    "CR LF": lambda t: t.replace("\n", "\r\n"), "no last newline": lambda t: t.rstrip("\n"), "byte order mark": lambda t: "\ufeff" + t,
    "blanks": lambda t: "\n\n" + t.replace("\n", "  \t\n\n").replace("tenant", "  tenant"),
    "comments": lambda t: "# x\n; y\n" + t.replace("source = file", "source = file # a comment ; more"), "quotes": lambda t: t.replace(APP, f'"{APP}"'),
    "no blanks": lambda t: t.replace(" = ", "="),
    "optional unknown key": lambda t: t + "?brand-new = 1\n", "upper-case ids": lambda t: t.replace(APP, APP.upper()),
    "a long comment": lambda t: "#" + "x" * 4000 + "\n" + t, "many sections": lambda t: t + "".join(f"[identity i{i}]\n" for i in range(2000)),
    "brackets with blanks": lambda t: t.replace("[identity default]", "  [ identity   default ]  "),
    "tabs": lambda t: t.replace(" = ", "\t=\t").replace("[identity default]", "[identity\tdefault]")}


@pytest.mark.parametrize("name", GOOD)
def test_what_is_understood(place, cloud, name):
    place.config(GOOD[name](f"{HEAD}token-file = {place.token_file}\n"))
    r = place.get()
    assert r.token and r.err == "" and cloud.exchanges()[0]["form"]["client_id"].lower() == APP


def test_no_such_identity(place, cloud):
    path = with_file(place, "[match https://dev.azure.com]\nidentity = nobody\n")
    assert place.get().out == "quit=1\n"
    said_no(place.get(), f"{path}:7", "no [identity nobody]")
    said_no(place.get(options=["--identity", "noone"]), "--identity", "noone")
    said_no(place.get(DAYPASS_IDENTITY="none-such"), "DAYPASS_IDENTITY", "none-such")
    said_no(place.get(options=["--identity=noone"]), "noone")
    assert not cloud.log()


def test_identity_without_its_ids(place, cloud):
    path = place.config(f"[identity default]\nsource = file\ntoken-file = {place.token_file}\n")
    said_no(place.get(), "default", f"{path}:1", "has no tenant", "tenant = ")
    place.config(f"[identity default]\ntenant = {TENANT}\nsource = file\ntoken-file = {place.token_file}\n")
    said_no(place.get(), "has no client-id")
    assert not cloud.log()


def test_identity_without_a_source(place, cloud):
    path = place.config(f"[identity default]\ntenant = {TENANT}\nclient-id = {APP}\n")
    said_no(place.get(), "default", f"{path}:1", "no source", "az")
    assert not cloud.log()


# --- who may write it, and where it is ---

@pytest.mark.parametrize("mode", [0o602, 0o666, 0o646, 0o606])
def test_world_writable_is_refused(place, cloud, mode):
    path = with_file(place, "")
    path.chmod(mode)
    said_no(place.get(), path, "others can change this file", f"{mode:03o}", "chmod go-w")
    silent(place.get(host="github.com"))
    assert not cloud.log()


@pytest.mark.parametrize("mode", [0o600, 0o644, 0o400, 0o444])
def test_usual_modes_are_fine(place, cloud, mode):
    with_file(place, "").chmod(mode)
    assert place.get().token


def test_group_writable_is_refused_unless_the_group_is_ours_alone(place, cloud):
    path = with_file(place, "")
    path.chmod(0o660)
    st = path.stat()
    if st.st_gid == st.st_uid:  # a user-private group
        assert place.get().token
    else:
        said_no(place.get(), "others can change this file")


def test_file_of_somebody_else_is_refused(place, cloud):
    """Even root's eyes see an owner."""
    said_no(place.pod().get(DAYPASS_CONFIG=foreign_file()), "others can change this file", "owner")


def test_config_by_variable(place, cloud):
    other = place.write("other", f"{HEAD}token-file = {place.token_file}\n".replace(APP, UAMI))
    with_file(place, "")
    assert place.get(DAYPASS_CONFIG=other).token and cloud.exchanges()[0]["form"]["client_id"] == UAMI
    assert place.get(DAYPASS_CONFIG="/dev/null").token is None
    for bad in ("/nowhere/at/all", place.folder, place.write("x", "", 0o000)):
        said_no(place.get(DAYPASS_CONFIG=bad), bad, "DAYPASS_CONFIG")
    assert len(cloud.exchanges()) == 1


def test_xdg_config_home(place, cloud):
    path = with_file(place, "")
    moved = place.folder / "xdg" / "daypass"
    moved.mkdir(parents=True)
    path.rename(moved / "config")
    silent(place.get())
    assert place.get(XDG_CONFIG_HOME=moved.parent).token and place.get(HOME=None, XDG_CONFIG_HOME=moved.parent).token
    silent(place.get(XDG_CONFIG_HOME="relative"))


@pytest.mark.parametrize("how", ["unreadable file", "unreadable folder", "a file where a folder should be", "dangling link"])
def test_a_default_path_that_cannot_be_reached_is_no_file(place, cloud, how):
    """sudo -E, NFS homes and the like: the environment's identity still works."""
    path = with_file(place, "tennant = x\n")
    place.pod()
    if how == "unreadable file":
        path.chmod(0)
    elif how == "unreadable folder":
        path.parent.chmod(0)
    elif how == "dangling link":
        path.unlink()
        path.symlink_to("nowhere")
    else:
        path.unlink()
        path.parent.rmdir()
        path.parent.write_text("")
    r = place.get()
    assert r.token and r.err == ""


def test_home_unset(place, cloud):
    assert place.pod().get(HOME=None).token
    with_file(place, "")
    silent(place.get(HOME=None))
    assert len(cloud.exchanges()) == 1


def test_config_in_the_repository_is_never_read(pod, cloud):
    web = pod.clone()
    for name in (".daypass", "daypass.conf", ".config/daypass/config", "daypass/config"):
        (web / name).parent.mkdir(parents=True, exist_ok=True)
        if not (web / name).is_dir():
            (web / name).write_text("[identity default]\nclient-id = " + FAB + "\ntenant = " + TENANT2 + "\nsource = command\ncommand = /bin/false\n")
    pod.fresh_runtime()
    assert pod.git("fetch", "-q", cwd=web).err == "" and {r["form"]["client_id"] for r in cloud.exchanges()} == {APP}


# --- matching ---

@pytest.mark.parametrize("patterns, path, client", [
    (("https://dev.azure.com", "https://dev.azure.com/contoso"), "contoso/x", UAMI), (("https://dev.azure.com/contoso", "https://dev.azure.com"), "contoso/x",
            APP),
    (("https://*.azure.com/contoso", "https://dev.azure.com/contoso"), "contoso/x", UAMI),
    (("https://dev.azure.com/contoso/shop", "https://dev.azure.com/contoso"), "contoso/shop/_git/web", APP),
    (("https://dev.azure.com/contoso/shop", "https://dev.azure.com/contoso"), "contoso/shopping/_git/web", UAMI),
    (("https://DEV.azure.com/Contoso", "https://dev.azure.com/other"), "contoso/x", APP),
    (("https://dev.azure.com:443/contoso/", "https://dev.azure.com/other"), "contoso/x", APP)], ids=range(7))
def test_the_most_specific_pattern_wins(place, cloud, patterns, path, client):
    place.assertion()
    first, second = patterns
    with_file(place, f"[identity two]\ntenant = {TENANT}\nclient-id = {UAMI}\nsource = file\ntoken-file = {place.token_file}\n"
                     f"[match {first}]\n[match {second}]\nidentity = two\n")
    assert place.get(path=path).token and [r["form"]["client_id"] for r in cloud.exchanges()] == [client]


def test_unmatched_is_silent_and_asks_nobody(place, cloud):
    with_file(place, "[match https://dev.azure.com/other]\n")
    silent(place.get(path="contoso/shop/_git/web"))
    assert not cloud.log() and not place.records()
