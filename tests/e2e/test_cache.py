"""The kept token: where it lies, how it is sealed, what happens when that place is odd, full, gone or somebody else's."""
import errno
import os
import re
import stat
import tempfile
import uuid

import pytest

from cloud.client import APP, ISSUER
from e2e.place import BIN, HELPER, said_no
from e2e.sandbox import keyring_works, limited, namespace, needs_keyring, not_tmpfs, without_keyring


def cached(place, cloud, **how):
    """Is the second answer the first one's, without an exchange?"""
    before = len(cloud.exchanges())
    first, second = place.get(**how), place.get(**how)
    assert first.token and second.token and first.err == second.err == "", (first, second)
    asked = len(cloud.exchanges()) - before
    assert asked in (1, 2) and (first.token == second.token) == (asked == 1)
    return asked == 1


def clear_text(place, token):
    """The files of the runtime folder that hold the token's claims or its signature."""
    parts = [part[:200].encode() for part in token.split(".")[1:]]
    return [p for p in place.runtime.rglob("*") if p.is_file() and any(part in p.read_bytes() for part in parts)]


# --- what is on the disk ---

def test_record_is_private(pod, cloud):
    assert cached(pod, cloud)
    record, = pod.records()
    for path, mode in ((record, 0o600), (pod.store, 0o700), (pod.store.parent, 0o700)):
        assert stat.S_IMODE(path.lstat().st_mode) == mode and path.lstat().st_uid == os.geteuid()
    assert record.lstat().st_nlink == 1 and {p.name for p in pod.store.iterdir()} <= {record.name, "generation"} | {f"lock.{i:02}" for i in range(64)}
    assert re.fullmatch("[0-9a-f]{64}", record.name)


@needs_keyring
def test_record_is_sealed(pod, cloud):
    token = pod.get().token
    assert pod.records() and clear_text(pod, token) == []
    assert clear_text(pod, pod.token_file.read_text()) == []


@pytest.mark.parametrize("number", [errno.EPERM, errno.ENOSYS, errno.EACCES, errno.EDQUOT])
def test_record_is_plain_and_private_where_there_is_no_keyring(pod, cloud, number):
    how = {"before": without_keyring(number)}
    assert cached(pod, cloud, **how)
    token, (record,) = pod.get(**how).token, pod.records()
    assert clear_text(pod, token) == [record] and stat.S_IMODE(record.stat().st_mode) == 0o600
    assert clear_text(pod, pod.token_file.read_text()) == []


def test_hot_sealed_never_writes_plain(place, cloud):
    how = {"before": without_keyring(), "DAYPASS_HOT": "sealed"}
    assert not cached(place.pod(), cloud, **how) and place.records() == []
    kept = place.get(before=without_keyring())
    assert clear_text(place, kept.token)
    assert place.get(**how).token != kept.token, "an unsealed record is not taken either"
    r = place.get(options=["-v"], **how)
    assert "hot = sealed" in r.err and r.token


@needs_keyring
def test_sealed_record_without_its_key_is_a_miss(pod, cloud):
    """The keyring went away: exchanged anew, plain, and both kinds of callers are served."""
    first = pod.get().token
    second = pod.get(before=without_keyring()).token
    assert second and second != first and pod.get(before=without_keyring()).token == second and pod.get().token == second
    assert len(cloud.exchanges()) == 2


def test_cache_none_exchanges_each_time(place, cloud):
    assert not cached(place.pod(), cloud, DAYPASS_CACHE="none") and not place.store.exists()
    place.config(more="[daypass]\ncache = none\n")
    assert not cached(place, cloud) and not place.store.exists()
    assert cached(place, cloud, DAYPASS_CACHE="auto")


def test_cache_none_ignores_what_is_kept(pod, cloud):
    kept = pod.get().token
    assert pod.get(DAYPASS_CACHE="none").token != kept and pod.get().token == kept


# --- somebody was here ---

def flip(path, at):
    data = bytearray(path.read_bytes())
    data[at if at >= 0 else len(data) + at] ^= 1
    path.write_bytes(data)


def foreign(record):
    """Another id in the head: the record of another key."""
    data = bytearray(record.read_bytes())
    data[20:52] = bytes(32)
    record.write_bytes(data)


TRICKS = {
    "mode": lambda r: r.chmod(0o644), "group": lambda r: r.chmod(0o640), "executable": lambda r: r.chmod(0o601), "empty": lambda r: r.write_bytes(b""),
    "torn": lambda r: r.write_bytes(r.read_bytes()[:100]), "without its last byte": lambda r: r.write_bytes(r.read_bytes()[:-1]),
    "one byte more": lambda r: r.write_bytes(r.read_bytes() + b"x"), "first byte": lambda r: flip(r, 0), "head": lambda r: flip(r, 9),
    "key id": lambda r: flip(r, 16),
    "name": lambda r: flip(r, 25), "nonce": lambda r: flip(r, 60), "body": lambda r: flip(r, 300), "last byte": lambda r: flip(r, -1),
    "garbage": lambda r: r.write_bytes(os.urandom(3000)),
    "other key": foreign, "huge": lambda r: r.write_bytes(r.read_bytes() + bytes(1 << 20)),
    "text": lambda r: r.write_bytes(b"password=stolen\n"),
    "hard link": lambda r: os.link(r, r.with_name("other")), "symbolic link": lambda r: (r.rename(r.with_name("other")), r.symlink_to("other")),
    "folder": lambda r: (r.unlink(), r.mkdir()), "fifo": lambda r: (r.unlink(), os.mkfifo(r, 0o600)), "unreadable": lambda r: r.chmod(0)}


@pytest.mark.parametrize("kind", ["sealed", "plain"])
@pytest.mark.parametrize("trick", TRICKS)
def test_a_record_that_was_changed_is_a_miss(pod, cloud, trick, kind):
    if kind == "sealed" and not keyring_works():
        pytest.skip("not run: no kernel keyring")
    how = {} if kind == "sealed" else {"before": without_keyring()}
    first = pod.get(**how).token
    TRICKS[trick](pod.records()[0] if pod.records() else None)
    second = pod.get(**how)
    assert second.token and second.token != first and second.err == "" and len(cloud.exchanges()) == 2, trick
    if trick != "folder":
        assert pod.get(**how).token == second.token and len(cloud.exchanges()) == 2, "and it is put right"


def test_a_record_of_another_request_is_not_taken(place, cloud):
    """Two records, exchanged by a thief of the folder: each is bound to its name."""
    first = place.pod().get().token
    record, = place.records()
    data = record.read_bytes()
    cloud.fic("add", client=APP, issuer=ISSUER, subject="system:second")
    place.pod(sub="system:second").get()
    other, = [p for p in place.records() if p != record]
    other.write_bytes(data)
    assert place.get().token != first and len(cloud.exchanges()) == 3


@pytest.mark.parametrize("what", ["daypass", "daypass/v1"])
@pytest.mark.parametrize("trick", ["mode", "link", "file"])
def test_a_folder_that_others_could_use_is_not_used(pod, cloud, what, trick):
    """Nothing trustworthy: exchanged each time, or kept elsewhere; nothing is written there."""
    unique = f"system:{uuid.uuid4()}"
    cloud.fic("add", client=APP, issuer=ISSUER, subject=unique)
    pod.pod(sub=unique)
    path, away = pod.runtime / what, pod.folder / "away"
    path.parent.mkdir(mode=0o700, exist_ok=True)
    away.mkdir(mode=0o700)
    if trick == "mode":
        path.mkdir()
        path.chmod(0o755)
    elif trick == "link":
        path.symlink_to(away)
    else:
        path.write_text("")
    r = pod.get()
    assert r.token and r.err == "" and not list(away.iterdir()) and not pod.records()
    pod.erase(r.token)


# --- where ---

def elsewhere(place, cloud, **how):
    """A token of its own key, fetched with this environment, and forgotten again wherever it was kept."""
    unique = f"system:{uuid.uuid4()}"
    cloud.fic("add", client=APP, issuer=ISSUER, subject=unique)
    place.pod(sub=unique)
    first, second = place.get(**how), place.get(**how)
    assert first.token and second.token and first.err == second.err == ""
    place.erase(second.token, **how)
    return first.token == second.token


@pytest.mark.parametrize("value", [None, "", "relative/path", "/nowhere/at/all", "/dev/null", "x" * 5000],
                         ids=["unset", "empty", "relative", "missing", "file", "long"])
def test_runtime_dir_variable_of_no_use(place, cloud, value):
    """Another place is found or none: the answer comes either way, without a word."""
    elsewhere(place, cloud, XDG_RUNTIME_DIR=value)
    assert len(cloud.exchanges()) in (1, 2)


@pytest.mark.parametrize("mode", [0o500, 0o755, 0o770, 0o000])
def test_runtime_dir_with_odd_modes(place, cloud, mode):
    place.runtime.chmod(mode)
    elsewhere(place, cloud)
    place.runtime.chmod(0o700)
    assert not place.store.exists()


def test_runtime_dir_on_a_disk_is_not_used(place, cloud):
    with tempfile.TemporaryDirectory(prefix="dp-", dir=not_tmpfs()) as folder:
        elsewhere(place, cloud, XDG_RUNTIME_DIR=folder)
        assert os.listdir(folder) == [], "a token must not reach a disk"


def test_runtime_dir_of_somebody_else(place, cloud):
    if os.stat("/dev/shm").st_uid == os.geteuid():
        pytest.skip("not run: no file of another owner here")
    elsewhere(place, cloud, XDG_RUNTIME_DIR="/dev/shm")


def test_home_unset(pod, cloud):
    assert cached(pod, cloud, HOME=None)


def test_home_missing_and_read_only(pod, cloud):
    assert cached(pod, cloud, HOME="/nowhere/at/all")
    pod.home.chmod(0o500)
    pod.fresh_runtime()
    assert cached(pod, cloud)


@pytest.mark.parametrize("mask", [0o000, 0o777, 0o277])
def test_umask_does_not_matter(pod, cloud, mask):
    assert cached(pod, cloud, before=lambda: os.umask(mask))
    assert stat.S_IMODE(pod.records()[0].stat().st_mode) == 0o600 and stat.S_IMODE(pod.store.stat().st_mode) == 0o700


# --- no room ---

@pytest.mark.parametrize("size", [0, 1, 100])
def test_file_size_limit(pod, cloud, size):
    r = pod.get(before=limited(FSIZE=size))
    assert r.token and r.err == "" and not pod.records()
    assert not [p for p in pod.store.iterdir() if p.name.startswith("t.")], "a torn file was left behind"
    assert cached(pod, cloud)


@pytest.mark.parametrize("shared", ["rw", "ro"])
@pytest.mark.parametrize("options", ["size=4k,nr_inodes=1", "size=4k,nr_inodes=2", "size=4k,nr_inodes=3", "size=4k,nr_inodes=8", "ro"])
def test_full_or_read_only_tmpfs(pod, cloud, options, shared):
    """A runtime folder too small for a record; /dev/shm, the next place, is good or bad too."""
    words = namespace()
    pod.write("ask", pod.ask())
    lines = ["mount -t tmpfs none /mnt", f"cp {pod.folder}/ask {pod.token_file} /mnt", "mkdir /mnt/run",
             "[ ! -d /run/user ] || mount -t tmpfs -o ro none /run/user",
             f"mount -t tmpfs -o mode=0700,{options} none /mnt/run", f"mount -t tmpfs -o {shared} none /dev/shm"]
    fill = "{ head -c 8192 /dev/zero > /mnt/run/fill; } 2>/dev/null || :" if "size" in options else ":"
    helper = f"{BIN / HELPER} get < /mnt/ask"
    r = pod.run([*words, "sh", "-ec", "\n".join([*lines, fill, helper, helper])], XDG_RUNTIME_DIR="/mnt/run", AZURE_FEDERATED_TOKEN_FILE="/mnt/token")
    tokens = [v for k, v in r.rows if k == "password"]
    assert (r.rc, r.err, len(tokens)) == (0, "", 2), r
    assert len(cloud.exchanges()) == len(set(tokens)) and (shared == "rw" or len(set(tokens)) == 2)
    assert len(set(tokens)) == 1 or shared == "ro" or "inodes=8" in options, "the next place is used"


@pytest.mark.parametrize("files", range(4, 17))
def test_few_files_may_be_opened(pod, cloud, files):
    """Whatever fails then: an answer, or one line."""
    r = pod.get(before=limited(NOFILE=files))
    assert bool(r.token) != bool(r.err)
    if r.err:
        said_no(r)
    assert r.token or files < 14
