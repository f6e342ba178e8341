"""The stand-in's part of AWS, judged by botocore (the newest by tests/e2e/real/fetch_judges.sh, else the distribution's), PyJWT and curl. Run it
inside, as selftest.py."""
import json
import os
import subprocess
from pathlib import Path

import jwt
import pytest

from cloud.client import (AKS_ISSUER, AKS_SUBJECT, AUDIENCE, AWS_AUDIENCE, AWS_CONTAINER_PATH, AWS_ISSUER, AWS_POD_PATH, AWS_POD_TOKEN, AWS_REGION,
                          AWS_ROLE, AWS_USER, AWS_USER_VARIABLES, AWS_VARIABLES, METADATA, Cloud)
from cloud.peers import curl, exchange

CACHE = Path(os.environ.get("DAYPASS_TEST_CACHE") or Path.home() / ".cache" / "daypass-tests")
WALL = os.environ["DAYPASS_TEST_MODE"] == "wall"
STS = f"https://sts.{AWS_REGION}.amazonaws.com/"
TOKEN_CALL = {"Audience": [AUDIENCE], "SigningAlgorithm": "RS256", "DurationSeconds": 300}
ROLES = "/latest/meta-data/iam/security-credentials/"


# --- botocore ---

@pytest.fixture(scope="module")
def folder():
    found = sorted((CACHE / "judges").glob("botocore-*"))
    if not found and subprocess.run(["/usr/bin/python3", "-c", "import botocore"], capture_output=True).returncode:
        pytest.skip("not run: botocore is not here (tests/e2e/real/fetch_judges.sh botocore, or the distribution's python3-botocore)")
    return str(found[-1]) if found else ""


@pytest.fixture(scope="module")
def start(folder):
    """A botocore with these variables; calls go in and answers come out line by line."""
    running = []

    def begin(**variables):
        env = {k: v for k, v in os.environ.items() if k.lower() in ("path", "https_proxy", "http_proxy", "no_proxy")}
        env.update(HOME="/nonexistent", AWS_REGION=AWS_REGION, AWS_DEFAULT_REGION=AWS_REGION, AWS_STS_REGIONAL_ENDPOINTS="regional", AWS_MAX_ATTEMPTS="1",
                   AWS_CA_BUNDLE=Cloud().info()["bundle"], PYTHONDONTWRITEBYTECODE="1", **variables)
        argv = ["/usr/bin/python3", os.path.join(os.path.dirname(__file__), "aws_client.py"), folder]
        running.append(subprocess.Popen(argv, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True))
        return running[-1]
    yield begin
    for p in running:
        p.communicate()


def ask(process, call, keys=None, **how):
    process.stdin.write(json.dumps({"call": call, "how": how, "keys": keys}) + "\n")
    process.stdin.flush()
    got = json.loads(process.stdout.readline())
    if "missing" in got:
        pytest.skip("not run: " + got["missing"])
    return got


@pytest.fixture(scope="module")
def signer(start):
    return start()


@pytest.fixture
def boto(cloud, signer):
    """CALL with the keys of these variables; how: its parameters."""
    names = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")
    return lambda call, variables, **how: ask(signer, call, [variables.get(n) for n in names], **how)


def imds(cloud):
    return {"AWS_EC2_METADATA_SERVICE_ENDPOINT": cloud.info()["machine"]}


def pod(cloud):
    return {"AWS_CONTAINER_CREDENTIALS_FULL_URI": cloud.info()["machine"] + AWS_POD_PATH, "AWS_CONTAINER_AUTHORIZATION_TOKEN": AWS_POD_TOKEN}


def task(cloud):
    return {"AWS_CONTAINER_CREDENTIALS_FULL_URI": cloud.info()["machine"] + AWS_CONTAINER_PATH}


def web(cloud):
    path = os.path.join(os.environ["DAYPASS_TEST_DIR"], "web-identity")
    with open(path, "w") as f:
        f.write(cloud.mint(iss=AKS_ISSUER, sub=AKS_SUBJECT, aud=AWS_AUDIENCE))
    return {"AWS_ROLE_ARN": AWS_ROLE, "AWS_WEB_IDENTITY_TOKEN_FILE": path}


@pytest.mark.parametrize("where, method", [(lambda _: AWS_VARIABLES, "env"), (imds, "iam-role"), (pod, "container-role"), (task, "container-role"),
                                           (web, "assume-role-with-web-identity")], ids=["variables", "imds", "pod", "task", "web"])
def test_keys_of_every_place_sign(cloud, start, where, method):
    got = ask(start(**where(cloud)), "get_caller_identity")
    assert got["method"] == method and got["Arn"].startswith("arn:aws:sts::123456789012:assumed-role/deploy/")
    row = cloud.log(kind="http", service="sts")[-1]
    assert row["status"] == 200 and "x-amz-security-token" in row["auth"] and "content-type" in row["auth"]


def test_keys_of_a_user_have_no_session(boto):
    assert boto("get_caller_identity", AWS_USER_VARIABLES)["Arn"] == AWS_USER


def test_the_token_is_what_the_documentation_says(cloud, boto):
    got = boto("get_web_identity_token", AWS_VARIABLES, **TOKEN_CALL)
    document = curl(AWS_ISSUER + "/.well-known/openid-configuration").json
    key = jwt.PyJWK(curl(document["jwks_uri"]).json["keys"][0]).key
    claims = jwt.decode(got["WebIdentityToken"], key, algorithms=["RS256"], audience=AUDIENCE, issuer=AWS_ISSUER)
    assert claims["sub"] == AWS_ROLE and claims["exp"] - claims["iat"] == 300 and "nbf" not in claims
    assert claims["https://sts.amazonaws.com/"]["source_region"] == AWS_REGION
    assert exchange(cloud, assertion=got["WebIdentityToken"]).status == 200


@pytest.mark.parametrize("variables, settings, code, words", [
    ({}, {"outbound": False}, "OutboundWebIdentityFederationDisabledException", "not enabled"), ({}, {"audiences": []}, "AccessDenied", "sts:GetWebIdentityToken"),
    ({}, {"audiences": ["api://other"]}, "AccessDenied", "not authorized"), ({}, {"left": 299}, "SessionDurationEscalationException", "expiration"),
    ({}, {"left": 0}, "ExpiredToken", "expired"), ({}, {"off": [AWS_REGION]}, "InvalidClientTokenId", "invalid"),
    ({"AWS_SECRET_ACCESS_KEY": "x" * 40}, {}, "SignatureDoesNotMatch", "x-amz-security-token:" + AWS_VARIABLES["AWS_SESSION_TOKEN"]),
    ({"AWS_SESSION_TOKEN": "another"}, {}, "InvalidClientTokenId", "invalid"), ({"AWS_ACCESS_KEY_ID": "ASIANOBODY0000000000"}, {}, "InvalidClientTokenId", "invalid")])
def test_refusals(cloud, boto, variables, settings, code, words):
    cloud.set(aws=settings)
    got = boto("get_web_identity_token", {**AWS_VARIABLES, **variables}, **TOKEN_CALL)
    assert got["error"] == code and words in got["message"]


@pytest.mark.parametrize("how, code", [({"aud": "api://other"}, "InvalidIdentityToken"), ({"sub": "system:serviceaccount:ci:other"}, "AccessDenied"), ({"iss": "https://issuer.test"}, "InvalidIdentityToken"),
                                       ({"key": "stranger"}, "InvalidIdentityToken"), ({"life": -60}, "ExpiredTokenException")])
def test_whom_the_role_trusts(cloud, boto, how, code):
    token = cloud.mint(**{"iss": AKS_ISSUER, "sub": AKS_SUBJECT, "aud": AWS_AUDIENCE, **how})
    got = boto("assume_role_with_web_identity", AWS_VARIABLES, RoleArn=AWS_ROLE, RoleSessionName="ci", WebIdentityToken=token)
    assert got["error"] == code


# --- curl: what no library would send ---

def by_curl(*more, scope=f"aws:amz:{AWS_REGION}:sts", keys=AWS_VARIABLES, form="Action=GetCallerIdentity&Version=2011-06-15"):
    pair = f"{keys['AWS_ACCESS_KEY_ID']}:{keys['AWS_SECRET_ACCESS_KEY']}"
    signed = ["--aws-sigv4", scope, "-u", pair] if scope else []
    session = ["-H", f"X-Amz-Security-Token: {keys['AWS_SESSION_TOKEN']}"] if "AWS_SESSION_TOKEN" in keys else []
    return curl(*signed, *session, "-H", "Content-Type: application/x-www-form-urlencoded", "-d", form, *more, STS)


def test_a_signature_of_curls(cloud):
    assert by_curl().status == 200 and by_curl(keys=AWS_USER_VARIABLES).status == 200


@pytest.mark.parametrize("more, status, code", [
    ({"scope": None}, 403, "MissingAuthenticationToken"), ({"scope": "aws:amz:us-east-1:sts"}, 403, "valid region"), ({"scope": f"aws:amz:{AWS_REGION}:s3"}, 403, "correct service"),
    ({"form": "Action=GetCallerIdentity"}, 400, "InvalidAction"), ({"form": "Action=DeleteEverything&Version=2011-06-15"}, 400, "InvalidAction"),
    ({"form": "Action=GetWebIdentityToken&Version=2011-06-15&SigningAlgorithm=RS256"}, 400, "audience"),
    ({"form": "Action=GetWebIdentityToken&Version=2011-06-15&Audience.member.1=a&SigningAlgorithm=HS256"}, 400, "signingAlgorithm"),
    ({"form": "Action=GetWebIdentityToken&Version=2011-06-15&Audience.member.1=a&SigningAlgorithm=RS256&DurationSeconds=59"}, 400, "durationSeconds")])
def test_bad_calls(cloud, more, status, code):
    answer = by_curl(**more)
    assert answer.status == status and code in answer.body.decode(), answer.body


@pytest.mark.parametrize("offset, words", [(3600, "Signature expired"), (-3600, "Signature not yet current"), (600, None)])
def test_wrong_clocks(cloud, offset, words):
    cloud.fault("sts", "clock", offset=offset)
    answer = by_curl()
    assert (answer.status, words in answer.body.decode()) == (403, True) if words else answer.status == 200


def test_what_is_not_signed_is_noticed(cloud):
    """A header of AWS's that was added on the way, a body that was changed, and the session token left out of the signature."""
    sent = ["-H", "X-Amz-Date: " + "20260101T000000Z", "-H", "Authorization: AWS4-HMAC-SHA256 Credential=x"]
    assert curl(*sent, "-d", "Action=GetCallerIdentity&Version=2011-06-15", STS).status == 400
    assert by_curl(keys=AWS_USER_VARIABLES).status == 200
    row = cloud.log(kind="http", service="sts")[-1]
    again = ["-H", "Authorization: " + row["auth"], "-H", "X-Amz-Date: " + row["headers"]["x-amz-date"], "-H", "Content-Type: application/x-www-form-urlencoded"]
    form = "Action=GetCallerIdentity&Version=2011-06-15"
    assert curl(*again, "-d", form, STS).status == 200
    for change in (["-d", form + "&x=1"], ["-d", form, "-H", "X-Amz-Extra: 1"]):
        answer = curl(*again, *change, STS)
        assert answer.status == 403 and b"SignatureDoesNotMatch" in answer.body
    answer = curl(*again, "-d", form, STS.replace(AWS_REGION, "us-east-1"))
    assert answer.status == 403 and b"valid region" in answer.body


def test_other_regions_and_domains(cloud):
    assert curl(f"https://sts.cn-north-1.amazonaws.com.cn/?Action=GetCallerIdentity&Version=2011-06-15").status == 403
    for host in ("sts.amazonaws.com", "sts.cn-north-1.amazonaws.com", "sts.eu-west-1.amazonaws.com.cn", "sts.evil.amazonaws.com"):
        assert curl(f"https://{host}/", limit=5).status in (None, 403) and not cloud.log(kind="http", host=host)


# --- the instance ---

def ec2(cloud, path, *more):
    return curl("--noproxy", "*", *more, cloud.info()["machine"] + path)


def session(cloud):
    return ["-H", "X-aws-ec2-metadata-token: " + ec2(cloud, "/latest/api/token", "-X", "PUT", "-H", "X-aws-ec2-metadata-token-ttl-seconds: 60").body.decode()]


def test_only_the_second_version(cloud):
    assert ec2(cloud, ROLES).status == 401 and ec2(cloud, ROLES, "-H", "X-aws-ec2-metadata-token: made-up").status == 401
    ttl = ["-H", "X-aws-ec2-metadata-token-ttl-seconds: 60"]
    assert [ec2(cloud, "/latest/api/token", *how).status for how in (ttl, ["-X", "PUT"], ["-X", "PUT", "-H", "X-aws-ec2-metadata-token-ttl-seconds: 21601"],
                                                                       ["-X", "PUT", *ttl, "-H", "X-Forwarded-For: 10.0.0.1"])] == [405, 400, 400, 403]
    mine = session(cloud)
    assert ec2(cloud, ROLES, *mine).body == b"deploy" and ec2(cloud, ROLES + "deploy", *mine).json["Code"] == "Success"
    assert ec2(cloud, "/latest/meta-data/placement/region", *mine).body == AWS_REGION.encode()
    cloud.set(aws={"role": None})
    assert ec2(cloud, ROLES, *mine).status == 404
    cloud.set(aws={"on_ec2": False})
    assert ec2(cloud, "/latest/api/token", "-X", "PUT", *ttl).status == 404


def test_containers_end_points(cloud):
    assert ec2(cloud, AWS_CONTAINER_PATH).json["RoleArn"] == AWS_ROLE
    assert [ec2(cloud, AWS_POD_PATH, *how).status for how in ([], ["-H", "Authorization: Bearer " + AWS_POD_TOKEN], ["-H", "Authorization: " + AWS_POD_TOKEN])] == [400, 400, 200]


@pytest.mark.skipif(not WALL, reason="not run: no namespaces")
def test_their_own_addresses(cloud):
    """Azure's and Amazon's metadata service are at one address, told apart by path; ECS has another."""
    assert curl(f"http://{METADATA}/latest/meta-data/").status == 401 and curl(f"http://{METADATA}/metadata/identity/oauth2/token").status == 400
    assert curl(f"http://169.254.170.2{AWS_CONTAINER_PATH}").status == 200 and curl("http://169.254.170.2/latest/api/token", "-X", "PUT").status == 404
