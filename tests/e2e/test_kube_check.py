"""daypass kube check: from the kubeconfig to the API server's answer, and the first thing that is wrong on the way."""
import base64
import json
import time

import pytest

from cloud.client import AKS, APP, APP2, AZDO, CLUSTER, CLUSTER2, CLUSTER_AUDIENCE, CLUSTER_OIDC, EVIL, GROUP_ADMINS, GROUP_DEVS, OIDS, TENANT, TENANT2, Cloud
from cloud.peers import kubeconfig
from e2e.kube import GROUP, STANZA, config, environment, program
from e2e.place import BIN, PATH, hosts

STEPS = ["kubeconfig", "cluster", "user", "program", "policy", "plugin", "token", "API server"]


def check(place, path, *args, **env):
    program(place, "kubelogin")
    return place.run(["daypass", "kube", "check", *args], **{**environment(place, path), **env})


def marks(r):
    """What became of each step: ok, wrong, or - where it was not reached."""
    found = {}
    for line in r.out.splitlines():
        mark, name = line[2:8].strip(), line[9:21].strip()
        if name in STEPS:
            found[name] = mark
    assert list(found) == STEPS, r.out
    return [found[s] for s in STEPS]


def wrong(r, step, kind, *words):
    """All before it is well, it is what is wrong, nothing after it was looked at; stderr says why and what to type."""
    at = STEPS.index(step)
    assert marks(r) == ["ok"] * at + ["wrong"] + ["-"] * (len(STEPS) - at - 1), r.out
    assert r.rc == kind and "next: " in r.err, r
    for word in words:
        assert str(word) in r.err, f"{word!r} is missing: {r.err}"


def bad(place, token=None, status=0, err="", out=None, name="bad", version="v1beta1"):
    """A plugin that is not ours."""
    answer = out if out is not None else json.dumps({"kind": "ExecCredential", "apiVersion": GROUP + version, "status": {"token": token}})
    place.write("work/answer", answer)
    return place.script(f"bin/{name}", f"cat {place.work}/answer\n[ -z '{err}' ] || echo '{err}' >&2\nexit {status}")


def test_all_is_well(pod, cloud):
    r = check(pod, config(pod))
    assert r.rc == 0 and r.err == "" and marks(r) == ["ok"] * len(STEPS), r
    for word in (pod.work / "kubeconfig", f"https://{CLUSTER}:443", f"{pod.work}/bin/kubelogin, which is daypass", AKS, TENANT, APP, OIDS[APP],
                 f"accepts it: you are {OIDS[APP]}", GROUP_ADMINS, GROUP_DEVS, "all is well"):
        assert str(word) in r.out, f"{word!r} is missing: {r.out}"
    assert len(cloud.exchanges()) == 1 and [row["path"] for row in cloud.kube()] == ["/apis/authentication.k8s.io/v1/selfsubjectreviews"]
    assert len(r.out.splitlines()) <= 14, "it fits a small window"


def test_as_kubectls_own_plugin(pod):
    r = pod.run(["kubectl-daypass", "check"], **environment(pod, config(pod)))
    assert r.rc == 0 and marks(r) == ["ok"] * len(STEPS), r


def test_options(pod):
    path = config(pod, name="other")
    r = pod.run(["daypass", "kube", "check", "--kubeconfig", path, "--context=c"], **environment(pod, "/nonexistent"))
    assert r.rc == 0 and str(path) in r.out, r
    r = check(pod, path, "--frob")
    assert r.rc == 2 and "--frob" in r.err and "usage: daypass kube check" in r.err and not r.out


# --- the kubeconfig ---

def test_there_is_none(place):
    wrong(check(place, "/nonexistent/config"), "kubeconfig", 3, "/nonexistent/config", "az aks get-credentials")
    wrong(check(place, None), "kubeconfig", 3, ".kube/config", "az aks get-credentials")


@pytest.mark.parametrize("text, words", [("a: b: c\n", "kubeconfig:1:"), ("kind: Pod\n", "its kind is not Config"), ("", "current-context"),
                                         ("apiVersion: v1\nkind: Config\ncurrent-context: gone\n", '"gone"')])
def test_it_is_none(place, text, words):
    wrong(check(place, place.write("work/kubeconfig", text)), "kubeconfig", 3, words)


def edited(place, change, **how):
    path = config(place, **how)
    data = json.loads(path.read_text())
    change(data)
    path.write_text(json.dumps(data))
    return path


@pytest.mark.parametrize("what, step, words", [("clusters", "cluster", '"c"'), ("users", "user", '"u"')])
def test_what_a_context_names_is_missing(pod, what, step, words):
    wrong(check(pod, edited(pod, lambda d: d[what].clear())), step, 3, words)


def test_contexts(pod):
    path = edited(pod, lambda d: d["contexts"].append({"name": "other", "context": {"cluster": "x", "user": "u"}}))
    wrong(check(pod, path, "--context", "other"), "cluster", 3, '"x"')
    wrong(check(pod, path, "--context", "none"), "kubeconfig", 3, '"none"', "kubectl config get-contexts")


def test_several_files_are_one(pod):
    def first(d):
        d["users"].clear()
    one, two = edited(pod, first, name="one"), config(pod, name="two")
    r = check(pod, f"{pod.work}/none:{one}:{two}")
    assert r.rc == 0 and str(one) in r.out and str(two) in r.out, r


@pytest.mark.parametrize("cluster, words", [({"server": f"http://{CLUSTER}:80"}, "http"), ({"server": "ftp://x"}, "ftp://x"), ({}, "no server"),
                                            ({"server": f"https://{CLUSTER}", "insecure-skip-tls-verify": True}, "insecure-skip-tls-verify"),
                                            ({"server": f"https://{CLUSTER}", "certificate-authority": "gone.pem"}, "gone.pem"),
                                            ({"server": f"https://{CLUSTER}", "certificate-authority-data": "%%%"}, "certificate-authority-data")])
def test_a_cluster_that_cannot_be(pod, cloud, cluster, words):
    wrong(check(pod, edited(pod, lambda d: d["clusters"][0].update(cluster=cluster))), "cluster", 4 if "insecure" in words else 3, words)
    assert not cloud.log(kind="http")


# --- the user ---

@pytest.mark.parametrize("user, words", [({"token": "x"}, "a token of its own"), ({"client-certificate": "c", "client-key": "k"}, "certificate"),
                                         ({"auth-provider": {"name": "azure"}}, "auth-provider"), ({}, "nothing"), ({"username": "u", "password": "p"}, "password")])
def test_a_user_without_a_plugin(pod, user, words):
    wrong(check(pod, edited(pod, lambda d: d["users"][0].update(user=user))), "user", 3, words, "configure kube" if "provider" in words else "az aks get-credentials")


@pytest.mark.parametrize("change, words", [({"apiVersion": GROUP + "v1alpha1"}, "v1alpha1"), ({"apiVersion": GROUP + "v2"}, "v2"), ({"apiVersion": None}, "apiVersion"),
                                           ({"apiVersion": GROUP + "v1"}, "interactiveMode"), ({"interactiveMode": "Sometimes"}, "Sometimes"),
                                           ({"command": None}, "command"), ({"args": "x"}, "args"), ({"env": [{"value": "x"}]}, "env"), ({"env": [{"name": "x", "value": 1}]}, "env")])
def test_a_stanza_that_kubectl_does_not_take(pod, change, words):
    wrong(check(pod, edited(pod, lambda d: d["users"][0]["user"]["exec"].update(change))), "user", 3, words)


@pytest.mark.parametrize("more, words", [({"token": "x"}, "a token of its own"), ({"tokenFile": "/x"}, "a token of its own"), ({"username": "u", "password": "p"}, "a password"),
                                         ({"client-certificate-data": "eA==", "client-key-data": "eA=="}, "a client certificate")])
def test_what_goes_before_a_plugin(pod, cloud, more, words):
    """kubectl never asks the plugin of such a user."""
    wrong(check(pod, edited(pod, lambda d: d["users"][0]["user"].update(more))), "user", 3, words, "beside its exec stanza")
    assert not cloud.log(kind="http")


def test_anchors_are_told_how_to_go(pod):
    wrong(check(pod, pod.write("work/kubeconfig", "a: &x 1\nb: *x\n")), "kubeconfig", 3, "anchor", "kubectl config view --raw --flatten")


def test_a_stanza_that_must_name_its_server(place):
    place.config(more=f"[match kube:{CLUSTER}]\nidentity = default\n")
    wrong(check(place, config(place)), "plugin", 5, "provideClusterInfo: true")
    r = check(place, config(place, provideClusterInfo=True))
    assert r.rc == 0, r


# --- the program ---

def test_a_program_that_is_not_there(pod):
    wrong(check(pod, config(pod, command="gone-plugin", installHint="ask ada\x1b[31m")), "program", 3, "gone-plugin", "ask ada", "configure kube")
    wrong(check(pod, config(pod, command="./sub/gone")), "program", 3, pod.work / "sub/gone")


def test_a_path_is_the_kubeconfigs(pod, tmp_path):
    """A relative path with a slash begins at the kubeconfig's folder, not where we are."""
    r = pod.run(["daypass", "kube", "check"], cwd=tmp_path, **environment(pod, config(pod, command="bin/kubelogin")))
    assert r.rc == 0 and f"{pod.work}/bin/kubelogin" in r.out, r


def test_a_strangers_program_is_said_to_be_one(pod, cloud):
    r = check(pod, config(pod, command=str(bad(pod, cloud.token(APP, AKS)))))
    assert r.rc == 0 and "another program than daypass" in r.out, r


# --- kubectl's policy ---

def kuberc(place, text):
    place.write("home/.kube/kuberc", f"apiVersion: kubectl.config.k8s.io/v1beta1\nkind: Preference\n{text}")


def test_policies(pod):
    path, link = config(pod), f"{pod.work}/bin/kubelogin"
    kuberc(pod, "credentialPluginPolicy: DenyAll\n")
    wrong(check(pod, path), "policy", 4, "DenyAll", "kuberc")
    for entries in ("", "- name: other\n", f"- command: {pod.work}/bin/other\n", f"- name: {pod.work}/bin\n", f"- name: {BIN}/daypass\n"):
        kuberc(pod, f"credentialPluginPolicy: Allowlist\ncredentialPluginAllowlist:\n{entries}")
        wrong(check(pod, path), "policy", 4, "kubelogin", "the line: - command: kubelogin   (kubectl 1.35: - name: kubelogin)")
    for bad in ("credentialPluginPolicy: Maybe\n", "credentialPluginPolicy: 1\n", "credentialPluginAllowlist:\n- name: kubelogin\n",
                "credentialPluginPolicy: AllowAll\ncredentialPluginAllowlist:\n- name: kubelogin\n"):
        kuberc(pod, bad)
        wrong(check(pod, path), "policy", 4, "kubectl refuses", ".kube/kuberc")
    for entry in ("kubelogin", link):  # a name and a path of the same program
        kuberc(pod, f"credentialPluginPolicy: Allowlist\ncredentialPluginAllowlist:\n- name: {entry}\n")
        assert check(pod, config(pod, command=link, name="by-path")).rc == 0 and check(pod, path).rc == 0, entry
    for entries in ("- name: kubelogin\n", "- command: kubelogin\n", f"- command: {link}\n"):
        kuberc(pod, f"credentialPluginPolicy: Allowlist\ncredentialPluginAllowlist:\n{entries}")
        assert check(pod, path).rc == 0, entries
    kuberc(pod, "credentialPluginPolicy: DenyAll\n")
    assert check(pod, path, KUBERC="off").rc == 0
    wrong(check(pod, path, KUBERC=pod.write("work/rc", "credentialPluginPolicy: DenyAll\n")), "policy", 4, pod.work / "rc")


def test_nothing_runs_that_the_policy_denies(pod):
    plugin = pod.script("bin/own", f"touch {pod.work}/ran")
    kuberc(pod, "credentialPluginPolicy: DenyAll\n")
    check(pod, config(pod, command=str(plugin)))
    assert not (pod.work / "ran").exists()


# --- the plugin's answer ---

def test_our_own_error_is_the_finding(place, cloud):
    wrong(check(place, config(place)), "plugin", 5, "no identity for this cluster", "exit status 1")
    assert not cloud.log(kind="http")
    place.pod(sub="system:other")
    wrong(check(place, config(place)), "plugin", 5, "AADSTS700213", "system:other")


@pytest.mark.parametrize("args, words", [([*STANZA, "--authority-host", f"https://{EVIL}/"], EVIL), ([*STANZA, "--frob"], "--frob"),
                                         ([TENANT2 if w == TENANT else w for w in STANZA], TENANT2),
                                         ([*STANZA[:4], "00000003-0000-0000-c000-000000000000", *STANZA[5:]], "server-ids")])
def test_what_a_stanza_may_not_ask(pod, cloud, args, words):
    wrong(check(pod, config(pod, args)), "plugin", 5, words)
    assert EVIL not in hosts(cloud) and not cloud.kube()


@pytest.mark.parametrize("how, words", [(dict(out=""), "nothing"), (dict(out="hello"), "no JSON"), (dict(out="{}"), "kind"), (dict(token="x", version="v1"), "v1beta1"),
                                        (dict(token=None), "no token"), (dict(token="a b"), "no token"), (dict(token="x", status=3, err="went wrong\x1b[31m"), "went wrong"),
                                        (dict(out='{"kind":"ExecCredential","apiVersion":"%sv1beta1"}' % GROUP), "status")])
def test_answers_that_kubectl_does_not_take(pod, cloud, how, words):
    r = check(pod, config(pod, command=str(bad(pod, **how))))
    wrong(r, "plugin", 5, words)
    assert "\x1b" not in r.err and not cloud.kube()


def test_a_plugin_gets_what_kubectl_gives_it(pod, cloud):
    plugin = bad(pod, cloud.token(APP, AKS))
    spy = pod.script("bin/spy", f'printf "%s\\n" "$KUBERNETES_EXEC_INFO" "$MORE" "$#" "$1" >{pod.work}/seen\ncat >>{pod.work}/seen\nexec {plugin}')
    check(pod, config(pod, ["a b"], str(spy), env=[{"name": "MORE", "value": "x y"}], provideClusterInfo=True))
    info, end, more, count, first = (pod.work / "seen").read_text().splitlines()
    assert end == "", "a line end, as client-go writes it"
    assert (more, count, first) == ("x y", "1", "a b"), "and its stdin is empty"
    told = json.loads(info)
    assert (told["kind"], told["apiVersion"], told["spec"]["interactive"]) == ("ExecCredential", GROUP + "v1beta1", False)
    assert told["spec"]["cluster"]["server"] == f"https://{CLUSTER}:443" and told["spec"]["cluster"]["certificate-authority-data"] and told["spec"]["cluster"]["config"] is None

    def other(d):
        data = d["clusters"][0]["cluster"]
        pod.write("work/ca.pem", base64.b64decode(data.pop("certificate-authority-data")))
        data.update({"certificate-authority": "ca.pem", "extensions": [{"name": GROUP.strip("/") + "/exec", "extension": {"a": [1, "1", True, None]}}]})
    assert check(pod, edited(pod, other, args=["a b"], command=str(spy), provideClusterInfo=True)).rc == 0
    again = json.loads((pod.work / "seen").read_text().splitlines()[0])["spec"]["cluster"]
    assert again == {**told["spec"]["cluster"], "config": {"a": [1, "1", True, None]}}, "a CA in a file is told as data"
    r = check(pod, config(pod, env=[{"name": "KUBERNETES_EXEC_INFO", "value": "x"}]))
    assert r.rc == 0, "no kubeconfig says what kubectl says"


def test_a_plugin_that_waits_for_a_person(pod):
    """It has the time that is set; what it asked for is shown."""
    wrong(check(pod, config(pod, command=str(pod.script("bin/slow", "echo open the page >&2\nsleep 600"))), DAYPASS_TIMEOUT="1"), "plugin", 5, "no end after 1 s", "open the page")


def answered(place, **status):
    return bad(place, out=json.dumps({"kind": "ExecCredential", "apiVersion": GROUP + "v1beta1", "status": status}))


def test_times_of_an_answer(pod, cloud):
    token = cloud.token(APP, AKS)
    for end, step in (("2099-01-01T00:00:00Z", None), ("2099-01-01T00:00:00.5+01:00", None), ("2026-01-01T00:00:00Z", "token"), ("2026-01-01T00:00:00-01:00", "token"),
                      ("2099-01-01 00:00:00", "plugin"), (4070908800, "plugin")):
        r = check(pod, config(pod, command=str(answered(pod, token=token, expirationTimestamp=end))))
        assert r.rc == 0 if step is None else not wrong(r, step, 5, "expirationTimestamp"), (end, r)


def test_a_client_certificate_is_the_servers_to_judge(pod, cloud):
    r = check(pod, config(pod, command=str(answered(pod, clientCertificateData="x", clientKeyData="secret-key"))))
    assert r.rc == 0 and "a client certificate" in r.out and "not asked" in r.out and "all is well" not in r.out and "secret-key" not in r.out + r.err, r
    wrong(check(pod, config(pod, command=str(answered(pod, clientCertificateData="x")))), "plugin", 5, "without its key")
    assert not cloud.kube()


def test_a_name_never_becomes_a_command(pod):
    """What is to be typed next holds no name that a shell would take for more."""
    script = pod.script("bin/$(x);y", "sleep 600")
    kuberc(pod, "credentialPluginPolicy: DenyAll\n")
    for env in ({}, {"KUBERC": "off", "DAYPASS_TIMEOUT": "1"}):
        r = check(pod, config(pod, command=str(script)), **env)
        hint, = (line for line in r.err.splitlines() if line.startswith("daypass: next: "))
        assert r.rc and "$(x)" not in hint, r


def test_variables_that_go_before_flags_are_told(pod):
    """kubelogin's precedence, which surprises: here it is said."""
    args = [APP2 if i and STANZA[i - 1] == "--client-id" else w for i, w in enumerate(STANZA)]
    r = check(pod, config(pod, args), AAD_LOGIN_METHOD="workloadidentity")
    assert r.rc == 0 and f"AZURE_CLIENT_ID = {APP} is used, not --client-id {APP2}" in r.out, r


# --- the token ---

@pytest.mark.parametrize("how, words", [(lambda c: c.token(APP, AZDO), "audience"), (lambda c: c.token(APP, "spn:" + AKS), "--legacy"),
                                        (lambda c: c.token(APP, AKS, tid=TENANT2), TENANT2), (lambda c: c.token(APP, AKS, exp=int(time.time()) - 100), "ended"),
                                        (lambda c: c.token(APP, AKS, nbf=int(time.time()) + 1000), "begins only at")])
def test_a_token_that_is_wrong_by_its_claims(pod, cloud, how, words):
    wrong(check(pod, config(pod, command=str(bad(pod, how(cloud))))), "token", 6, words)
    assert not [row for row in cloud.kube() if row["auth"]], "such a token is shown to nobody"


def test_a_token_that_says_nothing_is_left_to_the_server(pod, cloud):
    wrong(check(pod, config(pod, command=str(bad(pod, "opaque")))), "API server", 6, "Unauthorized")


def test_too_many_groups(pod, cloud):
    """AKS looks them up; a server that does not sees none, and that is what is wrong."""
    cloud.client(APP, groups=[f"00000000-0000-0000-0000-{n:012}" for n in range(201)])
    r = check(pod, config(pod))
    wrong(r, "API server", 6, "more than 200", f"the object id {OIDS[APP]}")
    assert "more than 200 groups" in r.out
    me = {"kind": "SelfSubjectReview", "status": {"userInfo": {"username": "me", "groups": ["system:authenticated", "from-graph"]}}}
    cloud.fault("kube", "body", value=json.dumps(me))
    r = check(pod, config(pod))
    assert r.rc == 0 and "from-graph" in r.out, r


def test_our_clock_is_wrong(pod, cloud):
    """By it the token has ended, or is not good yet; the API server's clock, asked without a token, says otherwise."""
    now = int(time.time())
    for off, token, words in ((-7200, cloud.token(APP, AKS, nbf=now - 7300, exp=now - 3600), "ahead of"), (7200, cloud.token(APP, AKS, nbf=now + 3600, exp=now + 9000), "behind")):
        cloud.clear()
        cloud.fault("kube", "clock", offset=off)
        wrong(check(pod, config(pod, command=str(bad(pod, token)))), "token", 6, f"this machine's clock is", words, "timedatectl")
    assert {row["auth"] for row in cloud.kube()} == {""}


# --- the API server ---

def test_a_kept_token_that_is_good_no_more(pod, cloud):
    path = config(pod)
    assert check(pod, path).rc == 0
    cloud.revoke()
    r = check(pod, path)
    assert r.rc == 0 and "the kept token was refused" in r.out and len(cloud.exchanges()) == 2, r
    assert "kept token" not in check(pod, path).out


def test_a_fresh_token_that_is_refused(pod, cloud):
    cloud.cluster(CLUSTER, tenant=TENANT2)
    r = check(pod, config(pod))
    wrong(r, "API server", 6, "a fresh token", f"https://sts.windows.net/{TENANT}/", TENANT)
    assert "Unauthorized" in r.err and len(cloud.exchanges()) == 2


def test_clocks_that_differ(pod, cloud):
    cloud.fault("kube", "clock", offset=7200)
    wrong(check(pod, config(pod)), "API server", 6, "clock", "2h00m", "ahead of this machine's", "the token ended")
    cloud.clear()
    cloud.cluster(CLUSTER, tenant=TENANT2)
    cloud.fault("kube", "date", offset=1200)
    r = check(pod, config(pod))
    wrong(r, "API server", 6, "does not trust issuer")
    assert "clock" not in r.err, "by the server's clock the token is good: that is not why"


def test_a_strangers_plugin_is_asked_once(pod, cloud):
    plugin = bad(pod, cloud.token(APP, AKS))
    cloud.revoke()
    wrong(check(pod, config(pod, command=str(plugin))), "API server", 6, "Unauthorized")
    assert len(cloud.kube()) == 1


def test_a_server_that_is_not_there(pod, cloud):
    ca = edited(pod, lambda d: d["clusters"][0]["cluster"].update(server="https://127.0.0.1:1"))
    wrong(check(pod, ca), "API server", 8, "127.0.0.1")


def test_a_server_of_another_ca(pod, cloud):
    def other(d):
        with open(Cloud().info()["ca"]) as f:
            pem = f.read()
        del d["clusters"][0]["cluster"]["certificate-authority-data"]
        d["clusters"][0]["cluster"]["certificate-authority"] = "other.pem"
        pod.write("work/other.pem", pem)
    cloud.fault("tls", "unknown-ca", host=CLUSTER)
    wrong(check(pod, edited(pod, other)), "API server", 8, "certificate")
    assert not cloud.kube()


def test_an_older_server(pod, cloud):
    cloud.fault("kube", "status", path="selfsubjectreviews", status=404, body={"kind": "Status", "code": 404})
    r = check(pod, config(pod))
    assert r.rc == 0 and "accepts it" in r.out and [row["path"] for row in cloud.kube()][-1] == "/version", r


def test_another_name_in_the_certificate_and_a_proxy_of_the_clusters_own(pod, cloud):
    """As kubectl has them: the name is TLS's alone, and NO_PROXY says nothing about proxy-url."""
    r = check(pod, edited(pod, lambda d: d["clusters"][0]["cluster"].update({"tls-server-name": CLUSTER2})))
    assert r.rc == 0 and cloud.kube()[-1]["host"] == CLUSTER and cloud.log(kind="tls", host=CLUSTER2), r
    r = check(pod, config(pod, cluster={"proxy-url": cloud.info()["proxy"]}), HTTPS_PROXY=None, NO_PROXY="*")
    assert r.rc == 0 and cloud.log(kind="proxy", host=CLUSTER), r


def test_a_token_without_an_audience(pod, cloud):
    r = check(pod, config(pod, command=str(bad(pod, cloud.mint(aud=None)))))
    assert "(null)" not in r.out + r.err and "for nobody" in r.out, r


def test_a_server_that_trusts_the_issuer_itself(place, cloud):
    place.assertion(aud=CLUSTER_AUDIENCE)
    place.config(more=f"[match kube:{CLUSTER_OIDC}]\nmode = direct\ncluster-audience = {CLUSTER_AUDIENCE}\n")
    r = check(place, config(place, host=CLUSTER_OIDC, provideClusterInfo=True))
    assert r.rc == 0 and CLUSTER_AUDIENCE in r.out and not cloud.exchanges(), r


def test_no_token_is_shown(pod, cloud):
    """place.run looks at stderr; stdout must not have one either."""
    r = check(pod, config(pod, command=str(bad(pod, cloud.token(APP, AKS), status=1, err=cloud.token(APP, AKS)))))
    assert "eyJ***" in r.err and "eyJ" not in r.out
