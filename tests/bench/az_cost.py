"""az beside the empty program and beside the real az, and the server of `daypass exec`: how fast it answers, and that it grows by nothing. Used by
bench.py."""
import json
import os
import subprocess
import sys

from cloud import ids

CACHE = os.environ.get("DAYPASS_TEST_CACHE") or os.path.expanduser("~/.cache/daypass-tests")
ARM = "https://management.azure.com"
WORDS = ("account", "get-access-token", "--output", "json", "--resource", ARM)
ANSWERS, REAL_ROUNDS = 100_000, 8
# One connection that is kept, as SDKs do it. What the server holds is read from /proc by the name that it gives itself.
CLIENT = """
import json, os, socket, sys, time
host, secret, count = os.environ["IDENTITY_ENDPOINT"].split("/")[2], os.environ["IDENTITY_HEADER"], int(sys.argv[1])
request = ("GET /msi/token?api-version=2019-08-01&resource=%s HTTP/1.1\\r\\nHost: %s\\r\\nX-IDENTITY-HEADER: %s\\r\\n\\r\\n" % (sys.argv[2], host, secret)).encode()
server = next(p for p in os.listdir("/proc") if p.isdigit() and open("/proc/%s/comm" % p).read() == "daypass-exec\\n")
def held():
    return int(next(line for line in open("/proc/%s/status" % server) if line.startswith("VmRSS")).split()[1])
s = socket.create_connection(("127.0.0.1", int(host.split(":")[1])))
def ask():
    s.sendall(request)
    got = s.recv(65536)
    head, _, body = got.partition(b"\\r\\n\\r\\n")
    want = int(head.lower().partition(b"content-length: ")[2].split(b"\\r")[0])
    while len(body) < want:
        body += s.recv(65536)
    assert head.startswith(b"HTTP/1.1 200"), got
for _ in range(2000):
    ask()
before, times, start = held(), [], time.monotonic()
for _ in range(count):
    t = time.monotonic()
    ask()
    times.append(time.monotonic() - t)
seconds = time.monotonic() - start
times.sort()
print(json.dumps({"rate": count / seconds, "p99": times[int(count * 0.99)] * 1e6, "before": before, "after": held()}))
"""


def link(bench):
    """daypass under the name az, in a folder of its own."""
    folder = os.path.join(bench.folder, "az-face")
    if not os.path.isdir(folder):
        os.mkdir(folder, 0o700)
        os.symlink(os.path.realpath(os.path.join(bench.bin, "git-credential-daypass")), os.path.join(folder, "az"))
    return os.path.join(folder, "az")


def cached(bench, cloud):
    """The command for a hit, after the one miss that it needs."""
    sub = {"AZURE_SUBSCRIPTION_ID": ids.TENANT}
    bench.call([link(bench), *WORDS], env={**bench.env, **sub})
    return {"az: cached get-access-token": (bench.write("az-ours", ""), sub, link(bench), *WORDS)}


def measure(bench, cloud):
    bench.write("assertion", cloud.mint())
    beside(bench, cloud)
    server(bench)


def beside(bench, cloud):
    real = os.path.join(CACHE, "azure-cli", "bin", "az")
    if not os.path.exists(real):
        bench.notes.append("az: not fetched here (make check-az fetches it)")
        return
    env = {"AZURE_CONFIG_DIR": os.path.join(bench.folder, "az-real"), "REQUESTS_CA_BUNDLE": cloud.info()["bundle"], "AZURE_CORE_COLLECT_TELEMETRY": "0",
           "HOME": bench.folder}
    bench.call([real, "login", "--service-principal", "-u", ids.APP, "-t", ids.TENANT, "--federated-token", cloud.mint(), "--allow-no-subscriptions"],
               env={**bench.env, **env})
    bench.call([real, *WORDS], env={**bench.env, **env})
    given = bench.write("az-ours", "")
    ours, theirs = bench.spawn(REAL_ROUNDS, (given, {"AZURE_SUBSCRIPTION_ID": ids.TENANT}, link(bench), *WORDS), (given, env, real, *WORDS))
    bench.row("the real az, cached get-access-token", f"{theirs['wall'] / 1e6:.0f} ms  {theirs['rss'] / 1024:.0f} MiB; {theirs['wall'] / ours['wall']:.0f} x ours")


def server(bench):
    daypass = os.path.join(os.path.dirname(os.path.realpath(os.path.join(bench.bin, "git-credential-daypass"))), "daypass")
    done = subprocess.run([daypass, "exec", "--", sys.executable, "-I", "-c", CLIENT, str(ANSWERS), ARM], capture_output=True, text=True, env=bench.env)
    if done.returncode:
        bench.row("exec: the server", f"not taken: {done.stderr.strip()[-200:]}", "", "FAIL")
        return
    r = json.loads(done.stdout)
    bench.row("exec: answers a second, one client", f"{r['rate']:.0f}  p99 {r['p99']:.0f} us")
    grown = r["after"] - r["before"]
    bench.judge(f"exec: memory after {ANSWERS} answers", grown, f"{r['after'] / 1024:.1f} MiB  {grown:+d} KiB", 64, "+0 KiB")
