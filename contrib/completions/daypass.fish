# fish completion for daypass
complete -c daypass -f
complete -c daypass -n __fish_use_subcommand -a whoami -d 'who this place is to Entra'
complete -c daypass -n __fish_use_subcommand -a doctor -d 'the first thing that is wrong on the way to a token'
complete -c daypass -n __fish_use_subcommand -a exec -d 'run a command that gets its tokens from daypass'
complete -c daypass -n __fish_use_subcommand -a fic -d 'the federated credential that would make this place work'
complete -c daypass -n __fish_use_subcommand -a configure -d 'make git, docker, podman or kubectl ask daypass'
complete -c daypass -n __fish_use_subcommand -a unconfigure -d 'take that back'
complete -c daypass -n __fish_use_subcommand -a kube -d 'kubectl exec plugin; check: what is wrong on the way to the API server'
complete -c daypass -n __fish_use_subcommand -a kubelogin -d 'the same in the place of kubelogin'
complete -c daypass -n '__fish_seen_subcommand_from kube' -a 'check get-token'
complete -c daypass -n '__fish_seen_subcommand_from kubelogin' -a 'convert-kubeconfig get-token'
complete -c daypass -n '__fish_seen_subcommand_from kube' -l context -x
complete -c daypass -n '__fish_seen_subcommand_from kube' -l kubeconfig -r
complete -c daypass -n __fish_use_subcommand -a token -d 'an access token, for scripts'
complete -c daypass -n __fish_use_subcommand -a assertion -d 'the external token that Entra would get'
complete -c daypass -n __fish_use_subcommand -a token-file -d 'a file with the external token, kept fresh'
complete -c daypass -n __fish_use_subcommand -a shim -d 'put daypass in the place of az and azd'
complete -c daypass -n '__fish_seen_subcommand_from token' -l resource -x
complete -c daypass -n '__fish_seen_subcommand_from token' -l scope -x
complete -c daypass -n '__fish_seen_subcommand_from token' -l format -xa 'raw json az azd header env exec-credential'
complete -c daypass -n '__fish_seen_subcommand_from token-file' -l watch
complete -c daypass -n '__fish_seen_subcommand_from shim' -a 'install check remove'
complete -c daypass -n __fish_use_subcommand -a cache -d 'what is held, and where; never a token'
complete -c daypass -n __fish_use_subcommand -a logout -d 'forget every token'
complete -c daypass -n __fish_use_subcommand -a config -d 'check the configuration, list its keys'
complete -c daypass -n __fish_use_subcommand -a explain -d 'what an error code of Entra means'
complete -c daypass -n __fish_use_subcommand -a git -d 'git credential helper'
complete -c daypass -n '__fish_seen_subcommand_from whoami' -l json
complete -c daypass -n '__fish_seen_subcommand_from doctor' -l json -a 'arm https://dev.azure.com/'
complete -c daypass -n '__fish_seen_subcommand_from exec' -l allow -x
complete -c daypass -n '__fish_seen_subcommand_from exec' -l oidc
complete -c daypass -n '__fish_seen_subcommand_from fic' -a 'print show check create'
complete -c daypass -n '__fish_seen_subcommand_from fic' -l format -xa 'json az terraform bicep'
complete -c daypass -n '__fish_seen_subcommand_from fic' -l resource-id -x
complete -c daypass -n '__fish_seen_subcommand_from fic' -l yes
complete -c daypass -n '__fish_seen_subcommand_from explain' -l last
complete -c daypass -n '__fish_seen_subcommand_from fic' -l name -x
complete -c daypass -n '__fish_seen_subcommand_from fic' -l audience -x
complete -c daypass -n '__fish_seen_subcommand_from fic' -l json
complete -c daypass -n '__fish_seen_subcommand_from configure unconfigure' -a 'git docker podman kube'
complete -c daypass -n '__fish_seen_subcommand_from configure unconfigure; and __fish_seen_subcommand_from git' -l global
complete -c daypass -n '__fish_seen_subcommand_from configure unconfigure; and __fish_seen_subcommand_from git' -l system
complete -c daypass -n '__fish_seen_subcommand_from configure; and __fish_seen_subcommand_from docker podman' -l all
complete -c daypass -n '__fish_seen_subcommand_from configure unconfigure' -l file -r
complete -c daypass -n '__fish_seen_subcommand_from configure unconfigure; and __fish_seen_subcommand_from kube' -l kubeconfig -r
complete -c daypass -n '__fish_seen_subcommand_from configure unconfigure; and __fish_seen_subcommand_from kube' -l context -x
complete -c daypass -n '__fish_seen_subcommand_from configure unconfigure; and __fish_seen_subcommand_from kube' -l user -x
complete -c daypass -n '__fish_seen_subcommand_from configure unconfigure; and __fish_seen_subcommand_from kube' -l all
complete -c daypass -n '__fish_seen_subcommand_from configure; and __fish_seen_subcommand_from kube' -l login -xa 'workloadidentity azurepipelines azurecli azd msi spn'
complete -c daypass -n '__fish_seen_subcommand_from configure; and __fish_seen_subcommand_from kube' -l server-id -x
complete -c daypass -n '__fish_seen_subcommand_from configure; and __fish_seen_subcommand_from kube' -l tenant-id -x
complete -c daypass -n '__fish_seen_subcommand_from configure; and __fish_seen_subcommand_from kube' -l client-id -x
complete -c daypass -n '__fish_seen_subcommand_from configure unconfigure' -l dry-run
complete -c daypass -n '__fish_seen_subcommand_from cache' -a 'list clear status'
complete -c daypass -n '__fish_seen_subcommand_from cache' -l json
complete -c daypass -n '__fish_seen_subcommand_from logout' -l all
complete -c daypass -n '__fish_seen_subcommand_from config' -a 'check keys'
complete -c daypass -n '__fish_seen_subcommand_from git' -a 'get store erase capability'
complete -c daypass -l identity -x -d 'use this identity'
complete -c daypass -s v -d 'say more'
complete -c daypass -l version
complete -c daypass -l help
complete -c daypass -n __fish_use_subcommand -a service-connection -d 'an Azure DevOps organizations connections to Azure'
complete -c daypass -n '__fish_seen_subcommand_from service-connection' -a 'list show convert revert create'
complete -c daypass -n '__fish_seen_subcommand_from service-connection' -l organization -l project -l identity -l yes -l json -l subscription -l client-id
