# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC1091,SC2034,SC2154 # one script in several files
#
# What a directory of raw rows comes to: a summary, a plot and the verdicts on
# the targets for each figure and kind of host, the totals, and one page that
# shows all of it and needs no other file.

. "$here/figures/page.sh"

figure_dir=${VMGANG_FIGURES:-$here/figures}

# out_make DIR: where figures go, into `out`
out_make()
{
	out=${1:-$here/../build/bench/figures}
	mkdir -p "$out" || die "$out can not be made"
	out=$(cd "$out" && pwd)
}

# raw_says FILE KEY: of the comments at its top
raw_says() { sed -n "s/^# $2: //p;/^round/q" "$1"; }

# records_sum RECORDS: of what makes figures comparable: guests and their work
records_sum() { grep -E '^(guests|case|run)' "$1" | cksum | cut -d ' ' -f 1; }

# report_records RAW FIGURE: the figure's file as that host reads it
report_records()
{
	awk -v P="$(raw_says "$1" pcpus)" -f "$here/figures/read.awk" "$figure_dir/$2.ini" \
		>"$tmp/$2.records" || die "the figure $2 can not be read"
	[ "$(raw_says "$1" definition)" = "$(records_sum "$tmp/$2.records")" ] ||
		echo "bench/run: $1: the figure's file has changed since it was measured" >&2
}

# report_plot FIGURE HOST DIR: unless it is drawn, which takes its time in a lab
report_plot()
{
	command -v "${GNUPLOT:-gnuplot}" >/dev/null || return 0
	[ ! "$3/$1-$2.svg" -nt "$3/$1-$2.raw.tsv" ] || [ ! "$3/$1-$2.png" -nt "$3/$1-$2.raw.tsv" ] ||
		[ ! "$3/$1-$2.png" -nt "$here/figures/plot.awk" ] || return 0
	rm -f "$3/$1-$2".svg "$3/$1-$2".png
	awk -v base="$3/$1-$2" -v host="$2" -f "$here/figures/plot.awk" "$tmp/$1.records" \
		"$3/$1-$2.tsv" >"$tmp/plot.gp" && "${GNUPLOT:-gnuplot}" "$tmp/plot.gp" 2>"$tmp/plot.err" ||
		echo "bench/run: $1-$2 can not be drawn: $(grep -v '^ *$' "$tmp/plot.err" | tail -n 1)" >&2
}

# report_make DIR
report_make()
{
	local dir=$1 raw figure host totals=() shown=()

	printf 'figure\thost\tscheduler\tmetric\tcase\tworkload\tvalue\trelation\tbound\tverdict\n' \
		>"$dir/targets.tsv" || die "$dir/targets.tsv can not be written"
	command -v "${GNUPLOT:-gnuplot}" >/dev/null || echo "bench/run: there is no gnuplot: figures are not drawn"
	for figure in "${figure_names[@]}"; do
		for host in no-ple ple; do
			raw=$dir/$figure-$host.raw.tsv
			[ -s "$raw" ] || continue
			report_records "$raw" "$figure"
			awk -f "$median" -f "$here/figures/summary.awk" "$tmp/$figure.records" "$raw" \
				>"$dir/$figure-$host.tsv" || die "$raw can not be summed up"
			[ "$(wc -l <"$dir/$figure-$host.tsv")" -gt 1 ] || continue
			awk -v figure="$figure" -v host="$host" -f "$here/figures/targets.awk" \
				"$tmp/$figure.records" "$dir/$figure-$host.tsv" >>"$dir/targets.tsv"
			report_plot "$figure" "$host" "$dir"
			totals+=("figure=$figure" "host=$host" "$dir/$figure-$host.tsv")
			shown+=("$figure-$host")
		done
	done
	[ ${#shown[@]} -gt 0 ] || die "$dir has no figures"
	awk -f "$here/figures/totals.awk" "${totals[@]}" >"$dir/totals.tsv" ||
		die "the totals can not be made"
	report_total >>"$dir/targets.tsv"
	page_make "$dir" "${shown[@]}" >"$dir/report.html" || die "$dir/report.html can not be written"
	awk -F '\t' 'NR > 1 {
		printf "%s %s: %s %s, %s, %s: %s (%s %s) %s\n", $1, $2, $3, $4, $5, $6, $7, $8, $9, $10
	}' "$dir/targets.tsv"
	misses=$(grep -c 'missed$' "$dir/targets.tsv")
	echo "report: $dir/report.html"
}

# The target that no figure has: adaptive ahead of all others over all of them
report_total()
{
	awk -F '\t' -v OFS='\t' '
		NR == 1 || $4 == "-" { next }
		!($1 in seen) { seen[$1] = 1; hosts[++nr] = $1 }
		$2 == "adaptive" { adaptive[$1] = $4; next }
		$2 !~ /^peer:/ && $4 + 0 > best[$1] + 0 { best[$1] = $4; who[$1] = $2 }
		END {
			for (i = 1; i <= nr; i++) {
				h = hosts[i]
				v = (h in adaptive) ? adaptive[h] : "-"
				b = (h in best) ? best[h] : "-"
				verdict = v == "-" || b == "-" ? "not measured" : \
					v + 0 >= b + 0 ? "met" : "missed"
				print "all", h, "adaptive", "work", "total", "best other: " who[h], v, ">=", b, verdict
			}
		}' "$dir/totals.tsv"
}

# bench_report OPTION...
bench_report()
{
	local out='' dir=''

	while [ $# -gt 0 ]; do
		case $1 in
		--out) [ -n "${2:-}" ] || bad_usage "--out needs a directory"; dir=$2; shift 2 ;;
		--assert) assert=1; shift ;;
		*) bad_usage "unknown option '$1'; report takes --out DIR" ;;
		esac
	done
	[ -z "$dir" ] || [ -d "$dir" ] || die "$dir: no such directory"
	out_make "$dir"
	report_make "$out"
}
