# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2034,SC2154 # one script in several files
#
# From KVM_CREATE_VM to the vCPU's thread having SCHED_EXT, seen by a thread of
# the same VMM that looks every 100 us.

usage_adopt()
{
	cat <<'END'
adopt    time from creating a VM until its first and its last vCPU are in the
         class, in microseconds
         --count N (50)  --vcpus N (2)
END
}

bench_adopt()
{
	local count='' vcpus=2 which column out=$tmp/adopt.tsv

	while [ $# -gt 0 ]; do
		case $1 in
		--count) option_number "$1" "${2:-}" 1 100000; count=$2; shift 2 ;;
		--vcpus) option_number "$1" "${2:-}" 1 64; vcpus=$2; shift 2 ;;
		*) common_option "$@"; shift "$taken" ;;
		esac
	done
	: "${count:=$([ -n "$quick" ] && echo 10 || echo 50)}"
	class_up
	host_describe
	progress "creating $count VMs of $vcpus vCPUs"
	"$VMM" --payload compute --vcpus "$vcpus" --adopt "$count" >"$out" ||
		die "vmm failed"
	progress_end
	verdicts_begin
	column=3
	for which in first last; do
		adopt_verdict "median" "$(awk -F '\t' -v c=$column 'NR > 1 { print $c }' "$out" | median)"
		adopt_verdict "slowest" "$(awk -F '\t' -v c=$column 'NR > 1 {
			if ($c == "-") never = 1
			else if ($c > m) m = $c
		} END { print never ? "-" : m }' "$out")"
		column=$((column + 1))
	done
}

adopt_verdict()
{
	verdict "VM created to $which vCPU in the class, $1 of $count, us" "$2" '<=' 50000
}
