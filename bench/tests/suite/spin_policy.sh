#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Shows what policy/spin does to a VM that spins: by itself, by yielding to siblings, by making room for others.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
class_up
grep -qw setcpuid=pausefilter,pfthreshold /proc/cmdline ||
	skip 'this host has no PAUSE exits: nothing spins as far as it can see'
is 'off yield preempt' "$(cat $sys/spin_values)" 'the module lists what it takes'

# delta SECONDS PID/STAT...: by how much each grew, in that order.
delta() {
	local seconds=$1 before=() i=0 f
	shift
	for f; do before+=("$(stat_of "${f%/*}" "${f#*/}")"); done
	sleep "$seconds"
	for f; do
		echo -n "$(($(stat_of "${f%/*}" "${f#*/}") - before[i])) "
		i=$((i + 1))
	done
}
counted() { # what the vCPUs of the VMs with locks have counted
	kill -USR2 "${locks[@]}"
	sleep 0.3
	awk '{ last[FILENAME, $3] = $NF } END { for (i in last) s += last[i]; print s + 0 }' \
		"$work"/lock?.out
}

# Two VMs of two vCPUs with a ticket lock on two pCPUs. Left to itself a waiter
# spins for the holder's whole absence; a directed yield brings the holder back.
locks=()
for i in 1 2; do
	vm_start "lock$i" --vcpus 2 --payload lock || exit 1
	until_true 5 in_class "$vm" 2
	locks+=("$vm")
done
exits() { # VALUE: spin exits and directed yields of both in 4 s, and locks taken
	local pid from
	for pid in "${locks[@]}"; do knob "$pid" spin "$1"; done
	sleep 1
	from=$(counted)
	delta 4 "${locks[0]}/spin_exits" "${locks[1]}/spin_exits" "${locks[0]}/directed_yields" \
		"${locks[1]}/directed_yields"
	echo $(($(counted) - from))
}
read -r a b c d off_locks <<<"$(exits off)"
off=$((a + b))
within $((c + d)) 0 0 'spin=off: nobody yields'
read -r a b c d e <<<"$(exits yield)"
within "$e" $((off_locks * 11 / 10)) 1000000000 "and locks taken, against $off_locks with spin=off"
within $((c + d)) 20 1000000000 'spin=yield: vCPUs yield to preempted siblings'
per_lock=$((100 * off / (off_locks + 1)))
within $((100 * (a + b) / (e + 1))) 1 $((per_lock * 7 / 10)) \
	"spin=yield: spin exits for each 100 locks, against $per_lock with spin=off"
echo nonsense 2>/dev/null >"$sys/vms/${locks[0]}/policy/spin"
is yield "$(knob "${locks[0]}" spin)" 'a bad value is refused and the old one stays'
vm_stop "${locks[@]}"

# A VM that only spins beside one that computes: the class's own shares are 50:50.
vm_start spins --vcpus 2 --payload spin || exit 1
spins=$vm
vm_start computes --vcpus 2 --payload compute || exit 1
computes=$vm
until_true 5 in_class "$spins" 2
until_true 5 in_class "$computes" 2
share() { # VALUE: of the pCPUs' time, what the computing VM gets
	knob "$spins" spin "$1"
	sleep 1
	delta 4 "$computes/run_us" "$spins/run_us" "$spins/spin_verdicts"
}
read -r a b c <<<"$(share off)"
within $((100 * a / (a + b))) 47 53 'spin=off: a computing VM beside it has its half'
within "$c" 1 1000000000 'verdicts are counted under any policy'
read -r a b c <<<"$(share preempt)"
within $((100 * a / (a + b))) 75 100 'spin=preempt: what is spun away is its'
vm_stop "$spins" "$computes"
