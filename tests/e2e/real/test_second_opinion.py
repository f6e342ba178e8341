"""Microsoft's own azure-identity against the same stand-in: what it sends and gets is what we send and get."""
import json

import pytest

from cloud.client import APP, AZDO_SCOPE, TENANT
from e2e.place import URL, said_no

PROGRAM = """
import json, sys
from azure.core.exceptions import ClientAuthenticationError
from azure.identity import WorkloadIdentityCredential
credential = WorkloadIdentityCredential()
try:
    token = credential.get_token(sys.argv[1])
    print(json.dumps({"token": token.token, "expires_on": token.expires_on}))
except ClientAuthenticationError as e:
    print(json.dumps({"error": e.message}))
"""
OURS = {"grant_type", "client_id", "scope", "client_assertion_type", "client_assertion"}


def ask(place, python):
    script = place.write("work/ask.py", PROGRAM)
    r = place.run([python, "-I", script, AZDO_SCOPE], leaks=True, REQUESTS_CA_BUNDLE=place.cloud.info()["bundle"])
    assert r.rc == 0, r.err
    return json.loads(r.out)


def test_both_send_the_same_request(pod, cloud, azure_identity):
    theirs = ask(pod, azure_identity)
    assert "token" in theirs, theirs
    assert pod.get().token
    first, second = cloud.exchanges()
    assert (first["path"], first["host"]) == (second["path"], second["host"]) == (f"/{TENANT}/oauth2/v2.0/token", "login.microsoftonline.com")
    for name in OURS - {"scope"}:
        assert first["form"][name] == second["form"][name], name
    assert AZDO_SCOPE in first["form"]["scope"].split() and second["form"]["scope"] == AZDO_SCOPE and first["form"]["client_id"] == APP
    assert set(second["form"]) == OURS


def test_their_token_opens_what_ours_opens(pod, cloud, azure_identity):
    theirs = ask(pod, azure_identity)["token"]
    other = pod.script("other", f'[ "$1" = get ] && printf "username=x\\npassword={theirs}\\n"; exit 0')
    pod.write("home/.gitconfig", f"[credential]\n\thelper = {other}\n")
    assert pod.git("ls-remote", URL).err == "" and len(cloud.exchanges()) == 1


@pytest.mark.parametrize("how, code", [(dict(sub="system:other"), 700213), (dict(aud="api://other"), 700212), (dict(iss="https://issuer.test/"), 700211),
                                       (dict(life=-3600), 700024),
                                       (dict(key="stranger"), 700027)])
def test_both_are_refused_for_the_same_reason(place, cloud, azure_identity, how, code):
    place.pod(**how)
    assert f"AADSTS{code}" in ask(place, azure_identity)["error"]
    said_no(place.get(), f"AADSTS{code}")
