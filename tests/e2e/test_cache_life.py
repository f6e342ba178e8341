"""The kept token over time: refreshed before its end, erased while in use, its holder killed, its folder gone."""
import os
import shutil
import signal
import time

import pytest

from e2e.place import HELPER, wait_until


def test_refresh_window_is_honoured_once(pod, cloud):
    cloud.set(refresh_in=1)
    first = pod.get()
    end = first.fields["password_expiry_utc"]
    wait_until(lambda: pod.get().token != first.token, "the token is refreshed within its life")
    assert 2 <= len(cloud.exchanges()) <= 3 and int(pod.get().fields["password_expiry_utc"]) >= int(end)


def age(pod):
    """A token that is due for its refresh."""
    pod.cloud.set(refresh_in=1)
    first = pod.get()
    pod.cloud.set(refresh_in=None)
    wait_until(lambda: "due for a refresh" in pod.get(DAYPASS_TRACE="1").err or len(pod.cloud.exchanges()) > 1, "the refresh window begins")
    return first


@pytest.mark.parametrize("kind, params", [("status", dict(status=500)), ("aadsts", dict(code=700213)), ("throttle", dict(retry_after=100)), ("reset", {}),
                                          ("html", {})])
def test_failing_refresh_serves_the_old_token_without_a_word(pod, cloud, kind, params):
    cloud.fault("entra", kind, skip=1, **params)
    first = age(pod)
    asked = len(cloud.exchanges())
    for _ in range(3):
        r = pod.get()
        assert r.token == first.token and r.err == ""
    assert asked >= 2 and len(cloud.exchanges()) == asked, "a failed refresh is not repeated at once"


def test_a_slow_refresh_does_not_hold_anybody_for_long(pod, cloud):
    """Three seconds for one caller at most, and none for those who come after."""
    cloud.fault("entra", "hang", skip=1)
    cloud.set(refresh_in=1)
    results = [pod.get()]

    def tried():
        results.append(pod.get())
        return len(cloud.exchanges()) > 1
    wait_until(tried, "a refresh is tried")
    results += [pod.get() for _ in range(3)]
    assert len({r.token for r in results}) == 1 and {r.err for r in results} == {""}
    assert max(r.seconds for r in results) < 10 and len(cloud.exchanges()) == 2, "the others do not try again"


def test_a_failed_refresh_rests_longer_than_a_failure(pod, cloud):
    """Two seconds after a network failure the next caller would ask again; a refresh, which nobody needs yet, waits for longer."""
    cloud.fault("entra", "html", status=403, skip=1)
    first = age(pod)
    failed = time.monotonic()
    wait_until(lambda: time.monotonic() > failed + 3, "three seconds later")
    assert pod.get().token == first.token and len(cloud.exchanges()) == 2


def test_many_in_the_refresh_window_make_one_exchange(pod, cloud):
    cloud.fault("entra", "delay", skip=1, ms=500)
    cloud.set(refresh_in=1)
    first = pod.get()
    rounds = []

    def refreshed():
        rounds.append(pod.many(10, [HELPER, "get"], pod.ask()))
        return len(cloud.exchanges()) > 1
    wait_until(refreshed, "a refresh")
    assert cloud.concurrency()["most"] == 1 and all(r.token and r.err == "" for round in rounds for r in round)
    assert sum(r.token != first.token for r in rounds[-1]) >= 1 and len(cloud.exchanges()) == 2


def test_missing_source_is_not_served_from_the_refresh_window(pod, cloud):
    cloud.set(refresh_in=1)
    assert pod.get().token
    pod.token_file.unlink()
    assert pod.get().token is None


# --- processes that die, and folders that vanish ---

def begin_only(pod, **how):
    """A process that has its question."""
    p = pod.start([HELPER, "get"], **how)
    p.stdin.write(pod.ask().encode())
    p.stdin.close()
    p.stdin = None
    return p


def begin(pod, **how):
    """A process that has asked Entra and waits for the answer."""
    before = len(pod.cloud.exchanges())
    p = begin_only(pod, **how)
    wait_until(lambda: len(pod.cloud.exchanges()) > before, "it asks Entra")
    return p


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_death_of_the_lock_holder(pod, cloud, how):
    cloud.fault("entra", "hang", times=1)
    p = begin(pod, before=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL))  # a background job's is ignored
    p.send_signal(how)
    assert pod.finish(p).rc == -how
    r = pod.get()
    assert r.token and r.err == "" and r.seconds < 15 and len(cloud.exchanges()) == 2
    assert pod.get().token == r.token and not [f for f in pod.store.iterdir() if f.name.startswith("t.")]


def clear_away(path):
    """As a janitor does it: somebody may write there meanwhile."""
    while path.exists():
        shutil.rmtree(path, ignore_errors=True)


def test_folder_deleted_under_waiting_processes(pod, cloud):
    cloud.fault("entra", "delay", times=1, ms=1500)
    first = begin(pod)
    others = [begin_only(pod) for _ in range(8)]
    wait_until(lambda: pod.store.is_dir(), "the folder is there")
    clear_away(pod.runtime / "daypass")
    results = [pod.finish(p) for p in (first, *others)]
    assert all(r.token and r.err == "" for r in results), results
    assert len(cloud.exchanges()) < 9 and pod.get().token


def test_erase_during_an_exchange_is_not_undone(pod, cloud):
    """The kept token is refused while another process refreshes it: what that one brings is answered, and not kept."""
    cloud.set(refresh_in=1)
    old = pod.get().token
    cloud.set(refresh_in=None)
    before = len(cloud.exchanges())
    cloud.fault("entra", "delay", ms=1000, times=1)
    running = []

    def refreshing():
        running.append(begin_only(pod))
        wait_until(lambda: running[-1].poll() is not None or len(cloud.exchanges()) > before, "it asks or ends")
        return len(cloud.exchanges()) > before
    wait_until(refreshing, "a refresh")
    pod.erase(old)
    assert pod.finish(running[-1]).token != old and pod.records() == []
    assert pod.get().token != old and len(cloud.exchanges()) == before + 2


def test_a_thousand_records_are_cleaned(pod, cloud):
    pod.get()
    for i in range(1500):
        (pod.store / f"{i:064x}").write_bytes(b"x")
    old = pod.store / ("e" * 64)
    old.write_bytes(b"x")
    os.utime(old, (1, 1))
    pod.get(DAYPASS_CLIENT_ID=None)
    pod.assertion(sub="system:other")
    pod.get()  # a failure is a record too: written, so cleaned
    assert len(pod.records()) <= 1024 and not old.exists()
