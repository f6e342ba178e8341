# Sourced by fetch_clients.sh and fetch_kube.sh, which set $cache, $log and $work, source own_apt.sh and have say: programs built from their Go modules.
# What only a build needs (Go's caches, up to 3 GB; Go itself where the machine has none that is new enough) lies in $work: take it away at the end.
# GOMAXPROCS=1 leaves the other cores to others.
go=''

# A Go that is new enough to fetch the one that a module asks for (1.21), or Debian's newest, for as long as we build.
find_go() {
	[ -z "$go" ] || return 0
	own=$(command -v go || true)
	if [ -n "$own" ] && [ "$(GOTOOLCHAIN=local go env GOVERSION 2>/dev/null | sed -n 's/^go1\.\([0-9]*\).*/\1/p')" -ge 21 ] 2>/dev/null; then
		go=$own
		return 0
	fi
	tree=$work/debian from=$(mirror)
	[ -n "$from" ] && command -v dpkg >/dev/null || return 1
	own_apt_init "$tree" deb sid "$from"
	try own_apt "$tree" update && try own_apt "$tree" --download-only install golang-go || return 1
	for deb in "$tree"/cache/archives/golang-*.deb; do
		dpkg -x "$deb" "$tree/root" || return 1
	done
	go=$(find "$tree"/root/usr/lib/go-*/bin -name go | head -n 1)
	[ -n "$go" ] && "$go" version >>"$log" 2>&1
}

# Nothing of the caller's settings but where modules come from.
with_go() {
	mkdir -p "$work/tmp"
	env -i PATH="$PATH" HOME="$work" LC_ALL=C GOMODCACHE="$work/mod" GOCACHE="$work/build" GOTMPDIR="$work/tmp" GOBIN="$work/bin" CGO_ENABLED=0 \
		GOFLAGS='-buildvcs=false -modcacherw -trimpath -ldflags=-s' GOTOOLCHAIN=auto GOENV=off ${GOPROXY+GOPROXY="$GOPROXY"} \
		${GOSUMDB+GOSUMDB="$GOSUMDB"} ${SSL_CERT_FILE+SSL_CERT_FILE="$SSL_CERT_FILE"} ${HTTPS_PROXY+HTTPS_PROXY="$HTTPS_PROXY"} \
		${NO_PROXY+NO_PROXY="$NO_PROXY"} ${GOMAXPROCS+GOMAXPROCS="$GOMAXPROCS"} nice "$go" "$@"
}

# built FOLDER NAME VERSION COMMAND...: $cache/FOLDER/NAME-VERSION is there, since COMMAND left it in $work/done, now or earlier.
built() {
	folder=$cache/$1 name=$2 version=$3
	shift 3
	program=$folder/$name-$version
	if [ -x "$program" ]; then
		say "$name $version, from an earlier run"
		return 0
	fi
	mkdir -p "$work" "$folder"
	find_go || { say "$name: needs Go 1.21 or later, or apt with a Debian mirror"; return 1; }
	started=$(date +%s)
	try "$@" || { say "$name $version does not build"; return 1; }
	rm -f "$folder/$name"-*
	mv "$work/done" "$program"
	say "$name $version: built in $(($(date +%s) - started)) s, $(($(wc -c <"$program") / 1000000)) MB"
}
