"""kubectl's exec plugin against the stand-in Entra: who gets a token, for how many requests, and who gets none for no request at all."""
import json
import socket

import pytest

from cloud.client import (AKS, AKS_SCOPE, APP, APP2, ARC, ARC_SCOPE, AUDIENCE_CHINA, AUDIENCE_USGOV, CHINA, CLUSTER, CONNECTION, CUSTOM, EVIL, PUBLIC,
                          TENANT, TENANT2, USGOV)
from e2e.docker import claims
from e2e.kube import FOR_AKS, GROUP, NAMES, STANZA, WI, answer, ask, failed, get, info, program
from e2e.place import hosts

both = pytest.mark.parametrize("name", NAMES)


# --- one exchange ---

@both
def test_a_cold_call_is_one_request_and_a_warm_one_is_none(pod, cloud, name):
    token = get(pod, *STANZA[1:], name=name)
    asked, = cloud.exchanges()
    assert asked["form"]["scope"] == AKS_SCOPE and asked["form"]["client_id"] == APP and hosts(cloud) == {PUBLIC}
    assert (claims(token)["aud"], claims(token)["appid"], claims(token)["tid"]) == (AKS, APP, TENANT)
    assert len(cloud.log(kind="http")) == 1, "no discovery of instance or tenant"
    for flags in (STANZA[1:], FOR_AKS, WI, (*FOR_AKS, "-l", "interactive"), ("--server-id", AKS + "/.default")):
        assert get(pod, *flags, name=name, KUBERNETES_EXEC_INFO=info("v1"), version="v1") == token
    assert len(cloud.exchanges()) == 1


def test_both_names_share_a_token_and_git_has_its_own(pod, cloud):
    assert get(pod, name="kubelogin") == get(pod) and len(cloud.exchanges()) == 1
    assert pod.get().token != get(pod) and len(cloud.exchanges()) == 2


def test_arc_has_a_token_of_its_own(pod, cloud):
    assert claims(get(pod, "--server-id", ARC))["aud"] == ARC and [r["form"]["scope"] for r in cloud.exchanges()] == [ARC_SCOPE]


@both
def test_fifty_at_once_make_one_request(pod, cloud, name):
    cloud.fault("entra", "delay", ms=200)
    assert len({answer(r) for r in pod.many(50, [program(pod, name), *STANZA])}) == 1 and len(cloud.exchanges()) == 1


def test_a_refresh_is_another_exchange_and_is_kept(pod, cloud):
    first = get(pod)
    second = get(pod, *FOR_AKS, "--refresh")
    assert second != first and get(pod) == second and len(cloud.exchanges()) == 2


def test_a_service_accounts_new_token_is_no_other_caller(pod, cloud):
    """The kubelet writes another every hour: same account, same cached token."""
    first = get(pod)
    pod.assertion()
    assert get(pod) == first and len(cloud.exchanges()) == 1
    pod.assertion(sub="system:serviceaccount:ci:other")
    failed(ask(pod, *FOR_AKS), "AADSTS700213")


# --- whose token ---

def test_a_github_job(place, cloud):
    place.github()
    assert claims(get(place, *STANZA[1:], name="kubelogin"))["appid"] == APP and get(place, *WI) and len(cloud.exchanges()) == 1


def test_a_pipelines_job(place, cloud):
    place.pipelines()
    assert claims(get(place, *FOR_AKS, "-l", "azurepipelines", name="kubelogin"))["appid"] == APP
    place.pipelines(AZURESUBSCRIPTION_CLIENT_ID=None, AZURESUBSCRIPTION_TENANT_ID=None, AZURESUBSCRIPTION_SERVICE_CONNECTION_ID=None)
    flags = ("--client-id", APP, "--tenant-id", TENANT, "--azure-pipelines-service-connection-id", CONNECTION)
    assert get(place, *FOR_AKS, "-l", "azurepipelines", *flags)
    failed(ask(place, *FOR_AKS, "-l", "azurepipelines"), "service connection")


def test_flags_alone_are_somebody(place, cloud):
    place.assertion()
    flags = (*WI, "--client-id", APP, "--tenant-id", TENANT, "--federated-token-file", place.token_file)
    assert claims(get(place, *flags))["appid"] == APP and len(cloud.exchanges()) == 1


def test_variables_go_first_under_kubelogins_name_alone(pod, cloud):
    flags = (*WI, "--client-id", APP2)
    assert claims(get(pod, *flags, name="kubelogin"))["appid"] == APP
    failed(ask(pod, *flags), APP2)
    failed(ask(pod, *flags, "--disable-environment-override", name="kubelogin"), APP2)


CLOUDS = [("AzureUSGovernmentCloud", USGOV, AUDIENCE_USGOV), ("AzureChinaCloud", CHINA, AUDIENCE_CHINA)]


@pytest.mark.parametrize("environment, host, audience", CLOUDS)
@both
def test_another_cloud_by_environment_or_authority(place, cloud, environment, host, audience, name):
    place.pod(aud=audience)
    assert get(place, *WI, "--environment", environment, name=name) and hosts(cloud) == {host}
    assert get(place, *WI, name=name, AZURE_AUTHORITY_HOST=f"https://{host}/") and hosts(cloud) == {host} and len(cloud.exchanges()) == 1


def test_an_authority_of_the_configuration_file(place, cloud):
    place.config(authority=f"https://{CUSTOM}")
    assert get(place, *WI, "--authority-host", f"https://{CUSTOM}/", name="kubelogin") and get(place, *STANZA[1:]) and hosts(cloud) == {CUSTOM}


# --- no request at all ---

def nothing_sent(place, cloud):
    assert not cloud.log(kind="http") and not hosts(cloud) and not place.records()


@pytest.mark.parametrize("mode", ["workloadidentity", "devicecode", "azurecli", "azurepipelines"])
@both
def test_a_strangers_authority_hears_nothing(pod, cloud, mode, name):
    """The laboratory has a host that takes every assertion: nobody may be led there."""
    for host in (f"https://{EVIL}/", f"https://{PUBLIC}.{EVIL}/", f"https://{PUBLIC}@{EVIL}/", f"https://{EVIL}/{PUBLIC}/", f"http://{PUBLIC}/", f"https://{CUSTOM}/"):
        failed(ask(pod, *FOR_AKS, "-l", mode, "--authority-host", host, name=name), "is no token host that daypass knows")
    if mode == "workloadidentity":
        failed(ask(pod, *WI, name=name, AZURE_AUTHORITY_HOST=f"https://{EVIL}/"), "AZURE_AUTHORITY_HOST", "is no token host")
    failed(ask(pod, *FOR_AKS, "-l", mode, "--authority-host", f"https://{EVIL}/", name=name, AZURE_AUTHORITY_HOST=f"https://{PUBLIC}/"), EVIL)
    nothing_sent(pod, cloud)


@both
def test_a_kubeconfig_does_not_choose_what_a_token_is_for(pod, cloud, name):
    for resource in ("https://graph.microsoft.com", "https://management.azure.com/", "499b84ac-1321-427f-aa17-267ca6975798/.default", f"{AKS} {ARC}", ""):
        failed(ask(pod, *WI, "--server-id", resource, name=name), "server" if resource else "--server-id is missing")
    nothing_sent(pod, cloud)


def test_only_servers_that_the_configuration_names(place, cloud):
    place.config(more=f"[match kube:{CLUSTER}]\nidentity = default\n")
    failed(ask(place, *FOR_AKS), "provideClusterInfo: true")
    failed(ask(place, *FOR_AKS, KUBERNETES_EXEC_INFO=info(server=f"https://{EVIL}")), EVIL, "none covers it")
    failed(ask(place, *FOR_AKS, KUBERNETES_EXEC_INFO=info(server=f"https://{CLUSTER}:6443")), "none covers it")
    failed(ask(place, *FOR_AKS, KUBERNETES_EXEC_INFO=info(server=f"http://{CLUSTER}")), "over http")
    nothing_sent(place, cloud)
    assert get(place, KUBERNETES_EXEC_INFO=info(server=f"https://{CLUSTER}:443"), version="v1") and len(cloud.exchanges()) == 1


@both
def test_nobody_is_told_what_to_type_and_nobody_is_asked(place, cloud, name):
    failed(ask(place, *STANZA[1:], name=name), "AZURE_FEDERATED_TOKEN_FILE", "[identity default]")
    failed(ask(place, *STANZA[1:], name=name, AZURE_TENANT_ID=TENANT, AZURE_CLIENT_ID=APP), "no source of an external token")
    nothing_sent(place, cloud)


def test_a_cluster_of_another_tenant(place, cloud):
    place.config()
    stanza = [TENANT2 if w == TENANT else w for w in STANZA[1:]]
    for env in ({}, {"AZURE_TENANT_ID": TENANT2}):
        failed(ask(place, *stanza, name="kubelogin", **env), f"the cluster is of tenant {TENANT2}", TENANT)
    nothing_sent(place, cloud)


# --- what clients get wrong ---

BAD_INFO = {"no JSON": "kind: ExecCredential", "array": "[]", "null": "null", "string": '"x"', "kind": info().replace("ExecCredential", "Pod"), "v1alpha1": info("v1alpha1"),
            "v3": info("v3"), "no version": "{}", "behind": info() + "x", "nul": info().replace("v1", "v1\\u0000"), "nested": info(status=0).replace("0", "[" * 10000 + "]" * 10000),
            "open": info(status=0).replace("0", "[" * 10000), "huge": "x" * 120000, "control": info("\x1b[31m"), "not UTF-8": "{\"apiVersion\":\"\udcff\"}"}


@pytest.mark.parametrize("bad", BAD_INFO)
def test_bad_info_is_one_line_and_no_request(pod, cloud, bad):
    for name in NAMES:
        failed(ask(pod, *STANZA[1:], name=name, KUBERNETES_EXEC_INFO=BAD_INFO[bad]), "kubeconfig asks for" if bad in ("v1alpha1", "v3") else "")
    nothing_sent(pod, cloud)


def test_info_as_large_as_a_variable_can_be(pod, cloud):
    text = info(server=f"https://{CLUSTER}:443").replace('"server"', '"certificate-authority-data":"' + "QUJD" * 31000 + '","server"')
    assert len(text) > 120000 and get(pod, KUBERNETES_EXEC_INFO=text, version="v1")


@pytest.mark.parametrize("flags, words", [
    (["--tenantid", "x"], "did you mean --tenant-id?"), (["--tenant-id"], "needs a value"), (["-x"], "the flag -x is not known"), (["--refresh=maybe"], "true or false"),
    (["--legacy"], "--legacy"), (["--pop-enabled"], "--pop-enabled"), (["--client-secret", "hunter2"], "every process"), (["--password=hunter2"], "every process"),
    (["-l", "frob"], "frob"), (["-l", "workloadidentity", "-l", "frob"], "frob"), (["word"], "'word'"), (["--exec-api-version", "v1"], "--exec-api-version"),
    (["-l", "workloadidentity", "--client-id", "x"], "GUID"), (["-l", "workloadidentity", "-t", "../x"], "tenant"), (["-l", "workloadidentity", "-e", "AzureStackCloud"], "AzureStackCloud"),
    (["--\x1b[31m\n"], "is not known"), (["\udcff"], "takes flags only"), (["x" * 100000], "takes flags only")])
@both
def test_bad_flags_are_one_line_and_no_request(pod, cloud, flags, words, name):
    line = failed(ask(pod, *FOR_AKS, *flags, name=name, AZURE_CLIENT_ID=None, AZURE_TENANT_ID=None), words)
    assert "hunter2" not in line
    nothing_sent(pod, cloud)


def test_stdin_is_left_alone(pod, cloud):
    """kubectl apply -f - reads it; a terminal or an open pipe must not make us wait."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        p = pod.start([program(pod), *STANZA], stdin=theirs)
        assert p.wait(60) == 0
        ours.sendall(b"untouched")
        assert theirs.recv(100) == b"untouched"


def test_entras_refusal_is_remembered_and_one_line(place, cloud):
    place.pod(sub="system:serviceaccount:other:one")
    line = failed(ask(place, *STANZA[1:], name="kubelogin"), "AADSTS700213", "correlation id")
    assert failed(ask(place, *STANZA[1:], name="kubelogin")) == line and len(cloud.exchanges()) == 1


def test_killed_while_it_waits_it_leaves_nothing_and_the_next_is_served(pod, cloud):
    """kubectl's own deadline, or Ctrl-C."""
    cloud.fault("entra", "delay", ms=3000, times=1)
    p = pod.start([program(pod), *STANZA])
    cloud.wait(1, path=lambda path: (path or "").endswith("/token"))
    p.terminate()
    assert p.wait(10) != 0 and p.stdout.read() == b""
    assert get(pod)


def test_a_program_that_merges_stderr_still_reads_json(pod, cloud):
    """fabric8 runs the plugin so, and JS takes stderr for an error: nothing stands there, not even what was noted under kubelogin's name."""
    merged = pod.script("merged", f'exec "{program(pod, "kubelogin")}" "$@" 2>&1')
    r = pod.run([merged, "get-token", *WI, "--client-id", APP2, "--token-cache-dir", "/x"])
    assert json.loads(r.out)["apiVersion"] == GROUP + "v1beta1"
