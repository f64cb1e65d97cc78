#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Shows that on a host of two cells VMs are spread anew within 3 s when one cell falls idle, and shares follow.
# lab: --cpus 4 --sockets 2
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
packages=$(cat /sys/devices/system/cpu/cpu*/topology/package_cpus_list | sort -u | wc -l)
[ "$(nproc) $packages" = '4 2' ] || skip 'needs 4 pCPUs in 2 packages'
tree=$(readlink -f "$here/../../..")
[ -d /usr/src/vmgang ] && tree=/usr/src/vmgang
make -s -C "$tree/kernel/class" build/classctl >"$work/make" 2>&1 &
class_up
wait $! || note "no classctl: $(tail -n 3 "$work/make")"
moves() { "$tree/kernel/class/build/classctl" stats | awk '$1 == "homes_moved" { print $2 }'; }
cells_of() { # PID: the packages in which its vCPUs ran last
	local f
	for f in "$sys/vms/$1"/vcpus/*/tid; do
		awk '{ sub(/.*\) /, ""); print $37 }' "/proc/$1/task/$(cat "$f")/stat"
	done | while read -r cpu; do
		cat "/sys/devices/system/cpu/cpu$cpu/topology/physical_package_id"
	done | sort -u | paste -s -d,
}
apart() { # PID PID: each is in one cell, and not in the other's
	local a b
	a=$(cells_of "$1") b=$(cells_of "$2")
	[ "${#a}" -eq 1 ] && [ "${#b}" -eq 1 ] && [ "$a" != "$b" ]
}
# ran SECONDS PID...: the pCPUs that each VM had meanwhile, and then, for each, of
# how many its run + ready + co-stop + wait make up all the time.
ran() {
	local seconds=$1 v from
	shift
	look() { # each with the time it was read at
		for v; do cat /proc/uptime "$sys/vms/$v"/stats/{run,ready,costop,wait}_us; done
	}
	from=$(look "$@")
	sleep "$seconds"
	{ echo "$from" && look "$@"; } | awk -v n=$# '
		{ said[NR] = $1 }
		END {
			for (i = 1; i <= n * 5; i += 5) {
				span = (said[n * 5 + i] - said[i]) * 1e6
				for (j = i + 1; j < i + 5; j++)
					all[i] += (said[n * 5 + j] - said[j]) / span
				printf "%.3f ", (said[n * 5 + i + 1] - said[i + 1]) / span
			}
			for (i = 1; i <= n * 5; i += 5)
				printf "%.3f ", all[i]
		}'
}

for kind in off gang; do
	pids=()
	for i in 0 1 2 3; do
		vm_start "$kind$i" --vcpus 2 --payload compute || exit 1
		knob "$vm" cosched $kind
		until_true 5 in_class "$vm" 2
		pids+=("$vm")
	done
	sleep 2
	for v in "${pids[@]}"; do
		is 1 "$(cells_of "$v" | wc -m | awk '{ print $1 - 1 }')" "$kind: a VM lives in one cell"
	done
	before=$(moves)
	read -r -a share <<<"$(ran 4 "${pids[@]}")"
	for s in "${share[@]:0:4}"; do
		# Misplaced it would be half or two thirds; a busy machine below takes a tenth.
		within "$s" 0.85 1.1 "$kind: four VMs of equal weight have a pCPU each"
	done
	is "$before" "$(moves)" "$kind: evenly loaded cells exchange no VM"

	# The cell of the first VM stays, that of the others falls idle.
	stay=() go=()
	for v in "${pids[@]}"; do
		if [ "$(cells_of "$v")" = "$(cells_of "${pids[0]}")" ]; then stay+=("$v"); else go+=("$v"); fi
	done
	is 2 "${#stay[@]}" "$kind: two VMs share the cell of the first"
	vm_stop "${go[@]}"
	until_true 3 apart "${stay[0]}" "${stay[1]}"
	ok $? "$kind: once a cell is idle, a VM moves there within 3 s ($(cells_of "${stay[0]}") and $(cells_of "${stay[1]}"))"
	is 1 $(($(moves) - before)) "$kind: … one VM, once"
	read -r -a share <<<"$(ran 6 "${stay[@]}")"
	for s in "${share[@]:0:2}"; do
		within "$s" 1.8 2.05 "$kind: … and each has both of its pCPUs"
	done
	for s in "${share[@]:2}"; do
		within "$s" 1.96 2.04 "$kind: … whose run + ready + co-stop + wait is all the time of two vCPUs"
	done
	is 1 $(($(moves) - before)) "$kind: nobody moves back"

	# Pinned to the pCPUs of one cell they stay there, the other one idle.
	taskset -a -p -c 0,1 "${stay[0]}" >/dev/null
	taskset -a -p -c 0,1 "${stay[1]}" >/dev/null
	sleep 2
	read -r -a share <<<"$(ran 4 "${stay[@]}")"
	for s in "${share[@]:0:2}"; do
		within "$s" 0.9 1.1 "$kind: pinned to one cell they share it"
	done
	is class "$(cat $sys/state)" "$kind: the class is still in charge"
	vm_stop "${stay[@]}"
done
