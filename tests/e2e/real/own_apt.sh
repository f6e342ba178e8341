# Sourced by the fetch_*.sh, which set $cache and $log and have say and fetch: Debian's packages of any release, with an
# apt state of our own.
# apt verifies them with the keys of debian-archive-keyring; the mirror is that of the machine's own sources, or DAYPASS_TEST_MIRROR.

# Three times, as downloads fail now and then.
try() {
	for _ in 1 2 3; do
		if "$@" >>"$log" 2>&1; then return 0; fi
	done
	return 1
}

mirror() {
	if [ -n "${DAYPASS_TEST_MIRROR:-}" ]; then
		echo "$DAYPASS_TEST_MIRROR"
	else
		apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Origin: Debian' 2>/dev/null | grep '/debian/*$' | head -n 1
	fi
}

# own_apt_init TREE deb|deb-src RELEASE MIRROR
own_apt_init() {
	mkdir -p "$1/state/lists/partial" "$1/cache/archives/partial"
	: >"$1/status"
	key=$(find /usr/share/keyrings -name 'debian-archive-keyring.*' | head -n 1)
	echo "$2 ${key:+[signed-by=$key] }$4 $3 main" >"$1/sources"
}

# own_apt TREE ARGUMENTS-OF-APT-GET...
own_apt() {
	tree=$1
	shift
	apt-get -q -y -o Dir::State="$tree/state" -o Dir::State::status="$tree/status" -o Dir::Cache="$tree/cache" -o Dir::Etc::SourceList="$tree/sources" \
		-o Dir::Etc::SourceParts=/dev/null -o Dir::Etc::Preferences=/dev/null -o Dir::Etc::PreferencesParts=/dev/null -o APT::Sandbox::User= \
		-o APT::Update::Error-Mode=any -o Acquire::Check-Valid-Until=false -o APT::Install-Recommends=false -o Acquire::Languages=none -o Debug::NoLocking=1 "$@"
}

# each_release NAME STAMP PROGRAMS RELEASE...: fetch RELEASE MIRROR for each whose $cache/NAME-RELEASE/STAMP is not there. Says which failed.
each_release() {
	name=$1 stamp=$2 programs=$3 failed=
	shift 3
	for release; do
		made=$cache/$name-$release/$stamp
		if [ -s "$made" ]; then
			say "$release: $(cat "$made"), from an earlier run"
			continue
		fi
		from=$(mirror) missing=
		for program in $programs; do
			command -v "$program" >/dev/null || missing="$missing $program"
		done
		if [ -z "$from" ] || [ -n "$missing" ]; then
			say "$release: needs apt with a Debian mirror (or DAYPASS_TEST_MIRROR)${missing:+, and$missing}"
			failed="$failed $release"
		elif fetch "$release" "$from"; then
			say "$release: $(cat "$made")"
		else
			failed="$failed $release"
		fi
		rm -rf "$cache/$name-$release.new"
	done
	[ -z "$failed" ] || say "failed:$failed (see $log); their tests will be skipped"
}
