"""Flexible federated credentials: claims['NAME'] eq|matches 'VALUE', joined by `and`; a quote within quotes is written twice."""
import re

CLAUSE = re.compile(r"claims\['((?:[^']|'')+)'\] (eq|matches) '((?:[^']|'')+)'")
ISSUERS = re.compile(r"https://(token\.actions\.githubusercontent\.com|gitlab\.com|gitlab\.[^./]+\.(com|ca)|app(\.eu)?\.terraform\.io)")


def clauses(text):
    """[(claim, operator, value)], or ValueError."""
    found, at = [], 0
    while True:
        m = CLAUSE.match(text, at)
        if not m:
            raise ValueError(text)
        found.append((m[1].replace("''", "'"), m[2], m[3].replace("''", "'")))
        at = m.end()
        if at == len(text):
            return found
        if not text.startswith(" and ", at):
            raise ValueError(text)
        at += len(" and ")


def holds(claim, operator, value, claims):
    shown = claims.get(claim)
    if not isinstance(shown, str):
        return False
    if operator == "eq":
        return shown == value
    pattern = "".join(".*" if c == "*" else "." if c == "?" else re.escape(c) for c in value)
    return re.fullmatch(pattern, shown, re.DOTALL) is not None


def satisfied(text, claims):
    try:
        return all(holds(*c, claims) for c in clauses(text))
    except ValueError:
        return False
