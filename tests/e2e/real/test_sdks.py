"""Microsoft's SDKs and az, with us as az and azd, and under daypass exec. Each row runs with stubs too, which print what the real programs print:
what fails there is wrong in the test, not in us."""
import shutil

import pytest

from cloud.client import APP, ARM, STORAGE_SCOPE, TENANT
from e2e import sdks
from e2e.place import BIN, PATH
from e2e.sdks import ALL, BACKEND, GET, NEWER, SDKS, ZONES, Front, answer, ask, end_of_summer, is_app, private, real_az, trust

TERRAFORM = ["az version -o=json", "az account show -o=json", f"az {GET} --scope {ARM}/.default --tenant {TENANT} -o=json"]


@pytest.fixture(params=["stub", "ours", "newest", "distributions"])
def front(place, request):
    return Front(place, request.param)


@pytest.fixture(params=["stub", "ours"])
def shim(place, request):
    return Front(place, request.param)


def row(front, sdk, credential, said, result="ok"):
    sdks.ROWS.append({"sdk": sdk, "version": said.get("version", ""), "credential": credential, "whose": front.whose,
                      "argv": "; ".join(front.calls()).replace(TENANT, "TENANT"), "result": result})


# --- AzureCliCredential ---

@pytest.mark.parametrize("who", [None, TENANT], ids=["", "tenant"])
@pytest.mark.parametrize("sdk", ALL)
def test_az(front, place, sdk, who):
    r = ask(place, sdk, "cli", who=who, **front.env)
    said = is_app(answer(r))
    assert front.calls() == [f"az {GET} {SDKS[sdk].o} --resource {ARM}" + (f" --tenant {TENANT}" if who else "")]
    row(front, sdk, "AzureCli", said)


def test_terraforms_az(front, place):
    said = is_app(answer(ask(place, "terraform", "", ARM_TENANT_ID=TENANT, **front.env)))
    assert front.calls() == TERRAFORM
    row(front, "terraform", "AzureCli", said)


@pytest.mark.parametrize("when", ["before", "first", "second", "later"])
@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize("sdk", [*ALL, "terraform"])
def test_time_zones(shim, place, sdk, zone, when):
    """A token that ends in the hour that comes twice when summer time ends ends when it ends; who reads the local time alone may take one hour
    for the other, and nowhere else."""
    file, at = end_of_summer(place, zone)
    half = (ZONES[zone][0] - ZONES[zone][1]) // 2
    until = at + {"before": -3 * half, "first": -half, "second": half, "later": 3 * half}[when]
    shim.expires(until)
    said = answer(ask(place, sdk, "cli", TZ=file, ARM_TENANT_ID=TENANT, **shim.env))
    may = (at - half, at + half) if SDKS[sdk].local and abs(until - at) == half else (until,)
    assert abs(said["exp"] - until) < 300 and any(abs(said["expires_on"] - t) < 300 for t in may), (said, until)


@pytest.mark.parametrize("sdk", [*ALL, "terraform"])
def test_a_zone_by_name(shim, place, sdk):
    is_app(answer(ask(place, sdk, "cli", TZ="Asia/Tokyo", ARM_TENANT_ID=TENANT, **shim.env)))


@pytest.mark.parametrize("sdk", ALL)
def test_nobody_is_logged_in(front, place, sdk):
    """A chain goes on to its next credential."""
    front.refuses("login")
    r = ask(place, sdk, "cli", **front.env)
    assert r.rc == 1 and SDKS[sdk].stops[0] in r.err and "az login" in r.err, r
    row(front, sdk, "AzureCli", {}, "not logged in: " + SDKS[sdk].stops[0])


@pytest.mark.parametrize("sdk", ALL)
def test_entra_says_no(shim, place, sdk):
    """A chain stops where it can, and shows why."""
    shim.refuses("refused")
    r = ask(place, sdk, "cli", **shim.env)
    assert r.rc == 1 and SDKS[sdk].stops[1] in r.err and "AADSTS700213" in r.err and "az login" not in r.err, r
    row(shim, sdk, "AzureCli", {}, "AADSTS700213: " + SDKS[sdk].stops[1])


# --- WorkloadIdentityCredential ---

@pytest.mark.parametrize("sdk", NEWER)
@pytest.mark.parametrize("whose", ["stub", "ours"])
def test_token_file(place, sdk, whose):
    """Each takes the assertion from a file and goes to Entra itself; two of them send a newline along, which Entra refuses."""
    pod = place.pod().identity
    if whose == "ours":
        where = place.runtime / "assertion"
        if place.run([BIN / "daypass", "token-file", where]).rc:
            pytest.skip("not run: this daypass writes no token file")
        pod = {**pod, "AZURE_FEDERATED_TOKEN_FILE": where}
    said = is_app(answer(ask(place, sdk, "wi", **{**pod, **trust(place)})))
    sdks.ROWS.append({"sdk": sdk, "version": said["version"], "credential": "WorkloadIdentity", "whose": whose, "result": "ok"})


# --- what a real az takes from us ---

@pytest.mark.parametrize("which", ["newest", "distributions"])
def test_az_logs_in_with_our_assertion(place, cloud, which):
    place.pod()
    if place.run([BIN / "daypass", "assertion"], leaks=True).rc:
        pytest.skip("not run: this daypass gives no assertion")
    login = f'az login --service-principal -u {APP} -t {TENANT} --federated-token "$(daypass assertion)" >&2 && az account get-access-token'
    az = real_az(which)
    r = place.run(["sh", "-c", login], leaks=True, **{**private(place), "PATH": f"{az.parent}:{PATH}"})
    assert r.rc == 0 and '"tokenType": "Bearer"' in r.out and len(cloud.exchanges()) == 1, r


# --- AzureDeveloperCliCredential ---

@pytest.mark.parametrize("sdk", NEWER)
def test_azd(shim, place, sdk):
    zone = "UTC" if sdk == "python" else "America/New_York"  # Python's (up to 1.27) reads azd's UTC as local time
    said = is_app(answer(ask(place, sdk, "azd", TZ=zone, **shim.env)))
    row(shim, sdk, "AzureDeveloperCli", said)


# --- Terraform itself ---

@pytest.mark.parametrize("whose", ["ours", "newest"])
def test_terraforms_backend(place, cloud, whose):
    """1.11's backend signs in by an az on PATH, and keeps its state with that token."""
    if not shutil.which("terraform"):
        pytest.skip("not run: no terraform")
    front = Front(place, whose)
    place.write("work/tf/main.tf", BACKEND)
    env = {**front.env, "SSL_CERT_FILE": cloud.info()["bundle"], "TF_CLI_CONFIG_FILE": "/dev/null", "CHECKPOINT_DISABLE": "1", "ARM_TENANT_ID": TENANT}
    r = place.run(["sh", "-ec", "terraform init -input=false -no-color && terraform apply -auto-approve -input=false -no-color"], cwd=place.work / "tf", **env)
    assert r.rc == 0 and 'who = "us"' in r.out and {row["status"] for row in cloud.blob()} <= {200, 201, 404}, r
    assert {c for c in front.calls()} == {"az version -o=json", "az account show -o=json", f"az {GET} --scope {STORAGE_SCOPE} --tenant {TENANT} -o=json"}
    sdks.ROWS.append({"sdk": "terraform itself", "credential": "AzureCli", "whose": whose, "argv": "; ".join(sorted(set(front.calls()))).replace(TENANT, "TENANT"), "result": "ok"})
