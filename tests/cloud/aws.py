"""Amazon's part: the Security Token Service of each region, with a verifier of Signature Version 4 of its own; the metadata service of an
EC2 instance, second version only; the end points of ECS and of EKS Pod Identity. Sources: docs.aws.amazon.com, "STS API Reference", "Signing
AWS API requests" and its troubleshooting page, "Use the Instance Metadata Service", "Container credential provider"."""
import calendar
import hashlib
import hmac
import re
import time
import urllib.parse
import uuid

from . import issuers, judge
from .ids import (AKS_ISSUER, AKS_SUBJECT, AWS_ACCOUNT, AWS_AUDIENCE, AWS_CONTAINER_PATH, AWS_ISSUER, AWS_POD_PATH, AWS_POD_TOKEN, AWS_REGION, AWS_ROLE,
                  AWS_USER, AWS_USER_VARIABLES, AWS_VARIABLES, CONTAINER, METADATA)
from .refusals import Refused
from .state import FIRST_DAY
from .tokens import parse, verified
from .wire import Response

SKEW, NAMESPACE = 15 * 60, "https://sts.amazonaws.com/doc/2011-06-15/"
CREDENTIAL = re.compile(r"AWS4-HMAC-SHA256 Credential=([^/, ]+)/(\d{8})/([a-z0-9-]+)/([a-z0-9]+)/aws4_request, ?SignedHeaders=([a-z0-9;-]+), ?Signature=([0-9a-f]{64})")


def session(number):
    """The keys of AWS_ROLE that one of the machine's end points gives: (id, secret, session token)."""
    first = AWS_VARIABLES
    return (first["AWS_ACCESS_KEY_ID"][:-1] + number, first["AWS_SECRET_ACCESS_KEY"][:-1] + number, first["AWS_SESSION_TOKEN"].replace("0001", "000" + number))


VARIABLES, INSTANCE, TASK, POD, ASSUMED = map(session, "13456")
USER = (AWS_USER_VARIABLES["AWS_ACCESS_KEY_ID"], AWS_USER_VARIABLES["AWS_SECRET_ACCESS_KEY"], None)
KEYS = {keys[0]: keys for keys in (VARIABLES, INSTANCE, TASK, POD, ASSUMED, USER)}


def setting(state, name):
    return {**FIRST_DAY["settings"]["aws"], **state.settings["aws"]}[name]


def iso(seconds, basic=False):
    return time.strftime("%Y%m%dT%H%M%SZ" if basic else "%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))


# --- STS ---

def region_of(host):
    """The region whose end point this is, or None. The global sts.amazonaws.com is not here: it does not know GetWebIdentityToken."""
    found = re.fullmatch(r"sts\.([a-z]+(?:-[a-z]+)+-\d)\.amazonaws\.com(\.cn)?", host)
    return found[1] if found and found[1].startswith("cn-") == bool(found[2]) else None


class Fault(Exception):
    """STS says no."""

    def __init__(self, status, code, message):
        super().__init__(code)
        self.status, self.code, self.message = status, code, message


def escape(text):
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def xml(root, inner, status=200):
    text = f'<{root} xmlns="{NAMESPACE}">\n{inner}</{root}>\n'
    return Response(status, text, "text/xml", [("x-amzn-RequestId", str(uuid.uuid4()))])


def elements(fields, indent="    "):
    return "".join(f"{indent}<{k}>{escape(str(v))}</{k}>\n" for k, v in fields.items())


def sts(state, request):
    actions = {"GetCallerIdentity": caller_identity, "GetWebIdentityToken": identity_token, "AssumeRoleWithWebIdentity": assume}
    try:
        if request.path != "/" or request.method not in ("GET", "POST"):
            raise Fault(404, "UnknownOperationException", "")
        form = request.form if request.method == "POST" else request.query
        action, version = form.get("Action"), form.get("Version")
        if action not in actions or version != "2011-06-15":
            raise Fault(400, "InvalidAction", f"Could not find operation {action} for version {version}")
        if region_of(request.host) in setting(state, "off"):
            raise Fault(403, "InvalidClientTokenId", "The security token included in the request is invalid")
        keys = None if action == "AssumeRoleWithWebIdentity" else signer(state, request)
        inner = actions[action](state, form, keys, request)
    except Fault as f:
        request.row["why"] = f.code
        kind = "Sender" if f.status < 500 else "Receiver"
        error = f"  <Error>\n{elements({'Type': kind, 'Code': f.code, 'Message': f.message})}  </Error>\n"
        return xml("ErrorResponse", error + elements({"RequestId": uuid.uuid4()}, "  "), f.status)
    meta = f"  <ResponseMetadata>\n{elements({'RequestId': uuid.uuid4()})}  </ResponseMetadata>\n"
    return xml(action + "Response", f"  <{action}Result>\n{inner}  </{action}Result>\n" + meta)


def signer(state, request):
    """The keys that signed this, or a Fault with what AWS says."""
    if not request.auth:
        raise Fault(403, "MissingAuthenticationToken", "Request is missing Authentication Token")
    m, stamp = CREDENTIAL.fullmatch(request.auth), request.headers.get("X-Amz-Date", "")
    if not m or not re.fullmatch(r"\d{8}T\d{6}Z", stamp):
        raise Fault(400, "IncompleteSignature", "Authorization header requires 'Credential', 'SignedHeaders' and 'Signature' parameters, and 'X-Amz-Date' or a 'Date' header.")
    keys, token = KEYS.get(m[1]), request.headers.get("X-Amz-Security-Token")
    if not keys or keys[2] != token:
        raise Fault(403, "InvalidClientTokenId", "The security token included in the request is invalid.")
    in_scope(m, stamp, region_of(request.host))
    in_time(state, stamp)
    canonical = canonical_request(request, m[5])
    key = b"AWS4" + keys[1].encode()
    for part in (m[2], m[3], m[4], "aws4_request"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    text = "\n".join(("AWS4-HMAC-SHA256", stamp, f"{m[2]}/{m[3]}/{m[4]}/aws4_request", hashlib.sha256(canonical.encode("latin1")).hexdigest()))
    if not hmac.compare_digest(hmac.new(key, text.encode(), hashlib.sha256).hexdigest(), m[6]):
        raise Fault(403, "SignatureDoesNotMatch", "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing "
                    f"method. Consult the service documentation for details.\n\nThe Canonical String for this request should have been\n'{canonical}'\n\nThe String-to-Sign should have been\n'{text}'\n")
    if token and setting(state, "left") <= 0:
        raise Fault(403, "ExpiredToken", "The security token included in the request is expired")
    return keys


def in_scope(m, stamp, region):
    wrong = (f"Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: '{m[2]}' != '{stamp[:8]}', from '{stamp}'." if m[2] != stamp[:8] else
             "Credential should be scoped to a valid region. " if m[3] != region else "Credential should be scoped to correct service: 'sts'. " if m[4] != "sts" else None)
    if wrong:
        raise Fault(403, "SignatureDoesNotMatch", wrong)


def in_time(state, stamp):
    now, then = state.clock("sts"), calendar.timegm(time.strptime(stamp, "%Y%m%dT%H%M%SZ"))
    if then < now - SKEW:
        raise Fault(403, "SignatureDoesNotMatch", f"Signature expired: {stamp} is now earlier than {iso(now - SKEW, True)} ({iso(now, True)} - 15 min.)")
    if then > now + SKEW:
        raise Fault(403, "SignatureDoesNotMatch", f"Signature not yet current: {stamp} is still later than {iso(now + SKEW, True)} ({iso(now, True)} + 15 min.)")


def canonical_request(request, signed):
    """What should have been signed, from what arrived: host, content-type and every x-amz-* header must be among it, in order."""
    names, there = signed.split(";"), {k.lower() for k in request.headers}
    must = {"host", "x-amz-date"} | {n for n in there if n.startswith("x-amz-") or n == "content-type"}
    if names != sorted(set(names)) or not must <= set(names) or not set(names) <= there:
        raise Fault(403, "SignatureDoesNotMatch", "'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization." if "host" not in names else
                    f"SignedHeaders must be those of the request: {', '.join(sorted(must ^ set(names)))}.")
    quote = lambda text: urllib.parse.quote(text, safe="-_.~")
    query = "&".join(f"{k}={v}" for k, v in sorted((quote(k), quote(v)) for k, v in request.query_pairs))
    headers = "".join(f"{n}:{','.join(' '.join(v.split()) for v in request.headers.get_all(n))}\n" for n in names)
    return "\n".join((request.method, request.path, query, headers, signed, hashlib.sha256(request.body).hexdigest()))


def arn_of(keys):
    return AWS_USER if keys == USER else f"arn:aws:sts::{AWS_ACCOUNT}:assumed-role/deploy/session"


def caller_identity(_, __, keys, ___):
    return elements({"Arn": arn_of(keys), "UserId": "AROASTANDIN:session", "Account": AWS_ACCOUNT})


def invalid(what, value, rule):
    return Fault(400, "ValidationError", f"1 validation error detected: Value '{value}' at '{what}' failed to satisfy constraint: Member must {rule}")


def number(form, name, default, least, most):
    value = form.get(name, str(default))
    if not value.isdigit() or not least <= int(value) <= most:
        raise invalid(name[0].lower() + name[1:], value, f"have value between {least} and {most}")
    return int(value)


def identity_token(state, form, keys, request):
    audiences = [form[k] for k in sorted(form) if re.fullmatch(r"Audience\.member\.\d+", k)]
    if not 1 <= len(audiences) <= 10 or not all(1 <= len(a) <= 1000 for a in audiences):
        raise invalid("audience", audiences, "have between 1 and 10 members of 1 to 1000 characters")
    if form.get("SigningAlgorithm") not in ("RS256", "ES384"):
        raise invalid("signingAlgorithm", form.get("SigningAlgorithm"), "satisfy enum value set: [RS256, ES384]")
    life = number(form, "DurationSeconds", 300, 60, 3600)
    if not setting(state, "outbound"):
        raise Fault(403, "OutboundWebIdentityFederationDisabledException", "The outbound web identity federation feature is not enabled for this account.")
    allowed = setting(state, "audiences")
    if allowed is not None and not set(audiences) <= set(allowed):
        raise Fault(403, "AccessDenied", f"User: {arn_of(keys)} is not authorized to perform: sts:GetWebIdentityToken because no identity-based policy allows the sts:GetWebIdentityToken action")
    if keys[2] and life > setting(state, "left"):
        raise Fault(403, "SessionDurationEscalationException", "Requested token duration would extend the session beyond its original expiration time.")
    if form["SigningAlgorithm"] != "RS256":
        raise Fault(500, "InternalFailure", "the stand-in signs with RS256 only")
    arn = AWS_USER if keys == USER else AWS_ROLE
    more = {"https://sts.amazonaws.com/": {"aws_account": AWS_ACCOUNT, "source_region": region_of(request.host), "principal_id": arn}}
    jwt = issuers.mint(state, iss=AWS_ISSUER, sub=arn, aud=audiences[0] if len(audiences) == 1 else audiences, life=life, nbf=None, **more)
    return elements({"WebIdentityToken": jwt, "Expiration": iso(time.time() + life)})


def assume(state, form, _, __):
    """AWS_ROLE trusts one service account of one cluster."""
    number(form, "DurationSeconds", 3600, 900, 43200)
    if not re.fullmatch(r"[\w+=,.@-]{2,64}", form.get("RoleSessionName", "")):
        raise invalid("roleSessionName", form.get("RoleSessionName"), r"satisfy regular expression pattern: [\w+=,.@-]*")
    try:
        header, claims, signed, signature = parse(form.get("WebIdentityToken", ""))
        if claims["iss"] != AKS_ISSUER:
            raise Fault(400, "InvalidIdentityToken", f"No OpenIDConnect provider found in your account for {claims['iss']}")
        keys = judge.published_keys(state, claims["iss"])
        if not any(k["kid"] == header["kid"] and verified(k, signed, signature) for k in keys):
            raise ValueError("signature")
    except (ValueError, KeyError, Refused):
        raise Fault(400, "InvalidIdentityToken", "The ID Token provided is not a valid JWT. (You may see this error if you sent an Access Token)") from None
    if claims["exp"] < state.clock("sts"):
        raise Fault(400, "ExpiredTokenException", f"Token expired: current date/time {int(state.clock('sts'))} must be before the expiration date/time{claims['exp']}")
    if claims["aud"] != AWS_AUDIENCE:
        raise Fault(400, "InvalidIdentityToken", "Incorrect token audience")
    if form.get("RoleArn") != AWS_ROLE or claims["sub"] != AKS_SUBJECT:
        raise Fault(403, "AccessDenied", "Not authorized to perform sts:AssumeRoleWithWebIdentity")
    user = {"Arn": arn_of(ASSUMED), "AssumedRoleId": "AROASTANDIN:" + form["RoleSessionName"]}
    given = {"AccessKeyId": ASSUMED[0], "SecretAccessKey": ASSUMED[1], "SessionToken": ASSUMED[2], "Expiration": iso(time.time() + setting(state, "left"))}
    return (f"    <AssumedRoleUser>\n{elements(user)}    </AssumedRoleUser>\n    <Credentials>\n{elements(given)}    </Credentials>\n"
            + elements({"Provider": claims["iss"], "Audience": claims["aud"], "SubjectFromWebIdentityToken": claims["sub"]}))


# --- the machine's own end points ---

def machine(state, request):
    """(service, function), or None."""
    if request.path in (AWS_CONTAINER_PATH, AWS_POD_PATH) and request.host != METADATA:
        return "ecs", lambda: container(state, request)
    if request.path.startswith("/latest/") and request.host != CONTAINER:
        return "ec2", lambda: metadata(state, request)
    return None


def keys_json(state, keys, **more):
    return {"AccessKeyId": keys[0], "SecretAccessKey": keys[1], "Token": keys[2], "Expiration": iso(time.time() + setting(state, "left")), **more}


def container(state, request):
    pod = request.path == AWS_POD_PATH
    if request.method != "GET":
        return Response(405, {"code": "MethodNotAllowed", "message": request.method})
    if request.auth != (AWS_POD_TOKEN if pod else ""):
        return Response(400, {"code": "InvalidAuthorization", "message": "Authorization header is not what this service gave"})
    return Response(200, keys_json(state, POD, AccountId=AWS_ACCOUNT) if pod else keys_json(state, TASK, RoleArn=AWS_ROLE))


def page(status, text):
    body = f'<?xml version="1.0" encoding="iso-8859-1"?>\n<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0 Transitional//EN" "x">\n<html><head><title>{status} - {text}</title></head></html>\n'
    return Response(status, body, "text/html", [("Server", "EC2ws")])


def metadata(state, request):
    """IMDSv2: a token by PUT, not through proxies; whoever comes without one, as the first version allowed, is sent away."""
    tokens, asked = state.info.setdefault("ec2_tokens", set()), request.headers.get("X-aws-ec2-metadata-token-ttl-seconds", "")
    if not setting(state, "on_ec2"):
        return Response(404, "not found", "text/plain")
    if request.path == "/latest/api/token":
        if request.method != "PUT" or "X-Forwarded-For" in request.headers:
            return page(405 if request.method != "PUT" else 403, "Not Allowed")
        if not asked.isdigit() or not 1 <= int(asked) <= 21600:
            return page(400, "Bad Request")
        tokens.add(made := "AQAEA" + uuid.uuid4().hex + "==")
        return plain(made, [("X-Aws-Ec2-Metadata-Token-Ttl-Seconds", asked)])
    if request.headers.get("X-aws-ec2-metadata-token") not in tokens:
        return page(401, "Unauthorized")
    if request.method != "GET":
        return page(405, "Not Allowed")
    role = setting(state, "role")
    rows = {"/latest/meta-data/placement/region": lambda: plain(AWS_REGION)}
    if role:
        rows["/latest/meta-data/iam/security-credentials"] = lambda: plain(role)
        rows["/latest/meta-data/iam/security-credentials/" + role] = lambda: plain(keys_json(state, INSTANCE, Code="Success", LastUpdated=iso(time.time()), Type="AWS-HMAC"))
    return rows.get(request.path.rstrip("/"), lambda: page(404, "Not Found"))()


def plain(body, headers=()):
    return Response(200, body, "text/plain", [("Server", "EC2ws"), *headers])
