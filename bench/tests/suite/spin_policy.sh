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
counted() { # PID NAME: what the vCPUs of that VM have counted
	kill -USR2 "$1"
	sleep 0.3
	awk '{ last[$3] = $NF } END { for (i in last) s += last[i]; print s + 0 }' "$work/$2.out"
}

# A VM of twice as many vCPUs as there are pCPUs, with a ticket lock: whose turn
# it is waits for a pCPU half of the time, and left to itself all others spin
# until their stints end. (Several VMs as wide as the host would be no measure:
# independent VMs may happen to run each as a whole, by turns.)
vm_start locks --vcpus $((2 * $(nproc))) --payload lock || exit 1
locks=$vm
until_true 5 in_class "$locks" $((2 * $(nproc)))
measure() { # PID NAME VALUE: spin exits, directed yields, and what it counts in 3 s
	local from
	knob "$1" spin "$3"
	sleep 1
	from=$(counted "$1" "$2")
	delta 3 "$1/spin_exits" "$1/directed_yields"
	echo $(($(counted "$1" "$2") - from))
}
read -r exits yields off <<<"$(measure "$locks" locks off)"
is 0 "$yields" 'spin=off: nobody yields'
per_lock=$((exits / (off + 1)))
read -r exits yields locked <<<"$(measure "$locks" locks yield)"
within "$locked" $((5 * off)) 1000000000 "spin=yield: locks taken, against $off with spin=off"
within "$yields" 20 1000000000 'vCPUs yield to preempted siblings'
within $((exits / (locked + 1))) 0 $((per_lock / 5)) \
	"spin exits for each lock, against $per_lock with spin=off"
read -r exits yields locked <<<"$(measure "$locks" locks preempt)"
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

# A gang as wide as the host beside a VM of one vCPU that is owed a pCPU: it is
# never whole, and runs in part.
vm_start parts --vcpus "$(nproc)" --payload barrier || exit 1
parts=$vm
vm_start single --vcpus 1 --payload compute || exit 1
single=$vm
until_true 5 in_class "$parts" "$(nproc)"
until_true 5 in_class "$single" 1
knob "$parts" cosched gang
read -r exits yields off <<<"$(measure "$parts" parts off)"
is 0 "$yields" 'spin=off: nobody in part of a gang yields'
# Some in each ms, as they take turns; one in 8 ms if these ended on ticks.
within "$off" 800 1000000000 'its vCPUs take short turns: barriers in 3 s'
read -r exits yields met <<<"$(measure "$parts" parts yield)"
within "$met" $((6 * off / 10)) 1000000000 "spin=yield: barriers of part of a gang, against $off"
within "$yields" 20 1000000000 'its vCPUs yield to their siblings'
over=4 shares_are 'in part of a gang' "$parts" "$(awk -v p="$(nproc)" 'BEGIN { print (p - 1) / p }')" \
	"$single" "$(awk -v p="$(nproc)" 'BEGIN { print 1 / p }')"
vm_stop "$parts" "$single"
