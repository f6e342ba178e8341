"""The table of federated credentials as its two owners show and change it: Microsoft Graph those of applications, Resource Manager those of
managed identities. It is the table by which judge.py decides. What is refused with which words is our best knowledge, not recorded."""
import re

from .ids import CLOUD_AUDIENCE
from .state import fic

MOST, LONGEST = 20, 600
NAME = re.compile(r"[A-Za-z0-9_-]{3,120}")


class Unfit(Exception):
    """Why not: status, and words."""

    def __init__(self, status, message):
        super().__init__(message)
        self.status, self.message = status, message


def of(state, client_id):
    return [f for f in state.fics if f["client"] == client_id]


def audiences(row, cloud):
    return [row["audience"] or CLOUD_AUDIENCE[cloud]]


def add(state, client_id, name, body, replace=False):
    """A row made of {"issuer", "subject", "audiences"}; replace: one of that name goes. True where it is new."""
    issuer, subject, expression = body.get("issuer"), body.get("subject"), (body.get("claimsMatchingExpression") or {}).get("value")
    listed = body.get("audiences")
    if not isinstance(name, str) or not NAME.fullmatch(name):
        raise Unfit(400, f"Property name is invalid: '{name}'.")
    if not isinstance(issuer, str) or not issuer or not isinstance(subject or expression, str) or bool(subject) == bool(expression):
        raise Unfit(400, "A value is required for property 'issuer' and for one of 'subject' and 'claimsMatchingExpression'.")
    if not isinstance(listed, list) or len(listed) != 1 or not isinstance(listed[0], str):
        raise Unfit(400, "Property audiences must have exactly one value.")
    for what, text in (("issuer", issuer), ("subject", subject or expression), ("audiences", listed[0])):
        if len(text) > LONGEST:
            raise Unfit(400, f"Property {what} value length exceeds the maximum of {LONGEST}.")
    with state.lock:
        rows = of(state, client_id)
        named = [f for f in rows if f["name"].lower() == name.lower()]
        if named and not replace:
            raise Unfit(409, f"FederatedIdentityCredential with name {name} already exists.")
        if any(f["issuer"] == issuer and f["subject"] == subject for f in rows if f not in named and subject):
            raise Unfit(409, "Issuer and subject combination already exists for this application.")
        if len(rows) >= MOST and not named:
            raise Unfit(400, f"Too many federated identity credentials: at most {MOST}.")
        state.data["fics"] = [f for f in state.fics if f not in named]
        state.fics.append(fic(client_id, issuer, subject, listed[0], None, name, expression))
        state.changed()
    return not named
