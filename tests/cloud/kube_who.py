"""Whose is a bearer token? As kube-apiserver checks it, as AKS does (in front of it, with Entra's v1 tokens), and as guard does for Arc."""
import base64
import hashlib
import json
import re

from . import entra, judge
from .refusals import Refused
from .tokens import parse, verified

NBF_SKEW = 60  # of the library that they all use; exp has none
POP_LIFE = 15 * 60
EVERYBODY = "system:authenticated"


class Stranger(Exception):
    """A 401. Why stands in the log only: the real servers do not say it either."""


class User:
    def __init__(self, name, groups, uid=None, extra=None):
        self.name, self.groups, self.uid, self.extra = name, [*groups, EVERYBODY], uid, extra or {}

    def info(self):
        more = {"uid": self.uid} if self.uid else {}
        return {"username": self.name, **more, "groups": self.groups, **({"extra": self.extra} if self.extra else {})}


def who(state, request, row):
    scheme, _, token = request.auth.partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise Stranger("no bearer token")
    if row["pop"]:
        return unwrapped(state, row, token.strip())
    for entry in row["jwt"]:
        if shape(token.strip())[1].get("iss") == entry["issuer"]:
            return by_issuer(state, entry, token.strip())
    return by_entra(state, row, token.strip())[0]


def shape(token):
    try:
        return parse(token)
    except ValueError as e:
        raise Stranger(f"not a JWT: {e}") from None


def in_time(state, claims):
    now = state.clock("kube")
    if not judge.is_number(claims.get("exp")) or now > claims["exp"]:
        raise Stranger("expired")
    if now + NBF_SKEW < claims.get("nbf", 0):
        raise Stranger("not valid yet")


def by_entra(state, row, token):
    """(user, claims)"""
    header, claims, signed, signature = shape(token)
    if not row["tenant"]:
        raise Stranger(f"nobody here trusts {claims.get('iss')}")
    if claims.get("iss") != f"{entra.STS[row['cloud']]}/{row['tenant']}/" or claims.get("tid") != row["tenant"]:
        raise Stranger(f"issuer {claims.get('iss')}")
    if claims.get("aud") != row["server_id"]:
        raise Stranger(f"audience {claims.get('aud')}")
    in_time(state, claims)
    keys = [k.jwk() for k in state.keys.all("entra") if k.kid == header.get("kid")]
    if header.get("alg") != "RS256" or not keys or not verified(keys[0], signed, signature):
        raise Stranger("signature")
    if claims.get("uti") in state.revoked or state.issued.get(claims.get("uti"), row["cloud"]) != row["cloud"]:
        raise Stranger("revoked, or of another cloud")
    return User(claims.get("upn") or claims["oid"], claims.get("groups", []), extra={"oid": [claims["oid"]]}), claims


def by_issuer(state, entry, token):
    """Structured authentication: the issuer's own published keys, the audience that the cluster asks for."""
    header, claims, signed, signature = shape(token)
    presented = claims.get("aud") if isinstance(claims.get("aud"), list) else [claims.get("aud")]
    if entry["audience"] not in presented:
        raise Stranger(f"audience {claims.get('aud')}")
    in_time(state, claims)
    try:
        keys = [k for k in judge.published_keys(state, entry["issuer"]) if k.get("kid") == header.get("kid")]
    except Refused:
        raise Stranger("the issuer does not answer") from None
    if header.get("alg") != "RS256" or not keys or not verified(keys[0], signed, signature):
        raise Stranger("signature")
    return User(entry["prefix"] + claims["sub"], [entry["prefix"] + g for g in claims.get("groups", [])])


def unwrapped(state, row, token):
    """guard's rules of a proof of possession, in its order, then those of the access token inside."""
    header, claims, signed, signature = shape(token)
    if not header.get("kid") or header.get("alg") != "RS256":
        raise Stranger("pop: kid or algorithm")
    if not isinstance(header.get("typ"), str) or header["typ"].lower() != "pop":
        raise Stranger("pop: typ")
    ts = claims.get("ts")
    if isinstance(ts, str):  # guard takes digits in a string too
        ts = int(ts) if re.fullmatch("-?[0-9]{1,18}", ts) else 0
    if not judge.is_number(ts) or ts + POP_LIFE < state.clock("kube"):
        raise Stranger("pop: ts")
    if not isinstance(claims.get("u"), str) or claims["u"].lower() != row["pop"].lower():
        raise Stranger(f"pop: u is {claims.get('u')}")
    try:
        jwk = claims["cnf"]["jwk"]
        good = verified(jwk, signed, signature)
    except (KeyError, TypeError, ValueError):
        raise Stranger("pop: cnf") from None
    if not good:
        raise Stranger("pop: signature")
    user, inner = by_entra(state, row, claims.get("at") or "")
    if not isinstance(inner.get("cnf"), dict) or inner["cnf"].get("kid") != thumbprint(jwk):
        raise Stranger("pop: the token inside belongs to another key")
    return user


def thumbprint(jwk):
    """RFC 7638"""
    text = json.dumps({k: jwk[k] for k in ("e", "kty", "n")}, separators=(",", ":"), sort_keys=True)
    return base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()
