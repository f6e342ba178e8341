#!/bin/sh
# Makers' own libraries as judges of the stand-in cloud: zitadel/oidc's verifier of assertions and go-spiffe's Workload API, built from their Go
# modules with the small programs in verifier/ and spiffe/, and Google's google-auth and Amazon's botocore for Python.
#
#   tests/e2e/real/fetch_judges.sh [NAME...]        default: verifier spiffe google-auth botocore
#
# Two to three minutes, 50 MB kept in ${DAYPASS_TEST_CACHE:-~/.cache/daypass-tests}/judges/NAME-VERSION. Says which failed; the tests then skip those.
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

wheels() {
	python=$([ -x /usr/bin/python3 ] && echo /usr/bin/python3 || echo python3)
	rm -rf "$work/venv" "$work/wheels"
	"$python" -m venv "$work/venv" && "$work/venv/bin/pip" install -q --disable-pip-version-check --no-compile --target "$work/wheels" "$@"
}

# NAME VERSION MORE...: $cache/judges/NAME-VERSION is a folder with that package of Python's, what it needs, and these.
package() {
	name=$1 version=$2 made=$cache/judges/$1-$2
	shift 2
	if [ -d "$made" ]; then
		say "$name $version, from an earlier run"
		return 0
	fi
	mkdir -p "$work" "$cache/judges"
	try wheels "$name==$version" "$@" || { say "$name $version could not be had"; return 1; }
	rm -rf "$cache/judges/$name"-*
	mv "$work/wheels" "$made"
	say "$name $version: $(du -sm "$made" | cut -f 1) MB"
}

fetch() {
	case $1 in
	google-auth) package google-auth 2.43.0 requests ;;
	verifier) built judges verifier "$(version 3.51.17 verifier)" program verifier github.com/zitadel/oidc/v3/pkg/op@v3.51.17 ;;
	spiffe) built judges spiffe "$(version 2.9.0 spiffe)" program spiffe github.com/spiffe/go-spiffe/v2/workloadapi@v2.9.0 ;;
	botocore) package botocore 1.43.11 ;;
	*) say "no such program: $1"; exit 2 ;;
	esac
}

[ $# != 0 ] || set -- verifier spiffe google-auth botocore
trap 'rm -rf "$work"' EXIT
left=
for wanted; do
	fetch "$wanted" || left="$left $wanted"
done
[ -z "$left" ] || say "failed:$left (see $log); their tests will be skipped"
