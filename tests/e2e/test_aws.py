"""A role of AWS as the source: whose keys sign, what STS and the machine's end points are asked, and what is said where they say no."""
import time

import pytest

from cloud.client import (AKS_ISSUER, AKS_SUBJECT, APP, AUDIENCE, AWS_AUDIENCE, AWS_CONTAINER_PATH, AWS_ISSUER, AWS_POD_PATH, AWS_POD_TOKEN, AWS_REGION,
                          AWS_ROLE, AWS_USER, AWS_USER_VARIABLES, AWS_VARIABLES, METADATA, TENANT, UAMI)
from e2e.place import URL, WALL, said_no, silent
from e2e.test_leak import search

in_the_wall = pytest.mark.skipif(not WALL, reason="not run: no namespaces")
REGION = {"AWS_REGION": AWS_REGION}


@pytest.fixture
def amazon(place, cloud):
    """A configuration that names the source; keys in variables."""
    place.config(source="aws", token_file=None)
    place.identity = {**REGION, **AWS_VARIABLES}
    return place


@pytest.fixture
def bare(place, cloud):
    """The same on an instance: nothing but the metadata service, on loopback."""
    place.config(source="aws", token_file=None)
    place.identity = {"AWS_EC2_METADATA_SERVICE_ENDPOINT": cloud.info()["machine"]}
    return place


def sts(cloud):
    return cloud.log(kind="http", service="sts")


def web(place, **how):
    path = place.write("web", place.cloud.mint(**{"iss": AKS_ISSUER, "sub": AKS_SUBJECT, "aud": AWS_AUDIENCE, **how}))
    place.identity = {**REGION, "AWS_ROLE_ARN": AWS_ROLE, "AWS_WEB_IDENTITY_TOKEN_FILE": path}
    return place


# --- the way to a token ---

def test_a_clone_by_one_signed_request_and_one_exchange(amazon, cloud):
    assert (amazon.clone() / ".git").exists() and amazon.git("ls-remote", URL).err == ""
    row, = sts(cloud)
    assert (row["method"], row["host"], row["path"], row["query"]) == ("POST", f"sts.{AWS_REGION}.amazonaws.com", "/", {})
    assert row["form"] == {"Action": "GetWebIdentityToken", "Version": "2011-06-15", "Audience.member.1": AUDIENCE, "SigningAlgorithm": "RS256", "DurationSeconds": "300"}
    assert "SignedHeaders=content-type;host;x-amz-date;x-amz-security-token," in row["auth"] and len(cloud.exchanges()) == 1


def test_a_managed_identity_trusts_the_role(amazon, cloud):
    cloud.fic("add", client=UAMI, issuer=AWS_ISSUER, subject=AWS_ROLE)
    assert amazon.get(DAYPASS_CLIENT_ID=UAMI).token and cloud.exchanges()[0]["form"]["client_id"] == UAMI


def test_keys_of_a_user(amazon, cloud):
    cloud.fic("add", client=APP, issuer=AWS_ISSUER, subject=AWS_USER)
    assert amazon.get(**AWS_USER_VARIABLES, AWS_SESSION_TOKEN=None).token and "x-amz-security-token" not in sts(cloud)[0]["headers"]


def test_another_role_is_explained(amazon, cloud):
    cloud.fic("remove", client=APP, issuer=AWS_ISSUER)
    cloud.fic("add", client=APP, issuer=AWS_ISSUER, subject=AWS_ROLE + "-other")
    said_no(amazon.get(), "AADSTS700213", AWS_ROLE, "subject")


@pytest.mark.parametrize("region, host", [("cn-north-1", "sts.cn-north-1.amazonaws.com.cn"), ("us-gov-west-1", "sts.us-gov-west-1.amazonaws.com")])
def test_other_partitions(amazon, cloud, region, host):
    assert amazon.get(AWS_REGION=region).token and sts(cloud)[0]["host"] == host


def test_only_its_name_leads_there(place, cloud):
    place.identity = {**REGION, **AWS_VARIABLES, "AZURE_TENANT_ID": TENANT, "AZURE_CLIENT_ID": APP}
    silent(place.get())
    assert not cloud.log()
    assert place.get(DAYPASS_SOURCE="aws").token


def test_whoami_and_the_credential_that_makes_it_so(amazon, cloud):
    r = amazon.run(["daypass", "whoami"])
    assert r.rc == 0 and "source aws" in r.out and AWS_ISSUER in r.out and AWS_ROLE in r.out and "Entra accepts it" in r.out, r
    r = amazon.run(["daypass", "fic", "print", "--json"])
    assert r.rc == 0 and f'"issuer": "{AWS_ISSUER}"' in r.out and f'"subject": "{AWS_ROLE}"' in r.out, r


# --- keys of the machine ---

def test_the_instances_role(bare, cloud):
    assert bare.git("ls-remote", URL).err == ""
    rows = cloud.log(kind="http", service="ec2")
    assert [(r["method"], r["path"], r["status"]) for r in rows] == [
        ("PUT", "/latest/api/token", 200), ("GET", "/latest/meta-data/iam/security-credentials/", 200), ("GET", "/latest/meta-data/iam/security-credentials/deploy", 200),
        ("GET", "/latest/meta-data/placement/region", 200)]
    assert bare.get().token and len(cloud.exchanges()) == 1 and len(cloud.log(kind="http", service="ec2")) == 4


@in_the_wall
def test_the_instance_at_its_own_address(bare, cloud):
    assert bare.get(AWS_EC2_METADATA_SERVICE_ENDPOINT=None).token and {r["host"] for r in cloud.log(kind="http", service="ec2")} == {METADATA}


@pytest.mark.parametrize("proxy", ["HTTP_PROXY", "http_proxy", "ALL_PROXY"])
def test_the_instance_is_never_asked_through_a_proxy(bare, cloud, proxy):
    bare.get(**{proxy: cloud.info()["proxy"], "NO_PROXY": None, "no_proxy": None})
    assert {r["listener"] for r in cloud.log(kind="http", service="ec2")} == {"machine"}
    assert not cloud.log(kind="proxy", host="127.0.0.1")


def test_a_pod_by_its_agent(amazon, cloud):
    amazon.identity = {**REGION, "AWS_CONTAINER_CREDENTIALS_FULL_URI": cloud.info()["machine"] + AWS_POD_PATH,
                       "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": amazon.write("pod", AWS_POD_TOKEN)}
    assert amazon.get().token
    amazon.write("pod", "wrong")
    amazon.fresh_runtime()
    said_no(amazon.get(), "gave no keys (HTTP 400): InvalidAuthorization")


@in_the_wall
def test_a_task_at_its_own_address(amazon, cloud):
    amazon.identity = {**REGION, "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI": AWS_CONTAINER_PATH}
    assert amazon.get().token and cloud.log(kind="http", service="ecs")[0]["host"] == "169.254.170.2"


def test_a_pods_own_token(amazon, cloud):
    assert web(amazon).get().token
    first, second = sts(cloud)
    assert (first["form"]["Action"], first["auth"], second["form"]["Action"]) == ("AssumeRoleWithWebIdentity", "", "GetWebIdentityToken")
    assert first["form"]["RoleArn"] == AWS_ROLE and first["form"]["DurationSeconds"] == "900"


def test_a_pod_whom_the_role_does_not_trust(amazon, cloud):
    said_no(web(amazon, sub="system:serviceaccount:ci:other").get(), "AssumeRoleWithWebIdentity", "AccessDenied", "trust policy")
    said_no(web(amazon, life=-60).get(), "ExpiredTokenException", "renew")
    said_no(web(amazon, iss="https://issuer.test").get(), "InvalidIdentityToken", "No OpenIDConnect provider", "OIDC provider")
    assert not cloud.exchanges()


def test_a_program_of_the_configuration(place, cloud):
    """As `aws configure export-credentials` prints them, for whatever a profile holds."""
    program = place.script("keys", 'test "$1" = --profile && test "$2" = prod && test -z "$DAYPASS_AUDIENCE" && cat <<E\n{"Version": 1, "AccessKeyId": "%s", "SecretAccessKey": "%s",'
                           ' "SessionToken": "%s", "Expiration": "2030-01-01T00:00:00+00:00"}\nE' % tuple(AWS_VARIABLES.values()))
    path = place.config(source="aws", token_file=None, region=AWS_REGION, credential_command=f"{program} --profile prod")
    assert place.get(AWS_PROFILE="prod").token
    program.chmod(0o777)
    said_no(place.get(), "is not run: others can change it", f"chmod go-w {program}")
    program.chmod(0o755)
    place.script("keys", "echo log in first >&2; exit 3")
    said_no(place.get(), "ended with status 3: log in first")
    place.script("keys", "echo hello")
    said_no(place.get(), f"credential-command ({path}:", "aws configure export-credentials")
    assert len(cloud.exchanges()) == 1


# --- what is missing ---

def test_half_present_keys_ask_nobody(amazon, cloud):
    for gone in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        said_no(amazon.get(**{gone: None}), f"{gone} is not", "source aws")
    said_no(amazon.get(AWS_REGION=None), "AWS_REGION", "region = eu-west-1")
    amazon.identity = {**REGION, "AWS_ROLE_ARN": AWS_ROLE}
    said_no(amazon.get(), "AWS_WEB_IDENTITY_TOKEN_FILE is not")
    amazon.identity = {**REGION, "AWS_PROFILE": "prod"}
    said_no(amazon.get(), "AWS_PROFILE", "credential-command = /usr/bin/aws configure export-credentials --profile prod")
    amazon.identity = {**REGION, "AWS_EC2_METADATA_DISABLED": "true"}
    said_no(amazon.get(), "AWS_EC2_METADATA_DISABLED")
    assert not cloud.log()


def test_missing_keys_are_an_error_even_with_a_cached_token(amazon, cloud):
    assert amazon.get().token
    said_no(amazon.get(AWS_SECRET_ACCESS_KEY=None), "AWS_SECRET_ACCESS_KEY is not")


def test_other_keys_are_another_caller(amazon, cloud):
    cloud.fic("add", client=APP, issuer=AWS_ISSUER, subject=AWS_USER)
    assert amazon.get().token and amazon.get().token and len(sts(cloud)) == 1
    assert amazon.get(**AWS_USER_VARIABLES, AWS_SESSION_TOKEN=None).token and len(sts(cloud)) == 2


# --- what AWS says ---

@pytest.mark.parametrize("settings, words", [
    ({"outbound": False}, ("OutboundWebIdentityFederationDisabled", "aws iam enable-outbound-web-identity-federation")), ({"audiences": []}, ("AccessDenied", "allow this role or user sts:GetWebIdentityToken")),
    ({"audiences": ["api://other"]}, ("AccessDenied", "sts:IdentityTokenAudience")), ({"left": 0}, ("ExpiredToken", "renew the keys")),
    ({"left": 30}, ("SessionDurationEscalation", "renew them")), ({"off": [AWS_REGION]}, ("InvalidClientTokenId", "aws account enable-region"))])
def test_refusals(amazon, cloud, settings, words):
    cloud.set(aws=settings)
    said_no(amazon.get(), f"AWS STS in {AWS_REGION} refused GetWebIdentityToken", *words)
    assert not cloud.exchanges()


def test_a_session_that_ends_soon_gives_a_shorter_token(amazon, cloud):
    cloud.set(aws={"left": 200})
    assert amazon.get().token and [(r["form"]["DurationSeconds"], r["status"]) for r in sts(cloud)] == [("300", 403), ("60", 200)]


@pytest.mark.parametrize("wrong", ["AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_ACCESS_KEY_ID"])
def test_wrong_keys(amazon, cloud, wrong):
    line = said_no(amazon.get(**{wrong: "wrong"}), "SignatureDoesNotMatch" if wrong == "AWS_SECRET_ACCESS_KEY" else "InvalidClientTokenId")
    assert "Canonical" not in line and AWS_VARIABLES["AWS_SESSION_TOKEN"] not in line


@pytest.mark.parametrize("offset, words", [(3600, "Signature expired"), (-3600, "Signature not yet current")])
def test_a_wrong_clock(amazon, cloud, offset, words):
    cloud.fault("sts", "clock", offset=offset)
    said_no(amazon.get(), words, "timedatectl")


@pytest.mark.parametrize("kind, params, words", [
    ("reset", {}, "cannot be reached"), ("html", {}, "a web page came back"), ("redirect", {}, "redirect"), ("cut", {}, "cut short"), ("huge", {}, "more than 256 KiB"),
    ("status", {"status": 500, "body": ""}, "is not XML (HTTP 500"), ("status", {"status": 200, "body": "{}"}, "is not XML"), ("gzip", {}, "is not XML"), ("body", {"prefix": "<!DOCTYPE x>"}, "is not XML"),
    ("body", {"suffix": "<GetWebIdentityTokenResponse/>"}, "is not XML"), ("hang", {}, "did not answer in time")])
def test_odd_answers_of_sts(amazon, cloud, kind, params, words):
    cloud.fault("sts", kind, **params)
    said_no(amazon.get(DAYPASS_TIMEOUT="2"), words, "source aws")
    assert not cloud.exchanges()


@pytest.mark.parametrize("kind, params, path, words", [
    ("reset", {}, "token", "does not answer"), ("html", {}, "token", "no session of IMDSv2"), ("redirect", {}, "token", "no session of IMDSv2 (HTTP 307)"), ("html", {"status": 200}, "credentials/", "named no role"),
    ("body", {"value": "x\nhost=evil.test"}, "credentials/", "named no role"), ("html", {"status": 200}, "credentials/deploy", "a web page came back"), ("body", {"value": "[]"}, "credentials/deploy", "gave no keys|can be read from"),
    ("huge", {}, "credentials/deploy", "more than 256 KiB"), ("body", {"value": "evil.test"}, "region", "none of AWS")])
def test_odd_answers_of_the_instance(bare, cloud, kind, params, path, words):
    cloud.fault("ec2", kind, path=path, **params)
    line = said_no(bare.get(DAYPASS_TIMEOUT="4"), "source aws")
    assert any(w in line for w in words.split("|")), line
    assert not sts(cloud)


def test_no_role_on_the_instance(bare, cloud):
    cloud.set(aws={"role": None})
    said_no(bare.get(), "has no role (HTTP 404)", "aws ec2 associate-iam-instance-profile")


def test_away_from_aws(bare, cloud):
    start = time.monotonic()
    said_no(bare.get(AWS_EC2_METADATA_SERVICE_ENDPOINT="http://127.0.0.1:1"), "does not answer", "credential-command")
    cloud.set(aws={"on_ec2": False})
    said_no(bare.get(), "no session of IMDSv2 (HTTP 404)", "no EC2 instance")
    bare.fresh_runtime()
    cloud.fault("ec2", "hang")
    said_no(bare.get(), "does not answer", "hop-limit 2")
    assert time.monotonic() - start < 10, "nobody waits for the whole of DAYPASS_TIMEOUT"


def test_far_addresses_are_not_asked(amazon, cloud):
    amazon.identity = REGION
    for variable, where in (("AWS_EC2_METADATA_SERVICE_ENDPOINT", "http://10.1.2.3"), ("AWS_EC2_METADATA_SERVICE_ENDPOINT", "https://evil.test"), ("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://evil.test/x")):
        said_no(amazon.get(**{variable: where}), variable, "not asked")
    assert not cloud.log()


# --- secrets ---

def test_no_secret_of_aws_is_told_or_kept(amazon, cloud):
    """The keys, the session token and the signature stay between us and STS, whatever it answers and however much is told."""
    place, results = amazon, []
    secret = [AWS_VARIABLES["AWS_SECRET_ACCESS_KEY"], AWS_VARIABLES["AWS_SESSION_TOKEN"][:60], AWS_POD_TOKEN]
    told = {"DAYPASS_TRACE": "1"}
    results += [place.get(**told), place.run(["daypass", "whoami", "-v"], **told), place.run(["daypass", "cache", "list"], **told)]
    for wrong in ("AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        results.append(place.get(**{wrong: AWS_VARIABLES[wrong] + "x"}, **told))
    pod = {"AWS_ACCESS_KEY_ID": None, "AWS_SECRET_ACCESS_KEY": None, "AWS_SESSION_TOKEN": None, "AWS_CONTAINER_CREDENTIALS_FULL_URI": cloud.info()["machine"] + AWS_POD_PATH,
           "AWS_CONTAINER_AUTHORIZATION_TOKEN": AWS_POD_TOKEN}
    results.append(place.get(**pod, **told))
    rows = sts(cloud)
    assert len(rows) >= 4 and {r["status"] for r in rows} == {200, 403}
    secret += [r["auth"].rpartition("=")[2] for r in rows] + [r["headers"]["x-amz-security-token"][:60] for r in rows]
    search(place, results, [s.encode() for s in secret])
    assert "STS in eu-west-1" in results[0].err
