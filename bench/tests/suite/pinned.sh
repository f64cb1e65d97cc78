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
# wrong PID VCPU PCPU...: for each, of 100 samples those in which it sat elsewhere.
wrong() {
	local stats=() wanted=() n=() stat i
	while [ $# -gt 0 ]; do
		stats+=("/proc/$1/task/$(cat "$sys/vms/$1/vcpus/$2/tid")/stat")
		wanted+=("$3")
		n+=(0)
		shift 3
	done
	for _ in {1..100}; do
		for i in "${!stats[@]}"; do
			read -r stat <"${stats[i]}"
			read -r -a stat <<<"${stat##*) }"
			[ "${stat[36]}" = "${wanted[i]}" ] || n[i]=$((n[i] + 1))
		done
		sleep 0.01
	done
	echo "${n[@]}"
}
read -r a b c <<<"$(wrong "$pin" 0 0 "$pin" 1 1 "$single" 0 1)"
is 0 "$a" 'vCPU 0 of the gang is only ever seen on pCPU 0'
is 0 "$b" 'vCPU 1 of the gang is only ever seen on pCPU 1'
is 0 "$c" 'the single vCPU is only ever seen on pCPU 1'
declare -A ran
for v in "$pin" "$rival" "$single"; do ran[$v]=$(stat_of "$v" run_us); done
sleep 2
for v in "$pin" "$rival" "$single"; do ran[$v]=$(($(stat_of "$v" run_us) - ran[$v])); done
for v in "$pin" "$rival" "$single"; do
	within "${ran[$v]}" 200000 4000000 'and each of them runs'
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
