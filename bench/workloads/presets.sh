# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2034,SC2154 # one script in several files
#
# Every preset on every kind of work, and the default scheduler: which answer
# to the SMP VM's trouble is good for what. In each round the same VMs run under
# each scheduler, in rotated order; presets are set as an operator sets them.

usage_presets()
{
	cat <<'END'
presets  every preset by every kind of work, against the default scheduler
         --rounds N (3)  --seconds S (2)
         --presets LIST    of those in `vmgang preset list`; default all
         --work LIST       of sync lock mixed compute idle-vcpu wake; default all
         --lost N (10)     measure anew, once, where others had more than N % of
                   the machine below this host
         --raw FILE        every measurement as TSV
END
}

# name|VMs: payload:vCPUs:column, where vCPUs "N" is as many as there are pCPUs.
# The VMs of a column are counted together.
presets_work=(
	'sync|barrier:N:sync barrier:N:sync barrier:N:sync'
	'lock|lock:N:lock lock:N:lock'
	'mixed|barrier:N:mixed barrier:N:mixed compute:1:mixed-1 compute:1:mixed-1'
	'compute|compute:N:compute compute:N:compute compute:N:compute'
	'idle-vcpu|one-busy:N:idle-vcpu one-busy:N:idle-vcpu'
	'wake|wake:N:wake compute:N:wake-rest'
)

presets_options()
{
	rounds='' seconds='' presets='' work='' limit=10 raw=$tmp/raw.tsv
	while [ $# -gt 0 ]; do
		case $1 in
		--presets|--work|--raw)
			[ $# -ge 2 ] || bad_usage "$1 needs a value"
			;;
		esac
		case $1 in
		--rounds) option_number "$1" "${2:-}" 1 1000; rounds=$2 ;;
		--seconds) option_number "$1" "${2:-}" 1 3600; seconds=$2 ;;
		--lost) option_number "$1" "${2:-}" 0 100; limit=$2 ;;
		--presets) presets=$2 ;;
		--work) work=$2 ;;
		--raw) raw=$2 ;;
		*)
			common_option "$@"
			shift "$taken"
			continue
			;;
		esac
		shift 2
	done
	: "${rounds:=$([ -n "$quick" ] && echo 1 || echo 3)}"
	: "${seconds:=$([ -n "$quick" ] && echo 1 || echo 2)}"
	presets_choose
}

# Into `schedulers` and `cases`.
presets_choose()
{
	local known word line

	known=$("$vmgang" preset list | awk '{ print $1 }')
	[ -n "$known" ] || die "vmgang lists no presets"
	mapfile -t schedulers <<<"${presets:+${presets//,/$'\n'}}"
	[ -n "$presets" ] || mapfile -t schedulers <<<"$known"
	for word in "${schedulers[@]}"; do
		grep -qxF "$word" <<<"$known" ||
			bad_usage "--presets: '$word' is none of ${known//$'\n'/, }"
	done
	schedulers=(default "${schedulers[@]}")
	cases=()
	for line in "${presets_work[@]}"; do
		[[ -n $work && ,$work, != *,${line%%|*},* ]] || cases+=("$line")
	done
	for word in ${work//,/ }; do
		[[ ${cases[*]} == *"$word|"* ]] || bad_usage "--work: there is no '$word'"
	done
}

# presets_set SCHEDULER: false, and `reason` says why, if it is refused
presets_set()
{
	local name knobs=("preset=$1" managed=1)

	[ "$1" != default ] || knobs=(preset=default managed=0)
	for name in "${vm_names[@]}"; do
		"$vmgang" set "$name" "${knobs[@]}" >"$tmp/set" 2>&1 && continue
		reason=$(tail -n 1 "$tmp/set")
		return 1
	done
}

# presets_phase ROUND CASE SCHEDULER VM...: appends a row for each VM to the raw
# file, or notes why there are none
presets_phase()
{
	local round=$1 name=$2 scheduler=$3 i payload vcpus column reason

	shift 3
	rows=()
	for ((i = 0; i < $#; i++)); do
		IFS=: read -r payload vcpus column <<<"${*:i+1:1}"
		vm_start "$name-$i" --payload "$payload" --vcpus "${vcpus/N/$nr_pcpus}"
	done
	vms_appear
	presets_known
	if ! presets_set "$scheduler"; then
		refused[$scheduler on $name]=$reason
		vms_end
		return
	fi
	nap 1
	outer_before
	kill -USR2 "${vms[@]}"
	nap "$seconds"
	kill -USR2 "${vms[@]}"
	outer_since
	for ((i = 0; i < $#; i++)); do
		IFS=: read -r payload vcpus column <<<"${*:i+1:1}"
		presets_rate "$i" "${vcpus/N/$nr_pcpus}"
		rows+=("$(printf '%s\t%s\t%s\t%s\t%s\t%s' "$round" "$name" "$column" \
			"$scheduler" "$rate" "$lost")")
	done
	vms_end
}

# The daemon knows a VM a moment after the module.
presets_known()
{
	local name

	for name in "${vm_names[@]}"; do
		for _ in {1..50}; do
			"$vmgang" show "$name" >/dev/null 2>&1 && continue 2
			nap 0.1
		done
		die "vmgang does not know $name"
	done
}

# presets_rate VM VCPUS: what its vCPUs counted a second between the two signals,
# into `rate`
presets_rate()
{
	local file=$tmp/${vm_names[$1]}.tsv lines

	for _ in {1..50}; do
		mapfile -t lines <"$file"
		[ ${#lines[@]} -le $((2 * $2)) ] || break
		nap 0.1
	done
	[ ${#lines[@]} -gt $((2 * $2)) ] ||
		die "${vm_names[$1]} reports too little: $(cat "${file%.tsv}.err")"
	rate=$(awk -F '\t' '
		FNR == 1 { next }
		++n[$3] == 1 { ms[$3] = $5; count[$3] = $6 }
		n[$3] == 2 { rate += ($6 - count[$3]) * 1000 / ($5 - ms[$3]) }
		END { printf "%.3f\n", rate }' "$file")
}

presets_rounds()
{
	local round line name spec i scheduler nr=0 all

	all=$((rounds * ${#cases[@]} * ${#schedulers[@]}))
	for ((round = 1; round <= rounds; round++)); do
		for line in "${cases[@]}"; do
			IFS='|' read -r name spec <<<"$line"
			for i in "${!schedulers[@]}"; do
				scheduler=${schedulers[(i + round - 1) % ${#schedulers[@]}]}
				nr=$((nr + 1))
				[ -z "${refused[$scheduler on $name]:-}" ] || continue
				progress "$nr of $all: $name, $scheduler"
				# shellcheck disable=SC2086
				presets_phase "$round" "$name" "$scheduler" $spec
				# shellcheck disable=SC2086
				[ "$lost" = - ] || [ "$lost" -le "$limit" ] ||
					presets_phase "$round" "$name" "$scheduler" $spec
				[ ${#rows[@]} -eq 0 ] || printf '%s\n' "${rows[@]}" >>"$raw"
			done
		done
	done
	progress_end
}

bench_presets()
{
	local rounds seconds presets work limit raw schedulers cases rows=() rate lost=- key
	local vmgang=${VMGANG:-}
	declare -A refused=()

	[ -n "$vmgang" ] || vmgang=$(command -v vmgang) || vmgang=$here/../userspace/build/vmgang
	[ -x "$vmgang" ] || die "there is no vmgang to set presets with"
	class_up
	presets_options "$@"
	host_describe
	echo "presets: ${#cases[@]} kinds of work, $rounds rounds of $seconds s each"
	printf 'round\twork\tcolumn\tscheduler\trate\tlost\n' >"$raw" || die "$raw can not be written"
	presets_rounds
	awk -f "$median" -f "$here/workloads/presets.awk" "$raw" >"$tmp/summary.tsv" ||
		die "the figures can not be summed up"
	[ -z "$tsv" ] || cp "$tmp/summary.tsv" "$tsv" || die "$tsv can not be written"
	presets_table "$tmp/summary.tsv"
	for key in "${!refused[@]}"; do
		echo "$key was refused: ${refused[$key]}"
	done | sort
}

# One line a scheduler: work done against the default scheduler's, and half the
# span between the best and the worst round.
presets_table()
{
	awk -F '\t' '
		NR == 1 { next }
		!($1 in row) { row[$1] = ++rows; name[rows] = $1 }
		!($2 in col) { col[$2] = ++cols; head[cols] = $2 }
		{
			cell[$1, $2] = $1 == "default" ? sprintf("%.0f/s", $4) : $5 == "-" ? "-" : \
				$6 == "-" ? sprintf("%.2f", $5) : \
				sprintf("%.2f +-%.0f%%", $5, 50 * ($7 - $6) / $5)
			if ($8 != "-" && $8 > worst)
				worst = $8
			known = known || $8 != "-"
		}
		END {
			printf "%-12s", ""
			for (c = 1; c <= cols; c++)
				printf "%12s", head[c]
			print ""
			for (r = 1; r <= rows; r++) {
				printf "%-12s", name[r]
				for (c = 1; c <= cols; c++)
					printf "%12s", (name[r], head[c]) in cell ? cell[name[r], head[c]] : "-"
				print ""
			}
			print known ? "others had at most " worst + 0 " % of the machine below this host" : \
				"other load of the machine below this host: unknown"
		}' "$1"
}
