#!/bin/sh
# Kubernetes' clients in other languages for tests/e2e/real/test_kube_clients.py: the official ones for Python (today's, and the distribution's),
# JavaScript and Java, fabric8's and kube-rs, each with the small program of kube/ that uses it.
#
#   tests/e2e/real/fetch_kube_clients.sh [NAME...]        default: python distribution js fabric8 java; with DAYPASS_TEST_HEAVY set rust too (make check-kube)
#
# Half a minute and 350 MB for the first five, two minutes for kube-rs. They go into ${DAYPASS_TEST_CACHE:-~/.cache/daypass-tests}/kube-clients/NAME and stay
# there; node, a JDK and Maven, cargo are the machine's: where it has none that client is left out. Says which failed; the tests then skip those.
set -eu

cache=${DAYPASS_TEST_CACHE:-$HOME/.cache/daypass-tests}
here=$(cd "$(dirname "$0")" && pwd)
mkdir -p "$cache/kube-clients"
cache=$(cd "$cache" && pwd)
log=$cache/fetch_kube_clients.log work=$cache/kube-clients.work
: >"$log"

say() { echo "fetch_kube_clients: $*"; }

# shellcheck source=tests/e2e/real/own_apt.sh
. "$here/own_apt.sh"

have() {
	for program; do
		command -v "$program" >/dev/null || { say "$name needs $program, which is not here"; return 1; }
	done
}

# Each is made in $to and says on $work/version what it is; a venv knows where it lies, so it is made in its place.
python() {
	python=$([ -x /usr/bin/python3 ] && echo /usr/bin/python3 || echo python3)
	"$python" -m venv "$to" && "$to/bin/pip" install -q --disable-pip-version-check kubernetes &&
		"$to/bin/pip" list --disable-pip-version-check --format=freeze | grep '^kubernetes=' >"$work/version"
}

# Unpacked and never installed: the distribution's own Python runs it. What is installed already is not fetched again.
distribution() {
	mkdir -p "$work/debs/partial" "$to/root"
	apt-get -q -y -o Dir::Cache::archives="$work/debs" -o Debug::NoLocking=1 -o APT::Sandbox::User= --no-install-recommends --download-only install python3-kubernetes || return 1
	for deb in "$work"/debs/*.deb; do
		[ ! -f "$deb" ] || dpkg -x "$deb" "$to/root" || return 1
	done
	PYTHONPATH="$to/root/usr/lib/python3/dist-packages" /usr/bin/python3 -c 'import kubernetes; print("kubernetes", kubernetes.__version__)' >"$work/version"
}

js() {
	npm install --prefix "$to" --ignore-scripts --no-audit --no-fund --loglevel=error @kubernetes/client-node@1.4.0 && echo '@kubernetes/client-node 1.4.0' >"$work/version"
}

maven() {
	mvn -q -B -Dmaven.repo.local="$work/m2" -f "$here/kube/$1/pom.xml" dependency:copy-dependencies -DoutputDirectory="$to/lib" &&
		javac -nowarn -cp "$to/lib/*" -d "$to/classes" "$here/kube/$1/Kube.java" && basename "$to"/lib/"$2"-[0-9]*.jar .jar >"$work/version"
}

fabric8() { maven fabric8 kubernetes-client; }

java() { maven java client-java; }

rust() {
	rm -rf "$work/rust"
	cp -r "$here/kube/rust" "$work" && nice cargo build -q --manifest-path "$work/rust/Cargo.toml" --target-dir "$work/target" || return 1
	mkdir -p "$to"
	mv "$work/target/debug/kube" "$to/kube"
	sed -n 's/^kube = .*"=\([0-9.]*\)".*/kube-rs \1/p' "$here/kube/rust/Cargo.toml" >"$work/version"
}

# fetch NAME [PROGRAM...]: made anew when this script or what is in kube/NAME changes.
fetch() {
	name=$1 to=$cache/kube-clients/$1 of=$(cat "$here/fetch_kube_clients.sh" "$here/kube/$1"/* 2>/dev/null | cksum)
	shift
	if grep -qxF "$of" "$to/done" 2>/dev/null; then
		say "$name: $(head -n 1 "$to/done"), from an earlier run"
		return 0
	fi
	have "$@" || return 1
	rm -rf "$to"
	mkdir -p "$work"
	started=$(date +%s)
	try "$name" || { say "$name could not be had"; rm -rf "$to"; return 1; }
	{ head -n 1 "$work/version" && echo "$of"; } >"$to/done"
	say "$name: $(head -n 1 "$to/done") in $(($(date +%s) - started)) s, $(du -sm "$to" | cut -f 1) MB"
}

if [ $# = 0 ]; then
	set -- python distribution js fabric8 java
	[ -z "${DAYPASS_TEST_HEAVY:-}" ] || set -- "$@" rust
fi
trap 'rm -rf "$work"' EXIT
left=
for wanted; do
	case $wanted in
	python) fetch python ;;
	distribution) fetch distribution apt-get dpkg ;;
	js) fetch js node npm ;;
	fabric8 | java) fetch "$wanted" javac mvn ;;
	rust) fetch rust cargo ;;
	*) say "no such client: $wanted"; exit 2 ;;
	esac || left="$left $wanted"
done
[ -z "$left" ] || say "failed:$left (see $log); their tests will be skipped"
