"""The client's own secret or certificate, for the day before federation: what Entra gets, and what is said and shown nowhere."""
import subprocess

import pytest

from cloud.client import APP, SECRET, TENANT
from e2e.place import URL, one_line, said_no, silent


def own(place, **settings):
    place.config(**{"source": None, "token_file": None, **settings})
    return place


@pytest.fixture
def certificate(place, cloud):
    """key.pem and cert.pem, registered with the application, and both.pem to sign with."""
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=app", "-days", "1", "-keyout", "key.pem", "-out", "cert.pem"],
                   cwd=place.folder, check=True, capture_output=True)
    key, cert = ((place.folder / name).read_text() for name in ("key.pem", "cert.pem"))
    cloud.client(APP, certificates=[cert])
    return place.write("both.pem", key + cert)


# --- secret ---

def test_secret_in_a_file(place, cloud):
    own(place, client_secret_file=place.write("secret", SECRET + "\n"))
    assert place.git("ls-remote", URL).err == "" and place.get().token
    row, = cloud.exchanges()
    assert row["form"] == {"grant_type": "client_credentials", "client_id": APP, "scope": row["form"]["scope"], "client_secret": SECRET}


def test_secret_in_a_variable(place, cloud):
    own(place, client_secret_env="MY_SECRET")
    assert place.get(MY_SECRET=SECRET).token
    said_no(place.get(), "the variable MY_SECRET", "is not set")
    assert len(cloud.exchanges()) == 1


def test_azure_client_secret_is_used_by_name_only(place, cloud):
    place.identity = {"AZURE_TENANT_ID": TENANT, "AZURE_CLIENT_ID": APP, "AZURE_CLIENT_SECRET": SECRET}
    silent(place.get())
    assert not cloud.log() and place.get(DAYPASS_SOURCE="client-secret").token


def test_wrong_secret(place, cloud):
    own(place, client_secret_env="MY_SECRET")
    line = said_no(place.get(MY_SECRET="hush-hush-hush"), "the client secret is wrong", "AADSTS7000215", "that in MY_SECRET", "not its id")
    assert "hush" not in line and place.get(MY_SECRET=SECRET).token, "a corrected one is tried at once"


def test_a_federated_source_goes_first(pod, cloud):
    r = pod.get(options=["-v"], AZURE_CLIENT_SECRET=SECRET, DAYPASS_CLIENT_SECRET_ENV="AZURE_CLIENT_SECRET")
    assert r.token and "a federated source is present" in one_line(r) and "client_assertion" in cloud.exchanges()[0]["form"]


def test_secret_is_nowhere_but_in_the_form(place, cloud):
    own(place, client_secret_env="MY_SECRET")
    r = place.get(MY_SECRET=SECRET, DAYPASS_TRACE="1")
    assert r.token and SECRET not in r.err
    out = place.run(["daypass", "whoami"], MY_SECRET=SECRET, DAYPASS_TRACE="1")
    assert out.rc == 0 and SECRET not in out.out + out.err and "the client's own credential, from source client-secret" in out.out
    out = place.run(["daypass", "fic", "print"], MY_SECRET=SECRET)
    assert out.rc == 5 and SECRET not in out.out + out.err and "no issuer to trust" in out.err
    for folder in (place.runtime, place.home):
        assert not [p for p in folder.rglob("*") if p.is_file() and SECRET.encode() in p.read_bytes()]


@pytest.mark.parametrize("mode", [0o644, 0o660, 0o602])
def test_files_that_others_may_read_are_not_used(place, cloud, certificate, mode):
    own(place, client_secret_file=place.write("secret", SECRET, mode))
    said_no(place.get(), "others may read or change it", "chmod 600")
    certificate.chmod(mode)
    own(place, certificate=certificate)
    said_no(place.get(), "others may read or change it", "chmod 600")
    assert not cloud.log()


# --- certificate ---

def test_certificate(place, cloud, certificate):
    own(place, certificate=certificate)
    assert place.git("ls-remote", URL).err == "" and place.get().token
    row, = cloud.exchanges()
    assert row["status"] == 200 and row["form"]["client_assertion"].count(".") == 2
    out = place.run(["daypass", "whoami"])
    assert out.rc == 0 and "the client's own credential, from source certificate" in out.out and "PRIVATE" not in out.out + out.err


def test_certificate_that_is_not_registered(place, cloud, certificate):
    cloud.client(APP, certificates=[])
    own(place, certificate=certificate)
    said_no(place.get(), "AADSTS700027", "must be registered")


def test_certificate_by_azures_variables(place, cloud, certificate):
    subprocess.run(["openssl", "pkcs12", "-export", "-inkey", "key.pem", "-in", "cert.pem", "-passout", "pass:open", "-out", "both.pfx"], cwd=place.folder,
                   check=True, capture_output=True)
    pfx = place.folder / "both.pfx"
    pfx.chmod(0o600)
    place.identity = {"DAYPASS_SOURCE": "certificate", "AZURE_TENANT_ID": TENANT, "AZURE_CLIENT_ID": APP, "AZURE_CLIENT_CERTIFICATE_PATH": pfx}
    said_no(place.get(), "its key is encrypted")
    assert place.get(AZURE_CLIENT_CERTIFICATE_PASSWORD="open").token


@pytest.mark.parametrize("cloud_name, host", [("usgov", "login.microsoftonline.us"), ("china", "login.partner.microsoftonline.cn")])
def test_the_assertion_is_for_the_endpoint_that_is_asked(place, cloud, certificate, cloud_name, host):
    own(place, certificate=certificate, cloud=cloud_name)
    r = place.get()
    assert cloud.exchanges()[0]["host"] == host and cloud.exchanges()[0]["status"] == 200, r


def test_libcrypto_is_opened_for_signing_only(place, cloud, certificate):
    own(place, certificate=certificate)
    assert "opened libcrypto" in place.get(DAYPASS_TRACE="1").err
    assert "opened" not in place.get(DAYPASS_TRACE="1").err, "a cached answer needs the file's hash and nothing else"
