"""Azure's kubelogin beside daypass under that name: the same flags, variables and stand-in cloud, and what each answers. The cases and what Azure's
does with them are in ../logins.py; the table is printed at the end."""
import json
import shutil
import subprocess

import pytest

from cloud.client import AKS, APP, CLUSTER_ARC, GROUP_ADMINS, GROUP_DEVS, OIDS
from cloud.peers import kube
from e2e import converts
from e2e.cluster import program as built
from e2e.converts import CONVERSIONS, OLD, Converted, flags
from e2e.logins import CASES, GUIDS, ROWS, STANZA, Did, close
from e2e.place import BIN


def daypass(place):
    done = subprocess.run([BIN / "daypass", "kube"], capture_output=True, text=True)
    if "is not a command" in done.stderr:
        pytest.skip("not run: kubelogin's flags are not there yet")
    link = place.work / "kubelogin"
    link.symlink_to(BIN / "daypass")
    return link


@pytest.fixture(params=["kubelogin", "daypass"])
def program(request, place):
    """Whoever stands under the name kubelogin."""
    return daypass(place) if request.param == "daypass" else request.getfixturevalue("kubelogin")


@pytest.fixture(scope="session")
def any_kubectl():
    found = built("kubectl") or shutil.which("kubectl")
    return found or pytest.skip("not run: no kubectl here")


def judged(did, want):
    """A token of the client that was wanted, the words of a failure, or neither."""
    case, r = did.case, did.r
    if want is None:
        assert r.rc == 0 and not did.credential, r
    elif want in GUIDS:
        assert r.rc == 0 and did.credential, r
        assert (did.claims["appid"], did.claims["aud"]) == (want, case.aud)
        assert did.credential["apiVersion"] == f"client.authentication.k8s.io/{case.api}" and did.credential["kind"] == "ExecCredential"
        assert r.out.count("\n") == 1 and r.out.endswith("}\n")
    else:
        assert r.rc == 1 and not r.out and r.err and want in r.err, r


@pytest.mark.parametrize("case", CASES, ids=[c.name for c in CASES])
def test_azures(place, kubelogin, case):
    did = Did(place, kubelogin, case)
    ROWS.append(did.row("kubelogin"))
    close(place)
    judged(did, case.want)
    assert case.says in did.r.err, did.r
    assert not case.asks or (did.asks or "-") == case.asks or (case.asks.endswith("...") and did.asks.startswith(case.asks[:-3]))
    assert not case.calls or did.called == case.calls
    assert did.margin in (None, 0, 1), "its expiry is the token's own, or a second after it"


@pytest.mark.parametrize("case", CASES, ids=[c.name for c in CASES])
def test_ours(place, case):
    did = Did(place, daypass(place), case)
    ROWS.append(did.row("daypass"))
    close(place)
    same = case.want if case.want is None or case.want in GUIDS or case.want.startswith("AADSTS") else ""  # our words are our own
    judged(did, case.differs[0] if case.differs else same)
    if did.credential:
        assert did.margin < 0 and not did.r.err, did.r


# --- convert-kubeconfig ---

@pytest.mark.parametrize("case", CONVERSIONS, ids=[c.name for c in CONVERSIONS])
def test_convert(place, program, any_kubectl, case):
    done, azures = Converted(place, program, any_kubectl, case), program == built("kubelogin")
    converts.ROWS.append(done.row("kubelogin" if azures else "daypass", case))
    if case.ours and not azures:
        assert case.ours in done.r.out + done.r.err and (done.r.rc == 0 or done.text == case.text), done.r
        return
    if case.fails:
        assert done.r.rc == 1 and done.text == case.text and (not azures or case.want in done.r.err), done.r
        return
    assert done.r.rc == 0 and done.changed == case.changed, (done.r, done.text)
    assert not azures or done.text == case.text or done.comments == 0, "it keeps comments now"
    if not case.changed:
        return
    want = ["get-token", "--login", case.mode, "--server-id", AKS, *case.want.split()]
    if not azures:  # ours says all of it in the order that was there, and keeps what only the person can have written
        assert done.exec["args"][0] == "get-token" and done.flags() >= flags(want), done.exec
    if azures:
        assert done.exec["args"] == want, done.exec
        assert (done.exec["apiVersion"].rpartition("/")[2], done.exec["command"], done.exec.get("env")) == ("v1beta1", "kubelogin", case.env)
        assert done.exec.get("interactiveMode") in (None, "IfAvailable") and done.exec["provideClusterInfo"] is False
        assert case.text == OLD or done.exec["installHint"] == "ask ada"


# --- and what they are for ---

def test_a_pod_of_the_cluster_itself(place, cloud, cluster, kubectl, program):
    """AKS's stanza, told by AAD_LOGIN_METHOD to use the pod's identity: a service account's token goes to Entra, and what comes back to the API server."""
    cluster.federate(cloud)
    place.pod()
    place.write("token", cluster.service_token())
    config = place.write("kubeconfig", cluster.kubeconfig({"exec": {
        "apiVersion": "client.authentication.k8s.io/v1beta1", "command": str(program), "args": ["get-token", *STANZA], "env": None, "provideClusterInfo": False}}))
    r = place.run([kubectl, "auth", "whoami", "-o", "json"], KUBECONFIG=config, AAD_LOGIN_METHOD="workloadidentity")
    assert r.rc == 0, r
    said = json.loads(r.out)["status"]["userInfo"]
    assert (said["username"], said["groups"]) == (OIDS[APP], [GROUP_ADMINS, GROUP_DEVS, "system:authenticated"])
    assert [row["form"]["client_id"] for row in cloud.exchanges()] == [APP]


def test_guard_takes_the_proof(place, program):
    did = Did(place, program, next(c for c in CASES if c.name == "spn, pop"))
    answer = kube(did.credential["status"]["token"], "/apis/authentication.k8s.io/v1/selfsubjectreviews", "-d", "{}", host=CLUSTER_ARC)
    assert answer.status == 201 and answer.json["status"]["userInfo"]["username"] == OIDS[APP]
