"""A name server that knows the cloud's names. Others do not exist, and whatever ends in .dead.test is never answered."""
import socket
import threading
import time

NOERROR, SERVFAIL, NXDOMAIN = 0, 2, 3


def question(packet):
    """(name, type, where the question ends)"""
    labels, at = [], 12
    while packet[at]:
        labels.append(packet[at + 1:at + 1 + packet[at]].decode("latin1"))
        at += packet[at] + 1
    return ".".join(labels).lower(), int.from_bytes(packet[at + 1:at + 3], "big"), at + 5


def reply(packet, end, code, address=None):
    record = b"\xc0\x0c\0\x01\0\x01\0\0\0\x05\0\x04" + socket.inet_aton(address) if address else b""
    counts = b"\0\x01" + (b"\0\x01" if address else b"\0\0") + b"\0\0\0\0"
    return packet[:2] + bytes([0x81, 0x80 | code]) + counts + packet[12:end] + record


def decide(state, name):
    """None = silence, else (code, address)."""
    for fault in state.take("dns", host=name):
        if fault.kind == "dead":
            return None
        if fault.kind in ("servfail", "nxdomain"):
            return (SERVFAIL if fault.kind == "servfail" else NXDOMAIN), None
        time.sleep(fault.params.get("ms", 1000) / 1000)
    if name.endswith(".dead.test"):
        return None
    return (NOERROR, "127.0.0.1") if state.info["knows"](name) else (NXDOMAIN, None)


def handle(state, sock, packet, peer):
    try:
        name, kind, end = question(packet)
    except IndexError:
        return
    verdict = decide(state, name)
    state.log(kind="dns", host=name, type=kind, status=None if verdict is None else verdict[0])
    if verdict is not None:
        code, address = verdict
        sock.sendto(reply(packet, end, code, address if kind == 1 else None), peer)


def serve(state, address="127.0.0.1", port=53):
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.bind((address, port))

    def loop():
        while True:
            packet, peer = sock.recvfrom(1500)
            threading.Thread(target=handle, args=(state, sock, packet, peer), daemon=True).start()
    threading.Thread(target=loop, daemon=True).start()
