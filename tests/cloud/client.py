"""What a test uses to look into the stand-in cloud and to change its mind. Standard library only.

    from cloud.client import Cloud, TENANT, APP
    cloud = Cloud(); cloud.reset()
    cloud.fault("entra", "throttle", times=1, retry_after=2)
    ... run the client ...
    assert len(cloud.exchanges()) == 2
"""
import json
import os
import socket
import time

from .ids import *  # noqa: F401,F403  the constants belong to this API
from .ids import APP, AZDO, PUBLIC


class CloudError(Exception):
    """The cloud did not understand a test."""


class Cloud:
    def __init__(self, path=None):
        self.path = path or os.environ["DAYPASS_TEST_CLOUD"]

    def call(self, op, **arguments):
        with socket.socket(socket.AF_UNIX) as s:
            s.connect(self.path)
            s.sendall(json.dumps({"op": op, **arguments}).encode() + b"\n")
            with s.makefile("rb") as f:
                answer = json.loads(f.readline())
        if "error" in answer:
            raise CloudError(answer["error"])
        return answer["ok"]

    def reset(self):
        """The first day: empty log, no faults, nothing revoked, data and repositories as they were; sleepers wake up."""
        self.call("reset")

    # --- what happened ---

    def log(self, **match):
        """Rows in order of arrival; match compares fields, with a function or a value: log(kind="http", host="dev.azure.com")."""
        rows = self.call("log")
        good = lambda row, k, want: want(row.get(k)) if callable(want) else row.get(k) == want
        return [r for r in rows if all(good(r, k, want) for k, want in match.items())]

    def exchanges(self, **match):
        """Requests to a token endpoint, Entra's or the AKS proxy's."""
        return self.log(kind="http", path=lambda p: p.endswith("/oauth2/v2.0/token"), **match)

    def acr(self, **match):
        """Requests to a registry's exchange: an Entra token for a refresh token."""
        return self.log(kind="http", service="acr", path="/oauth2/exchange", **match)

    def acr_tokens(self, **match):
        """Requests to a registry's token endpoint: a refresh token, password or nothing for an access token."""
        return self.log(kind="http", service="acr", path="/oauth2/token", **match)

    def kube(self, host=None, **match):
        """Requests to API servers; `user` says who asked, `why` the reason of a 401."""
        return self.log(kind="http", service="kube", **({"host": host} if host else {}), **match)

    def arm(self, **match):
        """Requests to Resource Manager; `why` is the reason of a 401."""
        return self.log(kind="http", service="arm", **match)

    def graph(self, **match):
        """Requests to Microsoft Graph; `why` is the reason of a 401."""
        return self.log(kind="http", service="graph", **match)

    def blob(self, **match):
        """Requests to storage accounts; `why` is the reason of a 401."""
        return self.log(kind="http", service="blob", **match)

    def wait(self, count=1, limit=10, **match):
        """The rows, once there are that many."""
        end = time.monotonic() + limit
        while len(rows := self.log(**match)) < count:
            if time.monotonic() > end:
                raise CloudError(f"{len(rows)} rows of {match} after {limit} s, not {count}")
            time.sleep(0.01)
        return rows

    def concurrency(self):
        """Token requests: running now, most at the same time, total since reset."""
        return self.call("info")["concurrency"]

    def info(self):
        """mode, dir, repos, ca, bundle, certs, proxy (URL), aks {url, sni, ca}, ports, concurrency; machine (URL); docker_registry: the program
        behind registries, "" where there is none: then /v2/ answers 503 and tests of images should be skipped."""
        return self.call("info")

    # --- what goes wrong ---

    def fault(self, service, kind, times=None, skip=0, host=None, path=None, method=None, **params):
        """See README.md for services and kinds. times=None: until reset() or clear(); skip: let so many pass first."""
        self.call("fault", service=service, kind=kind, times=times, skip=skip, host=host, path=path, method=method, **params)

    def clear(self, service=None):
        """No faults any more (of that service)."""
        self.call("clear", service=service)

    def dead_dns(self, host=None):
        """A name server that never answers: for all names, or for one. Wall only: in proxy mode clients resolve nothing.
        Without any switch every name that ends in .dead.test hangs so, and unknown names do not exist."""
        if self.info()["mode"] != "wall":
            raise CloudError("a dead name server needs the wall")
        self.fault("dns", "dead", host=host)

    # --- tokens ---

    def mint(self, **how):
        """An external JWT: iss, sub, aud, life, nbf, iat (seconds from now; None = without), alg, kid, header={...},
        key="stranger" or another issuer's name (signed by the wrong key), any other claim."""
        return self.call("mint", **how)

    def token(self, client=APP, resource=AZDO, life=None, cloud=PUBLIC, **claims):
        """An access token without an exchange."""
        return self.call("token", client=client, resource=resource, life=life, cloud=cloud, claims=claims)

    def revoke(self, token="all"):
        """Azure DevOps, registries and clusters take it no more; "all": every one issued until now."""
        self.call("revoke", token=token)

    def rotate(self, owner="entra", keep_old=False):
        """A new signing key for "entra" or an issuer (its URL); keep_old publishes the old one too. Gives the new kid."""
        return self.call("rotate", owner=owner, keep_old=keep_old)

    def refresh_token(self, host, client=APP, life=None, key=None, **claims):
        """A registry's refresh token without an exchange; key="stranger": signed by somebody else."""
        return self.call("refresh_token", host=host, client=client, life=life, key=key, claims=claims)

    def registry_token(self, host, *scopes, client=APP, life=None, key=None, **claims):
        """A registry's access token; scopes as in "repository:team/app:pull,push", granted whatever the client's role is."""
        return self.call("registry_token", host=host, scopes=scopes, client=client, life=life, key=key, claims=claims)

    def revoke_registry(self, host=None):
        """Refresh tokens issued until now by that registry (all registries) are good no more."""
        self.call("revoke_registry", host=host)

    # --- who is who ---

    def fic(self, action, client=None, issuer=None, **row):
        """"add", "remove" (all rows with these values), "list". subject, audience, via, name, expression: see state.fic."""
        row = {k: v for k, v in dict(client=client, issuer=issuer, **row).items() if v is not None}
        return self.call("fics", action=action, **row)

    def client(self, client_id, **row):
        """Add or change an application: tenant, oid, kind ("app", "uami", "system"), resource (a managed identity's), secret, certificates (PEM), groups (ids: tokens for clusters carry
        them, or where they are more than 200 only a hint)."""
        self.call("client", client_id=client_id, **row)

    def directory(self, client_id, role=None):
        """GRAPH_READ, GRAPH_WRITE or nothing: what that client may do with applications in Microsoft Graph."""
        self.call("directory", client_id=client_id, role=role)

    def connection(self, key, **data):
        """Change what a service connection of contoso says under `data`: creationMode, revertSchemeDeadline ..."""
        self.call("connection", key=key, **data)

    def members(self, org, add=None, remove=None):
        return self.call("members", org=org, add=add, remove=remove)

    def registry(self, host, **row):
        """Add or change a registry: tenant, roles={client: ACR_PULL or ACR_PUSH}, cloud, arm, anonymous, firewall, tokens, same; see
        state.registry. What is not given stays, or is as for any new one."""
        return self.call("registry", host=host, **row)

    def cluster(self, host, **row):
        """Add or change an API server: tenant, roles={client, group or user name: KUBE_ADMIN or KUBE_VIEW}, cloud, server_id, pop, jwt,
        pods; see state.cluster. What is not given stays, or is as for any new one."""
        return self.call("cluster", host=host, **row)

    def subscription(self, subscription_id, **row):
        """Add or change a subscription: tenant, name, roles={client: ARM_READER or ARM_CONTRIBUTOR}, condition ("Enabled"). What is not given stays."""
        return self.call("subscription", subscription_id=subscription_id, **row)

    def account(self, name, **row):
        """Add or change a storage account: tenant, roles={client: BLOB_READER or BLOB_CONTRIBUTOR}, containers, subscription, group."""
        return self.call("account", name=name, **row)

    def set(self, **settings):
        """life, skew, refresh_in, github_life, github_claims, pipelines_life, proxy_auth ("user:password"), acr_refresh_life,
        acr_access_life, acr_regional_aud ("host", "global"), machine (see state.py), machine_life; aws (see state.py: what is not given is as on the first day)."""
        return self.call("settings", **settings)
