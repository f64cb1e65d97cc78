#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Shows that pinned vCPUs stay on their pCPUs, in a gang and alone, also when the mask changes in mid-run.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
class_up
vm_start pin --vcpus 2 --payload barrier --pin 0,1 || exit 1
pin=$vm
knob "$pin" cosched gang
vm_start rival --vcpus 2 --payload compute || exit 1
rival=$vm
knob "$rival" cosched gang
vm_start single --vcpus 1 --payload compute --pin 1 || exit 1
single=$vm
until_true 5 in_class "$single" 1
wrong() { # PID VCPU PCPU: samples in which the vCPU sat elsewhere
	local tid n=0 cpu
	tid=$(cat "$sys/vms/$1/vcpus/$2/tid")
	for _ in $(seq 100); do
		cpu=$(awk '{ sub(/.*\) /, ""); print $37 }' "/proc/$1/task/$tid/stat")
		[ "$cpu" = "$3" ] || n=$((n + 1))
		sleep 0.01
	done
	echo $n
}
is 0 "$(wrong "$pin" 0 0)" 'vCPU 0 of the gang is only ever seen on pCPU 0'
is 0 "$(wrong "$pin" 1 1)" 'vCPU 1 of the gang is only ever seen on pCPU 1'
is 0 "$(wrong "$single" 0 1)" 'the single vCPU is only ever seen on pCPU 1'
for v in "$pin" "$rival" "$single"; do
	a=$(stat_of "$v" run_us)
	sleep 2
	within $(($(stat_of "$v" run_us) - a)) 200000 4000000 'and each of them runs'
done
for round in $(seq 30); do
	taskset -p -c $((round % 2)) "$(cat "$sys/vms/$single/vcpus/0/tid")" >/dev/null
	taskset -p -c $(((round / 2) % 2)) "$(cat "$sys/vms/$rival/vcpus/1/tid")" >/dev/null
	sleep 0.05
done
sleep 0.3
is 0 "$(wrong "$single" 0 0)" 'a new mask is followed'
is class "$(cat $sys/state)" 'and 60 changes of a mask have not upset the class'
vm_stop "$pin" "$rival" "$single"
