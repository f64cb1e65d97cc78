# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2034,SC2154 # one script in several files
#
# CPU-bound VMs with cpu.weight 100, 200 and 400: each must get its share.

usage_weights()
{
	cat <<'END'
weights  three CPU-bound VMs with cpu.weight 1:2:4; each one's share of the host
         --seconds S (10)
END
}

bench_weights()
{
	local seconds

	seconds_options "$@"
	class_up
	host_describe
	verdicts_begin
	weights_measure "off, $nr_pcpus vCPUs each" off --vcpus "$nr_pcpus"
	weights_measure "gang, $nr_pcpus vCPUs each" gang --vcpus "$nr_pcpus"
	weights_measure 'off, one pinned vCPU each' off --vcpus 1 --pin 0
}

# weights_measure WHAT COSCHED VMM-OPTION...
weights_measure()
{
	local what=$1 cosched=$2 weight i before sum=0 off

	shift 2
	for weight in 1 2 4; do
		vm_start "weight-$weight" --payload compute "$@"
	done
	vms_appear
	for i in 0 1 2; do
		cgroup_set "$i" cpu.weight $((100 << i))
	done
	sleep 0.3
	vms_policy 1 "$cosched"
	progress "weights 1:2:4, $what: $seconds s"
	nap 1
	vms_runtime
	before=("${runtime[@]}")
	nap "$seconds"
	vms_runtime
	vms_policy_check 1 "$cosched"
	progress_end
	for i in 0 1 2; do
		sum=$((sum + runtime[i] - before[i]))
	done
	for i in 0 1 2; do
		off=$(awk -v got="$((runtime[i] - before[i]))" -v all="$sum" -v want="$((1 << i))" \
			'BEGIN { o = 100 * (got / all * 7 / want - 1); printf "%.2f", o < 0 ? -o : o }')
		verdict "weight $((1 << i)) of 1:2:4, $what: % off its share" "$off" '<=' 2
	done
	vms_end
}
