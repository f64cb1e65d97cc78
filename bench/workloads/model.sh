# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2034,SC2154 # one script in several files
#
# The simulator held against this host: the same small cases under the same
# schedulers, here with micro-VMs and there with their models. The model's one
# parameter from here is how long a guest computes between two barriers, as a
# VM alone shows it.

usage_model()
{
	cat <<'END'
model    the simulator (bench/sim) against this host on the same cases: each
         VM's work, as a share of what one alone does, and time together
         --seconds S (8)  --rounds N (3)  --cases LIST (all)
         --traces  also record traces here and there and compare what they
                   say: stints, gangs' starts and stops, skew, co-run,
                   preemptions, co-stop
END
}

# name|scheduler of the simulator|VMs: payload:vCPUs:cosched:weight:cap, where
# vCPUs "N" is as many as there are pCPUs, cosched "-" leaves a VM to the default
# scheduler and cap is % of a pCPU
model_cases=(
	'sync-default|eevdf|barrier:N:-:100:0 barrier:N:-:100:0 barrier:N:-:100:0'
	'sync-gang|class|barrier:N:gang:100:0 barrier:N:gang:100:0 barrier:N:gang:100:0'
	'sync-off|class|barrier:N:off:100:0 barrier:N:off:100:0 barrier:N:off:100:0'
	'mixed|class|barrier:N:gang:100:0 barrier:N:gang:100:0 compute:N:off:100:0'
	'weights-off|class|compute:N:off:100:0 compute:N:off:200:0 compute:N:off:400:0'
	'weights-gang|class|compute:N:gang:100:0 compute:N:gang:200:0 compute:N:gang:400:0'
	'narrow-wide|class|compute:1:gang:100:0 barrier:N:gang:100:0 compute:1:off:100:0'
	'cap|class|compute:N:gang:100:30 compute:N:off:100:0'
)

model_options()
{
	seconds='' rounds='' cases=all traces=''
	while [ $# -gt 0 ]; do
		case $1 in
		--seconds) option_number "$1" "${2:-}" 1 3600; seconds=$2; shift 2 ;;
		--rounds) option_number "$1" "${2:-}" 1 100; rounds=$2; shift 2 ;;
		--traces) traces=1; shift ;;
		--cases) cases=${2:?}; shift 2 ;;
		*) common_option "$@"; shift "$taken" ;;
		esac
	done
	: "${seconds:=$([ -n "$quick" ] && echo 4 || echo 8)}"
	: "${rounds:=$([ -n "$quick" ] && echo 1 || echo 3)}"
}

bench_model()
{
	local seconds rounds cases traces line name sched spec round lone

	model_options "$@"
	sim=${SIM:-$here/sim/sim}
	[ -x "$sim" ] || die "the simulator is not built: make -C bench/sim"
	class_up
	host_describe
	: >"$tmp/model.tsv"
	: >"$tmp/traces.tsv"
	for ((round = 1; round <= rounds; round++)); do
		model_run lone "barrier:$nr_pcpus:gang:100:0"
		lone=${rate[0]}
		for line in "${model_cases[@]}"; do
			IFS='|' read -r name sched spec <<<"${line//:N:/:$nr_pcpus:}"
			[[ $cases == all || ,$cases, == *,$name,* ]] || continue
			progress "round $round of $rounds: $name"
			# shellcheck disable=SC2086
			model_run "$name" $spec
			# once more, if others had the machine below this host
			# shellcheck disable=SC2086
			[ "$lost" = - ] || [ "$lost" -le 10 ] || model_run "$name" $spec
			model_note "$name" "$sched" "$lone" "$spec"
		done
	done
	progress_end
	verdicts_begin
	model_judge
	[ -z "$traces" ] || model_traces
}

# model_run NAME VM...: runs them; leaves rate[i] (barriers/s), used[i] (% of a
# pCPU) and corun[i] (% of run time)
model_run()
{
	local name=$1 i payload vcpus cosched weight cap start settle=1000 args

	shift
	local spec=("$@")
	[ -z "$traces" ] || trace_begin
	uptime_ms
	start=$((ms + 300))
	for i in "${!spec[@]}"; do
		IFS=: read -r payload vcpus cosched weight cap <<<"${spec[i]}"
		args=(--payload "$payload" --vcpus "$vcpus" --interval $((seconds * 1000)))
		vm_start "$name-$i" "${args[@]}" --warmup $settle \
			--start-at "$((start / 1000)).$(printf %03d $((start % 1000)))"
	done
	vms_appear
	for i in "${!spec[@]}"; do
		IFS=: read -r payload vcpus cosched weight cap <<<"${spec[i]}"
		cgroup_set "$i" cpu.weight "$weight"
		[ "$cap" -eq 0 ] || cgroup_set "$i" cpu.max "$((cap * 1000)) 100000"
	done
	# the daemon sets the policy of VMs that appear: after it
	sleep_until $((start + settle / 2))
	for i in "${!spec[@]}"; do
		IFS=: read -r payload vcpus cosched weight cap <<<"${spec[i]}"
		model_policy "$i" "$cosched"
	done
	sleep_until "$((start + settle))"
	outer_before
	vms_stats begin
	vms_runtime
	local before=("${runtime[@]}") at=("${read_at[@]}")
	sleep_until $((start + settle + seconds * 1000))
	vms_runtime
	vms_stats end
	outer_since
	if [ -n "$traces" ]; then
		trace_end "$tmp/trace"
		trace_read "$tmp/trace" $((start + settle)) $((start + settle + seconds * 1000)) \
			"${vms[*]}" >"$tmp/trace.here" || die "$name: its trace can not be read"
	fi
	for i in "${!spec[@]}"; do
		IFS=: read -r payload vcpus cosched weight cap <<<"${spec[i]}"
		model_policy_check "$i" "$cosched"
		model_read "$i" "$((runtime[i] - before[i]))" "$((read_at[i] - at[i]))"
	done
	vms_end
}

model_policy()
{
	local policy=$sys/vms/${vms[$1]}/policy

	if [ "$2" = - ]; then
		echo 0 >"$policy/managed" || die "managed=0: not taken"
	else
		echo 1 >"$policy/managed" || die "managed=1: not taken"
		echo "$2" >"$policy/cosched" || die "cosched=$2: not taken"
	fi
}

# Nobody else may have changed it meanwhile.
model_policy_check()
{
	local policy=$sys/vms/${vms[$1]}/policy managed cosched

	read -r managed <"$policy/managed"
	read -r cosched <"$policy/cosched"
	[ "$2" = - ] && [ "$managed" = 0 ] && return
	[ "$managed $cosched" = "1 $2" ] ||
		die "${vm_names[$1]} was to have cosched=$2, has $cosched (managed $managed)"
}

# model_read VM RUNTIME WALL, in ns
model_read()
{
	local row='' millis count ran

	for _ in {1..40}; do
		{ read -r row && read -r row; } <"$tmp/${vm_names[$1]}.tsv" && break
		nap 0.1
	done
	[ -n "$row" ] || die "${vm_names[$1]} reports nothing: $(cat "$tmp/${vm_names[$1]}.err")"
	read -r _ _ _ _ millis count <<<"$row"
	rate[$1]=$(awk -v c="$count" -v m="$millis" 'BEGIN { printf "%.2f", c * 1000 / m }')
	used[$1]=$(awk -v r="$2" -v w="$3" 'BEGIN { printf "%.2f", 100 * r / w }')
	ran=$((${stat[end,$1,run_us]} - ${stat[begin,$1,run_us]}))
	corun[$1]=$(awk -v c="$((${stat[end,$1,corun_us]} - ${stat[begin,$1,corun_us]}))" \
		-v r="$ran" 'BEGIN { printf "%.1f", r ? 100 * c / r : 0 }')
}
rate=() used=() corun=()

# model_note NAME SCHED LONE SPEC: simulates the case, and appends a row for each
# VM: case, VM, payload, vCPUs; work here and there, in shares of a VM alone
# (or % of a pCPU for those who only compute); co-run here and there
model_note()
{
	local name=$1 sched=$2 lone=$3 vms_spec i payload vcpus cosched weight cap
	local there ini=$tmp/$1.ini alone=$tmp/alone.ini work ple

	read -r -a vms_spec <<<"$4"
	work=$(awk -v r="$lone" 'BEGIN { printf "%d", 1000000 / r }')
	ple=nople
	[ "$(host_ple)" = no ] || ple=ple
	[ "$ple" = nople ] || [ "$sched" != eevdf ] || sched=eevdf-ple
	model_ini lone "$ple" "$work" "barrier:$nr_pcpus:gang:100:0" >"$alone"
	model_ini "$name" "$ple" "$work" "${vms_spec[@]}" >"$ini"
	"$sim" run "$alone" --sched class --tsv "$tmp/alone.tsv" >/dev/null ||
		die "$name: the simulator refuses a VM alone"
	"$sim" run "$ini" --sched "$sched" --tsv "$tmp/sim.tsv" ${traces:+--trace "$tmp/trace"} \
		>/dev/null || die "$name: the simulator refuses it"
	[ -z "$traces" ] || model_note_trace "$name"
	for i in "${!vms_spec[@]}"; do
		IFS=: read -r payload vcpus cosched weight cap <<<"${vms_spec[i]}"
		there=$(awk -F '\t' -v n="vm$i" -v payload="$payload" '
			FNR == 1 { for (k = 1; k <= NF; k++) c[$k] = k; next }
			FILENAME ~ /alone/ { lone = $c["units_per_s"]; next }
			$c["vm"] == n {
				run = $c["run_us"]
				all = run + $c["ready_us"] + $c["costop_us"] + $c["wait_us"]
				work = run * $c["vcpus"] / all
				if (payload == "barrier")
					work = $c["units_per_s"] / lone
				printf "%.4f\t%.1f", work, 100 * $c["corun_us"] / (run + !run)
			}' "$tmp/alone.tsv" "$tmp/sim.tsv")
		printf '%s\t%s\t%s\t%s\t%s\t%s\t%s\n' "$name" "$i" "$payload" "$(awk \
			-v p="$payload" -v r="${rate[i]}" -v l="$lone" -v u="${used[i]}" \
			'BEGIN { printf "%.4f", p == "barrier" ? r / l : u / 100 }')" \
			"$there" "${corun[i]}" "$lost"
	done >>"$tmp/model.tsv"
}

# model_note_trace NAME: appends a row for each VM: case, VM; the columns of
# trace.awk, here; the same there
model_note_trace()
{
	trace_read "$tmp/trace" 1000 9000 '' >"$tmp/trace.there" ||
		die "$1: the simulator's trace can not be read"
	paste "$tmp/trace.here" <(cut -f 2- "$tmp/trace.there") | sed "s/^/$1\t/" \
		>>"$tmp/traces.tsv"
}

# model_ini NAME ple|nople WORK-US VM...
model_ini()
{
	local i payload vcpus cosched weight cap work=$3

	printf '[scenario]\nshows = %s as in the lab\nmilliseconds = 9000\nwarmup_ms = 1000\n' "$1"
	# the lab's host as the simulator's own scenarios have it
	sed -n '/^\[host\]/,/^\[vm/{/^\[vm/!p}' "$here/sim/scenarios/lab-$2.ini"
	printf '[host]\npcpus = %s\n' "$nr_pcpus"
	shift 3
	for ((i = 0; i < $#; i++)); do
		IFS=: read -r payload vcpus cosched weight cap <<<"${*:i+1:1}"
		printf '[vm vm%s]\nvcpus = %s\nweight = %s\ncosched = %s\n' "$i" "$vcpus" \
			"$weight" "${cosched/-/off}"
		printf 'model = %s\n' "$payload"
		[ "$payload" != barrier ] || printf 'work_us = %s\nkernel_percent = 100\njitter_percent = 2\n' "$work"
		[ "$cap" -eq 0 ] || printf 'cap_quota_us = %s\n' $((cap * 1000))
	done
}

# Means of the rounds; VMs that are alike within a case are one row.
model_judge()
{
	local name vm payload here there off corun_here corun_there lost

	awk -F '\t' '{ k = $1 "\t" ($1 ~ /weights/ || $1 == "narrow-wide" ? $2 : "each") "\t" $3 }
		!(k in n) { order[++m] = k }
		{ n[k]++; here[k] += $4; there[k] += $5; a[k] += $7; b[k] += $6
			lost[k] = $8 == "-" || lost[k] > $8 ? lost[k] : $8 }
		END { for (i = 1; i <= m; i++) {
			k = order[i]; h = here[k] / n[k]; t = there[k] / n[k]
			d = h ? 100 * (t / h - 1) : 100
			printf "%s\t%.3f\t%.3f\t%.1f\t%.0f\t%.0f\t%d\n", k, h, t, d < 0 ? -d : d,
				a[k] / n[k], b[k] / n[k], lost[k]
		} }' "$tmp/model.tsv" >"$tmp/judged.tsv"
	while IFS=$'\t' read -r name vm payload here there off corun_here corun_there \
		lost; do
		verdict "$name, $payload, VM $vm: work $here here, $there simulated (co-run \
$corun_here, $corun_there %; others had $lost % of the machine); % apart" "$off" '<=' 10
	done <"$tmp/judged.tsv"
}

# What the traces say, in the mean over VMs that are alike and rounds.
model_traces()
{
	awk -F '\t' -v columns="${trace_columns[*]}" '
		BEGIN { n = split(columns, column, " ") }
		{ k = $1 "\t" ($1 ~ /weights|narrow|mixed|cap/ ? $2 : "each") }
		!(k in rows) { order[++m] = k }
		{ rows[k]++; for (i = 1; i <= 2 * n; i++) sum[k, i] += $(i + 2) }
		END {
			print "case\tVM\twhat\there\tsimulated\t% apart"
			for (j = 1; j <= m; j++)
				for (i = 1; i <= n; i++) {
					k = order[j]
					h = sum[k, i] / rows[k]
					t = sum[k, i + n] / rows[k]
					printf "%s\t%s\t%.2f\t%.2f\t%s\n", k, column[i], h, t,
						h ? sprintf("%+.0f", 100 * (t / h - 1)) : "-"
				}
		}' "$tmp/traces.tsv" | tsv_tee
}
