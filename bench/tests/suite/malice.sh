#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Shows that a guest gains nothing from spinning or from halting before it is looked at.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
class_up

honest=()
for i in 1 2 3; do
	vm_start "honest$i" --vcpus 2 --payload compute || exit 1
	until_true 5 in_class "$vm" 2
	honest+=("$vm")
done

liar_starts() { # VMM-OPTION...
	vm_start liar --vcpus 2 "$@" || exit 1
	liar=$vm
	until_true 5 in_class "$liar" 2
}

# share COSCHED SPIN GUARD: of the pCPUs' time that the four VMs have, the liar's.
share() {
	local i pid from=() got=()
	knob "$liar" cosched "$1"
	knob "$liar" spin "$2"
	knob "$liar" guard "$3"
	sleep 2
	for pid in "$liar" "${honest[@]}"; do from+=("$(stat_of "$pid" run_us)"); done
	sleep 10
	i=0
	for pid in "$liar" "${honest[@]}"; do
		got+=("$(($(stat_of "$pid" run_us) - from[i]))")
		i=$((i + 1))
	done
	echo "${got[@]}" | awk '{ printf "%.4f", $1 / ($1 + $2 + $3 + $4) }'
}

# Beside three honest VMs of the same weight a quarter is its, 2 % more or less;
# spin=preempt is there to take pCPUs away from those who spin.
liar_starts --payload spin
within "$(share off yield off)" 0.245 0.255 'spins, spin=yield: its share'
within "$(share adaptive yield kernel)" 0.245 0.255 'spins, so that it is co-scheduled: its share'
within "$(share off preempt off)" 0 0.255 'spins, spin=preempt: its share'
vm_stop "$liar"

# It halts for half a millisecond before each tick, with seven eighths of two
# pCPUs to spend, and wakes with the right to what it had.
liar_starts --payload yieldy --run-us 3500 --halt-us 500
within "$(share off yield off)" 0.245 0.255 'halts before the tick, on its own: its share'
within "$(share gang yield off)" 0.245 0.255 'halts before the tick, in a gang: its share'
within "$(share adaptive yield kernel)" 0.245 0.255 'halts before the tick, adaptive: its share'
vm_stop "$liar" "${honest[@]}"
