#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Shows that weights 1:2:4 are honoured within 2 % of each share, and a live change is followed.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
class_up
for kind in off gang; do
	pids=()
	for n in 1 2 4; do
		vm_start "$kind$n" --vcpus 2 --payload compute || exit 1
		echo $((n * 100)) >"/sys/fs/cgroup/vmgang-test/$kind$n.scope/cpu.weight"
		knob "$vm" cosched $kind
		until_true 5 in_class "$vm" 2
		pids+=("$vm")
	done
	shares_are "$kind, weights 1:2:4" "${pids[0]}" 0.142857 "${pids[1]}" 0.285714 \
		"${pids[2]}" 0.571429
	echo 400 >"/sys/fs/cgroup/vmgang-test/${kind}1.scope/cpu.weight"
	shares_are "$kind, changed to 4:2:4" "${pids[0]}" 0.4 "${pids[1]}" 0.2 "${pids[2]}" 0.4
	vm_stop "${pids[@]}"
done
