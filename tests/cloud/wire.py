"""HTTP/1.1 as the cloud needs it: a thread per connection, a TLS certificate for each name, and answers that may go wrong on purpose."""
import http.server
import json
import os
import select
import socket
import socketserver
import ssl
import struct
import time
import urllib.parse
from email.utils import formatdate

MAX_BODY = 256 << 20
REASONS = {n: r[0] for n, r in http.server.BaseHTTPRequestHandler.responses.items()}


def dump(value):
    """JSON as the real services write it: without blanks."""
    return json.dumps(value, separators=(",", ":"))


class Response:
    """wire: how it is sent. None = well; cut, stall, reset, close, huge = as the fault table says."""

    def __init__(self, status=200, body=b"", ctype="application/json; charset=utf-8", headers=(), wire=None):
        self.status, self.ctype, self.headers, self.wire = status, ctype, list(headers), wire
        self.data = body  # dict or list (sent as JSON), str or bytes
        self.date = 0     # seconds to add to the Date header
        self.params = {}
        self.length = None  # what a HEAD answer promises, if it is not the body's
        self.stream = None  # an HTTPResponse that the body is passed on from, instead of data

    @property
    def body(self):
        if self.stream:  # somebody wants to have it in hand
            self.data, self.stream = self.stream.read(), None
        if isinstance(self.data, bytes):
            return self.data
        return (self.data if isinstance(self.data, str) else dump(self.data)).encode()

    def head(self, length):
        fields = [("Date", formatdate(time.time() + self.date, usegmt=True))]
        fields += [("Content-Type", self.ctype)] if self.ctype else []
        fields += [("Content-Length", str(length))] if length is not None else []
        text = f"HTTP/1.1 {self.status} {REASONS.get(self.status, 'Unknown')}\r\n"
        return (text + "".join(f"{k}: {v}\r\n" for k, v in fields + self.headers) + "\r\n").encode("latin1", "replace")


class Request:
    def __init__(self, handler, body):
        self.method, self.headers, self.body = handler.command, handler.headers, body
        self.listener = handler.server.name
        target = handler.path
        if "://" in target.split("?")[0]:  # absolute form, as sent to a proxy
            target = "/" + target.split("://", 1)[1].partition("/")[2]
        self.target, (self.path, _, self.raw_query) = target, target.partition("?")
        self.host, _, self.port = (self.headers.get("Host") or "").lower().partition(":")
        self.query_pairs = urllib.parse.parse_qsl(self.raw_query, keep_blank_values=True)
        self.query = dict(self.query_pairs)
        self.pairs = self._pairs()
        self.form = dict(self.pairs)
        self.auth = self.headers.get("Authorization", "")
        self.row = {}

    def _pairs(self):
        if "application/x-www-form-urlencoded" not in self.headers.get("Content-Type", "").lower():
            return []
        return urllib.parse.parse_qsl(self.body.decode("latin1"), keep_blank_values=True)

    @property
    def json(self):
        try:
            return json.loads(self.body)
        except ValueError:
            return None

    def log_row(self):
        headers = {}
        for k, v in self.headers.items():
            headers[k.lower()] = headers[k.lower()] + ", " + v if k.lower() in headers else v
        return {"kind": "internal" if self.listener == "internal" else "http", "host": self.host, "method": self.method,
                "path": self.path, "query": self.query, "form": self.form, "auth": self.auth, "headers": headers,
                "length": len(self.body), "listener": self.listener, "status": None}


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def __getattr__(self, name):
        if name.startswith("do_"):
            return self.serve
        raise AttributeError(name)

    def log_message(self, *_):
        """The state keeps the log."""

    def serve(self):
        try:
            body = self.read_body()
        except ValueError:
            self.close_connection = True
            return self.send(Response(400, {"error": "bad body"}), None)
        request = Request(self, body)
        state = self.server.state
        request.row = state.log(**request.log_row())
        response = self.server.answer(request)
        request.row["status"] = response.status if response.wire not in ("reset", "close") else response.wire
        self.send(response, request)

    def read_body(self):
        if "chunked" not in self.headers.get("Transfer-Encoding", "").lower():
            length = int(self.headers.get("Content-Length") or 0)
            if not 0 <= length <= MAX_BODY:
                raise ValueError("length")
            return self.rfile.read(length)
        out = bytearray()
        while True:
            size = int(self.rfile.readline(100).split(b";")[0], 16)
            out += self.rfile.read(size)
            if size == 0:
                break
            self.rfile.readline(10)
        while self.rfile.readline(8192).strip():
            pass
        return bytes(out)

    def send(self, response, request):
        quiet = request is not None and request.method == "HEAD"
        if response.wire == "reset":
            return self.reset()
        if response.wire == "close":
            self.close_connection = True
            return None
        if response.wire:
            self.close_connection = True
            return getattr(self, "send_" + response.wire)(response, response.body)
        if response.stream and not quiet:
            self.pass_on(response)
        else:
            self.send_whole(response, quiet)
        if self.headers.get("Connection", "").lower() == "close":
            self.close_connection = True

    def send_whole(self, response, quiet):
        bare, body = response.status in (204, 304) or response.status < 200, response.body
        length = None if bare else len(body) if response.length is None else response.length
        self.wfile.write(response.head(length) + (b"" if quiet or bare else body))

    def pass_on(self, response):
        """As it comes: a layer may be larger than our memory."""
        self.wfile.write(response.head(response.stream.length))
        while data := response.stream.read(1 << 16):
            self.wfile.write(data)
        if response.stream.length:  # the other side broke off, and so must we
            self.close_connection = True

    def reset(self):
        """A TCP reset: closing with a zero linger, under the TLS layer."""
        self.close_connection = True
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        os.close(self.connection.detach())

    def send_cut(self, response, body):
        """Promise all, deliver half, hang up."""
        self.wfile.write(response.head(len(body) + 1000) + body[:len(body) // 2])

    def send_stall(self, response, body):
        """Headers, then nothing until the caller goes away or the state is reset."""
        self.wfile.write(response.head(len(body) + 1000) + body[:int(response.params.get("sent", 0))])
        self.wait(float(response.params.get("seconds", 3600)))

    def send_drip(self, response, body):
        """One byte at a time: each read makes progress, the whole never ends in time."""
        self.wfile.write(response.head(len(body)))
        for i in range(len(body)):
            self.wfile.write(body[i:i + 1])
            if self.wait(float(response.params.get("ms", 200)) / 1000):
                break

    def send_chunked(self, response, body):
        response.headers.append(("Transfer-Encoding", "chunked"))
        size = int(response.params.get("size", 7))
        parts = [body[i:i + size] for i in range(0, len(body), size)]
        self.wfile.write(response.head(None) + b"".join(b"%x\r\n%s\r\n" % (len(p), p) for p in parts) + b"0\r\n\r\n")

    def send_huge(self, response, body):
        """A JSON text that never seems to end."""
        left, chunk = int(response.params.get("bytes", 64 << 20)), b"A" * 65536
        known = response.params.get("length", True)
        start, end = b'{"token_type":"Bearer","expires_in":3599,"%s":"' % response.params.get("name", "access_token").encode(), b'"}'
        self.wfile.write(response.head(left + len(start) + len(end) if known else None) + start)
        while left > 0:
            self.wfile.write(chunk[:left])
            left -= len(chunk)
        self.wfile.write(end)

    def wait(self, seconds):
        """True if the caller went away meanwhile, or the test was over."""
        state = self.server.state
        end, generation = time.monotonic() + seconds, state.generation
        while state.generation == generation:
            left = end - time.monotonic()
            if left <= 0:
                return False
            if select.select([self.connection], [], [], min(left, 0.1))[0]:
                return True
        return True


class Server(socketserver.ThreadingMixIn, socketserver.TCPServer):
    """One listening socket. name: plain, tls, aks or internal; the context's sni_callback chooses the certificate."""
    allow_reuse_address, daemon_threads, request_queue_size, block_on_close = True, True, 512, False

    def __init__(self, address, name, state, answer, context=None):
        self.name, self.state, self.answer, self.context = name, state, answer, context
        super().__init__(address, Handler)

    @property
    def port(self):
        return self.server_address[1]

    def finish_request(self, request, client_address):
        request.settimeout(900)
        if self.context:
            request = self.handshake(request)
        try:
            if request:
                Handler(request, client_address, self)
        except (OSError, ValueError):
            pass  # callers come and go
        finally:
            self.hang_up(request)

    def handshake(self, bare):
        """The TLS socket, or None if the caller did not like what it was shown."""
        wrapped = self.context.wrap_socket(bare, server_side=True, do_handshake_on_connect=False)
        try:
            wrapped.do_handshake()
            return wrapped
        except (OSError, ValueError) as e:
            row = getattr(wrapped, "row", None) or self.state.log(kind="tls", host=None, listener=self.name)
            row["error"] = str(e)
            self.hang_up(wrapped)
            return None

    @staticmethod
    def hang_up(request):
        """A wrapped socket is not the one that socketserver closes."""
        try:
            if isinstance(request, ssl.SSLSocket) and request.fileno() >= 0:
                request.close()
        except OSError:
            pass

    def handle_error(self, request, client_address):
        import traceback
        traceback.print_exc()
