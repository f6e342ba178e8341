"""CI systems whose token is a variable: each is known by its marker, uses its own token or none, and says what creates it."""
import pytest

from cloud.client import APP, AUDIENCE, TENANT
from e2e.place import said_no

# name: (marker, its value, token variable, what the vendor calls what creates it, whom its token is for where no job can choose)
VENDORS = {
    "GitLab CI": ("GITLAB_CI", "true", "DAYPASS_ID_TOKEN", "id_tokens", None),
    "CircleCI": ("CIRCLECI", "true", "CIRCLE_OIDC_TOKEN_V2", "context", "9f8e7d6c-org"),
    "Bitbucket Pipelines": ("BITBUCKET_BUILD_NUMBER", "7", "BITBUCKET_STEP_OIDC_TOKEN", "oidc", None),
    "HCP Terraform": ("TFC_RUN_ID", "run-1", "TFC_WORKLOAD_IDENTITY_TOKEN", "TFC_WORKLOAD_IDENTITY_AUDIENCE", None),
    "Spacelift": ("TF_VAR_spacelift_run_id", "01", "SPACELIFT_OIDC_TOKEN", "paid account", "contoso.app.spacelift.io"),
    "Semaphore": ("SEMAPHORE", "true", "SEMAPHORE_OIDC_TOKEN", "settings", "https://contoso.semaphoreci.com"),
    "Vercel": ("VERCEL", "1", "VERCEL_OIDC_TOKEN", "OIDC Federation", "https://vercel.com/contoso"),
    "Codefresh": ("CF_BUILD_ID", "a1", "ID_TOKEN", "obtain-oidc-id-token", None),
    "env zero": ("ENV0_ENVIRONMENT_ID", "e1", "ENV0_OIDC_TOKEN", "policies", "https://prod.env0.com"),
    "Jenkins": ("JENKINS_URL", "https://ci.contoso.test/", "DAYPASS_ID_TOKEN", "withCredentials", None),
}


def job(place, name, **more):
    marker, value, *_ = VENDORS[name]
    place.identity = {"AZURE_TENANT_ID": TENANT, "AZURE_CLIENT_ID": APP, marker: value, **more}
    return place


@pytest.mark.parametrize("name", VENDORS)
def test_its_own_token_is_used(place, cloud, name):
    variable, audience = VENDORS[name][2], VENDORS[name][4]
    if audience:
        cloud.fic("add", client=APP, issuer="https://issuer.test", subject="the:job", audience=audience)
    else:
        cloud.fic("add", client=APP, issuer="https://issuer.test", subject="the:job")
    token = cloud.mint(sub="the:job", aud=audience or AUDIENCE)
    r = job(place, name, **{variable: token}).get(DAYPASS_TRACE="1")
    assert r.token and cloud.exchanges()[0]["form"]["client_assertion"] == token
    assert ("writes an audience of its own" in r.err) == bool(audience), r.err


@pytest.mark.parametrize("name", VENDORS)
def test_without_it_the_vendors_setting_is_named_and_nobody_else_is_asked(place, cloud, name):
    """The runner is a pod with an identity, on a machine with another: neither is the job's."""
    place.pod()
    runner = {"AZURE_FEDERATED_TOKEN_FILE": place.token_file, "IDENTITY_ENDPOINT": cloud.info()["machine"] + "/msi/token", "IDENTITY_HEADER": "x"}
    line = said_no(job(place, name, **runner).get(), "source ci", name, VENDORS[name][2] + " is not set", VENDORS[name][3])
    assert not cloud.log(), line


@pytest.mark.parametrize("name", VENDORS)
def test_whoever_names_a_source_gets_that(place, cloud, name):
    place.pod()
    assert job(place, name, AZURE_FEDERATED_TOKEN_FILE=place.token_file, DAYPASS_SOURCE="file").get().token
