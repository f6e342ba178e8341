#!/bin/sh
# Registry clients for tests/e2e/real that the distribution does not have, or only older: Debian's own packages of other releases
# (docker, skopeo, podman, buildah), unpacked side by side and never installed, and crane, oras, regctl, helm and docker built from their Go modules.
#
#   tests/e2e/real/fetch_clients.sh [NAME...]        default: all; NAME is a release (trixie, sid) or a program (crane, helm3 ...)
#
# They go into ${DAYPASS_TEST_CACHE:-~/.cache/daypass-tests}: clients-RELEASE/bin/PROGRAM and clients-go/NAME-VERSION, and stay there. What only
# a build needs (Go's caches, 3 GB; Go itself where the machine has none that is new enough) is taken away behind it. Keys and mirror: see own_apt.sh.
# Says which failed; the tests then skip those.
set -eu

cache=${DAYPASS_TEST_CACHE:-$HOME/.cache/daypass-tests}
here=$(cd "$(dirname "$0")" && pwd)
[ $# -gt 0 ] || set -- trixie sid crane oras regctl helm3 helm4 docker
mkdir -p "$cache/clients-go"
cache=$(cd "$cache" && pwd)
log=$cache/fetch_clients.log
: >"$log"

say() { echo "fetch_clients: $*"; }

# shellcheck source=tests/e2e/real/own_apt.sh
. "$here/own_apt.sh"
# shellcheck source=tests/e2e/real/own_go.sh
. "$here/own_go.sh"

# --- Debian's ---

# Of what the four bring with them: their libraries. They are told to print and to copy, and start no container.
needed() {
	case $(basename "$1") in
	docker-cli_* | skopeo_* | podman_* | buildah_*) return 0 ;;
	libpam* | libdb* | libldap* | libsasl* | libperl* | libpython* | libncurses* | libsystemd-shared* | libc-gconv* | libcriu*) return 1 ;;
	lib*) return 0 ;;
	esac
	return 1
}

# They must find their own libraries wherever the folder lies, without any variable. Those that are linked statically have no loader.
relink() {
	loader=$(find "$tree/root" -name 'ld-linux*.so.*' | head -n 1)
	libraries=$(dirname "$(find "$tree/root/usr/lib" -name 'libgpgme*.so.*' | head -n 1)")
	[ -n "$loader" ] && [ -d "$libraries" ] || return 1
	for program in docker skopeo podman buildah; do
		f=$tree/root/usr/bin/$program
		patchelf --print-interpreter "$f" >/dev/null 2>&1 || continue
		patchelf --set-interpreter "$final${loader#"$tree"}" --force-rpath --set-rpath "$final${libraries#"$tree"}" "$f" || return 1
	done
}

# The table of what runs is made of their own words.
versions() {
	for program in docker skopeo podman buildah; do
		HOME=$tree "$final/root/usr/bin/$program" --version || return 1
	done | sed 's/,.*//; s/ version / /; s/ (.*//' | tr '\n' ',' | sed 's/,$//; s/,/, /g'
}

fetch() {
	release=$1 from=$2
	tree=$cache/clients-$release.new final=$cache/clients-$release
	rm -rf "$tree"
	mkdir -p "$tree/root"
	own_apt_init "$tree" deb "$release" "$from"
	try own_apt "$tree" update || { say "$release: the package lists cannot be had"; return 1; }
	try own_apt "$tree" --download-only install docker-cli skopeo podman buildah || { say "$release: the packages cannot be downloaded"; return 1; }
	for deb in "$tree"/cache/archives/*.deb; do
		! needed "$deb" || dpkg -x "$deb" "$tree/root" || { say "$release: the packages cannot be unpacked"; return 1; }
	done
	relink >>"$log" 2>&1 || { say "$release: patchelf failed"; return 1; }
	rm -rf "$tree/cache" "$tree/state" "$tree/root/usr/share" "$tree/root/usr/libexec" "$final"
	mv "$tree" "$final"
	versions >"$final/version" 2>>"$log" || { say "$release: one of them does not start here"; rm -f "$final/version"; return 1; }
}

# --- Go modules ---

# NAME MODULE VERSION PACKAGE
modules() {
	cat <<-END
		crane github.com/google/go-containerregistry v0.22.1 cmd/crane
		oras oras.land/oras v1.3.5 cmd/oras
		regctl github.com/regclient/regclient v0.11.7 cmd/regctl
		helm3 helm.sh/helm/v3 v3.22.0 cmd/helm
		helm4 helm.sh/helm/v4 v4.3.1 cmd/helm
		docker github.com/docker/cli v29.9.3+incompatible cmd/docker
	END
}

# build NAME MODULE VERSION PACKAGE
build() {
	if [ "$1" != docker ]; then
		with_go install "$2/$4@$3" && mv "$work/bin/${4##*/}" "$work/done"
		return
	fi
	# Its module has no go.mod: what would be it is called vendor.mod. Of swarmkit, which has nothing to do here, the module proxy has not every version.
	where=$(with_go mod download -json "$2@$3" | sed -n 's/^\t"Dir": "\(.*\)",*$/\1/p')
	cp "$where/vendor.mod" "$where/go.mod" && cp "$where/vendor.sum" "$where/go.sum" || return 1
	(cd "$where" && with_go mod edit -replace github.com/moby/swarmkit/v2=github.com/moby/swarmkit/v2@v2.0.0 && with_go build -mod=mod -o "$work/done" "./$4")
}

fetch_module() {
	built clients-go "$1" "${3%+*}" build "$@"
}

releases='' builds='' left='' work=$cache/clients-go.work
for wanted; do
	case $wanted in
	trixie | sid) releases="$releases $wanted" ;;
	*) modules | grep -q "^$wanted " || { say "no such client: $wanted"; exit 2; }
		builds="$builds $wanted" ;;
	esac
done
# shellcheck disable=SC2086
[ -z "$releases" ] || each_release clients version 'dpkg patchelf' $releases
trap 'rm -rf "$work"' EXIT
for wanted in $builds; do
	# shellcheck disable=SC2046
	fetch_module $(modules | grep "^$wanted ") || left="$left $wanted"
done
[ -z "$left" ] || say "failed:$left (see $log); their tests will be skipped"
