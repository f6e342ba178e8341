#!/bin/sh
# Run each fuzzer for some seconds from its seeds; what it finds stays in build/fuzz/found.
#   tests/fuzz/run.sh SECONDS FUZZER...
set -u
seconds=$1
shift
found=build/fuzz/found
mkdir -p "$found"
passed=0
failed=0
for fuzzer in "$@"; do
	name=$(basename "$fuzzer")
	corpus=build/fuzz/corpus/$name
	mkdir -p "$corpus"
	if "$fuzzer" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 -artifact_prefix="$found/$name-" "$corpus" "tests/fuzz/seeds/$name" >"$found/$name.log" 2>&1; then
		passed=$((passed + 1))
		echo "$name: $(sed -n 's/^Done \(.*\)/\1/p' "$found/$name.log")"
	else
		failed=$((failed + 1))
		echo "$name: FAILED, input in $found"
		tail -n 40 "$found/$name.log"
	fi
done
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
