#!/usr/bin/env python3
"""Run unit test programs (cmocka, TAP), show what fails, and end with one line: unit: N passed, N failed, N skipped.

usage: run.py PROGRAM...                run each; exit status 1 where anything failed or crashed
       run.py --expect-leak PROGRAM     the sanitizer must report the leak that the program plants
       run.py --fuzz PROGRAM...         hand each fuzz target its seeds, once, as files
"""
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

SEEDS = Path(__file__).resolve().parent.parent / "fuzz" / "seeds"
LIMIT_S = 600  # a program that hangs is a failure; nothing here depends on being fast
RESULT = re.compile(r"^(ok|not ok) \d+(?: -)? ?(.*)$")


def environment(folder):
    """Nothing of the caller's identity, configuration or proxies reaches the tests."""
    kept = ("PATH", "HOME", "TMPDIR", "LD_LIBRARY_PATH", "ASAN_OPTIONS", "UBSAN_OPTIONS", "LSAN_OPTIONS", "GCOV_PREFIX", "GCOV_PREFIX_STRIP")
    env = {k: os.environ[k] for k in kept if k in os.environ}
    env.update(LC_ALL="C", TZ="UTC", CMOCKA_MESSAGE_OUTPUT="TAP", DAYPASS_TEST_DIR=folder)
    return env


def end_of(p):
    try:
        return p.communicate(timeout=LIMIT_S)[0], p.returncode
    except subprocess.TimeoutExpired:
        os.killpg(p.pid, signal.SIGKILL)
        return p.communicate()[0], None


def call(arguments):
    """Exit status and output; None as the status where it did not end. What a crash leaves behind goes with its folder."""
    memory = "/dev/shm"
    folder = tempfile.mkdtemp(prefix="daypass-unit-", dir=memory if os.access(memory, os.W_OK | os.X_OK) else None)
    try:
        p = subprocess.Popen(arguments, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=environment(folder), start_new_session=True)
        text, status = end_of(p)
    except OSError as e:
        return 127, f"cannot be started: {e}\n"
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return status, text.decode("utf-8", "replace")


def count(text):
    """How many passed, failed and were skipped, and how many the plan promised."""
    passed = failed = skipped = planned = 0
    for line in text.splitlines():
        m = RESULT.match(line)
        if line.startswith("1.."):
            planned = int(line[3:])
        elif m and "# SKIP" in line:  # cmocka 1.1.5 says "not ok" there too
            skipped += 1
        elif m and m.group(1) == "not ok":
            failed += 1
        elif m:
            passed += 1
    return passed, failed, skipped, planned


def run_one(program):
    """Run one program; returns its counts and whether all is well."""
    status, text = call([program])
    passed, failed, skipped, planned = count(text)
    crashed = status is None or (status != 0 and not failed) or planned == 0 or passed + failed + skipped != planned
    for line in text.splitlines():
        if line.startswith("skipped: "):
            print(f"  {Path(program).name}: {line}")
    if failed or crashed:
        if failed:  # a failing test leaves without cleaning up: its leaks say nothing
            text = re.split(r"(?m)^=+\n==\d+==ERROR: LeakSanitizer", text)[0]
        print(f"--- {program}: {'did not end' if status is None else f'exit status {status}'}")
        print("\n".join(line for line in text.splitlines() if not re.match(r"^ok \d+", line) and "# SKIP" not in line), flush=True)
    return passed, failed + (1 if crashed else 0), skipped


def run_all(programs):
    total = [0, 0, 0]
    for program in programs:
        total = [a + b for a, b in zip(total, run_one(program))]
    print(f"unit: {total[0]} passed, {total[1]} failed, {total[2]} skipped")
    return 1 if total[1] or not programs else 0


def expect_leak(program):
    status, text = call([program])
    if status and "LeakSanitizer" in text and "planted_leak" in text:
        print("leak probe: reported, as it must be")
        return 0
    print(f"leak probe: the planted leak was not reported (exit status {status})\n{text}")
    return 1


def fuzz_once(programs):
    bad = 0
    for program in programs:
        name = Path(program).name
        seeds = sorted(str(p) for p in (SEEDS / name).iterdir()) if (SEEDS / name).is_dir() else []
        status, text = call([program, *seeds])
        ok = status == 0 and seeds
        bad += not ok
        print(f"{name}: {len(seeds)} seeds, {'ok' if ok else f'FAILED (exit status {status})'}")
        if not ok:
            print(text)
    return 1 if bad else 0


def main(arguments):
    if not arguments or arguments[0] in ("-h", "--help"):
        print(__doc__)
        return 2
    if arguments[0] == "--expect-leak":
        return expect_leak(arguments[1])
    if arguments[0] == "--fuzz":
        return fuzz_once(arguments[1:])
    return run_all(arguments)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
