"""botocore, Amazon's own library, as a client of the stand-in: it finds keys as its programs do, signs, and says what STS answered. Reads calls
and writes answers, one JSON line each: {"call", "how", "keys"}; keys (id, secret, session) instead of those that it would find.

    python3 tests/cloud/aws_client.py FOLDER      FOLDER: where botocore lies, or "" where it is installed"""
import json
import sys

if sys.argv[1]:
    sys.path.insert(0, sys.argv[1])
import botocore.session  # noqa: E402
from botocore.exceptions import ClientError  # noqa: E402

session = botocore.session.get_session()


def answer(call, how, keys=None):
    given = dict(zip(("aws_access_key_id", "aws_secret_access_key", "aws_session_token"), keys or ()))
    client = session.create_client("sts", **given)
    if not hasattr(client, call):
        return {"missing": "botocore without " + call}
    try:
        got = getattr(client, call)(**how)
        got.pop("ResponseMetadata")
    except ClientError as e:
        return {"error": e.response["Error"]["Code"], "message": e.response["Error"]["Message"]}
    return got if keys else {"method": session.get_credentials().method, **got}


for line in sys.stdin:
    print(json.dumps(answer(**json.loads(line)), default=str), flush=True)
