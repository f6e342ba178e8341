"""daypass fic by the log-in of the real az: its tokens are for Graph and Resource Manager, and what either makes the other sees."""
import json
import subprocess

import pytest

from cloud.client import APP, AUDIENCE, ISSUER, OPS, OPS_SUBJECT, TENANT, UAMI
from e2e.place import LIMIT, PATH
from e2e.sdks import real_az


@pytest.fixture
def admin(place, cloud):
    az, bundle = real_az("newest"), cloud.info()["bundle"]
    env = place.env(PATH=f"{az.parent}:{PATH}", REQUESTS_CA_BUNDLE=bundle, SSL_CERT_FILE=bundle, AZURE_CORE_COLLECT_TELEMETRY="0")

    def run(*argv):
        return subprocess.run(argv, env={**env, **place.identity}, cwd=place.work, capture_output=True, text=True, timeout=3 * LIMIT)
    r = run("az", "login", "--service-principal", "-u", OPS, "-t", TENANT, "--federated-token", cloud.mint(sub=OPS_SUBJECT))
    assert r.returncode == 0, r.stderr
    return run


@pytest.mark.parametrize("client", [APP, UAMI])
def test_each_sees_what_the_other_made(admin, place, cloud, client):
    place.pod(client=client, sub="system:new")
    owner = ("identity", "federated-credential", "list", "--identity-name", "deploy", "--resource-group", "rg") if client == UAMI else ("ad", "app", "federated-credential", "list", "--id", client)
    r = admin("daypass", "fic", "check")
    assert r.returncode == 6 and "system:new" in r.stdout, r
    r = admin("daypass", "fic", "create", "--name", "made-by-us", "--yes")
    assert r.returncode == 0 and "created" in r.stdout, r
    made = {f["name"]: f for f in json.loads(admin("az", *owner).stdout)}["made-by-us"]
    assert (made["issuer"], made["subject"], made["audiences"]) == (ISSUER, "system:new", [AUDIENCE])
    assert admin("daypass", "fic", "check").returncode == 0 and place.get().token
