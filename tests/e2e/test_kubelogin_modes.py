"""kubelogin's modes that need no federation, under its name: az, azd, the machine's own identity, an application's certificate or secret; and flags and
variables that disagree. The cases
are those that Azure's kubelogin is recorded with; real/ sets it beside us."""
import pytest

from cloud.client import AKS, APP, SECRET, TENANT, UAMI
from e2e.logins import CASES, CONTRADICTIONS, GUIDS, IDS, SPN, Did, aks, certificate, close, managed
from e2e.place import BIN, PATH

OURS = [c for c in CASES if c.name.split(",")[0].split(" ")[0] in ("spn", "msi", "azurecli", "azd") and "pop" not in c.name] + CONTRADICTIONS


@pytest.fixture
def kubelogin(place):
    link = place.work / "kubelogin"
    link.symlink_to(BIN / "daypass")
    return lambda *argv, **how: place.run([link, "get-token", *argv], **how)


@pytest.mark.parametrize("case", OURS, ids=[c.name for c in OURS])
def test_modes(place, kubelogin, case):
    did = Did(place, place.work / "kubelogin", case)
    close(place)
    want = case.differs[0] if case.differs else case.want
    if want in GUIDS:
        assert did.r.rc == 0 and did.r.err == "" and (did.claims["appid"], did.claims["aud"]) == (want, case.aud), did.r
        assert not case.calls or did.called.split()[0] == case.calls.split()[0]
    else:
        assert did.r.rc == 1 and did.r.out == "" and did.r.err.count("\n") == 1, did.r
        assert SECRET not in did.r.err and "pfx-password" not in did.r.err


def no(r, *words):
    assert (r.rc, r.out, r.err.count("\n")) == (1, "", 1), r
    for word in words:
        assert word in r.err, r


def test_spn_says_what_is_missing(place, cloud, kubelogin):
    no(kubelogin(*aks(*SPN)), "needs --client-id and --tenant-id", "AZURE_CLIENT_ID")
    no(kubelogin(*aks(*SPN, *IDS)), "neither a secret nor a certificate", "AZURE_CLIENT_SECRET")
    no(kubelogin(*aks(*SPN, "--use-azurerm-env-vars"), ARM_CLIENT_ID=APP, ARM_TENANT_ID=TENANT, AZURE_CLIENT_SECRET=SECRET), "ARM_CLIENT_SECRET")
    no(kubelogin(*aks(*SPN, *IDS, "--client-secret", SECRET)), "--client-secret in arguments", "variable")
    assert not cloud.log()


def test_spn_takes_nothing_of_the_configured_identity(place, cloud, kubelogin):
    place.config(client_secret_file=place.write("secret", "of-another"), client_id=UAMI, source="client-secret", token_file=None)
    assert kubelogin(*aks(*SPN, *IDS), AZURE_CLIENT_SECRET=SECRET).rc == 0
    row, = cloud.exchanges()
    assert (row["form"]["client_id"], row["form"]["client_secret"]) == (APP, SECRET)


def test_spn_secret_without_environment_override(place, cloud, kubelogin):
    """Flags alone count, but for the secret, which we take from no argument."""
    r = kubelogin(*aks(*SPN, *IDS, "--disable-environment-override"), AZURE_CLIENT_SECRET=SECRET, AZURE_CLIENT_ID=UAMI)
    assert r.rc == 0 and cloud.exchanges()[0]["form"]["client_id"] == APP, r


def test_spn_asks_the_usual_authority_whatever_a_variable_says(place, cloud, kubelogin):
    """As kubelogin: AZURE_AUTHORITY_HOST and the token file are workloadidentity's."""
    r = kubelogin(*aks(*SPN, *IDS), AZURE_CLIENT_SECRET=SECRET, AZURE_AUTHORITY_HOST="https://evil.test/", AZURE_FEDERATED_TOKEN_FILE="relative")
    assert r.rc == 0 and cloud.exchanges()[0]["host"] == "login.microsoftonline.com", r


def test_spn_certificate_that_others_may_read(place, cloud, kubelogin):
    certificate(place)
    (place.work / "both.pem").chmod(0o644)
    no(kubelogin(*aks(*SPN, *IDS, "--client-certificate", "both.pem")), "others may read or change it", "chmod 600")
    assert not cloud.log()


def test_spn_is_cached_by_its_secret(place, cloud, kubelogin):
    ask = lambda secret: kubelogin(*aks(*SPN, *IDS), AZURE_CLIENT_SECRET=secret)
    first = ask(SECRET)
    assert first.out == ask(SECRET).out and len(cloud.exchanges()) == 1
    no(ask("another-one"), "AADSTS7000215")


def test_msi_asks_for_whom_it_is_told(place, cloud, kubelogin):
    managed(place)
    asked = place.managed.asked
    try:
        assert kubelogin(*aks("-l", "msi"), AZURE_TENANT_ID=TENANT).rc == 0
        assert kubelogin(*aks("-l", "msi", "--identity-resource-id", "/subscriptions/x/y")).rc == 0
        assert kubelogin(*aks("-l", "msi", "--client-id", UAMI, "--identity-resource-id", "/subscriptions/x/z")).rc == 0
        no(kubelogin(*aks("-l", "msi", "--client-id", "x")), "--client-id", "GUID")
        no(kubelogin(*aks("-l", "msi", "--identity-resource-id", "x y")), "--identity-resource-id", "/subscriptions/")
    finally:
        close(place)
    fixed = {"api-version": "2019-08-01", "resource": AKS}
    assert asked == [fixed, {**fixed, "mi_res_id": "/subscriptions/x/y"}, {**fixed, "client_id": UAMI}]


@pytest.mark.parametrize("name", ["azurecli", "azd"])
def test_a_tool_that_is_not_logged_in_leaves_it_to_the_identity(place, cloud, kubelogin, name):
    place.pod()
    assert kubelogin(*aks("-l", name), PATH=PATH).rc == 0 and cloud.exchanges()[0]["form"]["client_id"] == APP
