#!/bin/sh
# What tests/e2e/real needs beside the distribution's packages: newer gits, git's own tests of credential helpers, Azure's kubelogin,
# Kubernetes' clients in other languages, Microsoft's azure-identity in four languages, and zitadel/oidc's verifier. All go into ${DAYPASS_TEST_CACHE:-~/.cache/daypass-tests}; what
# cannot be had is named, and its tests are skipped.
set -eu

cache=${DAYPASS_TEST_CACHE:-$HOME/.cache/daypass-tests}
here=$(dirname "$0")
mkdir -p "$cache"
"$here/fetch_gits.sh"
"$here/fetch_git_tests.sh"
"$here/fetch_kube.sh"
"$here/fetch_sdks.sh"
"$here/fetch_kube_clients.sh"
"$here/fetch_judges.sh"
