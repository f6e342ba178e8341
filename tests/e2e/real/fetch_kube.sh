#!/bin/sh
# A real Kubernetes for tests/e2e/real, built from its Go modules: kubelogin, etcd, kube-apiserver, the kubectl of the same release, and
# clientgo/, a program that uses client-go.
#
#   tests/e2e/real/fetch_kube.sh [NAME...]        default: kubelogin; with DAYPASS_TEST_HEAVY set all (make check-kube)
#
# kube-apiserver takes 6 minutes on two cores, the others 4 together. They go into ${DAYPASS_TEST_CACHE:-~/.cache/daypass-tests}/kube/NAME-VERSION
# and stay there. Says which failed; the tests then skip those.
set -eu

cache=${DAYPASS_TEST_CACHE:-$HOME/.cache/daypass-tests}
here=$(cd "$(dirname "$0")" && pwd)
release=1.34.2
mkdir -p "$cache/kube"
cache=$(cd "$cache" && pwd)
log=$cache/fetch_kube.log work=$cache/kube.work
: >"$log"

say() { echo "fetch_kube: $*"; }

# shellcheck source=tests/e2e/real/own_apt.sh
. "$here/own_apt.sh"
# shellcheck source=tests/e2e/real/own_go.sh
. "$here/own_go.sh"

kubelogin() {
	with_go install "github.com/Azure/kubelogin@v$1" && mv "$work/bin/kubelogin" "$work/done"
}

# What has `replace` lines in its go.mod cannot be installed, but built from a module of ours.
etcd() {
	rm -rf "$work/etcd"
	mkdir -p "$work/etcd"
	(cd "$work/etcd" && with_go mod init daypass.test/etcd && with_go get "go.etcd.io/etcd/server/v3@v$1" && with_go build -mod=mod -o "$work/done" go.etcd.io/etcd/server/v3)
}

# Kubernetes replaces its parts by folders of its own tree: ours by their released versions.
module() {
	[ ! -f "$work/kubernetes/go.sum" ] || return 0
	from=$(with_go mod download -json "k8s.io/kubernetes@v$release" | sed -n 's/^\t"GoMod": "\(.*\)",*$/\1/p')
	[ -f "$from" ] || return 1
	rm -rf "$work/kubernetes.new"
	mkdir -p "$work/kubernetes.new"
	{
		printf 'module daypass.test/kubernetes\n\n'
		grep '^go ' "$from"
		sed -n "s|^[[:space:]]*\(k8s\.io/[a-z-]*\) v0\.0\.0\$|replace \1 => \1 v0${release#1}|p" "$from"
	} >"$work/kubernetes.new/go.mod"
	printf '//go:build tools\n\npackage tools\n\nimport (\n\t_ "k8s.io/kubernetes/cmd/kube-apiserver"\n\t_ "k8s.io/kubernetes/cmd/kubectl"\n)\n' >"$work/kubernetes.new/tools.go"
	(cd "$work/kubernetes.new" && with_go get -tags tools "k8s.io/kubernetes/cmd/kube-apiserver@v$release" "k8s.io/kubernetes/cmd/kubectl@v$release") || return 1
	mv "$work/kubernetes.new" "$work/kubernetes"
}

# kubernetes PROGRAM. Clients read the version from /version: it is set as Kubernetes' own build does it.
kubernetes() {
	module || return 1
	minor=${release#1.} of=k8s.io/component-base/version
	(cd "$work/kubernetes" && with_go build -mod=mod -ldflags "-s -X $of.gitVersion=v$release -X $of.gitMajor=1 -X $of.gitMinor=${minor%.*}" -o "$work/done" "k8s.io/kubernetes/cmd/$1")
}

# A program of ours that uses client-go; made anew when its text changes.
clientgo() {
	module || return 1
	mkdir -p "$work/kubernetes/clientgo"
	cp "$here/clientgo/main.go" "$work/kubernetes/clientgo/"
	(cd "$work/kubernetes" && with_go build -mod=mod -o "$work/done" ./clientgo)
}

fetch() {
	case $1 in
	kubelogin) built kube kubelogin 0.2.21 kubelogin 0.2.21 ;;
	etcd) built kube etcd 3.6.0 etcd 3.6.0 ;;
	kube-apiserver | kubectl) built kube "$1" "$release" kubernetes "$1" ;;
	clientgo) built kube clientgo "$release.$(cksum <"$here/clientgo/main.go" | cut -d ' ' -f 1)" clientgo ;;
	*) say "no such program: $1"; exit 2 ;;
	esac
}

if [ $# = 0 ]; then
	set -- kubelogin
	[ -z "${DAYPASS_TEST_HEAVY:-}" ] || set -- kubelogin etcd kube-apiserver kubectl clientgo
fi
trap 'rm -rf "$work"' EXIT
left=
for wanted; do
	fetch "$wanted" || left="$left $wanted"
done
[ -z "$left" ] || say "failed:$left (see $log); their tests will be skipped"
