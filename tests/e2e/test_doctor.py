"""daypass doctor in good and broken set-ups: its first line names the true cause in each, and later steps are not reached."""
import json

import pytest

from cloud.client import APP2, ARM, AUDIENCE, CONNECTION_ENTRA, GITHUB_SUBJECT, ISSUER, REGISTRY, REGISTRY2, SUBJECT, TENANT, TENANT2, UAMI
from cloud.peers import curl
from e2e.test_fic import Admin

STEPS = ["environment", "source", "token", "issuer", "times", "exchange", "resource"]
CONTOSO = "https://dev.azure.com/contoso"


class Report:
    def __init__(self, r):
        self.rc, self.first, self.out = r.rc, r.out.splitlines()[0], r.out
        self.marks = {line[9:20].strip(): line[:8].strip() for line in r.out.splitlines() if line[9:20].strip() in STEPS}
        assert list(self.marks) == STEPS and r.err == "", r


def doctor(place, *words, **env):
    return Report(place.run(["daypass", "doctor", *words], **env))


def wrong(report, step, rc, *words):
    """That step is the first wrong one, later ones were not reached, and the first line says why."""
    assert report.rc == rc and report.first.startswith("wrong: "), report.out
    for word in words:
        assert word in report.first, f"{word!r} is missing: {report.first}"
    at = STEPS.index(step)
    assert report.marks[step] == "wrong" and "wrong" not in [report.marks[s] for s in STEPS[:at]], report.out
    assert [report.marks[s] for s in STEPS[at + 1:]] == ["-"] * (len(STEPS) - at - 1) and report.out.count("not reached") == len(STEPS) - at - 1, report.out
    assert "next: " in report.out, report.out


# --- all is well ---

def test_all_is_well(place, cloud):
    report = doctor(place.github(), CONTOSO)
    assert (report.rc, report.first) == (0, "all is well") and set(report.marks.values()) == {"ok"}, report.out
    assert GITHUB_SUBJECT in report.out and "knows us" in report.out and len(cloud.exchanges()) == 1


def test_it_asks_past_the_cache(pod, cloud):
    assert pod.get().token
    doctor(pod)
    assert len(cloud.exchanges()) == 2


@pytest.mark.parametrize("target, words", [(REGISTRY, "takes us"), ("arm", "sees 1 subscription"), (ARM, "sees 1 subscription"), ("https://vault.azure.net", "not looked at")])
def test_resources(pod, target, words):
    report = doctor(pod, target)
    assert report.rc == 0 and words in report.out, report.out


def test_the_organization_of_a_match_is_asked(pod, cloud):
    pod.config(more="[match https://dev.azure.com/contoso]\nidentity = default\n")
    assert "the organization contoso knows us" in doctor(pod).out
    row, = cloud.log(kind="http", path="/contoso/_apis/connectionData")
    assert row["status"] == 200 and row["headers"]["x-tfs-fedauthredirect"] == "Suppress"


def test_without_an_organization_the_way_ends_at_the_exchange(pod):
    report = doctor(pod)
    assert report.rc == 0 and report.marks["resource"] == "-" and "daypass doctor https://dev.azure.com/ORG" in report.out


def test_entras_own_name_of_the_audience_is_no_finding(place):
    report = doctor(place.pipelines(AZURESUBSCRIPTION_SERVICE_CONNECTION_ID=CONNECTION_ENTRA), CONTOSO)
    assert report.rc == 0 and report.marks["token"] == "ok" and "fb60f99c-7a34-4190-8149-302f77469936" in report.out, report.out


def test_another_audience_that_is_registered_is_no_fault(place, cloud):
    cloud.fic("add", client=UAMI, issuer=ISSUER, subject=SUBJECT, audience="api://mine")
    report = doctor(place.pod(client=UAMI, aud="api://mine"))
    assert report.rc == 0 and report.marks["token"] == "?" and f"the usual audience is {AUDIENCE}" in report.out, report.out


def test_an_issuer_that_only_entra_reaches_is_no_fault(pod, cloud):
    cloud.fault("tls", "close", host="issuer.test", times=1)
    report = doctor(pod)
    assert report.rc == 0 and report.marks["issuer"] == "?" and "Entra must reach it" in report.out, report.out


def test_json(place):
    r = place.github().run(["daypass", "doctor", CONTOSO, "--json"])
    told = json.loads(r.out)
    assert told["ok"] is True and told["error"] is None and [s["name"] for s in told["steps"]] == STEPS and {s["result"] for s in told["steps"]} == {"passed"}
    told = json.loads(place.pod(sub="x").run(["daypass", "doctor", "--json"]).out)
    assert told["ok"] is False and "'x'" in told["error"] and told["steps"][5]["result"] == "failed" and told["steps"][6]["result"] == "not reached"


def test_sources_that_need_no_assertion(place, cloud):
    place.config(source="managed-identity", token_file=None, client_id=None, tenant=None)
    place.identity = {"AZURE_POD_IDENTITY_AUTHORITY_HOST": cloud.info()["machine"]}
    report = doctor(place, CONTOSO)
    assert report.rc == 0 and [report.marks[s] for s in ("token", "issuer", "times")] == ["-"] * 3 and report.marks["resource"] == "ok", report.out


def test_no_token_is_shown(pod, cloud):
    token = pod.token_file.read_text()
    for out in (doctor(pod, CONTOSO).out, doctor(pod, CONTOSO, DAYPASS_CACHE="none").out):
        assert token not in out and "eyJ" not in out


def test_a_token_in_somebody_elses_words_is_masked(place, cloud):
    """What goes to stdout is not masked by the way that stderr is."""
    token = cloud.mint()
    cloud.fault("github", "status", status=403, body={"message": f"not taken: {token}"})
    for words in ([], ["--json"]):
        r = place.github().run(["daypass", "doctor", *words])
        assert r.rc == 5 and "not taken: eyJ***" in r.out and token[10:40] not in r.out and token[-40:] not in r.out, r
    cloud.clear()
    cloud.fault("entra", "aadsts", code=700222, text=f"AADSTS700222: no: {token}")
    for argv in (["daypass", "doctor"], ["daypass", "whoami", "--json"]):
        out = place.github().run(argv).out
        assert "700222" in out and token[-40:] not in out, out


# --- broken set-ups ---

def test_nothing_at_all(place, cloud):
    wrong(doctor(place), "source", 3, "nothing names a tenant and a client id", "no source")
    assert not cloud.log()


def test_a_broken_configuration(place):
    place.config("[identity default]\nclinet-id = x\n")
    wrong(doctor(place), "environment", 3, "config:2", "clinet-id")


def test_no_source(place):
    place.config("[identity default]\ntenant = %s\nclient-id = %s\n" % (TENANT, UAMI))
    report = doctor(place)
    wrong(report, "source", 5, "no source of an external token")
    assert "not in a GitHub Actions job" in report.out


def test_no_permission_to_ask_for_a_token(place, cloud):
    wrong(doctor(place.github(ACTIONS_ID_TOKEN_REQUEST_URL=None, ACTIONS_ID_TOKEN_REQUEST_TOKEN=None)), "source", 5, "may not ask for an OIDC token", "id-token")
    assert not cloud.log()


def test_the_token_file_is_missing(pod):
    pod.token_file.unlink()
    wrong(doctor(pod), "token", 5, str(pod.token_file), "No such file")


def test_the_token_file_is_empty(pod):
    pod.write("token", "")
    wrong(doctor(pod), "token", 5, str(pod.token_file), "is empty")


def test_the_token_service_is_down(place, cloud):
    cloud.fault("github", "reset")
    wrong(doctor(place.github()), "token", 8, "source github-actions", "cannot be reached")


@pytest.mark.parametrize("how, words", [
    (dict(alg="ES256"), ("signed with ES256", "RS256 only")), (dict(alg="none"), ("signed with none",)),
    (dict(sub="x" * 601), ("subject", "longer than 600")), (dict(sub=" system:ci"), ("subject", "blank")),
    (dict(iss="http://issuer.test"), ("'http://issuer.test'", "no https"))])
def test_a_token_that_entra_does_not_look_at(place, cloud, how, words):
    step = "issuer" if "iss" in how else "token"
    wrong(doctor(place.pod(**how)), step, 5, *words)
    assert not cloud.exchanges()


def test_the_token_ended(place, cloud):
    wrong(doctor(place.pod(life=-4000)), "times", 5, "the external token ended 1h")
    assert not cloud.exchanges()


def test_not_valid_yet(place):
    wrong(doctor(place.pod(nbf=3600, life=7200)), "times", 5, "not valid before")


def test_a_wrong_clock_is_seen_by_the_issuers(place, cloud):
    """By our clock the token is good; the issuer's says that it ended."""
    cloud.fault("issuer", "date", offset=7200)
    report = doctor(place.pod(life=600))
    wrong(report, "times", 5, "ended 1h")
    assert "this machine's clock is 2h" in report.out and "behind" in report.out, report.out


def test_the_key_is_not_published(pod, cloud):
    cloud.rotate(ISSUER)
    wrong(doctor(pod), "issuer", 5, "does not publish the key")
    assert not cloud.exchanges()


def test_the_issuer_has_another_slash(place):
    wrong(doctor(place.pod(iss=ISSUER + "/")), "issuer", 5, f"calls itself '{ISSUER}'", f"'{ISSUER}/'")


@pytest.mark.parametrize("fault, params, words", [
    ("html", dict(status=200), ("web page",)), ("status", dict(status=404, body={}), ("no document at", "HTTP 404")),
    ("redirect", {}, ("no document at", "HTTP 30")), ("body", dict(value="[]"), ("calls itself ''",))])
def test_the_issuers_pages_are_none(pod, cloud, fault, params, words):
    cloud.fault("issuer", fault, **params)
    wrong(doctor(pod), "issuer", doctor(pod).rc, *words)


def published(cloud):
    """The keys that the issuer publishes."""
    return curl(f"{ISSUER}/.well-known/jwks").json["keys"]


@pytest.mark.parametrize("change, words", [
    (lambda keys: [{**keys[0], "use": "enc"}], ("not for signatures", "'enc'")), (lambda keys: [{**keys[0], "kty": "EC"}], ("no RSA key",)),
    (lambda keys: [], ("does not publish the key",)), (lambda keys: [{**keys[0], "kid": str(i)} for i in range(100)] + keys, ("number 101", "first 100")),
    (lambda keys: "no list", ("does not publish the key",))])
def test_a_key_that_entra_does_not_take(pod, cloud, change, words):
    cloud.fault("issuer", "status", status=200, body={"keys": change(published(cloud))}, path="/.well-known/jwks")
    wrong(doctor(pod), "issuer", 5, *words)


@pytest.mark.parametrize("uri", ["http://issuer.test/keys", None, 7])
def test_keys_that_are_nowhere(pod, cloud, uri):
    cloud.fault("issuer", "fields", set={"jwks_uri": uri}, path="/.well-known/openid-configuration")
    wrong(doctor(pod), "issuer", 5, "names no https address of its keys")


def test_a_hundred_keys_are_not_too_many(pod, cloud):
    cloud.fault("issuer", "status", status=200, body={"keys": [{"kid": str(i)} for i in range(99)] + published(cloud)}, path="/.well-known/jwks")
    assert doctor(pod).rc == 0


def test_the_subject_differs_in_case(place):
    wrong(doctor(place.pod(sub="system:CI")), "exchange", 6, "letter case", "'system:CI'")


def test_the_subject_is_another(place):
    report = doctor(place.pod(sub="system:other"))
    wrong(report, "exchange", 6, "presented subject", "'system:other'")
    assert "AADSTS700213" in report.out


def test_beside_what_is_registered(place, cloud):
    """Where somebody is logged in to az who may read it: the letters that differ, with a mark below the first."""
    admin = Admin(place, cloud)
    place.pod(sub="system:CI")
    r = admin.run("doctor")
    report = Report(r)
    wrong(report, "exchange", 6, "letter case", "'system:CI'")
    assert "federated credentials are registered; the nearest is" in r.out and "system:ci" in r.out and "system:CI" in r.out and "^" in r.out, r.out


def test_without_a_log_in_the_comparison_is_left_out(place):
    report = doctor(place.pod(sub="system:other"))
    assert "what is registered could not be read" in report.out and "Azure CLI" in report.out, report.out


def test_the_audience_is_another(place):
    wrong(doctor(place.pod(aud="api://other")), "exchange", 6, "presented audience", "'api://other'")


def test_the_app_has_no_credential(place):
    wrong(doctor(place.pod(client=APP2)), "exchange", 6, "no federated credential at all", APP2)


def test_the_app_is_unknown_in_the_tenant(place):
    wrong(doctor(place.pod(tenant=TENANT2)), "exchange", 6, "unknown in this tenant", TENANT2)


def test_the_tenant_is_unknown(place):
    wrong(doctor(place.pod(tenant="99999999-9999-4999-8999-999999999999")), "exchange", 6, "tenant does not exist")


def test_conditional_access(pod, cloud):
    cloud.fault("entra", "aadsts", code=53003)
    wrong(doctor(pod), "exchange", 10, "Conditional Access")


def test_a_captive_portal(pod, cloud):
    cloud.fault("entra", "html", status=200)
    wrong(doctor(pod), "exchange", 8, "web page")


def test_a_proxy_wants_a_log_in(pod, cloud):
    cloud.set(proxy_auth="user:password")
    report = doctor(pod, HTTPS_PROXY=cloud.info()["proxy"])
    assert report.marks["issuer"] == "?"
    wrong(report, "exchange", 8, "wants a log-in", "407")


def test_a_certificate_that_is_not_trusted(pod, cloud):
    cloud.fault("tls", "unknown-ca", host="login.microsoftonline.com")
    wrong(doctor(pod), "exchange", 8, "certificate", "not trusted")


def test_no_member_of_the_organization(pod):
    wrong(doctor(pod, "https://dev.azure.com/nomember"), "resource", 6, "nomember does not know this identity", "no member")


def test_no_such_organization(pod):
    wrong(doctor(pod, "https://dev.azure.com/nowhere"), "resource", 6, "no Azure DevOps organization nowhere")


def test_no_role_on_a_registry(place, cloud):
    place.pod(client=UAMI)
    report = doctor(place, REGISTRY2)
    wrong(report, "resource", 6, REGISTRY2)
    assert "AcrPull" in report.out


def test_no_subscription(place, cloud):
    from cloud.client import SUBSCRIPTION
    cloud.subscription(SUBSCRIPTION, roles={})
    wrong(doctor(place.pod(), "arm"), "resource", 6, "no role on any subscription")


def test_a_policy_that_serves_somebody_else(pod):
    pod.config(more="[match https://dev.azure.com/fabrikam]\nidentity = default\n")
    wrong(doctor(pod, CONTOSO), "source", 4, "none covers it")


# --- how it is called ---

@pytest.mark.parametrize("words, rc", [(["--what"], 2), (["a b"], 2), (["arm", "more"], 2)])
def test_usage(place, cloud, words, rc):
    r = place.run(["daypass", "doctor", *words])
    assert r.rc == rc and r.out == "" and "doctor" in r.err and not cloud.log()
