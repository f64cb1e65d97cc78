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
	shares() {
		local a=() b=() i
		sleep 1
		for i in 0 1 2; do a[i]=$(stat_of "${pids[i]}" run_us); done
		sleep 10
		for i in 0 1 2; do b[i]=$(($(stat_of "${pids[i]}" run_us) - a[i])); done
		echo "${b[@]}" | awk '{ t = $1 + $2 + $3; printf "%.4f %.4f %.4f", $1 / t, $2 / t, $3 / t }'
	}
	check() { # WHAT WANTED...
		local what=$1 got i=0 want
		shift
		read -r -a got <<<"$(shares)"
		for want; do
			within "${got[i]}" "$(awk -v w="$want" 'BEGIN { print w * 0.98 }')" \
				"$(awk -v w="$want" 'BEGIN { print w * 1.02 }')" "$kind, $what: share of $want"
			i=$((i + 1))
		done
	}
	check 'weights 1:2:4' 0.142857 0.285714 0.571429
	echo 400 >"/sys/fs/cgroup/vmgang-test/${kind}1.scope/cpu.weight"
	check 'changed to 4:2:4' 0.4 0.2 0.4
	vm_stop "${pids[@]}"
done
