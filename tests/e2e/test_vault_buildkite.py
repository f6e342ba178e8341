"""Vault's identity tokens, by a Vault of the test's own that is as strict as the real one; and Buildkite's, by an agent that is a script."""
import json
import os

import pytest

from cloud.client import APP, AUDIENCE, TENANT, UAMI
from e2e.agent import Agent
from e2e.place import PATH, said_no, silent

TOKEN = "hvs.stand-in-vault-token-0001"


# --- Vault ---

def vault(cloud, role="azure", namespace=None, may=True, answer=None, **how):
    """GET /v1/identity/oidc/token/ROLE as Vault answers it; errors are lists of texts."""
    def errors(status, *texts):
        return status, json.dumps({"errors": list(texts)}), "application/json"

    def reply(request):
        headers = request["headers"]
        if headers.get("x-vault-token") != TOKEN or headers.get("x-vault-namespace") != namespace:
            return errors(403, "permission denied")
        if request["method"] != "GET" or not request["path"].startswith("/v1/identity/oidc/token/"):
            return errors(404, "no handler for route")
        if not may:
            return errors(403, "1 error occurred: permission denied")
        if request["path"].rpartition("/")[2] != role:
            return errors(400, 'role "x" not found')
        return answer or (200, json.dumps({"request_id": "r", "data": {"client_id": AUDIENCE, "token": cloud.mint(**how), "ttl": 3600}}), "application/json")
    return reply


def asks_vault(place, agent, client=APP, role="azure", **env):
    place.config(f"[identity default]\ntenant = {TENANT}\nclient-id = {client}\nsource = vault\n" + (f"role = {role}\n" if role else ""))
    place.identity = {"VAULT_ADDR": agent.url, "VAULT_TOKEN": TOKEN, **env}
    return place


@pytest.mark.parametrize("client", [APP, UAMI])
def test_vaults_token(place, cloud, client):
    with Agent(vault(cloud)) as agent:
        assert asks_vault(place, agent, client).get().token and cloud.exchanges()[0]["form"]["client_id"] == client
        asked, = agent.asked
    assert asked["path"] == "/v1/identity/oidc/token/azure" and asked["headers"]["x-vault-request"] == "true"


def test_the_file_that_vault_login_leaves(place, cloud):
    with Agent(vault(cloud)) as agent:
        asks_vault(place, agent, VAULT_TOKEN=None, VAULT_ADDR=agent.url + "/")
        place.write("home/.vault-token", TOKEN + "\n")
        assert place.get().token
        place.write("home/.vault-token", TOKEN, 0o644)
        place.run(["daypass", "cache", "clear"])
        said_no(place.get(), ".vault-token is not used", "chmod 600")


def test_a_namespace(place, cloud):
    with Agent(vault(cloud, namespace="team/a")) as agent:
        assert asks_vault(place, agent, VAULT_NAMESPACE="team/a").get().token
        said_no(asks_vault(place, agent, VAULT_NAMESPACE="team/b").get(), "HTTP 403: permission denied", "capabilities")


@pytest.mark.parametrize("how, words", [(dict(role="other"), ("role azure", 'HTTP 400: role "x" not found', "vault read identity/oidc/role/azure")),
                                        (dict(may=False), ("HTTP 403", "identity/oidc/token/azure"))])
def test_vault_refuses(place, cloud, how, words):
    with Agent(vault(cloud, **how)) as agent:
        line = said_no(asks_vault(place, agent).get(), "source vault", *words)
    assert TOKEN not in line and not cloud.exchanges()


@pytest.mark.parametrize("answer, words", [
    ((200, "{}", "application/json"), ("gave no token",)), ((200, '{"data": {"token": "hello"}}', "application/json"), ("is not a JWT",)),
    ((200, "[]", "application/json"), ("gave no token",)), ((503, '{"errors": ["Vault is sealed"]}', "application/json"), ("Vault is sealed", "vault status")),
    ((200, "<html>", "text/html"), ("web page",)), ((307, "", "text/plain"), ("redirect",)), ((200, "x" * (1 << 20), "text/plain"), ("more than 256 KiB",))])
def test_vaults_bad_answers(place, cloud, answer, words):
    with Agent(vault(cloud, answer=answer)) as agent:
        said_no(asks_vault(place, agent).get(), *words)
    assert not cloud.exchanges()


@pytest.mark.parametrize("env, role, words", [
    ({"VAULT_ADDR": None}, "azure", ("VAULT_ADDR is not set",)), ({"VAULT_ADDR": "http://vault.test"}, "azure", ("no https URL",)),
    ({"VAULT_ADDR": "http://127.0.0.1@vault.test"}, "azure", ("no https URL",)), ({}, None, ("no role of Vault is named", "role = NAME")),
    ({"VAULT_TOKEN": None}, "azure", (".vault-token", "vault login")), ({"VAULT_TOKEN": "a\nb"}, "azure", ("VAULT_TOKEN holds no token",)),
    ({"VAULT_NAMESPACE": "a\nb"}, "azure", ("VAULT_NAMESPACE",)), ({"VAULT_ADDR": "http://127.0.0.1:9"}, "azure", ("cannot be reached",))])
def test_what_vault_needs(place, cloud, env, role, words):
    with Agent(vault(cloud)) as agent:
        said_no(asks_vault(place, agent, role=role, **env).get(), "source vault", *words)
        assert not agent.asked
    assert not cloud.log()


def test_vaults_subject_is_explained_and_callers_are_told_apart(place, cloud):
    with Agent(vault(cloud, sub="5f1e-entity")) as agent:
        said_no(asks_vault(place, agent).get(), "AADSTS700213", "5f1e-entity")
    with Agent(vault(cloud)) as agent:
        assert asks_vault(place, agent).get().token and asks_vault(place, agent).get().token and len(agent.asked) == 1
        said_no(asks_vault(place, agent, VAULT_TOKEN="hvs.other").get(), "HTTP 403")


# --- Buildkite ---

def agent_script(place, body):
    path = place.folder / "agent" / "buildkite-agent"
    place.write("agent/buildkite-agent", "#!/bin/sh\n" + body + "\n", 0o755)
    path.parent.chmod(0o755)
    return path.parent


def on_buildkite(place, folder, **more):
    place.identity = {"BUILDKITE": "true", "CI": "true", "BUILDKITE_JOB_ID": "0184990a", "BUILDKITE_AGENT_ACCESS_TOKEN": "bk-access-token", "AZURE_TENANT_ID": TENANT,
                      "AZURE_CLIENT_ID": APP, "PATH": f"{folder}:{PATH}", **more}
    return place


@pytest.fixture
def recorded(place, cloud):
    """An agent that writes down its arguments and prints a token."""
    place.write("printed", cloud.mint())
    return agent_script(place, f'printf "%s\\n" "$@" >>{place.work}/argv; cat {place.folder}/printed')


@pytest.mark.parametrize("client", [APP, UAMI])
def test_buildkites_token(place, cloud, recorded, client):
    assert on_buildkite(place, recorded, AZURE_CLIENT_ID=client).get().token and cloud.exchanges()[0]["form"]["client_id"] == client
    assert (place.work / "argv").read_text().split() == ["oidc", "request-token", "--audience", AUDIENCE, "--subject-claim", "pipeline_id"]


def test_the_agents_own_variable_says_the_subject(place, cloud, recorded):
    assert on_buildkite(place, recorded, BUILDKITE_OIDC_TOKEN_SUBJECT_CLAIM="cluster_id").get().token
    assert "--subject-claim" not in (place.work / "argv").read_text()
    assert on_buildkite(place, recorded, BUILDKITE_OIDC_TOKEN_SUBJECT_CLAIM="cluster_id", DAYPASS_SUBJECT_CLAIM="organization_id").get().token
    assert (place.work / "argv").read_text().split()[-1] == "organization_id"


@pytest.mark.parametrize("gone", ["BUILDKITE_JOB_ID", "BUILDKITE_AGENT_ACCESS_TOKEN"])
def test_a_job_without_its_own_uses_no_others(place, cloud, recorded, gone):
    place.pod()
    file = place.token_file
    said_no(on_buildkite(place, recorded, AZURE_FEDERATED_TOKEN_FILE=file, **{gone: None}).get(), "source buildkite", gone + " is not set", "propagate-environment")
    assert not cloud.log() and not (place.work / "argv").exists()


def test_the_agent_is_not_there(place, cloud):
    said_no(on_buildkite(place, place.folder).get(), "no buildkite-agent on PATH", "mount-buildkite-agent")
    assert not cloud.log()


def test_an_agent_that_others_may_change_is_not_run(place, cloud, recorded):
    os.chmod(recorded, 0o777)
    said_no(on_buildkite(place, recorded).get(), "no buildkite-agent on PATH")
    assert not (place.work / "argv").exists()


@pytest.mark.parametrize("body, words", [
    ("echo 'fatal: not authorised' >&2; exit 1", ("status 1", "not authorised")), ("exit 0", ("is empty",)), ("echo hello", ("is not a JWT",)),
    ("cat {token} {token}", ("is not a JWT",)), ("head -c 1000000 /dev/zero | tr '\\0' x", ("printed more than",)),
    ("head -c 1000000 /dev/zero >&2; exit 3", ("status 3",)), ("echo \"$(cat {token})\" >&2; exit 1", ("status 1",))])
def test_the_agent_says_something_else(place, cloud, body, words):
    token = cloud.mint()
    folder = agent_script(place, body.replace("{token}", str(place.write("token-of-it", token))))
    line = said_no(on_buildkite(place, folder).get(), "source buildkite", *words)
    assert token not in line and not cloud.exchanges()


def test_an_agent_that_never_ends(place, cloud):
    said_no(on_buildkite(place, agent_script(place, "sleep 600"), DAYPASS_TIMEOUT="1").get(), "no end after")


def test_buildkites_wrong_subject_is_explained(place, cloud, recorded):
    place.write("printed", cloud.mint(sub="organization:contoso"))
    said_no(on_buildkite(place, recorded).get(), "AADSTS700213", "organization:contoso")


def test_away_from_buildkite_it_is_not_looked_for(place, cloud, recorded):
    silent(on_buildkite(place, recorded, BUILDKITE=None, CI=None).get())
    assert not (place.work / "argv").exists()
