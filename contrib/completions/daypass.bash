# bash completion for daypass
_daypass() {
	local cur=${COMP_WORDS[COMP_CWORD]} words=
	case " ${COMP_WORDS[*]:1:COMP_CWORD-1} " in
	*' whoami '*) words='--json' ;;
	*' service-connection '*) words='list show convert revert create --organization --project --identity --yes --json --subscription --subscription-name --client-id --tenant-id' ;;
	*' doctor '*) words='--json arm https://dev.azure.com/' ;;
	*' exec '*) words='--identity --allow --oidc --' ;;
	*' fic print '*) words='--name --audience --json --format' ;;
	*' fic show '*) words='--json --identity --resource-id' ;;
	*' fic check '*) words='--audience --identity --resource-id' ;;
	*' fic create '*) words='--name --audience --yes --identity --resource-id' ;;
	*' fic '*) words='print show check create' ;;
	*' configure git '* | *' unconfigure git '*) words='--global --system --file --dry-run' ;;
	*' configure docker '* | *' configure podman '*) words='--all --file --dry-run' ;;
	*' unconfigure docker '* | *' unconfigure podman '*) words='--file --dry-run' ;;
	*' unconfigure kube '*) words='--kubeconfig --context --user --all --dry-run' ;;
	*' configure kube '*) words='--kubeconfig --context --user --all --dry-run --login --server-id --tenant-id --client-id' ;;
	*' configure '* | *' unconfigure '*) words='git docker podman kube' ;;
	*' kube check '*) words='--context --kubeconfig' ;;
	*' kube '*) words='check get-token' ;;
	*' kubelogin '*) words='convert-kubeconfig get-token' ;;
	*' token-file '*) words='--watch' ;;
	*' token '*) words='--resource --scope --tenant --identity --format' ;;
	*' assertion '*) words='--audience --identity' ;;
	*' shim '*) words='install check remove' ;;
	*' cache '*) words='list clear status --json' ;;
	*' logout '*) words='--all' ;;
	*' config '*) words='check keys' ;;
	*' git '*) words='get store erase capability' ;;
	*' explain '*) words='--last --identity' ;;
	*) words='whoami doctor exec token assertion token-file shim fic service-connection configure unconfigure kube kubelogin cache logout config explain git help --identity --version --help -v' ;;
	esac
	case "${COMP_WORDS[COMP_CWORD - 1]}" in
	--format)
		words='raw json az azd header env exec-credential'
		case " ${COMP_WORDS[*]} " in *' fic '*) words='json az terraform bicep' ;; esac
		;;
	--login) words='workloadidentity azurepipelines azurecli azd msi spn' ;;
	esac
	mapfile -t COMPREPLY < <(compgen -W "$words" -- "$cur")
}
complete -o default -F _daypass daypass
