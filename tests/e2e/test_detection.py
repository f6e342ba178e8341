"""A job without its own right never gets its runner's identity: each source of jobs, half present in each way, on a machine that has every other identity."""
import re

import pytest

from cloud.client import APP, GITHUB_URL, PIPELINES_URL, TENANT
from e2e.place import ROOT, said_no
from e2e.test_presets import VENDORS

REQUEST_URL, REQUEST_TOKEN = "ACTIONS_ID_TOKEN_REQUEST_URL", "ACTIONS_ID_TOKEN_REQUEST_TOKEN"
PARTS = {"SYSTEM_COLLECTIONURI": "https://dev.azure.com/contoso/", "SYSTEM_TEAMPROJECTID": "shop", "SYSTEM_HOSTTYPE": "build", "SYSTEM_PLANID": "p", "SYSTEM_JOBID": "j"}
PIPELINES = {"TF_BUILD": "True", "SYSTEM_OIDCREQUESTURI": PIPELINES_URL, "SYSTEM_ACCESSTOKEN": "x"}


def without(variables, *names, **more):
    return {**{k: v for k, v in variables.items() if k not in names}, **more}


# (source, the job's variables, what is said to be missing, what is said to mend it)
HALF = [
    ("github-actions", {"GITHUB_ACTIONS": "true"}, "GitHub Actions job", "id-token: write"),
    ("github-actions", {"GITHUB_ACTIONS": "true", REQUEST_URL: "", REQUEST_TOKEN: ""}, "GitHub Actions job", "id-token: write"),
    ("github-actions", {REQUEST_URL: GITHUB_URL}, f"{REQUEST_TOKEN} is not set", "id-token: write"),
    ("github-actions", {REQUEST_URL: GITHUB_URL, REQUEST_TOKEN: ""}, f"{REQUEST_TOKEN} is not set", "id-token: write"),
    ("github-actions", {REQUEST_TOKEN: "x"}, f"{REQUEST_URL} is not set", "id-token: write"),
    ("github-actions", {"GITEA_ACTIONS": "true", "GITHUB_ACTIONS": "true"}, "Gitea Actions job", "id-token: write"),
    ("github-actions", {"FORGEJO_ACTIONS": "true", "GITEA_ACTIONS": "true", "GITHUB_ACTIONS": "true"}, "Forgejo Actions job", "enable-openid-connect: true"),
    ("github-actions", {"FORGEJO_ACTIONS": "true"}, "Forgejo Actions job", "enable-openid-connect: true"),
    ("azure-pipelines", {"TF_BUILD": "True"}, "without SYSTEM_COLLECTIONURI", "job of a pipeline"),
    *(("azure-pipelines", without({"TF_BUILD": "True", "SYSTEM_ACCESSTOKEN": "x", **PARTS}, part), f"without {part}", "job of a pipeline") for part in PARTS),
    ("azure-pipelines", without(PIPELINES, "SYSTEM_ACCESSTOKEN"), "SYSTEM_ACCESSTOKEN is not set", "$(System.AccessToken)"),
    ("azure-pipelines", without(PIPELINES, "TF_BUILD", SYSTEM_ACCESSTOKEN=""), "SYSTEM_ACCESSTOKEN is not set", "$(System.AccessToken)"),
    ("azure-pipelines", PIPELINES, "no service connection is named", "AZURESUBSCRIPTION_SERVICE_CONNECTION_ID"),
    ("buildkite", {"BUILDKITE": "true"}, "BUILDKITE_JOB_ID is not set", ""),
    *(("ci", {marker: value}, f"{variable} is not set", advice) for marker, value, variable, advice, _ in VENDORS.values()),
    *(("ci", {marker: value, variable: ""}, f"{variable} is not set", advice) for marker, value, variable, advice, _ in VENDORS.values())]


def runner(place):
    """A pod's token, a managed identity by variables and by IMDS, AWS's and Google's machines, a SPIFFE agent, a secret: all of them are here, and none is the job's."""
    place.pod()
    machine = place.cloud.info()["machine"]
    return {"AZURE_TENANT_ID": TENANT, "AZURE_CLIENT_ID": APP, "AZURE_FEDERATED_TOKEN_FILE": place.token_file, "IDENTITY_ENDPOINT": machine + "/msi/token",
            "IDENTITY_HEADER": "x", "MSI_ENDPOINT": machine, "AZURE_POD_IDENTITY_AUTHORITY_HOST": machine, "GCE_METADATA_HOST": machine.removeprefix("http://"),
            "AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "x", "SPIFFE_ENDPOINT_SOCKET": f"unix://{place.folder}/agent", "FLY_MACHINE_ID": "m",
            "KUBERNETES_SERVICE_HOST": "127.0.0.1"}


@pytest.mark.parametrize("source, job, missing, mend", HALF, ids=[f"{source}-{i}" for i, (source, *_) in enumerate(HALF)])
def test_it_never_gets_its_runners_identity(place, cloud, source, job, missing, mend):
    place.identity = {**runner(place), **job}
    said_no(place.get(), f"source {source}", missing, mend)
    r = place.run(["daypass", "doctor"])
    assert r.rc == 5 and missing in r.out.splitlines()[0], r
    assert not cloud.log()


FACES = (["daypass", "token", "--resource", "https://management.azure.com"], ["daypass", "whoami"], ["daypass", "assertion"])


@pytest.mark.parametrize("source, job, missing, mend", [next(row for row in HALF if row[0] == s) for s in dict.fromkeys(row[0] for row in HALF)], ids=lambda v: v if isinstance(v, str) else "")
def test_nor_by_another_way_to_ask(place, cloud, source, job, missing, mend):
    """Other faces, and a configuration that says `source = auto` or nothing of a source; even one with a token-file of its own."""
    machine = runner(place)
    for lines in ("", "source = auto\n", f"source = auto\ntoken-file = {place.token_file}\n"):
        place.config(f"[identity default]\ntenant = {TENANT}\nclient-id = {APP}\n{lines}")
        place.identity = {**machine, **job}
        for argv in FACES:
            r = place.run(argv)
            assert r.rc == 5 and f"source {source}" in r.err and missing in r.err and mend in r.err and r.token is None and "eyJ" not in r.out, (argv, lines, r)
    assert not cloud.log()


def test_each_source_of_jobs_stands_in_the_table():
    found = {re.search(r'[.]name = "([^"]+)"', text)[1] for text in (p.read_text() for p in (ROOT / "helper/sources").glob("*.c")) if "= AUTO_JOB," in text}
    assert found == {source for source, *_ in HALF}


@pytest.mark.parametrize("source, job", [("github-actions", {"GITHUB_ACTIONS": "true", REQUEST_URL: GITHUB_URL, REQUEST_TOKEN: "gh-request-token-1\nX-Evil: 1"}),
                                         ("azure-pipelines", {**PIPELINES, "SYSTEM_ACCESSTOKEN": "ado-system-token-1\r\nX-Evil: 1", "AZURESUBSCRIPTION_SERVICE_CONNECTION_ID": "x"}),
                                         ("ci", {"CIRCLECI": "true", "CIRCLE_OIDC_TOKEN_V2": "a.b\n.c"})])
def test_a_broken_token_of_its_own_is_not_replaced_either(place, cloud, source, job):
    place.identity = {**runner(place), **job}
    line = said_no(place.get())
    assert "-token-1" not in line and not cloud.log(), line
