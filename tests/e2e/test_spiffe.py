"""SPIFFE as the source, as far as no agent is needed: what its variable may say, and an agent that is none (the real one: real/test_spiffe.py)."""
import pytest

from cloud.client import APP, TENANT
from e2e.agent import Agent
from e2e.place import said_no, silent


def workload(place, endpoint):
    place.identity = {"AZURE_TENANT_ID": TENANT, "AZURE_CLIENT_ID": APP, "SPIFFE_ENDPOINT_SOCKET": endpoint}
    return place


@pytest.mark.parametrize("endpoint", ["/run/agent.sock", "unix://", "unix:///", "unix:///a?b", "tcp://10.0.0.1:80", "tcp://127.0.0.1", "tcp://127.0.0.1:80/x", "http://127.0.0.1:80",
                                      "tcp://agent.test:80", "tcp://u@127.0.0.1:80"])
def test_a_variable_that_leads_nowhere(place, cloud, endpoint):
    said_no(workload(place, endpoint).get(), "source spiffe", "SPIFFE_ENDPOINT_SOCKET is neither")
    assert not cloud.log()


def test_nobody_listens(place, cloud):
    said_no(workload(place, f"unix://{place.folder}/none").get(), "source spiffe", "cannot be reached", "is the agent there?", "/none")
    said_no(workload(place, "tcp://127.0.0.1:9").get(), "source spiffe", "127.0.0.1:9")
    assert not cloud.log()


def test_what_listens_does_not_speak_grpc(place, cloud):
    with Agent(lambda request: (200, "hello", "text/plain"), place.folder / "agent.sock") as agent:
        said_no(workload(place, f"unix://{agent.path}").get(), "source spiffe")
    assert not cloud.log()


def test_the_sockets_setting_is_enough_where_the_source_is_named(place, cloud):
    place.config(f"[identity default]\ntenant = {TENANT}\nclient-id = {APP}\nsource = spiffe\nunix-socket = {place.folder}/none\n")
    said_no(place.get(), "check unix-socket", "/none")
    place.config(f"[identity default]\ntenant = {TENANT}\nclient-id = {APP}\nsource = spiffe\n")
    said_no(place.get(), "SPIFFE_ENDPOINT_SOCKET is not set")


def test_without_the_variable_it_is_not_looked_for(place, cloud):
    silent(workload(place, None).get())
