#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Shows that VMs live on beside a host that is busy with its own work, and the host stays responsive.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
class_up
n=$(nproc)
vm_start busy --vcpus "$n" --payload compute || exit 1
knob "$vm" cosched gang
until_true 5 in_class "$vm"
hogs=()
for _ in $(seq "$n"); do
	bash -c 'while :; do :; done' &
	hogs+=($!)
done
at_exit "kill -KILL ${hogs[*]} 2>/dev/null"
sleep 2
a=$(stat_of "$vm" run_us)
sleep 5
# The ext deadline server gives 50 ms in each second and pCPU: 5 %.
share=$(awk -v r=$(($(stat_of "$vm" run_us) - a)) -v n="$n" 'BEGIN { printf "%.1f", r / 50000 / n }')
within "$share" 3 100 'the VM has its 5 % of each pCPU beside fair-class hogs, in per cent'
is class "$(cat $sys/state)" 'and the class is not ejected for a stall'
# One hog alone: the gang must not hang on the pCPU that the host keeps busy.
kill -KILL "${hogs[@]:1}"
taskset -p -c 0 "${hogs[0]}" >/dev/null
vm_start free --vcpus 1 --payload compute || exit 1
until_true 5 in_class "$vm" 1
sleep 1
a=$(stat_of "$vm" run_us)
sleep 3
within $(($(stat_of "$vm" run_us) - a)) 600000 3400000 'a single vCPU finds the pCPU that the host leaves free'
vm_stop "${vmms[@]}"
