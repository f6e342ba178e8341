"""A chain: a managed identity's token is the assertion of an app registration, in its own tenant or another; each hop cached and explained."""
import pytest

from cloud.client import APP, APP2, AUDIENCE_GUID, AZDO, ENTRA_ISSUER, FAB, MACHINE_HEADER, OIDS, TENANT, TENANT2, UAMI
from cloud.tokens import parse
from e2e.place import HELPER, said_no

OID_ABROAD = "cccccccc-0000-4000-8000-00000000000a"


def chain(place, hop="source = managed-identity\n", client=APP, tenant=TENANT, more=""):
    place.config(f"[identity default]\ntenant = {tenant}\nclient-id = {client}\nsource = identity\nvia = hop\n[identity hop]\n{hop}{more}")
    place.identity = {"IDENTITY_ENDPOINT": place.cloud.info()["machine"] + "/msi/token", "IDENTITY_HEADER": MACHINE_HEADER}
    return place


def machine(cloud):
    return cloud.log(service="machine", kind="http")


def claims(token):
    return parse(token)[1]


def test_a_managed_identity_becomes_an_app(place, cloud):
    token = chain(place).get().token
    assert claims(token)["appid"] == APP and claims(token)["aud"] == AZDO
    row, = machine(cloud)
    assert row["query"]["resource"] == "api://AzureADTokenExchange"
    exchange, = cloud.exchanges()
    said = claims(exchange["form"]["client_assertion"])
    assert (said["iss"], said["sub"], said["aud"]) == (ENTRA_ISSUER, OIDS[UAMI], AUDIENCE_GUID)


def test_each_hop_has_its_own_place_in_the_cache(place, cloud):
    chain(place)
    assert place.get().token and place.get().token
    assert len(machine(cloud)) == 1 and len(cloud.exchanges()) == 1
    place.run(["daypass", "token", "--resource", "https://vault.azure.net"], leaks=True)
    assert len(machine(cloud)) == 1 and len(cloud.exchanges()) == 2, "another token by the same hop"


def test_twenty_at_once_make_one_of_each(place, cloud):
    for r in chain(place).many(20, [HELPER, "get"], place.ask()):
        assert r.token, r
    assert len(machine(cloud)) == 1 and len(cloud.exchanges()) == 1


def test_many_chains_at_once_do_not_wait_for_one_another(place, cloud):
    """More scopes than there are locks of a kind, so that several share one: none waits for itself."""
    chain(place)
    running = [place.start(["daypass", "token", "--resource", r]) for r in ("https://vault.azure.net", "https://management.azure.com", "https://storage.azure.com",
                                                                           "https://graph.microsoft.com", "https://database.windows.net") for _ in range(8)]
    for p in running:
        assert place.finish(p, leaks=True).rc == 0
    assert len(machine(cloud)) == 1 and len(cloud.exchanges()) == 5


def test_an_app_in_another_tenant(place, cloud):
    """The app is at home where the managed identity is, and multi-tenant: the exchange goes to the other tenant."""
    cloud.client(APP, also={TENANT2: OID_ABROAD})
    cloud.members("fabrikam", add=APP)
    token = chain(place, tenant=TENANT2).get().token
    assert (claims(token)["tid"], claims(token)["oid"]) == (TENANT2, OID_ABROAD)
    assert cloud.exchanges()[0]["path"].startswith(f"/{TENANT2}/")


def test_an_app_of_another_tenant_does_not_take_it(place, cloud):
    cloud.fic("add", client=FAB, issuer=ENTRA_ISSUER, subject=OIDS[UAMI])
    said_no(chain(place, client=FAB, tenant=TENANT2).get(), "AADSTS700236")


def test_a_federated_managed_identity_is_a_hop_too(place, cloud):
    """Two exchanges: the pod becomes the managed identity, and that the app."""
    place.pod()
    file = place.token_file
    chain(place, f"tenant = {TENANT}\nclient-id = {UAMI}\nsource = file\ntoken-file = {file}\n")
    assert claims(place.get().token)["appid"] == APP
    first, second = cloud.exchanges()
    assert first["form"]["client_id"] == UAMI and first["form"]["scope"] == "api://AzureADTokenExchange/.default" and second["form"]["client_id"] == APP


def test_an_apps_token_is_no_assertion(place, cloud):
    place.pod()
    chain(place, f"tenant = {TENANT}\nclient-id = {APP}\nsource = file\ntoken-file = {place.token_file}\n")
    said_no(place.get(), "AADSTS700226", "managed identit")


def test_whoami_tells_both(place, cloud):
    out = chain(place).run(["daypass", "whoami"]).out
    for word in ("source identity", ENTRA_ISSUER, OIDS[UAMI], "via        hop", APP):
        assert word in out, out


def test_doctor_walks_it(place, cloud):
    r = chain(place).run(["daypass", "doctor", "https://dev.azure.com/contoso"])
    assert r.rc == 0 and "ok     token" in r.out and AUDIENCE_GUID in r.out, r.out


def test_the_story_names_each_hop(place, cloud):
    err = chain(place).get(DAYPASS_TRACE="1").err
    assert "plan: identity hop" in err and "source managed-identity" in err and "plan: identity default" in err and "source identity" in err


@pytest.mark.parametrize("body, words", [
    ("source = identity\n", ("via is not set", "via = NAME")), ("source = identity\nvia = nobody\n", ("there is no [identity nobody]", "add the section")),
    ("source = identity\nvia = default\n", ("identity default goes by another one itself",)),
    ("source = identity\nvia = second\n[identity second]\nsource = identity\nvia = default\n", ("identity second goes by another one itself",)),
    ("source = identity\nvia = second\n[identity second]\nsource = file\n", ("identity second", "token-file")),
    ("source = identity\nvia = second\n[identity second]\nsource = nothing\n", ("there is no such source",))])
def test_what_is_no_chain(place, cloud, body, words):
    place.config(f"[identity default]\ntenant = {TENANT}\nclient-id = {APP}\n{body}")
    said_no(place.get(), *words)
    assert not cloud.log()


def test_the_hop_is_down(place, cloud):
    cloud.fault("machine", "reset")
    said_no(chain(place).get(), "identity hop, which default goes by", "does not answer")
    assert not cloud.exchanges()


def test_nobody_trusts_the_hop(place, cloud):
    said_no(chain(place, client=APP2).get(), "AADSTS70025")
    cloud.fic("remove", client=APP, subject=OIDS[UAMI])
    said_no(chain(place).get(), "AADSTS7002137")


def test_variables_choose_who_is_served_and_not_the_hop(place, cloud):
    """DAYPASS_CLIENT_ID is over the identity that is asked for; the hop is whom the file says."""
    cloud.client(APP2, tenant=TENANT)
    cloud.fic("add", client=APP2, issuer=ENTRA_ISSUER, subject=OIDS[UAMI])
    assert claims(chain(place).get(DAYPASS_CLIENT_ID=APP2, DAYPASS_SOURCE="identity").token)["appid"] == APP2
    assert "client_id" not in machine(cloud)[0]["query"]
