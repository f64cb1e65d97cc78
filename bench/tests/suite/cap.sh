#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Shows that cpu.max is kept within a point: 30 % of a pCPU for a VM, alone and beside a rival, and lifted live.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
class_up

# used SECONDS FILE...: what these say in us of run time, as percentages of one
# pCPU over that wall time.
used() {
	local seconds=$1 from
	shift
	sleep 0.5
	from=$(cat /proc/uptime "$@")
	sleep "$seconds"
	{ echo "$from" && cat /proc/uptime "$@"; } | awk -v n=$(($# + 1)) '
		{ said[NR] = $1 }
		END {
			span = (said[n + 1] - said[1]) * 10000
			for (i = 2; i <= n; i++)
				printf "%s%.2f", i > 2 ? " " : "", (said[n + i] - said[i]) / span
		}'
}

for kind in off gang; do
	vm_start "cap$kind" --vcpus 2 --payload compute || exit 1
	knob "$vm" cosched $kind
	first=$sys/vms/$vm/stats/run_us
	group=/sys/fs/cgroup/vmgang-test/cap$kind.scope
	# A quota more or less at either end: 30 ms of 5 s are half of what is allowed.
	echo '30000 100000' >"$group/cpu.max"
	within "$(used 5 "$first")" 29 31 "$kind: 30 % of one pCPU for a VM of two vCPUs that is alone"
	echo '6000 20000' >"$group/cpu.max"
	within "$(used 2.5 "$first")" 29 31 "$kind: 30 % with a period of 20 ms"
	capped=$vm
	vm_start "rival$kind" --vcpus 2 --payload compute || exit 1
	echo '30000 100000' >"$group/cpu.max"
	read -r its others <<<"$(used 5 "$first" "$sys/vms/$vm/stats/run_us")"
	within "$its" 29 31 "$kind: 30 % beside another VM"
	within "$others" 160 172 "$kind: which has the rest"
	echo max >"$group/cpu.max"
	within "$(used 2.5 "$first")" 90 110 "$kind: half of the host once the cap is lifted"
	vm_stop "$capped" "$vm"
done

# What virsh schedinfo's vcpu_quota sets: cpu.max of one vCPU's own cgroup.
vm_start capvcpu --vcpus 2 --payload compute || exit 1
group=/sys/fs/cgroup/vmgang-test/capvcpu.scope/vcpu0
mkdir "$group" && echo threaded >"$group/cgroup.type"
echo '+cpu' >"$(dirname "$group")/cgroup.subtree_control"
cat "$sys/vms/$vm/vcpus/0/tid" >"$group/cgroup.threads"
ok $? 'a vCPU gets a cgroup of its own'
vcpus=$sys/vms/$vm/vcpus
echo '40000 100000' >"$group/cpu.max"
read -r its others <<<"$(used 5 "$vcpus/0/run_us" "$vcpus/1/run_us")"
within "$its" 39 41 'it keeps to 40 %'
within "$others" 90 101 'and its sibling to nothing'
echo max >"$group/cpu.max"
within "$(used 2.5 "$vcpus/0/run_us")" 90 101 'lifted, it has a pCPU again'
vm_stop "$vm"
rmdir "$group" 2>/dev/null
