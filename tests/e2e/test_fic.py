"""daypass fic show, check and create against the stand-in's Graph and Resource Manager, whose table is the one by which its Entra decides."""
import json
import os
import pty
import re

import pytest

from cloud.client import (APP, APP2, ARM, ARM_CONTRIBUTOR, ARM_READER, AUDIENCE, AUDIENCE_USGOV, ENTRA_ISSUER, GITHUB_ISSUER, GITHUB_SUBJECT, GRAPH_READ, ISSUER, OIDS, OPS,
                          OPS_SUBJECT, SUBJECT, SUBSCRIPTION, TENANT, UAMI, UAMI_RESOURCE)
from e2e.place import LIMIT, PATH, said_no

GRAPH = "https://graph.microsoft.com"
IMMUTABLE = "repo:contoso@5544/shop@8210:ref:refs/heads/main"
AZ = """#!/bin/sh
case "$*" in
*"--resource https://graph.microsoft.com"*) exec cat "$AZURE_CONFIG_DIR/graph.json" ;;
*"--resource https://management.azure.com"*) exec cat "$AZURE_CONFIG_DIR/arm.json" ;;
esac
echo "ERROR: not expected: $*" >&2
exit 1
"""


class Admin:
    """A place, and an az on PATH behind which somebody is logged in."""

    def __init__(self, place, cloud):
        self.place, self.cloud = place, cloud
        place.write("real/az", AZ, 0o755)
        self.login(OPS)

    def login(self, client):
        for name, resource in (("graph", GRAPH), ("arm", ARM)):
            token = {"accessToken": self.cloud.token(client, resource), "expires_on": 4102444800, "tokenType": "Bearer"}
            self.place.write(f"home/.azure/{name}.json", json.dumps(token))
        self.place.write("home/.azure/azureProfile.json", f'{{"who": "{client}"}}')

    def run(self, *args, **how):
        how.setdefault("PATH", f"{self.place.folder}/real:{PATH}")
        how.setdefault("AZURE_CONFIG_DIR", self.place.home / ".azure")
        return self.place.run(["daypass", *args], **how)

    def fic(self, *args, **how):
        return self.run("fic", *args, **how)


@pytest.fixture
def admin(place, cloud):
    return Admin(place, cloud)


def says(r, rc, *words):
    assert r.rc == rc, r
    for word in words:
        assert word in r.out + r.err, (word, r)
    return r


def rows(cloud, client=APP):
    return [f for f in cloud.fic("list") if f["client"] == client]


def test_smoke(admin, cloud):
    admin.place.github()
    for verb in (["show"], ["check"], ["create", "--yes"]):
        r = admin.fic(*verb)
        print(r.rc, r.out, r.err)
    cloud.fic("remove", client=APP, issuer=GITHUB_ISSUER)
    for verb in (["check"], ["create", "--yes"], ["check"]):
        r = admin.fic(*verb)
        print(r.rc, r.out, r.err)
    admin.place.pod(client=UAMI)
    for verb in (["show"], ["check"], ["create", "--yes"]):
        r = admin.fic(*verb)
        print(r.rc, r.out, r.err)
    assert 0
