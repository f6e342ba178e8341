#!/bin/sh
# Newer gits for tests/e2e/real: Debian's own packages of other releases, unpacked side by side and never installed.
#
#   tests/e2e/real/fetch_gits.sh [RELEASE...]        default: trixie sid
#
# They go into ${DAYPASS_TEST_CACHE:-~/.cache/daypass-tests}/git-RELEASE and stay there. Keys and mirror: see own_apt.sh.
# Says which failed; the tests then skip those.
set -eu

cache=${DAYPASS_TEST_CACHE:-$HOME/.cache/daypass-tests}
[ $# -gt 0 ] || set -- trixie sid
mkdir -p "$cache"
log=$cache/fetch.log
: >"$log"

say() { echo "fetch_gits: $*"; }

# shellcheck source=tests/e2e/real/own_apt.sh
. "$(dirname "$0")/own_apt.sh"

# What git's dependencies bring and a git over https never opens.
unneeded() {
	case $(basename "$1") in
	perl*_* | libperl* | git-man_* | liberror-perl_* | debconf_* | dpkg_* | tar_* | adduser_* | libdb5* | libgdbm* | netbase_*) return 0 ;;
	esac
	return 1
}

unpack() {
	tree=$1
	for deb in "$tree"/cache/archives/*.deb; do
		unneeded "$deb" || dpkg -x "$deb" "$tree/root" || return 1
	done
	loader=$(find "$tree/root" -name 'ld-linux*.so.*' | head -n 1)
	libraries=$(dirname "$(find "$tree/root/usr/lib" -name 'libcurl*.so.4' | head -n 1)")
	[ -n "$loader" ] && [ -d "$libraries" ]
}

# They must find their own libraries wherever the folder lies, without any variable.
relink() {
	tree=$1 final=$2
	for f in "$tree/root/usr/bin/git" "$tree"/root/usr/lib/git-core/*; do
		[ -f "$f" ] && [ ! -L "$f" ] && [ "$(head -c 4 "$f" | tr -d '\177')" = ELF ] || continue
		patchelf --set-interpreter "$final${loader#"$tree"}" --force-rpath --set-rpath "$final${libraries#"$tree"}" "$f" || return 1
	done
}

fetch() {
	release=$1 from=$2
	tree=$cache/git-$release.new final=$cache/git-$release
	rm -rf "$tree"
	mkdir -p "$tree/root"
	own_apt_init "$tree" deb "$release" "$from"
	try own_apt "$tree" update || { say "$release: the package lists cannot be had"; return 1; }
	try own_apt "$tree" --download-only install git || { say "$release: the packages cannot be downloaded"; return 1; }
	unpack "$tree" || { say "$release: the packages cannot be unpacked"; return 1; }
	relink "$tree" "$final" >>"$log" 2>&1 || { say "$release: patchelf failed"; return 1; }
	rm -rf "$tree/cache" "$tree/state" "$final"
	mv "$tree" "$final"
	GIT_EXEC_PATH=$final/root/usr/lib/git-core "$final/root/usr/bin/git" --version >"$final/version" 2>>"$log" || { say "$release: this git does not start here"; return 1; }
}

each_release git version 'dpkg patchelf' "$@"
