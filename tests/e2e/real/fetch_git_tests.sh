#!/bin/sh
# git's own tests of credential helpers (t0303), for tests/e2e/real/t0303.sh: from Debian's source packages of git, with just the git
# that they need. git is GPL: it is built and used in the cache, and nothing of it goes into this repository.
#
#   tests/e2e/real/fetch_git_tests.sh [RELEASE...]        default: the running Debian's own (elsewhere bookworm), and sid
#
# They go into ${DAYPASS_TEST_CACHE:-~/.cache/daypass-tests}/gittests-RELEASE and stay there, with git's own git-credential-libsecret to
# compare with where libsecret's headers are; `done` holds the version. Keys and mirror: see own_apt.sh.
# Says which failed; the tests then skip those.
set -eu

cache=${DAYPASS_TEST_CACHE:-$HOME/.cache/daypass-tests}
here=$(cd "$(dirname "$0")" && pwd)
if [ $# = 0 ]; then
	# shellcheck disable=SC1091
	own=$(. /etc/os-release 2>/dev/null && [ "${ID:-}" = debian ] && echo "${VERSION_CODENAME:-}") || own=
	set -- "${own:-bookworm}" sid
fi
mkdir -p "$cache"
cache=$(cd "$cache" && pwd)
log=$cache/fetch_git_tests.log
: >"$log"

say() { echo "fetch_git_tests: $*"; }

# shellcheck source=tests/e2e/real/own_apt.sh
. "$here/own_apt.sh"

download() { (mkdir -p "$1/deb" && cd "$1/deb" && own_apt "$1" source --download-only git); }

# Debian's patches too: some change what git asks of a helper. `git apply`, as patch and dpkg-source need not be there.
unpack() {
	mkdir "$1/src" "$1/debian"
	tar -xf "$1"/deb/git_*.orig.tar.xz -C "$1/src" --strip-components=1 || return 1
	tar -xf "$1"/deb/git_*.debian.tar.xz -C "$1/debian" --strip-components=1 || return 1
	[ -f "$1/debian/patches/series" ] || return 0
	grep -v -e '^#' -e '^[[:space:]]*$' "$1/debian/patches/series" | while read -r patch _; do
		(cd "$1/src" && GIT_CEILING_DIRECTORIES=$1 git apply "$1/debian/patches/$patch") || exit 1
	done
}

# The least that there is: the tests speak to a helper, not to a network. Unoptimized, to be done sooner.
build() {
	env -i PATH="$PATH" LC_ALL=C make -C "$1/src" -j"$(nproc)" NO_RUST=1 NO_GETTEXT=1 NO_TCLTK=1 NO_PERL=1 NO_PYTHON=1 NO_EXPAT=1 NO_OPENSSL=1 NO_CURL=1 \
		CFLAGS=-O0 git t/helper/test-tool GIT-BUILD-OPTIONS
}

# As a distribution builds it, since it is there to be measured against.
libsecret() {
	pkg-config --exists libsecret-1 && env -i PATH="$PATH" LC_ALL=C make -C "$1/src/contrib/credential/libsecret" CFLAGS=-O2 git-credential-libsecret
}

# Of 80 MB we keep the 10 that the tests open. They find it all from where they lie, except for what newer build options name.
keep() {
	src=$1/src to=$1/keep
	mkdir -p "$to/t/helper" "$to/templates/blt"
	cp "$src/git" "$src/GIT-BUILD-OPTIONS" "$src/COPYING" "$to/" || return 1
	# shellcheck disable=SC2016
	printf '%s\n' 'GIT_SOURCE_DIR=$GIT_BUILD_DIR' 'GIT_TEST_TEMPLATE_DIR=$GIT_BUILD_DIR/templates/blt' >>"$to/GIT-BUILD-OPTIONS"
	cp "$src/t/helper/test-tool" "$to/t/helper/" || return 1
	cp -R "$src/t/test-lib.sh" "$src/t/test-lib-functions.sh" "$src/t/lib-credential.sh" "$src/t/t0303-credential-external.sh" "$src/t/oid-info" "$to/t/" || return 1
	if [ -x "$src/contrib/credential/libsecret/git-credential-libsecret" ]; then
		cp "$src/contrib/credential/libsecret/git-credential-libsecret" "$to/"
	fi
}

fetch() {
	release=$1 from=$2
	work=$cache/gittests-$release.new final=$cache/gittests-$release
	rm -rf "$work" "$final"
	own_apt_init "$work" deb-src "$release" "$from"
	try own_apt "$work" update || { say "$release: the package lists cannot be had"; return 1; }
	try download "$work" || { say "$release: the source package cannot be downloaded"; return 1; }
	unpack "$work" >>"$log" 2>&1 || { say "$release: the source package cannot be unpacked and patched"; return 1; }
	build "$work" >>"$log" 2>&1 || { say "$release: git does not build"; return 1; }
	libsecret "$work" >>"$log" 2>&1 || say "$release: no git-credential-libsecret (needs libsecret's headers)"
	keep "$work" >>"$log" 2>&1 || { say "$release: something that the tests need is missing"; return 1; }
	mv "$work/keep" "$final"
	sed -n 's/^Version: *//p' "$work"/deb/git_*.dsc | head -n 1 >"$work/done"
	# The control: git's own helper must pass.
	"$here/t0303.sh" cache "$release" >>"$log" 2>&1 || { say "$release: git's own credential-cache does not pass"; return 1; }
	mv "$work/done" "$final/done"
}

each_release gittests done 'cc git make perl pkg-config tar xz' "$@"
