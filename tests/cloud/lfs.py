"""Git LFS, as much as push and fetch need: the batch call and the basic transfer, objects in memory, no locks."""
import hashlib
import json

from .wire import Response

TYPE = "application/vnd.git-lfs+json"


def answer(state, request, repo, path):
    if path == "/objects/batch" and request.method == "POST":
        return batch(state, request, repo)
    if path.startswith("/objects/") and request.method in ("GET", "PUT"):
        return transfer(state, request, (repo, path.split("/")[2]))
    if path == "/objects/verify":
        return Response(200, {}, TYPE)
    return Response(404, {"message": "Not found"}, TYPE)  # locks too: git-lfs then works without them


def batch(state, request, repo):
    try:
        asked = json.loads(request.body)
        rows = [one(state, request, repo, asked["operation"], row["oid"], row["size"]) for row in asked["objects"]]
    except (ValueError, KeyError, TypeError):
        return Response(422, {"message": "bad batch"}, TYPE)
    return Response(200, {"transfer": "basic", "objects": rows}, TYPE)


def one(state, request, repo, operation, oid, size):
    row, have = {"oid": oid, "size": size, "authenticated": False}, (repo, oid) in state.lfs
    href = f"https://{request.host}{request.path[:-len('batch')]}{oid}"
    if operation == "upload" and not have:
        row["actions"] = {"upload": {"href": href}}
    elif operation == "download" and have:
        row["actions"] = {"download": {"href": href}}
    elif operation == "download":
        row["error"] = {"code": 404, "message": "Object does not exist"}
    return row


def transfer(state, request, key):
    if request.method == "GET":
        data = state.lfs.get(key)
        return Response(200, data, "application/octet-stream") if data is not None else Response(404, {"message": "Not found"}, TYPE)
    if hashlib.sha256(request.body).hexdigest() != key[1]:
        return Response(400, {"message": "not the object it is called"}, TYPE)
    state.lfs[key] = request.body
    return Response(200, b"")
