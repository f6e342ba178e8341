"""The cloud's main program: opens all listeners, says that it is ready on a file descriptor, and serves until it is killed."""
import argparse
import functools
import json
import os
import signal
import socket
import ssl
import sys
import threading
import time
import traceback

from . import admin, azdo, dns, faults, names, proxy, registry
from .ids import AKS_SNI
from .pki import Pki
from .state import State
from .wire import Response, Server


def answer(state):
    """The function that turns a request into a response, faults included."""
    def respond(request):
        generation = state.generation

        def in_time():
            """A request that a fault held up until its test was over is not answered: it would ask, and be logged, within the next one."""
            return handler() if state.generation == generation else Response(wire="close")
        try:
            service, handler = names.route(state, request)
            request.row["service"] = service
            active = state.take(service, host=request.host, path=request.path, method=request.method)
            with state.counted(service in ("entra", "aks")):
                return faults.apply(active, request, in_time)
        except Exception as e:  # a bug of ours must look like one, not like a network problem
            traceback.print_exc()
            request.row["bug"] = repr(e)
            return Response(500, {"error": "bug in the stand-in", "detail": repr(e)})
    return respond


def by_name(state, pki):
    """A context that shows each name its own certificate, and takes TLS faults into account."""
    def choose(sock, name, _context):
        name = (name or "localhost").lower()
        sock.row, kind = state.log(kind="tls", host=name, listener="tls"), "good"
        for fault in state.take("tls", host=name):
            sock.row["faults"] = [fault.kind]
            if fault.kind in ("hang", "delay"):
                pause(state, fault.params.get("ms", 3600000 if fault.kind == "hang" else 1000) / 1000)
            elif fault.kind == "close":
                socket.socket.shutdown(sock, socket.SHUT_RDWR)
            else:
                kind = fault.kind
        sock.context = pki.context(name, kind)
    base = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    base.sni_callback = choose
    base.set_alpn_protocols(["http/1.1"])
    return base


def pause(state, seconds):
    end, generation = time.monotonic() + seconds, state.generation
    while time.monotonic() < end and state.generation == generation:
        time.sleep(0.05)


def only_sni(state, pki):
    """The AKS proxy's context: another authority, and callers must name it."""
    context = pki.aks.context(pki.folder, AKS_SNI)

    def check(sock, name, _context):
        sock.row = state.log(kind="tls", host=name, listener="aks")
        return None if name == AKS_SNI else ssl.ALERT_DESCRIPTION_UNRECOGNIZED_NAME
    context.sni_callback = check
    return context


def listen(state, pki, wall):
    """All listeners; in proxy mode only loopback and only ports that the kernel chooses."""
    address, respond = ("0.0.0.0" if wall else "127.0.0.1"), answer(state)
    servers = {
        "tls": Server((address, 443 if wall else 0), "tls", state, respond, by_name(state, pki)),
        "plain": Server((address, 80 if wall else 0), "plain", state, respond),
        "machine": Server(("127.0.0.1", 0), "machine", state, respond),
        "internal": Server(("127.0.0.1", 0), "internal", state, respond),
        "aks": Server(("127.0.0.1", 0), "aks", state, respond, only_sni(state, pki)),
        "proxy": proxy.Server(state)}
    state.info.update({name + "_port": s.port for name, s in servers.items()})
    for server in servers.values():
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 60}, daemon=True).start()
    if wall:
        dns.serve(state)


def describe(state, mode):
    pki, info = os.path.join(state.folder, "pki"), state.info
    info.update(mode=mode, dir=state.folder, repos=state.repos, ca=os.path.join(pki, "ca.pem"),
                bundle=os.path.join(pki, "certs", "ca-certificates.crt"), certs=os.path.join(pki, "certs"),
                docker_registry=registry.program() or "", machine=f"http://127.0.0.1:{info['machine_port']}", proxy=f"http://127.0.0.1:{info['proxy_port']}",
                aks={"url": f"https://127.0.0.1:{info['aks_port']}", "sni": AKS_SNI, "ca": os.path.join(pki, "aks-ca.pem")})


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--dir", required=True)
    parser.add_argument("--mode", choices=("wall", "proxy"), required=True)
    parser.add_argument("--ready-fd", type=int, required=True)
    args = parser.parse_args()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    state = State(args.dir)
    state.info["knows"] = functools.partial(names.knows, state)
    template = threading.Thread(target=azdo.make_template, args=(state,))
    template.start()
    os.makedirs(os.path.join(args.dir, "pki"), mode=0o755)
    pki = Pki(os.path.join(args.dir, "pki"))
    pki.publish()
    listen(state, pki, args.mode == "wall")
    describe(state, args.mode)
    admin.serve(state, os.path.join(args.dir, "admin.sock"))
    template.join()
    os.write(args.ready_fd, json.dumps({"proxy": state.info["proxy"]}).encode() + b"\n")
    os.close(args.ready_fd)
    sys.stdin.buffer.read()  # the launcher holds the other end: when it is gone, so are we
    registry.end_all(state)
    os._exit(0)
