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
make -s -C "$tree/kernel/class" build/classctl >"$work/make" 2>&1 ||
	note "no classctl: $(tail -n 3 "$work/make")"
class_up
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
ran() { # SECONDS PID...: pCPUs that each had meanwhile
	local s=$1 v a=() t=() i=0
	shift
	for v; do a+=("$(stat_of "$v" run_us)") t+=("$(date +%s%N)"); done
	sleep "$s"
	for v; do
		awk -v d=$(($(stat_of "$v" run_us) - a[i])) -v t=$(($(date +%s%N) - t[i])) \
			'BEGIN { printf "%.3f ", d * 1000 / t }'
		i=$((i + 1))
	done
}
whole() { # PID VCPUS: run + ready + co-stop + wait is wall time, to 2 %
	local v=$1 n=$2 a b t0 t1
	total() { cat "$sys/vms/$v"/stats/{run,ready,costop,wait}_us | awk '{ s += $1 } END { print s }'; }
	t0=$(date +%s%N)
	a=$(total)
	sleep 4
	t1=$(date +%s%N)
	b=$(total)
	awk -v d=$((b - a)) -v t=$((t1 - t0)) -v n="$n" 'BEGIN { printf "%.3f", d * 1000 / t / n }'
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
	read -r -a share <<<"$(ran 6 "${pids[@]}")"
	for s in "${share[@]}"; do
		within "$s" 0.9 1.1 "$kind: four VMs of equal weight have a pCPU each"
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
	for s in "${share[@]}"; do
		within "$s" 1.9 2.05 "$kind: … and each has both of its pCPUs"
	done
	within "$(whole "${stay[0]}" 2)" 0.98 1.02 "$kind: run + ready + co-stop + wait is all its time"
	within "$(whole "${stay[1]}" 2)" 0.98 1.02 "$kind: … and all of the other one's"
	is 1 $(($(moves) - before)) "$kind: nobody moves back"

	# Pinned to the pCPUs of one cell they stay there, the other one idle.
	taskset -a -p -c 0,1 "${stay[0]}" >/dev/null
	taskset -a -p -c 0,1 "${stay[1]}" >/dev/null
	sleep 3
	read -r -a share <<<"$(ran 4 "${stay[@]}")"
	for s in "${share[@]}"; do
		within "$s" 0.9 1.1 "$kind: pinned to one cell they share it"
	done
	is class "$(cat $sys/state)" "$kind: the class is still in charge"
	vm_stop "${stay[@]}"
done
