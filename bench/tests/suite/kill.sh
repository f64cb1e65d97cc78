#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Shows that VMs killed with -9 in mid-run, as gangs and alone, are let go of at once.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
class_up
for round in 1 2 3 4 5 6 7 8; do
	pids=()
	for n in 1 2 3; do
		vm_start "kill$round-$n" --vcpus $((n + 1)) --payload barrier || exit 1
		[ "$n" = 3 ] || knob "$vm" cosched gang
		pids+=("$vm")
	done
	sleep 0.$round
	kill -KILL "${pids[@]}"
	# The shell's own word on each of them is no news.
	{ wait "${pids[@]}"; } 2>/dev/null
	until_true 5 no_vms || break
done
is 0 "$(cat $sys/nr_vms)" "24 VMs killed in mid-run are gone after each of 8 rounds"
is '' "$(ls $sys/vms)" 'no directory is left'
vm_start after --vcpus 2 --payload compute || exit 1
knob "$vm" cosched gang
until_true 2 in_class "$vm" 2
ok $? 'the next VM is taken into the class'
a=$(stat_of "$vm" run_us)
sleep 1
b=$(stat_of "$vm" run_us)
within $((b - a)) 500000 2500000 'and runs, in microseconds of two vCPUs in a second'
vm_stop "$vm"
is class "$(cat $sys/state)" 'the class is still in charge'
