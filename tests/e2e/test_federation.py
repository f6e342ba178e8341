"""Federation's steps in the places that most people run in, each as one transcript in tests/golden/federation: who daypass says we are, the
federated credential that makes it so, and a `git ls-remote` of Azure Repos; and every request that each command made, as the services got it.

Times, spans and what is made anew each time stand in <>; of a JWT the issuer, subject and audience are shown. There is no --update: a
transcript is reviewed by reason."""
import base64
import difflib
import json
import re
import shlex
from pathlib import Path

import pytest

from e2e.place import URL

GOLDEN = Path(__file__).resolve().parents[1] / "golden" / "federation"
COMMANDS = (["daypass", "whoami"], ["daypass", "fic", "print", "--json"], ["git", "ls-remote", URL])


def google(place):
    """A machine of Google Cloud whose configuration names the source; the metadata server's address is the test's."""
    place.config(source="gcp", token_file=None)
    place.identity = {"GCE_METADATA_HOST": place.cloud.info()["machine"].removeprefix("http://")}


PLACES = {
    "github-actions": lambda place: place.github(),
    "azure-pipelines": lambda place: place.pipelines(),
    "google-cloud": google,
    "aws": lambda place: place.amazon(),
}
TEXTS = [(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\dZ", "<time>"), (r"good for (\w+ ?)+", "good for <span>"), (r"\b[0-9a-f]{40}\b", "<commit>"), (r"\(/\S+/config:", "(<file>:"), (r"https://127.0.0.1/computeMetadata", "http://169.254.169.254/computeMetadata"),
         (r"/\d{8}/eu-west-1/sts/", "/<date>/eu-west-1/sts/"), (r"Signature=[0-9a-f]{64}", "Signature=<signature>"),
         (r"eyJ[\w-]+\.eyJ[\w-]+\.[\w-]+", lambda m: told(m.group()))]


def told(token):
    claims = token.split(".")[1]
    claims = json.loads(base64.urlsafe_b64decode(claims + "=" * (-len(claims) % 4)))
    return "<JWT of {iss} for {sub}, audience {aud}>".format(**claims)


def plain(text):
    for pattern, what in TEXTS:
        text = re.sub(pattern, what, text)
    return text


def authorization(row):
    """Git before 2.46 sends the token as Basic's password, later ones as Bearer: the token is what counts."""
    word, _, rest = row["auth"].partition(" ")
    return "as git has it: " + (base64.b64decode(rest).decode().partition(":")[2] if word == "Basic" else rest) if "/_git/" in row["path"] else row["auth"]


def counts(row):
    """Git asks first without a token, once or twice, by its release."""
    return row["auth"] or "/_git/" not in row["path"]


def request(row):
    """A request in a few lines, without the headers that every client sends."""
    query = "&".join(f"{k}={v}" for k, v in row["query"].items())
    lines = [f"{row['method']} https://{row['host']}{row['path']}{'?' + query if query else ''}"]
    lines += [f"  authorization: {authorization(row)}"] if row["auth"] else []
    lines += [f"  {k}: {v}" for k, v in row["headers"].items() if k in ("x-tfs-fedauthredirect", "metadata", "metadata-flavor")]
    lines += [f"  {k}={v}" for k, v in row["form"].items()]
    return lines + [f"  -> {row['status']}"]


def transcript(place, cloud):
    lines, seen = [], 0
    for argv in COMMANDS:
        r = place.run(argv)
        assert r.rc == 0 and r.err == "", r
        rows = cloud.log(kind="http")
        lines += [f"$ {shlex.join(argv)}", *r.out.splitlines()]
        lines += [f"    {line}" for row in filter(counts, rows[seen:]) for line in request(row)]
        lines, seen = [*lines, ""], len(rows)
    return plain("\n".join(lines)).splitlines()


@pytest.mark.parametrize("name", PLACES)
def test_transcript(place, cloud, name):
    PLACES[name](place)
    place.gitconfig()
    got, wanted = transcript(place, cloud), (GOLDEN / name).read_text().splitlines()
    assert got == wanted, "\n".join(difflib.unified_diff(wanted, got, "wanted", "got", lineterm=""))
    assert len(cloud.exchanges()) == 1, "the three commands share one token"
