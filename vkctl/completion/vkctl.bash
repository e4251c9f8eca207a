# bash completion for vkctl
# shellcheck shell=bash disable=SC2207

__vkctl_names() {
	local verb=$1 field=$2

	# shellcheck disable=SC2086 # one verb may be two words
	vkctl $verb --json 2>/dev/null | sed -n "s/^ *\"$field\": *\"\\([^\"]*\\)\",\\{0,1\\}\$/\\1/p"
}

_vkctl() {
	local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]}
	local verb=${COMP_WORDS[1]} words=
	local apparmor='--apparmor --apparmor-profile --allow-unmediated --exec-inherit'

	COMPREPLY=()
	if ((COMP_CWORD == 1)); then
		words='policy build cache export import list ls ps inspect mode unload events status hook --help --version'
		COMPREPLY=($(compgen -W "$words" -- "$cur"))
		return
	fi
	case $verb in
	policy)
		if ((COMP_CWORD == 2)); then
			words='add check apply list show rm --help'
		else
			case ${COMP_WORDS[2]} in
			add) words="--image $apparmor --json --help" ;;
			check) words="--capability $apparmor --json --help" ;;
			show) words="--json $(__vkctl_names 'policy list' name)" ;;
			apply)
				if ((COMP_CWORD == 3)); then
					words="--json $(__vkctl_names 'policy list' name)"
				else
					words=$(__vkctl_names list container)
				fi
				;;
			rm) words=$(__vkctl_names 'policy list' name) ;;
			list) words='--json --help' ;;
			esac
		fi
		;;
	cache)
		if ((COMP_CWORD == 2)); then
			words='list gc rm verify --help'
		else
			words='--json --help'
			[[ ${COMP_WORDS[2]} != rm ]] ||
				words+=" $(__vkctl_names 'cache list' module) $(__vkctl_names 'policy list' name)"
		fi
		;;
	build) words="--json $(__vkctl_names 'policy list' name)" ;;
	export)
		COMPREPLY=($(compgen -W "--core --json --help $(__vkctl_names 'policy list' name)" -- "$cur"))
		((COMP_CWORD > 2)) || compopt -o default
		return
		;;
	import)
		COMPREPLY=($(compgen -W '--insecure --json --help' -- "$cur"))
		compopt -o default
		return
		;;
	inspect) words="--json $(__vkctl_names list container)" ;;
	mode)
		if ((COMP_CWORD == 2)); then
			words=$(__vkctl_names list container)
		else
			words='enforce audit'
		fi
		;;
	unload) words="--all --core --json $(__vkctl_names 'policy list' name)" ;;
	events)
		words='--follow --container --json --help'
		[[ $prev == --container || $prev == -c ]] && words=$(__vkctl_names list container)
		;;
	hook) words='precreate createRuntime prestart poststop' ;;
	list | ls | ps | status) words='--json --help' ;;
	esac
	COMPREPLY=($(compgen -W "$words" -- "$cur"))
	if [[ $verb == policy && ${#COMPREPLY[@]} -eq 0 ]]; then
		compopt -o default
	fi
}

complete -F _vkctl vkctl
