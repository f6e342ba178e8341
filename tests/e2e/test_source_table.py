"""Every source, step by step: detected, its token, exchanged for an app registration and for a managed identity, and explained where it fails."""
import json

import pytest

from cloud.client import APP, UAMI
from e2e.place import said_no
from e2e.source_table import ROWS, SOURCES

OTHER = "somebody:else"


def external(place):
    """What whoami says of the external token."""
    r = place.run(["daypass", "whoami", "--json"])
    assert r.rc == 0, r
    return json.loads(r.out)


def trust(cloud, client, said, subject=None):
    """This client trusts just this issuer and subject."""
    cloud.fic("remove", client=client)
    cloud.fic("add", client=client, issuer=said["iss"], subject=subject or said["sub"])


@pytest.mark.parametrize("name", SOURCES)
def test_every_step(place, cloud, name):
    source, cells = SOURCES[name], {}
    source.setup(place, APP)  # skips where a real program is missing
    ROWS.append((name, cells))
    said = external(place)
    assert said["source"]["name"] == name.split()[0]
    cells["detected"] = "ok"
    if source.exchanged:
        assert all(said["external"][claim] for claim in ("iss", "sub", "aud"))
        cells["token"] = "ok"
        for column, client in (("app registration", APP), ("managed identity", UAMI)):
            source.setup(place, client)
            trust(cloud, client, said["external"])
            place.run(["daypass", "cache", "clear"])
            before = len(cloud.exchanges())
            assert place.get().token and len(cloud.exchanges()) == before + 1 and cloud.exchanges()[-1]["form"]["client_id"] == client
            cells[column] = "ok"
        trust(cloud, UAMI, said["external"], OTHER)
        place.run(["daypass", "cache", "clear"])
        said_no(place.get(), f"AADSTS{source.code}", said["external"]["sub"], "subject")
        cells["wrong subject"] = "ok"
        trust(cloud, UAMI, said["external"])
    else:
        assert place.get().token
        cells.update({"token": "ok", **{c: "-" for c in ("app registration", "managed identity", "wrong subject")}})
    place.run(["daypass", "cache", "clear"])
    source.down(place)
    said_no(place.get(), f"source {name.split()[0]}: ", *source.words)
    cells["end point down"] = "ok"
