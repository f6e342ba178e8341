"""Assertions, good and bad, before two judges: the stand-in Entra, and zitadel/oidc's verifier (verifier/), which knows nothing of it.

They agree on each, but where the real Entra is known to differ from RFC 7523 as zitadel reads it; then the row says how."""
import json
import os
import subprocess
from pathlib import Path

import pytest

from cloud.client import AUDIENCE, AUDIENCE_USGOV, GITHUB_ISSUER, GITHUB_SUBJECT, GOOGLE_ACCOUNT, ISSUER, SUBJECT
from cloud.peers import curl, exchange

CACHE = Path(os.environ.get("DAYPASS_TEST_CACHE") or Path.home() / ".cache" / "daypass-tests")
GOOD, BAD, HOUR = "ok", "no", 3600


def cut(token, part, change):
    parts = token.split(".")
    parts[part] = change(parts[part])
    return ".".join(parts)


# name -> (how it is minted, what becomes of the text, Entra's code or None, zitadel's word, why they differ)
CASES = {
    "good": ({}, None, None, GOOD, ""),
    "one audience, in a list": ({"aud": [AUDIENCE]}, None, None, GOOD, ""),
    "two audiences, ours among them": ({"aud": ["api://other", AUDIENCE]}, None, None, GOOD, ""),
    "without nbf": ({"nbf": None}, None, None, GOOD, ""),
    "with claims that nobody asks for": ({"environment": "prod", "groups": ["a", "b"]}, None, None, GOOD, ""),
    "issuer with another letter": ({"iss": "https://Issuer.test"}, None, 700211, BAD, ""),
    "issuer with a slash behind": ({"iss": ISSUER + "/"}, None, 700211, BAD, ""),
    "another's issuer and key": ({"iss": GITHUB_ISSUER, "sub": GITHUB_SUBJECT}, None, None, BAD, "this client trusts that issuer too; zitadel was told of one"),
    "another subject": ({"sub": SUBJECT + "x"}, None, 700213, BAD, ""),
    "subject with another letter": ({"sub": SUBJECT.upper()}, None, 7002138, BAD, ""),
    "without subject": ({"sub": None}, None, 50027, BAD, ""),
    "another audience": ({"aud": "api://other"}, None, 700212, BAD, ""),
    "another cloud's audience": ({"aud": AUDIENCE_USGOV}, None, 700212, BAD, ""),
    "without audience": ({"aud": None}, None, 50027, BAD, ""),
    "ended": ({"life": -2 * HOUR}, None, 700024, BAD, ""),
    "ended two minutes ago": ({"life": -120}, None, None, BAD, "Entra allows five minutes of wrong clocks, this verifier one"),
    "without exp": ({"life": None}, None, 50027, BAD, ""),
    "not yet valid": ({"nbf": HOUR}, None, 700024, GOOD, "RFC 7523, 3: nbf is the server's to check; zitadel does not, Entra does"),
    "issued two hours ago": ({"iat": -2 * HOUR}, None, None, BAD, "zitadel takes nothing that is older than an hour; Entra goes by exp alone"),
    "signed by somebody else": ({"key": "stranger"}, None, 700027, BAD, ""),
    "by a key that is not published": ({"key": "stranger", "kid": "NOBODY"}, None, 7000272, BAD, ""),
    "with another's header": ({}, lambda t: cut(t, 0, lambda _: "eyJhbGciOiJub25lIn0"), 5002710, BAD, ""),
    "alg none": ({"alg": "none"}, None, 5002738, BAD, ""),
    "alg HS256, with the public key as the secret": ({"alg": "HS256"}, None, 5002738, BAD, ""),
    "alg RS512": ({"alg": "RS512"}, None, 5002738, BAD, ""),
    "claims changed": ({}, lambda t: cut(t, 1, lambda p: p[:40] + ("A" if p[40] != "A" else "B") + p[41:]), None, BAD, ""),
    "signature cut": ({}, lambda t: t[:-4], 700027, BAD, ""),
    "two parts": ({}, lambda t: t.rpartition(".")[0], 50027, BAD, ""),
    "no JWT": ({}, lambda _: "hello", 50027, BAD, ""),
}
REFUSED = object()  # whatever the code: a changed byte may break JSON, or say something else
CODE = {"claims changed": REFUSED}


@pytest.fixture(scope="module")
def verifier():
    found = sorted((CACHE / "judges").glob("verifier-*"))
    if not found:
        pytest.skip("not run: zitadel's verifier could not be fetched (tests/e2e/real/fetch_judges.sh)")
    return found[-1]


@pytest.fixture
def assertion(cloud, request):
    how, change, *_ = CASES[request.node.callspec.params["name"]]
    token = cloud.mint(**how)
    return change(token) if change else token


@pytest.mark.parametrize("name", CASES)
def test_both_judges_agree(cloud, verifier, assertion, name):
    _, _, code, theirs, differs = CASES[name]
    answer = exchange(cloud, assertion=assertion)
    entra = None if answer.status == 200 else answer.json["error_codes"][0]
    keys = curl(f"{ISSUER}/.well-known/jwks").json
    question = {"assertion": assertion, "issuer": ISSUER, "subject": SUBJECT, "audience": AUDIENCE, "keys": keys}
    said = subprocess.run([verifier], input=json.dumps(question) + "\n", capture_output=True, text=True, check=True, timeout=30).stdout.strip()
    assert entra is not None if CODE.get(name) is REFUSED else entra == code, answer.body
    assert (said == GOOD) == (theirs == GOOD), said
    assert ((entra is None) == (said == GOOD)) == (not differs), f"they differ: Entra says {entra}, zitadel {said}"


# --- Google's metadata server ---

GOOGLE = """
import sys
sys.path.insert(0, sys.argv[1])
import google.auth.transport.requests, google.oauth2.id_token
print(google.oauth2.id_token.fetch_id_token(google.auth.transport.requests.Request(), sys.argv[2]))
"""


def test_google_auth_takes_ours_for_googles(place, cloud):
    """Google's own library finds the metadata server, and gets the token that we get."""
    found = sorted((CACHE / "judges").glob("google-auth-*"))
    if not found:
        pytest.skip("not run: google-auth could not be fetched (tests/e2e/real/fetch_judges.sh)")
    address = cloud.info()["machine"].removeprefix("http://")
    r = place.run(["/usr/bin/python3", "-I", "-c", GOOGLE, found[-1], AUDIENCE], leaks=True, GCE_METADATA_HOST=address, GCE_METADATA_IP=address)
    assert r.rc == 0, r
    answer = exchange(cloud, assertion=r.out.strip())
    assert answer.status == 200, answer.body
    theirs, = [row for row in cloud.log(service="google", kind="http") if row["path"].endswith("/identity")]
    place.config(source="gcp", token_file=None)
    place.identity = {"GCE_METADATA_HOST": address}
    assert place.get().token
    ours = [row for row in cloud.log(service="google", kind="http") if row["path"].endswith("/identity")][-1]
    assert ours["query"] == theirs["query"] and ours["headers"]["metadata-flavor"] == theirs["headers"]["metadata-flavor"]
    assert ours["path"].replace("default", GOOGLE_ACCOUNT) == theirs["path"].replace("default", GOOGLE_ACCOUNT)
    assert len(cloud.exchanges()) == 2
