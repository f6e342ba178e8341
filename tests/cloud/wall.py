"""The inside of a private network and mount namespace: loopback, names and trust. Plain system calls, so that iproute2 is not needed."""
import ctypes
import errno
import fcntl
import os
import socket
import struct

SIOCGIFFLAGS, SIOCSIFFLAGS, SIOCSIFADDR, SIOCSIFNETMASK, IFF_UP = 0x8913, 0x8914, 0x8916, 0x891C, 1
MS_BIND = 0x1000
ADDRESSES = ("169.254.169.254", "169.254.170.2")  # the metadata service of all clouds, the end point of ECS
libc = ctypes.CDLL(None, use_errno=True)

FILES = {
    "hosts": "127.0.0.1 localhost {host}\n::1 localhost\n",
    "resolv.conf": "nameserver 127.0.0.1\n",
    "nsswitch.conf": "passwd: files\ngroup: files\nshadow: files\nhosts: files dns\n"}  # nothing asks systemd-resolved outside


def require_own_network():
    """Never touch the machine's own network: a fresh namespace has no interface that is up."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        names = [name for _, name in socket.if_nameindex()]
        if "lo" not in names or flags(s, "lo") & IFF_UP:
            raise OSError(errno.EPERM, "this is not a private network namespace")


def flags(sock, name):
    return struct.unpack("16xH", fcntl.ioctl(sock, SIOCGIFFLAGS, struct.pack("16sH14x", name.encode(), 0))[:18])[0]


def network():
    """Loopback up, and the machine's own addresses on it."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        fcntl.ioctl(s, SIOCSIFFLAGS, struct.pack("16sH14x", b"lo", flags(s, "lo") | IFF_UP))
        for n, own in enumerate(ADDRESSES, 1):
            for call, address in ((SIOCSIFADDR, own), (SIOCSIFNETMASK, "255.255.255.255")):
                fcntl.ioctl(s, call, struct.pack("16sHH4s8x", b"lo:%d" % n, socket.AF_INET, 0, socket.inet_aton(address)))


def bind(source, target):
    if libc.mount(source.encode(), target.encode(), None, MS_BIND, None):
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), target)


def names(folder):
    """Our hosts file, name server and look-up order instead of the machine's; no name service cache daemon."""
    for name, text in FILES.items():
        path, target = os.path.join(folder, name), os.path.realpath("/etc/" + name)
        with open(path, "w") as f:
            f.write(text.format(host=socket.gethostname()))
        os.chmod(path, 0o644)
        if os.path.exists(target):
            bind(path, target)
    if os.path.isdir("/run/nscd"):
        os.makedirs(os.path.join(folder, "nscd"))
        bind(os.path.join(folder, "nscd"), "/run/nscd")


def trust(certs):
    """The private authority instead of all others, where every TLS library of the distribution looks."""
    bind(certs, "/etc/ssl/certs")
