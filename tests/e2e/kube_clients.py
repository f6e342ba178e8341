"""Kubernetes' clients in other languages: the programs of tests/e2e/real/kube, what each is expected to hand to its exec plugin, and the table of what
it did that tests/e2e/real prints."""
import re
from pathlib import Path

from e2e.cluster import CACHE
from e2e.cluster import program as built
from golden.run import HERE as GOLDEN
from golden.run import expand

PROGRAMS, LIBRARIES = Path(__file__).parent / "real" / "kube", CACHE / "kube-clients"
DISTRIBUTION = {"PYTHONPATH": LIBRARIES / "distribution/root/usr/lib/python3/dist-packages"}
ROWS = []  # of the table
RECORDER = """#!/bin/sh
stdin=$(readlink /proc/$$/fd/0) merged=
[ "$(readlink /proc/$$/fd/1)" != "$(readlink /proc/$$/fd/2)" ] || merged=merged
printf '%%s|%%s|%%s\\0' "${KUBERNETES_EXEC_INFO-unset}" "$stdin" "$merged" >>%(work)s/calls
exec %(work)s/bin/kubelogin "$@"
"""


class Client:
    """argv of the program that uses it; its golden transcript; runs: of the plugin for six requests; merged: its stderr is the answer too."""

    def __init__(self, name, argv, golden, env=None, runs=1, merged=False):
        self.name, self.argv, self.golden, self.env, self.runs, self.merged = name, argv, golden, env or {}, runs, merged

    @property
    def version(self):
        if self.name == "clientgo":
            return "kubernetes " + re.search(r"(\d+\.\d+\.\d+)\.", self.argv[0].name)[1] if self.argv[0] else None
        done = LIBRARIES / self.name / "done"
        return done.read_text().split("\n")[0] if done.exists() else None

    def sends(self):
        """KUBERNETES_EXEC_INFO by its golden transcript; None: unset."""
        path = Path(GOLDEN, "kube", self.golden, "env")
        found = [expand(line.partition("=")[2], {}).decode() for line in path.read_text().splitlines() if line] if path.exists() else []
        return found[0].strip() if found and found[0] else None


def java(name):
    return ["java", "-XX:TieredStopAtLevel=1", "-cp", f"{LIBRARIES}/{name}/lib/*:{LIBRARIES}/{name}/classes", "Kube"]


CLIENTS = [
    Client("clientgo", [built("clientgo")], "client-kubectl"),
    Client("python", [LIBRARIES / "python/bin/python", PROGRAMS / "kube.py"], "client-python"),
    Client("distribution", ["/usr/bin/python3", PROGRAMS / "kube.py"], "client-python", DISTRIBUTION),
    Client("js", ["node", PROGRAMS / "kube.mjs"], "client-js", {"NODE_PATH": LIBRARIES / "js/node_modules"}),
    Client("fabric8", java("fabric8"), "client-fabric8", merged=True),
    Client("java", java("java"), "client-java"),
    Client("rust", [LIBRARIES / "rust/kube"], "client-rust", runs=3),  # all of them when it starts
]


def table():
    heads = ("client", "version", "server", "runs", "stdin", "sends")
    rows = [{h: h for h in heads}, *({h: str(r[h]) for h in heads} for r in ROWS)]
    widths = [max(len(r[h]) for r in rows) for h in heads]
    return ["  ".join(r[h].ljust(w) for h, w in zip(heads, widths)).rstrip() for r in rows]
