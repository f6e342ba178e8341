"""Which host an assertion is sent to: the built-in clouds, authorities from a file, and AKS identity bindings; never a host that a
variable alone names."""
import pytest

from cloud.client import (AKS_ISSUER, AKS_SNI, AKS_SUBJECT, AUDIENCE_AKS, AUDIENCE_CHINA, AUDIENCE_USGOV, CHINA, CUSTOM, PUBLIC, TENANT,
                          TENANT_DOMAIN, UAMI, USGOV)
from e2e.place import URL, hosts, said_no


@pytest.mark.parametrize("name, host, audience", [("usgov", USGOV, AUDIENCE_USGOV), ("china", CHINA, AUDIENCE_CHINA), ("public", PUBLIC, None)])
def test_cloud_by_configuration(place, cloud, name, host, audience):
    place.assertion(**{"aud": audience} if audience else {})
    place.config(cloud=name)
    assert place.get().token and hosts(cloud) == {host} and len(cloud.exchanges()) == 1


def test_cloud_by_variable(place, cloud):
    place.assertion(aud=AUDIENCE_USGOV)
    place.config()
    assert place.get(DAYPASS_CLOUD="usgov").token and hosts(cloud) == {USGOV}
    said_no(place.get(DAYPASS_CLOUD="mars"), "DAYPASS_CLOUD", "mars", "public, usgov or china")


def test_token_for_another_cloud_is_explained(place, cloud):
    place.config(cloud="usgov")
    said_no(place.get(), "AADSTS700212", "audience 'api://AzureADTokenExchange'")


def test_clouds_do_not_share_tokens(place, cloud):
    cloud.fic("add", client="aaaaaaaa-0000-4000-8000-000000000001", issuer="https://issuer.test", subject="system:ci", audience=AUDIENCE_USGOV)
    place.assertion(aud=AUDIENCE_USGOV)
    tokens = []
    for name in ("usgov", "public", "usgov", "public"):
        place.config(cloud=name)
        tokens.append(place.get().token)
    assert tokens[:2] == tokens[2:] and tokens[0] != tokens[1] and len(cloud.exchanges()) == 2


def test_authority_by_configuration(place, cloud):
    place.config(authority=f"https://{CUSTOM}")
    place.clone(URL)
    assert hosts(cloud) == {CUSTOM, "dev.azure.com"} and len(cloud.exchanges()) == 1


def test_authorities_do_not_share_tokens(place, cloud):
    """The same tenant, client, subject and audience at another host is another token."""
    place.config(authority=f"https://{CUSTOM}")
    first = place.get().token
    place.config()
    assert place.get().token != first and [r["host"] for r in cloud.exchanges()] == [CUSTOM, PUBLIC]


def test_tenant_by_domain(place, cloud):
    place.config(tenant=TENANT_DOMAIN)
    assert place.get().token and cloud.exchanges()[0]["path"] == f"/{TENANT_DOMAIN}/oauth2/v2.0/token"


@pytest.mark.parametrize("value", ["http://login.custom.test", "https://login.custom.test/path", "https://u@login.custom.test", "login.custom.test", "https://",
                                   "https://a b",
                                   "https://login.custom.test?x=1", "https://login.custom.test#x", "https://login.custom.test:0",
                                   "https://login.custom.test\\@x"])
def test_bad_authority_in_the_file(place, cloud, value):
    path = place.config(authority=value)
    said_no(place.get(), f"{path}:", "https://HOST")
    assert not cloud.log()


@pytest.mark.parametrize("value, host, audience", [
    (f"https://{USGOV}", USGOV, AUDIENCE_USGOV), (f"https://{USGOV}/", USGOV, AUDIENCE_USGOV), (USGOV, USGOV, AUDIENCE_USGOV),
    (f"HTTPS://{USGOV.upper()}:443", USGOV, AUDIENCE_USGOV),
    ("https://login.chinacloudapi.cn", CHINA, AUDIENCE_CHINA), ("https://login.usgovcloudapi.net/", USGOV, AUDIENCE_USGOV),
    (f"https://{PUBLIC}/", PUBLIC, None),
    ("https://sts.windows.net", PUBLIC, None), ("https://login.windows.net", PUBLIC, None), ("https://login.microsoft.com", PUBLIC, None)])
def test_authority_host_chooses_a_built_in_cloud(place, cloud, value, host, audience):
    place.pod(**{"aud": audience} if audience else {})
    assert place.get(AZURE_AUTHORITY_HOST=value).token and hosts(cloud) == {host}


@pytest.mark.parametrize("value", [
    f"https://{CUSTOM}", "https://evil.test", "evil.test", f"http://{PUBLIC}", f"https://{PUBLIC}.evil.test", f"https://{PUBLIC}@evil.test",
    f"https://evil.test/{PUBLIC}",
    f"https://{PUBLIC}:8443", f"https://{PUBLIC}/common", f"https://x@{PUBLIC}", f"https://{PUBLIC}.", "https://", f"https://{PUBLIC}\u3002evil.test",
    f"https://login.m\u0456crosoftonline.com", f"https://{PUBLIC}%00.evil.test", f" https://{PUBLIC}", f"https://{PUBLIC}\n", "file:///etc/passwd", "x" * 5000])
def test_authority_host_that_nobody_vouched_for(pod, cloud, value):
    said_no(pod.get(AZURE_AUTHORITY_HOST=value), "AZURE_AUTHORITY_HOST")
    assert not cloud.log(), "something was sent or looked up"


def test_no_variable_names_an_authority(place, cloud):
    place.config()
    assert place.get(DAYPASS_AUTHORITY="https://evil.test", AZURE_AUTHORITY_HOST="https://evil.test", ARM_ENVIRONMENT="x").token
    assert hosts(cloud) == {PUBLIC}


# --- AKS identity bindings ---

def aks(place, **more):
    """A pod whose service account is bound to an identity: its cluster has a proxy for the exchange."""
    info = place.cloud.info()["aks"]
    place.pod(client=UAMI, iss=AKS_ISSUER, sub=AKS_SUBJECT, aud=AUDIENCE_AKS)
    place.identity.update({"KUBERNETES_SERVICE_HOST": "10.0.0.1", "AZURE_KUBERNETES_TOKEN_PROXY": info["url"], "AZURE_KUBERNETES_SNI_NAME": info["sni"],
                           "AZURE_KUBERNETES_CA_FILE": info["ca"], **more})
    return place


def pem(cloud):
    with open(cloud.info()["aks"]["ca"]) as f:
        return f.read()


@pytest.mark.parametrize("how", ["file", "data", "slash"])
def test_binding(place, cloud, how):
    aks(place)
    if how == "data":
        place.identity.update(AZURE_KUBERNETES_CA_FILE=None, AZURE_KUBERNETES_CA_DATA=pem(cloud))
    if how == "slash":
        place.identity["AZURE_KUBERNETES_TOKEN_PROXY"] += "/"
    assert place.get().token
    row, = cloud.exchanges()
    assert row["service"] == "aks" and row["path"] == f"/{TENANT}/oauth2/v2.0/token" and row["form"]["client_assertion"] == place.token_file.read_text()
    assert hosts(cloud) <= {AKS_SNI, "127.0.0.1"} and not cloud.log(kind="proxy"), "the binding's proxy is dialled directly"
    assert row["headers"]["host"] == cloud.info()["aks"]["url"].split("//")[1]


def test_binding_never_goes_through_a_proxy(place, cloud):
    aks(place)
    proxy = dict.fromkeys(("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"), cloud.info()["proxy"])
    assert place.get(**proxy, NO_PROXY=None, no_proxy=None).token and not cloud.log(kind="proxy")


def test_binding_with_git(place, cloud):
    aks(place).clone()
    assert [r["service"] for r in cloud.exchanges()] == ["aks"]


@pytest.mark.parametrize("more, words", [
    (dict(AZURE_KUBERNETES_TOKEN_PROXY=None), "AZURE_KUBERNETES_TOKEN_PROXY is not"), (dict(AZURE_KUBERNETES_CA_DATA="x"), "both set"),
    (dict(AZURE_KUBERNETES_TOKEN_PROXY="http://10.0.0.1"), "form https://"), (dict(AZURE_KUBERNETES_TOKEN_PROXY="https://u:p@10.0.0.1"), "form https://"),
    (dict(AZURE_KUBERNETES_TOKEN_PROXY="https://10.0.0.1/?x=1"), "form https://"), (dict(AZURE_KUBERNETES_TOKEN_PROXY="10.0.0.1:443"), "form https://"),
    (dict(AZURE_KUBERNETES_TOKEN_PROXY="https://10.0.0.1/#x"), "form https://"), (dict(AZURE_KUBERNETES_SNI_NAME="a b"), "SNI_NAME"),
    (dict(AZURE_KUBERNETES_SNI_NAME="evil.test/x"), "SNI_NAME"), (dict(AZURE_KUBERNETES_CA_FILE="/nowhere/ca.pem"), "/nowhere/ca.pem"),
    (dict(AZURE_KUBERNETES_CA_FILE="/dev/null"), "AZURE_KUBERNETES_CA_FILE")])
def test_binding_variables_that_contradict(place, cloud, more, words):
    said_no(aks(place, **more).get(), words, "AZURE_KUBERNETES")
    assert not cloud.log(), "the assertion must not go elsewhere instead"


def test_binding_with_an_empty_ca_file(place, cloud):
    """It may be empty for a moment while it is rotated."""
    said_no(aks(place, AZURE_KUBERNETES_CA_FILE=place.write("ca", "")).get(), "holds no certificate")
    assert not cloud.log()


def test_binding_is_trusted_by_its_own_ca_only(place, cloud):
    said_no(aks(place, AZURE_KUBERNETES_CA_FILE=cloud.info()["ca"]).get(), "not trusted")
    assert not cloud.exchanges()


def test_binding_needs_its_sni(place, cloud):
    assert aks(place, AZURE_KUBERNETES_SNI_NAME=None).get().token is None and not cloud.exchanges()


def test_binding_is_ignored_outside_a_pod(place, cloud):
    """A stray variable must not send our assertion to a host of its choice."""
    aks(place, KUBERNETES_SERVICE_HOST=None, AZURE_KUBERNETES_TOKEN_PROXY="https://evil.test")
    said_no(place.get(), "AADSTS700211")
    assert hosts(cloud) == {PUBLIC} and cloud.exchanges()[0]["service"] == "entra"


def test_binding_is_ignored_for_a_configured_identity(place, cloud):
    aks(place, AZURE_KUBERNETES_TOKEN_PROXY="https://evil.test")
    variables = dict(place.identity)
    place.assertion()
    place.config()
    assert place.get(**variables).token and hosts(cloud) == {PUBLIC}


def test_binding_and_a_job_do_not_mix(place, cloud):
    """A self-hosted runner in a pod: the job has its own token, and the pod's proxy is not for it."""
    aks(place, AZURE_KUBERNETES_TOKEN_PROXY="https://evil.test")
    pod = dict(place.identity)
    place.github()
    job = dict(place.identity)
    place.identity = {**pod, **job}
    assert place.get().token and {r["service"] for r in cloud.exchanges()} == {"entra"}


@pytest.mark.parametrize("kind, params, words", [("aadsts", dict(code=700213), "AADSTS700213"), ("html", dict(status=502), "web page"), ("reset", {}, "AKS_"),
                                                 ("redirect", {}, "not followed")])
def test_binding_failures(place, cloud, kind, params, words):
    cloud.fault("aks", kind, **params)
    line = said_no(aks(place).get())
    assert words in line or words == "AKS_" and cloud.exchanges()


def test_binding_silence_is_bounded(place, cloud):
    cloud.fault("aks", "hang")
    r = aks(place).get(DAYPASS_TIMEOUT="1")
    said_no(r, "did not answer in time")
    assert r.seconds < 15
