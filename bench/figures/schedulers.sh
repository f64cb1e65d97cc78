# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2034,SC2154 # one script in several files
#
# The schedulers that a figure compares, and how each is put in charge:
#
#	default	the host's own: vmgang leaves the VMs alone (managed=0). On a host
#		with PLE it is the default scheduler with PLE
#	PRESET	one of `vmgang preset list`
#	peer:PROGRAM	another sched_ext scheduler, by its command, the class detached

scx=${VMGANG_SCHED_EXT:-/sys/kernel/sched_ext}
declare -gA peer_command=()	# by the name it is shown under
peer_pid=
declare -gA refused=()		# why a scheduler has no figures

# peer_add COMMAND: shown under its program's name
peer_add()
{
	local name=${1%% *}

	[ -n "$name" ] || bad_usage "--peer: there is no command in '$1'"
	name=peer:${name##*/}
	command -v "${1%% *}" >/dev/null || bad_usage "--peer: there is no program '${1%% *}'"
	[ -z "${peer_command[$name]:-}" ] || bad_usage "--peer: '$name' is given twice"
	peer_command[$name]=$1
}

# schedulers_choose LIST: into `schedulers`; all presets without a list
schedulers_choose()
{
	local known word list=${1:-}

	known=$("$vmgang" preset list | awk '{ print $1 }')
	[ -n "$known" ] || die "vmgang lists no presets"
	schedulers=()
	for word in ${list//,/ }; do
		if [ "$word" = default-ple ]; then
			[ "$host_kind" = ple ] || bad_usage "--schedulers: default-ple:" \
				"this host has no PAUSE-loop exits; on a host that has them it is 'default'"
			word=default
		fi
		[ "$word" = default ] || grep -qxF "$word" <<<"$known" ||
			bad_usage "--schedulers: '$word' is none of default, default-ple, ${known//$'\n'/, }"
		[[ " ${schedulers[*]} " == *" $word "* ]] || schedulers+=("$word")
	done
	[ -n "$list" ] || mapfile -t schedulers <<<"default"$'\n'"$known"
	[ ${#peer_command[@]} -eq 0 ] || schedulers+=("${!peer_command[@]}")
	[ ${#schedulers[@]} -gt 0 ] || bad_usage "--schedulers: names no scheduler"
}

# The class, and a daemon that knows the VMs.
class_known()
{
	[ "$(module_state)" != class ] || return 0
	class_up
	presets_known
}

# scheduler_begin NAME: false, and `reason` says why, if it can not be had
scheduler_begin()
{
	local managed i want=1

	[ "$1" != default ] || want=0
	if [ -n "${peer_command[$1]:-}" ]; then
		peer_begin "$1"
		return
	fi
	class_known
	presets_set "$1" || return 1
	for ((i = 0; i < ${#vms[@]}; i++)); do
		read -r managed <"$sys/vms/${vms[i]}/policy/managed"
		[ "$managed" = $want ] ||
			die "${vm_names[i]}: was to have managed=$want under $1, has $managed"
	done
}

# scheduler_end NAME: false, and `reason` says why, if it was not in charge all
# the time
scheduler_end()
{
	if [ -n "$peer_pid" ]; then
		peer_end "$1"
	elif [ "$(module_state)" != class ]; then
		reason='the class was detached while it ran'
		return 1
	fi
}

scx_state() { cat "$scx/state" 2>/dev/null; }

# scx_wait WORD SECONDS
scx_wait()
{
	local tries

	for ((tries = $2 * 10; tries > 0; tries--)); do
		[ "$(scx_state)" != "$1" ] || return 0
		[ "$1" = disabled ] || kill -0 "$peer_pid" 2>/dev/null || return 1
		nap 0.1
	done
	return 1
}

# A group of processes of its own: whatever the command starts ends with it.
peer_begin()
{
	local command=${peer_command[$1]}

	class_down
	setsid bash -c "exec $command" >"$tmp/peer.log" 2>&1 &
	peer_pid=$!
	if ! scx_wait enabled 30; then
		reason="'$command' takes no charge: $(tail -n 1 "$tmp/peer.log")"
		peer_stop
		return 1
	fi
}

peer_end()
{
	local state

	state=$(scx_state)
	peer_stop
	[ "$state" = enabled ] || {
		reason="$1 was ejected while it ran: $(tail -n 1 "$tmp/peer.log")"
		return 1
	}
}

peer_stop()
{
	[ -n "$peer_pid" ] || return 0
	kill -TERM -- "-$peer_pid" 2>/dev/null
	scx_wait disabled 10 || kill -KILL -- "-$peer_pid" 2>/dev/null
	wait "$peer_pid" 2>/dev/null
	peer_pid=
	scx_wait disabled 10 || die "another scheduler stays in charge of the host: $scx/state"
}
