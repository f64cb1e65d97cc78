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
				printf "%s%.2f", (i > 2 ? " " : ""), (said[n + i] - said[i]) / span
		}'
}

# capped QUOTA: of each of the two VMs
capped() {
	local kind
	for kind in off gang; do
		echo "$1" >"/sys/fs/cgroup/vmgang-test/cap$kind.scope/cpu.max"
	done
}

files=()
for kind in off gang; do
	vm_start "cap$kind" --vcpus 2 --payload compute || exit 1
	knob "$vm" cosched $kind
	files+=("$sys/vms/$vm/stats/run_us")
done
# A quota more or less at either end: 30 ms of 5 s are half of what is allowed.
capped '30000 100000'
read -r off gang <<<"$(used 5 "${files[@]}")"
within "$off" 29 31 'off: 30 % of one pCPU for a VM of two vCPUs, while pCPUs idle'
within "$gang" 29 31 'gang: the same'
capped '6000 20000'
read -r off gang <<<"$(used 2.5 "${files[@]}")"
within "$off" 29 31 'off: 30 % with a period of 20 ms'
within "$gang" 29 31 'gang: the same'
vm_start rival --vcpus 2 --payload compute || exit 1
files+=("$sys/vms/$vm/stats/run_us")
capped '30000 100000'
read -r off gang rest <<<"$(used 5 "${files[@]}")"
within "$off" 29 31 'off: 30 % beside a VM without a cap'
within "$gang" 29 31 'gang: the same'
within "$rest" 130 142 'which has the rest'
capped max
read -r off gang <<<"$(used 2.5 "${files[@]:0:2}")"
within "$off" 60 74 'off: a third of the host once the cap is lifted'
within "$gang" 60 74 'gang: the same'
vm_stop "${vmms[@]}"
vmms=()

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
