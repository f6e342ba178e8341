"""Microsoft Graph's applications and Resource Manager's managed identities with their federated credentials, judged by curl and, where it is
there, by Microsoft's az (tests/e2e/real/fetch_sdks.sh)."""
import json

import pytest

from cloud.client import (APP, APP2, ARM, AUDIENCE, AUDIENCE_USGOV, FAB, GITHUB_ISSUER, GITHUB_SUBJECT, GRAPH_READ, ISSUER, OIDS, OPS, OPS_SUBJECT,
                          SUBJECT, UAMI, UAMI_RESOURCE, USGOV)
from cloud.peers import curl
from cloud.selftest_arm import Az, arm

GRAPH = "https://graph.microsoft.com"
CREDENTIALS = f"/applications(appId='{APP}')/federatedIdentityCredentials"
ROW = {"name": "new", "issuer": ISSUER, "subject": "system:new", "audiences": [AUDIENCE]}


def graph(token, path, body=None, method=None, host=GRAPH):
    auth = ["-H", f"Authorization: Bearer {token}"] if token else []
    data = ["-H", "Content-Type: application/json", "-d", body if isinstance(body, str) else json.dumps(body)] if body is not None else []
    return curl("-g", *auth, *data, *(["-X", method] if method else []), host + path)


@pytest.fixture
def ops(cloud):
    return cloud.token(OPS, GRAPH)


def refused(answer, status, code, *words):
    error = answer.json["error"]
    assert (answer.status, error["code"]) == (status, code) and error["innerError"]["request-id"], answer.body
    assert all(w in error["message"] for w in words), error["message"]


def test_which_of_the_two(cloud, ops):
    path, select = "/v1.0/servicePrincipals(appId='{}')", "?$select=servicePrincipalType,alternativeNames"
    assert graph(ops, path.format(APP) + select).json == {"servicePrincipalType": "Application", "alternativeNames": []}
    assert graph(ops, path.format(UAMI) + select).json == {"servicePrincipalType": "ManagedIdentity", "alternativeNames": ["isExplicit=True", UAMI_RESOURCE]}
    assert graph(ops, path.format(APP)).json["id"] == OIDS[APP]
    refused(graph(ops, path.format(FAB)), 404, "Request_ResourceNotFound", FAB)  # of another tenant
    refused(graph(ops, path.format(APP) + "?$select=nothing"), 400, "BadRequest")
    refused(graph(ops, f"/v1.0/applications(appId='{UAMI}')/federatedIdentityCredentials"), 404, "Request_ResourceNotFound")


def test_list_make_and_take_away(cloud, ops):
    listed = graph(ops, "/v1.0" + CREDENTIALS).json["value"]
    assert [(f["issuer"], f["subject"], f["audiences"]) for f in listed][:2] == [(ISSUER, SUBJECT, [AUDIENCE]), (GITHUB_ISSUER, GITHUB_SUBJECT, [AUDIENCE])]
    assert all("claimsMatchingExpression" not in f for f in listed) and graph(ops, "/beta" + CREDENTIALS).json["value"][0]["claimsMatchingExpression"] is None
    made = graph(ops, "/v1.0" + CREDENTIALS, ROW)
    assert made.status == 201 and made.json["subject"] == "system:new" and made.json["id"]
    assert graph(ops, "/v1.0" + CREDENTIALS + "/new").json == made.json
    assert [f["subject"] for f in cloud.fic("list") if f["name"] == "new"] == ["system:new"]  # Entra's own table
    assert graph(ops, "/v1.0" + CREDENTIALS + "/" + made.json["id"], method="DELETE").status == 204
    refused(graph(ops, "/v1.0" + CREDENTIALS + "/new"), 404, "Request_ResourceNotFound")


def test_what_graph_refuses(cloud, ops):
    bad = lambda **change: graph(ops, "/v1.0" + CREDENTIALS, {k: v for k, v in {**ROW, **change}.items() if v is not None})
    refused(bad(subject=SUBJECT), 409, "Request_MultipleObjectsWithSameKeyValue", "Issuer and subject")
    for change in ({"subject": "s" * 601}, {"issuer": "i" * 601}, {"audiences": []}, {"audiences": ["a", "b"]}, {"audiences": "a"}, {"subject": None}, {"issuer": ""}, {"name": "ab"},
                   {"name": "a b c"}, {"extra": 1}, {"claimsMatchingExpression": {"value": "claims['sub'] eq 'x'", "languageVersion": 1}}):
        assert bad(**change).status == 400, change
    assert graph(ops, "/v1.0" + CREDENTIALS, "{").status == 400 and graph(ops, "/v1.0/nothing").status == 400
    assert bad().status == 201
    refused(bad(subject="system:more"), 409, "Request_MultipleObjectsWithSameKeyValue", "name new already exists")
    for i in range(20 - len([f for f in cloud.fic("list") if f["client"] == APP])):
        assert bad(name=f"n{i:03}", subject=f"system:{i}").status == 201
    refused(bad(name="one-more", subject="system:more"), 400, "Request_BadRequest", "at most 20")


def test_who_may(cloud):
    for token, why in ((None, "missing"), ("x", "malformed"), (cloud.token(OPS, ARM), "audience"), (cloud.token(OPS, GRAPH, life=-1), "expired")):
        refused(graph(token, "/v1.0" + CREDENTIALS), 401, "InvalidAuthenticationToken")
        assert cloud.graph()[-1]["why"] == why
    refused(graph(cloud.token(APP2, GRAPH), "/v1.0" + CREDENTIALS), 403, "Authorization_RequestDenied", "Insufficient privileges")
    cloud.directory(APP2, GRAPH_READ)
    assert graph(cloud.token(APP2, GRAPH), "/v1.0" + CREDENTIALS).status == 200
    refused(graph(cloud.token(APP2, GRAPH), "/v1.0" + CREDENTIALS, ROW), 403, "Authorization_RequestDenied")


def test_flexible_ones_are_betas(cloud, ops):
    row = {"name": "flex", "issuer": GITHUB_ISSUER, "subject": None, "audiences": [AUDIENCE], "claimsMatchingExpression": {"value": "claims['sub'] matches 'repo:contoso/*'", "languageVersion": 1}}
    assert graph(ops, "/beta" + CREDENTIALS, {**row, "issuer": ISSUER}).status == 400
    assert graph(ops, "/beta" + CREDENTIALS, {**row, "claimsMatchingExpression": {"value": "claims['sub'] in 'x'", "languageVersion": 1}}).status == 400
    made = graph(ops, "/beta" + CREDENTIALS, row)
    assert made.status == 201 and made.json["claimsMatchingExpression"]["value"].startswith("claims") and made.json["subject"] is None


def test_the_governments(cloud):
    token = cloud.token(OPS, "https://graph.microsoft.us", cloud=USGOV)
    assert graph(token, "/v1.0" + CREDENTIALS, host="https://graph.microsoft.us").json["value"][0]["audiences"] == [AUDIENCE_USGOV]
    assert graph(token, "/v1.0" + CREDENTIALS).status == 401


def test_managed_identities(cloud):
    token, at = cloud.token(OPS, ARM), UAMI_RESOURCE + "/federatedIdentityCredentials"
    put = lambda name, **more: arm(token, f"{at}/{name}", "-X", "PUT", "-H", "Content-Type: application/json", "-d", json.dumps({"properties": {
        "issuer": ISSUER, "subject": "system:new", "audiences": [AUDIENCE], **more}}), version="2023-01-31")
    assert [f["properties"]["subject"] for f in arm(token, at, version="2023-01-31").json["value"]][0] == SUBJECT
    assert put("new").status == 201 and put("new").status == 200
    assert put("other").status == 409 and put("other", subject="s" * 601).status == 400
    assert arm(token, f"{at}/new", version="2023-01-31").json["properties"]["subject"] == "system:new"
    assert arm(cloud.token(APP2, ARM), at, version="2023-01-31").json["error"]["code"] == "AuthorizationFailed"
    assert arm(token, at.replace("/deploy/", "/nobody/"), version="2023-01-31").json["error"]["code"] == "ResourceNotFound"
    assert arm(token, UAMI_RESOURCE, version="2023-01-31").json["properties"]["clientId"] == UAMI


def test_az_reads_and_makes_them(cloud, tmp_path):
    """The real az's own commands, for both."""
    az = Az(cloud, tmp_path)
    az.login(cloud.mint(sub=OPS_SUBJECT), OPS)
    assert [f["subject"] for f in az("ad", "app", "federated-credential", "list", "--id", APP)][:2] == [SUBJECT, GITHUB_SUBJECT]
    assert az("ad", "app", "federated-credential", "create", "--id", APP, "--parameters", json.dumps(ROW))["name"] == "new"
    assert "already exists" in az("ad", "app", "federated-credential", "create", "--id", APP, "--parameters", json.dumps(ROW), rc=1)
    named = ("--identity-name", "deploy", "--resource-group", "rg")
    assert az("identity", "federated-credential", "list", *named)[0]["subject"] == SUBJECT
    made = az("identity", "federated-credential", "create", *named, "--name", "new", "--issuer", ISSUER, "--subject", "system:az", "--audiences", AUDIENCE)
    assert made["subject"] == "system:az"
    assert sorted(f["client"] for f in cloud.fic("list") if f["name"] == "new") == sorted([APP, UAMI])
