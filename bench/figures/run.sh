# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC1091,SC2034,SC2154 # one script in several files
#
# The figures: the paper's, on real guests, and those it left for later. A
# figure is a file (README.md); here is how its cases are measured, each under
# every scheduler, in rounds and rotated order. What a phase measured is written
# at once, so that a run that is broken off keeps it and --resume goes on.

. "$here/workloads/presets.sh"
. "$here/figures/schedulers.sh"
. "$here/figures/guests.sh"
. "$here/figures/report.sh"

declare -gA group_count=() group_vcpus=() group_mem=() group_pv=() group_net=()
raw_header=$(printf '%s\t' round case workload scheduler vm threads seconds units rate p50 p90 p99 max \
	preemptions preemptions_in_kernel run_us ready_us costop_us wait_us corun_us spin_exits)lost

usage_figures()
{
	local name

	for name in "${figure_names[@]}"; do
		printf '%-9s%s\n' "$name" "$(sed -n 's/^title = //p' "$figure_dir/$name.ini")"
	done
	cat <<'END'
all      each of these figures, and one report of all of them
         --schedulers LIST  of default (with PLE on a host that has it; there also
                   default-ple) and those in `vmgang preset list`; default all
         --peer 'COMMAND'  another scheduler, which this command puts in charge
                   of the host until it is killed; may be given again
         --rounds N  --seconds S  instead of the figure's own
         --warm S (1)      that the VMs work before, uncounted: by then a scheduler
                   has learnt what it learns of them
         --lost N (10)     measure anew, once, where others had more than N % of
                   the machine below this host
         --out DIR (build/bench/figures)  where TSV, SVG, PNG and report.html go
         --resume  go on with what DIR has: measure only what is missing there
report   --out DIR: sum up, draw and describe again what DIR has; needs no host
END
}

figures_options()
{
	while [ $# -gt 0 ]; do
		case $1 in
		--schedulers|--peer|--rounds|--seconds|--warm|--lost|--out)
			[ $# -ge 2 ] || bad_usage "$1 needs a value"
			;;
		esac
		case $1 in
		--schedulers) list=$2; [ -n "$2" ] || bad_usage "--schedulers: names no scheduler" ;;
		--peer) peer_add "$2" ;;
		--rounds) option_number "$1" "$2" 1 1000; rounds=$2 ;;
		--seconds) option_number "$1" "$2" 1 3600; seconds=$2 ;;
		--warm) option_number "$1" "$2" 0 3600; warm=$2 ;;
		--lost) option_number "$1" "$2" 0 100; limit=$2 ;;
		--out) out=$2 ;;
		--resume) resume=1; shift; continue ;;
		--tsv) bad_usage "--tsv: figures write several files: use --out DIR" ;;
		*)
			common_option "$@"
			shift "$taken"
			continue
			;;
		esac
		shift 2
	done
}

# figure_read NAME: its file into groups, cases, runs and the rest, for this host
figure_read()
{
	local kind a b c d e f quick_cases=()

	records=$tmp/$1.records
	awk -v P="$nr_pcpus" -f "$here/figures/read.awk" "$figure_dir/$1.ini" >"$records" ||
		die "the figure $1 can not be read"
	figure=$1 groups=() cases=() runs=()
	while IFS=$'\t' read -r kind a b c d e f; do
		case $kind.$a in
		figure.rounds) figure_rounds=$b ;;
		figure.seconds) figure_seconds=$b ;;
		guests.*)
			groups+=("$a")
			group_count[$a]=$b group_vcpus[$a]=$c group_mem[$a]=$d
			group_pv[$a]=$e group_net[$a]=$f
			;;
		case.*)
			cases+=("$a")
			[ "$d" != yes ] || quick_cases+=("$a")
			;;
		run.*) runs+=("$a"$'\t'"$b"$'\t'"$c"$'\t'"$d"$'\t'"$e"$'\t'"$f") ;;
		esac
	done <"$records"
	if [ -n "$quick" ]; then
		figure_rounds=2 figure_seconds=2
		[ ${#quick_cases[@]} -eq 0 ] || cases=("${quick_cases[@]}")
	fi
	figure_rounds=${rounds:-$figure_rounds}
	figure_seconds=${seconds:-$figure_seconds}
	figure_groups
}

# Only guests that a case uses are started.
figure_groups()
{
	local group name record used=()

	for group in "${groups[@]}"; do
		for record in "${runs[@]}"; do
			for name in "${cases[@]}"; do
				[[ $record != "$name"$'\t'"$group"$'\t'* ]] || { used+=("$group"); break 2; }
			done
		done
	done
	groups=("${used[@]}")
}

# What must be the same for figures to be compared.
figure_settings()
{
	cat <<END
# figure: $figure
# definition: $(records_sum "$records")
# host: $host_kind
# kernel: $(uname -r)
# pcpus: $nr_pcpus
# seconds: $figure_seconds
# warm: $warm
END
}

# What else a reader wants to know.
figure_machine()
{
	host_describe | sed 's/^host/# machine/'
	cat <<END
# memory: $(awk '$1 == "MemTotal:" { print int($2 / 1024) }' /proc/meminfo) MiB
# virtual: $(systemd-detect-virt 2>/dev/null || echo unknown)
# vmgang: $("$vmgang" --version 2>/dev/null | head -n 1)
# qemu: $(qemu-system-x86_64 --version 2>/dev/null | head -n 1)
# image: $("$bench_vm" image 2>/dev/null | tail -n 1 | sed 's/.*\///')
# date: $(date -u +%Y-%m-%dT%H:%M:%SZ)
END
}

# figure_open: the file of raw rows, new, or that of a run to go on with
figure_open()
{
	local line

	raw=$out/$figure-$host_kind.raw.tsv
	if [ -n "$resume" ] && [ -s "$raw" ]; then
		while IFS= read -r line; do
			grep -qxF "$line" "$raw" || die "$raw was measured otherwise: it lacks" \
				"'$line'; without --resume it is measured anew"
		done < <(figure_settings)
		return
	fi
	{ figure_settings && figure_machine && printf '%s\n' "$raw_header"; } >"$raw" ||
		die "$raw can not be written"
}

# phase_has ROUND CASE SCHEDULER: has it been measured before?
phase_has()
{
	awk -F '\t' -v r="$1" -v c="$2" -v s="$3" '$1 == r && $2 == c && $4 == s { found = 1; exit }
		END { exit !found }' "$raw"
}

# The same work, not counted: what a scheduler learns of VMs it knows of those that
# run for long.
phase_warm()
{
	[ "$warm" = 0 ] || "$bench_vm" run "$guest_dir" "$warm" "${specs[@]}" \
		>/dev/null 2>"$tmp/run.err"
}

# phase_measure ROUND CASE SCHEDULER: into `rows`; false, and it is noted why, if
# the scheduler is not to be had
phase_measure()
{
	local reason='' status=0

	rows=()
	if ! scheduler_begin "$3"; then
		refused[$3 on $figure]=$reason
		return 1
	fi
	phase_warm || status=$?
	outer_before
	vms_stats begin
	[ "$status" -ne 0 ] || "$bench_vm" run "$guest_dir" "$figure_seconds" "${specs[@]}" \
		>"$tmp/run.tsv" 2>"$tmp/run.err" || status=$?
	vms_stats end
	outer_since
	if ! scheduler_end "$3"; then
		refused[$3 on $figure]=$reason
		return 1
	fi
	ended
	if [ "$status" -ne 0 ]; then
		phase_trouble "$figure, $2, $3: $(tail -n 1 "$tmp/run.err")"
		return 1
	fi
	phase_rows "$@"
}

# A phase that fails is told at the end, and after a few nothing more is tried.
phase_trouble()
{
	troubles+=("$1")
	[ ${#troubles[@]} -lt 5 ] || die "too much goes wrong, at last: $1"
}

phase_rows()
{
	local i name line stat_name row

	for i in "${!vms[@]}"; do
		name=${vm_names[i]}
		line=$(awk -F '\t' -v OFS='\t' -v n="$name" '$1 == n && NF == 10 {
			print $4, $5, $6, $7, $8, $9, $10
			exit
		}' "$tmp/run.tsv")
		[ -n "$line" ] || die "$figure, $2, $3: no figures of $name: $(tail -n 1 "$tmp/run.err")"
		row=$1$'\t'$2$'\t'${vm_column[$name]%$'\t'*}$'\t'$3$'\t'$name
		row+=$'\t'${vm_column[$name]#*$'\t'}$'\t'$line
		for stat_name in "${stat_names[@]}"; do
			row+=$'\t'$((${stat[end,$i,$stat_name]} - ${stat[begin,$i,$stat_name]}))
		done
		rows+=("$row"$'\t'"$lost")
	done
}

# The phases to come, over all figures, take as long as those that were measured.
figure_progress()
{
	local nr=$((phases_done + phases_kept)) left=''

	[ "$phases_done" -eq 0 ] || left=$(((phases_all - nr) * (SECONDS - phases_began) / phases_done))
	progress "$((nr + 1)) of $phases_all${left:+, $((left / 60 + 1)) min left}:" \
		"$figure, round $1, $2, $3"
}

# figure_phase ROUND CASE SCHEDULER
figure_phase()
{
	local rows=() lost=-

	if [ -n "${refused[$3 on $figure]:-}" ] || phase_has "$@"; then
		phases_kept=$((phases_kept + 1))
		return
	fi
	ended
	figure_progress "$@"
	guests_choose "$2"
	if phase_measure "$@" && [ "$lost" != - ] && [ "$lost" -gt "$limit" ]; then
		phase_measure "$@"
	fi
	if [ ${#rows[@]} -gt 0 ]; then
		printf '%s\n' "${rows[@]}" >>"$raw" || die "$raw can not be written"
	fi
	phases_done=$((phases_done + 1))
}

# The rotation moves every case and every scheduler through every place.
figure_rounds()
{
	local round c i name

	for ((round = 1; round <= figure_rounds; round++)); do
		for c in "${!cases[@]}"; do
			name=${cases[(c + round - 1) % ${#cases[@]}]}
			for i in "${!schedulers[@]}"; do
				figure_phase "$round" "$name" \
					"${schedulers[(i + round - 1) % ${#schedulers[@]}]}"
			done
		done
	done
	progress_end
}

# Nothing is missing: no guest need be started.
figure_complete()
{
	local round name scheduler nr=0

	for ((round = 1; round <= figure_rounds; round++)); do
		for name in "${cases[@]}"; do
			for scheduler in "${schedulers[@]}"; do
				phase_has "$round" "$name" "$scheduler" || return 1
				nr=$((nr + 1))
			done
		done
	done
	phases_kept=$((phases_kept + nr))
}

# figure_measure NAME: false when its guests do not start
figure_measure()
{
	local group text=''

	figure_read "$1"
	figure_open
	for group in "${groups[@]}"; do
		text+=", ${group_count[$group]} x ${group_vcpus[$group]} vCPUs"
	done
	echo "$figure: ${text#, }; ${#cases[@]} cases, ${#schedulers[@]} schedulers," \
		"$figure_rounds rounds of $figure_seconds s"
	if figure_complete; then
		return
	fi
	if ! guests_start; then
		guests_stop
		return 1
	fi
	phases_began=$((SECONDS - phases_took))
	figure_rounds
	phases_took=$((SECONDS - phases_began))
	guests_stop
}

# A signal ends the run between two phases: bash does not survive an exit from
# anywhere.
ended()
{
	[ -z "$signal" ] || { progress_end; exit 130; }
}
signal=

figures_end()
{
	peer_stop
	guests_stop
}

# bench_figures NAME|all OPTION...
bench_figures()
{
	local list='' rounds='' seconds='' warm=1 limit=10 out='' resume='' host_kind=no-ple
	local figure records raw figure_rounds figure_seconds groups cases runs schedulers
	local phases_all=0 phases_done=0 phases_kept=0 phases_took=0 phases_began=0
	trap 'signal=1' INT TERM
	local chosen=("$1") troubles=() name key vmgang=${VMGANG:-}

	[ "$1" != all ] || chosen=("${figure_names[@]}")
	shift
	[ "$(host_ple)" = no ] || host_kind=ple
	[ -n "$vmgang" ] || vmgang=$(command -v vmgang) || vmgang=$here/../userspace/build/vmgang
	[ -x "$vmgang" ] || die "there is no vmgang to set presets with"
	figures_options "$@"
	schedulers_choose "$list"
	guests_require
	out_make "$out"
	stat_names=(preemptions preemptions_in_kernel run_us ready_us costop_us wait_us corun_us
		spin_exits)
	chmod 755 "$tmp"
	for name in "${chosen[@]}"; do
		figure_read "$name"
		phases_all=$((phases_all + figure_rounds * ${#cases[@]} * ${#schedulers[@]}))
	done
	class_up
	host_describe
	"$bench_vm" image >/dev/null || die "the guests' image can not be made"
	for name in "${chosen[@]}"; do
		figure_measure "$name" || troubles+=("$name: its guests do not start")
	done
	for key in "${!refused[@]}"; do
		echo "$key was refused: ${refused[$key]}"
	done | sort
	for key in "${troubles[@]}"; do
		echo "bench/run: not measured: $key" >&2
	done
	report_make "$out"
	[ ${#troubles[@]} -eq 0 ] || exit 1
}
