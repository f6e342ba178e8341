#!/bin/sh
# What tests/e2e/real needs beside the distribution's packages: newer gits, git's own tests of credential helpers, Azure's kubelogin,
# Kubernetes' clients in other languages, and Microsoft's azure-identity in a venv. All go into ${DAYPASS_TEST_CACHE:-~/.cache/daypass-tests}; what
# cannot be had is named, and its tests are skipped.
set -eu

cache=${DAYPASS_TEST_CACHE:-$HOME/.cache/daypass-tests}
here=$(dirname "$0")
mkdir -p "$cache"
"$here/fetch_gits.sh"
"$here/fetch_git_tests.sh"
"$here/fetch_kube.sh"
"$here/fetch_kube_clients.sh"

venv=$cache/azure-identity
python=$([ -x /usr/bin/python3 ] && echo /usr/bin/python3 || echo python3)
[ -f "$venv/done" ] && exit 0
rm -rf "$venv"
for _ in 1 2 3; do
	if "$python" -m venv "$venv" >"$cache/venv.log" 2>&1 && "$venv/bin/pip" install -q --disable-pip-version-check azure-identity >>"$cache/venv.log" 2>&1; then
		"$venv/bin/pip" list --format=freeze 2>/dev/null | grep -i '^azure-identity\|^msal=' >"$venv/done"
		echo "fetch: azure-identity: $(tr '\n' ' ' <"$venv/done")"
		exit 0
	fi
done
echo "fetch: azure-identity cannot be installed (see $cache/venv.log); its tests will be skipped"
