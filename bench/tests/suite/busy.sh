#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Shows that where nothing tells of spinning adaptive makes gangs of VMs that are busy, unless wakers have to wait.
# lab: --no-ple
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
class_up

# Nearly all in user mode: so no lock holder is seen to lose its pCPU either.
start() { # NAME VMM-OPTION...: into vm
	vm_start "$1" --vcpus 2 "${@:2}" || exit 1
	until_true 5 in_class "$vm" 2
	vm_plain "$vm"
}

all_adaptive() {
	local pid
	for pid in "${vmms[@]}"; do
		knob "$pid" cosched adaptive
	done
	sleep 2
}

for i in 1 2 3; do
	start "busy$i" --payload syscall --work 1 --think 64000
done
busy=$vm
is 0 "$(gang_starts "$busy")" 'switched off, it is no gang'
all_adaptive
# A gang has a stint of 20 ms in each 60; a few are lost to the looks.
within "$(gang_starts "$busy")" 20 200 'it is started as a gang, in 4 s'
within "$(co_run "$busy")" 80 100 'it runs together: % of its time'

# Who runs for 2 of 3 ms has more than his share, so he waits when he wakes: short
# stints are better for him, and it is left alone (some 140 starts in 4 s otherwise), also
# once he hardly has to wait any more.
start waker --payload yieldy --run-us 2000 --halt-us 1000
sleep 8
within "$(gang_starts "$busy")" 0 20 'and none, or few, while somebody who wakes often has to wait'
vm_stop "$vm"
sleep 3
within "$(gang_starts "$busy")" 20 200 'and again afterwards'

# Who waits for a sibling, spins and gives up sleeps now and then, so is not busy
# throughout: but sleeps after it has run for a while, and that sibling has no pCPU.
vm_stop "${vmms[@]}"
vmms=()
for i in 1 2 3; do
	start "team$i" --payload team --work 400000 --think 10000
done
team=$vm
within "$(co_run "$team")" 0 70 'a team that spins and gives up, switched off: % of its time together'
all_adaptive
within "$(gang_starts "$team")" 20 400 'it is started as a gang, in 4 s'
within "$(co_run "$team")" 75 100 'it runs together: % of its time'
