#!/bin/sh
# Install what a make target needs from the distribution's packages, and nothing where it is there already.
#   tests/deps.sh build|demo|check|real|fuzz
# Says what it installs; asks sudo only when not root. Where there is no apt, says what is needed and goes on.
set -eu

build='gcc libc6-dev make pkg-config libcurl4-openssl-dev libcjson-dev libsecret-1-dev libsodium-dev libyaml-dev'
demo="$build ca-certificates docker-registry git iproute2 openssl procps python3 python3-cryptography skopeo util-linux"
check="$demo binutils curl dbus-daemon git-lfs gnome-keyring libcmocka-dev libsecret-tools python3-dbus python3-gi python3-jwt python3-pytest python3-yaml strace"
check="$check buildah podman docker-cli golang-docker-credential-helpers"
fuzz="$check clang llvm"
real="$check patchelf perl python3-venv xz-utils zlib1g-dev"

case "${1:-build}" in
build) wanted=$build ;;
demo) wanted=$demo ;;
check) wanted=$check ;;
fuzz) wanted=$fuzz ;;
real) wanted=$real ;;
*) echo "usage: tests/deps.sh build|demo|check|real|fuzz" >&2; exit 2 ;;
esac

if ! command -v apt-get >/dev/null 2>&1; then
	echo "deps: no apt-get here; Debian's names of what is needed: $wanted"
	exit 0
fi

# clang's runtime with the sanitizers and libFuzzer is a package of its own, named after the version.
if [ "${1:-}" = fuzz ]; then
	version=$(apt-cache depends clang 2>/dev/null | sed -n 's/.*clang-\([0-9][0-9]*\)$/\1/p' | head -n 1)
	[ -z "$version" ] || wanted="$wanted libclang-rt-$version-dev"
fi

missing=
for p in $wanted; do
	[ "$p" != docker-cli ] || ! command -v docker >/dev/null || continue
	state=$(dpkg-query -W -f '${db:Status-Status}' "$p" 2>/dev/null || true)
	[ "$state" = installed ] || missing="$missing $p"
done

# kubectl may come from anywhere, and not every distribution has it (Debian 12: 8 MB to fetch, 38 MB; 13: 16 and 79).
optional=
case "${1:-build}" in
check | real) command -v kubectl >/dev/null 2>&1 || optional=kubernetes-client ;;
esac
known() { [ -n "$1" ] && apt-cache show "$1" >/dev/null 2>&1; }
if [ -z "$missing" ] && known "$optional"; then
	missing=" $optional"
	optional=
fi
[ -n "$missing" ] || exit 0

as_root=
if [ "$(id -u)" != 0 ]; then
	if ! command -v sudo >/dev/null 2>&1; then
		echo "deps: run this as root, then try again: apt-get install$missing" >&2
		exit 1
	fi
	as_root=sudo
fi

echo "deps: installing:$missing"
export DEBIAN_FRONTEND=noninteractive
log=$(mktemp)
trap 'rm -f "$log"' EXIT

# Downloads fail now and then: three tries, then say which.
try() {
	for n in 1 2 3; do
		if $as_root env DEBIAN_FRONTEND=noninteractive "$@" >"$log" 2>&1; then
			return 0
		fi
		echo "deps: '$1 $2' failed (try $n of 3)" >&2
	done
	tail -n 20 "$log" >&2
	return 1
}
try apt-get update -q
if known "$optional"; then
	echo "deps: and $optional"
	missing="$missing $optional"
fi

# Where Docker's client is no package of its own (Debian 12, Ubuntu 24.04) it comes with the daemon.
case "$missing " in
*" docker-cli "*) apt-cache show docker-cli >/dev/null 2>&1 || missing="${missing% docker-cli*} docker.io${missing#* docker-cli}" ;;
esac

# Some packages would start a server, now and at every boot; docker-registry's would listen to everybody. Tests start their own, if any.
units=
for p in $missing; do
	case $p in
	docker-registry) units="$units docker-registry.service" ;;
	docker.io) units="$units docker.service docker.socket containerd.service" ;;
	podman) units="$units podman.service podman.socket podman-restart.service podman-auto-update.service podman-auto-update.timer" ;;
	esac
done
policy=/usr/sbin/policy-rc.d
if [ -n "$units" ] && [ ! -e "$policy" ]; then
	trap 'rm -f "$log"; $as_root rm -f "$policy"' EXIT
	printf '#!/bin/sh\ncase "$*" in *docker* | *containerd* | *podman*) exit 101 ;; esac\n' | $as_root tee "$policy" >/dev/null
	$as_root chmod 755 "$policy"
fi

# shellcheck disable=SC2086
try apt-get install -q -y --no-install-recommends $missing
for unit in $units; do
	name=${unit%.service}
	[ ! -e "/etc/init.d/$name" ] || try update-rc.d "$name" disable
	[ ! -e "/lib/systemd/system/$unit" ] || ! command -v systemctl >/dev/null || try systemctl disable "$unit"
done
