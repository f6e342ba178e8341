"""A registry's own tokens: what stands in them, who signs them, and what a role or a scope is worth."""
import base64
import datetime
import threading
import uuid

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.x509.oid import NameOID

from .ids import ACR_PULL, ACR_PUSH
from .tokens import parse, verified

ISSUER = "Azure Container Registry"
PERMISSIONS = {ACR_PULL: ["read"], ACR_PUSH: ["read", "write"]}
ACTIONS = {"read": {"pull"}, "write": {"push"}}
_certificates, _lock = {}, threading.Lock()


# --- who signs ---

def find(state, host):
    """(name, row) of the registry that this login server belongs to; (None, None) where it is nobody's."""
    row = state.registries.get(host)
    name = row["same"] or host if row else None
    return name, state.registries.get(name)


def names_of(state, name):
    return {host for host, row in state.registries.items() if name in (host, row["same"])}


def certificate(key):
    """Self-signed: docker-registry wants a certificate in the token's header (x5c), whatever its version, and the same one as its root."""
    with _lock:
        if key.kid not in _certificates:
            now = datetime.datetime.now(datetime.timezone.utc)
            title = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, ISSUER)])
            _certificates[key.kid] = (
                x509.CertificateBuilder().subject_name(title).issuer_name(title).public_key(key.private.public_key())
                .serial_number(x509.random_serial_number()).not_valid_before(now - datetime.timedelta(hours=1))
                .not_valid_after(now + datetime.timedelta(days=2)).sign(key.private, hashes.SHA256()))
        return _certificates[key.kid]


def bundle(state, name):
    """What docker-registry trusts, as PEM."""
    return certificate(state.keys.current(name)).public_bytes(serialization.Encoding.PEM)


def sign(state, name, claims, signer=None):
    """signer "stranger": another key under the registry's certificate."""
    der = certificate(state.keys.current(name)).public_bytes(serialization.Encoding.DER)
    return state.keys.current(signer or name).sign(claims, header={"x5c": [base64.b64encode(der).decode()]})


# --- what stands in them ---

def common(state, subject, audience, life):
    now = int(state.clock("acr"))
    return {"jti": str(uuid.uuid4()), "sub": subject, "nbf": now, "exp": now + int(life), "iat": now, "iss": ISSUER, "aud": audience,
            "version": "1.0", "tenant": None}


def refresh(state, host, client, life=None, signer=None, more=None):
    """A refresh token with the permissions that the client's role gives it now."""
    name, row = find(state, host)
    role = row["roles"].get(client)
    audience = host if state.settings["acr_regional_aud"] == "host" else name
    claims = {**common(state, client, audience, life or state.settings["acr_refresh_life"]), "tenant": row["tenant"],
              "grant_type": "refresh_token", "permissions": {"actions": PERMISSIONS.get(role, []), "notActions": []},
              "roles": [role] if role else [], **(more or {})}
    with state.lock:
        state.refresh_tokens[claims["jti"]] = name
    return sign(state, name, claims, signer)


def access(state, host, subject, scopes, life=None, signer=None, more=None):
    """An access token for exactly these scopes. It is for the registry, by whatever name it was asked."""
    name, row = find(state, host)
    claims = {**common(state, subject, name, life or state.settings["acr_access_life"]), "tenant": row["tenant"],
              "grant_type": "access_token", "access": [entry for entry in map(split, scopes) if entry], "roles": [], **(more or {})}
    return sign(state, name, claims, signer)


def opened(state, name, token):
    """The claims of a token of this registry, in its time and not revoked; else None."""
    try:
        _, claims, signed, signature = parse(token)
    except ValueError:
        return None
    if not verified(state.keys.current(name).jwk(), signed, signature) or claims["aud"] not in names_of(state, name):
        return None
    good = claims["nbf"] - 60 <= state.clock("acr") < claims["exp"] and claims["jti"] not in state.revoked
    return claims if good else None


# --- scopes ---

def split(scope):
    """type:name:actions, where a name may have a port in it; None for what is no scope."""
    kind, _, rest = scope.partition(":")
    name, _, actions = rest.rpartition(":")
    return {"type": kind, "name": name, "actions": [a for a in actions.split(",") if a]} if name else None


def granted(scopes, may):
    """The part of the scopes that may(type, name) allows, as scopes again."""
    out = []
    for entry in filter(None, map(split, scopes)):
        allowed = [a for a in entry["actions"] if a in may(entry["type"], entry["name"])]
        out += [f"{entry['type']}:{entry['name']}:{','.join(allowed)}"] if allowed else []
    return out


def by_permissions(actions):
    """What a refresh token is good for: the same for every repository, and the catalog for whoever may read."""
    allowed = set().union(*[ACTIONS.get(a, set()) for a in actions])

    def may(kind, _name):
        return {"*"} if kind == "registry" and "pull" in allowed else allowed if kind == "repository" else ()
    return may


def by_list(rows):
    """Only what is listed: (type, name) -> actions."""
    return lambda kind, name: rows.get((kind, name), ())
