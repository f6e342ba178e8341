"""The real clients of registries, how each is told to push, to look and to pull, and what they ask of docker-credential-daypass meanwhile: a
recorder stands before it on PATH.

What they cannot do here: docker pulls and pushes images through a daemon only, so it inspects a manifest. podman opens its store only with
CAP_SYS_ADMIN, and buildah unpacks no layer without; where the wall took our capabilities away podman reads a manifest list, and buildah's image
has no layer (DAYPASS_TEST_CAPABILITIES=1 leaves them: see tests/README.md)."""
import io
import json
import os
import re
import shutil
import tarfile
from collections import Counter, namedtuple
from pathlib import Path

import pytest

from cloud.client import ACR_USER, APP, REGISTRY, REPOSITORY
from cloud.peers import Skopeo, bearer
from e2e import oci
from e2e.place import BIN, PATH

DOCKER_HELPER = "docker-credential-daypass"
NOT_FOUND = "credentials not found in native keychain"
CAP_SYS_ADMIN = 1 << 21
CAPABLE = bool(int(re.search(r"^CapEff:\s*(\w+)", Path("/proc/self/status").read_text(), re.M)[1], 16) & CAP_SYS_ADMIN)
INDEX = "application/vnd.oci.image.index.v1+json"
STORE = "--storage-driver=vfs --root {store}/root --runroot {store}/run "
PODMAN = STORE + "--tmpdir {store}/tmp --cgroup-manager=cgroupfs --events-backend=none "
# Commands a client, in the order in which they make sense; {last} is the last line of what the command before said. What none can do is not there.
COMMANDS = {
    "docker": {"look": ["manifest inspect {repo}:docker"]},
    "skopeo": {"push": ["--insecure-policy copy oci:{layout}:v1 docker://{ref}"], "look": ["inspect docker://{ref}"], "list": ["list-tags docker://{repo}"],
               "pull": ["--insecure-policy copy docker://{ref} oci:{back}:v1"]},
    "buildah": {"push": [STORE + "pull -q oci:{layout}:v1", STORE + "push -q {last} docker://{ref}"], "pull": [STORE + "pull -q {ref}"]},
    "podman": {"push": [PODMAN + "pull -q oci:{layout}:v1", PODMAN + "push -q {last} docker://{ref}"], "look": [PODMAN + "manifest inspect {repo}:index"],
               "list": [PODMAN + "search --list-tags {repo}"], "pull": [PODMAN + "pull -q {ref}"]},
    "oras": {"push": ["cp --from-oci-layout {layout}:v1 {ref}"], "look": ["manifest fetch {ref}"], "list": ["repo tags {repo}"],
             "pull": ["cp --to-oci-layout {ref} {back}:v1"]},
    "crane": {"push": ["push {layout} {ref}"], "look": ["digest {ref}"], "list": ["ls {repo}"], "pull": ["pull --format=oci {ref} {back}"]},
    "regctl": {"push": ["image copy ocidir://{layout}:v1 {ref}"], "look": ["manifest head {ref}"], "list": ["tag ls {repo}"],
               "pull": ["image copy {ref} ocidir://{back}:v1"]},
    "helm": {"push": ["push {chart} oci://{registry}/team"], "look": ["show chart oci://{registry}/team/app --version 1.0.0"],
             "pull": ["pull oci://{registry}/team/app --version 1.0.0 -d {back}"]},
}
LOGIN = {"helm": "registry login", "crane": "auth login"}  # others: login
if CAPABLE:
    del COMMANDS["podman"]["look"]
else:
    COMMANDS["podman"] = {"look": COMMANDS["podman"]["look"]}
ENGINE = '[engine]\nhelper_binaries_dir = ["{}/helpers"]\n'  # a program for networks must be there, and is never run
Call = namedtuple("Call", "verb rc asked")
RECORDER = r"""#!/bin/sh
# What a client asks of the helper, and how it ends; never a secret.
asked=$(cat; printf .) asked=${asked%%.}
printf %%s "$asked" | %(helper)s "$@"
rc=$?
shown=$(printf %%s "$asked" | sed 's/"Secret":"\([^"\\]\|\\.\)*"/"Secret":"..."/')
printf '%%s\t%%s\t%%s\n' "$*" $rc "$(printf %%s "$shown" | sed ':a;N;$!ba;s/\n/\\n/g')" >>%(log)s
exit $rc
"""
LF = r"\n"  # as the recorder writes it
ROWS = []  # of the table that tests/e2e/real prints


class Recorder:
    """A docker-credential-daypass that writes down how it is called, and hands on to ours."""

    def __init__(self, place):
        self.log = place.write("recorder/log", "")
        self.folder = place.write(f"recorder/{DOCKER_HELPER}", RECORDER % {"helper": BIN / DOCKER_HELPER, "log": self.log}, 0o755).parent

    def calls(self):
        return [Call(verb, int(rc), asked) for verb, rc, asked in (line.split("\t", 2) for line in self.log.read_text().splitlines())]

    def gets(self):
        """The strings that were asked for; nothing else was done."""
        assert {c.verb for c in self.calls()} <= {"get"}, self.calls()
        return {c.asked for c in self.calls()}


def light(folder):
    """An image without any layer."""
    folder = Path(folder)
    config = oci.blob(folder, oci.as_json({"architecture": "amd64", "os": "linux", "rootfs": {"type": "layers", "diff_ids": []}}), oci.CONFIG)
    manifest = oci.blob(folder, oci.as_json({"schemaVersion": 2, "mediaType": oci.MANIFEST, "config": config, "layers": []}), oci.MANIFEST)
    row = {**manifest, "annotations": {"org.opencontainers.image.ref.name": "v1"}}
    (folder / "index.json").write_bytes(oci.as_json({"schemaVersion": 2, "manifests": [row]}))
    (folder / "oci-layout").write_text('{"imageLayoutVersion":"1.0.0"}')
    return manifest["digest"]


class Images:
    """What is pushed, in OCI layouts: an image, and a light one; and a chart."""

    def __init__(self, place):
        self.place, self.folder, self.chart = place, place.folder / "images", place.folder / "images" / "app-1.0.0.tgz"
        self.digest = {"v1": oci.image(self.folder / "v1"), "light": light(self.folder / "light")}
        self.config = {k: json.loads((self.folder / k / "blobs/sha256" / v[7:]).read_text())["config"]["digest"] for k, v in self.digest.items()}
        with tarfile.open(self.chart, "w:gz") as tar:
            for name, data in (("app/Chart.yaml", b"apiVersion: v2\nname: app\nversion: 1.0.0\n"), ("app/values.yaml", b"{}\n")):
                info = tarfile.TarInfo(name)
                info.size = len(data)
                tar.addfile(info, io.BytesIO(data))

    def seed(self, host, owner, tag):
        """One of v1, light, docker (v1 in docker's old format), index (of v1); without any helper, with tokens of the cloud's own making."""
        if not shutil.which("skopeo", path=PATH):
            pytest.skip("not run: no skopeo here")
        cloud, name = self.place.cloud, "light" if tag == "light" else "v1"
        skopeo, image = Skopeo(self.folder, cloud.refresh_token(host, owner)), "v1" if tag == "index" else tag
        skopeo.run("copy", "-q", *(["--format", "v2s2"] if tag == "docker" else []), *skopeo.option("--dest-creds"), f"oci:{self.folder}/{name}:v1",
                   f"docker://{host}/{REPOSITORY}:{image}")
        if tag == "index":
            size = (self.folder / "v1/blobs/sha256" / self.digest["v1"][7:]).stat().st_size
            row = {"mediaType": oci.MANIFEST, "digest": self.digest["v1"], "size": size, "platform": {"architecture": "amd64", "os": "linux"}}
            index = oci.as_json({"schemaVersion": 2, "mediaType": INDEX, "manifests": [row]}).decode()
            path, token = f"/v2/{REPOSITORY}/manifests/index", cloud.registry_token(host, f"repository:{REPOSITORY}:pull,push")
            assert bearer(token, path, "-X", "PUT", "-H", f"Content-Type: {INDEX}", "--data-binary", index, host=host).status == 201


class Client:
    """One of them, for one place."""

    def __init__(self, place, kind, program, version=None):
        self.place, self.kind, self.program, self.stores = place, kind, program, 0
        self.version = version or re.search(r"(\d+\.\d[\w.]*)", place.run([program, "--version"]).out)[1]
        self.recorder, self.images, self.done = Recorder(place), Images(place), Counter()
        self.tag = "light" if kind == "buildah" and not CAPABLE else "v1"
        self.since = 0  # of the cloud's log: what came before was not this client
        self.env = {"PATH": f"{self.recorder.folder}:{PATH}", "TMPDIR": place.folder, "CONTAINERS_CONF": place.write("containers.conf", ENGINE.format(place.folder)),
                    "DOCKER_HOST": "tcp://127.0.0.1:1", "DOCKER_CLI_HINTS": "false", "PODMAN_IGNORE_CGROUPSV1_WARNING": "1"}
        place.write("helpers/netavark", "#!/bin/sh\nexit 1\n", 0o755)
        place.write("home/.config/containers/policy.json", '{"default": [{"type": "insecureAcceptAnything"}]}')
        if not CAPABLE:  # root that may nothing: as if an ordinary user had made its namespace already
            self.env.update({"_CONTAINERS_USERNS_CONFIGURED": "done"} if kind == "podman" else {"_CONTAINERS_ROOTLESS_UID": "1000"})
        self.auth_json = kind == "podman"
        self.helped(REGISTRY)

    def helped(self, *hosts, **more):
        """The client's own configuration: these hosts are ours."""
        name = f"{self.place.runtime}/containers/auth.json" if self.auth_json else "home/.docker/config.json"
        self.config = self.place.write(name, json.dumps({"credHelpers": {host: "daypass" for host in hosts}, **more}))
        # helm first looks into a file of its own; where that is empty it asks docker-credential-secretservice or -pass, if it finds them, and ends
        # with their error where there is no session.
        self.env["HELM_REGISTRY_CONFIG"] = self.config

    def seed(self, host=REGISTRY, owner=APP):
        """What this client is going to look at, put there by somebody else; a chart only helm itself can put there."""
        if self.kind == "helm":
            identity, runtime = self.place.identity, self.place.runtime
            self.place.pod(owner)
            self.place.fresh_runtime()
            self("push", host)
            self.place.identity, self.place.runtime = identity, runtime
        else:
            self.images.seed(host, owner, {"docker": "docker", "podman": "index" if "look" in COMMANDS["podman"] else "v1"}.get(self.kind, self.tag))
        self.since = len(self.place.cloud.log())
        self.recorder.log.write_text("")
        self.done.clear()

    def seen(self, path):
        """The cloud's rows of this path, since the seeding."""
        return [r for r in self.place.cloud.log()[self.since:] if r["kind"] == "http" and r["path"].endswith(path)]

    def can(self, *actions):
        return [a for a in actions if a in COMMANDS[self.kind]]

    def __call__(self, action, host=REGISTRY, rc=0, tag=None, **env):
        """push, look, list or pull; what was seen must be what there is. The last command's result."""
        self.stores += 1
        store, back = self.place.folder / f"store-{self.stores}", self.place.folder / f"back-{self.stores}"
        if self.kind == "helm":
            back.mkdir()
        words = {"repo": f"{host}/{REPOSITORY}", "registry": host, "ref": f"{host}/{REPOSITORY}:{tag or self.tag}", "layout": self.tag,
                 "chart": self.images.chart, "store": store, "back": back, "last": ""}
        for command in COMMANDS[self.kind][action]:
            r = self.run(*command.format(**words).split(), **env)
            if r.rc:
                break
            words["last"] = r.out.split("\n")[-2] if "\n" in r.out else ""
        assert rc is None or (r.rc == 0) == (rc == 0), r
        if r.rc == 0:
            self.done[action] += 1
            self.check(action, r, back)
        return r

    def run(self, *args, stdin=b"", **env):
        return self.place.run([self.program, *args], stdin, **{"cwd": self.images.folder, **self.env, **env})

    def words(self, action):
        """login or logout. podman opens its store even for that: not the machine's."""
        before = PODMAN.format(store=self.place.folder / "store") if self.kind == "podman" else ""
        return (before + LOGIN.get(self.kind, "login").replace("login", action)).split()

    def login(self, *options, host=REGISTRY, **how):
        self.done["login"] += 1
        return self.run(*self.words("login"), *options, host, **how)

    def logout(self, host=REGISTRY, **how):
        self.done["logout"] += 1
        return self.run(*self.words("logout"), host, **how)

    def check(self, action, r, back):
        said, config, digest = r.out + r.err, self.images.config[self.tag], self.images.digest[self.tag]
        if action == "list":
            assert self.tag in said.split() or f'"{self.tag}"' in said, r
        elif action == "look":
            assert digest in said or config in said or "name: app" in said, r
        elif action == "pull" and self.kind == "helm":
            assert (back / "app-1.0.0.tgz").read_bytes() == self.images.chart.read_bytes()
        elif action == "pull" and self.kind in ("podman", "buildah"):
            assert config[7:] in said, r
        elif action == "pull":
            assert json.loads((back / "index.json").read_text())["manifests"][0]["digest"] == digest

    def row(self, user):
        """A line of the table; it says failed until the test has come to its end."""
        ROWS.append(row := {"client": self.kind, "version": self.version, "user": user, "result": "failed"})

        def good():
            calls = Counter(c.verb + (f" as {json.loads(c.asked.removesuffix(LF))['Username']}" if c.verb == "store" else "") for c in self.recorder.calls())
            asked = {json.loads(c.asked.removesuffix(LF))["ServerURL"] if c.verb == "store" else c.asked for c in self.recorder.calls()}
            forms = {f"{r['method']} {r['form'].get('grant_type') or r['auth'].split(' ')[0] or 'nobody'}" for r in self.seen("/oauth2/token")}
            row.update(result="ok", did=" ".join(f"{k} {n}" for k, n in self.done.items()), token=", ".join(sorted(forms)), asked=" ".join(sorted(asked)),
                       calls=", ".join(f"{n} {verb}" for verb, n in calls.items()).replace(ACR_USER, "zeros"))
        return good


def installed(*kinds):
    """(kind, program) for every one on PATH, two where there are two; (kind, None) where there is none."""
    for kind in kinds:
        programs = {os.path.realpath(p): p for p in (f"{folder}/{kind}" for folder in reversed(PATH.split(":"))) if os.access(p, os.X_OK)}
        yield from [(kind, p) for p in reversed(programs.values())] or [(kind, None)]


def table():
    """What ROWS say, for people."""
    heads = {"client": "client", "version": "version", "user": "user", "did": "commands", "calls": "calls of our helper", "asked": "strings",
             "token": "token requests", "result": "result"}
    rows = [heads, *({h: str(r.get(h, "")) for h in heads} for r in sorted(ROWS, key=lambda r: (r["client"], r["version"], r["user"])))]
    widths = [max(len(r[h]) for r in rows) for h in heads]
    return ["  ".join(r[h].ljust(w) for h, w in zip(heads, widths)).rstrip() for r in rows]
