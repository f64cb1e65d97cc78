# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2034,SC2154 # one script in several files
#
# What the class costs a VM that has the host for itself: the same running VM is
# moved between the default scheduler and the class again and again, and each
# stretch in the class is compared with the two beside it. A machine that drifts
# meets both alike.

usage_lone()
{
	cat <<'END'
lone     one VM alone, class against default scheduler; ratio of its work
         --pairs N (20)  --vcpus N (as many as pCPUs)
END
}

bench_lone()
{
	local pairs='' vcpus=$nr_pcpus payload cosched

	while [ $# -gt 0 ]; do
		case $1 in
		--pairs) option_number "$1" "${2:-}" 1 10000; pairs=$2; shift 2 ;;
		--vcpus) option_number "$1" "${2:-}" 1 64; vcpus=$2; shift 2 ;;
		*) common_option "$@"; shift "$taken" ;;
		esac
	done
	: "${pairs:=$([ -n "$quick" ] && echo 5 || echo 20)}"
	class_up
	host_describe
	verdicts_begin
	for payload in compute barrier; do
		for cosched in off gang; do
			lone_measure "$payload" "$cosched" "$pairs" "$vcpus"
		done
	done
	progress_end
}

# lone_measure PAYLOAD COSCHED PAIRS VCPUS
lone_measure()
{
	local name=lone-$1-$2 i managed

	vm_start "$name" --payload "$1" --vcpus "$4"
	vms_appear
	sleep 0.5
	for ((i = 0; i <= 2 * $3; i++)); do
		managed=$((i % 2))
		progress "one VM alone, $1, $2: $((i / 2)) of $3 pairs"
		vms_policy "$managed" "$2"
		nap 0.2
		kill -USR2 "${vms[0]}"
		nap 0.5
		kill -USR2 "${vms[0]}"
		nap 0.05
	done
	vms_policy_check "$managed" "$2"
	vms_end
	progress_end
	lone_ratios "$4" <"$tmp/$name.tsv" >"$tmp/$name.ratios"
	verdict "one VM alone, $1, class ($2)/default" \
		"$(median <"$tmp/$name.ratios" | awk '{ printf "%.4f", $1 }')" '>=' 0.99
}

# Two reports of VCPUS rows make a stretch, odd stretches are the class's. The
# report that SIGTERM causes has no partner and is left out.
lone_ratios()
{
	awk -F '\t' -v n="$1" 'NR == 1 { next }
	{
		report = int((NR - 2) / n)
		time[report] = $5
		work[report] += $6
		last = report
	}
	END {
		for (i = 0; 2 * i + 1 <= last; i++)
			rate[i] = (work[2 * i + 1] - work[2 * i]) / (time[2 * i + 1] - time[2 * i])
		for (k = 1; k + 1 < i; k += 2)
			if (rate[k - 1] + rate[k + 1] > 0)
				print 2 * rate[k] / (rate[k - 1] + rate[k + 1])
	}'
}
