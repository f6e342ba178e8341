"""Corners of the kernel that tests need: is its keyring usable, a container's refusal of it, file-size limits, small disks, core files."""
import ctypes
import errno
import os
import platform
import resource
import shutil
import stat
import struct
import subprocess

import pytest

libc = ctypes.CDLL(None, use_errno=True)
ADD_KEY, REQUEST_KEY, KEYCTL = {"x86_64": (248, 249, 250), "aarch64": (217, 218, 219)}.get(platform.machine(), (None, None, None))
ARCH = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}.get(platform.machine())
PROCESS_RING, USER_RING = -2, -4
LINK, UNLINK, READ = 8, 9, 11
PR_SET_NO_NEW_PRIVS, PR_SET_SECCOMP, FILTER = 38, 22, 2


def keyring_works():
    """By our own calls: can a key be put into the user's keyring and read back?"""
    if KEYCTL is None:
        return False
    call = libc.syscall
    if call(KEYCTL, LINK, USER_RING, PROCESS_RING, 0, 0) < 0:
        return False
    key = call(ADD_KEY, b"user", b"daypass-test:probe", b"probe", 5, USER_RING)
    if key < 0:
        return False
    text = ctypes.create_string_buffer(8)
    good = call(KEYCTL, READ, key, text, 8, 0) == 5
    call(KEYCTL, UNLINK, key, USER_RING, 0, 0)
    return good


def filtered(rows):
    """For `before`: a seccomp program of (code, jump if true, jump if false, value)."""
    code = b"".join(struct.pack("HBBI", *row) for row in rows)
    buffer = ctypes.create_string_buffer(code, len(code))

    class Program(ctypes.Structure):
        _fields_ = [("len", ctypes.c_ushort), ("filter", ctypes.c_void_p)]
    program = Program(len(rows), ctypes.addressof(buffer))

    def before():
        if libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) or libc.prctl(PR_SET_SECCOMP, FILTER, ctypes.byref(program), 0, 0):
            os._exit(98)
    before.keep = (buffer, program)
    return before


def without_call(number, argument=None, error=errno.ENOSYS):
    """For `before`: that system call (with that first argument, where one is given) does not exist."""
    load, equal, answer = 0x20, 0x15, 0x06
    first = [] if argument is None else [(load, 0, 0, 16), (equal, 0, 1, argument)]
    return filtered([(load, 0, 0, 0), (equal, 0, len(first) + 1, number), *first, (answer, 0, 0, 0x00050000 | error), (answer, 0, 0, 0x7FFF0000)])


needs_keyring = pytest.mark.skipif(not keyring_works(), reason="not run: no kernel keyring")


def without_keyring(number=errno.EPERM):
    """For `before`: the kernel keyring answers with that error, as containers' filters make it."""
    if KEYCTL is None:
        pytest.skip("not run: this kernel's system calls have numbers that we do not know")
    load, equal, answer = 0x20, 0x15, 0x06
    rows = [(load, 0, 0, 4), (equal, 1, 0, ARCH), (answer, 0, 0, 0x7FFF0000), (load, 0, 0, 0)]
    # the three comparisons jump to the last row: over those that are left, and over "allow"
    rows += [(equal, 3 - i, 0, n) for i, n in enumerate((ADD_KEY, REQUEST_KEY, KEYCTL))]
    rows += [(answer, 0, 0, 0x7FFF0000), (answer, 0, 0, 0x00050000 | number)]
    return filtered(rows)


def limited(**limits):
    """For `before`: resource limits, by their names: FSIZE=0, CORE=resource.RLIM_INFINITY."""
    def before():
        for name, value in limits.items():
            resource.setrlimit(getattr(resource, f"RLIMIT_{name}"), (value, value))
    return before


def namespace():
    """The words that start a program in a mount namespace where it may mount."""
    words = ["unshare", "-rm", "--"]
    if not shutil.which("unshare") or subprocess.run([*words, "true"], capture_output=True).returncode:
        pytest.skip("not run: no namespaces inside this one")
    return words


def not_tmpfs():
    """A folder that may be written and is no tmpfs."""
    for path in ("/var/tmp", "/tmp", os.path.dirname(os.path.abspath(__file__))):
        kind = subprocess.run(["stat", "-f", "-c", "%T", path], capture_output=True, text=True).stdout.strip()
        if kind not in ("tmpfs", "ramfs") and os.access(path, os.W_OK):
            return path
    return pytest.skip("not run: no folder outside tmpfs")


def foreign_file():
    """A small file that neither we nor root own."""
    for top in ("/usr/bin", "/var/cache", "/var/lib", "/var/spool", "/var/log"):
        for folder, names, files in os.walk(top):
            del names[50:]
            for name in files[:50]:
                path = os.path.join(folder, name)
                st = os.lstat(path)
                if stat.S_ISREG(st.st_mode) and st.st_uid not in (0, os.geteuid()) and st.st_size < 100000 and os.access(path, os.R_OK):
                    return path
    return pytest.skip("not run: no file of another owner here")
