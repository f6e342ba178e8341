#!/bin/sh
# git's own battery for credential helpers, against one of ours.
#
#   tests/e2e/real/t0303.sh HELPER RELEASE [SETUP...]
#
# HELPER is an absolute path (or the name of a helper of git's own, as a control), and one word: git's tests do not quote it. RELEASE is one
# that fetch_git_tests.sh has brought. SETUP is shell text that git's tests evaluate first.
# First t0303 as git has it, then the checks of git's library that t0303 leaves out. HOME is git's trash directory; of the caller's
# environment only the variables below are kept. Prints what git's tests print; the status is the first that is not 0.
set -eu

[ $# -ge 2 ] || { echo "usage: tests/e2e/real/t0303.sh HELPER RELEASE [SETUP...]" >&2; exit 2; }
helper=$1 tree=${DAYPASS_TEST_CACHE:-$HOME/.cache/daypass-tests}/gittests-$2
shift 2
setup=$*
case $helper in
*[!A-Za-z0-9_./+:@%,=-]* | */ | '') echo "t0303: a helper must be one word: $helper" >&2; exit 2 ;;
/*) [ -x "$helper" ] || { echo "t0303: no such program: $helper" >&2; exit 2; } ;;
*/*) echo "t0303: a helper must be an absolute path: $helper" >&2; exit 2 ;;
# Else its daemon would wait for the last password to expire.
cache) setup="test_atexit 'git credential-cache exit'${setup:+; $setup}" ;;
esac
tests=$(cd "$tree/t" 2>/dev/null && pwd) || { echo "t0303: first run tests/e2e/real/fetch_git_tests.sh" >&2; exit 2; }

pid=
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
trap '[ -z "$pid" ] || kill "$pid" || :; exit 143' HUP INT TERM

# What only git's t0301 calls, for its own cache. t0303's cleaning does not know these hosts.
cat >"$tmp/t9999-daypass-authtype.sh" <<'EOF'
test_description='checks of lib-credential.sh that t0303 leaves out'
. "$TEST_DIRECTORY"/test-lib.sh
. "$TEST_DIRECTORY"/lib-credential.sh
checks=
for c in helper_test_password_expiry_utc helper_test_oauth_refresh_token helper_test_authtype; do
	grep -q "^$c " "$TEST_DIRECTORY/t0303-credential-external.sh" || ! grep -q "^$c()" "$TEST_DIRECTORY/lib-credential.sh" || checks="$checks $c"
done
if test -z "$checks"; then
	skip_all='t0303 calls all that this git has'
	test_done
fi
eval "$GIT_TEST_CREDENTIAL_HELPER_SETUP"
clean() {
	helper_test_clean "$GIT_TEST_CREDENTIAL_HELPER"
	for host in git.example.com git2.example.com; do
		printf '%s\n' 'capability[]=authtype' protocol=https host=$host | git -c credential.helper="$GIT_TEST_CREDENTIAL_HELPER" credential reject
	done
}
clean
for c in $checks; do
	$c "$GIT_TEST_CREDENTIAL_HELPER"
done
clean
test_done
EOF

# Into a file first: a helper's daemon may inherit our descriptors, and whoever reads us from a pipe would wait for its end.
# In the background, so that we can be stopped at once.
run() {
	(cd "$tests" && exec env -i PATH="$PATH" TMPDIR="$tmp" TERM=dumb ${DAYPASS_CONFIG+DAYPASS_CONFIG="$DAYPASS_CONFIG"} \
		${DBUS_SESSION_BUS_ADDRESS+DBUS_SESSION_BUS_ADDRESS="$DBUS_SESSION_BUS_ADDRESS"} ${XDG_RUNTIME_DIR+XDG_RUNTIME_DIR="$XDG_RUNTIME_DIR"} \
		${GIT_TEST_CREDENTIAL_HELPER_TIMEOUT+GIT_TEST_CREDENTIAL_HELPER_TIMEOUT="$GIT_TEST_CREDENTIAL_HELPER_TIMEOUT"} \
		GIT_TEST_CREDENTIAL_HELPER="$helper" GIT_TEST_CREDENTIAL_HELPER_SETUP="$setup" TEST_DIRECTORY="$tests" TEST_OUTPUT_DIRECTORY="$tmp" \
		sh "$1" -v --no-bin-wrappers --no-chain-lint --root="$tmp" </dev/null >"$tmp/output" 2>&1) &
	pid=$! status=0
	wait "$pid" || status=$?
	pid=
	cat "$tmp/output"
	[ "$result" != 0 ] || result=$status
}

result=0
run ./t0303-credential-external.sh
run "$tmp/t9999-daypass-authtype.sh"
exit "$result"
