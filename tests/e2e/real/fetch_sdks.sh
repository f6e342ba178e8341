#!/bin/sh
# Microsoft's SDKs for tests/e2e/real/test_sdks.py: azure-identity for Python, JavaScript, Go (with the library by which Terraform's
# azurerm signs in) and Java, each with the small program of sdk/ that asks it, and two releases of the real az.
#
#   tests/e2e/real/fetch_sdks.sh [NAME...]        default: python distribution node go java; with DAYPASS_TEST_HEAVY set also az az-old (make check-az)
#
# Half a minute for the first five, 150 MB kept; az takes one to two minutes and 730 MB. distribution and az-old are the distribution's own
# azure-identity (Debian 12: 1.13, two seconds and 13 MB: make check wants that one) and az (Debian 12: 2.45, 10 s and 700 MB), unpacked and never
# installed. They go into ${DAYPASS_TEST_CACHE:-~/.cache/daypass-tests}: azure-identity, sdk-distribution, sdk-node, sdk-go, sdk-java,
# azure-cli, azure-cli-old, and stay there. Node, a JDK and Maven are those of the machine: where it has none that SDK is left out. Says which
# failed; the tests then skip those.
set -eu

cache=${DAYPASS_TEST_CACHE:-$HOME/.cache/daypass-tests}
here=$(cd "$(dirname "$0")" && pwd)
mkdir -p "$cache"
cache=$(cd "$cache" && pwd)
log=$cache/fetch_sdks.log work=$cache/sdk.work
: >"$log"

say() { echo "fetch_sdks: $*"; }

# shellcheck source=tests/e2e/real/own_apt.sh
. "$here/own_apt.sh"
# shellcheck source=tests/e2e/real/own_go.sh
. "$here/own_go.sh"

have() {
	for program; do
		command -v "$program" >/dev/null || { say "$made needs $program, which is not here" && return 1; }
	done
}

# A venv knows where it lies: it is made in its place, and counts once `done` is in it.
venv() {
	python=$([ -x /usr/bin/python3 ] && echo /usr/bin/python3 || echo python3)
	rm -rf "$cache/$1"
	"$python" -m venv "$cache/$1" && "$cache/$1/bin/pip" install -q --disable-pip-version-check "$2"
}

installed() {
	"$cache/$1/bin/pip" list --format=freeze 2>>"$log" | grep -i "^$2=\|^msal=" | tr '\n' ' '
}

python() { try venv azure-identity azure-identity && installed azure-identity azure-identity >"$work/done"; }

az() { try venv azure-cli azure-cli && installed azure-cli azure-cli >"$work/done"; }

# The packages of the machine's own release run with its own Python: downloaded what is not installed, PACKAGE and what it wants.
own_release() {
	command -v apt-get >/dev/null && apt-cache show "$1" >/dev/null 2>&1 || { say "$made: this distribution has no $1"; return 1; }
	rm -rf "$work/debs"
	mkdir -p "$work/debs/partial"
	try apt-get -q -y -o Dir::Cache::archives="$work/debs" -o Debug::NoLocking=1 -o APT::Sandbox::User= --no-install-recommends --download-only install "$1"
}

# Of the package with all SDKs, which is half a gigabyte, two.
distribution() {
	own_release python3-azure || return 1
	rm -rf "$cache/sdk-distribution"
	mkdir -p "$cache/sdk-distribution/root"
	in=./usr/lib/python3/dist-packages
	for deb in "$work"/debs/*.deb; do
		case ${deb##*/} in
		python3-azure_*) dpkg --fsys-tarfile "$deb" | tar -x -C "$cache/sdk-distribution/root" --wildcards "$in/azure/__init__.py" "$in/azure/identity" "$in/azure/core" "$in/azure_identity-*" ;;
		python3-azure-* | python3-uamqp_* | python3-ruamel*) ;;
		*) dpkg -x "$deb" "$cache/sdk-distribution/root" ;;
		esac || return 1
	done
	echo 'import sys; sys.path.insert(0, sys.argv[1]); import azure.identity; print("azure-identity", azure.identity.__version__)' >"$work/version.py"
	/usr/bin/python3 -I "$work/version.py" "$cache/sdk-distribution/root/$in" >"$work/done" 2>>"$log"
}

az_old() {
	own_release azure-cli || return 1
	rm -rf "$cache/azure-cli-old"
	mkdir -p "$cache/azure-cli-old/bin"
	for deb in "$work"/debs/*.deb; do
		dpkg -x "$deb" "$cache/azure-cli-old/root" || return 1
	done
	printf '#!/bin/sh\nPYTHONPATH=%s exec /usr/bin/python3 -s -m azure.cli "$@"\n' "$cache/azure-cli-old/root/usr/lib/python3/dist-packages" >"$cache/azure-cli-old/bin/az"
	chmod 755 "$cache/azure-cli-old/bin/az"
	HOME=$work "$cache/azure-cli-old/bin/az" version --query '"azure-cli"' -o tsv 2>>"$log" | sed 's/^/azure-cli==/' >"$work/done"
	[ -s "$work/done" ]
}

node() {
	have node npm || return 1
	rm -rf "$cache/sdk-node"
	try npm install --prefix "$cache/sdk-node" --ignore-scripts --no-audit --no-fund --loglevel=error @azure/identity@4.14.1 || return 1
	echo "@azure/identity 4.14.1, node $(command node --version)" >"$work/done"
}

go_program() {
	rm -rf "$work/sdk"
	mkdir -p "$work/sdk" "$cache/sdk-go"
	cp "$here/sdk/go/main.go" "$work/sdk"
	(cd "$work/sdk" && with_go mod init daypass.test/sdk && with_go get github.com/Azure/azure-sdk-for-go/sdk/azidentity@v1.15.0 \
		github.com/hashicorp/go-azure-sdk/sdk@v0.20260811.1225050 && with_go build -mod=mod -o "$cache/sdk-go/sdk" .)
}

golang() {
	find_go || { say "go: needs Go 1.21 or later, or apt with a Debian mirror"; return 1; }
	try go_program && echo "azidentity 1.15.0, go-azure-sdk 0.20260811.1225050" >"$work/done"
}

java_program() {
	mvn -q -B -Dmaven.repo.local="$work/m2" -f "$here/sdk/java/pom.xml" dependency:copy-dependencies -DoutputDirectory="$cache/sdk-java/lib" &&
		javac -cp "$cache/sdk-java/lib/*" -d "$cache/sdk-java/classes" "$here/sdk/java/Sdk.java"
}

java() {
	have javac mvn || return 1
	rm -rf "$cache/sdk-java"
	try java_program && basename "$cache"/sdk-java/lib/azure-identity-*.jar .jar >"$work/done"
}

# fetch NAME FOLDER FUNCTION PROGRAM: what is there was made of this very program, or (without one) of whatever was newest.
fetch() {
	made=$1 stamp=$cache/$2/done of=$(cat "$here/fetch_sdks.sh" ${4:+"$4"} | cksum)
	if [ -s "$stamp" ] && { [ -z "$4" ] || grep -qF "$of" "$stamp"; }; then
		say "$1: $(head -n 1 "$stamp"), from an earlier run"
		return 0
	fi
	mkdir -p "$work"
	started=$(date +%s)
	"$3" || { say "$1 could not be had"; return 1; }
	{ head -n 1 "$work/done" && echo "$of"; } >"$stamp"
	say "$1: $(head -n 1 "$stamp") in $(($(date +%s) - started)) s, $(du -sm "$cache/$2" | cut -f 1) MB"
}

if [ $# = 0 ]; then
	set -- python distribution node go java
	[ -z "${DAYPASS_TEST_HEAVY:-}" ] || set -- "$@" az az-old
fi
trap 'rm -rf "$work"' EXIT
left=
for wanted; do
	case $wanted in
	python) fetch python azure-identity python '' ;;
	distribution) fetch distribution sdk-distribution distribution '' ;;
	node) fetch node sdk-node node "$here/sdk/sdk.mjs" ;;
	go) fetch go sdk-go golang "$here/sdk/go/main.go" ;;
	java) fetch java sdk-java java "$here/sdk/java/Sdk.java" ;;
	az) fetch az azure-cli az '' ;;
	az-old) fetch az-old azure-cli-old az_old '' ;;
	*) say "no such SDK: $wanted"; exit 2 ;;
	esac || left="$left $wanted"
done
[ -z "$left" ] || say "failed:$left (see $log); their tests will be skipped"
