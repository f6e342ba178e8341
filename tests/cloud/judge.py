"""Would Entra accept this assertion? In its order: shape, whose it is, the issuer's published keys, signature, time."""
import datetime
import http.client
import json
import re
from urllib.parse import urlsplit

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding

from . import flexible, inside
from .ids import AUDIENCE_AKS, AUDIENCE_GUID, CLOUD_AUDIENCE, CLOUD_OF
from .refusals import Refused
from .tokens import b64, parse, verified

ENTRA_V2 = re.compile(r"https://login\.(?:microsoftonline\.(?:com|us)|partner\.microsoftonline\.cn)/([0-9a-f-]{36})/v2\.0")
ENTRA_ANY = re.compile(r"https://(?:sts\.windows\.net|sts\.chinacloudapi\.cn|login\.microsoftonline\.[a-z]+|login\.partner\.microsoftonline\.cn)/")


def accept(state, assertion, client_id, cloud, via):
    """The claims of a good assertion; anything else raises Refused."""
    header, claims, signed, signature = shape(assertion, client_id)
    if claims["iss"] == client_id:
        return by_certificate(state, (header, claims, signed, signature), client_id, cloud)
    if header.get("alg") != "RS256":
        raise Refused(5002738, alg=header.get("alg"))
    match(state, claims, client_id, cloud, via)
    signature_good(state, header, claims, signed, signature, client_id)
    in_time(state, claims)
    return claims


def shape(assertion, client_id):
    try:
        header, claims, signed, signature = parse(assertion)
    except ValueError:
        raise Refused(50027) from None
    named = ("kid", "x5t", "x5t#S256") if claims.get("iss") == client_id else ("kid",)
    if not isinstance(header.get("alg"), str) or not any(isinstance(header.get(k), str) for k in named):
        raise Refused(5002710)
    audience = claims.get("aud")
    texts = audience if isinstance(audience, list) and audience else [audience]
    if not all(isinstance(v, str) for v in [claims.get("iss"), claims.get("sub"), *texts]) or not is_number(claims.get("exp")):
        raise Refused(50027)
    return header, claims, signed, signature


def by_certificate(state, parts, client_id, cloud):
    """Signed by the application itself, with a certificate that it has registered."""
    header, claims, signed, signature = parts
    if header["alg"] not in ("RS256", "PS256"):
        raise Refused(5002738, alg=header["alg"])
    if claims["sub"] != client_id:
        raise Refused(700021)
    named = {str(header.get(n)).rstrip("=").replace("+", "-").replace("/", "_") for n in ("x5t", "x5t#S256", "kid")}  # MSAL for Go pads it
    key = next((k for names, k in map(thumbprints, state.clients[client_id]["certificates"]) if names & named), None)
    if key is None:
        raise Refused(700027, client=client_id, reason="The key was not found.")
    pss = padding.PSS(padding.MGF1(hashes.SHA256()), hashes.SHA256.digest_size)
    try:
        key.verify(signature, signed, pss if header["alg"] == "PS256" else padding.PKCS1v15(), hashes.SHA256())
    except InvalidSignature:
        raise Refused(700027, client=client_id, reason="The key was found, but use of the key to verify the signature failed.") from None
    if not own_audience(state, claims["aud"], client_id, cloud):
        raise Refused(700023)
    in_time(state, claims)
    return claims


def thumbprints(pem):
    """({what a header may call it}, public key)"""
    certificate = x509.load_pem_x509_certificate(pem.encode())
    prints = [certificate.fingerprint(h) for h in (hashes.SHA1(), hashes.SHA256())]
    return {b64(p) for p in prints} | {prints[0].hex().upper()}, certificate.public_key()


def own_audience(state, audience, client_id, cloud):
    """The token endpoint that is asked, under any of its names, or this tenant's v2.0 issuer."""
    url = urlsplit(audience if isinstance(audience, str) else "")
    tenant, _, rest = url.path[1:].partition("/")
    return (url.scheme == "https" and CLOUD_OF.get(url.netloc) == cloud and state.tenant(tenant) == state.clients[client_id]["tenant"]
            and rest in ("oauth2/v2.0/token", "oauth2/token", "v2.0"))


def is_number(value):
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def match(state, claims, client_id, cloud, via):
    """Issuer, subject, audience against the registered rows, byte for byte, each miss with its own code."""
    issuer, subject = claims["iss"], claims["sub"]
    rows = [f for f in state.fics if f["client"] == client_id and (f["via"] == "aks") == (via == "aks")]
    if not rows:
        raise Refused(70025, client=client_id)
    entra = ENTRA_ANY.match(issuer)
    if entra:
        entra_rules(state, claims, client_id)
    by_issuer = [f for f in rows if f["issuer"] == issuer]
    if not by_issuer:
        raise Refused(700222 if entra else 700211, what="issuer", value=issuer)
    by_subject = [f for f in by_issuer if (flexible.satisfied(f["expression"], claims) if f["expression"] else f["subject"] == subject)]
    if not by_subject:
        raise Refused(subject_code(by_issuer, subject, entra), what="subject", value=subject)
    presented = claims["aud"] if isinstance(claims["aud"], list) else [claims["aud"]]
    if not any(wanted(f, cloud, via, entra) & set(presented) for f in by_subject):
        raise Refused(700212, what="audience", value=", ".join(presented))


def entra_rules(state, claims, client_id):
    """Entra takes its own tokens only as v2.0, only from the client's home tenant, and of applications only those of managed identities."""
    issuer, by = claims["iss"], claims.get("azp")
    v2 = ENTRA_V2.fullmatch(issuer)
    if not v2:
        raise Refused(700227, value=issuer)
    if v2[1] != state.clients[client_id]["tenant"]:
        raise Refused(700236, value=issuer)
    if by in state.clients and state.clients[by]["kind"] != "uami":
        raise Refused(700226)


def subject_code(rows, subject, entra):
    if entra:
        return 7002137
    return 7002138 if any((f["subject"] or "").lower() == subject.lower() for f in rows) else 700213


def wanted(row, cloud, via, entra):
    """The audiences that satisfy one row."""
    usual = AUDIENCE_AKS if via == "aks" else CLOUD_AUDIENCE[cloud]
    return {row["audience"] or usual} | ({AUDIENCE_GUID} if entra else set())


def signature_good(state, header, claims, signed, signature, client_id):
    keys = published_keys(state, claims["iss"])
    jwk = next((k for k in keys if k.get("kid") == header["kid"]), None)
    if jwk is None:
        raise Refused(7000272, kid=header["kid"], issuer=claims["iss"])
    if jwk.get("kty") != "RSA" or not verified(jwk, signed, signature):
        raise Refused(700027, client=client_id, reason="The key was found, but the signature is not valid.")


def published_keys(state, issuer):
    """What the issuer itself publishes, by HTTP, as anybody would fetch it. Kept until something changes."""
    broken = any(f.service == "issuer" and f.times != 0 for f in state.faults)
    if broken or issuer not in state.jwks_cache:
        try:
            document = fetch(state, issuer.rstrip("/") + "/.well-known/openid-configuration")
            if document["issuer"] != issuer:
                raise ValueError("another issuer")
            state.jwks_cache[issuer] = fetch(state, document["jwks_uri"])["keys"][:100]
        except (OSError, ValueError, KeyError, TypeError, http.client.HTTPException):
            state.jwks_cache.pop(issuer, None)
            raise Refused(50166) from None
    return state.jwks_cache[issuer]


def fetch(state, url):
    if not url.startswith("https://"):
        raise ValueError("not https")
    return json.loads(inside.fetch(state, url))


def in_time(state, claims):
    now, skew = state.clock("entra"), state.settings["skew"]
    nbf = claims.get("nbf", 0)
    if not is_number(nbf):
        raise Refused(50027)
    if not nbf - skew <= now <= claims["exp"] + skew:
        raise Refused(700024, now=stamp(now), nbf=stamp(nbf), exp=stamp(claims["exp"]))


def stamp(seconds):
    try:
        return datetime.datetime.fromtimestamp(seconds, datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%f") + "0Z"
    except (OverflowError, ValueError, OSError):
        return str(seconds)
