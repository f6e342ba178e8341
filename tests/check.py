#!/usr/bin/python3
"""Run the test tiers one after the other, add up what they say, and close with what ran, what failed and what could not
run and why.

    tests/check.py --make MAKE TIER...        a tier is a make target
"""
import os
import re
import subprocess
import sys
import time
from collections import Counter


def counts(text):
    """The last line that a runner closes with: ours, or pytest's."""
    found = {"passed": 0, "failed": 0, "skipped": 0}
    for line in reversed(text.splitlines()):
        numbers = re.findall(r"(\d+) (passed|failed|skipped|error)", line)
        if numbers:
            for n, what in numbers:
                found["failed" if what == "error" else what] += int(n)
            break
    return found


def skips(tier, text):
    """Why tests were left out: pytest's lines, by reason, and those of the C programs."""
    found = Counter()
    for n, reason in re.findall(r"^SKIPPED \[(\d+)\] \S+: (.*)$", text, re.M):
        found[reason] += int(n)
    for reason in re.findall(r"^\s*\S*: skipped: (.*)$", text, re.M):
        found[reason] += 1
    return [f"{tier}: {reason} ({n})" for reason, n in sorted(found.items())]


def run(make, tier):
    print(f"--- {tier}", flush=True)
    start = time.monotonic()
    p = subprocess.Popen([make, "--no-print-directory", tier], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace")
    lines = []
    for line in p.stdout:
        sys.stdout.write(line)
        sys.stdout.flush()
        lines.append(line)
    status = p.wait()
    text = "".join(lines)
    n = counts(text)
    if status and not n["failed"]:
        n["failed"] = 1
    return status, n, skips(tier, text), time.monotonic() - start


def main():
    make, tiers = sys.argv[2], sys.argv[3:]
    rows, not_run, failed = [], [], []
    for tier in tiers:
        status, n, skips, seconds = run(make, tier)
        rows.append((tier, n, seconds))
        not_run += skips
        if status:
            failed.append(tier)
    print("\n--- what ran")
    for tier, n, seconds in rows:
        print(f"{tier:10} {n['passed']:5} passed {n['failed']:4} failed {n['skipped']:4} skipped {seconds:6.0f} s")
    if not_run:
        print("--- what could not run, and why")
        for reason in not_run:
            print(f"  {reason}")
    if failed:
        print(f"failed: {', '.join(failed)}")
    total = {k: sum(n[k] for _, n, _ in rows) for k in ("passed", "failed", "skipped")}
    print(f"{total['passed']} passed, {total['failed']} failed, {total['skipped']} skipped")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    os.environ.setdefault("PYTHONDONTWRITEBYTECODE", "1")
    main()
