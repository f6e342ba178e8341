"""Sources that are programs: a configured command, and the Azure CLI (played by a script, so that its argv and environment can be seen)."""
import json
import os
import subprocess
import time

import pytest

from cloud.client import AUDIENCE, AUDIENCE_CHINA, AUDIENCE_USGOV, AZDO, FAB, TENANT
from e2e.place import PATH, URL, said_no, wait_until
from e2e.sandbox import foreign_file

RECORD = 'printf "%s\\0" "$@" > "$0.argv"; env -0 > "$0.env"; cat > "$0.stdin"; umask > "$0.umask"; echo run >> "$0.runs"\n'


def recorded(script, what):
    return script.with_name(f"{script.name}.{what}").read_bytes()


def environment(script):
    return dict(row.split(b"=", 1) for row in recorded(script, "env").split(b"\0") if row)


def gone(pid):
    """No such process, or one that only its parent remembers."""
    try:
        with open(f"/proc/{pid}/stat") as f:
            return f.read().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


def command(place, body, arguments="", **settings):
    script = place.script("source", body)
    place.config(source="command", token_file=None, command=f"{script} {arguments}".rstrip(), **settings)
    return script


def printing(place, content):
    """A command that prints these bytes."""
    return command(place, f"cat {place.write('printed', content)}")


# --- command ---

def test_command_gets_argv_and_no_shell(place, cloud):
    token = cloud.mint()
    script = command(place, RECORD + f"echo {token}", 'one "two words" $HOME `id` * a"b c"d >out "x;y" # a comment')
    assert place.get(SECRET_OF_THE_USER="kept").token
    assert recorded(script, "argv").split(b"\0")[:-1] == [b"one", b"two words", b"$HOME", b"`id`", b"*", b"ab cd", b">out", b"x;y"]
    env = environment(script)
    assert env[b"DAYPASS_AUDIENCE"] == AUDIENCE.encode() and env[b"SECRET_OF_THE_USER"] == b"kept" and env[b"HOME"] == str(place.home).encode()
    assert recorded(script, "stdin") == b"", "git's request belongs to us"
    assert not (place.work / "out").exists() and cloud.exchanges()[0]["form"]["client_assertion"] == token


def test_command_starts_with_the_callers_umask(place, cloud):
    script = command(place, RECORD + f"echo {cloud.mint()}")
    assert place.get(before=lambda: os.umask(0o027)).token and recorded(script, "umask").strip() == b"0027"


@pytest.mark.parametrize("settings, audience", [({"cloud": "usgov"}, AUDIENCE_USGOV), ({"cloud": "china"}, AUDIENCE_CHINA),
                                                ({"audience": "api://own"}, "api://own")])
def test_command_is_told_the_audience(place, cloud, settings, audience):
    script = command(place, RECORD + "exit 1", **settings)
    said_no(place.get(DAYPASS_AUDIENCE=settings.get("audience")), "ended with status 1")
    assert environment(script)[b"DAYPASS_AUDIENCE"].decode() == audience


@pytest.mark.parametrize("form", ['{"id_token": "%s"}', '{"token":"%s","expires_in":300}', '{"value":"%s"}', ' \n{"oidcToken": "%s"}\n',
                                  '{"version":1,"success":true,"token_type":"urn:ietf:params:oauth:token-type:id_token","id_token":"%s","expiration_time":1}',
                                  "%s", "%s\n", '"%s"\r\n'])
def test_command_output_forms(place, cloud, form):
    token = cloud.mint()
    printing(place, form % token)
    assert place.get().token and cloud.exchanges()[0]["form"]["client_assertion"] == token


@pytest.mark.parametrize("content, words", [
    ("", "is empty"), ("\n", "is empty"), ("no token today", "is not a JWT"), ('{"success": false, "code": "7", "message": "log in first"}', "log in first"),
    ("{}", "is not a JWT"), ('{"id_token": 7}', "is not a JWT"), ('{"id_token": "eyJh', "is not a JWT"), ('{"id_token":"a","id_token":"b"}', "is not a JWT"),
    (b"\0" * 100, "is not a JWT"), ("x" * 70000, "more than 65536 bytes"), ("x" * (4 << 20), "more than 65536 bytes")])
def test_command_output_that_is_no_token(place, cloud, content, words):
    script = printing(place, content)
    said_no(place.get(), script, words)
    assert not cloud.log()


def test_command_that_fails_says_why(place, cloud):
    script = command(place, "echo first line >&2; printf 'log in: \\033[31mred\\033[0m\\n' >&2; exit 3")
    line = said_no(place.get(), script, "ended with status 3", "first line", "red")
    assert "\033" not in line and not cloud.log()


def test_command_killed_by_a_signal(place, cloud):
    said_no(place.get() if command(place, "kill -9 $$") else None, "ended with status 137")
    assert not cloud.log()


def test_command_does_not_leak_a_token_through_its_complaint(place, cloud):
    token = cloud.mint()
    command(place, f"echo 'cannot use {token}' >&2; exit 1")
    line = said_no(place.get(), "cannot use")
    assert token not in line and token.split(".")[2] not in line


@pytest.mark.parametrize("mode", [0o757, 0o777, 0o702])
def test_command_that_others_can_change_is_not_run(place, cloud, mode):
    script = command(place, RECORD)
    script.chmod(mode)
    said_no(place.get(), script, "is not run", f"mode {mode:03o}", "chmod go-w")
    assert not script.with_name("source.runs").exists() and not cloud.log()


def test_command_of_another_owner_is_not_run(place, cloud):
    foreign = foreign_file()
    place.config(source="command", token_file=None, command=foreign)
    said_no(place.get(), foreign, "is not run", f"owner {os.stat(foreign).st_uid}")


@pytest.mark.parametrize("what, words", [("missing", "No such file"), ("no x bit", "cannot be started"), ("no interpreter", "cannot be started"),
                                         ("folder", "cannot be started")])
def test_command_that_cannot_be_started(place, cloud, what, words):
    script = command(place, "#!/nowhere/at/all\n" if what == "no interpreter" else "true")
    if what == "missing":
        script.unlink()
    elif what == "no x bit":
        script.chmod(0o644)
    elif what == "folder":
        script.unlink()
        script.mkdir(mode=0o755)
    said_no(place.get(), script, words)
    assert not cloud.log()


@pytest.mark.parametrize("value, words", [("relative/path", "absolute path"), ("token", "absolute path"), ('/x "open', "quote is not closed"),
                                          ("", "absolute path")])
def test_command_setting_mistakes(place, cloud, value, words):
    path = place.config(source="command", token_file=None, command=value)
    said_no(place.get(), f"{path}:5", words)


def test_slow_command_is_killed_with_its_children(place, cloud):
    script = command(place, 'sleep 600 & echo $! $$ > "$0.pids"; wait')
    start = time.monotonic()
    said_no(place.get(DAYPASS_TIMEOUT="1"), script, "no end after")
    assert time.monotonic() - start < 20
    pids = recorded(script, "pids").split()
    assert len(pids) == 2
    wait_until(lambda: all(gone(int(p)) for p in pids), "the command and its child are gone")
    assert not cloud.log()


def test_command_may_leave_a_child_that_holds_its_output(place, cloud):
    script = command(place, f'sleep 600 & echo $! > "$0.pids"; echo {cloud.mint()}')
    start = time.monotonic()
    try:
        assert place.get().token and time.monotonic() - start < 20
    finally:
        os.kill(int(recorded(script, "pids")), 9)


def test_command_that_closes_its_output_and_stays_is_killed(place, cloud):
    script = command(place, 'echo $$ > "$0.pids"; exec >&- 2>&-; exec sleep 600')
    said_no(place.get(DAYPASS_TIMEOUT="1"), script)
    wait_until(lambda: gone(int(recorded(script, "pids"))), "the command is gone")


def test_command_runs_once_for_many_and_again_when_it_changes(place, cloud):
    script = command(place, f'echo run >> "$0.runs"; echo {cloud.mint()}')
    for _ in range(3):
        assert place.get().token
    assert recorded(script, "runs") == b"run\n" and len(cloud.exchanges()) == 1
    place.script("source", f'echo run >> "$0.runs"; echo {cloud.mint()}; # another program')
    assert place.get().token and len(cloud.exchanges()) == 2


# --- az ---

def az(place, body, log_in=True, **config):
    """A fake Azure CLI on PATH, logged in."""
    script = place.script("bin/az", body)
    if log_in:
        place.write("home/.azure/azureProfile.json", "{}")
    place.config(**{"source": "az", "token_file": None, "client_id": None, **config})
    place.identity = {"PATH": f"{script.parent}:{PATH}"}
    return script


def answer(token, **more):
    return RECORD + f"cat <<'END'\n{json.dumps({'accessToken': token, 'subscription': 'x', 'tenant': TENANT, 'tokenType': 'Bearer', **more})}\nEND"


def test_az_is_asked_once_and_not_exchanged(place, cloud):
    token, end = cloud.token(), int(time.time()) + 4000
    script = az(place, answer(token, expires_on=end))
    assert place.git("ls-remote", URL).err == ""
    r = place.get()
    assert (r.token, r.fields["password_expiry_utc"]) == (token, str(end)) and recorded(script, "runs") == b"run\n"
    assert recorded(script, "argv").decode().split("\0")[:-1] == ["account", "get-access-token", "--output", "json", "--resource", AZDO, "--tenant", TENANT]
    env = environment(script)
    assert env[b"AZURE_CORE_NO_COLOR"] == b"true" and env[b"AZURE_CORE_COLLECT_TELEMETRY"] == b"0" and recorded(script, "stdin") == b""
    assert not cloud.exchanges() and {row["host"] for row in cloud.log(kind="http")} == {"dev.azure.com"}


def test_az_without_any_configuration_but_its_name(place, cloud):
    token = cloud.token()
    az(place, answer(token, expires_on=str(int(time.time()) + 4000)))
    (place.home / ".config/daypass/config").unlink()
    assert place.get(DAYPASS_SOURCE="az").token == token
    assert place.get().token is None, "az is never chosen by itself"


def test_old_az_without_expires_on_is_kept_five_minutes(place, cloud):
    az(place, answer(cloud.token(), expiresOn="2026-11-23 20:00:00.000000"))
    start = int(time.time())
    assert start + 300 <= int(place.get().fields["password_expiry_utc"]) <= time.time() + 300


def test_az_is_asked_again_after_another_log_in(place, cloud):
    script = az(place, answer(cloud.token(), expires_on=int(time.time()) + 4000))
    first = place.get().token
    place.write("home/.azure/azureProfile.json", '{"changed": 1}').rename(place.home / ".azure" / "new")
    place.write("home/.azure/azureProfile.json", '{"changed": 2}')
    place.script("bin/az", answer(cloud.token(client=FAB), expires_on=int(time.time()) + 4000))
    assert place.get().token != first and recorded(script, "runs") == b"run\nrun\n"


def test_az_profile_elsewhere(place, cloud):
    az(place, answer(cloud.token(), expires_on=int(time.time()) + 4000), log_in=False)
    place.write("elsewhere/azureProfile.json", "{}")
    assert place.get(AZURE_CONFIG_DIR=place.folder / "elsewhere").token


def test_az_not_logged_in(place, cloud):
    script = az(place, RECORD, log_in=False)
    said_no(place.get(), "az login", "azureProfile.json")
    assert not script.with_name("az.runs").exists() and not cloud.log()


def test_az_not_installed(place, cloud):
    script = az(place, RECORD)
    script.unlink()
    said_no(place.get(PATH=place.work), "az", "install the Azure CLI")


@pytest.mark.parametrize("body, words", [
    ("echo 'WARNING: old' >&2; echo \"ERROR: Please run 'az login' to setup account.\" >&2; exit 1", ("Please run 'az login'", "exit status 1")),
    ("printf '\\033[31mERROR: AADSTS700082: expired\\033[0m\\n' >&2; exit 1", ("AADSTS700082",)),
    ("exit 7", ("exit status 7",)), ("kill -9 $$", ("exit status 137",)), ("echo hello", ("no token",)), ("echo '{}'", ("no token",)),
    ("echo '{\"accessToken\": \"a b\"}'", ("no token",)), ("echo '{\"accessToken\": 7}'", ("no token",)), ("echo '{\"accessToken\": \"\"}'", ("no token",))])
def test_az_failures(place, cloud, body, words):
    az(place, body)
    line = said_no(place.get(), *words)
    assert "WARNING" not in line and "\033" not in line and not cloud.log()


def test_slow_az_is_killed(place, cloud):
    script = az(place, 'echo $$ > "$0.pids"; exec sleep 600')
    said_no(place.get(DAYPASS_TIMEOUT="1"), "az", "no end after")
    wait_until(lambda: gone(int(recorded(script, "pids"))), "az is gone")


def test_az_uploader_is_not_waited_for(place, cloud):
    """az leaves a telemetry uploader behind that holds its stdout."""
    script = az(place, f'sleep 600 & echo $! > "$0.pids"\n' + answer(cloud.token(), expires_on=int(time.time()) + 4000))
    try:
        start = time.monotonic()
        assert place.get().token and time.monotonic() - start < 20
    finally:
        os.kill(int(recorded(script, "pids")), 9)


def test_twenty_processes_start_az_once(place, cloud):
    script = az(place, answer(cloud.token(), expires_on=int(time.time()) + 4000))
    results = place.many(20, ["git-credential-daypass", "get"], place.ask())
    assert len({r.token for r in results}) == 1 and recorded(script, "runs") == b"run\n"


def test_children_get_signals_as_we_were_started(place, cloud):
    """The caller's ignored signals and blocked ones reach the command unchanged."""
    script = command(place, f'grep -E "Sig(Ign|Blk)" /proc/self/status > "$0.signals"; echo {cloud.mint()}')
    assert place.get().token
    plain = subprocess.run(["grep", "-E", "Sig(Ign|Blk)", "/proc/self/status"], capture_output=True).stdout
    assert recorded(script, "signals").split(b"\n")[0] == plain.split(b"\n")[0]
    assert int(recorded(script, "signals").split(b"SigIgn:")[1].split()[0], 16) & (1 << 12) == 0, "SIGPIPE is not ignored there"


# --- azd ---

def azd(place, body, **config):
    """A fake Azure Developer CLI on PATH, logged in."""
    script = place.script("bin/azd", body)
    place.write("home/.azd/auth.json", "{}")
    place.config(**{"source": "azd", "token_file": None, "client_id": None, **config})
    place.identity = {"PATH": f"{script.parent}:{PATH}"}
    return script


def test_azd_is_asked_once_and_not_exchanged(place, cloud):
    token, end = cloud.token(), int(time.time()) + 4000
    when = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(end))
    script = azd(place, RECORD + f"cat <<'END'\n{json.dumps({'token': token, 'expiresOn': when})}\nEND")
    assert place.git("ls-remote", URL).err == ""
    r = place.get(TZ="America/New_York")
    assert (r.token, r.fields["password_expiry_utc"]) == (token, str(end)) and recorded(script, "runs") == b"run\n"
    assert recorded(script, "argv").decode().split("\0")[:-1] == [
        "auth", "token", "--output", "json", "--no-prompt", "--scope", f"{AZDO}/.default", "--tenant-id", TENANT]
    assert environment(script)[b"NO_COLOR"] == b"true" and recorded(script, "stdin") == b"" and not cloud.exchanges()


def test_azd_not_logged_in(place, cloud):
    script = azd(place, "echo '{\"type\":\"consoleMessage\",\"data\":{\"message\":\"ERROR: not logged in, run `azd auth login` to login\"}}' >&2; exit 1")
    said_no(place.get(), "azd gave no token (exit status 1): not logged in", "azd auth login")
    (place.home / ".azd/auth.json").unlink()
    said_no(place.get(), "auth.json", "azd auth login")
    script.unlink()
    place.write("home/.azd/config.json", "{}")
    said_no(place.get(PATH=place.work), "install the Azure Developer CLI")
