"""daypass service-connection against a stand-in that changes connections in its own time, refuses those made by hand and those of another project,
and goes back only while the deadline is ahead."""
import json
import os
import pty
import re

import pytest

from cloud.client import (APP, AZDO, CONNECTION, CONNECTION_ENTRA, CONNECTION_ENTRA_SUBJECT, CONNECTION_OLD, CONNECTION_SHARED, ENTRA_ISSUER, OPS, SUBSCRIPTION, TENANT,
                          UAMI, VSTOKEN_ISSUER)
from e2e.place import LIMIT, PATH

AZ = """#!/bin/sh
case "$*" in
*"--resource 499b84ac"*) exec cat "$AZURE_CONFIG_DIR/azdo.json" ;;
*"--resource https://graph.microsoft.com"*) exec cat "$AZURE_CONFIG_DIR/graph.json" ;;
*"--resource https://management.azure.com"*) exec cat "$AZURE_CONFIG_DIR/arm.json" ;;
esac
echo "ERROR: not expected: $*" >&2
exit 1
"""
CONVERTED = CONNECTION_ENTRA_SUBJECT.replace(CONNECTION_ENTRA, CONNECTION_OLD)


class Admin:
    """An az on PATH behind which somebody is logged in."""

    def __init__(self, place, cloud):
        self.place, self.cloud = place, cloud
        place.write("real/az", AZ, 0o755)
        cloud.members("contoso", add=OPS)
        self.login(OPS)

    def login(self, client):
        for name, resource in (("azdo", AZDO), ("graph", "https://graph.microsoft.com"), ("arm", "https://management.azure.com")):
            self.place.write(f"home/.azure/{name}.json", json.dumps({"accessToken": self.cloud.token(client, resource), "expires_on": 4102444800, "tokenType": "Bearer"}))
        self.place.write("home/.azure/azureProfile.json", json.dumps({"who": client}))

    def env(self):
        return {"PATH": f"{self.place.folder}/real:{PATH}", "AZURE_CONFIG_DIR": self.place.home / ".azure"}

    def __call__(self, *args, organization="contoso", **how):
        words = ["--organization", organization] if organization else []
        return self.place.run(["daypass", "service-connection", *args, *words], **{**self.env(), **how})

    def calls(self, method=None):
        return [r for r in self.cloud.log(kind="http", host="dev.azure.com") if method in (None, r["method"])]

    def now(self, key):
        """What show says of it, as {label: value}."""
        r = self("show", key)
        assert r.rc == 0, r
        return dict(re.findall(r"^  (\w+) +(.*)$", r.out, re.M))


@pytest.fixture
def admin(place, cloud):
    return Admin(place, cloud)


def no(r, rc, *words):
    assert r.rc == rc and "daypass: " in r.err, r
    for word in words:
        assert word in r.err, f"{word!r} is missing: {r.err}"


# --- list and show ---

def test_list_flags_what_is_to_do(admin):
    r = admin("list")
    assert r.rc == 0 and r.err == "", r
    rows = {re.split(r"  +", line)[0]: line for line in r.out.splitlines()}
    assert list(rows) == ["NAME", "deploy", "deploy-new", "deploy-old", "shared", "by hand", "5 connections, 4 to do"]
    assert "2027-07-01" in rows["deploy"] and rows["deploy-new"].rstrip().endswith("federated") and "has a secret" in rows["deploy-old"] and "has a secret" in rows["by hand"]
    assert " platform " in rows["shared"], "shared ones stand there once, under the project that owns them"


def test_projects_come_page_by_page(admin):
    admin("list")
    pages = [r["query"] for r in admin.calls() if r["path"].endswith("/_apis/projects")]
    assert [p.get("continuationToken") for p in pages] == [None, "2"] and all(p["$top"] == "100" and p["api-version"] == "7.1" for p in pages)
    lists = [r for r in admin.calls() if r["path"].endswith("/endpoints")]
    assert [r["path"] for r in lists] == [f"/contoso/{p}/_apis/serviceendpoint/endpoints" for p in ("shop", "my%20shop", "platform")]
    assert all(r["query"] == {"type": "azurerm", "includeFailed": "true", "includeDetails": "true", "api-version": "7.1"} for r in lists)
    assert all(r["headers"]["x-tfs-fedauthredirect"] == "Suppress" for r in admin.calls())


def test_one_project(admin):
    r = admin("list", "--project", "my shop")
    assert "by hand" in r.out and "1 connection," in r.out and "deploy" not in r.out
    no(admin("list", "--project", "nowhere"), 3, "no project 'nowhere'", "--project NAME")


def test_json(admin):
    rows = {row["name"]: row for row in json.loads(admin("list", "--json").out)}
    assert rows["deploy"]["issuer"] == VSTOKEN_ISSUER and rows["deploy"]["todo"] and rows["deploy-new"]["todo"] is None and rows["shared"]["shared"] is True
    assert rows["deploy-old"]["id"] == CONNECTION_OLD and rows["deploy-old"]["creationMode"] == "Automatic"


def test_show_says_what_the_interface_says(admin):
    said = admin.now("deploy-new")
    assert (said["issuer"], said["subject"], said["id"]) == (ENTRA_ISSUER, CONNECTION_ENTRA_SUBJECT, CONNECTION_ENTRA)
    out = admin("show", CONNECTION).out
    assert "az devops service-endpoint convert --azdo-subject sc://contoso/shop/deploy --tenant-id " + TENANT in out and "2027-07-01" in out
    assert "daypass service-connection convert " + CONNECTION_OLD in admin("show", "deploy-old").out


@pytest.mark.parametrize("words, rc, said", [
    (["show", "nobody"], 3, ("no connection 'nobody'", "service-connection list")), (["show"], 2, ("usage",)), (["show", "a", "b"], 2, ("usage",)),
    (["nothing"], 2, ("'nothing' is not understood",)), ([], 2, ("usage",)), (["list", "--what"], 2, ("--what",))])
def test_usage(admin, words, rc, said):
    no(admin(*words), rc, *said)
    assert not admin.calls("PUT") and not admin.calls("POST")


def test_the_organization(admin):
    no(admin("list", organization=None), 2, "which Azure DevOps organization?", "--organization")
    assert admin("list", organization=None, SYSTEM_COLLECTIONURI="https://dev.azure.com/contoso/").rc == 0
    assert admin("list", organization=None, SYSTEM_COLLECTIONURI="https://contoso.visualstudio.com/").rc == 0
    no(admin("list", organization=None, SYSTEM_COLLECTIONURI="https://contoso.visualstudio.com.evil.test/"), 2, "which Azure DevOps organization?")
    admin.place.config(more="[match https://dev.azure.com/contoso]\nidentity = default\n")
    assert admin("list", organization=None).rc == 0
    no(admin("list", organization="nowhere"), 3, "no Azure DevOps organization nowhere")
    no(admin("list", organization="a/../b"), 2, "is no name of an Azure DevOps organization")


def test_who_is_asked(admin, cloud):
    cloud.members("contoso", remove=OPS)
    no(admin("list"), 4, "az's log-in may not do that", "HTTP 401", "--identity NAME")
    no(admin("list", PATH=PATH, AZURE_CONFIG_DIR=admin.place.folder), 5, "az login")
    admin.login(APP)
    assert admin("list").rc == 0, "a member may look"
    admin.place.config(more=f"[identity ops]\ntenant = {TENANT}\nclient-id = {OPS}\nsource = file\ntoken-file = {admin.place.folder}/ops\n")
    cloud.members("contoso", add=OPS)
    admin.place.write("ops", cloud.mint(sub="system:admin"))
    cloud.fic("add", client=OPS, issuer="https://issuer.test", subject="system:admin")
    assert admin("list", "--identity", "ops").rc == 0 and cloud.exchanges()[-1]["form"]["client_id"] == OPS


# --- convert ---

def test_convert(admin, cloud):
    r = admin("convert", "deploy-old", "--yes")
    assert r.rc == 0 and "Azure DevOps is at it (InProgress)" in r.err, r
    row, = admin.calls("PUT")
    assert row["path"] == f"/contoso/shop/_apis/serviceendpoint/endpoints/{CONNECTION_OLD}" and row["query"] == {"operation": "ConvertAuthenticationScheme", "api-version": "7.1"}
    said = admin.now(CONNECTION_OLD)
    assert (said["scheme"], said["issuer"], said["subject"]) == ("WorkloadIdentityFederation", ENTRA_ISSUER, CONVERTED) and said["revert"]
    assert CONVERTED in r.out
    # and a job that uses it gets its token
    cloud.fic("add", client=APP, issuer=ENTRA_ISSUER, subject=CONVERTED)
    assert admin.place.pipelines(AZURESUBSCRIPTION_SERVICE_CONNECTION_ID=CONNECTION_OLD).get().token


def test_the_whole_object_goes_back(admin, cloud):
    """Everything that came, with the other scheme in it and without the deadline."""
    cloud.connection(CONNECTION_OLD, revertSchemeDeadline="2026-01-01T00:00:00Z", ofTheirOwn={"a": [1, 2]})
    r = admin("convert", "deploy-old", "--yes")
    assert r.rc == 0, r
    sent = json.loads(r.out.splitlines()[1])
    assert sent["authorization"]["scheme"] == "WorkloadIdentityFederation" and "revertSchemeDeadline" not in sent["data"]
    assert sent["data"]["ofTheirOwn"] == {"a": [1, 2]} and sent["authorization"]["parameters"]["serviceprincipalid"] == APP and sent["owner"] == "library"


def test_it_failed(admin, cloud):
    cloud.set(connection_fails="The service principal could not be updated.")
    no(admin("convert", "deploy-old", "--yes"), 6, "could not change the connection", "The service principal could not be updated.")
    assert admin.now(CONNECTION_OLD)["scheme"] == "ServicePrincipal"


@pytest.mark.parametrize("name, more, rc, words", [
    ("by hand", [], 6, ("was made by hand", "converts only those that it made itself", "service-connection create")),
    ("deploy", [], 6, ("is federated already",)), ("shared", ["--project", "shop"], 6, ("is shared from the project platform", "--project 'platform'"))])
def test_what_cannot_be_converted(admin, name, more, rc, words):
    no(admin("convert", name, "--yes", *more), rc, *words)
    assert not admin.calls("PUT")


def test_a_shared_one_in_its_own_project(admin):
    assert admin("convert", "shared", "--yes").rc == 0
    assert admin.calls("PUT")[0]["path"].startswith("/contoso/platform/")
    assert admin.now(CONNECTION_SHARED)["scheme"] == "WorkloadIdentityFederation"


def test_without_a_terminal_and_without_yes_nothing_is_sent(admin):
    r = admin("convert", "deploy-old")
    no(r, 2, "no terminal to ask at", f"daypass service-connection convert {CONNECTION_OLD} --yes")
    assert json.loads(r.out.splitlines()[1])["authorization"]["scheme"] == "WorkloadIdentityFederation" and not admin.calls("PUT")


@pytest.mark.parametrize("answer, rc", [("y", 0), ("n", 10), ("", 10)])
def test_a_person_is_asked(admin, answer, rc):
    outer, inner = pty.openpty()
    try:
        os.write(outer, answer.encode() + b"\n")
        p = admin.place.start(["daypass", "service-connection", "convert", "deploy-old", "--organization", "contoso"], stdin=inner, stderr=inner, **admin.env())
        out, _ = p.communicate(timeout=LIMIT)
    finally:
        os.close(inner)
        os.close(outer)
    assert p.returncode == rc and b"what is sent" in out and bool(admin.calls("PUT")) == (rc == 0)


def test_without_the_role(admin):
    admin.login(APP)
    no(admin("convert", "deploy-old", "--yes"), 4, "HTTP 403", "Administrator role")


# --- revert ---

def test_revert(admin):
    assert admin("convert", "deploy-old", "--yes").rc == 0
    r = admin("revert", "deploy-old", "--yes")
    assert r.rc == 0 and "Microsoft documents only the button" in r.err, r
    row = admin.calls("PUT")[-1]
    assert row["path"] == f"/contoso/_apis/serviceendpoint/endpoints/{CONNECTION_OLD}"
    said = admin.now(CONNECTION_OLD)
    assert said["scheme"] == "ServicePrincipal" and "issuer" not in said and "revert" not in said


def test_after_the_deadline(admin, cloud):
    assert admin("convert", "deploy-old", "--yes").rc == 0
    cloud.connection(CONNECTION_OLD, revertSchemeDeadline="2026-01-01T00:00:00Z")
    no(admin("revert", "deploy-old", "--yes"), 6, "could be reverted until 2026-01-01T00:00:00Z")
    assert len(admin.calls("PUT")) == 1


def test_the_service_has_the_last_word_on_the_deadline(admin, cloud):
    """One that we cannot read is theirs to judge."""
    assert admin("convert", "deploy-old", "--yes").rc == 0
    cloud.connection(CONNECTION_OLD, revertSchemeDeadline="1 January 2026")
    no(admin("revert", "deploy-old", "--yes"), 6, "can not be reverted any more")


@pytest.mark.parametrize("name", ["deploy", "deploy-old"])
def test_what_was_never_converted(admin, name):
    no(admin("revert", name, "--yes"), 6, "nothing to go back to")
    assert not admin.calls("PUT")


# --- create ---

CREATE = ["create", "fresh", "--project", "shop", "--subscription", SUBSCRIPTION, "--client-id", APP, "--yes"]


def test_create_makes_the_connection_and_then_the_trust(admin, cloud):
    r = admin(*CREATE)
    assert r.rc == 0 and "created, with the federated credential" in r.out, r
    said = admin.now("fresh")
    assert said["mode"] == "Manual" and said["issuer"] == ENTRA_ISSUER and said["subject"].endswith(said["id"]) and said["tenant"] == TENANT
    assert [f["issuer"] for f in cloud.fic("list") if f["subject"] == said["subject"]] == [ENTRA_ISSUER]
    posts = [row["host"] for row in cloud.log(kind="http") if row["method"] == "POST"]
    assert posts == ["dev.azure.com", "graph.microsoft.com"], "the connection first: it says what is to be trusted"
    assert admin.place.pipelines(AZURESUBSCRIPTION_SERVICE_CONNECTION_ID=said["id"]).get().token


def test_the_credential_is_named_by_the_connection(admin, cloud):
    """A connection's name may hold blanks, and be that of another credential, which a managed identity would have overwritten."""
    old = [f for f in cloud.fic("list") if f["client"] == UAMI]
    for name in ("my fresh one", old[0]["name"]):
        r = admin("create", name, "--project", "my shop", "--subscription", SUBSCRIPTION, "--client-id", UAMI, "--yes")
        assert r.rc == 0, r
        said = admin.now(name)
        now = [f for f in cloud.fic("list") if f["client"] == UAMI]
        assert [f["name"] for f in now if f["subject"] == said["subject"]] == [said["id"]] and all(f in now for f in old)


def test_without_graph_the_credential_is_printed(admin, cloud):
    cloud.directory(OPS, None)
    r = admin(*CREATE)
    assert "az ad app federated-credential create --id " + APP in r.out
    assert r.rc == 4 and "must be made" in r.out and ENTRA_ISSUER in r.out and "may not" in r.err, r
    assert admin.now("fresh")["subject"] in r.out


@pytest.mark.parametrize("change, rc, words", [
    ({"--subscription": "x"}, 2, ("are GUIDs",)), ({"--client-id": "x"}, 2, ("are GUIDs",)), ({"--project": "nowhere"}, 3, ("no project 'nowhere'",)), ({"--project": None}, 2, ("which project",))])
def test_create_needs(admin, change, rc, words):
    pairs = {"--project": "shop", "--subscription": SUBSCRIPTION, "--client-id": APP, **change}
    no(admin("create", "fresh", "--yes", *[w for k, v in pairs.items() if v for w in (k, v)]), rc, *words)
    assert not admin.calls("POST")


def test_a_name_that_is_taken(admin):
    no(admin("create", "deploy", "--project", "shop", "--subscription", SUBSCRIPTION, "--client-id", APP, "--yes"), 6, "HTTP 409", "already exists")


# --- bad answers ---

@pytest.mark.parametrize("fault, params, rc, words", [
    ("html", dict(status=200), 8, ("web page",)), ("sign-in", dict(status=203), 8, ("web page",)), ("status", dict(status=500, body={"message": "down"}), 6, ("HTTP 500: down",)),
    ("throttle", {}, 7, ("asks for a pause",)), ("reset", {}, 8, ("cannot be reached",)), ("redirect", {}, 8, ("redirect",))])
def test_bad_answers(admin, cloud, fault, params, rc, words):
    cloud.fault("azdo", fault, **params)
    no(admin("list"), rc, *words)


def test_a_project_with_hundreds(admin, cloud):
    rows = [{"id": f"00000000-0000-4000-8000-{i:012}", "name": f"c{i}", "authorization": {"scheme": "ServicePrincipal"}, "data": {"more": "x" * 2500}} for i in range(400)]
    cloud.fault("azdo", "status", status=200, body={"value": rows}, path="/contoso/shop/_apis/serviceendpoint/endpoints")
    r = admin("list", "--project", "shop")
    assert r.rc == 0 and r.out.endswith("400 connections, 400 to do\n"), r


def test_an_answer_without_end(admin, cloud):
    cloud.fault("azdo", "huge")
    no(admin("list"), 8, "dev.azure.com answered with more than 4096 KiB")


def test_names_that_would_drive_a_terminal(admin, cloud):
    cloud.fault("azdo", "status", status=200, body={"value": [{"id": CONNECTION, "name": "a\u202eb", "authorization": {}, "data": {}}]}, path="/contoso/shop/_apis/serviceendpoint/endpoints")
    r = admin("list", "--project", "shop")
    assert r.rc == 0 and "\u202e" not in r.out and "a?" in r.out, r
