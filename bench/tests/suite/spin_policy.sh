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
counted() { # what the vCPUs of the VM with the lock have counted
	kill -USR2 "$locks"
	sleep 0.3
	awk '{ last[$3] = $NF } END { for (i in last) s += last[i]; print s + 0 }' "$work/locks.out"
}

# A VM of twice as many vCPUs as there are pCPUs, with a ticket lock: whose turn
# it is waits for a pCPU half of the time, and left to itself all others spin
# until their stints end. (Several VMs as wide as the host would be no measure:
# independent VMs may happen to run each as a whole, by turns.)
vm_start locks --vcpus $((2 * $(nproc))) --payload lock || exit 1
locks=$vm
until_true 5 in_class "$locks" $((2 * $(nproc)))
measure() { # VALUE: locks taken, spin exits and directed yields in 3 s
	local from
	knob "$locks" spin "$1"
	sleep 1
	from=$(counted)
	delta 3 "$locks/spin_exits" "$locks/directed_yields"
	echo $(($(counted) - from))
}
read -r exits yields off <<<"$(measure off)"
is 0 "$yields" 'spin=off: nobody yields'
per_lock=$((exits / (off + 1)))
read -r exits yields locked <<<"$(measure yield)"
within "$locked" $((5 * off)) 1000000000 "spin=yield: locks taken, against $off with spin=off"
within "$yields" 20 1000000000 'vCPUs yield to preempted siblings'
within $((exits / (locked + 1))) 0 $((per_lock / 5)) \
	"spin exits for each lock, against $per_lock with spin=off"
read -r exits yields locked <<<"$(measure preempt)"
within "$locked" $((5 * off)) 1000000000 \
	"spin=preempt, where only siblings wait: locks taken, against $off"
echo nonsense 2>/dev/null >"$sys/vms/$locks/policy/spin"
is preempt "$(knob "$locks" spin)" 'a bad value is refused and the old one stays'
vm_stop "$locks"

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
	delta 3 "$computes/run_us" "$spins/run_us" "$spins/spin_verdicts"
}
read -r a b c <<<"$(share off)"
within $((100 * a / (a + b))) 47 53 'spin=off: a computing VM beside it has its half'
within "$c" 1 1000000000 'verdicts are counted under any policy'
read -r a b c <<<"$(share preempt)"
within $((100 * a / (a + b))) 75 100 'spin=preempt: what is spun away is its'
vm_stop "$spins" "$computes"
