"""Real peers that the distribution does not have; tests/e2e/real/fetch.sh brings them."""
import os
import subprocess
from pathlib import Path

import pytest

from e2e import clients, converts, kube_clients, logins, sdks
from e2e.cluster import Cluster, program

CACHE = Path(os.environ.get("DAYPASS_TEST_CACHE") or Path.home() / ".cache" / "daypass-tests")


class NewGit:
    """A git of another release, for one place."""

    def __init__(self, place, release):
        root = CACHE / f"git-{release}" / "root" / "usr"
        self.place, self.program = place, root / "bin" / "git"
        self.more = {"GIT_EXEC_PATH": root / "lib" / "git-core", "GIT_TEMPLATE_DIR": root / "share" / "git-core" / "templates",
                     "PATH": f"{self.program.parent}:{place.env()['PATH']}"}

    def __call__(self, *args, rc=0, **how):
        r = self.place.run([self.program, *args], **{**self.more, **how})
        assert rc is None or r.rc == rc, r
        return r


@pytest.fixture(params=["trixie", "sid"])
def git(request, place):
    version = CACHE / f"git-{request.param}" / "version"
    if not version.exists():
        pytest.skip(f"not run: the git of {request.param} could not be fetched")
    return NewGit(place, request.param)


@pytest.fixture
def azure_identity():
    """The Python that has Microsoft's azure-identity."""
    python = CACHE / "azure-identity" / "bin" / "python"
    if not (CACHE / "azure-identity" / "done").exists() or subprocess.run([python, "-c", "import azure.identity"], capture_output=True).returncode:
        pytest.skip("not run: azure-identity could not be installed")
    return python


def wanted(name, label=None):
    if not program(name):
        pytest.skip(f"not run: {label or name} could not be fetched (make check-kube)")
    return program(name)


@pytest.fixture(scope="module")
def cluster():
    """A real API server for the tests of one module."""
    for name in ("etcd", "kube-apiserver"):
        wanted(name, "kube-apiserver")
    c = Cluster().start()
    yield c
    c.stop()


@pytest.fixture(scope="session")
def kubectl():
    """The one of the same release."""
    return wanted("kubectl", "the kubectl of kube-apiserver's release")


@pytest.fixture(scope="session")
def kubelogin():
    """Azure's own."""
    return wanted("kubelogin")


def pytest_terminal_summary(terminalreporter):
    """What clients of registries and of Kubernetes did and asked, and who answered what under the name kubelogin, whatever pytest captured."""
    for title, module in (("clients of registries", clients), ("clients of Kubernetes", kube_clients), ("kubelogin", logins),
                          ("kubelogin convert-kubeconfig", converts), ("SDKs", sdks)):
        if module.ROWS:
            terminalreporter.section(title)
            for line in module.table():
                terminalreporter.write_line(line)
