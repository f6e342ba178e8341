"""Microsoft's SDKs (tests/e2e/real/fetch_sdks.sh), each with its small program of tests/e2e/real/sdk, and az and azd before them on PATH:
ours, Microsoft's own az, or a stub that prints what the real ones print. A recorder stands in front and writes down how they are called."""
import json
import os
import shutil
import struct
import time
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from cloud.client import APP, ARM, OIDS, STATE_CONTAINER, STORAGE, SUBSCRIPTION, SUBSCRIPTION_NAME, TENANT
from e2e.place import BIN, PATH

CACHE = Path(os.environ.get("DAYPASS_TEST_CACHE") or Path.home() / ".cache" / "daypass-tests")
PROGRAMS = Path(__file__).parent / "real" / "sdk"
ARM_SCOPE = ARM + "/.default"
GET = "account get-access-token"
ROWS = []  # of the table that tests/e2e/real prints


class Sdk:
    """folder: where fetch_sdks.sh put it; o: how it asks az for JSON; stops: what it calls a credential that is not there, and one that failed;
    only: the one credential that it has; local: it reads az's local time alone, which in the hour that comes twice may mean either."""

    def __init__(self, folder, argv, o="--output json", env=None, stops=("CredentialUnavailableError", "ClientAuthenticationError"), only=None, local=False):
        self.folder, self.argv, self.o, self.env, self.stops, self.only, self.local = CACHE / folder, argv, o, env or {}, stops, only, local

    def there(self):
        return (self.folder / "done").exists()


# With packages of another folder, and none of it in the environment of whom it starts.
ELSEWHERE = "import runpy, sys; sys.path.insert(0, sys.argv[1]); sys.argv = sys.argv[2:]; runpy.run_path(sys.argv[0], run_name='__main__')"
GO = CACHE / "sdk-go" / "sdk"
SDKS = {
    "python": Sdk("azure-identity", [CACHE / "azure-identity" / "bin" / "python", "-I", PROGRAMS / "sdk.py"]),
    "python-old": Sdk("sdk-distribution", ["/usr/bin/python3", "-I", "-c", ELSEWHERE, CACHE / "sdk-distribution/root/usr/lib/python3/dist-packages",
                                        PROGRAMS / "sdk.py"], local=True),
    "javascript": Sdk("sdk-node", ["node", PROGRAMS / "sdk.mjs"], env={"NODE_PATH": CACHE / "sdk-node" / "node_modules"},
                      stops=("CredentialUnavailableError", "CredentialUnavailableError")),
    "go": Sdk("sdk-go", [GO], "-o json", stops=("AuthenticationFailedError", "AuthenticationFailedError")),
    "java": Sdk("sdk-java", ["java", "-XX:TieredStopAtLevel=1", "-cp", f"{CACHE}/sdk-java/lib/*:{CACHE}/sdk-java/classes", "Sdk"],
                stops=("CredentialUnavailableException", "ClientAuthenticationException")),
    "terraform": Sdk("sdk-go", [GO], only="terraform", local=True),
}
ALL = ["python", "python-old", "javascript", "go", "java"]
NEWER = [s for s in ALL if s != "python-old"]  # that one knows neither azd nor workload identity
BACKEND = f"""terraform {{
  backend "azurerm" {{
    storage_account_name = "{STORAGE}"
    container_name = "{STATE_CONTAINER}"
    key = "prod.tfstate"
    use_azuread_auth = true
  }}
}}
output "who" {{ value = "us" }}
"""

STUB_AZ = r"""#!/bin/sh
# az 2.91, as far as SDKs and Terraform ask it.
case $(cat %(folder)s/mode) in
login) echo "ERROR: Please run 'az login' to setup account." >&2; exit 1 ;;
refused) echo "ERROR: AADSTS700213: No matching federated identity record found for presented assertion subject 'other'." >&2; exit 1 ;;
esac
case "$1 $2" in
"version "*) echo '{"azure-cli":"2.91.0","azure-cli-core":"2.91.0","azure-cli-telemetry":"1.1.0","extensions":{}}' ;;
"account show" | "account list") cat "%(folder)s/$2" ;;
"account get-access-token")
	at=$(cat %(folder)s/exp) where='  "subscription": "%(subscription)s",
'
	case " $* " in *" --tenant "*) where= ;; esac
	printf '{\n  "accessToken": "%%s",\n  "expiresOn": "%%s",\n  "expires_on": %%s,\n%%s  "tenant": "%(tenant)s",\n  "tokenType": "Bearer"\n}\n' \
		"$(cat %(folder)s/token)" "$(date -d "@$at" '+%%Y-%%m-%%d %%H:%%M:%%S.000000')" "$at" "$where" ;;
*) echo "ERROR: '$1' is misspelled or not recognized by the system." >&2; exit 2 ;;
esac
"""
STUB_AZD = r"""#!/bin/sh
# azd's auth token.
case $(cat %(folder)s/mode) in
login) echo '{"type":"consoleMessage","timestamp":"2026-11-27T12:00:00Z","data":{"message":"\nERROR: not logged in, run `azd auth login` to login\n"}}' >&2; exit 1 ;;
refused) echo '{"error":"AADSTS700213","message":"AADSTS700213: No matching federated identity record found.","suggestion":""}' >&2; exit 1 ;;
esac
[ "$1 $2" = "auth token" ] || exit 2
printf '{"token":"%%s","expiresOn":"%%s"}\n' "$(cat %(folder)s/token)" "$(date -u -d "@$(cat %(folder)s/exp)" +%%Y-%%m-%%dT%%H:%%M:%%SZ)"
"""
RECORDER = r"""#!/bin/sh
said=
for word; do
	case $word in *' '*) word="'$word'" ;; esac
	said="$said $word"
done
%(program)s "$@"
rc=$?
printf '%%s\n' "%(name)s$said" >>%(log)s
exit $rc
"""


AZ = {"newest": "azure-cli", "distributions": "azure-cli-old"}  # folders of fetch_sdks.sh


def real_az(which):
    if not (CACHE / AZ[which] / "done").exists():
        pytest.skip(f"not run: az could not be fetched: {which} (make check-az)")
    return CACHE / AZ[which] / "bin" / "az"


def private(place):
    """What a real az needs to keep to itself, and to trust the stand-in cloud."""
    return {"AZURE_CORE_COLLECT_TELEMETRY": "0", "AZURE_CONFIG_DIR": place.folder / "azure", "REQUESTS_CA_BUNDLE": place.cloud.info()["bundle"]}


class Front:
    """What stands on PATH as az and azd, and how it was called."""

    def __init__(self, place, whose):
        self.place, self.whose = place, whose
        self.log = place.write("front/log", "")
        self.behind = getattr(self, whose)()
        for name, program in self.behind.items():
            place.write(f"front/{name}", RECORDER % {"name": name, "program": program, "log": self.log}, 0o755)
        self.env = {"PATH": f"{self.log.parent}:{next(iter(self.behind.values())).parent}:{PATH}", **(private(place) if whose in AZ else {})}

    def calls(self):
        return self.log.read_text().splitlines()

    # --- who may be behind it ---

    def stub(self):
        known = {"folder": self.place.folder / "stub", "subscription": SUBSCRIPTION, "tenant": TENANT}
        self.mode("")
        account = {"id": SUBSCRIPTION, "name": SUBSCRIPTION_NAME, "tenantId": TENANT, "user": {"name": APP, "type": "servicePrincipal"}}
        self.place.write("stub/show", json.dumps(account))
        self.place.write("stub/list", json.dumps([account]))
        self.lasts(int(time.time()) + 3599)
        return {"az": self.place.write("stub/az", STUB_AZ % known, 0o755), "azd": self.place.write("stub/azd", STUB_AZD % known, 0o755)}

    def ours(self):
        folder = self.place.folder / "shim"
        folder.mkdir()
        for name in ("az", "azd"):
            (folder / name).symlink_to(BIN / "daypass")
        if self.place.run([folder / "az", "version", "-o", "json"], PATH=f"{folder}:{PATH}").rc:
            pytest.skip("not run: this daypass is no az")
        self.place.config(subscription=SUBSCRIPTION)
        return {name: folder / name for name in ("az", "azd")}

    def newest(self):
        return self.real()

    def distributions(self):
        return self.real()

    def real(self):
        program = real_az(self.whose)
        r = self.place.run([program, "login", "--service-principal", "-u", APP, "-t", TENANT, "--federated-token", self.place.cloud.mint()], **private(self.place))
        assert r.rc == 0, r
        return {"az": program}


    # --- what the stub says ---

    def mode(self, how):
        self.place.write("stub/mode", how)

    def lasts(self, until):
        self.place.write("stub/exp", str(until))
        self.place.write("stub/token", self.place.cloud.token(APP, ARM, exp=until))

    # --- the same of any ---

    def refuses(self, how):
        """"login": nobody is logged in or configured; "refused": Entra says 700213."""
        if self.whose == "stub":
            self.mode(how)
        elif how == "refused":
            self.place.assertion(sub="other")
        elif self.whose == "ours":
            (self.place.home / ".config/daypass/config").unlink()
        else:
            shutil.rmtree(self.place.folder / "azure")

    def expires(self, until):
        """The next token lasts until then."""
        if self.whose == "stub":
            self.lasts(until)
        else:
            self.place.cloud.set(life=until - int(time.time()))


def ask(place, sdk, credential, scope=ARM_SCOPE, who=None, before=(), **env):
    """One credential of one SDK, in a process of its own, as `before` starts it."""
    s = SDKS[sdk]
    if not s.there():
        pytest.skip(f"not run: the SDK for {sdk} could not be fetched")
    return place.run([*before, *s.argv, s.only or credential, scope, *([who] if who else [])], leaks=True, **{**s.env, **env})


def trust(place):
    """What makes each of them trust the stand-in cloud. Java wants a store of its own and knows no proxy by variable; others do not mind."""
    info, store, proxy = place.cloud.info(), place.folder / "trust.p12", urlsplit(os.environ.get("HTTPS_PROXY", ""))
    way = f" -Dhttps.proxyHost={proxy.hostname} -Dhttps.proxyPort={proxy.port}" if proxy.hostname else ""
    if shutil.which("keytool") and not store.exists():
        r = place.run(["keytool", "-importcert", "-noprompt", "-alias", "ca", "-file", info["ca"], "-keystore", store, "-storepass", "changeit"])
        assert r.rc == 0, r
    return {"REQUESTS_CA_BUNDLE": info["bundle"], "SSL_CERT_FILE": info["bundle"], "NODE_EXTRA_CA_CERTS": info["bundle"],
            "JDK_JAVA_OPTIONS": f"-Djavax.net.ssl.trustStore={store} -Djavax.net.ssl.trustStorePassword=changeit{way}"}


def answer(r):
    assert r.rc == 0, r
    return json.loads(r.out)


def is_app(said, aud=ARM):
    """It is APP's token, and the SDK knows when it ends; a wrong zone would be half an hour off at least."""
    assert (said["subject"], said["app"], said["aud"]) == (OIDS[APP], APP, aud), said
    assert abs(said["expires_on"] - said["exp"]) < 300, said
    return said


ZONES = {"Berlin": (7200, 3600), "New York": (-14400, -18000), "Lord Howe": (39600, 37800)}  # seconds east in summer, in winter


def end_of_summer(place, zone):
    """(a zone like that one, but that its summer ends soon, for TZ, when that is): no token lasts until the real end. The file's form: tzfile(5)."""
    at, (summer, winter) = int(time.time()) // 3600 * 3600 + 4 * 3600, ZONES[zone]
    data = b"TZif" + bytes(16) + struct.pack(">6l", 0, 0, 0, 2, 2, 8) + struct.pack(">llBB", at - 180 * 86400, at, 0, 1)
    data += struct.pack(">lBB", summer, 1, 0) + struct.pack(">lBB", winter, 0, 4) + b"SUM\0WIN\0"
    return place.write(f"zone/{zone}", data), at


def table():
    """What ROWS say, for people."""
    heads = {"sdk": "SDK", "version": "version", "credential": "credential", "whose": "which az", "argv": "argv", "result": "result"}
    rows = [heads, *({h: str(r.get(h, "")) for h in heads} for r in sorted(ROWS, key=lambda r: (r["credential"], r["sdk"], r["whose"])))]
    widths = [max(len(r[h]) for r in rows) for h in heads]
    return ["  ".join(r[h].ljust(w) for h, w in zip(heads, widths)).rstrip() for r in rows]
