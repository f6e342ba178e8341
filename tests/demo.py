#!/usr/bin/python3
"""What daypass does, shown with the real git and skopeo: inside tests/cloud/run, against the stand-in cloud. Ends 0 when each step
did what it says.

    tests/cloud/run -- tests/demo.py BIN_DIR
"""
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from cloud.client import APP, REGISTRY, TENANT, Cloud  # noqa: E402
from e2e.oci import image  # noqa: E402

BIN = os.path.abspath(sys.argv[1])
WORK = os.path.join(os.environ["DAYPASS_TEST_DIR"], "demo")
URL = "https://dev.azure.com/contoso/shop/_git/web"
IMAGE = f"docker://{REGISTRY}/team/app:v1"
cloud = Cloud()


def environment():
    """What a pod with workload identity has: two ids and a file. No password is anywhere in it."""
    keep = ("HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "NO_PROXY", "no_proxy", "SSL_CERT_FILE", "GIT_SSL_CAINFO", "XDG_RUNTIME_DIR")
    env = {k: os.environ[k] for k in keep if k in os.environ}
    return {**env, "PATH": f"{BIN}:/usr/local/bin:/usr/bin:/bin", "HOME": f"{WORK}/home", "LANG": "C.UTF-8", "GIT_TERMINAL_PROMPT": "0", "GIT_CONFIG_NOSYSTEM": "1",
            "_CONTAINERS_ROOTLESS_UID": "1000",  # else skopeo, as root, remembers blobs in /var/lib
            "AZURE_TENANT_ID": TENANT, "AZURE_CLIENT_ID": APP, "AZURE_FEDERATED_TOKEN_FILE": f"{WORK}/token"}


def step(number, what, argv, cwd=None, exchanges=None):
    print(f"\n[{number}] {what}\n    $ {' '.join(argv)}", flush=True)
    start, before = time.monotonic(), len(cloud.exchanges())
    done = subprocess.run(argv, cwd=cwd or WORK, env=environment(), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=120)
    spent, asked = (time.monotonic() - start) * 1000, len(cloud.exchanges()) - before
    for line in done.stdout.splitlines():
        print(f"    {line}")
    print(f"    -> {spent:.0f} ms, {asked} token exchange{'' if asked == 1 else 's'} with Entra", flush=True)
    if done.returncode or (exchanges is not None and asked != exchanges):
        sys.exit(f"demo: step {number} failed (exit status {done.returncode}, {asked} exchanges instead of {exchanges})")


def main():
    os.makedirs(f"{WORK}/home", mode=0o700)
    with open(f"{WORK}/token", "w") as f:
        f.write(cloud.mint())
    mode = os.environ["DAYPASS_TEST_MODE"]
    print(f"A stand-in for Entra, Azure Repos and Azure Container Registry is up ({mode}: {'a private network' if mode == 'wall' else 'behind a local proxy'}; no real service is contacted).")
    print("The environment names a tenant, a client id and a token file, as a Kubernetes pod's does:")
    for name in ("AZURE_TENANT_ID", "AZURE_CLIENT_ID", "AZURE_FEDERATED_TOKEN_FILE"):
        print(f"    {name}={environment()[name]}")
    step(1, "Who are we here?", ["daypass", "whoami"], exchanges=1)
    step(2, "Make git ask daypass, once", ["daypass", "configure", "git"], exchanges=0)
    step(3, "Clone: the token of step 1 is still good, so no exchange", ["git", "clone", URL, "web"], exchanges=0)
    step(4, "Fetch: again from the cache", ["git", "fetch", "--verbose"], cwd=f"{WORK}/web", exchanges=0)
    for command in ("git switch -q -c demo", "git -c user.name=demo -c user.email=demo@example.com commit -q --allow-empty -m demo"):
        subprocess.run(command.split(), cwd=f"{WORK}/web", env=environment(), check=True)
    step(5, "Push a commit", ["git", "push", "--set-upstream", "origin", "demo"], cwd=f"{WORK}/web", exchanges=0)
    step(6, "Take the configuration back", ["daypass", "unconfigure", "git"], exchanges=0)
    pushed = registry()
    shutil.rmtree(WORK)
    print(f"\nDone: cloned, fetched and pushed{pushed} with one exchange a service and no stored password.")


def registry():
    """The same for images; what to say of it at the end."""
    missing = [p for p in ("docker-registry", "skopeo") if not shutil.which(p, path="/usr/local/bin:/usr/bin:/bin")]
    if missing:
        print(f"\n(no {missing[0]} here: the part with the registry is left out)")
        return ""
    image(Path(WORK) / "image")
    step(7, "Make docker and its kin ask daypass for a registry, once", ["daypass", "configure", "docker", REGISTRY], exchanges=0)
    step(8, "Push an image, without docker login: a token for registries, traded at this one", ["skopeo", "--insecure-policy", "copy", "oci:image:v1", IMAGE], exchanges=1)
    step(9, "Pull it: from the cache", ["skopeo", "--insecure-policy", "copy", IMAGE, "oci:pulled:v1"], exchanges=0)
    step(10, "What is held now", ["daypass", "cache", "list"], exchanges=0)
    step(11, "Take the configuration back", ["daypass", "unconfigure", "docker"], exchanges=0)
    return ", an image pushed and pulled,"


main()
