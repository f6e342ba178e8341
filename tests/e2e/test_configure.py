"""daypass configure git / unconfigure git, with the real git. No network.

DAYPASS_BIN or DAYPASS_TEST_BIN names the folder with the built daypass and git-credential-daypass (default: build/release/bin).
"""
import os
import pathlib
import shutil
import stat
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
BIN = pathlib.Path(os.environ.get("DAYPASS_BIN") or os.environ.get("DAYPASS_TEST_BIN") or ROOT / "build/release/bin").resolve()
OPEN = "# >>> daypass configure git >>>\n"
CLOSE = "# <<< daypass configure git <<<\n"
AZURE = '[credential "https://dev.azure.com"]\n\thelper =\n\thelper = daypass\n'
BLOCK = OPEN + AZURE + CLOSE
PERSON = "[user]\n\tname = A Person\n\temail = a@example.com\n"
NOBODY = 65534

TWO_IDENTITIES = """\
[identity default]
tenant = contoso.onmicrosoft.com
client-id = 00001111-aaaa-2222-bbbb-3333cccc4444
[identity other]
tenant = fabrikam.onmicrosoft.com
client-id = 00001111-aaaa-2222-bbbb-3333cccc5555
"""


class Home:
    """A home of its own, a system file of its own, and a clean environment."""

    def __init__(self, path):
        self.path = path / "home"
        self.path.mkdir()
        self.system = path / "system.gitconfig"
        self.system.write_text("")
        self.config = self.path / ".gitconfig"
        self.stubs = path / "stubs"
        self.stubs.mkdir()
        self.log = path / "stubs.log"
        self.env = {
            "HOME": str(self.path),
            "PATH": f"{BIN}:{self.stubs}:/usr/local/bin:/usr/bin:/bin",
            "GIT_CONFIG_SYSTEM": str(self.system),
            "GIT_TERMINAL_PROMPT": "0",
            "GIT_CEILING_DIRECTORIES": str(path),
            "LC_ALL": "C",
        }
        self.cwd = self.path

    def run(self, *words, code=0, **more):
        more.setdefault("cwd", self.cwd)
        program = more.pop("program", str(BIN / "daypass"))
        env = {k: v for k, v in {**self.env, **more.pop("env", {})}.items() if v is not None}
        done = subprocess.run([program, *words], env=env, capture_output=True, text=True, timeout=60, **more)
        assert done.returncode == code, (done.returncode, done.stdout, done.stderr)
        assert "Sanitizer" not in done.stderr and "runtime error" not in done.stderr, done.stderr
        return done

    def configure(self, *words, **more):
        return self.run("configure", "git", *words, **more)

    def unconfigure(self, *words, **more):
        return self.run("unconfigure", "git", *words, **more)

    def git(self, *words, code=0, **more):
        return self.run(*words, program="git", code=code, **more)

    def daypass_config(self, text):
        path = self.path / ".config/daypass/config"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        path.chmod(0o600)

    def stub(self, name):
        """A helper that says that it was called, and answers."""
        path = self.stubs / f"git-credential-{name}"
        path.write_text(f'#!/bin/sh\necho {name} "$1" >> {self.log}\n[ "$1" = get ] && printf "username=u\\npassword=p\\n"\nexit 0\n')
        path.chmod(0o755)

    def called(self):
        return self.log.read_text() if self.log.exists() else ""

    def fill(self, host, **env):
        """git credential fill, and what git started for it."""
        done = subprocess.run(
            ["git", "credential", "fill"], input=f"protocol=https\nhost={host}\npath=org/p/_git/r\n\n", text=True, cwd=self.cwd,
            env={**self.env, "GIT_TRACE": "1", **env}, capture_output=True, timeout=60)
        return done.stdout + done.stderr


@pytest.fixture
def home(tmp_path):
    return Home(tmp_path)


def raw(path):
    return path.read_bytes()


# --- what is written, and that it goes again -------------------------------------------------------------------------

def test_block_is_appended_and_taken_away(home):
    home.config.write_text(PERSON)
    done = home.configure()
    assert home.config.read_text() == PERSON + BLOCK
    assert done.stdout == f"wrote {home.config}: git asks daypass for https://dev.azure.com\n"
    assert done.stderr == ""
    done = home.unconfigure()
    assert home.config.read_text() == PERSON
    assert done.stdout == f"removed daypass from {home.config}\n"


def test_second_run_changes_nothing(home):
    home.config.write_text(PERSON)
    home.configure()
    before = os.stat(home.config)
    done = home.configure()
    assert done.stdout.startswith(f"nothing to change in {home.config}")
    after = os.stat(home.config)
    assert (before.st_ino, before.st_mtime_ns) == (after.st_ino, after.st_mtime_ns)
    home.unconfigure()
    done = home.unconfigure()
    assert done.stdout == f"nothing to change in {home.config}: daypass has written nothing there\n"


@pytest.mark.parametrize("before", [
    b"", b"[user]\n\tname = x", b"[user]\r\n\tname = x\r\n", b"[user]\r\n\tname = x", b"\n", b"# only a comment", b"\xef\xbb\xbf[user]\n\tname = x\n",
    b"[user]\n\tname = x\n\n\n", b"[alias]\n\tl = log \\\n\t--oneline\\", b"[a]\r\n\tb = c\n[d]\n\te = f\n",
])
def test_bytes_come_back(home, before):
    home.config.write_bytes(before)
    home.configure()
    once = raw(home.config)
    assert once.startswith(before) and len(once) > len(before)
    home.configure()
    assert raw(home.config) == once
    assert home.git("config", "--get-urlmatch", "credential.helper", "https://dev.azure.com/x").stdout == "daypass\n"
    home.unconfigure()
    assert raw(home.config) == before


def test_crlf_file_stays_crlf(home):
    home.config.write_bytes(b"[user]\r\n\tname = x\r\n")
    home.configure()
    assert raw(home.config).count(b"\n") == raw(home.config).count(b"\r\n") == 7
    home.daypass_config("[match https://dev.azure.com/contoso]\nidentity = default\n")
    home.configure()
    assert raw(home.config).count(b"\n") == raw(home.config).count(b"\r\n") == 8


def test_missing_file_is_made_and_removed_again(home):
    home.configure()
    assert AZURE in home.config.read_text()
    assert stat.S_IMODE(home.config.stat().st_mode) == 0o600
    home.configure()
    done = home.unconfigure()
    assert not home.config.exists()
    assert done.stdout == f"removed {home.config}: nothing else was in it\n"


def test_made_file_stays_when_somebody_wrote_into_it(home):
    home.configure()
    home.git("config", "--global", "user.name", "x")
    home.unconfigure()
    assert home.config.read_text() == "[user]\n\tname = x\n"


def test_line_without_end_and_text_behind_the_block(home):
    home.config.write_text("[user]\n\tname = x")
    home.configure()
    with home.config.open("a") as f:
        f.write("[core]\n\teditor = vi\n")
    home.unconfigure()
    assert home.config.read_text() == "[user]\n\tname = x\n[core]\n\teditor = vi\n"


def test_dotfiles_stay_links_and_bytes(home, tmp_path):
    """The proof: .gitconfig and .config/daypass/config are links into a dotfiles repository."""
    dotfiles = tmp_path / "dotfiles"
    dotfiles.mkdir()
    (dotfiles / "gitconfig").write_text(PERSON)
    (dotfiles / "gitconfig").chmod(0o640)
    (dotfiles / "daypass").write_text("[match https://dev.azure.com/contoso]\nidentity = default\n")
    (dotfiles / "daypass").chmod(0o600)
    home.git("init", "-q", cwd=dotfiles)
    home.git("add", ".", cwd=dotfiles)
    home.git("-c", "user.name=x", "-c", "user.email=x", "commit", "-qm", "x", cwd=dotfiles)
    home.config.symlink_to("../dotfiles/gitconfig")
    (home.path / ".config/daypass").mkdir(parents=True)
    (home.path / ".config/daypass/config").symlink_to(dotfiles / "daypass")
    home.configure()
    assert "credential-daypass" in home.fill("dev.azure.com")
    assert (dotfiles / "gitconfig").read_text() == PERSON + OPEN + AZURE + "\tuseHttpPath = true\n" + CLOSE
    assert home.git("status", "--porcelain", cwd=dotfiles).stdout == " M gitconfig\n"
    home.unconfigure()
    assert os.readlink(home.config) == "../dotfiles/gitconfig"
    assert stat.S_IMODE((dotfiles / "gitconfig").stat().st_mode) == 0o640
    assert home.git("status", "--porcelain", cwd=dotfiles).stdout == ""
    assert sorted(p.name for p in dotfiles.iterdir()) == [".git", "daypass", "gitconfig"]


def test_link_to_a_file_that_is_not_there_yet(home, tmp_path):
    home.config.symlink_to(tmp_path / "later")
    home.configure()
    assert home.config.is_symlink() and AZURE in (tmp_path / "later").read_text()
    home.unconfigure()
    assert home.config.is_symlink() and not (tmp_path / "later").exists()


# --- which file ------------------------------------------------------------------------------------------------------

def test_xdg_file_where_only_that_exists(home):
    xdg = home.path / ".config/git/config"
    xdg.parent.mkdir(parents=True)
    xdg.write_text(PERSON)
    home.configure()
    assert xdg.read_text() == PERSON + BLOCK and not home.config.exists()
    home.unconfigure("--global")
    home.config.write_text("")
    home.configure()
    assert home.config.read_text() == BLOCK and xdg.read_text() == PERSON


def test_xdg_config_home(home, tmp_path):
    xdg = tmp_path / "xdg/git/config"
    xdg.parent.mkdir(parents=True)
    xdg.write_text("")
    home.configure(env={"XDG_CONFIG_HOME": str(tmp_path / "xdg")})
    assert xdg.read_text() == BLOCK


def test_git_config_global(home, tmp_path):
    home.config.write_text("")
    home.configure(env={"GIT_CONFIG_GLOBAL": str(tmp_path / "elsewhere"), "HOME": None})
    assert AZURE in (tmp_path / "elsewhere").read_text() and home.config.read_text() == ""


def test_git_config_global_dev_null_is_refused(home):
    home.configure(env={"GIT_CONFIG_GLOBAL": "/dev/null"}, code=3)
    assert stat.S_ISCHR(os.stat("/dev/null").st_mode)


def test_system(home):
    done = home.configure("--system")
    assert home.system.read_text() == BLOCK and not home.config.exists()
    assert done.stderr == ""
    home.unconfigure("--system")
    assert home.system.read_text() == ""


def test_system_as_git_says(home, tmp_path):
    """git >= 2.41 has `git var GIT_CONFIG_SYSTEM`."""
    elsewhere = tmp_path / "etc-gitconfig"
    fake = home.stubs / "git"
    fake.write_text(f'#!/bin/sh\n[ "$1 $2" = "var GIT_CONFIG_SYSTEM" ] && {{ echo {elsewhere}; exit 0; }}\nexec /usr/bin/git "$@"\n')
    fake.chmod(0o755)
    home.configure("--system")
    assert AZURE in elsewhere.read_text()
    assert stat.S_IMODE(elsewhere.stat().st_mode) == 0o644


def test_file(home, tmp_path):
    other = tmp_path / "shared file"
    other.write_text(PERSON)
    done = home.configure("--file", str(other))
    assert other.read_text() == PERSON + BLOCK and not home.config.exists()
    assert f"git does not read {other} here" in done.stderr
    home.config.write_text(f'[include]\n\tpath = "{other}"\n')
    done = home.configure(f"--file={other}")
    assert done.stdout.startswith("nothing to change") and done.stderr == ""
    home.unconfigure("--file", "../shared file")
    assert other.read_text() == PERSON


def test_file_that_is_linked_to_the_global_one(home, tmp_path):
    """Its place in git's order is known though it is empty."""
    (tmp_path / "dot").write_text("")
    home.config.symlink_to(tmp_path / "dot")
    home.system.write_text("[credential]\n\thelper = manager\n")
    done = home.configure("--file", str(tmp_path / "dot"), "--dry-run")
    assert f"silences credential.helper = manager (file:{home.system})" in done.stdout and done.stderr == ""


def test_no_home(home):
    done = home.configure(env={"HOME": None}, code=3)
    assert "HOME is not set" in done.stderr and "--file" in done.stderr


@pytest.mark.parametrize("words", [
    [], ["svn"], ["git", "--global", "--system"], ["git", "--local"], ["git", "--file"], ["git", "--file="], ["git", "--file", "x", "--system"], ["git", "more"],
])
def test_usage(home, words):
    for command in "configure", "unconfigure":
        assert home.run(command, *words, code=2).stdout == ""
    assert not home.config.exists()


def test_options_before_the_subject(home, tmp_path):
    home.run("configure", "--file", str(tmp_path / "f"), "git")
    assert AZURE in (tmp_path / "f").read_text()
    home.run("unconfigure", "--dry-run", f"--file={tmp_path / 'f'}", "git")
    assert AZURE in (tmp_path / "f").read_text()


# --- which hosts -----------------------------------------------------------------------------------------------------

def test_path_in_a_pattern_needs_the_path(home):
    home.daypass_config(TWO_IDENTITIES + "[match https://dev.azure.com/contoso]\n[match https://dev.azure.com/fabrikam]\nidentity = other\n")
    home.configure()
    assert AZURE + "\tuseHttpPath = true\n" + CLOSE in home.config.read_text()
    assert home.git("config", "--get-urlmatch", "credential.usehttppath", "https://dev.azure.com/x").stdout == "true\n"


def test_hosts_of_the_patterns(home):
    home.daypass_config("[match https://DEV.azure.com:443]\n[match https://contoso.visualstudio.com/p]\n[match https://*.visualstudio.com]\n"
                        "[match https://contoso.visualstudio.com]\n[match https://github.com]\n[match *.azurecr.io]\n")
    done = home.configure()
    assert "https://dev.azure.com, https://contoso.visualstudio.com, https://*.visualstudio.com\n" in done.stdout
    text = home.config.read_text()
    assert text.count("[credential") == 3 and text.count("useHttpPath") == 1 and "github" not in text
    for host in "contoso", "fabrikam":
        assert home.fill(f"{host}.visualstudio.com").count("run_command: 'git credential-daypass get'") == 1
    assert "credential-daypass" not in home.fill("visualstudio.com")
    home.unconfigure()
    assert not home.config.exists()


def test_a_host_that_no_pattern_serves_keeps_its_helpers(home):
    home.stub("other")
    home.system.write_text("[credential]\n\thelper = other\n")
    home.daypass_config("[match https://contoso.visualstudio.com]\n")
    home.configure()
    assert "dev.azure.com" not in home.config.read_text()
    assert "password=p" in home.fill("dev.azure.com")
    assert "credential-daypass" in home.fill("contoso.visualstudio.com")


def test_a_pattern_wider_than_ours_silences_nobody_else(home):
    home.daypass_config("[match https://*.azure.com/contoso]\n")
    home.configure()
    assert AZURE + "\tuseHttpPath = true\n" + CLOSE in home.config.read_text()


def test_patterns_without_a_host_of_ours(home):
    home.daypass_config("[match https://github.com]\n")
    assert "no [match] names a host" in home.configure(code=3).stderr
    assert not home.config.exists()


def test_old_name_of_the_job_s_organization(home):
    home.configure(env={"TF_BUILD": "True", "SYSTEM_COLLECTIONURI": "https://Contoso.visualstudio.com/"})
    assert '[credential "https://contoso.visualstudio.com"]' in home.config.read_text()


def test_block_follows_the_configuration(home):
    home.config.write_text(PERSON)
    home.configure()
    with home.config.open("a") as f:
        f.write("[core]\n\teditor = vi\n")
    home.daypass_config("[match https://dev.azure.com/contoso]\n")
    home.configure()
    assert home.config.read_text() == PERSON + OPEN + AZURE + "\tuseHttpPath = true\n" + CLOSE + "[core]\n\teditor = vi\n"
    home.unconfigure()
    assert home.config.read_text() == PERSON + "[core]\n\teditor = vi\n"


def test_broken_configuration(home):
    home.daypass_config("[match https://dev.azure.com]\nidentty = x\n")
    home.config.write_text(PERSON)
    done = home.configure(code=3)
    assert "config:2" in done.stderr and home.config.read_text() == PERSON
    home.config.write_text(PERSON + BLOCK)
    home.unconfigure()
    assert home.config.read_text() == PERSON


# --- how git starts us -----------------------------------------------------------------------------------------------

def test_by_name_where_git_finds_this_program(home):
    home.configure()
    assert "\thelper = daypass\n" in home.config.read_text()


@pytest.mark.parametrize("folder", ["plain", "with blank", "a#b;c", "quo\"te's", "back\\slash", "$HOME `x` & (y) *", "ünï"])
def test_by_path_elsewhere(home, tmp_path, folder):
    """git has a shell start it; what is special to the shell or to git's configuration is quoted."""
    place = tmp_path / folder
    place.mkdir()
    shutil.copy(BIN / "daypass", place / "daypass")
    home.env["PATH"] = "/usr/bin:/bin"
    home.configure(program=str(place / "daypass"))
    value = home.git("config", "--get-urlmatch", "credential.helper", "https://dev.azure.com/").stdout
    assert value.startswith("/") and value.endswith("/daypass git\n")
    home.daypass_config("[match https://dev.azure.com]\n")
    assert "there is no [identity default]" in home.fill("dev.azure.com")
    assert home.configure(program=str(place / "daypass")).stdout.startswith("nothing to change")
    home.config.write_text(PERSON + home.config.read_text())
    home.unconfigure()
    assert home.config.read_text() == PERSON


def test_another_program_of_that_name_comes_first(home):
    home.stub("daypass")
    home.env["PATH"] = f"{home.stubs}:{home.env['PATH']}"
    home.configure()
    assert f"helper = {(BIN / 'daypass').resolve()} git\n" in home.config.read_text()


def test_started_by_a_relative_path_and_without_proc(home):
    script = "umount -l /proc && cd \"$1\" && exec ./daypass configure git"
    probe = subprocess.run(["unshare", "-m", "umount", "-l", "/proc"], capture_output=True)
    if probe.returncode:
        pytest.skip("not run: no namespaces")
    done = subprocess.run(["unshare", "-m", "sh", "-c", script, "sh", str(BIN)], env={**home.env, "PATH": "/usr/bin:/bin"}, capture_output=True, text=True)
    if "Sanitizer" in done.stderr:  # its own start-up reads /proc
        return
    assert done.returncode == 0, done.stderr
    assert f"helper = {(BIN / 'daypass').resolve()} git\n" in home.config.read_text()


def test_moved_program_replaces_its_old_path(home, tmp_path):
    for name in "old", "new":
        (tmp_path / name).mkdir()
        shutil.copy(BIN / "daypass", tmp_path / name / "daypass")
    home.env["PATH"] = "/usr/bin:/bin"
    home.config.write_text(PERSON)
    home.configure(program=str(tmp_path / "old/daypass"))
    done = home.configure(program=str(tmp_path / "new/daypass"))
    assert home.config.read_text().count("helper") == 2 and f"{tmp_path}/new/daypass git" in home.config.read_text()
    assert "silences" not in done.stdout and done.stderr == ""
    home.unconfigure()
    assert home.config.read_text() == PERSON


# --- what others put into the block ----------------------------------------------------------------------------------

def test_settings_of_others_in_our_section(home):
    home.config.write_text(PERSON)
    home.configure()
    home.git("config", "--global", "credential.https://dev.azure.com.username", "bob")
    assert home.config.read_text().endswith("\tusername = bob\n" + CLOSE)
    assert home.configure().stdout.startswith("nothing to change")
    home.unconfigure()
    assert home.config.read_text() == PERSON + '[credential "https://dev.azure.com"]\n\tusername = bob\n'


def test_settings_of_others_survive_a_change_of_the_block(home):
    home.configure()
    home.git("config", "--global", "credential.https://dev.azure.com.username", "bob")
    home.daypass_config("[match https://dev.azure.com/contoso]\n")
    home.configure()
    assert home.config.read_text().endswith(CLOSE + '[credential "https://dev.azure.com"]\n\tusername = bob\n')
    assert home.configure().stdout.startswith("nothing to change")
    home.unconfigure()
    assert home.config.read_text() == '[credential "https://dev.azure.com"]\n\tusername = bob\n'


def test_settings_right_behind_the_block_keep_their_section(home):
    home.config.write_text(PERSON + BLOCK + "# mine\n\tusername = bob\n")
    home.unconfigure()
    assert home.config.read_text() == PERSON + '[credential "https://dev.azure.com"]\n# mine\n\tusername = bob\n'


def test_other_sections_and_changed_lines_in_the_block(home):
    mine = '[core]\n\thelper = daypass\n\tx = a \\\n[credential "https://dev.azure.com"]\n\teditor = vi\n'
    changed = BLOCK.replace("helper = daypass", "helper = store") .replace(CLOSE, mine + CLOSE)
    home.config.write_text(PERSON + changed)
    home.unconfigure()
    assert home.config.read_text() == PERSON + '[credential "https://dev.azure.com"]\n\thelper = store\n' + mine


def test_a_second_helper_of_ours_is_somebody_s(home):
    home.config.write_text(BLOCK.replace(CLOSE, "\thelper = daypass\n\thelper = cache --timeout=9\n" + CLOSE))
    done = home.configure()
    assert done.stdout.startswith("nothing to change")
    assert "credential.https://dev.azure.com.helper = cache ..." in done.stderr
    home.unconfigure()
    assert home.config.read_text() == '[credential "https://dev.azure.com"]\n\thelper = daypass\n\thelper = cache --timeout=9\n'


def test_a_line_of_ours_that_somebody_removed(home):
    home.config.write_text(PERSON + BLOCK.replace("\thelper =\n", ""))
    home.configure()
    assert home.config.read_text() == PERSON + BLOCK
    home.config.write_text(PERSON + BLOCK.replace("\thelper =\n", ""))
    home.unconfigure()
    assert home.config.read_text() == PERSON


def test_a_value_that_goes_on_in_the_next_line(home):
    mine = "\tusername = a\\\n\tuseHttpPath = true\n"
    home.config.write_text(BLOCK.replace(CLOSE, mine + CLOSE))
    home.unconfigure()
    assert home.config.read_text() == '[credential "https://dev.azure.com"]\n' + mine


def test_block_without_its_end(home):
    home.config.write_text(PERSON + OPEN + AZURE)
    for run in home.configure, home.unconfigure:
        done = run(code=3)
        assert f"{home.config}:4: " in done.stderr and CLOSE.strip() in done.stderr
    assert home.config.read_text() == PERSON + OPEN + AZURE


def test_two_blocks(home):
    home.config.write_text(BLOCK + PERSON + BLOCK)
    assert f"{home.config}:9: " in home.configure(code=3).stderr
    assert f"{home.config}:9: " in home.unconfigure(code=3).stderr


# --- who else answers ------------------------------------------------------------------------------------------------

def test_system_wide_manager_is_silenced(home):
    home.stub("manager")
    home.system.write_text("[credential]\n\thelper = manager\n")
    assert "password=p" in home.fill("dev.azure.com") and home.called() == "manager get\n"
    done = home.configure()
    assert done.stdout.splitlines()[1:] == [f"  silences credential.helper = manager (file:{home.system})"]
    assert done.stderr == ""
    home.log.unlink()
    trace = home.fill("dev.azure.com")
    assert "run_command: 'git credential-daypass get'" in trace and home.called() == "" and "password=" not in trace
    assert "password=p" in home.fill("example.com")
    assert home.git("config", "--get-urlmatch", "credential.helper", "https://dev.azure.com/x").stdout == "daypass\n"
    # our token is not handed to it either
    approve = "protocol=https\nhost=dev.azure.com\nusername=u\npassword=p\n\n"
    home.log.unlink()
    home.git("credential", "approve", input=approve)
    assert home.called() == ""
    assert "silences credential.helper = manager" in home.configure().stdout


def test_what_is_no_longer_on_the_list_is_not_named(home):
    home.system.write_text('[credential]\n\thelper = manager\n[credential "https://github.com"]\n\thelper = gh\n[credential "http://dev.azure.com"]\n\thelper = plain\n')
    home.config.write_text('[credential]\n\thelper =\n\thelper = cache\n[credential "https://bob@dev.azure.com/x"]\n\thelper = store\n[credential "dev.azure.com:8443"]\n\thelper = port\n'
                           '[credential "https://dev.azure.com/y"]\n\thelper =\n')
    lines = home.configure().stdout.splitlines()[1:]
    assert lines == [f"  silences credential.helper = cache (file:{home.config})",
                     f"  silences credential.https://***@dev.azure.com/x.helper = store (file:{home.config})"]


def test_daypass_does_not_name_itself(home):
    home.system.write_text("[credential]\n\thelper = manager\n")
    home.configure("--system")
    done = home.configure()
    assert "silences" not in done.stdout and done.stderr == ""
    assert home.configure("--system").stderr == ""
    assert home.fill("dev.azure.com").count("run_command: 'git credential-") == 1


def test_secrets_in_helpers_are_not_shown(home):
    home.config.write_text('[credential]\n\thelper = "!f() { echo password=s3cret; }; f"\n\thelper = store --file=/s3cret\n\thelper = !TOKEN=s3cret /bin/x\n'
                           '\thelper = !/usr/bin/gh auth s3cret\n[credential "https://u:s3cret@dev.azure.com"]\n\thelper = cache\n')
    done = home.configure()
    assert "s3cret" not in done.stdout + done.stderr
    assert done.stdout.count("(a shell command)") == 2 and "= store ... (" in done.stdout and "= !/usr/bin/gh ... (" in done.stdout
    assert "credential.https://***@dev.azure.com.helper = cache" in done.stdout


def test_helper_in_a_later_file(home):
    home.system.write_text("[credential]\n\thelper = early\n")
    xdg = home.path / ".config/git/config"
    xdg.parent.mkdir(parents=True)
    xdg.write_text("")
    home.config.write_text('[credential "https://dev.azure.com"]\n\thelper = store\n')
    done = home.configure("--file", str(xdg))
    assert f"warning: credential.https://dev.azure.com.helper = store (file:{home.config}) is read after daypass" in done.stderr
    assert "early" in done.stdout and "store" not in done.stdout and "early" not in done.stderr
    assert "store" in home.configure("--file", str(xdg)).stderr


def test_global_is_later_than_system(home):
    home.config.write_text("[credential]\n\thelper = store\n")
    assert "= store (file:" in home.configure("--system").stderr
    assert "= store (file:" in home.configure("--system").stderr


def test_helper_in_the_repository_at_hand(home):
    home.cwd = home.path / "repo"
    home.git("init", "-q", str(home.cwd), cwd=home.path)
    home.git("config", "credential.helper", "cache --timeout=60")
    done = home.configure()
    assert "warning: credential.helper = cache ... (file:.git/config) is read after daypass" in done.stderr
    home.git("config", "--replace-all", "credential.helper", "")
    assert "warning: credential.helper = (file:.git/config) is read after daypass and takes it off" in home.configure().stderr
    home.git("config", "--add", "credential.helper", "daypass")
    assert home.configure().stderr == ""


def test_helper_on_git_s_command_line(home):
    count = {"GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "credential.helper", "GIT_CONFIG_VALUE_0": "store"}
    assert "credential.helper = store (command line) is read after" in home.configure(env=count).stderr


def test_helper_later_in_the_same_file(home):
    home.configure()
    with home.config.open("a") as f:
        f.write('[credential "https://*.azure.com"]\n\thelper = store\n[credential "https://*.example.com"]\n\thelper = cache\n')
    done = home.configure()
    assert done.stdout.startswith("nothing to change") and "silences" not in done.stdout
    assert "credential.https://*.azure.com.helper = store" in done.stderr and "cache" not in done.stderr
    assert home.fill("dev.azure.com").count("run_command: 'git credential-store get'") == 1


def test_helper_in_an_included_file(home, tmp_path):
    (tmp_path / "inc").write_text("[credential]\n\thelper = manager\n")
    home.config.write_text(f"[include]\n\tpath = {tmp_path / 'inc'}\n")
    for run in range(2):
        done = home.configure()
        assert f"silences credential.helper = manager (file:{tmp_path / 'inc'})" in done.stdout and done.stderr == ""


@pytest.mark.parametrize("section, warned", [
    ("[http]", True), ('[http "https://dev.azure.com/"]', True), ('[http "https://dev.azure.com/org/p/_git/r"]', True),
    ('[http "https://*.azure.com"]', True), ('[http "https://u:c2VjcmV0@dev.azure.com"]', True), ('[http "https://github.com/"]', False),
    ('[http "http://dev.azure.com"]', False), ('[http "dev.azure.com"]', False),
])
@pytest.mark.parametrize("place", ["system", "config"])
def test_extraheader(home, section, warned, place):
    getattr(home, place).write_text(f"{section}\n\textraHeader = AUTHORIZATION: basic c2VjcmV0\n")
    for words in ["--dry-run"], [], []:
        done = home.configure(*words)
        assert "c2VjcmV0" not in done.stdout + done.stderr
        assert ("extraheader" in done.stderr) == warned
        assert not warned or f"(file:{getattr(home, place)})" in done.stderr


def test_extraheader_that_was_taken_back(home):
    home.system.write_text("[http]\n\textraheader = AUTHORIZATION: basic c2VjcmV0\n")
    home.config.write_text('[http "https://dev.azure.com"]\n\textraheader =\n')
    assert home.configure().stderr == ""
    home.system.write_text('[http "https://dev.azure.com"]\n\textraheader = AUTHORIZATION: basic c2VjcmV0\n')
    home.config.write_text('[http]\n\textraheader =\n')
    assert "extraheader" in home.configure().stderr


def test_control_characters_are_not_printed(home):
    home.config.write_text('[credential "https://dev.azure.com/\x1b[31m"]\n\thelper = "\x1b[31mred"\n')
    done = home.configure()
    assert "\x1b" not in done.stdout + done.stderr


def test_without_git(home, tmp_path):
    home.config.write_text(PERSON)
    done = home.configure(env={"PATH": str(BIN)})
    assert home.config.read_text() == PERSON + BLOCK
    assert "note: other helpers were not looked for: git: cannot be started" in done.stderr


def test_git_that_is_too_old(home):
    fake = home.stubs / "git"
    fake.write_text("#!/bin/sh\necho usage: git config >&2\nexit 129\n")
    fake.chmod(0o755)
    assert "git is older than 2.26" in home.configure().stderr
    assert AZURE in home.config.read_text()


def test_configuration_that_git_cannot_read(home):
    home.system.write_text("[broken\n")
    assert "fatal: bad config line 1" in home.configure().stderr


# --- dry run ---------------------------------------------------------------------------------------------------------

def test_dry_run_shows_the_block(home):
    home.config.write_text(PERSON)
    home.system.write_text("[credential]\n\thelper = manager\n")
    done = home.configure("--dry-run")
    assert home.config.read_text() == PERSON
    added = "".join("+" + line for line in BLOCK.splitlines(True))
    assert done.stdout == (f"--- {home.config}\n+++ {home.config}\n@@ -3,0 +4,5 @@\n{added}would write {home.config}: git asks daypass for https://dev.azure.com\n"
                           f"  silences credential.helper = manager (file:{home.system})\n")
    home.configure()
    assert home.configure("--dry-run").stdout.startswith("nothing to change")
    done = home.unconfigure("--dry-run")
    assert home.config.read_text() == PERSON + BLOCK
    assert done.stdout.startswith(f"--- {home.config}\n+++ {home.config}\n@@ -4,5 +3,0 @@\n-# >>>") and "would remove daypass from" in done.stdout


def test_dry_run_of_a_missing_file(home):
    done = home.configure("--dry-run")
    assert done.stdout.startswith(f"--- /dev/null\n+++ {home.config}\n@@ -0,0 +1,5 @@\n") and not home.config.exists()
    home.configure()
    assert f"--- {home.config}\n+++ /dev/null\n@@ -1,5 +0,0 @@\n" in home.unconfigure("--dry-run").stdout
    assert home.config.exists()


def test_dry_run_hides_what_others_wrote(home):
    home.config.write_text("[http]\n\textraheader = AUTHORIZATION: c2VjcmV0\n[x]\n\ty = c2VjcmV0")
    assert "c2VjcmV0" not in home.configure("--dry-run").stdout
    home.configure()
    home.config.write_text(home.config.read_text().replace(CLOSE, "\thelper = !echo c2VjcmV0\n[http \"https://u:c2VjcmV0@h\"]\n\textraheader = c2VjcmV0\n\tc2VjcmV0\n" + CLOSE))
    home.daypass_config("[match https://dev.azure.com/contoso]\n")
    done = home.configure("--dry-run")
    assert "c2VjcmV0" not in done.stdout + done.stderr and "+\textraheader = ***\n" in done.stdout


# --- files that cannot be written ------------------------------------------------------------------------------------

def test_lock_of_somebody_else(home):
    home.config.write_text(PERSON)
    lock = home.path / ".gitconfig.lock"
    lock.write_text("theirs")
    done = home.configure(code=3)
    assert f"{lock} exists" in done.stderr and f"rm {lock}" in done.stderr
    assert home.config.read_text() == PERSON and lock.read_text() == "theirs" and done.stdout == ""
    home.configure("--dry-run")


def other_owners():
    """May we act as somebody else: root, and not root of a namespace that has no other user?"""
    try:
        return os.geteuid() == 0 and subprocess.run(["true"], user=NOBODY, group=NOBODY, extra_groups=[]).returncode == 0
    except OSError:
        return False


def test_owner_and_mode_are_kept(home):
    home.config.write_text(PERSON)
    home.config.chmod(0o444)
    if other_owners():
        os.chown(home.config, NOBODY, NOBODY)
    before = home.config.stat()
    home.configure()
    after = home.config.stat()
    assert AZURE in home.config.read_text()
    assert (before.st_mode, before.st_uid, before.st_gid) == (after.st_mode, after.st_uid, after.st_gid)


def test_folder_that_is_not_there(home, tmp_path):
    missing = tmp_path / "nowhere/file"
    assert str(missing) in home.configure("--file", str(missing), code=3).stderr
    assert "nothing to change" in home.unconfigure("--file", str(missing)).stdout
    assert "is a directory" in home.configure("--file", str(tmp_path), code=3).stderr


@pytest.mark.parametrize("what", ["folder", "file"])
def test_no_permission(home, tmp_path, what):
    """As somebody who is not root: a folder that cannot be written, a file that cannot be read."""
    who, program = {}, BIN / "daypass"
    home.config.write_text(PERSON)
    if os.geteuid() == 0:
        if not other_owners():
            pytest.skip("not run: no file of another owner")
        who = {"user": NOBODY, "group": NOBODY, "extra_groups": []}
        program = tmp_path / "daypass"
        shutil.copy(BIN / "daypass", program)
        for folder in tmp_path, tmp_path.parent, tmp_path.parent.parent:
            folder.chmod(0o755)
        os.chown(home.path, NOBODY, NOBODY)
        os.chown(home.config, NOBODY, NOBODY)
    (home.path if what == "folder" else home.config).chmod(0o555 if what == "folder" else 0)
    done = home.run("configure", "git", program=str(program), code=3, **who)
    home.path.chmod(0o755)
    home.config.chmod(0o644)
    assert "Permission denied" in done.stderr and str(home.config) in done.stderr
    assert home.config.read_text() == PERSON
    assert [p.name for p in home.path.iterdir()] == [".gitconfig"]
