"""daypass exec: what the command is given and how it ends; its server is in test_exec_server.py."""
import json
import os
import pty
import re
import resource
import signal

import pytest

from cloud.client import APP, ARM, AZDO, FAB, TENANT, TENANT2
from e2e.job import Job, servers
from e2e.place import BIN, JWT, PATH, URL, wait_until
from e2e.sandbox import without_call

NAMED = set("""DAYPASS_EXEC IDENTITY_ENDPOINT IDENTITY_HEADER MSI_ENDPOINT MSI_SECRET AZURE_TOKEN_CREDENTIALS AZD_AUTH_ENDPOINT AZD_AUTH_KEY AZCOPY_AUTO_LOGIN_TYPE AZCOPY_TENANT_ID
ARM_USE_CLI ARM_USE_MSI ARM_MSI_ENDPOINT ARM_CLIENT_ID ARM_TENANT_ID NO_PROXY no_proxy AZURE_CONFIG_DIR DOCKER_CONFIG PATH GIT_CONFIG_COUNT
GIT_CONFIG_KEY_0 GIT_CONFIG_KEY_1 GIT_CONFIG_VALUE_0 GIT_CONFIG_VALUE_1 AZURE_FEDERATED_TOKEN_FILE""".split())
LOOK = """import os, resource, signal, sys
print(os.umask(0), [resource.getrlimit(i) for i in range(16)], os.getpgid(0) == os.getpid(), os.getsid(0), os.nice(0), os.getcwd())
print([line for line in open("/proc/self/status") if line.startswith(("Sig", "Shd", "Groups", "Uid", "Gid", "Seccomp", "NoNewPrivs"))])
print(sorted((int(n), os.readlink("/proc/self/fd/" + n)) for n in os.listdir("/proc/self/fd") if os.path.exists("/proc/self/fd/" + n) and "pipe" not in os.readlink("/proc/self/fd/" + n)))
print([line for line in open("/proc/self/limits")])"""


@pytest.fixture
def job(pod):
    return Job(pod)


def variables(text):
    return dict(row.split("=", 1) for row in text.split("\0") if row)


# --- the command is what it would have been ---

OPEN = ["sh", "-c", 'exec 9</etc/passwd "$@"', "sh"]


def odd():
    """As a caller may have left things."""
    os.umask(0o027)
    resource.setrlimit(resource.RLIMIT_CORE, (0, resource.RLIM_INFINITY))
    resource.setrlimit(resource.RLIMIT_NOFILE, (300, 4096))
    for number in (signal.SIGPIPE, signal.SIGHUP, signal.SIGCHLD):
        signal.signal(number, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR1, signal.SIGTERM])


def test_all_but_the_named_variables_is_the_callers(pod):
    plain = pod.run([*OPEN, "/usr/bin/python3", "-c", LOOK], before=odd)
    ours = pod.run([*OPEN, "daypass", "exec", "--", "/usr/bin/python3", "-c", LOOK], before=odd)
    assert plain.rc == 0 and (ours.rc, ours.out, ours.err) == (0, plain.out, ""), (plain, ours)
    assert "(9, '/etc/passwd')" in ours.out and "4096" in ours.out
    before, after = (variables(pod.run([*OPEN, *argv, "env", "-0"], ODD="a\nb", before=odd).out) for argv in ((), ("daypass", "exec", "--")))
    assert {k for k in before.keys() | after.keys() if before.get(k) != after.get(k)} == NAMED


def test_closed_streams_stay_closed(pod):
    look = "import os; print([n for n in range(3) if not os.path.exists(f'/proc/self/fd/{n}')], file=open(os.environ['OUT'], 'w'))"
    out = pod.folder / "closed"
    r = pod.run(["daypass", "exec", "--", "sh", "-c", 'exec /usr/bin/python3 -c "$0"', look], OUT=out, before=lambda: (os.close(0), os.close(2)))
    assert r.rc == 0 and out.read_text() == "[0, 2]\n"


@pytest.mark.parametrize("end, rc", [("exit 7", 7), ("kill -TERM $$", -15), ("kill -9 $$", -9), ("true", 0)])
def test_it_ends_as_it_ends(pod, end, rc):
    assert pod.run(["daypass", "exec", "--", "sh", "-c", end]).rc == rc
    wait_until(lambda: not servers(), "nobody serves any more")


def test_a_signal_reaches_it(job):
    job.kill(job.p.pid, signal.SIGTERM)
    assert job.place.finish(job.p).rc == -15
    job.gone()


def test_it_has_no_child_that_it_did_not_start(pod):
    r = pod.run(["daypass", "exec", "--", "/usr/bin/python3", "-c", "import os\ntry: print(os.waitpid(-1, os.WNOHANG))\nexcept ChildProcessError: print('none')"])
    assert r.out == "none\n", r


def test_it_stays_in_its_process_and_session(pod):
    p = pod.start(["daypass", "exec", "--", "sh", "-c", "echo $$; ps -o sid= -p $$"])
    out = pod.finish(p).out.split()
    assert int(out[0]) == p.pid and int(out[1]) == os.getsid(0)


@pytest.mark.parametrize("program, rc, word", [("/nonexistent/x", 127, "No such file"), ("no-such-program", 127, "No such file"), ("/etc/passwd", 126, "Permission denied"), ("/etc", 126, "Permission denied")])
def test_a_program_that_cannot_be_started(pod, program, rc, word):
    r = pod.run(["daypass", "exec", "--", program])
    assert (r.rc, r.out) == (rc, "") and program in r.err and word in r.err
    wait_until(lambda: not servers(), "nobody serves any more")
    assert not list((pod.runtime / "daypass").glob("exec.*"))


def test_nobody_to_be(place, cloud):
    """Told before the command starts."""
    r = place.run(["daypass", "exec", "--", "sh", "-c", "echo started"])
    assert r.rc == 3 and r.out == "" and "neither a configuration nor the environment names an identity" in r.err and "next: " in r.err
    r = place.run(["daypass", "exec", "--", "sh", "-c", "echo started"], AZURE_TENANT_ID=TENANT, AZURE_CLIENT_ID=APP)
    assert r.rc == 5 and r.out == "" and "no source" in r.err
    r = place.run(["daypass", "exec", "--identity", "nobody", "--", "sh", "-c", "echo started"])
    assert r.rc == 3 and r.out == "" and "nobody" in r.err
    assert not servers() and not cloud.log(kind="http")


def test_a_pipe_ends_with_its_command(pod):
    """$(daypass exec ...): no server holds the other end."""
    p = pod.start(["daypass", "exec", "--", "sh", "-c", "echo out; echo err >&2; exec >&- 2>&-; read x; exit 0"])
    assert (p.stdout.read(), p.stderr.read()) == (b"out\n", b"err\n") and p.poll() is None and servers()
    p.stdin.close()
    assert p.wait() == 0
    wait_until(lambda: not servers(), "nobody serves any more")


def test_on_a_terminal_one_line_says_who(pod):
    pid, fd = pty.fork()
    if pid == 0:
        os.execve(BIN / "daypass", ["daypass", "exec", "--", "sh", "-c", "test -t 0 && test -t 1 && test -t 2 && ps -o tpgid= -p $$ && echo $$"], pod.env())
    said = b""
    try:
        while data := os.read(fd, 4096):
            said += data
    except OSError:  # the terminal's end
        pass
    assert os.waitpid(pid, 0)[1] == 0
    line, group, own = said.decode().replace("\r", "").splitlines()
    assert line == f"daypass: exec: identity AZURE_*, client {APP}, tenant {TENANT}, source file"
    assert int(group) == int(own) == pid


# --- what it is given ---

def test_the_environment(job, cloud):
    e = job.env
    assert re.fullmatch(r"127\.0\.0\.1:\d+", job.host) and re.fullmatch("[0-9a-f]{64}", job.secret)
    assert e["IDENTITY_ENDPOINT"] == f"http://{job.host}/msi/token" and e["AZURE_TOKEN_CREDENTIALS"] == "ManagedIdentityCredential"
    assert (e["MSI_ENDPOINT"], e["MSI_SECRET"]) == (e["ARM_MSI_ENDPOINT"], job.secret)
    assert (e["AZD_AUTH_ENDPOINT"], e["AZD_AUTH_KEY"]) == (f"http://{job.host}/azd", job.secret)
    assert (e["ARM_USE_MSI"], e["ARM_USE_CLI"], e["ARM_CLIENT_ID"], e["ARM_TENANT_ID"]) == ("true", "false", APP, TENANT)
    assert e["ARM_MSI_ENDPOINT"] == f"http://{job.host}/{job.secret}/metadata/identity/oauth2/token"
    assert (e["AZCOPY_AUTO_LOGIN_TYPE"], e["AZCOPY_TENANT_ID"]) == ("MSI", TENANT)
    assert e["NO_PROXY"].endswith("127.0.0.1,localhost") and e["no_proxy"].endswith("127.0.0.1,localhost")
    assert "ARM_OIDC_REQUEST_URL" not in e and "AZURE_FEDERATED_TOKEN_FILE" not in e and e["AZURE_CLIENT_ID"] == APP
    assert not JWT.search(job.out.read_text()) and not cloud.exchanges()


def test_stale_variables_are_cleared(pod):
    stale = """IDENTITY_SERVER_THUMBPRINT IMDS_ENDPOINT AZURE_POD_IDENTITY_AUTHORITY_HOST AZURE_CLIENT_SECRET AZURE_CLIENT_CERTIFICATE_PATH
    AZURE_USERNAME AZURE_PASSWORD ARM_CLIENT_SECRET ARM_OIDC_TOKEN ARM_OIDC_TOKEN_FILE_PATH ARM_USE_OIDC ARM_OIDC_REQUEST_URL ARM_OIDC_REQUEST_TOKEN
    ARM_USE_AKS_WORKLOAD_IDENTITY AZD_AUTH_CERT AZCOPY_MSI_CLIENT_ID""".split()
    pod.config()  # the identity is the file's; the variables are strangers'
    e = Job(pod, AZURE_CLIENT_ID=FAB, AZURE_TENANT_ID=TENANT2, NO_PROXY="a.test", no_proxy=None, IDENTITY_HEADER="x", MSI_ENDPOINT="x", **{k: "x" for k in stale}).env
    assert not [k for k in stale + ["AZURE_CLIENT_ID"] if k in e]
    assert e["NO_PROXY"] == e["no_proxy"] == "a.test,127.0.0.1,localhost" and e["ARM_CLIENT_ID"] == APP


def test_what_the_source_itself_reads_stays(place, cloud):
    place.config(source="env", token_env="ARM_OIDC_TOKEN", token_file=None)
    assert Job(place, ARM_OIDC_TOKEN=cloud.mint()).env["ARM_OIDC_TOKEN"]
    place.config(source="file", token_file=None)
    assert Job(place, AZURE_FEDERATED_TOKEN_FILE=place.token_file).env["AZURE_FEDERATED_TOKEN_FILE"]


def test_az_is_logged_in(pod):
    own = pod.home / ".azure"
    pod.write("home/.azure/config", "[core]\noutput = json\n")
    pod.write("home/.azure/clouds.config", "[AzureCloud]\n")
    pod.write("home/.azure/cliextensions/x", "")
    pod.write("home/.azure/msal_token_cache.json", "{}")
    e = Job(pod, AZURE_SUBSCRIPTION_ID="33333333-3333-4333-8333-333333333333").env
    folder = pod.folder / e["AZURE_CONFIG_DIR"]
    assert folder.stat().st_mode & 0o777 == 0o700 and sorted(p.name for p in folder.iterdir()) == ["azureProfile.json", "clouds.config", "config"]
    account, = json.loads((folder / "azureProfile.json").read_text())["subscriptions"]
    assert account == {"id": "33333333-3333-4333-8333-333333333333", "name": "33333333-3333-4333-8333-333333333333", "state": "Enabled", "isDefault": True, "managedByTenants": [],
                       "user": {"name": "systemAssignedIdentity", "type": "servicePrincipal", "assignedIdentityInfo": "MSI"},
                       "tenantId": TENANT, "homeTenantId": TENANT, "environmentName": "AzureCloud"}
    assert (folder / "config").read_text() == "[core]\noutput = json\n" and e["AZURE_EXTENSION_DIR"] == str(own / "cliextensions")
    assert e["ARM_SUBSCRIPTION_ID"] == "33333333-3333-4333-8333-333333333333"


def test_without_a_subscription_az_is_at_its_tenant(job):
    account, = json.loads((job.folder / "azure/azureProfile.json").read_text())["subscriptions"]
    assert (account["id"], account["name"]) == (TENANT, "N/A(tenant level account)") and "ARM_SUBSCRIPTION_ID" not in job.env


def test_git_needs_no_configuration(pod, cloud):
    (pod.home / ".gitconfig").write_text("[credential]\n\thelper = !echo asked >&2; false\n")
    bare = {"PATH": PATH.split(":", 1)[1]}  # without ours on it
    r = pod.run([BIN / "daypass", "exec", "--", "git", "ls-remote", URL], **bare)
    assert r.rc == 0 and "refs/heads/main" in r.out and r.err == "", r
    assert [e["form"]["scope"] for e in cloud.exchanges()] == [f"{AZDO}/.default"]


def test_git_configuration_in_the_environment_stays(pod):
    e = Job(pod, GIT_CONFIG_COUNT="1", GIT_CONFIG_KEY_0="user.name", GIT_CONFIG_VALUE_0="Ada").env
    assert (e["GIT_CONFIG_COUNT"], e["GIT_CONFIG_KEY_0"], e["GIT_CONFIG_VALUE_0"]) == ("3", "user.name", "Ada")
    assert (e["GIT_CONFIG_KEY_1"], e["GIT_CONFIG_VALUE_1"]) == ("credential.https://dev.azure.com.helper", "")
    assert (e["GIT_CONFIG_KEY_2"], e["GIT_CONFIG_VALUE_2"]) == ("credential.https://dev.azure.com.helper", f"{(BIN / 'daypass').resolve()} git")


def test_docker_has_its_own_and_ours(pod):
    pod.write("home/.docker/config.json", json.dumps({"auths": {"ghcr.io": {"auth": "YTpi"}, "contoso.azurecr.io": {}}, "currentContext": "x"}))
    pod.write("home/.docker/contexts/meta/x", "context")
    e = Job(pod).env
    folder = pod.folder / e["DOCKER_CONFIG"]
    config = json.loads((folder / "config.json").read_text())
    assert config == {"auths": {"ghcr.io": {"auth": "YTpi"}, "contoso.azurecr.io": {}}, "currentContext": "x", "credHelpers": {"contoso.azurecr.io": "daypass"}}
    assert (folder / "config.json").stat().st_mode & 0o777 == 0o600 and (folder / "contexts/meta/x").read_text() == "context"
    assert json.loads((pod.home / ".docker/config.json").read_text()).get("credHelpers") is None


def test_docker_in_a_fresh_home_asks_for_every_registry(pod):
    folder = pod.folder / Job(pod).env["DOCKER_CONFIG"]
    assert json.loads((folder / "config.json").read_text()) == {"credsStore": "daypass"}


def test_helpers_are_found_by_name(pod):
    bare = {"PATH": PATH.split(":", 1)[1]}
    r = pod.run([BIN / "daypass", "exec", "--", "sh", "-c", "echo contoso.azurecr.io | docker-credential-daypass get; kubelogin --version; kubectl-daypass --version"], **bare)
    assert r.rc == 0 and '"ServerURL"' in r.out, r


def test_the_named_identity_is_meant_inside_too(place, cloud):
    place.config(more=f"[identity fab]\ntenant = {TENANT2}\nclient-id = {FAB}\nsource = file\ntoken-file = {place.token_file}\n")
    job = Job(place, "--identity", "fab")
    assert (job.env["DAYPASS_IDENTITY"], job.env["ARM_CLIENT_ID"], job.env["ARM_TENANT_ID"]) == ("fab", FAB, TENANT2)
    status, answer = job.token(AZDO)
    assert status == 200 and answer["client_id"] == FAB


def test_one_within_another(pod, cloud):
    """The inner server asks the outer one, and both share what was exchanged."""
    curl = 'curl -sf -H "X-IDENTITY-HEADER: $IDENTITY_HEADER" "$IDENTITY_ENDPOINT?resource=https://management.azure.com"'
    r = pod.run(["daypass", "exec", "--", "sh", "-c", f'{curl} && exec daypass exec -- sh -c "$0"', curl], leaks=True)
    assert r.rc == 0 and r.out.count('"access_token"') == 2, r.err
    assert len(cloud.exchanges()) == 1


def test_many_inside_at_once_are_one_exchange(pod, cloud):
    """Each face that runs inside asks the server: none waits for a lock that another of us holds for it."""
    r = pod.run(["daypass", "exec", "--", "sh", "-c", "for i in 1 2 3 4 5 6 7 8; do git ls-remote $0 >/dev/null & done; wait", URL])
    assert r.rc == 0 and r.err == "" and len(cloud.exchanges()) == 1, r


# --- how it ends ---

def left(place):
    return [str(p) for p in (place.runtime / "daypass").glob("*") if p.name != "v1"]


def test_nothing_stays_after_it(job):
    folder = job.folder
    assert folder.is_dir() and left(job.place) == [str(folder)]
    assert job.end().rc == 0
    assert not left(job.place) and not servers()


def test_nothing_stays_after_kill_9_of_the_command(job):
    job.kill(job.p.pid)
    job.p.wait()
    job.gone()
    assert not left(job.place)
    with pytest.raises(OSError):
        job.connect()


def test_kill_9_of_the_server_leaves_no_secret_and_the_next_cleans_up(job):
    job.token()
    secret = job.secret.encode()
    job.kill(job.server)
    job.gone()
    assert job.p.poll() is None  # the command goes on, without tokens
    with pytest.raises(OSError):
        job.token()
    kept = [p for p in job.folder.rglob("*") if p.is_file()]
    assert kept and not [p for p in kept if secret in p.read_bytes() or JWT.search(p.read_bytes().decode("latin-1"))]
    second = Job(job.place)
    assert not job.folder.exists() and left(job.place) == [str(second.folder)]
    third = Job(job.place)
    assert second.folder.is_dir() and third.folder.is_dir()  # who lives is left alone


def test_asked_to_end_it_ends(job):
    job.kill(job.server, signal.SIGTERM)
    job.gone()
    assert not left(job.place) and job.p.poll() is None


def test_without_pidfds_it_ends_all_the_same(pod):
    """An older kernel, a sandbox: pidfd_open says ENOSYS."""
    job = Job(pod, before=without_call(434))
    assert job.token()[0] == 200
    job.kill(job.p.pid)
    job.p.wait()
    job.gone()
    assert not left(pod)


def test_the_secret_is_nowhere_but_in_the_environment(job):
    job.token()
    job.terraform()
    secret = job.secret.encode()
    cmdlines = [open(f"/proc/{p}/cmdline", "rb").read() for p in os.listdir("/proc") if p.isdigit() and os.path.exists(f"/proc/{p}/cmdline")]
    assert any(b"cat" in c for c in cmdlines) and not [c for c in cmdlines if secret in c]
    for root in (job.place.folder, job.place.runtime):
        for path in root.rglob("*"):
            assert path == job.out or not path.is_file() or path.is_symlink() or secret not in path.read_bytes(), path


def test_nobody_looks_into_the_server(job):
    with pytest.raises(PermissionError):
        open(f"/proc/{job.server}/environ", "rb").read()
    assert open(f"/proc/{job.server}/cmdline", "rb").read().replace(b"\0", b"") == b"daypassexec"
