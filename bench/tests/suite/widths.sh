#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Shows that gangs of different widths, one wider than the host, and single vCPUs run side by side, none starving.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
class_up
pids=()
for n in 1 2 3 4; do
	vm_start "wide$n" --vcpus $n --payload compute || exit 1
	[ "$n" = 1 ] || knob "$vm" cosched gang
	pids+=("$vm")
done
vm_start off2 --vcpus 2 --payload barrier || exit 1
pids+=("$vm")
for v in "${pids[@]}"; do
	until_true 5 in_class "$v"
done
sleep 1
declare -A a
for v in "${pids[@]}"; do
	a[$v]=$(stat_of "$v" run_us)
done
sleep 6
total=0
for v in "${pids[@]}"; do
	a[$v]=$(($(stat_of "$v" run_us) - a[$v]))
	total=$((total + a[$v]))
done
for v in "${pids[@]}"; do
	share=$(awk -v t=$total -v x="${a[$v]}" 'BEGIN { printf "%.1f", 100 * x / t }')
	# Five VMs of equal weight: a fifth each.
	within "$share" 17 23 "the VM of $(cat "$sys/vms/$v/nr_vcpus") vCPUs has its fifth, in per cent"
done
for v in "${pids[@]}"; do
	least=$(cat "$sys/vms/$v"/vcpus/*/run_us | sort -n | head -n 1)
	within "$least" 200000 100000000 'no vCPU of it starved, least run time in microseconds'
done
is class "$(cat $sys/state)" 'the class is still in charge'
vm_stop "${pids[@]}"
