"""Storage accounts: containers, block blobs, leases and metadata, as Terraform's azurerm backend and Microsoft's SDKs ask for them, with Entra's
tokens only (shared keys and SAS are switched off). Who may is checked before whether it is there."""
import base64
import binascii
import hashlib
import re
import time
import uuid
from email.utils import formatdate
from xml.etree import ElementTree
from xml.sax.saxutils import escape

from . import bearer
from .ids import BLOB_CONTRIBUTOR, PUBLIC
from .wire import Response

SUFFIX = ".blob.core.windows.net"
VERSION = re.compile(r"20\d\d-[01]\d-[0-3]\d")
FIRST_VERSION = "2017-11-09"  # that takes bearer tokens
DETAIL = {"audience": "Audience validation failed. Audience did not match.", "issuer": "Issuer validation failed. Issuer did not match.",
          "expired": "Lifetime validation failed. The token is expired.", "early": "Lifetime validation failed. The token is not yet valid.",
          "signature": "Signature validation failed. Signature did not match.", "malformed": "The token is not well formed.",
          "revoked": "The token has been revoked."}
MISMATCH = "The lease ID specified did not match the lease ID for the {}."


class Failure(Exception):
    """What becomes an <Error>."""

    def __init__(self, status, code, message, detail=None, headers=()):
        super().__init__(message)
        self.status, self.code, self.message, self.detail, self.headers = status, code, message, detail, list(headers)


class Thing:
    """A container or a blob: what both have."""

    def __init__(self):
        self.metadata, self.lease, self.lease_end, self.broken = {}, None, None, False
        self.touch()

    def touch(self):
        self.etag, self.modified = '"0x' + uuid.uuid4().hex[:15].upper() + '"', time.time()

    def leased(self):
        if self.lease and self.lease_end is not None and time.time() >= self.lease_end:
            self.lease = self.lease_end = None
        return self.lease

    def headers(self):
        held = bool(self.leased())
        return [("ETag", self.etag), ("Last-Modified", formatdate(self.modified, usegmt=True)), ("x-ms-lease-status", "locked" if held else "unlocked"),
                ("x-ms-lease-state", "leased" if held else "broken" if self.broken else "available"),
                *([("x-ms-lease-duration", "infinite" if self.lease_end is None else "fixed")] if held else []),
                *[("x-ms-meta-" + k, v) for k, v in self.metadata.items()]]


class Container(Thing):
    def __init__(self):
        super().__init__()
        self.blobs = {}


class Blob(Thing):
    def __init__(self, data, ctype):
        super().__init__()
        self.data, self.ctype, self.blocks, self.snapshots = data, ctype, {}, 0

    def headers(self):
        md5 = base64.b64encode(hashlib.md5(self.data).digest()).decode()
        return [*super().headers(), ("x-ms-blob-type", "BlockBlob"), ("Content-MD5", md5), ("Accept-Ranges", "bytes"), ("x-ms-server-encrypted", "true")]


def account_of(state, host):
    """The storage account of that host name, or None."""
    name = host[:-len(SUFFIX)] if host.endswith(SUFFIX) else ""
    return name if name in state.accounts else None


def route(state, request):
    return "blob", lambda: answer(state, request, account_of(state, request.host))


def answer(state, request, name):
    always = [("x-ms-request-id", str(uuid.uuid4())), ("x-ms-version", request.headers.get("x-ms-version", "2009-09-19")),
              ("Server", "Windows-Azure-Blob/1.0 Microsoft-HTTPAPI/2.0")]
    if request.headers.get("x-ms-client-request-id"):
        always.append(("x-ms-client-request-id", request.headers["x-ms-client-request-id"]))
    try:
        with state.lock:
            response = dispatch(state, request, name)
    except Failure as e:
        detail = f"<AuthenticationErrorDetail>{escape(e.detail)}</AuthenticationErrorDetail>" if e.detail else ""
        response = Response(e.status, f'<?xml version="1.0" encoding="utf-8"?><Error><Code>{e.code}</Code><Message>{escape(e.message)}</Message>{detail}</Error>',
                            "application/xml", [("x-ms-error-code", e.code), *e.headers])
    response.headers += always
    return response


def dispatch(state, request, name):
    who(state, request, name)
    containers = containers_of(state, name)
    container, _, blob = request.path[1:].partition("/")
    query, comp = request.query, request.query.get("comp", "")
    if not container:
        if comp == "list":
            return Response(200, listed(request, "Containers", "Container", containers), "application/xml")
        raise Failure(400, "InvalidQueryParameterValue", "Value for one of the query parameters specified in the request URI is invalid.")
    if query.get("restype") == "container" and not blob:
        return on_container(request, containers, container, comp)
    here = containers.get(container)
    if here is None:
        raise no_container()
    return on_blob(request, here.blobs, blob, comp)


def who(state, request, name):
    """Bearer tokens need a version that knows them; reading needs a role, writing the greater one."""
    row = state.accounts[name]
    try:
        claims = bearer.shown(state, request, "blob", ("https://storage.azure.com", f"https://{name}{SUFFIX}"), PUBLIC)
        if claims["tid"] != row["tenant"]:
            raise bearer.Unfit("issuer", claims)
    except bearer.Unfit as e:
        request.row["why"] = e.why
        challenge = [("WWW-Authenticate", f"Bearer authorization_uri=https://login.microsoftonline.com/{row['tenant']}/oauth2/authorize "
                      "resource_id=https://storage.azure.com")]
        if e.why == "missing":
            raise Failure(401, "NoAuthenticationInformation", "Server failed to authenticate the request. Please refer to the information in the "
                          "www-authenticate header.", headers=challenge) from None
        raise Failure(401, "InvalidAuthenticationInfo", "Server failed to authenticate the request. Please refer to the information in the "
                      "www-authenticate header.", DETAIL[e.why], challenge) from None
    asked = request.headers.get("x-ms-version", "")
    if not VERSION.fullmatch(asked) or asked < FIRST_VERSION:
        raise Failure(400, "InvalidHeaderValue", "The value for one of the HTTP headers is not in the correct format.")
    role = row["roles"].get(claims["appid"])
    if not role or (request.method not in ("GET", "HEAD") and role != BLOB_CONTRIBUTOR):
        raise Failure(403, "AuthorizationPermissionMismatch", "This request is not authorized to perform this operation using this permission.")


def containers_of(state, name):
    if name not in state.blobs:
        state.blobs[name] = {c: Container() for c in state.accounts[name]["containers"]}
    return state.blobs[name]


def no_container():
    return Failure(404, "ContainerNotFound", "The specified container does not exist.")


def metadata_of(request):
    return {k[len("x-ms-meta-"):]: v for k, v in request.headers.items() if k.lower().startswith("x-ms-meta-")}


def listed(request, outer, inner, things):
    prefix = request.query.get("prefix", "")
    rows = ""
    for name, thing in sorted(things.items()):
        if name.startswith(prefix):
            length = f"<Content-Length>{len(thing.data)}</Content-Length><BlobType>BlockBlob</BlobType>" if isinstance(thing, Blob) else ""
            rows += (f"<{inner}><Name>{escape(name)}</Name><Properties><Last-Modified>{formatdate(thing.modified, usegmt=True)}</Last-Modified>"
                     f"<Etag>{thing.etag}</Etag>{length}<LeaseStatus>{'locked' if thing.leased() else 'unlocked'}</LeaseStatus></Properties></{inner}>")
    return (f'<?xml version="1.0" encoding="utf-8"?><EnumerationResults ServiceEndpoint="https://{request.host}/"><Prefix>{escape(prefix)}</Prefix>'
            f"<{outer}>{rows}</{outer}><NextMarker /></EnumerationResults>")


# --- containers ---

def on_container(request, containers, name, comp):
    here = containers.get(name)
    if request.method == "PUT" and not comp:
        if here:
            raise Failure(409, "ContainerAlreadyExists", "The specified container already exists.")
        if not re.fullmatch(r"(?=.{3,63}$)[a-z0-9]+(-[a-z0-9]+)*|\$\w+", name):
            raise Failure(400, "InvalidResourceName", "The specified resource name contains invalid characters.")
        here = containers[name] = Container()
        here.metadata = metadata_of(request)
        return Response(201, headers=here.headers()[:2])
    if here is None:
        raise no_container()
    if comp == "lease":
        return lease(request, here, "container")
    if comp == "list" and request.method == "GET":
        return Response(200, listed(request, "Blobs", "Blob", here.blobs), "application/xml")
    if request.method in ("GET", "HEAD"):
        return Response(200, headers=here.headers())
    may_write(request, here, "container")
    if request.method == "PUT" and comp == "metadata":
        here.metadata = metadata_of(request)
        here.touch()
        return Response(200, headers=here.headers()[:2])
    if request.method == "DELETE":
        del containers[name]
        return Response(202)
    raise Failure(405, "UnsupportedHttpVerb", "The resource doesn't support specified Http Verb.")


# --- blobs ---

def on_blob(request, blobs, name, comp):
    here, write = blobs.get(name), request.method in ("PUT", "DELETE")
    if comp == "lease":
        return lease(request, found(here), "blob")
    if write:
        may_write(request, here, "blob")
    conditions(request, here)
    if request.method == "PUT" and comp in ("", "block", "blocklist"):
        return put(request, blobs, name, comp)
    here = found(here)
    if comp == "metadata":
        return metadata(request, here)
    if request.method == "PUT" and comp == "snapshot":
        here.snapshots += 1
        return Response(201, headers=[*here.headers()[:2], ("x-ms-snapshot", f"2026-01-01T00:00:00.{here.snapshots:07}Z")])
    if request.method == "DELETE":
        del blobs[name]
        return Response(202)
    if request.method in ("GET", "HEAD") and not comp:
        return get(request, here)
    raise Failure(400, "InvalidQueryParameterValue", f"Value for one of the query parameters specified in the request URI is invalid: {comp}.")


def found(blob):
    if blob is None:
        raise Failure(404, "BlobNotFound", "The specified blob does not exist.")
    return blob


def metadata(request, blob):
    if request.method == "PUT":
        blob.metadata = metadata_of(request)
        blob.touch()
    return Response(200, headers=blob.headers() if request.method != "PUT" else blob.headers()[:2])


def may_write(request, thing, what):
    """A leased thing wants its lease's id; one that is named must be there."""
    asked, held = request.headers.get("x-ms-lease-id"), thing.leased() if thing else None
    if held and not asked:
        raise Failure(412, "LeaseIdMissing", f"There is currently a lease on the {what} and no lease ID was specified in the request.")
    if asked and not held:
        raise Failure(412, f"LeaseNotPresentWith{what.title()}Operation", f"There is currently no lease on the {what}.")
    if asked and asked.lower() != held:
        raise Failure(412, f"LeaseIdMismatchWith{what.title()}Operation", MISMATCH.format(what))


def conditions(request, blob):
    etag, match, none = blob.etag if blob else None, request.headers.get("If-Match"), request.headers.get("If-None-Match")
    if none == "*" and blob and request.method == "PUT":
        raise Failure(409, "BlobAlreadyExists", "The specified blob already exists.")
    if match and (not blob or match not in ("*", etag)) or none and none != "*" and none == etag:
        status = 304 if none and request.method in ("GET", "HEAD") else 412
        raise Failure(status, "ConditionNotMet", "The condition specified using HTTP conditional header(s) is not met.")


def put(request, blobs, name, comp):
    """Whole, or (larger ones) block by block and then their list."""
    here = blobs.get(name)
    if comp == "block":
        here = blobs.setdefault(name, Blob(b"", "application/octet-stream"))
        here.blocks[request.query.get("blockid", "")] = request.body
        return Response(201)
    if comp == "blocklist":
        try:
            data = b"".join(here.blocks[e.text] for e in ElementTree.fromstring(request.body))
        except (AttributeError, KeyError, ElementTree.ParseError):
            raise Failure(400, "InvalidBlockList", "The specified block list is invalid.") from None
    else:
        if request.headers.get("x-ms-blob-type") != "BlockBlob":
            raise Failure(400, "InvalidHeaderValue", "The value for one of the HTTP headers is not in the correct format: x-ms-blob-type.")
        data = request.body
        if "Content-MD5" in request.headers and digest(request.headers["Content-MD5"]) != hashlib.md5(data).digest():
            raise Failure(400, "Md5Mismatch", "The MD5 value specified in the request did not match with the MD5 value calculated by the server.")
    new = Blob(data, request.headers.get("x-ms-blob-content-type") or request.headers.get("Content-Type") or "application/octet-stream")
    if here:
        new.lease, new.lease_end = here.lease, here.lease_end
    new.metadata = metadata_of(request)
    blobs[name] = new
    return Response(201, headers=[*new.headers()[:2], ("x-ms-request-server-encrypted", "true")])


def digest(text):
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error:
        return None


def get(request, blob):
    span = re.fullmatch(r"bytes=(\d+)-(\d*)", request.headers.get("x-ms-range") or request.headers.get("Range") or "")
    if not span or request.method == "HEAD":
        return Response(200, blob.data, blob.ctype, blob.headers())
    first, last = int(span[1]), min(int(span[2] or len(blob.data)), len(blob.data) - 1)
    if first > last:
        raise Failure(416, "InvalidRange", "The range specified is invalid for the current size of the resource.")
    part = ("Content-Range", f"bytes {first}-{last}/{len(blob.data)}")
    return Response(206, blob.data[first:last + 1], blob.ctype, [*blob.headers(), part])


# --- leases, of both ---

def lease(request, thing, what):
    action, asked = request.headers.get("x-ms-lease-action", "").lower(), request.headers.get("x-ms-lease-id", "").lower()
    held = thing.leased()
    if request.method != "PUT" or action not in ("acquire", "renew", "change", "release", "break"):
        raise Failure(400, "InvalidHeaderValue", "The value for one of the HTTP headers is not in the correct format.")
    if action == "acquire":
        return acquire(request, thing)
    if action == "break":
        if not held:
            raise Failure(409, "LeaseNotPresentWithLeaseOperation", f"There is currently no lease on the {what}.")
        thing.lease, thing.broken = None, True
        return Response(202, headers=[*thing.headers()[:2], ("x-ms-lease-time", "0")])
    if asked != held:
        raise Failure(409, "LeaseIdMismatchWithLeaseOperation", MISMATCH.format(what))
    if action == "release":
        thing.lease = thing.lease_end = None
        return Response(200, headers=thing.headers()[:2])
    if action == "change":
        thing.lease = request.headers.get("x-ms-proposed-lease-id", asked).lower()
    return Response(200, headers=[*thing.headers()[:2], ("x-ms-lease-id", thing.lease)])


def acquire(request, thing):
    wanted, held = request.headers.get("x-ms-proposed-lease-id", str(uuid.uuid4())).lower(), thing.leased()
    if held and held != wanted:
        raise Failure(409, "LeaseAlreadyPresent", "There is already a lease present.")
    seconds = request.headers.get("x-ms-lease-duration", "")
    if seconds != "-1" and not (seconds.isdigit() and 15 <= int(seconds) <= 60):
        raise Failure(400, "InvalidHeaderValue", "The value for one of the HTTP headers is not in the correct format: x-ms-lease-duration.")
    thing.lease, thing.lease_end, thing.broken = wanted, None if seconds == "-1" else time.time() + int(seconds), False
    return Response(201, headers=[*thing.headers()[:2], ("x-ms-lease-id", wanted)])
