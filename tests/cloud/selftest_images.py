"""The stand-in for Azure Container Registry, its images: judged by skopeo, curl and docker-registry itself, which verifies every access
token. Run it inside, as selftest.py."""
import base64
import datetime
import json
import os
import re
import shutil
import subprocess
import sys

import jwt
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding

from cloud.client import (ACR_SCOPE, ACR_TOKEN, ACR_TOKEN_PASSWORD, APP, Cloud, REGISTRY, REGISTRY2, REGISTRY_EAST, REGISTRY_PUBLIC,
                          REPOSITORY, UAMI)
from cloud.peers import Skopeo, bearer, curl, exchange, to_refresh
from e2e import oci

PULL, PUSH, CATALOG = f"repository:{REPOSITORY}:pull", f"repository:{REPOSITORY}:pull,push", "registry:catalog:*"
RUN = os.path.join(os.path.dirname(os.path.abspath(__file__)), "run")
registry_there = pytest.mark.skipif(not Cloud().info()["docker_registry"], reason="no docker-registry")
skopeo_there = pytest.mark.skipif(not shutil.which("skopeo"), reason="no skopeo")


def with_images(test):
    return registry_there(skopeo_there(test))


@pytest.fixture
def layout(tmp_path):
    """(OCI layout with its tag, as skopeo writes it; the manifest's digest)"""
    return f"{tmp_path}/image:v1", oci.image(tmp_path / "image")


@registry_there
def test_challenges(cloud):
    ask = lambda path, *args: curl(*args, f"https://{REGISTRY}{path}")
    realm = f'Bearer realm="https://{REGISTRY}/oauth2/token",service="{REGISTRY}"'
    for path, args, scope in (("/v2/", (), ""), ("/v2/_catalog", (), CATALOG), (f"/v2/{REPOSITORY}/tags/list", (), PULL),
                              (f"/v2/{REPOSITORY}/manifests/v1", ("-X", "PUT", "-d", "{}"), PUSH),
                              (f"/v2/{REPOSITORY}/blobs/uploads/", ("-X", "POST"), PUSH),
                              (f"/v2/{REPOSITORY}/manifests/v1", ("-X", "DELETE"), f"repository:{REPOSITORY}:delete")):
        answer = ask(path, *args)
        assert answer.status == 401 and answer.all("www-authenticate") == [realm + (f',scope="{scope}"' if scope else "")]
        assert answer.json["errors"][0]["code"] == "UNAUTHORIZED" and answer.all("docker-distribution-api-version") == ["registry/2.0"]
    assert answer.json["errors"][0]["detail"] == [{"Type": "repository", "Name": REPOSITORY, "Action": "delete"}]


def strangers_token():
    """As good as one can make it without the registry's key: everything right, under a certificate of one's own."""
    key = rsa.generate_private_key(65537, 2048)
    name, now = x509.Name([]), datetime.datetime.now(datetime.timezone.utc)
    made = (x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key()).serial_number(1)
            .not_valid_before(now).not_valid_after(now + datetime.timedelta(days=1)).sign(key, hashes.SHA256()))
    body = {"iss": "Azure Container Registry", "aud": REGISTRY, "sub": APP, "jti": "1", "iat": now, "nbf": now,
            "exp": now + datetime.timedelta(hours=1), "access": [{"type": "repository", "name": REPOSITORY, "actions": ["pull", "push"]}]}
    return jwt.encode(body, key, "RS256", {"x5c": [base64.b64encode(made.public_bytes(Encoding.DER)).decode()]})


@registry_there
def test_docker_registry_verifies_tokens_itself(cloud):
    good = cloud.registry_token(REGISTRY, PULL)
    assert bearer(good, "/v2/").json == {} and bearer(good, f"/v2/{REPOSITORY}/tags/list").json["errors"][0]["code"] == "NAME_UNKNOWN"
    for bad in (strangers_token(), cloud.registry_token(REGISTRY2, PULL),
                cloud.registry_token(REGISTRY, PULL, life=-120), cloud.registry_token(REGISTRY, PULL, iss="somebody")):
        answer = bearer(bad, f"/v2/{REPOSITORY}/tags/list")
        assert answer.status == 401 and f'service="{REGISTRY}",scope="{PULL}",error="invalid_token"' in answer.all("www-authenticate")[0]
    for bad in (cloud.registry_token(REGISTRY, PULL, key="stranger"), good[:-8], "x"):
        assert bearer(bad, f"/v2/{REPOSITORY}/tags/list").status == 401
    short = bearer(good, f"/v2/{REPOSITORY}/blobs/uploads/", "-X", "POST")
    assert short.status == 401 and 'error="insufficient_scope"' in short.all("www-authenticate")[0]
    east = bearer("x", "/v2/", host=REGISTRY_EAST).all("www-authenticate")[0]
    assert f'realm="https://{REGISTRY_EAST}/oauth2/token",service="{REGISTRY_EAST}"' in east


@registry_there
def test_upload_and_download_by_hand(cloud):
    token, data = cloud.registry_token(REGISTRY, PUSH), os.urandom(3 << 20)
    place = lambda answer: answer.all("location")[0]
    begun = bearer(token, f"/v2/{REPOSITORY}/blobs/uploads/", "-X", "POST")
    assert begun.status == 202 and place(begun).startswith("/v2/")
    args = ("-H", "Transfer-Encoding: chunked", "-H", "Content-Type: application/octet-stream", "--data-binary", "@-")
    sent = curl("-X", "PATCH", "-H", "Authorization: Bearer " + token, *args, f"https://{REGISTRY}{place(begun)}", data=data)
    assert sent.status == 202 and sent.all("range") == [f"0-{len(data) - 1}"]
    done = bearer(token, f"{place(sent)}&digest={oci.digest(data)}", "-X", "PUT")
    assert done.status == 201 and place(done) == f"/v2/{REPOSITORY}/blobs/{oci.digest(data)}"
    assert bearer(token, place(done)).body == data and bearer(token, place(done), "-r", "100-199").body == data[100:200]
    assert bearer(token, place(done), "-r", "100-199").all("content-range") == [f"bytes 100-199/{len(data)}"]
    head = bearer(token, place(done), "-I")
    assert head.status == 200 and head.all("content-length") == [str(len(data))] and head.body == b""
    cloud.fault("acr", "cut", path="/blobs/", times=1)
    assert bearer(token, place(done)).rc in (18, 56)


@with_images
def test_push_and_pull(cloud, layout, tmp_path):
    image, digest = layout
    where = f"{REGISTRY}/{REPOSITORY}"
    skopeo = Skopeo(tmp_path, to_refresh(REGISTRY, exchange(cloud, scope=ACR_SCOPE).json["access_token"]).json["refresh_token"])
    skopeo.push(image, where + ":v1")
    skopeo.push(image, where + ":v2")
    assert sorted(skopeo.ask("list-tags", where)["Tags"]) == ["v1", "v2"]
    seen = skopeo.ask("inspect", where + ":v1")
    assert seen["Digest"] == digest and len(seen["Layers"]) == 1
    skopeo.pull(where + ":v1", tmp_path / "back:v1")
    assert json.loads((tmp_path / "back/index.json").read_text())["manifests"][0]["digest"] == digest
    assert {p.name for p in (tmp_path / "back/blobs/sha256").iterdir()} == {p.name for p in (tmp_path / "image/blobs/sha256").iterdir()}
    Skopeo(tmp_path, cloud.refresh_token(REGISTRY_EAST)).pull(f"{REGISTRY_EAST}/{REPOSITORY}:v2", tmp_path / "east:v2")
    assert len(cloud.acr()) == 1 and {r["auth"].split()[0] for r in cloud.acr_tokens()} == {"Basic"}
    cloud.reset()
    assert "NAME_UNKNOWN" in json.dumps(bearer(cloud.registry_token(REGISTRY, PULL), f"/v2/{REPOSITORY}/tags/list").json)


@with_images
def test_identity_token(cloud, layout, tmp_path):
    """The other way to hand out a refresh token: skopeo then POSTs it, chunked."""
    token = base64.b64encode(b"<token>:").decode()
    skopeo = Skopeo(tmp_path)
    (tmp_path / "no-auth.json").write_text(json.dumps(
        {"auths": {REGISTRY: {"auth": token, "identitytoken": cloud.refresh_token(REGISTRY)}}}))
    skopeo.push(layout[0], f"{REGISTRY}/{REPOSITORY}:v1")
    rows = cloud.acr_tokens()
    assert rows and all(r["form"]["grant_type"] == "refresh_token" and r["headers"]["transfer-encoding"] == "chunked" for r in rows)


@with_images
def test_who_may_not(cloud, layout, tmp_path):
    image, where = layout[0], f"{REGISTRY}/{REPOSITORY}:v1"
    Skopeo(tmp_path, cloud.refresh_token(REGISTRY)).push(image, where)
    puller = Skopeo(tmp_path, cloud.refresh_token(REGISTRY, UAMI))
    puller.pull(where, tmp_path / "back:v1")
    assert re.search("authentication required|access .* denied", puller.push(image, f"{REGISTRY}/{REPOSITORY}:v2", rc=1))
    mapped = Skopeo(tmp_path, ACR_TOKEN_PASSWORD, ACR_TOKEN)
    mapped.pull(where, tmp_path / "mapped:v1")
    mapped.push(image, f"{REGISTRY}/{REPOSITORY}:v3", rc=1)
    assert puller.ask("list-tags", f"{REGISTRY}/{REPOSITORY}")["Tags"] == ["v1"]
    for secret in (None, cloud.refresh_token(REGISTRY, life=-1), cloud.refresh_token(REGISTRY2), cloud.refresh_token(REGISTRY, key="stranger")):
        assert "unauthorized" in Skopeo(tmp_path, secret).pull(where, tmp_path / "no:v1", rc=1)
    late = Skopeo(tmp_path, cloud.refresh_token(REGISTRY))
    late.ask("inspect", where)
    cloud.revoke_registry()
    assert "unauthorized" in late.ask("inspect", where, rc=1)


@with_images
def test_anonymous_pull(cloud, layout, tmp_path):
    where, nobody = f"{REGISTRY_PUBLIC}/{REPOSITORY}:v1", Skopeo(tmp_path)
    Skopeo(tmp_path, cloud.refresh_token(REGISTRY_PUBLIC, UAMI)).push(layout[0], where)
    nobody.pull(where, tmp_path / "back:v1")
    nobody.push(layout[0], where, rc=1)
    cloud.registry(REGISTRY_PUBLIC, anonymous=False)
    assert "unauthorized" in nobody.pull(where, tmp_path / "no:v1", rc=1)


# --- the frame ---

NESTED = """
import subprocess, sys
from cloud.client import *
cloud = Cloud()
print(cloud.info()["dir"], repr(cloud.info()["docker_registry"]), flush=True)
subprocess.run(["curl", "-sS", "-w", "%{http_code}", "-H", "Authorization: Bearer " + cloud.registry_token(REGISTRY), f"https://{REGISTRY}/v2/"])
"""


def nested(registry):
    """Another cloud, asked for /v2/: its folder, and what was said."""
    tests = os.path.dirname(os.path.dirname(RUN))
    done = subprocess.run([RUN, "--mode", "proxy", "--", sys.executable, "-c", f"import sys; sys.path.insert(0, {tests!r})" + NESTED],
                          env={**os.environ, **({"DAYPASS_TEST_REGISTRY": registry} if registry else {})}, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout.split(" ", 1)


def test_without_the_program(cloud):
    said = nested("/nonexistent/docker-registry")[1]
    assert said.startswith("''\n") and "install it" in said and said.endswith("503")


@registry_there
def test_it_ends_with_the_cloud(cloud):
    folder, said = nested(None)
    assert said.endswith("{}200")
    assert folder not in subprocess.run(["ps", "axww"], capture_output=True, text=True, check=True).stdout
