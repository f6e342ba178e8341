"""daypass configure docker | podman / unconfigure, with the real docker and skopeo where they are. No network.

DAYPASS_BIN or DAYPASS_TEST_BIN names the folder with the built daypass (default: build/release/bin).
"""
import base64
import json
import os
import pathlib
import shutil
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
BIN = pathlib.Path(os.environ.get("DAYPASS_BIN") or os.environ.get("DAYPASS_TEST_BIN") or ROOT / "build/release/bin").resolve()
ACR, OTHER, FOREIGN = "contoso.azurecr.io", "fabrikam.azurecr.io", "ghcr.io"
SECRET = base64.b64encode(b"user:s3cretpassword").decode()
IDENTITY = "[identity default]\ntenant = contoso.onmicrosoft.com\nclient-id = 00001111-aaaa-2222-bbbb-3333cccc4444\n"
MARK = b"\xef\xbb\xbf"


class Home:
    """A home of its own, a folder with a docker-credential-daypass that is ours, and a clean environment."""

    def __init__(self, path):
        self.top = path
        self.path, self.bin, self.run_dir = path / "home", path / "bin", path / "run"
        for folder in self.path, self.bin, self.run_dir:
            folder.mkdir(mode=0o700)
        (self.bin / "docker-credential-daypass").symlink_to(BIN / "daypass")
        self.log = path / "log"
        self.docker = self.path / ".docker/config.json"
        self.auth = self.path / ".config/containers/auth.json"
        self.drop_in = self.path / ".config/containers/registries.conf.d/50-daypass.conf"
        self.own = self.path / ".config/daypass/config"
        self.note = self.path / ".local/state/daypass/configure"
        self.env = {"HOME": str(self.path), "PATH": f"{self.bin}:/usr/local/bin:/usr/bin:/bin", "XDG_RUNTIME_DIR": str(self.run_dir), "LC_ALL": "C"}

    def run(self, *words, code=0, program=BIN / "daypass", **env):
        whole = {k: str(v) for k, v in {**self.env, **env}.items() if v is not None}
        done = subprocess.run([str(program), *map(str, words)], env=whole, cwd=self.path, capture_output=True, text=True, timeout=60, stdin=subprocess.DEVNULL)
        assert code is None or done.returncode == code, (done.returncode, done.stdout, done.stderr)
        assert "Sanitizer" not in done.stderr and "runtime error" not in done.stderr, done.stderr
        assert "s3cret" not in done.stdout + done.stderr and SECRET not in done.stdout + done.stderr
        return done

    def configure(self, engine, *words, **more):
        return self.run("configure", engine, *words, **more)

    def unconfigure(self, engine, *words, **more):
        return self.run("unconfigure", engine, *words, **more)

    def write(self, path, data, mode=0o600):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data if isinstance(data, bytes) else data.encode())
        path.chmod(mode)
        return path

    def config(self, text):
        return self.write(self.own, text)

    def helper(self, name="daypass"):
        """A helper that writes down what it is asked, and has an answer for Azure's registries."""
        path = self.bin / f"docker-credential-{name}"
        path.unlink(missing_ok=True)
        path.write_text(f'#!/bin/sh\nasked=$(cat)\necho "{name} $1 $asked" >> {self.log}\n[ "$1" = list ] && echo "{{}}" && exit 0\n'
                        'case $asked in *.azurecr.io) printf \'{"ServerURL":"%s","Username":"from-helper","Secret":"p"}\' "$asked"; exit 0;; esac\n'
                        'echo "credentials not found in native keychain"; exit 1\n')
        path.chmod(0o755)

    def asked(self):
        return self.log.read_text().splitlines() if self.log.exists() else []

    def tree(self):
        """Everything in the home: kind, mode, content."""
        found = {}
        for path in sorted(self.path.rglob("*")):
            kind = os.readlink(path) if path.is_symlink() else path.read_bytes() if path.is_file() else None
            found[str(path.relative_to(self.path))] = (path.lstat().st_mode, kind)
        return found


@pytest.fixture
def home(tmp_path):
    return Home(tmp_path)


def pairs(data):
    """Independent reading: objects as lists of pairs, so that order and repeated names count."""
    return json.loads(data.decode("utf-8-sig"), object_pairs_hook=lambda p: p)


def member(root, name):
    return dict(root).get(name)


# --- samples: configure, again, unconfigure --------------------------------------------------------------------------

DESKTOP = f"""{{
\t"auths": {{
\t\t"https://index.docker.io/v1/": {{}},
\t\t"{ACR}": {{}}
\t}},
\t"credsStore": "desktop",
\t"currentContext": "desktop-linux",
\t"plugins": {{
\t\t"-x-cli-hints": {{
\t\t\t"enabled": "true"
\t\t}}
\t}}
}}"""

SAMPLES = {
    "no file, no folder": None,
    "no file": None,
    "empty": b"",
    "only a line end": b"\n",
    "an empty object": b"{}",
    "an empty object over lines": b"{\n}\n",
    "an empty object with a blank": b"{ }",
    "docker desktop": DESKTOP.encode(),
    "auths left behind, 2 blanks": b'{\n  "auths": {\n    "ghcr.io": {},\n    "fabrikam.azurecr.io": {}\n  }\n}\n',
    "4 blanks, CRLF": b'{\r\n    "auths": {},\r\n    "HttpHeaders": {\r\n        "User-Agent": "x"\r\n    }\r\n}\r\n',
    "one line": b'{"auths": {"ghcr.io": {}}, "detachKeys": "ctrl-e,e"}\n',
    "one line, no blanks": b'{"auths":{},"experimental":"enabled"}',
    "one line, blanks everywhere": b'{ "auths" : { } , "x" : [ 1 , 2 ] }',
    "byte order mark": MARK + b'{\n\t"auths": {}\n}\n',
    "byte order mark alone": MARK,
    "symlink into dotfiles": b'{\n\t"auths": {},\n\t"detachKeys": "ctrl-e,e"\n}\n',
    "dangling symlink": None,
    "other helpers": b'{\n\t"credHelpers": {\n\t\t"gcr.io": "gcloud",\n\t\t"123.dkr.ecr.eu-west-1.amazonaws.com": "ecr-login"\n\t},\n\t"auths": {}\n}',
    "credHelpers empty": b'{\n  "credHelpers": {},\n  "auths": {}\n}\n',
    "credHelpers empty over lines": b'{\n\t"auths": {},\n\t"credHelpers": {\n\t}\n}\n',
    "credHelpers alone, empty": b'{"credHelpers":{}}',
    "an older helper": b'{\n\t"credHelpers": {\n\t\t"contoso.azurecr.io": "acr-env",\n\t\t"gcr.io": "gcloud"\n\t}\n}\n',
    "only an older helper": b'{\n\t"credHelpers": {\n\t\t"contoso.azurecr.io": "acr-linux"\n\t}\n}\n',
    "names spelt otherwise": b'{"CredHelpers": {"gcr.io": "gcloud"}, "CREDSSTORE": "pass"}\n',
    "an empty credsStore": b'{"credsStore": ""}\n',
    "unknown keys and odd values": ('{\n\t"z": [1, -2.5e+3, true, null, {"a": []}],\n\n\t"credHelp\\u0065rs": {"gcr.io": "gcloud"},\n\t"é": "ü\\n\\"",\n\t"a": 1\n\n}\n\n').encode(),
    "passwords": f'{{\n\t"auths": {{\n\t\t"{ACR}": {{\n\t\t\t"auth": "{SECRET}"\n\t\t}},\n\t\t"ghcr.io": {{\n\t\t\t"auth": "{SECRET}"\n\t\t}}\n\t}}\n}}'.encode(),
}


def place(home, path, name, data):
    """The sample as the program finds it; where it really lies."""
    if "symlink" in name:
        target = home.path / "dotfiles/config.json"
        target.parent.mkdir()
        path.parent.mkdir(parents=True)
        path.symlink_to("../dotfiles/config.json" if path == home.docker else "../../dotfiles/config.json")
        path = target
    if data is not None:
        home.write(path, data, 0o640)
    elif name == "no file":
        path.parent.mkdir(parents=True)
    return path


def right(before, after, registries, all_stores):
    """What configure must have made of a sample, read with Python's json."""
    old = pairs(before) if before and json_text(before) else []
    new = pairs(after)
    names = {"credhelpers", "credsstore"}
    rest = [p for p in old if p[0].lower() not in names]
    assert [p for p in new if p[0].lower() not in names] == rest
    assert [p[0] for p in new][:len(old)] == [p[0] for p in old]
    helpers = next((v for k, v in new if k.lower() == "credhelpers"), [])
    old_helpers = next((v for k, v in old if k.lower() == "credhelpers"), [])
    assert {k: v for k, v in helpers if v == "daypass"}.keys() == set(registries)
    assert [k for k, _ in helpers][:len(old_helpers)] == [k for k, _ in old_helpers] and len(dict(helpers)) == len(helpers)
    assert [p for p in helpers if p[0] not in registries] == [p for p in old_helpers if p[0] not in registries]
    stores = [v for k, v in new if k.lower() == "credsstore"]
    assert stores == (["daypass"] if all_stores else [v for k, v in old if k.lower() == "credsstore"])


def json_text(data):
    return data.removeprefix(MARK).strip()


WORDS = {"one": [ACR], "two": [OTHER, f"https://{ACR.upper()}/"], "all": ["--all"], "both": [ACR, "--all"]}


@pytest.mark.parametrize("engine, count", [(e, c) for e in ("docker", "podman") for c in WORDS if (e, c) != ("podman", "all")])
@pytest.mark.parametrize("name", SAMPLES)
def test_sample(home, engine, name, count):
    words = WORDS[count]
    path, data = home.docker if engine == "docker" else home.auth, SAMPLES[name]
    real = place(home, path, name, data)
    untouched = home.tree()
    shown = home.configure(engine, *words, "--dry-run")
    assert home.tree() == untouched and "would write" in shown.stdout
    done = home.configure(engine, *words)
    assert done.stdout.startswith(f"wrote {path}: {engine} asks daypass for ")
    named = {w.lower().removeprefix("https://").rstrip("/") for w in words if w != "--all"}
    known = set()
    if data and json_text(data):
        read = json.loads(data.decode("utf-8-sig"))
        known = {h for h, v in (read.get("credHelpers") or {}).items() if v.startswith("acr")}
        known |= {h for h in read.get("auths", {}) if h.endswith(".azurecr.io") and "--all" not in words}
    right(data, real.read_bytes(), named | known, "--all" in words and engine == "docker")
    assert real.stat().st_mode & 0o777 == (0o600 if data is None else 0o640)
    assert path.is_symlink() == ("symlink" in name)
    assert (MARK in real.read_bytes()) == (MARK in (data or b"")) and (b"\r\n" in real.read_bytes()) == (b"\r\n" in (data or b""))
    if b"\r\n" in (data or b""):
        assert real.read_bytes().count(b"\n") == real.read_bytes().count(b"\r\n")
    written = home.tree()
    assert home.configure(engine, *words).stdout.startswith("nothing to change in ")
    assert home.tree() == written
    assert "would remove" in home.unconfigure(engine, "--dry-run").stdout and home.tree() == written
    home.unconfigure(engine)
    left = home.tree()
    for folder in (".local", ".local/state"):  # where the note was; the rest of the home is as it was
        left.pop(folder, None)
    assert left == untouched
    done = home.unconfigure(engine)
    assert done.stdout == f"nothing to change in {path}: daypass has written nothing there\n"


def test_what_a_new_file_looks_like(home):
    home.configure("docker", ACR)
    assert home.docker.read_text() == '{\n\t"credHelpers": {\n\t\t"contoso.azurecr.io": "daypass"\n\t}\n}\n\n'
    assert home.docker.parent.stat().st_mode & 0o777 == 0o700 and home.docker.stat().st_mode & 0o777 == 0o600
    home.configure("docker", OTHER)
    assert home.docker.read_text() == '{\n\t"credHelpers": {\n\t\t"contoso.azurecr.io": "daypass",\n\t\t"fabrikam.azurecr.io": "daypass"\n\t}\n}\n\n'


def test_what_it_says(home):
    home.write(home.docker, SAMPLES["an older helper"])
    done = home.configure("docker", ACR, OTHER)
    assert done.stdout == f"wrote {home.docker}: docker asks daypass for {ACR}, {OTHER}\n  instead of acr-env for {ACR}\n" and done.stderr == ""
    assert home.configure("docker").stdout == f"nothing to change in {home.docker}: docker asks daypass for {ACR}, {OTHER}\n"
    done = home.unconfigure("docker")
    assert done.stdout == f"removed daypass from {home.docker}\n  {ACR} is with acr-env again\n" and done.stderr == ""


def test_a_long_file_keeps_its_layout(home):
    home.write(home.docker, DESKTOP)
    home.configure("docker")
    assert home.docker.read_text() == DESKTOP[:-2] + ',\n\t"credHelpers": {\n\t\t"contoso.azurecr.io": "daypass"\n\t}\n}'


# --- which registries ------------------------------------------------------------------------------------------------

def test_registries_that_the_file_knows(home):
    home.write(home.docker, f'{{"auths": {{"https://{ACR}/v2/": {{}}, "ghcr.io": {{}}, "EVIL.azurecr.io.example.com": {{}}}}, "credHelpers": {{"{OTHER}": "acr-env", "x.azurecr.io": "pass"}}}}')
    done = home.configure("docker")
    assert dict(member(pairs(home.docker.read_bytes()), "credHelpers")) == {OTHER: "daypass", "x.azurecr.io": "pass", ACR: "daypass"}
    assert f"instead of acr-env for {OTHER}" in done.stdout


def test_registries_that_a_match_names(home):
    home.config(IDENTITY + f"[match {ACR}]\n[match *.azurecr.io]\n[match https://dev.azure.com]\n[match {FOREIGN}]\nstore = keyring\n")
    home.configure("docker")
    assert dict(member(pairs(home.docker.read_bytes()), "credHelpers")) == {ACR: "daypass", FOREIGN: "daypass"}
    home.unconfigure("docker")
    assert not home.docker.exists() and not home.docker.parent.exists()
    home.config(IDENTITY + f"[match {FOREIGN}]\nstore = keyring\n[match https://dev.azure.com]\n")
    home.configure("docker", OTHER)
    assert dict(member(pairs(home.docker.read_bytes()), "credHelpers")) == {OTHER: "daypass", FOREIGN: "daypass"}
    home.unconfigure("docker")
    home.config(IDENTITY + "[match *.example.com]\nstore = keyring\n[match reg.example.com:5000]\nstore = keyring\n[match https://git.example.com]\nstore = keyring\n")
    home.configure("docker", "a.example.com")
    assert dict(member(pairs(home.docker.read_bytes()), "credHelpers")) == {"a.example.com": "daypass", "reg.example.com:5000": "daypass"}


def test_none_to_be_found(home):
    home.write(home.docker, '{"auths": {"ghcr.io": {}}}')
    done = home.configure("docker", code=3)
    assert str(home.docker) in done.stderr and "next: daypass configure docker contoso.azurecr.io" in done.stderr
    assert "next: daypass configure podman contoso.azurecr.io" in home.configure("podman", code=3).stderr
    assert home.docker.read_text() == '{"auths": {"ghcr.io": {}}}' and not home.auth.parent.exists()


@pytest.mark.parametrize("word, hint", [
    ("contoso", "daypass configure docker contoso.azurecr.io"), ("Contoso", "daypass configure docker contoso.azurecr.io"),
    ("contoso.azurecr.io/app", "configure docker contoso.azurecr.io"), ("http://contoso.azurecr.io", "configure docker contoso.azurecr.io"),
    ("user@contoso.azurecr.io", "configure docker"), ("contoso.azurecr.io:x", "configure docker"), ("", "configure docker"), ("a..azurecr.io", "configure docker"),
    ('a"b.azurecr.io', "configure docker"),
])
def test_words_that_are_no_registry(home, word, hint):
    done = home.configure("docker", word, code=2)
    assert "is no registry" in done.stderr and hint in done.stderr
    assert not home.docker.parent.exists()


def test_a_registry_that_daypass_does_not_serve(home):
    done = home.configure("docker", FOREIGN, code=3)
    assert "would not answer for ghcr.io" in done.stderr and "[match ghcr.io] with `store = keyring`" in done.stderr and "--all" in done.stderr
    assert "would not answer" in home.configure("docker", "contoso.azurecr.io.example.com", code=3).stderr
    home.config(IDENTITY + f"[match {ACR}]\n")
    done = home.configure("docker", OTHER, code=3)
    assert f"no [match] names {OTHER}" in done.stderr and f"add [match {OTHER}] to {home.own}" in done.stderr
    assert not home.docker.parent.exists()


def test_another_helper_of_a_registry(home):
    text = f'{{\n  "credHelpers": {{\n    "{ACR}": "secretservice"\n  }},\n  "auths": {{"{ACR}": {{}}, "{OTHER}": {{}}}}\n}}\n'
    home.write(home.docker, text)
    done = home.configure("docker")
    assert f"  {ACR} stays with secretservice; to change that: daypass configure docker {ACR}\n" in done.stdout
    assert f"docker asks daypass for {OTHER}\n" in done.stdout
    assert member(pairs(home.docker.read_bytes()), "credHelpers") == [(ACR, "secretservice"), (OTHER, "daypass")]
    assert not home.note.exists()
    assert f"instead of secretservice for {ACR}" in home.configure("docker", ACR).stdout
    assert home.note.read_text() == f"{home.docker}\t{ACR}\tsecretservice\n" and home.note.stat().st_mode & 0o777 == 0o600
    home.unconfigure("docker")
    assert home.docker.read_text() == text and not home.note.parent.exists()


def test_all_stay_with_their_helpers(home):
    text = f'{{"auths": {{"{ACR}": {{}}}}, "credHelpers": {{"{ACR}": "pass"}}}}'
    home.write(home.docker, text)
    done = home.configure("docker")
    assert done.stdout == f"nothing to change in {home.docker}\n  {ACR} stays with pass; to change that: daypass configure docker {ACR}\n" and home.docker.read_text() == text


def test_a_note_that_cannot_be_read(home):
    """What was replaced must not be taken for what was added."""
    home.write(home.docker, SAMPLES["an older helper"])
    home.configure("docker")
    before = home.docker.read_bytes()
    home.note.unlink()
    home.note.mkdir()
    assert f"{home.note}: is a directory" in home.unconfigure("docker", code=3).stderr and home.docker.read_bytes() == before


def test_what_was_noted_long_ago_is_not_put_back(home):
    text = f'{{"credHelpers": {{"{ACR}": "acr-env"}}}}'
    home.write(home.docker, text)
    home.configure("docker")
    home.docker.write_text('{"auths": {}}')
    home.configure("docker", ACR)
    home.unconfigure("docker")
    assert home.docker.read_text() == '{"auths": {}}'


def test_the_note_is_where_state_belongs(home):
    home.write(home.docker, SAMPLES["an older helper"])
    home.configure("docker", XDG_STATE_HOME=home.top / "state")
    note = home.top / "state/daypass/configure"
    assert "acr-env" in note.read_text() and note.parent.stat().st_mode & 0o777 == 0o700 and not home.note.exists()
    home.unconfigure("docker", XDG_STATE_HOME=home.top / "state")
    assert home.docker.read_bytes() == SAMPLES["an older helper"] and not note.parent.exists()


def test_notes_of_two_files(home):
    text = f'{{"credHelpers": {{"{ACR}": "acr-env"}}}}'
    one, two = home.write(home.path / "one.json", text), home.write(home.path / "two.json", text)
    for path in one, two:
        home.configure("docker", "--file", path)
    home.unconfigure("docker", "--file", one)
    assert one.read_text() == text and two.read_text() == text.replace("acr-env", "daypass")
    home.unconfigure("docker", "--file", two)
    assert two.read_text() == text and not home.note.exists()


def test_without_a_home_nothing_is_replaced_that_could_not_be_put_back(home):
    path = home.write(home.path / "one.json", f'{{"credHelpers": {{"{ACR}": "acr-env"}}}}')
    before = path.read_bytes()
    assert "HOME is not set" in home.configure("docker", "--file", path, code=3, HOME=None).stderr
    assert path.read_bytes() == before
    home.configure("docker", "--file", path, OTHER, code=3, HOME=None)
    path.write_text("{}")
    home.configure("docker", "--file", path, OTHER, HOME=None)
    home.unconfigure("docker", "--file", path, HOME=None)
    assert path.read_text() == "{}"
    for engine in "docker", "podman":
        assert "HOME is not set" in home.configure(engine, ACR, code=3, HOME=None).stderr


# --- docker writes the file too --------------------------------------------------------------------------------------

def as_docker(path):
    """What docker makes of its file when it writes it: sorted, indented by tabs, without empty maps."""
    def tidy(v):
        return {k: v[k] for k in v if v[k] != {} or k == "auths"}
    path.write_text(json.dumps(tidy({"auths": {}, **json.loads(path.read_text())}), indent="\t", sort_keys=True))


@pytest.mark.parametrize("name", ["an empty object", "docker desktop", "credHelpers empty", "one line", "an older helper", "empty"])
def test_after_docker_rewrote_the_file(home, name):
    home.write(home.docker, SAMPLES[name])
    home.configure("docker", ACR, OTHER)
    as_docker(home.docker)
    home.unconfigure("docker")
    got = json.loads(home.docker.read_text())
    assert "daypass" not in home.docker.read_text() and got.get("credHelpers") != {}
    assert got == {"auths": {}, **{k: v for k, v in json.loads(SAMPLES[name] or b"{}").items() if v != {}}}


def test_what_others_add_stays(home):
    home.configure("docker", ACR)
    text = home.docker.read_text().replace('"daypass"\n', '"daypass",\n\t\t"gcr.io": "gcloud"\n')
    home.docker.write_text(text)
    home.unconfigure("docker")
    assert json.loads(home.docker.read_text()) == {"credHelpers": {"gcr.io": "gcloud"}}


def test_a_folder_that_holds_something_stays(home):
    home.configure("docker", ACR)
    (home.docker.parent / "contexts").mkdir()
    home.unconfigure("docker")
    assert not home.docker.exists() and home.docker.parent.is_dir()
    shutil.rmtree(home.docker.parent)
    home.docker.parent.mkdir()
    home.configure("docker", ACR)
    home.unconfigure("docker")
    assert not home.docker.exists() and home.docker.parent.is_dir()


# --- --all -----------------------------------------------------------------------------------------------------------

BLOCK = "# >>> daypass configure docker --all >>>\n[daypass]\nfallback = desktop\n# <<< daypass configure docker --all <<<\n"


def test_all_keeps_the_old_store_as_fallback(home):
    home.write(home.docker, DESKTOP)
    home.config(IDENTITY)
    before = home.tree()
    shown = home.configure("docker", "--all", "--dry-run").stdout
    assert f"--- {home.own}\n+++ {home.own}\n@@ -0,0 +1,4 @@\n" in shown and "+fallback = desktop\n" in shown and '-\t"credsStore": "desktop",\n+\t"credsStore": "daypass",\n' in shown
    assert home.tree() == before
    done = home.configure("docker", "--all")
    assert done.stdout == (f"wrote {home.docker}: docker asks daypass for every registry\n"
                           f"wrote {home.own}: daypass asks the helper that docker had for what it does not answer\n")
    assert home.docker.read_text() == DESKTOP.replace('"desktop",', '"daypass",', 1)
    assert home.own.read_text() == BLOCK + IDENTITY
    home.run("config", "check")
    done = home.unconfigure("docker")
    assert "every other registry is with desktop again" in done.stdout and f"removed daypass from {home.own}" in done.stdout
    assert {k: v for k, v in home.tree().items() if not k.startswith(".local")} == before


@pytest.mark.parametrize("config", [None, "", IDENTITY, IDENTITY.replace("\n", "\r\n"), "# mine\n\n" + IDENTITY, "[daypass]\ncache = none\n" + IDENTITY, IDENTITY + "[daypass]",
                                    IDENTITY + "[ daypass ] # x\ncache = none", "\ufeff" + IDENTITY, IDENTITY + "[daypass]\r\n"])
def test_own_configuration_is_as_before(home, config):
    home.write(home.docker, DESKTOP)
    if config is not None:
        home.config(config.encode())
    before = home.tree()
    home.configure("docker", "--all")
    assert "fallback = desktop" in home.own.read_text()
    assert home.run("config", "keys").returncode == 0 and "nothing to change" in home.configure("docker", "--all").stdout
    home.unconfigure("docker")
    assert {k: v for k, v in home.tree().items() if not k.startswith(".local")} == before


def test_own_configuration_that_went_on(home):
    home.write(home.docker, DESKTOP)
    home.config(IDENTITY)
    home.configure("docker", "--all")
    home.config(BLOCK + "cache = none\n" + IDENTITY)
    home.unconfigure("docker")
    assert home.own.read_text() == "[daypass]\ncache = none\n" + IDENTITY
    home.configure("docker", "--all")
    home.config(home.own.read_text().replace("fallback = desktop\n", "fallback = desktop\nkeyring = off\n"))
    before = home.tree()
    assert f"{home.own}: somebody changed" in home.unconfigure("docker", code=3).stderr
    assert home.tree() == before


def test_a_fallback_that_is_there_already(home):
    home.write(home.docker, DESKTOP)
    home.config("[daypass]\nfallback = desktop\n" + IDENTITY)
    before = home.tree()
    home.configure("docker", "--all")
    assert json.loads(home.docker.read_text())["credsStore"] == "daypass" and home.own.read_text().count("fallback") == 1
    home.unconfigure("docker")
    assert {k: v for k, v in home.tree().items() if not k.startswith(".local")} == before
    home.config("[daypass]\nfallback = pass\n" + IDENTITY)
    before = home.tree()
    done = home.configure("docker", "--all", code=3)
    assert f"{home.own}:2: fallback = pass" in done.stderr and "desktop" in done.stderr
    assert home.tree() == before


def test_a_fallback_of_ours_is_not_put_where_there_was_no_store(home):
    home.write(home.docker, '{"auths": {}}')
    home.config("[daypass]\nfallback = pass\n" + IDENTITY)
    before = home.tree()
    home.configure("docker", "--all")
    assert pairs(home.docker.read_bytes()) == [("auths", []), ("credsStore", "daypass")]
    home.unconfigure("docker")
    assert {k: v for k, v in home.tree().items() if not k.startswith(".local")} == before


def test_two_files_share_the_fallback(home):
    one, two = (home.write(home.path / n, DESKTOP) for n in ("one.json", "two.json"))
    for path in one, two:
        home.configure("docker", "--all", "--file", path)
    home.unconfigure("docker", "--file", one)
    assert one.read_text() == DESKTOP and "fallback = desktop" in home.own.read_text()
    home.unconfigure("docker", "--file", two)
    assert two.read_text() == DESKTOP and not home.own.exists()


def test_own_configuration_that_is_none_on_purpose(home):
    home.write(home.docker, DESKTOP)
    assert "/dev/null: is not a regular file" in home.configure("docker", "--all", code=3, DAYPASS_CONFIG="/dev/null").stderr
    home.configure("docker", ACR, DAYPASS_CONFIG="/dev/null")
    home.unconfigure("docker", DAYPASS_CONFIG="/dev/null")
    assert home.docker.read_text() == DESKTOP


def test_the_block_tells_even_where_the_note_is_lost(home):
    home.write(home.docker, DESKTOP)
    home.configure("docker", "--all")
    home.note.unlink()
    home.unconfigure("docker")
    assert home.docker.read_text() == DESKTOP and not home.own.exists()


def test_passwords_that_a_store_hides_are_named(home):
    home.write(home.docker, f'{{"auths": {{"ghcr.io": {{"auth": "{SECRET}"}}, "quay.io": {{"identitytoken": "{SECRET}"}}, "x.io": {{}}, "gcr.io": {{"auth": "{SECRET}"}}, "https://u:s3cret@y.io": {{"auth": "{SECRET}"}}, "{ACR}": {{"auth": "{SECRET}"}}}}, "credHelpers": {{"gcr.io": "gcloud"}}}}')
    done = home.configure("docker", "--all")
    assert "warning: docker no longer looks at the passwords in" in done.stderr and "for: ghcr.io, quay.io, y.io;" in done.stderr
    home.docker.write_text(f'{{"auths": {{"ghcr.io": {{"auth": "{SECRET}"}}}}, "credsStore": "pass"}}')
    assert done.stderr.count("warning") == 1 and "warning" not in home.configure("docker", "--all").stderr


def test_a_password_that_stays_is_named(home):
    home.write(home.docker, SAMPLES["passwords"])
    done = home.configure("docker")
    assert done.stderr == f"daypass: note: a password for {ACR} still lies in {home.docker}, and is used no more: docker logout {ACR}\n"
    home.write(home.auth, SAMPLES["passwords"])
    assert home.configure("podman").stderr.endswith(f"is used no more: podman logout --authfile {home.auth} {ACR}\n")


# --- podman ----------------------------------------------------------------------------------------------------------

LIST = 'credential-helpers = ["containers-auth.json", "daypass"]\n'


def test_podman_all_is_a_drop_in(home):
    before = home.tree()
    shown = home.configure("podman", "--all", "--dry-run")
    assert f"+++ {home.drop_in}\n" in shown.stdout and "+" + LIST in shown.stdout and home.tree() == before
    done = home.configure("podman", "--all")
    assert done.stdout == f"wrote {home.drop_in}: podman asks daypass for every registry it has no password for\n"
    assert home.drop_in.read_text().splitlines(True)[1] == LIST
    assert "nothing to change" in home.configure("podman", "--all").stdout
    assert f"removed {home.drop_in}: nothing else was in it" in home.unconfigure("podman").stdout
    assert home.tree() == before


def conf(home, name="registries.conf"):
    return home.path / ".config/containers" / name


@pytest.mark.parametrize("text, wanted", [
    ('credential-helpers = ["secretservice"]\n', '"secretservice", "daypass"'), ("credential-helpers = []\n", '"containers-auth.json", "daypass"'),
    ("unqualified-search-registries = ['docker.io']\n\n \"credential-helpers\"=[ # mine\n  'containers-auth.json',\n  \"pass\", # too\n]\n", '"containers-auth.json", "pass", "daypass"'),
    ('[[registry]]\nlocation = "x.io"\ncredential-helpers = ["no"]\n', '"containers-auth.json", "daypass"'), ("# credential-helpers = ['no']\n", '"containers-auth.json", "daypass"'),
])
def test_podman_keeps_the_list_of_others(home, text, wanted):
    home.write(conf(home), text)
    before = home.tree()
    home.configure("podman", "--all")
    assert f"credential-helpers = [{wanted}]\n" in home.drop_in.read_text() and conf(home).read_text() == text
    home.unconfigure("podman")
    assert home.tree() == before


def test_podman_drop_ins_before_and_behind(home):
    home.write(conf(home), 'credential-helpers = ["main"]\n')
    early = home.write(conf(home, "registries.conf.d/10-x.conf"), 'credential-helpers = ["early"]\n')
    home.write(conf(home, "registries.conf.d/60-y.conf.bak"), 'credential-helpers = ["ignored"]\n')
    home.configure("podman", "--all")
    assert 'credential-helpers = ["early", "daypass"]\n' in home.drop_in.read_text()
    home.unconfigure("podman")
    late = home.write(conf(home, "registries.conf.d/60-z.conf"), '\ncredential-helpers = ["late"]\n')
    done = home.configure("podman", "--all", code=3)
    assert f"{late}:2 is read after 50-daypass.conf" in done.stderr and 'add "daypass"' in done.stderr and not home.drop_in.exists()
    late.write_text('credential-helpers = ["late", "daypass"]\n')
    assert "nothing to change" in home.configure("podman", "--all").stdout and not home.drop_in.exists()
    late.unlink()
    early.write_text("\n\ncredential-helpers = 'early'\n")
    assert f"{early}:3: credential-helpers is not understood" in home.configure("podman", "--all", code=3).stderr


def test_podman_main_file_that_a_variable_names(home):
    main = home.write(home.top / "mine.conf", 'credential-helpers = ["mine"]\n')
    home.write(conf(home), 'credential-helpers = ["other"]\n')
    home.configure("podman", "--all", CONTAINERS_REGISTRIES_CONF=main)
    assert 'credential-helpers = ["mine", "daypass"]\n' in home.drop_in.read_text()


def test_podman_drop_in_that_somebody_changed(home):
    home.configure("podman", "--all")
    home.drop_in.write_text(home.drop_in.read_text() + 'short-name-mode = "disabled"\n')
    assert f"{home.drop_in}: somebody changed" in home.unconfigure("podman", code=3).stderr
    assert "short-name-mode" in home.drop_in.read_text()


def test_podman_all_and_a_registry(home):
    before = home.tree()
    home.configure("podman", "--all", ACR)
    assert json.loads(home.auth.read_text()) == {"credHelpers": {ACR: "daypass"}} and LIST in home.drop_in.read_text()
    home.unconfigure("podman")
    assert home.tree() == before
    assert "usage:" in home.configure("podman", "--all", "--file", "x", code=2).stderr


def test_podman_file_is_where_podman_looks(home):
    home.configure("podman", ACR)
    assert home.auth.exists()
    home.unconfigure("podman")
    home.configure("podman", ACR, XDG_CONFIG_HOME=home.top / "xdg")
    assert (home.top / "xdg/containers/auth.json").exists() and not home.auth.exists()
    home.configure("podman", ACR, REGISTRY_AUTH_FILE=home.top / "mine.json")
    assert (home.top / "mine.json").exists()
    home.configure("docker", ACR, DOCKER_CONFIG=home.top / "d")
    assert (home.top / "d/config.json").exists() and not home.docker.exists()


# --- what really wins ------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("key, refused", [(ACR, True), (FOREIGN, False)])
def test_docker_auth_config(home, key, refused):
    value = json.dumps({"auths": {key: {"auth": SECRET}}})
    done = home.configure("docker", ACR, code=3 if refused else 0, DOCKER_AUTH_CONFIG=value)
    assert ("DOCKER_AUTH_CONFIG" in done.stderr) == refused and home.docker.exists() != refused
    home.configure("docker", ACR, DOCKER_AUTH_CONFIG="no json")
    home.configure("podman", ACR, DOCKER_AUTH_CONFIG=value)
    home.unconfigure("docker", DOCKER_AUTH_CONFIG=value)
    assert not home.docker.exists()


def test_a_registry_token(home):
    text = json.dumps({"auths": {ACR: {"registrytoken": SECRET}}})
    home.write(home.docker, text)
    done = home.configure("docker", code=3)
    assert f"has a registrytoken for {ACR}" in done.stderr and f"next: docker logout {ACR}" in done.stderr and home.docker.read_text() == text
    home.configure("docker", OTHER, code=3)
    home.write(home.docker, text.replace(SECRET, ""))
    assert home.configure("docker").stderr == ""


@pytest.mark.parametrize("where", ["runtime", "REGISTRY_AUTH_FILE"])
@pytest.mark.parametrize("key", [ACR, f"https://{ACR}/v2/", f"{ACR}/team"])
def test_an_earlier_auth_file_with_a_password(home, where, key):
    early = home.write(home.run_dir / "containers/auth.json" if where == "runtime" else home.top / "early.json", json.dumps({"auths": {key: {"auth": SECRET}}}))
    env = {} if where == "runtime" else {where: early}
    done = home.configure("podman", ACR, "--file", home.write(home.auth, "{}"), code=3, **env)
    assert f"{early} is read first, and holds a password for {ACR}" in done.stderr and f"podman logout --authfile {early} {ACR}" in done.stderr
    assert home.auth.read_text() == "{}"
    early.write_text(json.dumps({"auths": {key: {}, FOREIGN: {"auth": SECRET}}}))
    home.configure("podman", ACR, "--file", home.auth, **env)


def test_an_earlier_auth_file_with_another_helper(home):
    early = home.write(home.run_dir / "containers/auth.json", json.dumps({"credHelpers": {ACR: "secretservice"}}))
    done = home.configure("podman", ACR, code=3)
    assert f"{early} is read first, and gives {ACR} to another helper: secretservice" in done.stderr
    early.write_text(json.dumps({"credHelpers": {ACR: "daypass"}, "auths": {ACR: {"auth": SECRET}}}))
    home.configure("podman", ACR)
    early.write_text("{broken")
    done = home.configure("podman", ACR)
    assert f"warning: podman reads {early} first" in done.stderr and f"{early}:1:2" in done.stderr


def test_a_later_auth_file_does_not_matter(home):
    home.write(home.docker, json.dumps({"auths": {ACR: {"auth": SECRET}}}))
    assert home.configure("podman", ACR).stderr == ""


def test_a_file_that_podman_does_not_read(home):
    assert "note: podman reads" in home.configure("podman", ACR, "--file", home.path / "else.json").stderr


# --- files that are no good ------------------------------------------------------------------------------------------

BROKEN = [
    ('{\n  // mine\n  "auths": {}\n}', "2:3: a comment"), ('{"auths": {} # mine\n}', "1:14: a comment"), ('{\n\t"auths": {},\n}\n', "3:1: a comma with nothing behind it"),
    ('{"a": [1, ]}', "1:11: a comma"), ('{"auths": {}', "1:13: the file ends too early"), ('{"auths" {}}', "1:10: a colon"), ('{"a": 1 "b": 2}', "1:9: a comma is missing"),
    ("{'auths': {}}", "1:2: a name in double quotes"), ('{"auths": {}} x', "1:15: text behind"), ('{"auths": {}}\n{}', "2:1: text behind"), ('["auths"]', "1:1: should be an object"),
    ('"auths"', "1:1: should be an object"), ('{"a": 01}', "1:7: a number"), ('{"a": tru}', "1:7: no JSON value"), ('{"a": "x\ny"}', "1:7: a string without an end"),
    ('{"a": "\\x"}', "1:8: an escape"), ('{"a": "\\u12"}', "1:8: an escape"), ('{"a": "\x01"}', "1:8: a control character"), ('{"a": 1}\0', "1:9: text behind"),
    ('{"credHelpers": {}, "credHelpers": {}}', '1:21: "credHelpers" stands twice'), ('{"credHelpers": {}, "credhelpers": {}}', '1:21: "credhelpers" stands twice'),
    ('{"credsStore": "a",\n "credsStore": "b"}', '2:2: "credsStore" stands twice'), ('{"auths": {}, "auths": {}}', '1:15: "auths" stands twice'),
    (f'{{"credHelpers": {{"{ACR}": "a", "{ACR}": "b"}}}}', f'1:45: "{ACR}" stands twice'), ('{"credHelpers": []}', '1:2: "credHelpers" should be an object'),
    ('{"credHelpers": {"gcr.io": 1}}', '1:18: "gcr.io" should be the name of a helper'), ('{"credsStore": null}', '1:2: "credsStore" should be the name'), ('{"auths": null}', '1:2: "auths" should be'),
    ("[" * 200, "1:129: too many"),
]


@pytest.mark.parametrize("text, said", BROKEN)
@pytest.mark.parametrize("engine", ["docker", "podman"])
def test_a_broken_file(home, engine, text, said):
    path = home.write(home.docker if engine == "docker" else home.auth, text)
    before = home.tree()
    for words in (["configure", engine, ACR], ["configure", engine, ACR, "--dry-run"], ["configure", engine, ACR, "--all"], ["unconfigure", engine]):
        if "stands twice" in said and ACR in said and words[0] == "unconfigure":
            continue  # neither is ours
        done = home.run(*words, code=3)
        assert f"daypass: {path}:{said}" in done.stderr and done.stdout == ""
    assert home.tree() == before


def test_a_helper_of_an_odd_name(home):
    path = home.write(home.docker, f'{{"credHelpers": {{"{ACR}": "a\\u0063r-env"}}}}')
    assert "is no plain name" in home.configure("docker", ACR, code=3).stderr
    home.write(path, '{"credsStore": "/x y"}')
    assert "credsStore is no plain name" in home.configure("docker", "--all", code=3).stderr


def test_files_that_cannot_be_written(home):
    path = home.write(home.docker, "{}")
    lock = path.with_name("config.json.lock")
    lock.write_text("theirs")
    assert f"{lock} exists" in home.configure("docker", ACR, code=3).stderr and path.read_text() == "{}"
    missing = home.path / "nowhere/config.json"
    assert f"{missing}: its folder does not exist" in home.configure("docker", ACR, "--file", missing, code=3).stderr
    assert "nothing to change" in home.unconfigure("docker", "--file", missing).stdout and not missing.parent.exists()
    assert "is a directory" in home.configure("docker", ACR, "--file", home.path, code=3).stderr
    home.write(path, b" " * (8 * 1024 * 1024 + 1))
    assert "is larger than" in home.configure("docker", ACR, code=3).stderr


@pytest.mark.parametrize("words", [["--global"], ["--system", ACR], ["-x"], ["--file"], ["--al"]])
def test_words_that_are_not_understood(home, words):
    assert "usage: daypass configure" in home.configure("docker", *words, code=2).stderr
    assert not home.docker.parent.exists()
    assert "usage: daypass unconfigure" in home.unconfigure("docker", "--all", code=2).stderr
    assert "usage: daypass unconfigure" in home.unconfigure("podman", ACR, code=2).stderr


def test_a_broken_configuration_of_ours(home):
    home.configure("docker", ACR)
    home.config("[nonsense\n")
    assert f"{home.own}:1" in home.configure("docker", OTHER, code=3).stderr
    home.unconfigure("docker")
    assert not home.docker.exists()


# --- dry run ---------------------------------------------------------------------------------------------------------

def test_dry_run_is_a_diff_without_secrets(home):
    text = (f'{{\n\t"HttpHeaders": {{\n\t\t"X-Token": "s3cret"\n\t}},\n\t"auths": {{\n\t\t"https://u:s3cret@h": {{\n\t\t\t"auth": "{SECRET}",\n\t\t\t"identitytoken": "s3cret\\"x"\n\t\t}}\n\t}}\n}}\n')
    home.write(home.docker, text)
    done = home.configure("docker", ACR, "--dry-run")
    assert done.stdout == (f"--- {home.docker}\n+++ {home.docker}\n@@ -7,5 +7,8 @@\n"
                           ' \t\t\t"auth": "***",\n \t\t\t"identitytoken": "***"\n \t\t}\n+\t},\n+\t"credHelpers": {\n+\t\t"contoso.azurecr.io": "daypass"\n \t}\n }\n'
                           f"would write {home.docker}: docker asks daypass for {ACR}\n")
    assert home.docker.read_text() == text
    home.write(home.docker, json.dumps(json.loads(text)))
    done = home.configure("docker", ACR, "--dry-run")
    assert '"credHelpers": { "contoso.azurecr.io": "daypass" }' in done.stdout and '"X-Token": "***"' in done.stdout


def test_dry_run_of_a_missing_file(home):
    done = home.configure("docker", ACR, "--dry-run")
    assert done.stdout.startswith(f'--- /dev/null\n+++ {home.docker}\n@@ -0,0 +1,6 @@\n+{{\n+\t"credHelpers": {{\n+\t\t"{ACR}": "daypass"\n+\t}}\n+}}\n+\n')
    home.configure("docker", ACR)
    assert f"--- {home.docker}\n+++ /dev/null\n@@ -1,6 +0,0 @@\n" in home.unconfigure("docker", "--dry-run").stdout and home.docker.exists()


def test_a_diff_can_be_applied(home, tmp_path):
    """Where nothing had to be hidden, `patch` makes of the old file what configure makes of it."""
    text = '{\n  "auths": {},\n  "a": 1,\n  "b": 2,\n  "c": 3,\n  "d": 4,\n  "credsStore": "pass",\n  "e": 5\n}\n'
    home.write(home.docker, text)
    copy = tmp_path / "copy.json"
    copy.write_text(text)
    diff = home.configure("docker", ACR, "--all", "--dry-run").stdout.split(f"--- {home.own}")[0].split("--- /dev/null")[0].split("would write")[0]
    home.configure("docker", ACR, "--all")
    if not shutil.which("patch"):
        pytest.skip("not run: no patch")
    subprocess.run(["patch", "-s", str(copy)], input=diff, text=True, check=True)
    assert copy.read_text() == home.docker.read_text()


# --- the helper on PATH, and who really asks it ----------------------------------------------------------------------

def test_a_helper_that_is_missing_or_another(home):
    assert home.configure("docker", ACR).stderr == ""
    done = home.configure("docker", ACR, PATH="/nowhere:relative")
    assert "there is no docker-credential-daypass on PATH, so docker cannot ask daypass" in done.stderr and f"ln -s {(BIN / 'daypass').resolve()} " in done.stderr
    home.helper()
    done = home.configure("podman", ACR)
    assert f"{home.bin}/docker-credential-daypass is not this program, but podman will ask it" in done.stderr and "ln -sf" in done.stderr


def client(name):
    """Not in the folders of the built program: whoever is called has to be on the machine."""
    found = shutil.which(name, path="/usr/local/bin:/usr/bin:/bin")
    if not found:
        pytest.skip(f"not run: no {name}")
    return found


@pytest.mark.parametrize("words", [[ACR], ["--all"]])
def test_docker_asks(home, words):
    docker = client("docker")
    home.helper()
    home.run("logout", ACR, program=docker, code=None)
    assert home.asked() == []
    home.configure("docker", *words)
    home.run("logout", ACR, program=docker, code=None)
    assert f"daypass erase {ACR}" in home.asked()
    home.log.unlink()
    home.run("login", ACR, program=docker, code=None, DOCKER_HOST="unix:///nowhere.sock")
    assert home.asked()[0] == f"daypass get {ACR}"
    home.log.unlink()
    home.unconfigure("docker")
    home.run("logout", ACR, program=docker, code=None)
    assert home.asked() == []


@pytest.mark.parametrize("engine, words", [("podman", [ACR]), ("podman", ["--all"]), ("docker", [ACR])])
def test_skopeo_asks(home, engine, words):
    skopeo = client("skopeo")
    home.helper()
    ask = ["login", "--get-login", ACR]
    assert "from-helper" not in home.run(*ask, program=skopeo, code=None).stdout
    home.configure(engine, *words)
    assert home.run(*ask, program=skopeo).stdout == "from-helper\n" and home.asked() == [f"daypass get {ACR}"]
    home.unconfigure(engine)
    assert "from-helper" not in home.run(*ask, program=skopeo, code=None).stdout


def test_what_goes_first_really_does(home):
    """The refusals are about what the real program does."""
    skopeo = client("skopeo")
    home.helper()
    home.configure("podman", ACR)
    home.write(home.run_dir / "containers/auth.json", json.dumps({"auths": {f"https://{ACR}/v2/": {"auth": base64.b64encode(b"early:x").decode()}}}))
    assert home.run("login", "--get-login", ACR, program=skopeo).stdout == "early\n" and home.asked() == []
    home.configure("podman", ACR, code=3)
