"""daypass configure kube / unconfigure kube, and kubelogin convert-kubeconfig; with the real kubectl where it is. No network.

DAYPASS_BIN or DAYPASS_TEST_BIN names the folder with the built daypass (default: build/release/bin). DAYPASS_REAL_KUBELOGIN, where
set, names Microsoft's own kubelogin: then what the two make of the same stanza is compared.
"""
import json
import os
import pathlib
import shutil
import subprocess
import threading
import time

import pytest

yaml = pytest.importorskip("yaml")
ROOT = pathlib.Path(__file__).resolve().parents[2]
BIN = pathlib.Path(os.environ.get("DAYPASS_BIN") or os.environ.get("DAYPASS_TEST_BIN") or ROOT / "build/release/bin").resolve()
KUBECTL = next((p for p in ("/usr/bin/kubectl", "/usr/local/bin/kubectl") if os.access(p, os.X_OK)), None)
REAL = os.environ.get("DAYPASS_REAL_KUBELOGIN")
SERVER, PUBLIC = "6dae42f8-4368-4678-94ff-3960e28e3630", "80faf920-1908-4b52-b5ef-a8e7bedfc67a"
TENANT, APP = "11111111-2222-3333-4444-555555555555", "00001111-aaaa-2222-bbbb-3333cccc4444"
NAME = "clusterUser_rg_aks"
OURS = ["kube", "get-token", "--server-id", SERVER, "--tenant-id", TENANT]
SECRETS = ("s3cret", "YmFzZTY0")

HEAD = """apiVersion: v1
clusters:
- cluster:
    certificate-authority-data: QUJD
    server: https://aks-x.hcp.westeurope.azmk8s.io:443
  name: aks
contexts:
- context:
    cluster: aks
    user: clusterUser_rg_aks
  name: aks
- context:
    cluster: aks
    user: admin
  name: admin
current-context: aks
kind: Config
preferences: {}
"""
ADMIN = """- name: admin
  user:
    client-certificate-data: YmFzZTY0Y2VydA==
    client-key-data: YmFzZTY0a2V5
    token: s3cret-token
"""
ARGS = ["get-token", "--environment", "AzurePublicCloud", "--server-id", SERVER, "--client-id", PUBLIC, "--tenant-id", TENANT, "--login", "devicecode"]
HINT = "      installHint: |\n\n        kubelogin is not installed which is required to connect to AAD enabled cluster.\n\n        To learn more, please go to https://azure.github.io/kubelogin/\n"


def aks(name=NAME, args=ARGS, command="kubelogin", version="v1beta1", more="      env: null\n      provideClusterInfo: false\n"):
    """The stanza as kubectl writes it."""
    lines = "".join(f"      - {a}\n" for a in args)
    return f"- name: {name}\n  user:\n    exec:\n      apiVersion: client.authentication.k8s.io/{version}\n      args:\n{lines}      command: {command}\n{more}"


def config(*users):
    return HEAD + "users:\n" + "".join(users)


FLOW_ARGS = ("[get-token, --environment, AzurePublicCloud, --server-id, 6dae42f8-4368-4678-94ff-3960e28e3630,\n"
             "             --client-id, 80faf920-1908-4b52-b5ef-a8e7bedfc67a, --tenant-id, 11111111-2222-3333-4444-555555555555, --login, devicecode]")
AS_AZ = f"""- name: {NAME}
  user:
    exec:
      apiVersion: client.authentication.k8s.io/v1beta1
      command: kubelogin
      args: {FLOW_ARGS}
      env: null
      provideClusterInfo: false
"""
LEGACY = f"""- name: {NAME}
  user:
    auth-provider:
      config:
        # who asks
        apiserver-id: {SERVER}
        client-id: {PUBLIC}
        config-mode: "1"
        environment: AzurePublicCloud
        tenant-id: {TENANT} # ours
      name: azure
"""
ODD = f"""-   user:
        exec:
            # how we get in
            command:   'kubelogin'   # the old way
            env:
                - {{name: HTTPS_PROXY, value: "http://user:s3cret@proxy:1"}}
            args:
                # arguments
                - "get-token"
                - --v=5
                - '--server-id'  # of AKS
                - "{SERVER}"
                - -l
                - devicecode     # by hand
                - --tenant-id={TENANT}

                - --frobnicate
                - value
                - --client-id
                - {PUBLIC}
            apiVersion: "client.authentication.k8s.io/v1beta1"
            interactiveMode: Never
            provideClusterInfo: true
            x-unknown: [1, {{a: b}}]
        x-more: true
    name: {NAME}
# the end
"""


def whole(text):
    return json.dumps(yaml.safe_load(text))


SAMPLES = {
    "what AKS writes": config(aks(more="      env: null\n" + HINT + "      provideClusterInfo: false\n"), ADMIN),
    "what az writes": config(AS_AZ, ADMIN),
    "the stanza last, no line end": config(ADMIN, AS_AZ).rstrip("\n"),
    "the args last": config(ADMIN, f"- name: {NAME}\n  user:\n    exec:\n      apiVersion: client.authentication.k8s.io/v1beta1\n      command: kubelogin\n      args:\n" + "".join(f"        - {a}\n" for a in ARGS)),
    "the args last, no line end": config(f"- name: {NAME}\n  user:\n    exec:\n      apiVersion: client.authentication.k8s.io/v1beta1\n      command: kubelogin\n      args:\n" + "\n".join(f"      - {a}" for a in ARGS)),
    "v1": config(aks(version="v1", more="      env: []\n      interactiveMode: IfAvailable\n      provideClusterInfo: false\n")),
    "v1alpha1": config(aks(version="v1alpha1")),
    "CRLF": config(aks(), ADMIN).replace("\n", "\r\n"),
    "byte order mark": "\ufeff" + config(aks()),
    "JSON on one line": whole(config(aks(), ADMIN)),
    "JSON over lines": json.dumps(yaml.safe_load(config(ADMIN, aks())), indent=2) + "\n",
    "JSON with tabs": json.dumps(yaml.safe_load(config(aks())), indent="\t"),
    "a user in brackets": config("- {name: " + NAME + ", user: {exec: {apiVersion: client.authentication.k8s.io/v1beta1, command: kubelogin, args: [" + ", ".join(ARGS) + "]}}}\n", ADMIN),
    "users in brackets": HEAD + "users: [" + json.dumps(yaml.safe_load(aks())[0]) + "]\n",
    "quoted": config(aks(args=[f'"{a}"' for a in ARGS], command="'kubelogin'")),
    "deep lists": config(aks()).replace("      - ", "          -   "),
    "comments and odd layout": config(ODD, ADMIN),
    "an absolute path": config(aks(command="/opt/bin/kubelogin")),
    "Windows": config(aks(command="'C:\\Program Files\\kubelogin.exe'")),
    "legacy auth-provider": config(LEGACY, ADMIN),
    "legacy auth-provider, JSON": whole(config(LEGACY)),
    "a document's start": "---\n" + config(aks()) + "...\n",
    "other alphabets": config(aks(), "- name: b\u00fccher \u20ac \U0001f600\n  user: {}\n").replace("preferences: {}", "preferences: {}\nx: \u00e9\u20ac\U0001f600"),
    "symlink into dotfiles": config(aks()),
}


class Home:
    def __init__(self, path):
        self.top = path
        self.path, self.bin = path / "home", path / "bin"
        for folder in self.path, self.bin:
            folder.mkdir(mode=0o700)
        for name in ("daypass", "kubelogin"):
            (self.bin / name).symlink_to(BIN / "daypass")
        self.kube = self.path / ".kube/config"
        self.own = self.path / ".config/daypass/config"
        self.note = self.path / ".local/state/daypass/configure"
        self.env = {"HOME": str(self.path), "PATH": f"{self.bin}:/usr/local/bin:/usr/bin:/bin", "LC_ALL": "C"}

    def run(self, *words, code=0, program=None, **env):
        all_env = {k: str(v) for k, v in {**self.env, **env}.items() if v is not None}
        done = subprocess.run([str(program or self.bin / "daypass"), *map(str, words)], env=all_env, cwd=self.path, capture_output=True, text=True, timeout=60, stdin=subprocess.DEVNULL)
        assert code is None or done.returncode == code, (done.returncode, done.stdout, done.stderr)
        assert "Sanitizer" not in done.stderr and "runtime error" not in done.stderr, done.stderr
        for secret in SECRETS:
            assert secret not in done.stdout + done.stderr
        return done

    def configure(self, *words, **more):
        return self.run("configure", "kube", *words, **more)

    def unconfigure(self, *words, **more):
        return self.run("unconfigure", "kube", *words, **more)

    def convert(self, *words, **more):
        return self.run("convert-kubeconfig", *words, program=self.bin / "kubelogin", **more)

    def write(self, text, path=None, mode=0o600):
        path = path or self.kube
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        path.chmod(mode)
        return path

    def notes(self):
        text = self.note.read_text() if self.note.exists() else ""
        for secret in SECRETS:
            assert secret not in text
        return text

    def tree(self):
        found = {}
        for path in sorted(self.path.rglob("*")):
            kind = os.readlink(path) if path.is_symlink() else path.read_bytes() if path.is_file() else None
            found[str(path.relative_to(self.path))] = (path.lstat().st_mode, kind)
        for name in (".local", ".local/state", ".cache"):
            found.pop(name, None)
        return found


@pytest.fixture
def home(tmp_path):
    return Home(tmp_path)


def read(path, user=NAME):
    """What a file says, and what it says about one user."""
    text = path.read_bytes().decode("utf-8-sig")
    data = json.loads(text) if text[0] == "{" else yaml.safe_load(text)
    return data, next(u["user"] for u in data["users"] if u["name"] == user)


def kubectl(home, path):
    """The same as the real kubectl has it."""
    done = subprocess.run([KUBECTL, "config", "view", "--raw", "-o", "json", "--kubeconfig", str(path)], env=home.env, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def comments(text):
    return [line[line.index("#"):] for line in text.replace("\r", "").split("\n") if "#" in line]


def lines_kept(before, after):
    """Every line of the one that is in the other, in order."""
    rest = iter(after)
    return sum(any(line == other for other in rest) for line in before)


# --- there and back -------------------------------------------------------------------------------------------------

def place(home, name):
    if "symlink" in name:
        target = home.path / "dotfiles/kube"
        home.kube.parent.mkdir()
        home.kube.symlink_to("../dotfiles/kube")
        return home.write(SAMPLES[name], target, 0o640)
    return home.write(SAMPLES[name], mode=0o640)


@pytest.mark.parametrize("name", SAMPLES)
def test_sample(home, name):
    real = place(home, name)
    untouched = home.tree()
    before, was = read(real)
    seen = kubectl(home, real) if KUBECTL and "mark" not in name else None
    shown = home.configure("--dry-run")
    assert home.tree() == untouched and f"would write {home.kube}: 1 user changed: {NAME}" in shown.stdout and "\n+" in shown.stdout
    done = home.configure()
    assert done.stdout.startswith(f"wrote {home.kube}: 1 user changed: {NAME}\n"), done
    after, now = read(real)
    extra = ["--frobnicate", "value", "--v=5"] if "odd" in name else []
    args = now["exec"]["args"]
    assert args[:2] == OURS[:2] and sorted(a.split("=")[0] for a in args) == sorted(a.split("=")[0] for a in args) and "daypass" == now["exec"]["command"]
    assert sorted("=".join(args[2:]).replace(f"--tenant-id={TENANT}", "").replace("==", "=").strip("=").split("=")) == sorted(f"--server-id={SERVER}={'='.join(extra)}".strip("=").split("="))
    assert f"--tenant-id={TENANT}" in "=".join(args)
    # nothing else differs
    assert now["exec"]["apiVersion"].endswith("/v1" if name == "v1" else "/v1beta1")
    expected = dict(was)
    if "auth-provider" in expected:
        del expected["auth-provider"]
        assert set(now["exec"]) == {"apiVersion", "args", "command"}
        expected["exec"] = now["exec"]
    else:
        expected["exec"] = {**was["exec"], "args": args, "command": "daypass", "apiVersion": now["exec"]["apiVersion"]}
        assert list(expected["exec"]) == list(now["exec"])
    assert now == expected
    for user in before["users"]:
        if user["name"] == NAME:
            user["user"] = now
    assert before == after
    old, new = SAMPLES[name], real.read_bytes().decode()
    assert comments(old) == comments(new)
    assert ("\r\n" in old) == ("\r\n" in new) and new.count("\n") == (new.count("\r\n") if "\r\n" in old else new.count("\n"))
    assert old.startswith("\ufeff") == new.startswith("\ufeff") and old.endswith("\n") == new.endswith("\n")
    if "JSON" in name:
        json.loads(new)
    if seen:
        later = kubectl(home, real)
        for user in seen["users"]:
            if user["name"] == NAME:
                mine = next(u for u in later["users"] if u["name"] == NAME)
                keep = {k: v for k, v in (user["user"].get("exec") or mine["user"]["exec"]).items() if k not in ("args", "command", "apiVersion")}
                assert keep == {k: v for k, v in mine["user"]["exec"].items() if k not in ("args", "command", "apiVersion")}
                user["user"] = mine["user"]
        assert seen == later
    assert real.stat().st_mode & 0o777 == 0o640 and home.kube.is_symlink() == ("symlink" in name)
    assert not list(home.path.rglob("*.lock"))
    written = home.tree()
    again = home.configure()
    assert again.stdout.startswith(f"nothing to change in {home.kube}: 0 users changed\n  {NAME} asks daypass already\n") and home.tree() == written
    home.notes()
    assert home.unconfigure("--dry-run").stdout.count("1 user as before") == 1 and home.tree() == written
    assert home.unconfigure().stdout == f"wrote {home.kube}: 1 user as before: {NAME}\n"
    assert home.tree() == untouched
    assert home.unconfigure().stdout == f"nothing to change in {home.kube}: 0 users as before\n"


def test_only_the_lines_that_must_change(home):
    home.write(SAMPLES["comments and odd layout"])
    home.configure()
    text = home.kube.read_text()
    assert text[text.index("        exec:"):text.index("            apiVersion:")] == f"""        exec:
            # how we get in
            command:   'daypass'   # the old way
            env:
                - {{name: HTTPS_PROXY, value: "http://user:s3cret@proxy:1"}}
            args:
                # arguments
                - "kube"
                - "get-token"
                - --v=5
                - '--server-id'  # of AKS
                - "{SERVER}"
                # by hand
                - --tenant-id={TENANT}

                - --frobnicate
                - value
"""


# --- after kubectl or az wrote the file anew ----------------------------------------------------------------------------

def as_az(path):
    """az merges with PyYAML: sorted, without comments."""
    path.write_text(yaml.safe_dump(yaml.safe_load(path.read_text()), default_flow_style=False))


@pytest.mark.parametrize("name", ["what AKS writes", "what az writes", "comments and odd layout", "legacy auth-provider", "v1", "JSON on one line"])
@pytest.mark.parametrize("who", ["az", "kubectl"])
def test_undo_after_the_file_was_written_anew(home, name, who):
    if who == "kubectl" and not KUBECTL:
        pytest.skip("not run: no kubectl")
    home.write(SAMPLES[name])
    _, was = read(home.kube)
    home.configure()
    if who == "az":
        as_az(home.kube)
    else:
        subprocess.run([KUBECTL, "config", "set", "contexts.more.cluster", "aks", "--kubeconfig", str(home.kube)], env=home.env, check=True, capture_output=True, timeout=60)
    done = home.unconfigure()
    assert f"1 user as before: {NAME}" in done.stdout
    _, now = read(home.kube)
    if "legacy" in name:
        assert now == was
        return
    for key in ("args", "command", "apiVersion"):
        assert now["exec"][key] == was["exec"][key]
    assert home.notes() == ""


def test_what_somebody_changed_since_stays(home):
    home.write(SAMPLES["what AKS writes"])
    home.configure()
    text = home.kube.read_text().replace("- get-token\n", "- get-token\n      - --mine\n")
    home.kube.write_text(text)
    done = home.unconfigure(code=3)
    assert f"  {NAME} stays as it is: somebody has changed it since\n" in done.stdout and home.kube.read_text() == text
    # another member of the entry: the values are still ours
    home.kube.write_text(text.replace("      - --mine\n", "").replace("provideClusterInfo: false", "provideClusterInfo: false\n      x: 1"))
    assert "by its values" in home.unconfigure().stdout
    assert home.kube.read_text().replace("\n      x: 1", "") == SAMPLES["what AKS writes"]


def test_what_somebody_added_to_a_new_stanza_stays(home):
    home.write(SAMPLES["legacy auth-provider"])
    home.configure()
    text = home.kube.read_text().replace("      command: daypass", "      command: daypass\n      env:\n      - {name: A, value: b}")
    home.kube.write_text(text)
    assert f"  {NAME} stays as it is: somebody has added to it since\n" in home.unconfigure(code=3).stdout and home.kube.read_text() == text


def test_no_note_no_undo(home):
    home.write(SAMPLES["what AKS writes"])
    home.configure()
    home.note.unlink()
    done = home.unconfigure()
    assert "what it was before is not noted" in done.stdout and "az aks get-credentials" in done.stdout
    home.write(SAMPLES["what AKS writes"])
    done = home.configure(HOME=None, KUBECONFIG=home.kube)
    assert "will not know what was there before" in done.stderr and read(home.kube)[1]["exec"]["command"] == "daypass"


# --- who is meant -------------------------------------------------------------------------------------------------------

def commands(path):
    return {u["name"]: u["user"].get("exec", {}).get("command") for u in yaml.safe_load(path.read_text())["users"]}


def test_one_of_several(home):
    text = config(aks(), aks("other"), ADMIN)
    home.write(text)
    assert "1 user changed: other\n" in home.configure("--user", "other").stdout
    assert commands(home.kube) == {NAME: "kubelogin", "other": "daypass", "admin": None}
    home.unconfigure()
    assert f"1 user changed: {NAME}\n" in home.configure("--context", "aks").stdout
    assert commands(home.kube) == {NAME: "daypass", "other": "kubelogin", "admin": None}
    assert f"1 user changed: other\n  {NAME} asks daypass already\n" in home.configure("--all").stdout
    assert "1 user as before: other\n" in home.unconfigure("--user=other").stdout
    assert "1 user as before: " + NAME in home.unconfigure("--context", "aks").stdout
    assert home.kube.read_text() == text and home.notes() == ""
    assert f"2 users changed: {NAME}, other\n" in home.configure().stdout
    home.unconfigure()
    assert home.kube.read_text() == text


def test_names_that_are_not_there(home):
    home.write(config(aks(), ADMIN))
    assert 'no context exists with the name: "nowhere"' in home.configure("--context", "nowhere", code=3).stderr
    assert 'no user exists with the name: "nobody"' in home.configure("--user", "nobody", code=3).stderr
    assert "user admin is none that daypass could answer for" in home.configure("--context", "admin", code=3).stderr
    assert "exclude each other" in home.configure("--all", "--user", "x", code=2).stderr
    assert home.kube.read_text() == config(aks(), ADMIN)


def test_several_files(home):
    a = home.write(config(aks(), ADMIN), home.path / "a")
    b = home.write("apiVersion: v1\nkind: Config\nusers:\n" + aks() + aks("second"), home.path / "b")
    second = b.read_text()
    done = home.configure(KUBECONFIG=f"{a}::{home.path / 'missing'}:{b}:{a}")
    assert f"wrote {a}: 1 user changed: {NAME}\n" in done.stdout and f"wrote {b}: 1 user changed: second\n" in done.stdout
    assert commands(a)[NAME] == "daypass" and commands(b) == {NAME: "kubelogin", "second": "daypass"}
    assert not (home.path / "missing").exists()
    home.unconfigure(KUBECONFIG=f"{a}:{b}")
    assert a.read_text() == config(aks(), ADMIN) and b.read_text() == second and home.notes() == ""
    home.write("users: {}\n", home.path / "c")
    done = home.configure(KUBECONFIG=f"{a}:{home.path / 'c'}", code=3)
    assert "c:1: users is of a kind" in done.stderr and commands(a)[NAME] == "kubelogin"


INT128 = "- name: oidc\n  user:\n    exec:\n      apiVersion: client.authentication.k8s.io/v1beta1\n      args:\n      - get-token\n      - --oidc-issuer-url=https://accounts.example.com\n      command: kubelogin\n"
BARE = "- name: oidc\n  user:\n    exec:\n      apiVersion: client.authentication.k8s.io/v1beta1\n      args:\n      - get-token\n      - --v=1\n      command: kubelogin\n"


@pytest.mark.parametrize("stanza, why", [(INT128, "int128"), (BARE, "names no server")])
def test_another_kubelogin_is_left_alone(home, stanza, why):
    home.write(config(stanza, aks()))
    done = home.configure()
    assert f"1 user changed: {NAME}\n  oidc stays as it is: it " in done.stdout and why in done.stdout
    assert commands(home.kube)["oidc"] == "kubelogin"
    home.write(config(stanza))
    assert "calls kubelogin for Azure" in home.configure(code=3).stderr
    assert "0 users changed" in home.convert("-l", "msi").stdout and home.kube.read_text() == config(stanza)


DOUBTS = {
    "args absent": (aks(args=[]).replace("      args:\n", ""), "names no server"),
    "args null": (aks(args=[]).replace("args:", "args: null"), "names no server"),
    "args a text": (aks(args=[]).replace("args:", "args: get-token"), "no list of texts"),
    "a number among the args": (aks(args=[*ARGS, 5]), "no list of texts"),
    "another verb": (aks(args=["setup", *ARGS[1:]]), "do not begin with get-token"),
    "a word": (aks(args=[*ARGS, "word"]), "no flag of get-token"),
    "a value missing": (aks(args=[*ARGS, "--timeout"]), "--timeout has no value"),
    "twice": (aks(args=[*ARGS, "--tenant-id", APP]), "--tenant-id stands there twice"),
    "a wrapper": (aks(command="/opt/my-kubelogin-wrapper"), "program of another name"),
    "both": (LEGACY.rstrip("\n") + "\n    exec: {apiVersion: client.authentication.k8s.io/v1beta1, command: kubelogin, args: [get-token]}\n", "both an exec and an auth-provider"),
    "legacy": (aks(args=[*ARGS, "--legacy"]), "legacy kind"),
    "legacy auth-provider of mode 0": (LEGACY.replace('"1"', '"0"'), "legacy kind"),
    "legacy auth-provider without a mode": (LEGACY.replace('        config-mode: "1"\n', ""), "legacy kind"),
    "a secret": (aks(args=[*ARGS[:-1], "spn", "--client-secret", "s3cret"]), "AZURE_CLIENT_SECRET"),
    "half a proof": (aks(args=[*ARGS, "--pop-enabled"]), "--pop-claims is required"),
    "a command over lines": (aks().replace("command: kubelogin", "command: |-\n        kubelogin"), "no text on one line"),
    "an argument over lines": (aks(args=[*ARGS, "|-\n        --v=1"]), "no text on one line"),
    "entries below their dashes": (aks().replace("      - get-token", "      -\n        get-token"), "line of its own"),
    "an unknown mode": (aks(args=[*ARGS[:-1], "magic"]), "log-in mode"),
    "an exec member twice": (aks().replace("env: null", "command: kubelogin"), "twice"),
}


@pytest.mark.parametrize("name", DOUBTS)
def test_on_doubt_it_stays_and_the_others_go_on(home, name):
    stanza, why = DOUBTS[name]
    text = config(stanza, aks("fine"))
    home.write(text)
    done = home.configure(code=0 if "names no server" in why else 3)
    assert f"1 user changed: fine\n  {NAME} stays as it is: " in done.stdout and why in done.stdout, done
    assert (f"{home.kube}: user {NAME} stays as it is: " in done.stderr) == (done.returncode == 3)
    assert home.kube.read_text().startswith(config(stanza)) and commands(home.kube)["fine"] == "daypass"
    home.unconfigure()
    assert home.kube.read_text() == text


# --- files that are not edited -------------------------------------------------------------------------------------------

BAD = {
    "two documents": (config(aks()) + "---\n" + config(aks()), "a second document"),
    "an anchor": (config(aks()).replace("kubelogin\n", "&x kubelogin\n"), "an anchor"),
    "an alias": ("x: &x 1\ny: *x\n" + config(aks()), "an anchor"),
    "a tag": (config(aks()).replace("command: kubelogin", "command: !!str kubelogin"), "a tag"),
    "tabs": (config(aks()).replace("      command", "\tcommand"), "tab"),
    "junk": ("\t: [", ":1:"),
    "a list": ("[1,2]\n", "no kubeconfig"),
    "another kind": ("kind: Pod\n", "no kubeconfig"),
    "users is a map": ("apiVersion: v1\nkind: Config\nusers: {}\n", "users is of a kind"),
    "a user without a name": (config("- user: {}\n"), "a user has no name"),
    "a name twice": (config(aks(), aks()), "a second user of this name"),
    "users twice": (config(aks()) + "users: []\n", "users stands there twice"),
    "old line ends": (config(aks()).replace("\n", "\r"), "line end"),
    "no UTF-8": (config(aks()).encode() + b"# \xff\xfe\n", ":"),
    "a NUL": (config(aks()).encode() + b"# \0\n", "NUL"),
    "deep": ("users: " + "[" * 10000, "inside each other"),
    "half": (config(aks())[:-6] + '"false', "unexpected end"),
    "too large": (config(aks()) + "#" * (9 * 1024 * 1024), "is larger than"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_file_that_is_not_edited(home, name):
    text, why = BAD[name]
    home.write(text)
    before = home.tree()
    for run in (home.configure, home.unconfigure, lambda code: home.convert("-l", "azurecli", code=1)):
        done = run(code=3)
        assert why in done.stderr and str(home.kube) in done.stderr and done.stdout == "", done
        assert home.tree() == before


@pytest.mark.parametrize("text", ["", "\n", "# nothing\n", "---\n", "apiVersion: v1\nkind: Config\n", "apiVersion: v1\nkind: Config\nusers: null\n", config(ADMIN), config().replace("users:\n", "users: []\n"),
                                  config("- name: x\n  user: null\n"), config("- name: x\n  user:\n    exec: null\n")])
def test_nobody_to_change(home, text):
    home.write(text)
    before = home.tree()
    done = home.configure(code=3)
    assert "no user calls kubelogin for Azure" in done.stderr and "az aks get-credentials" in done.stderr and "0 users changed" in done.stdout
    assert "0 users changed" in home.convert("-l", "azurecli").stdout
    assert "0 users as before" in home.unconfigure().stdout
    assert home.tree() == before


def test_no_file(home):
    done = home.configure(code=3)
    assert f"there is no kubeconfig: {home.kube}" in done.stderr and "az aks get-credentials" in done.stderr
    assert "0 users changed" in home.convert("-l", "azurecli").stdout
    assert "No such file" in home.convert("-l", "azurecli", "--kubeconfig", home.path / "none", code=1).stderr
    assert "No such file" in home.configure("--kubeconfig", home.path / "none", code=3).stderr
    assert "HOME is not set" in home.configure(HOME=None, code=3).stderr
    assert home.tree() == {}


def test_a_loop_of_links(home):
    home.kube.parent.mkdir()
    home.kube.symlink_to("config")
    assert "Too many levels" in home.configure(code=3).stderr
    assert "Too many levels" in home.convert("-l", "azurecli", code=1).stderr


def test_a_folder_and_a_pipe(home):
    home.kube.mkdir(parents=True)
    assert "is a directory" in home.configure(code=3).stderr
    assert "is a directory" in home.convert("-l", "azurecli", code=1).stderr
    home.kube.rmdir()
    os.mkfifo(home.kube)
    assert "not a regular file" in home.configure(code=3).stderr
    assert "not a regular file" in home.convert("-l", "azurecli", code=1).stderr


def test_no_permission(home):
    home.write(config(aks()), mode=0o000)
    if os.access(home.kube, os.R_OK):
        pytest.skip("not run: no namespaces")  # root outside the wall may read anything
    assert "Permission denied" in home.configure(code=3).stderr
    assert "Permission denied" in home.convert("-l", "azurecli", code=1).stderr
    home.kube.chmod(0o400)
    home.kube.parent.chmod(0o500)
    assert "Permission denied" in home.configure(code=3).stderr
    assert "Permission denied" in home.convert("-l", "azurecli", code=1).stderr
    home.kube.parent.chmod(0o700)
    assert home.kube.read_text() == config(aks())


# --- others at the same time ----------------------------------------------------------------------------------------------

def test_kubectls_lock_is_waited_for_then_named(home):
    home.write(config(aks()))
    lock = home.path / ".kube/config.lock"
    lock.write_text("")
    begun = time.monotonic()
    done = home.configure(code=3)
    assert 1.5 < time.monotonic() - begun and f"({lock} exists)" in done.stderr and f"if no kubectl is running: rm {lock}" in done.stderr
    assert home.kube.read_text() == config(aks()) and lock.exists() and home.notes() == ""
    assert "would write" in home.configure("--dry-run").stdout  # writes nothing, so needs no lock
    threading.Timer(0.5, lock.unlink).start()
    home.configure()
    assert commands(home.kube)[NAME] == "daypass" and not lock.exists()


def test_kubectl_locks_the_link(home):
    home.write(config(aks()), home.path / "real")
    home.kube.parent.mkdir()
    home.kube.symlink_to("../real")
    lock = home.path / ".kube/config.lock"
    lock.write_text("")
    assert str(lock) in home.configure(code=3).stderr
    lock.unlink()
    (home.path / "real.lock").write_text("")
    assert "real.lock" in home.configure(code=3).stderr and not lock.exists()


def test_what_is_written_while_we_wait_is_not_lost(home):
    home.write(config(aks()))
    lock = home.path / ".kube/config.lock"
    lock.write_text("")

    def write_and_unlock():
        home.kube.write_text(config(aks(), aks("new"), "# theirs\n"))
        lock.unlink()

    threading.Timer(0.5, write_and_unlock).start()
    home.configure()
    assert commands(home.kube) == {NAME: "daypass", "new": "daypass"} and "# theirs" in home.kube.read_text()
    home.unconfigure()
    assert home.kube.read_text() == config(aks(), aks("new"), "# theirs\n")


@pytest.mark.skipif(not KUBECTL, reason="not run: no kubectl")
def test_kubectl_at_the_same_time(home):
    """kubectl reads before it locks, and so undoes what others wrote in between; but the file is whole all the time, and nobody
    leaves a lock."""
    home.write(config(*(aks(f"u{i}") for i in range(20))))

    def set_one(i):
        subprocess.run([KUBECTL, "config", "set", f"contexts.new{i}.cluster", "aks", "--kubeconfig", str(home.kube)], env=home.env, capture_output=True, timeout=60)

    threads = [threading.Thread(target=set_one, args=(i,)) for i in range(6)]
    threads += [threading.Thread(target=home.configure, args=("--user", f"u{i}")) for i in range(6)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert sorted(commands(home.kube)) == sorted(f"u{i}" for i in range(20)) and not list(home.path.rglob("*.lock"))
    home.configure()
    assert set(commands(home.kube).values()) == {"daypass"}


def test_many_of_us_at_once(home):
    text = config(*(aks(f"u{i}") for i in range(8)))
    home.write(text)
    threads = [threading.Thread(target=home.configure, args=("--user", f"u{i}")) for i in range(8)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert set(commands(home.kube).values()) == {"daypass"} and home.notes().count("\n") == 8
    home.unconfigure()
    assert home.kube.read_text() == text and home.notes() == ""


def test_many_converters_at_once(home):
    """As a job with a matrix does it; kubelogin's own loses some of them (its issue 125)."""
    contexts = "contexts:\n" + "".join(f"- {{name: c{i}, context: {{cluster: aks, user: u{i}}}}}\n" for i in range(8))
    home.write(config(*(aks(f"u{i}") for i in range(8))).replace("contexts:\n", contexts))
    threads = [threading.Thread(target=home.convert, args=("-l", "azurecli", "--context", f"c{i}")) for i in range(8)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert [args_of(home, f"u{i}")[-1] for i in range(8)] == ["azurecli"] * 8 and not list(home.path.rglob("*.lock"))


def test_two_thousand_users(home):
    text = config(*(aks(f"user{i}") for i in range(2000)))
    home.write(text)
    begun = time.monotonic()
    assert "2000 users changed" in home.configure().stdout and "2000 users changed" in home.configure("--login", "msi").stdout
    home.unconfigure()
    assert home.kube.read_text() == text and home.notes() == "" and time.monotonic() - begun < 60


# --- what is written ---------------------------------------------------------------------------------------------------

IDENTITY = f"[identity default]\ntenant = {TENANT}\nclient-id = {APP}\n"


def args_of(home, user=NAME):
    return read(home.kube, user)[1]["exec"]["args"]


def test_what_the_configuration_says_is_not_written(home):
    home.write(config(aks()))
    home.write(IDENTITY, home.own)
    home.configure()
    assert args_of(home) == ["kube", "get-token", "--server-id", SERVER]
    home.unconfigure()
    home.write(IDENTITY.replace(TENANT, APP), home.own)
    home.configure()
    assert args_of(home) == OURS
    home.unconfigure()
    home.write(IDENTITY + "cloud = usgov\n", home.own)
    home.configure()
    assert args_of(home) == ["kube", "get-token", "--environment", "AzurePublicCloud", "--server-id", SERVER]


@pytest.mark.parametrize("mode, old, kept", [
    ("workloadidentity", ["--client-id", APP, "--federated-token-file", "/t", "--authority-host", "https://login.microsoftonline.com/"],
     ["--tenant-id", TENANT, "--login", "workloadidentity", "--client-id", APP, "--federated-token-file", "/t", "--authority-host", "https://login.microsoftonline.com/"]),
    ("azurecli", ["--subscription", "sub", "--cache-dir", "/c"], ["--login", "azurecli", "--subscription", "sub"]),
    ("msi", ["--client-id", APP], ["--login", "msi", "--client-id", APP]),
    ("spn", ["--client-id", APP, "--client-certificate", "/crt"], ["--tenant-id", TENANT, "--login", "spn", "--client-id", APP, "--client-certificate", "/crt"]),
    ("azurepipelines", ["--client-id", APP, "--azure-pipelines-service-connection-id", "C"], ["--tenant-id", TENANT, "--login", "azurepipelines", "--client-id", APP, "--azure-pipelines-service-connection-id", "C"]),
    ("interactive", ["--client-id", APP, "--redirect-url", "http://x", "--login-hint", "me"], ["--tenant-id", TENANT]),
    ("ropc", ["--client-id", APP, "--username", "me"], ["--tenant-id", TENANT]),
    ("devicecode", ["--client-id", APP, "--timeout", "5s", "--use-azurerm-env-vars", "--disable-instance-discovery"], ["--tenant-id", TENANT, "--timeout", "5s", "--use-azurerm-env-vars"]),
])
def test_what_an_older_stanza_says_is_kept_where_its_mode_needs_it(home, mode, old, kept):
    home.write(config(aks(args=["get-token", "--server-id", SERVER, "--tenant-id", TENANT, "--environment", "AzurePublicCloud", "--login", mode, *old])))
    home.configure()
    assert args_of(home) == ["kube", "get-token", "--server-id", SERVER, *kept]


def test_a_mode_that_is_asked_for(home):
    home.write(config(aks()))
    home.configure("--login", "workloadidentity", "--client-id", APP, "-t", TENANT)
    assert args_of(home) == ["kube", "get-token", "--server-id", SERVER, "--client-id", APP, "--tenant-id", TENANT, "--login", "workloadidentity"]
    assert "asks daypass already" in home.configure().stdout
    home.configure("-lmsi", f"--client-id={APP}")
    assert args_of(home) == ["kube", "get-token", "--server-id", SERVER, "--client-id", APP, "--login", "msi"]
    home.unconfigure()
    assert home.kube.read_text() == config(aks())


@pytest.mark.parametrize("words, why", [
    (["--login", "devicecode"], "signs a person in"), (["--login", "interactive"], "signs a person in"), (["--login", "magic"], "not a supported login method"),
    (["--login"], "needs a value"), (["--legacy"], "audience spn"), (["--client-secret", "s3cret"], "read -rs AZURE_CLIENT_SECRET"), (["--password=s3cret"], "AZURE_PASSWORD"),
    (["--client-certificate-password", "s3cret"], "AZURE_CLIENT_CERTIFICATE_PASSWORD"), (["--tenat-id", "x"], "did you mean --tenant-id?"), (["word"], "'word' is not understood"),
    (["--pop-enabled"], "needs --pop-claims"), (["--login", "msi", "--federated-token-file", "/x"], "has no use with --login msi"), (["--kubeconfig", ""], "needs a value"),
    (["--dry-run=maybe"], "true or false"), (["--tenant-id", "a\tb"], "control character"),
])
def test_bad_words(home, words, why):
    home.write(config(aks()))
    done = home.configure(*words, code=2)
    assert why in done.stderr and home.kube.read_text() == config(aks())


def test_a_secret_among_the_arguments_stays_where_it_is(home):
    text = config(aks(args=["get-token", "--login", "spn", "--client-secret", "s3cret", "--server-id", SERVER, "--client-id", APP, "--tenant-id", TENANT]))
    home.write(text)
    shown = home.convert("-l", "azurecli", "--dry-run")
    assert "       - ***\n" in shown.stdout
    done = home.convert("-l", "azurecli")
    assert "a secret stays in" in done.stderr and sorted(args_of(home)) == sorted(["get-token", "--login", "azurecli", "--client-secret", "s3cret", "--server-id", SERVER])
    assert home.notes()
    home.unconfigure()
    assert home.kube.read_text() == text


def test_tokens_of_a_legacy_provider(home):
    more = "        access-token: s3cret-a\n        refresh-token: s3cret-r\n        expires-on: \"1\"\n"
    home.write(config(LEGACY.replace("        apiserver-id", more + "        apiserver-id")))
    assert "s3cret" not in home.configure("--dry-run").stdout
    done = home.configure()
    assert "the tokens that kubectl kept in" in done.stderr and "s3cret" not in home.kube.read_text() and "# who asks" in home.kube.read_text()
    home.notes()
    home.unconfigure()
    _, user = read(home.kube)
    assert user == {"auth-provider": {"name": "azure", "config": {"apiserver-id": SERVER, "client-id": PUBLIC, "config-mode": "1", "environment": "AzurePublicCloud", "tenant-id": TENANT}}}


def test_servers_bound_by_the_configuration(home):
    home.write(config(aks(), LEGACY.replace(NAME, "legacy"), aks("bare", more="")))
    text = home.kube.read_text()
    home.write(IDENTITY + "[match kube:https://aks-x.hcp.westeurope.azmk8s.io:443]\nidentity = default\n", home.own)
    home.configure()
    assert all(read(home.kube, u)[1]["exec"]["provideClusterInfo"] is True for u in (NAME, "legacy", "bare"))
    home.unconfigure()
    assert home.kube.read_text() == text


def test_a_server_that_nobody_named(home):
    home.write(config(aks(args=[APP if a == SERVER else a for a in ARGS])))
    assert f"server-ids = {APP}" in home.configure().stderr
    home.unconfigure()
    home.write(IDENTITY + f"[daypass]\nserver-ids = {APP}\n", home.own)
    assert home.configure().stderr == ""


def test_which_kubelogin_is_first(home):
    home.write(config(aks()))
    assert f"kubelogin on PATH: {home.bin / 'kubelogin'}, which is this program\n" in home.configure().stdout
    (home.bin / "kubelogin").unlink()
    if not shutil.which("kubelogin", path=home.env["PATH"]):
        assert "kubelogin on PATH: none" in home.configure().stdout
    (home.bin / "kubelogin").write_text("#!/bin/sh\n")
    (home.bin / "kubelogin").chmod(0o755)
    assert f"kubelogin on PATH: {home.bin / 'kubelogin'}, another program" in home.configure().stdout
    home.unconfigure()
    ours = home.top / "ours"
    ours.mkdir()
    (ours / "kubelogin").symlink_to(BIN / "daypass")
    done = home.run("convert-kubeconfig", "-l", "azurecli", program=ours / "kubelogin")
    assert f"kubectl will start {home.bin / 'kubelogin'}, which is not this program" in done.stderr


def test_without_libyaml(home):
    home.write(config(aks()))
    folder = home.top / "lib"
    folder.mkdir()
    (folder / "libyaml-0.so.2").write_text("")
    done = home.configure(code=1, LD_LIBRARY_PATH=folder)
    assert "libyaml-0.so.2 is needed to read a kubeconfig" in done.stderr and "apt install libyaml-0-2" in done.stderr
    assert home.kube.read_text() == config(aks()) and not list(home.path.rglob("*.lock"))


@pytest.mark.parametrize("kuberc, word", [
    ("credentialPluginPolicy: DenyAll\n", "no plugin at all"), ("credentialPluginPolicy: Allowlist\ncredentialPluginAllowlist:\n- command: kubelogin\n", "- command: daypass"), ("credentialPluginPolicy: Allowlist\n", "refuses"),
    ("credentialPluginPolicy: Allowlist\ncredentialPluginAllowlist:\n- name: daypass\n", None), ("credentialPluginPolicy: Allowlist\ncredentialPluginAllowlist:\n- command: BIN/daypass\n", None),
    ("credentialPluginPolicy: AllowAll\n", None), ("x: [", None)])
def test_kubectls_own_list_of_plugins(home, kuberc, word):
    home.write(config(aks()))
    path = home.write("apiVersion: kubectl.config.k8s.io/v1beta1\nkind: Preference\n" + kuberc.replace("BIN", str(home.bin)), home.path / ".kube/kuberc")
    done = home.configure()
    assert (word in done.stderr and str(path) in done.stderr and done.stderr.count("\n") == 1) if word else done.stderr == ""
    assert home.configure(KUBERC="off").stderr == ""


def test_not_on_path(home):
    home.write(config(aks()))
    home.run("configure", "kube", program=BIN / "daypass", PATH="/usr/bin:/bin")
    assert read(home.kube)[1]["exec"]["command"] == str((BIN / "daypass").resolve())
    assert "asks daypass already" in home.configure().stdout
    home.unconfigure()
    assert home.kube.read_text() == config(aks())


# --- as kubelogin ------------------------------------------------------------------------------------------------------

AKS_ARGS = {"--server-id": SERVER, "--client-id": PUBLIC, "--tenant-id": TENANT, "--environment": "AzurePublicCloud"}
MODES = {
    "devicecode": (), "interactive": (), "spn": (), "ropc": (), "msi": ("--client-id", "--tenant-id", "--environment"), "azurecli": ("--client-id", "--tenant-id", "--environment"),
    "azd": ("--client-id", "--tenant-id", "--environment"), "workloadidentity": ("--client-id", "--tenant-id", "--environment"), "azurepipelines": ("--client-id", "--environment"),
}


def flags(args):
    assert args[0] == "get-token"
    found, i = {}, 1
    while i < len(args):
        two = i + 1 < len(args) and not args[i + 1].startswith("--")
        found[args[i]] = args[i + 1] if two else True
        i += 1 + two
    return found


@pytest.mark.parametrize("sample", ["what AKS writes", "what az writes", "legacy auth-provider", "JSON over lines", "CRLF"])
@pytest.mark.parametrize("mode", MODES)
def test_what_survives_in_each_mode(home, mode, sample):
    home.write(SAMPLES[sample])
    home.convert("-l", mode)
    _, user = read(home.kube)
    assert flags(user["exec"]["args"]) == {"--login": mode, **{k: v for k, v in AKS_ARGS.items() if k not in MODES[mode]}}
    assert user["exec"]["command"] == "kubelogin" and "auth-provider" not in user
    if mode == "devicecode" and "legacy" not in sample:
        assert home.kube.read_bytes().decode() == SAMPLES[sample]
    again = home.kube.read_bytes()
    assert "nothing to change" in home.convert("-l", mode).stdout and home.kube.read_bytes() == again
    if home.notes():
        home.unconfigure()
    assert home.kube.read_bytes().decode() == SAMPLES[sample]


@pytest.mark.parametrize("words, more", [
    (["-l", "workloadidentity", "--client-id", APP, "--tenant-id", TENANT, "--authority-host", "https://a/", "--federated-token-file", "/f"], {"--client-id": APP, "--tenant-id": TENANT, "--authority-host": "https://a/", "--federated-token-file": "/f"}),
    (["-l", "azurecli", "--tenant-id", TENANT, "--subscription", "s"], {"--tenant-id": TENANT, "--subscription": "s"}),
    (["-l", "msi", "--client-id", APP, "--identity-resource-id", "/r"], {"--client-id": APP}),
    (["-l", "msi", "--identity-resource-id", "/r"], {"--identity-resource-id": "/r"}),
    (["-l", "azurepipelines", "--client-id", APP, "--azure-pipelines-service-connection-id", "c"], {"--client-id": APP, "--tenant-id": TENANT, "--azure-pipelines-service-connection-id": "c"}),
    (["-l", "azurecli", "--token-cache-dir", "/c"], {"--cache-dir": "/c"}),
    (["-l", "azd", "--server-id", APP], {"--server-id": APP}),
])
def test_flags_that_are_given(home, words, more):
    home.write(SAMPLES["what AKS writes"])
    home.convert(*words)
    assert flags(args_of(home)) == {"--login": words[1], "--server-id": SERVER, **more}


def test_azure_config_dir(home):
    for more, names in (("      env: null\n", []), ("", []), ("      env: []\n", []), ("      env:\n      - name: A\n        value: s3cret # c\n", ["A"]),
                        ("      env: [{name: A, value: s3cret}]\n", ["A"]), ("      env:\n      - name: AZURE_CONFIG_DIR\n        value: /old\n      - {name: B, value: b}\n", ["AZURE_CONFIG_DIR", "B"])):
        text = config(aks(more=more), ADMIN)
        home.write(text)
        home.convert("-l", "azurecli", "--azure-config-dir", "/my dir")
        env = read(home.kube)[1]["exec"]["env"]
        assert [e["name"] for e in env] == names + (["AZURE_CONFIG_DIR"] if "AZURE_CONFIG_DIR" not in names else [])
        assert {e["name"]: e["value"] for e in env}["AZURE_CONFIG_DIR"] == "/my dir" and comments(text) == comments(home.kube.read_text())
        home.unconfigure()
        assert home.kube.read_text() == text
    home.write(config(LEGACY))
    home.convert("-l", "azurecli", "--azure-config-dir", "/d")
    assert read(home.kube)[1]["exec"]["env"] == [{"name": "AZURE_CONFIG_DIR", "value": "/d"}]


def test_from_mode_to_mode_nothing_is_forgotten(home):
    """The tenant that azurecli does not want is there again for the next mode; kubelogin's own converter has lost it by then."""
    home.write(SAMPLES["comments and odd layout"])
    for mode in ("azurecli", "workloadidentity", "spn", "msi", "devicecode"):
        home.convert("-l", mode)
    assert f"--tenant-id={TENANT}" in args_of(home)
    home.unconfigure()
    assert home.kube.read_text() == SAMPLES["comments and odd layout"]


def test_variables_and_exit_codes_of_kubelogin(home):
    home.write(config(aks()))
    done = home.convert("-l", "msi", AAD_LOGIN_METHOD="azurecli")
    assert "AAD_LOGIN_METHOD=azurecli goes before --login msi" in done.stderr and "azurecli" in args_of(home)
    assert "unknown flag: --frobnicate" in home.convert("--frobnicate", code=1).stderr
    assert "'foo' is not a supported login method" in home.convert("-l", "foo", code=1).stderr
    assert 'no context exists with the name: "x"' in home.convert("--context", "x", code=1).stderr
    assert "--user" in home.convert("--user", "x", code=1).stderr
    assert "usage: kubelogin convert-kubeconfig" in home.convert("--help").stdout
    home.note.unlink()
    home.write(config(aks(args=["get-token", "--server-id", SERVER, "--login", "azurecli"])))
    assert "--client-id is required" in home.convert("-l", "devicecode", code=1).stdout
    assert "daypass" not in home.kube.read_text()


def test_each_converter_leaves_the_others_stanza(home):
    home.write(config(aks(), aks("second")))
    home.configure("--user", NAME)
    assert "1 user changed: second\n" in home.convert("-l", "azurecli").stdout
    assert commands(home.kube) == {NAME: "daypass", "second": "kubelogin"} and args_of(home) == OURS
    # what is converted for kubelogin can be converted for daypass, and keeps its mode
    home.configure()
    assert args_of(home, "second") == ["kube", "get-token", "--server-id", SERVER, "--login", "azurecli"]


if REAL:
    @pytest.mark.parametrize("mode, old", [(mode, old) for mode in MODES for old in MODES])
    def test_the_same_as_microsofts_own(home, mode, old):
        """Flag for flag, where that does not forget any."""
        text = config(aks(args=[*ARGS[:-1], old]), LEGACY.replace(NAME, "legacy"))
        a, b = home.write(text, home.path / "a"), home.write(text, home.path / "b")
        home.run("convert-kubeconfig", "-l", mode, "--kubeconfig", a, program=REAL)
        home.convert("-l", mode, "--kubeconfig", b)
        for user in (NAME, "legacy"):
            one, two = read(a, user)[1]["exec"], read(b, user)[1]["exec"]
            kept = {"--tenant-id": TENANT} if mode == old == "workloadidentity" and user == NAME else {}  # kubelogin forgets it
            assert {**flags(one["args"]), **kept} == flags(two["args"]) and one["command"] == two["command"] and one["apiVersion"] == two["apiVersion"]
