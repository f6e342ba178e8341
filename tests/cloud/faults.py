"""Everything that can go wrong on purpose. A fault is a row in the state; its kind is a function here: (request, params, proceed) -> Response."""
import gzip
import json
import time
from email.utils import formatdate

from .ids import EVIL
from .wire import Response, dump

KINDS, PARAMS = {}, {}
SERVICES = ("entra", "aks", "discovery", "issuer", "github", "pipelines", "azdo", "acr", "kube", "arm", "graph", "blob", "machine", "google", "sts", "ec2", "ecs", "evil", "unknown")
PAGE = "<!DOCTYPE html><html><head><title>{0}</title></head><body><h1>{0}</h1><p>Stand-in gateway</p></body></html>"


class Fault:
    """times: how often it applies (None = always); skip: how many requests pass first; host, path, method: only there (path = a part of it)."""

    def __init__(self, service, kind, times=None, skip=0, host=None, path=None, method=None, **params):
        kinds = BUILT_IN.get(service) or (PARAMS if service in SERVICES else {})
        if kind not in kinds or set(params) - kinds[kind]:
            raise ValueError(f"no fault {kind!r} with {sorted(params)} for {service!r}")
        self.service, self.kind, self.times, self.skip, self.params = service, kind, times, skip, params
        self.host, self.path, self.method = host, path, method

    def matches(self, service, seen):
        return (service == self.service and self.times != 0 and self.host in (None, seen.get("host"))
                and self.method in (None, seen.get("method")) and (self.path is None or self.path in seen.get("path", "")))

    def use(self):
        if self.skip:
            self.skip -= 1
            return False
        if self.times is not None and self.kind != "clock":  # a clock is wrong until it is put right
            self.times -= 1
        return True


# kinds that live where they act: in dns.py, server.py (TLS) and proxy.py
BUILT_IN = {"dns": {"dead": set(), "nxdomain": set(), "servfail": set(), "delay": {"ms"}},
            "tls": {"unknown-ca": set(), "expired": set(), "wrong-name": set(), "close": set(), "hang": {"ms"}, "delay": {"ms"}},
            "proxy": {"status": {"status", "headers", "body"}, "delay": {"ms"}, "reset": set(), "close": set(), "stall": {"seconds"}}}


def kind(name, params=""):
    """params: the words it understands; any other in a test would be a fault that does not happen."""
    def keep(function):
        KINDS[name], PARAMS[name] = function, set(params.split())
        return function
    return keep


def apply(faults, request, proceed):
    """Wrap the answer in every fault that applies, the first one outermost."""
    for fault in reversed(faults):
        proceed = _wrap(fault, request, proceed)
    if faults:
        request.row["faults"] = [f.kind for f in faults]
    return proceed()


def _wrap(fault, request, proceed):
    return lambda: KINDS[fault.kind](request, fault.params, proceed)


def secret(request):
    """The field of the answer that matters."""
    return "refresh_token" if request.path == "/oauth2/exchange" else "access_token"


# --- instead of the answer ---

@kind("status", "status body content_type headers")
def status(_, params, __):
    body = params.get("body", {"error": "server_error", "error_description": "stand-in fault"})
    ctype = params.get("content_type", "text/plain" if isinstance(body, str) else "application/json; charset=utf-8")
    return Response(params.get("status", 500), body, ctype, [tuple(h) for h in params.get("headers", [])])


@kind("html", "status body")
def html(_, params, __):
    code = params.get("status", 502)
    title = {403: "403 Forbidden", 407: "407 Proxy Authentication Required", 502: "502 Bad Gateway"}.get(code, str(code))
    return Response(code, params.get("body", PAGE.format(title)), "text/html", [("Via", "1.1 gateway.stand-in.test")])


@kind("throttle", "retry_after date text")
def throttle(request, params, _):
    """429. retry_after: seconds, or None for no header; date=True writes it as an HTTP date; text=True: not JSON."""
    after, headers = params.get("retry_after", 2), []
    if after is not None:
        headers = [("Retry-After", formatdate(time.time() + after, usegmt=True) if params.get("date") else str(after))]
    if params.get("text"):
        return Response(429, "Too Many Requests", "text/plain", headers)
    from . import acr, entra, kube
    if request.row["service"] == "acr":
        response = acr.refusal(429, "TOOMANYREQUESTS", "too many requests, please retry later.")
    elif request.row["service"] == "kube":
        response = kube.failure(kube.Failure(429, "TooManyRequests", "Too many requests, please try again later.", {"retryAfterSeconds": after or 1}))
    elif request.row["service"] in ("arm", "graph"):
        response = Response(429, {"error": {"code": "TooManyRequests", "message": "The request is being throttled as the limit has been reached."}})
    else:
        response = entra.refusal(request, 90055, status=429, error="temporarily_unavailable")
    response.headers += headers
    return response


@kind("aadsts", "code status error text more")
def aadsts(request, params, _):
    """Any of Entra's refusals: code=53003, [status=, error=, text=, more={...}]"""
    from .entra import refusal
    return refusal(request, params["code"], params.get("status"), params.get("error"), params.get("text"), params.get("more"))


@kind("redirect", "status location")
def redirect(request, params, _):
    where = params.get("location", f"https://{EVIL}{request.target}")
    return Response(params.get("status", 307), b"", "text/html", [("Location", where)])


@kind("error-200", "body")
def error_200(request, params, __):
    if request.row["service"] == "acr" and "body" not in params:
        return Response(200, {"errors": [{"code": "UNAUTHORIZED", "message": "authentication required"}]})
    return Response(200, params.get("body", {"error": "invalid_client", "error_description": "AADSTS7000215: Invalid client secret provided."}))


@kind("deep", "depth")
def deep(request, params, __):
    depth = params.get("depth", 100000)
    return Response(200, '{"' + secret(request) + '":' + "[" * depth + "]" * depth + "}")


@kind("huge", "bytes length")
def huge(request, params, __):
    return with_wire(Response(200), "huge", {"name": secret(request), **params})


@kind("reset")
def reset(*_):
    return Response(wire="reset")


@kind("close")
def close(*_):
    return Response(wire="close")


@kind("hang", "seconds")
def hang(_, params, __):
    """Not even headers."""
    response = with_wire(Response(200), "stall", params)
    response.head = lambda length: b""
    return response


# --- the answer, delivered badly ---

def with_wire(response, wire, params):
    response.wire, response.params = wire, params
    return response


@kind("delay", "ms")
def delay(_, params, proceed):
    time.sleep(params.get("ms", 1000) / 1000)
    return proceed()


for _wire, _params in (("cut", ""), ("stall", "seconds sent"), ("drip", "ms"), ("chunked", "size")):
    kind(_wire, _params)(lambda request, params, proceed, wire=_wire: with_wire(proceed(), wire, params))


@kind("gzip")
def zipped(_, params, proceed):
    response = proceed()
    response.data = gzip.compress(response.body)
    response.headers.append(("Content-Encoding", "gzip"))
    return response


@kind("content-type", "value")
def content_type(_, params, proceed):
    response = proceed()
    response.ctype = params.get("value", "text/html")
    return response


@kind("body", "value prefix suffix")
def body(_, params, proceed):
    """The right status with other bytes; prefix/suffix keep the true ones."""
    response = proceed()
    text = params.get("value")
    response.data = (params.get("prefix", "") + (response.body.decode() if text is None else text) + params.get("suffix", "")).encode()
    return response


@kind("clock", "offset")
def clock(_, params, proceed):
    """offset seconds: in the Date header here; the judge asks state.clock() for the same."""
    response = proceed()
    response.date += params.get("offset", 0)
    return response


@kind("date", "offset")
def date(request, params, proceed):
    """The Date header alone."""
    return clock(request, params, proceed)


# --- the answer with other fields (JSON objects only; refusals pass as they are) ---

def edited(proceed, edit):
    response = proceed()
    if response.status == 200 and isinstance(response.data, dict):
        response.data = edit(dict(response.data))
    return response


@kind("fields", "set drop")
def fields(_, params, proceed):
    """set={...} and drop=[...]: expires_in as a string, 1e300, -5; refresh_in; token_type; access_token with a newline ..."""
    def edit(data):
        data.update(params.get("set", {}))
        for name in params.get("drop", []):
            data.pop(name, None)
        return data
    return edited(proceed, edit)


@kind("raw-number", "name value")
def raw_number(_, params, proceed):
    """A number that Python would not write: 1e300, 1e999, -0, 00012"""
    def edit(data):
        data[params.get("name", "expires_in")] = "@@"
        return dump(data).replace('"@@"', str(params.get("value", "1e300")))
    return edited(proceed, edit)


@kind("poison", "name text")
def poison(_, params, proceed):
    """Text behind the true value of a field; by default a newline that would write a second credential line."""
    name, text = params.get("name"), params.get("text", "\nhost=evil.test\npassword=stolen")

    def edit(data):
        key = name or next(k for k in ("access_token", "oidcToken", "value", "refresh_token") if k in data)
        data[key] = str(data[key]) + text
        return data
    return edited(proceed, edit)


@kind("nul", "name text")
def nul(request, params, proceed):
    return poison(request, {"text": "\0tail", **params}, proceed)


@kind("duplicate", "name value first")
def duplicate(request, params, proceed):
    """The same key twice: the true value first or last."""
    def edit(data):
        name = params.get("name", secret(request))
        extra = f'{json.dumps(name)}:{json.dumps(params.get("value", "second-value"))}'
        text = dump(data)
        return "{" + extra + "," + text[1:] if params.get("first") else text[:-1] + "," + extra + "}"
    return edited(proceed, edit)


@kind("long", "name bytes")
def long(request, params, proceed):
    """That many bytes more in the token."""
    return poison(request, {"text": "A" * params.get("bytes", 16384), "name": params.get("name")}, proceed)


@kind("sign-in", "status")
def sign_in(request, params, _):
    """What Azure DevOps does to browsers: 302 to the sign-in page, or (status=203) that page itself."""
    from .azdo import sign_in_page, sign_in_redirect
    return sign_in_page(203) if params.get("status") == 203 else sign_in_redirect(request)


@kind("sign-in-if-bad", "status")
def sign_in_if_bad(request, params, proceed):
    """The same, but good tokens pass."""
    response = proceed()
    return sign_in(request, params, None) if response.status == 401 else response
