#!/bin/sh
# Makers' own libraries as judges of the stand-in cloud, built from their Go modules with the small programs beside this one: zitadel/oidc's
# verifier of assertions (verifier/).
#
#   tests/e2e/real/fetch_judges.sh [NAME...]        default: verifier
#
# One to two minutes, 15 MB kept in ${DAYPASS_TEST_CACHE:-~/.cache/daypass-tests}/judges/NAME-VERSION. Says which failed; the tests then skip those.
set -eu

cache=${DAYPASS_TEST_CACHE:-$HOME/.cache/daypass-tests}
here=$(cd "$(dirname "$0")" && pwd)
mkdir -p "$cache/judges"
cache=$(cd "$cache" && pwd)
log=$cache/fetch_judges.log work=$cache/judges.work
: >"$log"

say() { echo "fetch_judges: $*"; }

# shellcheck source=tests/e2e/real/own_apt.sh
. "$here/own_apt.sh"
# shellcheck source=tests/e2e/real/own_go.sh
. "$here/own_go.sh"

# NAME PACKAGE@VERSION...: the program of that folder.
program() {
	name=$1
	shift
	rm -rf "${work:?}/$name"
	mkdir -p "$work/$name"
	cp "$here/$name"/*.go "$work/$name"
	(cd "$work/$name" && with_go mod init "daypass.test/$name" && with_go get "$@" && with_go build -mod=mod -o "$work/done" .)
}

version() { echo "$1.$(cat "$here/$2"/*.go | cksum | cut -d ' ' -f 1)"; }

fetch() {
	case $1 in
	verifier) built judges verifier "$(version 3.51.17 verifier)" program verifier github.com/zitadel/oidc/v3/pkg/op@v3.51.17 ;;
	*) say "no such program: $1"; exit 2 ;;
	esac
}

[ $# != 0 ] || set -- verifier
trap 'rm -rf "$work"' EXIT
left=
for wanted; do
	fetch "$wanted" || left="$left $wanted"
done
[ -z "$left" ] || say "failed:$left (see $log); their tests will be skipped"
