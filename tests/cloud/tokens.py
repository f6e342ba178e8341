"""RSA keys and the JWTs made with them. Keys are born in the background: whoever needs one waits for it."""
import base64
import concurrent.futures
import hashlib
import hmac
import json
import threading
import uuid

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from .wire import dump

HASHES = {"RS256": hashes.SHA256, "RS384": hashes.SHA384, "RS512": hashes.SHA512}


def b64(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def unb64(text):
    """Strict: a newline or a padding sign is not part of a JWT."""
    if not text.isascii() or text.rstrip("=") != text:
        raise ValueError("not base64url")
    return base64.b64decode(text.replace("-", "+").replace("_", "/") + "=" * (-len(text) % 4), validate=True)


def number(value):
    return b64(value.to_bytes((value.bit_length() + 7) // 8, "big"))


class Key:
    def __init__(self):
        self.private = rsa.generate_private_key(65537, 2048)
        self.kid = uuid.uuid4().hex.upper()

    def jwk(self):
        n = self.private.public_key().public_numbers()
        return {"kty": "RSA", "use": "sig", "alg": "RS256", "kid": self.kid, "n": number(n.n), "e": number(n.e)}

    def sign(self, claims, alg="RS256", kid=None, header=()):
        head = {"typ": "JWT", "alg": alg, "kid": kid or self.kid, **dict(header)}
        text = b64(dump(head).encode()) + "." + b64(dump(claims).encode())
        return text + "." + b64(self._signature(text.encode(), alg))

    def _signature(self, data, alg):
        if alg == "none":
            return b""
        if alg == "HS256":  # the classic confusion: the public key as the shared secret
            return hmac.new(number(self.private.public_key().public_numbers().n).encode(), data, hashlib.sha256).digest()
        return self.private.sign(data, padding.PKCS1v15(), HASHES.get(alg, hashes.SHA256)())


def parse(token):
    """(header, claims, signed part, signature) of a compact JWT, or ValueError."""
    parts = token.split(".")
    if len(parts) != 3:
        raise ValueError("not three parts")
    header, claims = (json.loads(unb64(p).decode()) for p in parts[:2])
    if not isinstance(header, dict) or not isinstance(claims, dict):
        raise ValueError("not objects")
    return header, claims, (parts[0] + "." + parts[1]).encode(), unb64(parts[2])


def verified(jwk, data, signature):
    """Is this an RS256 signature over data by the key that the JWK shows?"""
    n, e = (int.from_bytes(unb64(jwk[k]), "big") for k in ("n", "e"))
    try:
        rsa.RSAPublicNumbers(e, n).public_key().verify(signature, data, padding.PKCS1v15(), hashes.SHA256())
        return True
    except InvalidSignature:
        return False


class KeyRing:
    """Signing keys by owner ("entra", an issuer, or "stranger", whose keys nobody publishes). The last one signs; the ones before it
    are still published. A key costs a quarter of a second: those in `first` are made at once, others when somebody needs them."""

    def __init__(self, first):
        self.lock, self.pool = threading.RLock(), concurrent.futures.ThreadPoolExecutor(2, "keys")
        self.rings = {owner: [self.pool.submit(Key)] for owner in first}

    def _ring(self, owner):
        with self.lock:
            if owner not in self.rings:
                self.rings[owner] = [self.pool.submit(Key)]
            return self.rings[owner]

    def current(self, owner):
        return self._ring(owner)[-1].result()

    def all(self, owner):
        return [f.result() for f in list(self._ring(owner))]

    def rotate(self, owner, keep_old):
        with self.lock:
            new = self.pool.submit(Key)
            self.rings[owner] = (self._ring(owner) if keep_old else []) + [new]
        return new.result().kid
