"""A job under `daypass exec`: everything that runs in it is the same identity, with no log-in and one exchange a resource, for as long as it
runs. First the same programs at an App Service that the stand-in cloud plays: what fails there is wrong in the test, not in us."""
import json
import os
import shlex
import shutil

import jwt
import pytest

from cloud.client import APP, ARM, BLOB_CONTRIBUTOR, MACHINE_HEADER, OIDS, STATE_CONTAINER, STORAGE, STORAGE_SCOPE, SUBSCRIPTION, TENANT, UAMI
from e2e.place import BIN, PATH, URL, WALL, wait_until
from e2e.sdks import ALL, ARM_SCOPE, BACKEND, NEWER, SDKS, Front, answer, ask, real_az


class Job:
    """before: what is written before a command; env: what its caller's environment is."""

    def __init__(self, place, before, env, client):
        self.place, self.before, self.env, self.client = place, before, env, client

    def sdk(self, name, credential, scope=ARM_SCOPE, who=None):
        said = answer(ask(self.place, name, credential, scope, who, before=self.before, **self.env))
        assert (said["subject"], said["app"], said["aud"]) == (OIDS[self.client], self.client, scope.removesuffix("/.default")), said
        assert abs(said["expires_on"] - said["exp"]) < 300, said
        return said

    def sh(self, script, rc=0, **more):
        r = self.place.run([*self.before, "sh", "-euc", script], leaks=True, **{**self.env, **more})
        assert r.rc == rc, r
        return r


def app_service(place):
    """What az needs beside the variables is a profile: written by hand, as nobody logs in."""
    machine, user = place.cloud.info()["machine"], {"name": "systemAssignedIdentity", "type": "servicePrincipal", "assignedIdentityInfo": "MSI"}
    place.cloud.set(machine_life=3599)
    place.cloud.account(STORAGE, roles={UAMI: BLOB_CONTRIBUTOR}, containers=[STATE_CONTAINER])
    place.write("azure/azureProfile.json", json.dumps({"subscriptions": [{
        "id": SUBSCRIPTION, "name": "N", "state": "Enabled", "user": user, "isDefault": True, "tenantId": TENANT, "environmentName": "AzureCloud",
        "homeTenantId": TENANT, "managedByTenants": []}]}))
    return Job(place, [], {"IDENTITY_ENDPOINT": machine + "/msi/token", "IDENTITY_HEADER": MACHINE_HEADER, "ARM_USE_MSI": "true", "ARM_CLIENT_ID": UAMI,
                           "AZURE_TOKEN_CREDENTIALS": "ManagedIdentityCredential", "ARM_MSI_ENDPOINT": machine + "/metadata/identity/oauth2/token",
                           "ARM_TENANT_ID": TENANT, "ARM_USE_CLI": "false", "ARM_SUBSCRIPTION_ID": SUBSCRIPTION, "AZURE_CONFIG_DIR": place.folder / "azure"}, UAMI)


def ours(place, **identity):
    place.github(**identity)
    job = Job(place, [BIN / "daypass", "exec", "--"], {}, APP)
    if place.run([*job.before, "true"]).rc:
        pytest.skip("not run: this daypass has no exec")
    return job


@pytest.fixture(params=["app service", "ours"])
def job(place, request):
    return app_service(place) if request.param == "app service" else ours(place)


@pytest.fixture
def own(place):
    return ours(place)


def resources(cloud):
    """How often each resource's token was exchanged."""
    scopes = [r["form"]["scope"] for r in cloud.exchanges() if r["status"] == 200]
    return {s: scopes.count(s) for s in scopes}


def shown(row):
    """The subject of the token that a request brought."""
    kind, _, value = row["auth"].partition(" ")
    return jwt.decode(value, options={"verify_signature": False})["sub"] if kind.lower() == "bearer" else kind


@pytest.mark.parametrize("sdk", ALL)
@pytest.mark.parametrize("credential", ["mi", "default"])
def test_sdks(job, sdk, credential):
    job.sdk(sdk, credential)
    job.sdk(sdk, credential, STORAGE_SCOPE)


@pytest.mark.parametrize("sdk", ALL)
def test_an_identity_by_name(job, sdk):
    """A program that names its client gets it where it is the job's, and is refused in a moment where it is another."""
    job.sdk(sdk, "mi", who=job.client)
    r = ask(job.place, sdk, "mi", ARM_SCOPE, "aaaaaaaa-0000-4000-8000-0000000000ff", before=job.before, **job.env)
    assert r.rc == 1 and r.out == "", r


def test_terraforms_sign_in(job):
    said = answer(ask(job.place, "terraform", "", before=job.before, **job.env))
    assert (said["subject"], said["aud"]) == (OIDS[job.client], ARM)


def test_one_exchange_a_resource(own, cloud):
    for _ in range(2):
        for sdk in ALL:
            own.sdk(sdk, "mi")
            own.sdk(sdk, "default", STORAGE_SCOPE)
    assert resources(cloud) == {ARM_SCOPE: 1, STORAGE_SCOPE: 1}


@pytest.mark.parametrize("sdk", ALL)
def test_behind_a_proxy(own, place, cloud, sdk):
    """az, Python and JavaScript would send what is meant for us to the proxy, the secret with it."""
    proxy = cloud.info()["proxy"]
    own.env = {**{name: proxy for name in ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy")}, "NO_PROXY": None, "no_proxy": "corp.test"}
    own.sdk(sdk, "mi")
    assert resources(cloud) == {ARM_SCOPE: 1} and not cloud.log(kind="proxy", host="127.0.0.1")


def test_azd(own, place, cloud):
    """AzureDeveloperCliCredential finds our azd on PATH, inside as outside."""
    front = Front(place, "ours")
    place.github()
    own.env = front.env
    for sdk in NEWER:
        own.sdk(sdk, "azd")
    assert resources(cloud) == {ARM_SCOPE: 1} and len(front.calls()) == 4


# --- everything at once ---

@pytest.fixture(params=["newest", "distributions"])
def each_az(request):
    """Debian 12's (2.45) looks for an App Service of 2017, or asks the machine itself: whose identity that is must not change with it."""
    return real_az(request.param)


@pytest.fixture
def az():
    return real_az("newest")


@pytest.fixture
def terraform():
    if not shutil.which("terraform"):
        pytest.skip("not run: no terraform")
    return {"TF_CLI_CONFIG_FILE": "/dev/null", "CHECKPOINT_DISABLE": "1", "TF_IN_AUTOMATION": "1"}


def variables(place, az, **more):
    """What any of them needs to trust the stand-in, and to be found."""
    bundle = place.cloud.info()["bundle"]
    return {"PATH": f"{az.parent}:{PATH}", "REQUESTS_CA_BUNDLE": bundle, "SSL_CERT_FILE": bundle, "AZURE_CORE_COLLECT_TELEMETRY": "0",
            "NODE_PATH": SDKS["javascript"].env["NODE_PATH"], "HOME": place.home, **more}


def commands():
    """Each SDK that is here, Terraform's sign-in with them, as a line of shell."""
    here = [s for s in (*ALL, "terraform") if SDKS[s].there()]
    return "".join(shlex.join(map(str, [*SDKS[s].argv, SDKS[s].only or "mi"])) + "\n" for s in here)


def test_the_whole_script(job, place, cloud, each_az, terraform):
    """git has its turn only with us."""
    if job.client == UAMI and "old" in str(each_az) and not WALL:
        pytest.skip("not run: no namespaces")  # it asks 169.254.169.254
    git = f"git ls-remote {URL} >&2" if job.client == APP else ""
    place.write("work/tf/main.tf", BACKEND)
    r = job.sh(f"""az account get-access-token
az account show
{commands()}
cd tf
terraform init -input=false -no-color >&2
terraform apply -auto-approve -input=false -no-color >&2
{git}
""", ARM_SUBSCRIPTION_ID=SUBSCRIPTION, **variables(place, each_az, **terraform))
    said = list(values(r.out))
    assert said[0]["subscription"] == SUBSCRIPTION and said[1]["id"] == SUBSCRIPTION and said[1]["tenantId"] == TENANT
    subjects = [jwt.decode(said[0]["accessToken"], options={"verify_signature": False})["sub"], *(s["subject"] for s in said[2:])]
    assert subjects == [OIDS[job.client]] * (1 + commands().count("\n")), said
    assert {shown(row) for row in cloud.blob()} == {OIDS[job.client]} and 'who = "us"' in r.err
    if job.client == APP:
        assert set(resources(cloud).values()) == {1}, resources(cloud)
        assert any(row["service"] == "azdo" and row["status"] == 200 for row in cloud.log(kind="http"))


def values(text):
    """One JSON text behind the other."""
    decoder, at = json.JSONDecoder(), 0
    while at < len(text):
        value, at = decoder.raw_decode(text, at)
        yield value
        while at < len(text) and text[at].isspace():
            at += 1


@pytest.mark.skipif(not os.environ.get("DAYPASS_TEST_HEAVY"), reason="not run: ninety minutes take two (make check-az)")
def test_ninety_minutes_in_fast_forward(own, place, cloud, az):
    """Tokens of 60 s, assertions of 20 s that nobody forgives a second of: az, the SDKs and Terraform go on while the third token is in use."""
    cloud.set(life=60, skew=0, github_life=20)
    loop = (f"while [ ! -e stop ]; do\naz account get-access-token --resource {ARM} || touch failed\n" +
            "".join(line + " || touch failed\n" for line in commands().splitlines()) + "[ ! -e failed ] || exit 9\necho >>rounds\ndone\n")
    p = place.start([*own.before, "sh", "-c", loop], stdout=open(place.work / "out", "wb"), stderr=open(place.work / "err", "wb"),
                    **variables(place, az))
    rounds = lambda: (place.work / "rounds").read_text().count("\n") if (place.work / "rounds").exists() else 0
    third = lambda: p.poll() is not None or resources(cloud).get(ARM_SCOPE, 0) >= 3
    wait_until(third, "the third token", 1800)
    before = rounds()
    wait_until(lambda: p.poll() is not None or rounds() >= before + 2, "two more rounds", 600)
    (place.work / "stop").touch()
    assert p.wait(600) == 0, (place.work / "err").read_text()
    ends = {v["exp"] for v in values((place.work / "out").read_text()) if "exp" in v}
    assert len(ends) >= 3 and {r["status"] for r in cloud.exchanges()} == {200}


def test_without_us_the_job_ends_with_its_assertion(place, cloud):
    """What all this is for: the real az keeps the assertion it was given."""
    front = Front(place, "newest")
    cloud.fault("entra", "clock", offset=3600)
    r = place.run(["az", "account", "get-access-token", "--scope", STORAGE_SCOPE], leaks=True, **front.env)
    assert r.rc == 1 and "AADSTS700024" in r.err, r
