"""The smallest image that registries and their clients take: an OCI layout with one layer of one file, the same bytes each time."""
import gzip
import hashlib
import io
import json
import tarfile
from pathlib import Path

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"


def digest(data):
    return "sha256:" + hashlib.sha256(data).hexdigest()


def blob(folder, data, kind):
    """Stores it and gives its descriptor."""
    path = folder / "blobs" / "sha256" / hashlib.sha256(data).hexdigest()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return {"mediaType": kind, "digest": digest(data), "size": len(data)}


def archive(name, data):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        info = tarfile.TarInfo(name)
        info.size = len(data)
        tar.addfile(info, io.BytesIO(data))
    return out.getvalue()


def as_json(value):
    return json.dumps(value, separators=(",", ":")).encode()


def image(folder, data=b"hello\n", tag="v1"):
    """An OCI layout in that folder (skopeo calls it oci:FOLDER:TAG); the manifest's digest."""
    folder, tar = Path(folder), archive("greeting", data)
    layer = blob(folder, gzip.compress(tar, mtime=0), LAYER)
    config = blob(folder, as_json({"architecture": "amd64", "os": "linux", "config": {"Cmd": ["/greeting"]},
                                   "rootfs": {"type": "layers", "diff_ids": [digest(tar)]}}), CONFIG)
    manifest = blob(folder, as_json({"schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": [layer]}), MANIFEST)
    row = {**manifest, "annotations": {"org.opencontainers.image.ref.name": tag}}
    (folder / "index.json").write_bytes(as_json({"schemaVersion": 2, "manifests": [row]}))
    (folder / "oci-layout").write_text('{"imageLayoutVersion":"1.0.0"}')
    return manifest["digest"]
