# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2034,SC2154 # one script in several files
#
# cpu.max "30000 100000": 30 % of one pCPU and no more, and no less.

usage_cap()
{
	cat <<'END'
cap      a CPU-bound VM with cpu.max 30 % of one pCPU; what it gets
         --seconds S (10)
END
}

bench_cap()
{
	local seconds

	seconds_options "$@"
	class_up
	host_describe
	verdicts_begin
	cap_measure off 1
	cap_measure gang "$nr_pcpus"
}

# cap_measure COSCHED VCPUS
cap_measure()
{
	local before at got

	vm_start "cap-$1" --payload compute --vcpus "$2"
	vms_appear
	cgroup_set 0 cpu.max '30000 100000'
	sleep 0.3
	vms_policy 1 "$1"
	progress "cap 30 %, $1, $2 vCPUs: $seconds s"
	nap 1
	vms_runtime
	before=${runtime[0]} at=${read_at[0]}
	nap "$seconds"
	vms_runtime
	vms_policy_check 1 "$1"
	progress_end
	got=$(awk -v r="$((runtime[0] - before))" -v t="$((read_at[0] - at))" \
		'BEGIN { printf "%.2f", 100 * r / t }')
	verdict "cap 30 %, $1, $2 vCPUs: least" "$got" '>=' 29
	verdict "cap 30 %, $1, $2 vCPUs: most" "$got" '<=' 31
	vms_end
}
