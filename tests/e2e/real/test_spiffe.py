"""SPIFFE's Workload API, served by go-spiffe, as the source: a JWT-SVID becomes a clone, as go-spiffe's own client gets it too."""
import os
import subprocess
from pathlib import Path

import pytest

from cloud.client import APP, AUDIENCE, ISSUER, TENANT, UAMI
from e2e.place import said_no, silent, wait_until

CACHE = Path(os.environ.get("DAYPASS_TEST_CACHE") or Path.home() / ".cache" / "daypass-tests")
BUILDER, OTHER = "spiffe://contoso.test/builder", "spiffe://contoso.test/other"


def program():
    found = sorted((CACHE / "judges").glob("spiffe-*"))
    if not found:
        pytest.skip("not run: go-spiffe could not be fetched (tests/e2e/real/fetch_judges.sh)")
    return found[-1]


@pytest.fixture(scope="module")
def spiffe():
    return program()


@pytest.fixture
def agent(place, cloud, spiffe):
    """An agent that knows us as BUILDER and as OTHER; Entra trusts BUILDER."""
    folder, socket = place.folder / "svids", place.folder / "agent.sock"
    for name in ("builder", "other"):
        place.write(f"svids/{name}", cloud.mint(sub=f"spiffe://contoso.test/{name}"))
    cloud.fic("add", client=APP, issuer=ISSUER, subject=BUILDER)
    p = place.start([spiffe, "serve", socket, folder], stdin=subprocess.DEVNULL)
    wait_until(socket.exists, "the agent listens")
    place.identity = {"SPIFFE_ENDPOINT_SOCKET": f"unix://{socket}", "AZURE_TENANT_ID": TENANT, "AZURE_CLIENT_ID": APP}
    place.gitconfig()
    yield place
    p.kill()
    p.wait()


def asked(place):
    return (place.folder / "svids" / ".asked").read_text().strip()


def test_an_svid_becomes_a_clone(agent, cloud, spiffe):
    assert (agent.clone() / ".git").is_dir() and len(cloud.exchanges()) == 1
    sent = cloud.exchanges()[0]["form"]["client_assertion"]
    assert asked(agent) == AUDIENCE
    theirs = agent.run([spiffe, "fetch", agent.folder / "agent.sock", AUDIENCE], leaks=True)
    assert theirs.out.strip() == sent and asked(agent) == AUDIENCE, "what go-spiffe's own client asks and gets"


def test_a_chosen_id(agent, cloud):
    cloud.fic("add", client=UAMI, issuer=ISSUER, subject=OTHER)
    assert agent.get(DAYPASS_SPIFFE_ID=OTHER, AZURE_CLIENT_ID=UAMI).token and asked(agent) == f"{AUDIENCE} {OTHER}"
    said_no(agent.get(DAYPASS_SPIFFE_ID=OTHER), "AADSTS700213", OTHER)


def test_no_registration_entry(agent, cloud):
    for name in ("builder", "other"):
        (agent.folder / "svids" / name).unlink()
    said_no(agent.get(), "source spiffe", "gRPC status 7: no identity issued", "spire-server entry create")
    assert not cloud.exchanges()


def test_an_id_that_is_not_ours(agent):
    said_no(agent.get(DAYPASS_SPIFFE_ID="spiffe://contoso.test/nobody"), "gRPC status 7")


@pytest.mark.parametrize("content, words", [("hello", ("is not a JWT",)), ("x" * 300000, ("more than 256 KiB",)), ("y" * 70000, ("larger than 64 KiB",))])
def test_an_svid_that_is_no_token(agent, cloud, content, words):
    agent.write("svids/builder", content)
    said_no(agent.get(), "source spiffe", *words)
    assert not cloud.exchanges()


def test_a_job_is_a_job(agent, cloud):
    said_no(agent.get(GITHUB_ACTIONS="true"), "id-token")
    assert not (agent.folder / "svids" / ".asked").exists()


def test_whoami_and_doctor(agent):
    out = agent.run(["daypass", "whoami"]).out
    assert BUILDER in out and "source spiffe" in out
    r = agent.run(["daypass", "doctor", "https://dev.azure.com/contoso"])
    assert r.rc == 0 and BUILDER in r.out, r


def test_a_proxy_is_not_asked(agent):
    assert agent.run(["daypass", "assertion"], leaks=True, ALL_PROXY="http://127.0.0.1:9").rc == 0


def test_away_from_spiffe(place):
    place.identity = {"AZURE_TENANT_ID": TENANT, "AZURE_CLIENT_ID": APP}
    silent(place.get())
