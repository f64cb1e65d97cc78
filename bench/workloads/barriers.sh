# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2034,SC2154 # one script in several files
#
# Several VMs whose vCPUs compute and meet at barriers, more of them than the
# host has pCPUs: what co-scheduling is for. In each round the same VMs run, in
# rotated order, under every scheduler that is compared, and one of them alone.

usage_barriers()
{
	cat <<'END'
barriers several VMs compute and meet at barriers; default scheduler, class
         --vms N (3)  --vcpus N (2)  --rounds N (5)  --seconds S (3)
         --work N (200000)  turns of DEC, JNZ between two barriers: 0.8 ms in
                   the lab, where a lone VM then does about 1,200 barriers a
                   second; on hardware rather 3000000
         --slice-us N      the class's stint; default as the VM has it
         --modes LIST (default,gang,off)  of: default (VMs left out of the
                   class), detached (class detached), gang, off (vCPUs on
                   their own), yield (the same with spin=yield), relaxed,
                   relaxed-yield, adaptive (as the preset: with guard=kernel
                   spin=yield)
         --lost N (10)     repeat rounds in which others had more than N % of
                   the machine below this host, at most once each
         --raw FILE        every measurement as TSV
END
}

barriers_options()
{
	vms_n=3 vcpus=2 rounds='' seconds='' work=200000 slice_us='' modes=default,gang,off
	limit=10 raw=$tmp/raw.tsv
	while [ $# -gt 0 ]; do
		case $1 in
		--vms|--vcpus|--rounds|--seconds|--work|--slice-us|--modes|--lost|--raw)
			[ $# -ge 2 ] || bad_usage "$1 needs a value"
			;;
		esac
		case $1 in
		--vms) option_number "$1" "$2" 1 64; vms_n=$2 ;;
		--vcpus) option_number "$1" "$2" 1 64; vcpus=$2 ;;
		--rounds) option_number "$1" "$2" 1 1000; rounds=$2 ;;
		--seconds) option_number "$1" "$2" 1 3600; seconds=$2 ;;
		--work) option_number "$1" "$2" 1 4294967295; work=$2 ;;
		--slice-us) option_number "$1" "$2" 1000 100000; slice_us=$2 ;;
		--lost) option_number "$1" "$2" 0 100; limit=$2 ;;
		--modes) modes=$2 ;;
		--raw) raw=$2 ;;
		*)
			common_option "$@"
			shift "$taken"
			continue
			;;
		esac
		shift 2
	done
	: "${rounds:=$([ -n "$quick" ] && echo 2 || echo 5)}"
	: "${seconds:=$([ -n "$quick" ] && echo 2 || echo 3)}"
	IFS=, read -r -a modes <<<"$modes"
	local mode known='default detached gang off yield relaxed relaxed-yield adaptive'
	for mode in "${modes[@]}"; do
		[[ " $known " == *" $mode "* ]] ||
			bad_usage "--modes: '$mode' is none of ${known// /, }"
	done
}

# barriers_phase ROUND MODE: appends a row per VM to the raw file
barriers_phase()
{
	local mode=$2 n=$vms_n policy=(0 off) i name row

	case $mode in
	lone) n=1 ;;
	gang) policy=(1 gang) ;;
	off) policy=(1 off) ;;
	yield) policy=(1 off yield) ;;
	relaxed) policy=(1 relaxed) ;;
	relaxed-yield) policy=(1 relaxed yield) ;;
	adaptive) policy=(1 adaptive yield kernel) ;;
	esac
	[ "$mode" != detached ] || class_down
	[ "$mode" = detached ] || [ -z "$need_class" ] || class_up

	local settle=1000 window=$((seconds * 1000)) start
	uptime_ms
	start=$((ms + 300))
	for ((i = 0; i < n; i++)); do
		vm_start "barriers-$mode$i" --payload barrier --vcpus "$vcpus" --work "$work" \
			--start-at "$((start / 1000)).$(printf %03d $((start % 1000)))" \
			--warmup "$settle" --interval "$window"
	done
	vms_appear
	if [ -d "$sys" ]; then
		# early, to settle, and once more below: a daemon, too, sets the
		# policy of VMs that appear
		vms_policy "${policy[@]}"
	fi
	sleep_until $((start + settle - 300))
	[ ! -d "$sys" ] || vms_policy "${policy[@]}"
	sleep_until $((start + settle))
	outer_before
	vms_stats begin
	sleep_until $((start + settle + window))
	vms_stats end
	outer_since
	[ ! -d "$sys" ] || vms_policy_check "${policy[@]}"
	barriers_rows "$1" "$mode" "$n"
	vms_end
	if [ "$lost" != - ] && [ "$lost" -gt "$round_lost" ]; then
		round_lost=$lost
	fi
}

# vCPU 0's barriers are the VM's; its first row is the window's.
barriers_rows()
{
	local i name rate millis count row

	for ((i = 0; i < $3; i++)); do
		row=''
		for _ in {1..40}; do
			{ read -r row && read -r row; } <"$tmp/${vm_names[i]}.tsv" && break
			sleep 0.1
		done
		[ -n "$row" ] || die "${vm_names[i]} reports nothing: $(cat "$tmp/${vm_names[i]}.err")"
		read -r _ _ _ _ millis count <<<"$row"
		rate=$(awk -v c="$count" -v m="$millis" 'BEGIN { printf "%.2f", c * 1000 / m }')
		printf '%s\t%s\t%s\t%s' "$1" "$2" "$i" "$rate"
		for name in "${stat_names[@]}"; do
			if [ -d "$sys" ]; then
				printf '\t%s' $((${stat[end,$i,$name]} - ${stat[begin,$i,$name]}))
			else
				printf '\t-'
			fi
		done
		printf '\t%s\t%s\n' "$seconds" "$lost"
	done >>"$raw"
}

barriers_table()
{
	awk -F '\t' 'NR == 1 {
		printf "%-13s %9s %19s %17s %20s %15s  %5s %5s %6s %5s %5s %7s\n", \
			"", "barriers/s", "min - max", "of ideal", "vs default", "slowest-fastest", \
			"run%", "rdy%", "cstp%", "wait%", "corun%", "spins/s"
		next
	}
	{
		printf "%-13s %9.0f  %19s  %5s %11s  %6s %13s %15s  %5s %5s %6s %5s %5s %8s\n", $1, $3, \
			sprintf("%.0f - %.0f", $4, $5), short($6), span($7, $8), short($9), \
			span($10, $11), sprintf("%.0f - %.0f", $12, $13), $14, $15, $16, $17, $18, $19
	}
	function short(x) { return x == "-" ? x : sprintf("%.2f", x) }
	function span(a, b) { return a == "-" ? "" : sprintf("(%.2f-%.2f)", a, b) }' "$1"
}

# The rotation moves every mode through every place, so that a drift of the
# machine meets all alike.
barriers_rounds()
{
	local round=1 tries=0 all=(lone "${modes[@]}") i mode

	while [ "$round" -le "$rounds" ] || [ "$bad" -gt 0 ]; do
		[ "$round" -le "$rounds" ] || bad=$((bad - 1))
		round_lost=0
		for i in "${!all[@]}"; do
			mode=${all[(i + round - 1) % ${#all[@]}]}
			progress "round $round of $((rounds + tries)): $mode"
			barriers_phase "$round" "$mode"
		done
		if [ "$round_lost" -gt "$limit" ] && [ "$tries" -lt "$rounds" ]; then
			tries=$((tries + 1)) bad=$((bad + 1))
		fi
		round=$((round + 1))
	done
	progress_end
}

# summary MODE COLUMN
summary()
{
	awk -F '\t' -v mode="$1" -v column="$2" 'NR == 1 {
		for (i = 1; i <= NF; i++) if ($i == column) c = i
		next
	} $1 == mode { print $c }' "$tmp/summary.tsv"
}

bench_barriers()
{
	local bad=0 round_lost need_class='' share base limit

	barriers_options "$@"
	if [[ ${modes[*]#default} == *[a-z]* ]]; then
		need_class=1
		class_up
	fi
	host_describe
	echo "barriers: $vms_n VMs x $vcpus vCPUs, $rounds rounds of $seconds s each, work $work," \
		"slice ${slice_us:-20000 (default)} us"
	printf 'round\tmode\tvm\trate\trun_us\tready_us\tcostop_us\twait_us\tcorun_us\tspin_exits\tsecs\tlost\n' \
		>"$raw" || die "$raw can not be written"
	barriers_rounds

	share=$(awk -v p="$nr_pcpus" -v n="$((vms_n * vcpus))" 'BEGIN { print p < n ? p / n : 1 }')
	base=default
	[[ " ${modes[*]} " == *" default "* ]] || base=${modes[0]}
	awk -v share="$share" -v base="$base" -v limit="$limit" \
		-f "$median" -f "$stats" "$raw" \
		>"$tmp/summary.tsv" || die "the figures can not be summed up"
	barriers_table "$tmp/summary.tsv"
	barriers_noise
	[ -z "$tsv" ] || cp "$tmp/summary.tsv" "$tsv" || die "$tsv can not be written"
	barriers_verdicts
}

barriers_noise()
{
	local worst

	worst=$(awk -F '\t' 'NR > 1 && $20 != "-" && $20 > w { w = $20 } NR > 1 && $20 != "-" { k = 1 }
		END { print k ? w + 0 : "-" }' "$tmp/summary.tsv")
	case $worst in
	-) echo "other load of the machine below this host: unknown" ;;
	*) echo "others had at most $worst % of the machine in the rounds that count" \
		"($(summary lone rounds) of $(awk -F '\t' 'NR > 1 { print $1 }' "$raw" | sort -u | wc -l))" ;;
	esac
}

# The bounds are those of three VMs of two vCPUs on two pCPUs.
barriers_verdicts()
{
	[[ " ${modes[*]} " == *" gang "* && $base = default ]] || return 0
	[ "$vms_n $vcpus $nr_pcpus" = "3 2 2" ] || return 0
	echo
	printf 'what\tvalue\tbound\tverdict\n'
	tsv=''
	if [ "$(host_ple)" = yes ]; then
		verdict 'gang/default, PLE' "$(summary gang ratio)" '>=' 1.08
		verdict 'gang/ideal, PLE' "$(summary gang ideal)" '>=' 0.92
	else
		verdict 'gang/default, no PLE' "$(summary gang ratio)" '>=' 1.35
	fi
}
