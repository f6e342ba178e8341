"""The back door for tests: one JSON line in, one JSON line out, on a unix socket. client.py is its other end."""
import json
import os
import socketserver
import threading

from . import acr_tokens, entra, issuers
from .faults import Fault
from .ids import APP, AZDO, PUBLIC
from .state import account as account_row, client as client_row, cluster as cluster_row, fic, registry as registry_row, subscription as subscription_row
from .tokens import parse

OPERATIONS = {}


def operation(function):
    OPERATIONS[function.__name__] = function
    return function


@operation
def reset(state):
    state.reset()


@operation
def log(state):
    with state.lock:
        return list(state.rows)


@operation
def fault(state, service, kind, **params):
    made = Fault(service, kind, **params)
    with state.lock:
        state.faults.append(made)


@operation
def clear(state, service=None):
    """Take faults away and wake up whatever they hold."""
    with state.lock:
        state.faults = [f for f in state.faults if service not in (None, f.service)]
        state.generation += 1
        state.changed()


@operation
def mint(state, **how):
    return issuers.mint(state, **how)


@operation
def token(state, client=APP, resource=AZDO, life=None, claims=None, cloud=PUBLIC):
    """An access token as the token endpoint gives them, without an exchange; claims overwrite."""
    if not claims:
        return entra.issue(state, client, resource, cloud, {}, life)["access_token"]
    body = {**entra.access_claims(state, client, resource, cloud, life or 3599), **claims}
    return state.keys.current("entra").sign(body)


@operation
def revoke(state, token="all"):
    with state.lock:
        state.revoked |= set(state.issued) if token == "all" else {parse(token)[1]["uti"]}


@operation
def members(state, org, add=None, remove=None):
    with state.lock:
        now = set(state.orgs[org]["members"]) | ({add} if add else set())
        state.orgs[org]["members"] = sorted(now - {remove})
        return state.orgs[org]["members"]


@operation
def fics(state, action, **row):
    """add, remove (every row that has all the given values) or list."""
    with state.lock:
        if action == "add":
            state.fics.append(fic(**row))
        elif action == "remove":
            state.data["fics"] = [f for f in state.fics if not all(f[k] == v for k, v in row.items())]
        state.changed()
        return state.fics


@operation
def client(state, client_id, **row):
    """Add an application or identity, or change one."""
    with state.lock:
        state.clients[client_id] = client_row(**{"oid": client_id, "tenant": None, **state.clients.get(client_id, {}), **row})


@operation
def directory(state, client_id, role=None):
    """Who may look at applications in Graph (GRAPH_READ), change them (GRAPH_WRITE), or neither."""
    with state.lock:
        state.directory[client_id] = role


@operation
def connection(state, key, org="contoso", **data):
    """Change what a service connection says under `data`."""
    with state.lock:
        next(r for r in state.connections[org] if r["id"] == key)["data"].update(data)


@operation
def registry(state, host, **row):
    """Add a registry or change one; a role, token or None takes the place of what was there."""
    with state.lock:
        now = state.registries.get(host, {})
        state.registries[host] = registry_row(**{**now, **row})
        return state.registries[host]


@operation
def cluster(state, host, **row):
    """Add an API server or change one; roles, jwt or None take the place of what was there."""
    with state.lock:
        now = state.clusters.get(host, {})
        state.clusters[host] = cluster_row(**{**now, **row})
        return state.clusters[host]


@operation
def subscription(state, subscription_id, **row):
    """Add a subscription or change one; roles take the place of what was there."""
    with state.lock:
        state.subscriptions[subscription_id] = subscription_row(**{**state.subscriptions.get(subscription_id, {}), **row})
        return state.subscriptions[subscription_id]


@operation
def account(state, name, **row):
    """Add a storage account or change one."""
    with state.lock:
        state.accounts[name] = account_row(**{**state.accounts.get(name, {}), **row})
        return state.accounts[name]


@operation
def refresh_token(state, host, client=APP, life=None, key=None, claims=None):
    return acr_tokens.refresh(state, host, client, life, key, claims)


@operation
def registry_token(state, host, scopes, client=APP, life=None, key=None, claims=None):
    return acr_tokens.access(state, host, client, scopes, life, key, claims)


@operation
def revoke_registry(state, host=None):
    with state.lock:
        state.revoked |= {jti for jti, name in state.refresh_tokens.items() if host in (None, name)}


@operation
def settings(state, **changed):
    unknown = set(changed) - set(state.settings)
    if unknown:
        raise ValueError(f"no setting {sorted(unknown)}")
    state.settings.update(changed)
    return state.settings


@operation
def rotate(state, owner="entra", keep_old=False):
    """A new signing key. Entra's cache of an issuer's keys is forgotten too."""
    kid = state.keys.rotate(owner, keep_old)
    state.changed()
    return kid


@operation
def info(state):
    public = {k: v for k, v in state.info.items() if isinstance(v, (str, int, dict))}
    return {**public, "concurrency": {"running": state.running, "most": state.most, "total": state.total}}


class Handler(socketserver.StreamRequestHandler):
    def handle(self):
        for line in self.rfile:
            try:
                asked = json.loads(line)
                result = {"ok": OPERATIONS[asked.pop("op")](self.server.state, **asked)}
            except Exception as e:
                result = {"error": f"{type(e).__name__}: {e}"}
            with self.server.state.lock:
                text = json.dumps(result)
            self.wfile.write(text.encode() + b"\n")


class Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads, request_queue_size, block_on_close = True, 128, False


def serve(state, path):
    server = Server(path, Handler)
    server.state = state
    os.chmod(path, 0o666)  # behind a wall made by sudo the tests are not who we are; the folder keeps others out
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 60}, daemon=True).start()
