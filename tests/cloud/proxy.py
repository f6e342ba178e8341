"""An HTTP proxy that leads the cloud's names to the cloud and refuses every other: how unmodified clients are kept inside without namespaces."""
import base64
import select
import socket
import socketserver
import struct
import time

PAGE = "<html><body><h1>{0}</h1><p>stand-in proxy</p></body></html>"


class Server(socketserver.ThreadingMixIn, socketserver.TCPServer):
    allow_reuse_address, daemon_threads, request_queue_size, block_on_close = True, True, 512, False

    def __init__(self, state):
        self.state = state
        super().__init__(("127.0.0.1", 0), Handler)

    @property
    def port(self):
        return self.server_address[1]


def read_head(sock):
    """Everything to the blank line, and what came after it."""
    data = b""
    while b"\r\n\r\n" not in data:
        more = sock.recv(65536)
        if not more or len(data) > 65536:
            return None, b""
        data += more
    head, _, rest = data.partition(b"\r\n\r\n")
    return head.decode("latin1"), rest


def target(line):
    """(method, host, port, origin-form of the request line)"""
    method, where, version = line.split(" ")
    if method == "CONNECT":
        host, _, port = where.rpartition(":")
        return method, host.lower(), int(port), None
    if not where.lower().startswith("http://"):
        raise ValueError("not for a proxy")
    authority, slash, path = where[7:].partition("/")
    host, _, port = authority.partition(":")
    return method, host.lower(), int(port or 80), f"{method} {slash or '/'}{path} {version}"


class Handler(socketserver.BaseRequestHandler):
    def handle(self):
        self.request.settimeout(60)
        try:
            head, rest = read_head(self.request)
            if head is not None:
                self.decide(head.split("\r\n"), rest)
        except (OSError, ValueError):
            pass

    def decide(self, lines, rest):
        state, (method, host, port, origin) = self.server.state, target(lines[0])
        headers = {k.lower(): v for k, _, v in (line.partition(": ") for line in lines[1:])}
        row = state.log(kind="proxy", method=method, host=host, port=port, headers=headers,
                        auth=headers.get("proxy-authorization", ""), status=None)
        for fault in state.take("proxy", host=host, method=method):
            row["faults"] = [fault.kind]
            if not self.suffer(fault, row):
                return None
        if not self.allowed(headers):
            return self.refuse(row, 407, ["Proxy-Authenticate: Basic realm=\"stand-in proxy\""])
        here = {443: state.info["tls_port"], 80: state.info["plain_port"]}.get(port)
        if not state.info["knows"](host) or here is None:
            return self.refuse(row, 403)
        row["status"] = 200
        return self.relay(here, origin, lines, rest)

    def suffer(self, fault, row):
        """True if the request may go on."""
        if fault.kind == "delay":
            time.sleep(fault.params.get("ms", 1000) / 1000)
            return True
        row["status"] = fault.kind
        if fault.kind == "status":
            self.refuse(row, fault.params.get("status", 502), fault.params.get("headers", []), fault.params.get("body"))
        if fault.kind == "stall":
            select.select([self.request], [], [], fault.params.get("seconds", 3600))
        if fault.kind == "reset":
            self.request.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.request.close()
        return False

    def allowed(self, headers):
        wanted = self.server.state.settings["proxy_auth"]
        return wanted is None or headers.get("proxy-authorization") == "Basic " + base64.b64encode(wanted.encode()).decode()

    def refuse(self, row, status, headers=(), body=None):
        row["status"] = status
        body = PAGE.format(status) if body is None else body
        lines = [f"HTTP/1.1 {status} Stand-in", "Content-Type: text/html", f"Content-Length: {len(body.encode())}", "Connection: close",
                 *headers, "", body]
        self.request.sendall("\r\n".join(lines).encode())

    def relay(self, port, origin, lines, rest):
        with socket.create_connection(("127.0.0.1", port)) as far:
            far.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if origin is None:
                self.request.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
                far.sendall(rest)
            else:  # one plain request per connection is enough
                kept = [line for line in lines[1:] if not line.lower().startswith(("proxy-", "connection:"))]
                far.sendall("\r\n".join([origin, *kept, "Connection: close", "", ""]).encode("latin1") + rest)
            self.request.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.pump(self.request, far)

    @staticmethod
    def pump(near, far):
        """Until either side is done; a half-closed side is passed on."""
        near.settimeout(None)
        other = {near: far, far: near}
        while other:
            for sock in select.select(list(other), [], [])[0]:
                data = sock.recv(65536)
                if data:
                    (far if sock is near else near).sendall(data)
                    continue
                del other[sock]
                if sock is far:
                    return
                far.shutdown(socket.SHUT_WR)
