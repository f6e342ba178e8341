"""Fixtures of the end-to-end tests, and the rule about skips: where CI is set, only what ALLOWED_SKIPS names may be left out."""
import os
import shutil
import sys
from collections import Counter
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from cloud.client import EVIL, Cloud  # noqa: E402
from e2e import source_table  # noqa: E402
from e2e.place import BIN, Place  # noqa: E402

ALLOWED_SKIPS = ("not run: no namespaces", "not run: no kernel keyring", "not run: this kernel", "not run: this libcurl",
                 "not run: no file of another owner", "not run: ptrace is refused", "not run: no folder outside tmpfs",
                 "not run: the git of", "not run: azure-identity", "not run: git's tests", "not run: the registry client", "not run: rootless",
                 "not run: no kubectl", "not run: the kubectl of", "not run: kube-apiserver", "not run: kubelogin", "not run: the SDK for", "not run: az could", "not run: no terraform", "not run: ninety minutes",
                 "not run: the Kubernetes client", "not run: zitadel's verifier", "not run: google-auth", "not run: go-spiffe")


# Where daypass keeps tokens when a test gives it no runtime folder: not ours to leave behind, nor to take away.
SHARED = Path(f"/dev/shm/daypass-{os.geteuid()}")


def pytest_configure(config):
    config.shared_was_there = SHARED.exists()
    if "DAYPASS_TEST_CLOUD" not in os.environ:
        raise pytest.UsageError("these tests need the stand-in cloud: tests/cloud/run -- pytest tests/e2e, or: make e2e")
    if not (BIN / "git-credential-daypass").exists():
        raise pytest.UsageError(f"there is no {BIN}/git-credential-daypass: run make")


@pytest.fixture
def cloud():
    c = Cloud()
    c.reset()
    yield c
    trapped = c.log(host=EVIL)
    c.reset()
    assert not trapped, f"somebody was led to {EVIL}: {trapped}"


@pytest.fixture
def place(cloud):
    """Nobody in particular yet: place.pod(), .github(), .pipelines() or .config() say who."""
    p = Place(cloud)
    yield p
    p.close()


@pytest.fixture
def pod(place):
    return place.pod()


def pytest_unconfigure(config):
    if not getattr(config, "shared_was_there", True):
        shutil.rmtree(SHARED, ignore_errors=True)


# --- skips ---

def reasons(reporter):
    """Why tests were skipped, and how many for each reason."""
    found = Counter()
    for report in reporter.stats.get("skipped", []):
        where = report.longrepr
        found[where[2] if isinstance(where, tuple) else str(where)] += 1
    return {k.removeprefix("Skipped: "): n for k, n in found.items()}


def pytest_terminal_summary(terminalreporter):
    if source_table.ROWS:
        terminalreporter.section("sources")
        for line in source_table.table():
            terminalreporter.write_line(line)
    for reason, n in sorted(reasons(terminalreporter).items()):
        terminalreporter.write_line(f"skipped: {reason} ({n})")


def pytest_sessionfinish(session):
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    wrong = [r for r in reasons(reporter) if not r.startswith(ALLOWED_SKIPS)] if reporter else []
    if os.environ.get("CI") and wrong and session.exitstatus == 0:
        reporter.write_line("")
        for reason in wrong:
            reporter.write_line(f"FAILED: under CI nothing may be skipped because: {reason}")
        session.exitstatus = 1
