"""A small service of the test's own that gives tokens: on a port of loopback or behind a unix socket, for sources that ask one."""
import http.server
import json
import os
import socketserver
import threading


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def address_string(self):
        return "here"

    def do_GET(self):
        self.answer()

    do_POST = do_GET

    def answer(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        agent = self.server.agent
        agent.asked.append({"method": self.command, "path": self.path, "headers": {k.lower(): v for k, v in self.headers.items()}, "body": body.decode()})
        status, text, ctype = agent.reply(agent.asked[-1])
        data = text if isinstance(text, bytes) else text.encode()
        self.send_response(status)
        self.send_header("Content-Type", ctype)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)


class Unix(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True


class Agent:
    """reply(request) -> (status, text, content type). asked: what it was asked."""

    def __init__(self, reply, path=None):
        self.reply, self.asked = reply, []
        self.server = Unix(str(path), Handler) if path else http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.agent, self.path = self, path
        self.url = None if path else f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()
        if self.path:
            os.unlink(self.path)


def fly(cloud, **how):
    """Fly.io's API: POST /v1/tokens/oidc with {"aud": ...}, and the token as it is."""
    def reply(request):
        try:
            asked = json.loads(request["body"])
        except ValueError:
            asked = None
        if (request["method"], request["path"]) != ("POST", "/v1/tokens/oidc"):
            return 404, "not found", "text/plain"
        if not isinstance(asked, dict) or set(asked) != {"aud"} or not isinstance(asked["aud"], str) or request["headers"].get("content-type") != "application/json":
            return 400, json.dumps({"error": "invalid request"}), "application/json"
        return 200, cloud.mint(aud=asked["aud"], **how), "text/plain"
    return reply
