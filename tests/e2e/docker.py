"""What Docker's clients ask their credential helper, and what they must hear."""
import base64
import json

from cloud.client import ACR_USER, REGISTRY
from e2e.place import one_line

HELPER = "docker-credential-daypass"
NOT_FOUND = "credentials not found in native keychain\n"
NO_SERVER = "no credentials server URL"
NO_USER = "no credentials username"


def ask(place, server=REGISTRY, verb="get", **how):
    return place.run([HELPER, verb], server, leaks=False, **how)


def answer(r, server=REGISTRY, user=ACR_USER):
    """The secret of a good answer, which is exactly this and nothing else."""
    assert r.rc == 0 and r.err == "", r
    told = json.loads(r.out)
    assert list(told) == ["ServerURL", "Username", "Secret"] and told["ServerURL"] == server and told["Username"] == user, told
    assert r.out == json.dumps(told, separators=(",", ":")) + "\n"
    return told["Secret"]


def get(place, server=REGISTRY, user=ACR_USER, **how):
    return answer(ask(place, server, **how), server, user)


def claims(token):
    body = token.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))


def not_found(r):
    """The text that every client takes for "no log-in here", and no word more."""
    assert (r.rc, r.out, r.err) == (1, NOT_FOUND, ""), r


def failed(r, *words):
    """The same line on both streams: clients show stdout, and people read stderr."""
    line = one_line(r)
    assert r.rc == 1 and line == "daypass: " + r.out and r.out != NOT_FOUND, r
    for word in words:
        assert str(word) in line, f"{word!r} is missing: {line}"
    return line


def login(place, user, secret, server=REGISTRY, **how):
    """What `docker login` hands over; Go writes < and > as escapes."""
    text = json.dumps({"ServerURL": server, "Username": user, "Secret": secret}).replace("<", "\\u003c").replace(">", "\\u003e")
    return place.run([HELPER, "store"], text + "\n", **how)


def listed(place, **how):
    r = place.run([HELPER, "list"], "unused", **how)
    assert r.rc == 0 and r.err == "", r
    return json.loads(r.out)


def counts(cloud):
    """(requests to Entra, to registries' exchanges, to anything else)"""
    entra, acr = cloud.exchanges(), cloud.acr()
    return len(entra), len(acr), len(cloud.log(kind="http")) - len(entra) - len(acr)
