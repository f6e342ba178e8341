"""daypass fic show, check and create against the stand-in's Graph and Resource Manager, whose table is the one by which its Entra decides."""
import json
import os
import pty
import re

import pytest

from cloud.client import (APP, APP2, ARM, ARM_READER, AUDIENCE, AUDIENCE_GUID, AUDIENCE_USGOV, CONNECTION_ENTRA, CONNECTION_ENTRA_SUBJECT, FORGEJO_ISSUER, GITHUB_ISSUER, GITHUB_SUBJECT, GRAPH_READ,
                          ISSUER, OPS,
                          OPS_SUBJECT, PUBLIC, SUBJECT, SUBSCRIPTION, TENANT, UAMI, UAMI_RESOURCE, USGOV)
from e2e.place import LIMIT, PATH, said_no

GRAPH = "https://graph.microsoft.com"
IMMUTABLE = "repo:contoso@5544/shop@8210:ref:refs/heads/main"
AZ = """#!/bin/sh
case "$*" in
*"--resource https://graph.microsoft.us"*) exec cat "$AZURE_CONFIG_DIR/graph-usgov.json" ;;
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
        for name, resource, cloud in (("graph", GRAPH, PUBLIC), ("arm", ARM, PUBLIC), ("graph-usgov", "https://graph.microsoft.us", USGOV)):
            token = {"accessToken": self.cloud.token(client, resource, cloud=cloud), "expires_on": 4102444800, "tokenType": "Bearer"}
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


def marked(r, field, presented, registered):
    """Both stand below each other, and the mark stands below the first character that differs."""
    lines = r.out.splitlines()
    at = next(i for i, line in enumerate(lines) if line.startswith(f"  {field}") and "differs" in line)
    above, below, mark = lines[at + 1:at + 4]
    assert above == f"    presented   '{presented}'" and below == f"    registered  '{registered}'", r
    first = next(i for i, (a, b) in enumerate(zip(above[16:], below[16:])) if a != b) + 16
    assert mark == " " * first + "^", r
    assert f"differs at character {first - 16}" in lines[at], r


# --- what is there ---

def test_show(admin, cloud):
    admin.place.pod()
    r = says(admin.fic("show"), 0, f"app registration {APP}: {len(rows(cloud))} of 20", GITHUB_SUBJECT, ISSUER, SUBJECT)
    assert r.err == ""
    listed = json.loads(admin.fic("show", "--json").out)
    assert [(f["name"], f["issuer"], f["subject"], f["audience"]) for f in listed] == [(f["name"], f["issuer"], f["subject"], AUDIENCE) for f in rows(cloud)]
    assert {e["path"].split("/")[1] for e in cloud.graph()} == {"v1.0", "beta"}
    assert not cloud.exchanges()


def test_show_of_a_managed_identity(admin, cloud):
    admin.place.pod(client=UAMI)
    says(admin.fic("show"), 0, f"managed identity {UAMI}: 2 of 20", "api://AKSIdentityBinding")
    graph = len(cloud.graph())
    says(admin.fic("show", "--resource-id", UAMI_RESOURCE.replace("resourcegroups", "resourceGroups")), 0, "2 of 20")
    assert len(cloud.graph()) == graph  # it was not needed


def test_show_needs_no_source(admin):
    """On a laptop, about the client of a pipeline."""
    admin.place.config("[identity ci]\nsource = github-actions\nclient-id = " + APP + "\ntenant = " + TENANT + "\n")
    says(admin.run("--identity", "ci", "fic", "show"), 0, f"app registration {APP}")


def test_an_identity_of_ours_may_look(admin, cloud):
    admin.place.config(more=f"[identity ops]\ntenant = {TENANT}\nclient-id = {OPS}\nsource = file\ntoken-file = {admin.place.folder}/ops\n")
    admin.place.write("ops", cloud.mint(sub=OPS_SUBJECT))
    says(admin.fic("check", "--identity", "ops"), 0, "this one matches")
    assert [e["form"]["client_id"] for e in cloud.exchanges()] == [OPS]
    says(admin.fic("check", "--identity", "nobody"), 3, "no [identity nobody]")


# --- which differs ---

def test_it_matches(admin, cloud):
    admin.place.pod()
    r = says(admin.fic("check"), 0, "this one matches", f"the same: '{SUBJECT}'")
    assert r.err == "" and "warning" not in r.out


def test_letter_case(admin, cloud):
    admin.place.pod(sub="system:Ci")
    r = says(admin.fic("check"), 6, "only the letter case differs", "no federated credential of app registration", "daypass fic create")
    marked(r, "subject", "system:Ci", SUBJECT)


def test_a_branch_is_no_environment(admin, cloud):
    presented = "repo:contoso/shop:environment:prod"
    cloud.set(github_claims={"sub": presented})
    admin.place.github()
    r = says(admin.fic("check"), 6, "the same repository: presented is an environment, registered is a branch")
    marked(r, "subject", presented, GITHUB_SUBJECT)


def test_a_slash_at_the_end_of_the_issuer(admin, cloud):
    cloud.fic("remove", client=APP, issuer=GITHUB_ISSUER)
    cloud.fic("add", client=APP, issuer=GITHUB_ISSUER + "/", subject=GITHUB_SUBJECT, name="slash")
    admin.place.github()
    r = says(admin.fic("check"), 6, "the nearest is 'slash'", "only the slash at the end differs", "warning: 'slash' has a slash at the end of its issuer")
    marked(r, "issuer", GITHUB_ISSUER, GITHUB_ISSUER + "/")


def test_a_blank_at_the_end(admin, cloud):
    cloud.fic("remove", client=APP, issuer=ISSUER)
    cloud.fic("add", client=APP, issuer=ISSUER, subject=SUBJECT + " ", name="pasted")
    admin.place.pod()
    says(admin.fic("check"), 6, "presented is its end, registered is a blank", "only blanks or line ends", "warning: 'pasted' has blanks")


@pytest.mark.parametrize("here,there,word", [(GITHUB_SUBJECT, IMMUTABLE, "classic"), (IMMUTABLE, GITHUB_SUBJECT, "immutable")])
def test_githubs_two_forms(admin, cloud, here, there, word):
    cloud.fic("remove", client=APP, issuer=GITHUB_ISSUER)
    cloud.fic("add", client=APP, issuer=GITHUB_ISSUER, subject=there)
    cloud.set(github_claims={"sub": here})
    admin.place.github()
    r = says(admin.fic("check"), 6, f"the same repository: presented is GitHub's {word} form")
    marked(r, "subject", here, there)


def test_the_mutable_form_is_warned_of_until_both_are_there(admin, cloud):
    admin.place.github()
    says(admin.fic("check"), 0, "this one matches", f"immutable form, which is not registered: {IMMUTABLE}")
    cloud.fic("add", client=APP, issuer=GITHUB_ISSUER, subject=IMMUTABLE)
    assert "warning" not in says(admin.fic("check"), 0, "this one matches").out


def test_forgejos_two_forms(admin, cloud):
    """It joins a name and its id by -, where GitHub has @."""
    classic, immutable = "repo:contoso/shop:pull_request", "repo:contoso-5544/shop-8210:pull_request"
    cloud.set(github_claims={"iss": FORGEJO_ISSUER, "sub": immutable})
    cloud.fic("add", client=APP, issuer=FORGEJO_ISSUER, subject=classic, name="forge")
    admin.place.github(FORGEJO_ACTIONS="true")
    says(admin.fic("check"), 6, "presented is Forgejo's immutable form, registered its classic one (names only)")
    cloud.fic("add", client=APP, issuer=FORGEJO_ISSUER, subject=immutable)
    says(admin.fic("check"), 0, "this one matches")
    assert admin.place.fresh_runtime() and admin.place.get().token


def test_the_audience_of_another_cloud(admin, cloud):
    cloud.fic("remove", client=APP, issuer=ISSUER)
    cloud.fic("add", client=APP, issuer=ISSUER, subject=SUBJECT, audience=AUDIENCE_USGOV, name="gov")
    admin.place.pod()
    r = says(admin.fic("check"), 6, "exchange audiences of two clouds", "warning: 'gov' has the audience of cloud usgov", "correct the audience of 'gov'")
    assert f"presented   '{AUDIENCE}'\n    registered  '{AUDIENCE_USGOV}'" in r.out


def test_the_governments_cloud_has_its_own_graph(admin, cloud):
    admin.place.config(cloud="usgov")
    admin.place.assertion(aud=AUDIENCE_USGOV)
    says(admin.fic("check"), 0, "this one matches", AUDIENCE_USGOV)
    assert {e["host"] for e in cloud.graph()} == {"graph.microsoft.us"}
    admin.place.assertion()
    says(admin.fic("check"), 6, "exchange audiences of two clouds", "ask the source for that one: audience = ")


def test_entra_writes_its_own_audience_as_a_guid(admin, cloud):
    """An Azure Pipelines job whose connection has Entra for its issuer."""
    admin.place.pipelines(AZURESUBSCRIPTION_SERVICE_CONNECTION_ID=CONNECTION_ENTRA)
    says(admin.fic("check"), 0, AUDIENCE_GUID, "this one matches")
    assert json.loads(admin.fic("print", "--json").out)["audiences"] == [AUDIENCE]
    cloud.fic("remove", client=APP, subject=CONNECTION_ENTRA_SUBJECT)
    says(admin.fic("create", "--yes"), 0, f'"audiences": ["{AUDIENCE}"]')
    says(admin.fic("check"), 0, "this one matches, 'daypass'")


def test_flexible_expressions(admin, cloud):
    cloud.fic("remove", client=APP, issuer=GITHUB_ISSUER)
    cloud.fic("add", client=APP, issuer=GITHUB_ISSUER, name="flex", expression="claims['sub'] matches 'repo:contoso/*:ref:refs/heads/????' and claims['job_workflow_ref'] eq 'x'")
    admin.place.github()
    says(admin.fic("check"), 6, "does not satisfy the expression", "job_workflow_ref is 'contoso/shop/.github/workflows/ci.yml@refs/heads/main'", "it must be 'x'")
    said_no(admin.place.get(), "AADSTS")
    cloud.fic("remove", client=APP, name="flex")
    cloud.fic("add", client=APP, issuer=GITHUB_ISSUER, name="flex", expression="claims['sub'] matches 'repo:contoso/*:ref:refs/heads/????'")
    says(admin.fic("check"), 0, "this one matches, 'flex'", "satisfies the expression")
    assert admin.place.fresh_runtime() and admin.place.get().token


def test_without_beta_the_others_are_read(admin, cloud):
    cloud.fault("graph", "status", status=500, path="beta")
    admin.place.pod()
    says(admin.fic("check"), 0, "this one matches")


def test_none_at_all(admin):
    admin.place.pod(client=APP2)
    says(admin.fic("check"), 6, "has no federated credential at all", "daypass fic create")


def test_the_room_ends(admin, cloud):
    for i in range(18 - len(rows(cloud))):
        cloud.fic("add", client=APP, issuer=ISSUER, subject=f"system:{i}")
    admin.place.pod()
    says(admin.fic("check"), 0, "warning: 18 of 20 federated credentials are used")


# --- without the right ---

def by_hand(r, rc):
    says(r, rc, ISSUER, SUBJECT, AUDIENCE, "az ad app federated-credential list --id", "az identity federated-credential list")


def test_without_the_right_to_read(admin, cloud):
    admin.login(APP2)
    admin.place.pod()
    r = admin.fic("check")
    by_hand(r, 4)
    assert "az's log-in may not do that: Microsoft Graph says HTTP 403: Insufficient privileges" in r.err
    assert admin.fic("show").rc == 4


def test_without_a_login(admin):
    (admin.place.home / ".azure/azureProfile.json").unlink()
    admin.place.pod()
    r = admin.fic("check")
    by_hand(r, 5)
    assert "az login" in r.err


def test_github_job_without_the_right_sees_both_forms(admin, cloud):
    admin.login(APP2)
    admin.place.github()
    says(admin.fic("check"), 4, GITHUB_SUBJECT, "GitHub's immutable form of the same subject, which does not match", IMMUTABLE)


def test_a_reader_may_not_create(admin, cloud):
    before = rows(cloud)
    cloud.directory(OPS, GRAPH_READ)
    admin.place.pod(sub="system:new")
    says(admin.fic("create", "--yes"), 4, "may not do that")
    assert rows(cloud) == before
    cloud.subscription(SUBSCRIPTION, roles={OPS: ARM_READER})
    admin.place.pod(client=UAMI, sub="system:new")
    says(admin.fic("create", "--yes"), 4, "may not do that")


def test_nobody_such(admin, cloud):
    admin.place.pod(client="aaaaaaaa-0000-4000-8000-0000000000ff")
    says(admin.fic("check"), 3, "is unknown to Microsoft Graph", "object id", ISSUER)
    cloud.client("aaaaaaaa-0000-4000-8000-0000000000fe", tenant=TENANT, kind="system")
    admin.place.pod(client="aaaaaaaa-0000-4000-8000-0000000000fe")
    says(admin.fic("show"), 3, "no user-assigned one")
    for bad in ("/subscriptions", UAMI_RESOURCE + "/x", UAMI_RESOURCE.replace("/deploy", "/.."), UAMI_RESOURCE + "?x=", "https://evil.test" + UAMI_RESOURCE, ""):
        r = admin.fic("show", "--resource-id", bad)
        assert r.rc in (2, 3), r
    assert not cloud.log(host="evil.test")


# --- making one ---

def test_create_then_clone(admin, cloud):
    admin.place.pod(sub="system:new")
    r = says(admin.fic("create", "--name", "new-job", "--yes"), 0, f"POST {GRAPH}/v1.0/applications(appId='{APP}')/federatedIdentityCredentials", '"subject": "system:new"', "created: 'new-job'")
    assert r.err == ""
    assert [(f["name"], f["subject"], f["audience"]) for f in rows(cloud)][-1] == ("new-job", "system:new", AUDIENCE)
    assert admin.place.get().token
    says(admin.fic("check"), 0, "this one matches, 'new-job'")


def test_create_for_a_managed_identity(admin, cloud):
    admin.place.pod(client=UAMI, sub="system:new")
    says(admin.fic("create", "--yes"), 0, f"PUT {ARM}", "federatedIdentityCredentials/daypass?api-version=2023-01-31", "created: 'daypass'")
    assert rows(cloud, UAMI)[-1]["subject"] == "system:new"
    assert admin.place.get().token


def test_another_write_is_waited_for(admin, cloud):
    body = {"error": {"code": "ConcurrentFederatedIdentityCredentialsWritesForSingleManagedIdentity", "message": "Too many"}}
    cloud.fault("arm", "status", status=409, times=1, method="PUT", body=body)
    admin.place.pod(client=UAMI, sub="system:new")
    says(admin.fic("create", "--yes"), 0, "created")
    assert [e["status"] for e in cloud.arm(method="PUT")] == [409, 201]


def test_two_at_once_both_come_through(admin, cloud):
    admin.place.pod(client=UAMI)
    runs = []
    for name in ("one", "two"):
        token = admin.place.write(name, cloud.mint(sub=f"system:{name}"))
        runs.append(admin.place.start(["daypass", "fic", "create", "--yes", "--name", "job-" + name], AZURE_FEDERATED_TOKEN_FILE=token, PATH=f"{admin.place.folder}/real:{PATH}",
                                      AZURE_CONFIG_DIR=admin.place.home / ".azure"))
    assert [admin.place.finish(p).rc for p in runs] == [0, 0]
    assert {f["name"] for f in rows(cloud, UAMI)} >= {"job-one", "job-two"}


def test_a_duplicate_is_refused_here(admin, cloud):
    admin.place.pod()
    says(admin.fic("create", "--yes"), 6, "has it already, as 'fic-")
    admin.place.pod(client=UAMI)
    says(admin.fic("create", "--yes"), 6, "has it already")
    name = rows(cloud, UAMI)[0]["name"]
    admin.place.pod(client=UAMI, sub="system:new")
    says(admin.fic("create", "--yes", "--name", name.upper()), 6, "another federated credential of the name", "--name")
    admin.place.pod(aud=AUDIENCE_USGOV)
    says(admin.fic("create", "--yes"), 6, "this issuer and subject already", "there is no second")
    assert not [e for e in cloud.log(kind="http", service=lambda s: s in ("graph", "arm")) if e["method"] in ("POST", "PUT")]


def test_a_full_house(admin, cloud):
    for i in range(20 - len(rows(cloud))):
        cloud.fic("add", client=APP, issuer=ISSUER, subject=f"system:{i}")
    admin.place.pod(sub="system:new")
    says(admin.fic("create", "--yes"), 6, "20 are the most")


def test_nothing_is_sent_unasked(admin, cloud):
    before = rows(cloud)
    admin.place.pod(sub="system:new")
    says(admin.fic("create"), 2, '"subject": "system:new"', "daypass fic create --yes")
    assert rows(cloud) == before


@pytest.mark.parametrize("answer,rc,made", [(b"y\n", 0, 1), (b"n\n", 10, 0), (b"\n", 10, 0), (b"yellow\n", 10, 0), (b"\x04", 10, 0)])
def test_a_person_is_asked(admin, cloud, answer, rc, made):
    before = len(rows(cloud))
    admin.place.pod(sub="system:new")
    master, slave = pty.openpty()
    p = admin.place.start(["daypass", "fic", "create"], stdin=slave, stderr=slave, PATH=f"{admin.place.folder}/real:{PATH}", AZURE_CONFIG_DIR=admin.place.home / ".azure")
    os.close(slave)
    said = b""
    while b"[y/N]" not in said:
        said += os.read(master, 4096)
    os.write(master, answer)
    out = p.communicate(timeout=LIMIT)[0].decode()
    os.close(master)
    assert p.returncode == rc and '"subject": "system:new"' in out and len(rows(cloud)) == before + made, (p.returncode, out)


# --- the last refusal ---

def test_explain_last(admin, cloud):
    admin.place.pod(sub="system:Ci")
    says(admin.run("explain", "--last"), 2, "refused nothing here")
    said_no(admin.place.get(), "AADSTS7002138")
    r = says(admin.run("explain", "--last"), 0, "AADSTS7002138", APP, TENANT, "source      file", "only the letter case differs", "correct 'fic-")
    marked(r, "subject", "system:Ci", SUBJECT)
    assert re.search(r"correlation +[0-9a-f-]{36}\n", r.out), r
    says(admin.run("cache", "clear"), 0)
    says(admin.run("explain", "--last"), 2)


def test_explain_last_without_the_right(admin, cloud):
    admin.login(APP2)
    admin.place.pod(sub="system:other")
    said_no(admin.place.get(), "AADSTS700213")
    says(admin.run("explain", "--last"), 0, "could not be read", "system:other", "az ad app federated-credential list --id " + APP)
    says(admin.run("logout"), 0)
    says(admin.run("explain", "--last"), 2)


def test_explain_last_after_it_was_mended(admin, cloud):
    admin.place.pod(sub="system:new")
    said_no(admin.place.get(), "AADSTS700213")
    says(admin.fic("create", "--yes"), 0)
    says(admin.run("explain", "--last"), 0, "one by now that matches, 'daypass'")


def test_explain_last_of_another_kind(admin, cloud):
    admin.place.pod()
    cloud.fault("entra", "aadsts", code=53003, status=401)
    said_no(admin.place.get(), "AADSTS53003")
    r = says(admin.run("explain", "--last"), 0, "AADSTS53003", "Conditional Access", SUBJECT)
    assert "registered" not in r.out and not cloud.graph()


def test_nothing_is_remembered_without_a_cache(admin, cloud):
    admin.place.pod(sub="system:other")
    said_no(admin.place.get(DAYPASS_CACHE="none"), "AADSTS700213")
    says(admin.run("explain", "--last"), 2, "refused nothing here")
    assert not admin.place.records()
