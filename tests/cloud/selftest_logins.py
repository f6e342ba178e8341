"""The stand-in Entra's other ways in: an application's certificate, v1's token endpoint, and the device code that nobody ever types. Judged by
curl, PyJWT and openssl. Run it inside, as selftest.py."""
import base64
import subprocess
import time
import uuid

import jwt
import pytest

from cloud.client import AKS, AKS_CLIENT, AKS_SCOPE, APP, APP2, ARM, GROUP_ADMINS, SECRET, TENANT, TENANT2
from cloud.peers import TOKEN_URL, curl, exchange, fields, kube

V1_URL = f"https://login.microsoftonline.com/{TENANT}/oauth2/token"


def refused(answer, status, code, error="invalid_client"):
    assert (answer.status, answer.json["error_codes"], answer.json["error"]) == (status, [code], error), answer.body


# --- certificates ---

class Signer:
    """An application's certificate, made by openssl; PyJWT signs."""

    def __init__(self, folder):
        subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=app", "-days", "1", "-keyout", folder / "key.pem",
                        "-out", folder / "cert.pem"], check=True, capture_output=True)
        self.key, self.pem = (folder / "key.pem").read_text(), (folder / "cert.pem").read_text()
        self.x5t = {name: base64.urlsafe_b64encode(bytes.fromhex(self.print(folder, algorithm))).rstrip(b"=").decode()
                    for name, algorithm in (("x5t", "sha1"), ("x5t#S256", "sha256"))}

    @staticmethod
    def print(folder, algorithm):
        argv = ["openssl", "x509", "-noout", "-fingerprint", "-" + algorithm, "-in", folder / "cert.pem"]
        done = subprocess.run(argv, check=True, capture_output=True, text=True)
        return done.stdout.strip().split("=")[1].replace(":", "")

    def assertion(self, client=APP, alg="PS256", head=None, **more):
        now = int(time.time())
        body = {"aud": TOKEN_URL, "iss": client, "sub": client, "jti": str(uuid.uuid4()), "nbf": now, "exp": now + 600, **more}
        return jwt.encode(body, self.key, algorithm=alg, headers=head or {"x5t#S256": self.x5t["x5t#S256"]})


@pytest.fixture
def signer(cloud, tmp_path):
    made = Signer(tmp_path)
    cloud.client(APP, certificates=[made.pem])
    return made


def test_certificates(cloud, signer):
    for how in (dict(), dict(alg="RS256"), dict(head={"x5t": signer.x5t["x5t"]}), dict(head={"x5t#S256": signer.x5t["x5t#S256"] + "="}),
                dict(aud=f"https://login.microsoftonline.com/{TENANT}/v2.0"),
                dict(aud="https://login.windows.net/contoso.onmicrosoft.com/oauth2/v2.0/token")):
        answer = exchange(cloud, assertion=signer.assertion(**how), scope=AKS_SCOPE)
        assert answer.status == 200 and kube(answer.json["access_token"], "/version").status == 200, answer.body
    now, ask = int(time.time()), lambda **how: exchange(cloud, assertion=signer.assertion(**how))
    refused(ask(aud="https://login.microsoftonline.us/x/v2.0"), 401, 700023)
    refused(ask(aud=f"https://login.microsoftonline.com/{TENANT2}/v2.0"), 401, 700023)
    refused(ask(sub=APP2), 401, 700021)
    refused(ask(exp=now - 301), 401, 700024)
    refused(ask(head={"x5t": "x"}), 401, 700027)
    refused(ask(alg="RS512"), 400, 5002738, "invalid_request")
    refused(exchange(cloud, assertion=signer.assertion(client=APP2), client_id=APP2), 401, 700027)
    refused(exchange(cloud, assertion=mixed(signer)), 401, 700027)
    cloud.client(APP, certificates=[])
    refused(ask(), 401, 700027)


def mixed(signer):
    """With the signature of another one."""
    (head, body, _), (*_, signature) = (signer.assertion().split(".") for _ in range(2))
    return f"{head}.{body}.{signature}"


# --- v1 ---

def by_v1(cloud, *more, **form):
    asked = {"grant_type": "client_credentials", "client_id": APP, "client_secret": SECRET, "resource": AKS, **form}
    return curl(*more, *fields(**{k: v for k, v in asked.items() if v is not None}), V1_URL + "?api-version=1.0")


def test_v1(cloud):
    answer = by_v1(cloud)
    assert answer.status == 200 and answer.json["token_type"] == "Bearer" and answer.json["resource"] == AKS
    claims = jwt.decode(answer.json["access_token"], options={"verify_signature": False})
    assert (answer.json["expires_on"], answer.json["expires_in"], answer.json["not_before"]) == (str(claims["exp"]), "3599", str(claims["nbf"]))
    assert claims["aud"] == "spn:" + AKS and claims["ver"] == "1.0" and GROUP_ADMINS in claims["groups"]
    assert kube(answer.json["access_token"], "/version").status == 401
    arm = by_v1(cloud, resource=ARM + "/").json["access_token"]
    assert jwt.decode(arm, options={"verify_signature": False})["aud"] == ARM + "/"
    refused(by_v1(cloud, client_secret="x"), 401, 7000215)
    refused(by_v1(cloud, resource=None), 400, 900144, "invalid_request")
    refused(by_v1(cloud, resource="https://other.test"), 400, 500011, "invalid_resource")
    assert cloud.exchanges() == []


# --- device code ---

def test_device_code(cloud):
    url = f"https://login.microsoftonline.com/{TENANT}/oauth2/v2.0/devicecode"
    for client in (APP, AKS_CLIENT):
        answer = curl(*fields(client_id=client, scope=AKS_SCOPE), url)
        assert answer.json["interval"] == 5 and answer.json["user_code"] in answer.json["message"]
        for grant in ("device_code", "urn:ietf:params:oauth:grant-type:device_code"):
            polled = curl(*fields(grant_type=grant, client_id=client, device_code=answer.json["device_code"]), TOKEN_URL)
            refused(polled, 400, 70016, "authorization_pending")
    refused(curl(*fields(client_id="other", scope=AKS_SCOPE), url), 400, 700016, "unauthorized_client")
