#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Shows that cpu.max is kept within a point: 30 % of a pCPU for a VM, alone and beside a rival, and lifted live.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
class_up
used() { # PID: run time as a percentage of one pCPU over 5 s of wall time
	local a t
	a=$(stat_of "$1" run_us) t=$(awk '{ print $1 }' /proc/uptime)
	sleep 5
	awk -v r="$(($(stat_of "$1" run_us) - a))" -v t="$t" \
		'{ printf "%.2f", r / ($1 - t) / 10000 }' /proc/uptime
}
for kind in off gang; do
	vm_start "cap$kind" --vcpus 2 --payload compute || exit 1
	knob "$vm" cosched $kind
	group=/sys/fs/cgroup/vmgang-test/cap$kind.scope
	echo '30000 100000' >"$group/cpu.max"
	sleep 1
	within "$(used "$vm")" 29 31 "$kind: 30 % of one pCPU for a VM of two vCPUs that is alone"
	echo '6000 20000' >"$group/cpu.max"
	sleep 1
	within "$(used "$vm")" 29 31 "$kind: 30 % with a period of 20 ms"
	first=$vm
	vm_start "rival$kind" --vcpus 2 --payload compute || exit 1
	echo '30000 100000' >"$group/cpu.max"
	sleep 1
	within "$(used "$first")" 29 31 "$kind: 30 % beside another VM"
	within "$(used "$vm")" 160 172 "$kind: which has the rest"
	echo max >"$group/cpu.max"
	sleep 1
	within "$(used "$first")" 90 110 "$kind: half of the host once the cap is lifted"
	vm_stop "$first" "$vm"
done

# What virsh schedinfo's vcpu_quota sets: cpu.max of one vCPU's own cgroup.
vm_start capvcpu --vcpus 2 --payload compute || exit 1
group=/sys/fs/cgroup/vmgang-test/capvcpu.scope/vcpu0
mkdir "$group" && echo threaded >"$group/cgroup.type"
echo '+cpu' >"$(dirname "$group")/cgroup.subtree_control"
cat "$sys/vms/$vm/vcpus/0/tid" >"$group/cgroup.threads"
ok $? 'a vCPU gets a cgroup of its own'
echo '40000 100000' >"$group/cpu.max"
sleep 1
vcpu_used() { # INDEX: its run time as a percentage of one pCPU over 5 s
	local a t
	a=$(cat "$sys/vms/$vm/vcpus/$1/run_us") t=$(awk '{ print $1 }' /proc/uptime)
	sleep 5
	awk -v r="$(($(cat "$sys/vms/$vm/vcpus/$1/run_us") - a))" -v t="$t" \
		'{ printf "%.2f", r / ($1 - t) / 10000 }' /proc/uptime
}
within "$(vcpu_used 0)" 39 41 'it keeps to 40 %'
within "$(vcpu_used 1)" 90 101 'and its sibling to nothing'
echo max >"$group/cpu.max"
sleep 1
within "$(vcpu_used 0)" 90 101 'lifted, it has a pCPU again'
vm_stop "$vm"
rmdir "$group" 2>/dev/null
