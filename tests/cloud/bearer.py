"""Is this bearer token one of ours, for this service, in its time? What ARM and Storage ask before anything else; each says no in its own words."""
from .entra import STS
from .tokens import parse, verified


class Unfit(Exception):
    """why: missing, malformed, signature, audience, issuer, early, expired or revoked; claims: of what was shown, where it could be read."""

    def __init__(self, why, claims=None):
        super().__init__(why)
        self.why, self.claims = why, claims or {}


def shown(state, request, service, audiences, cloud):
    """The claims of the request's token. Tenants are the caller's business: ARM knows them only by the subscription."""
    scheme, _, token = request.auth.partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise Unfit("missing")
    try:
        header, claims, signed, signature = parse(token.strip())
    except ValueError:
        raise Unfit("malformed") from None
    keys = [k.jwk() for k in state.keys.all("entra") if k.kid == header.get("kid")]
    if header.get("alg") != "RS256" or not keys or not verified(keys[0], signed, signature):
        raise Unfit("signature", claims)
    if claims.get("aud") not in {form for a in audiences for form in (a, a + "/")}:
        raise Unfit("audience", claims)
    if claims.get("iss") != f"{STS[cloud]}/{claims.get('tid')}/" or state.issued.get(claims.get("uti"), cloud) != cloud:
        raise Unfit("issuer", claims)
    now = state.clock(service)
    if now < claims["nbf"] - 300:
        raise Unfit("early", claims)
    if now >= claims["exp"]:
        raise Unfit("expired", claims)
    if claims.get("uti") in state.revoked:
        raise Unfit("revoked", claims)
    return claims
