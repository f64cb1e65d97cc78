# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2034,SC2154 # one script in several files
#
# The report as one page of HTML that needs no other file: style and drawings
# are inside. Each number is the text of its TSV file.

page_make()
{
	local dir=$1 name

	shift
	page_head
	page_hosts "$dir" "$@"
	page_targets "$dir"
	page_totals "$dir"
	for name; do
		page_figure "$dir" "${name%%-*}" "${name#*-}"
	done
	echo '</body></html>'
}

page_text() { sed 's/&/\&amp;/g; s/</\&lt;/g; s/>/\&gt;/g'; }

page_head()
{
	cat <<'END'
<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>vmgang: the figures</title>
<style>
body { font: 16px/1.45 sans-serif; max-width: 72em; margin: 2em auto; padding: 0 1em; color: #222; }
table { border-collapse: collapse; margin: 1em 0; font-size: 14px; }
th, td { border: 1px solid #ccc; padding: .25em .6em; text-align: left; vertical-align: top; }
th { background: #f0f0f0; }
td.n { text-align: right; white-space: nowrap; font-variant-numeric: tabular-nums; }
td small { color: #777; }
tr.met td:last-child { background: #d9f0d3; }
tr.missed td:last-child { background: #fddbc7; }
svg { max-width: 100%; height: auto; }
dt { font-weight: bold; } dd { margin: 0 0 .5em 1.5em; }
</style></head><body>
<h1>vmgang: the paper's evaluation on real guests</h1>
<p>Southern, <i>Analysis of SMP VM CPU Scheduling</i>, measured ESX and Xen with SMP guests and left
spinlocks and I/O for later. Here its figures are measured anew, with vmgang's presets in the place
of those systems, and those it left for later beside them. Guests are Linux guests under libvirt;
their numbers and sizes follow the host's pCPUs. Within each round every scheduler has its turn, in
rotated order; a figure is the median of the rounds, and what stands beside it in small print is the
least and the most.</p>
END
}

page_hosts()
{
	local dir=$1 name key raw
	local -A seen=()

	shift
	echo '<h2>The hosts</h2><table>'
	for name; do
		[ -z "${seen[${name#*-}]:-}" ] || continue
		seen[${name#*-}]=1
		raw=$dir/$name.raw.tsv
		printf '<tr><th colspan="2">%s</th></tr>\n' "${name#*-}"
		for key in machine kernel pcpus memory virtual vmgang qemu image date; do
			printf '<tr><td>%s</td><td>%s</td></tr>\n' "$key" "$(raw_says "$raw" "$key" | page_text)"
		done
	done
	echo '</table>'
	[ -n "${seen[ple]:-}" ] || echo '<p>A host with PLE was not measured.</p>'
	[ -n "${seen[no-ple]:-}" ] || echo '<p>A host without PLE was not measured.</p>'
	echo '<p>On the host with PLE (vCPUs that spin leave the guest) the default scheduler is the
default scheduler with PLE.</p>'
}

# page_table FILE: a TSV file as it is, rows of class met or missed as such
page_table()
{
	page_text <"$1" | awk -F '\t' '
		BEGIN { print "<table>" }
		{
			line = ""
			for (i = 1; i <= NF; i++)
				line = line (NR == 1 ? "<th>" $i "</th>" : \
					$i ~ /^-?[0-9.]+$|^-$/ ? "<td class=\"n\">" $i "</td>" : "<td>" $i "</td>")
			print "<tr" ($NF ~ /^(met|missed)$/ ? " class=\"" $NF "\"" : "") ">" line "</tr>"
		}
		END { print "</table>" }'
}

page_targets()
{
	cat <<'END'
<h2>Targets</h2>
<p>percent: time for the same work in per cent of the figure's first case; work: work done against
the default scheduler on the same host; p99: 99th percentile of latency against it. What is held
against the default scheduler with PLE is so on the host of kind ple only.</p>
END
	page_table "$1/targets.tsv"
}

page_totals()
{
	cat <<'END'
<h2>Over all figures</h2>
<p>Work against the default scheduler: geometric mean of each figure's cases, and of the figures.
A scheduler that was not measured in all of them has no total. error: how far, in per cent, the rounds' spread
leaves the total in doubt (one standard error); two totals that are nearer to each other are the same.</p>
END
	page_table "$1/totals.tsv"
}

# page_figure DIR FIGURE HOST
page_figure()
{
	local raw=$1/$2-$3.raw.tsv records=$tmp/$2.records pcpus

	pcpus=$(raw_says "$raw" pcpus)
	report_records "$raw" "$2" 2>/dev/null
	page_text <"$records" | awk -F '\t' -v name="$2" -v host="$3" -v pcpus="$pcpus" \
		-v seconds="$(raw_says "$raw" seconds)" '
		$1 == "figure" { figure[$2] = $3 }
		$1 == "guests" {
			guests[$2] = $3 " x " $4 " vCPUs, " $5 " MiB, PV spinlocks " $6 ($7 == "yes" ? ", network" : "")
		}
		$1 == "run" {
			list = list "<li>" $2 ": " guests[$3] ", each with " $4 ", " $5 \
				($5 == 1 ? " thread" : " threads") ($6 == "-" ? "" : ", " $6) \
				($7 == 100 ? "" : ", weight " $7) "</li>\n"
		}
		END {
			print "<h2 id=\"" name "-" host "\">" name ", host " host ": " figure["title"] "</h2><dl>"
			print "<dt>Question</dt><dd>" figure["question"] "</dd>"
			if (figure["says"] != "")
				print "<dt>The paper</dt><dd>" figure["says"] "</dd>"
			print "<dt>Guests</dt><dd><ul>" list "</ul>" pcpus " pCPUs; " seconds " s each time</dd>"
			if (pcpus < 4 && figure["narrow"] != "")
				print "<dt>This host is narrow</dt><dd>" figure["narrow"] "</dd>"
			print "</dl>"
		}'
	[ ! -s "$1/$2-$3.svg" ] || sed '1,/<svg/{/<svg/!d}' "$1/$2-$3.svg"
	awk -F '\t' 'NR == 1 { for (i = 1; i <= NF; i++) at[$i] = i; next }
		$at["lost"] != "-" && $at["lost"] > lost { lost = $at["lost"] }
		END {
			if (lost > 10)
				print "<p><b>Others had up to " lost " % of the machine below this host: these figures " \
					"are not to be relied on.</b></p>"
		}' "$1/$2-$3.tsv"
	page_outcome "$records" "$1/$2-$3.tsv"
	page_rows "$1/$2-$3.tsv"
	awk -F '\t' -v f="$2" -v h="$3" 'NR == 1 || ($1 == f && $2 == h)' "$1/targets.tsv" >"$tmp/these.tsv"
	[ "$(wc -l <"$tmp/these.tsv")" -lt 2 ] || page_table "$tmp/these.tsv"
}

# What is drawn, in a line for each case and workload: default, adaptive, the
# best and the worst, and the paper's.
page_outcome()
{
	echo '<ul>'
	awk -F '\t' '
		FNR == 1 { file++ }
		file == 1 && $1 == "figure" { figure[$2] = $3 }
		file == 1 && $1 == "paper" { paper[$3, $4] = paper[$3, $4] "; the paper, " $2 ": " $5 " %" }
		file == 1 { next }
		FNR == 1 {
			for (i = 1; i <= NF; i++)
				at[$i] = i
			metric = figure["shows"]
			sub(/ .*/, "", metric)
			sub(/^p99$/, "p99_ratio", metric)
			low = metric != "work"
			next
		}
		$at[metric] == "-" { next }
		{
			cell = $at["case"] SUBSEP $at["workload"]
			if (!(cell in name)) {
				name[cell] = $at["case"] ", " $at["workload"]
				cells[++nr] = cell
			}
			v = $at[metric]
			s = $at["scheduler"]
			if (s == "default" || s == "adaptive")
				of[cell] = of[cell] ", " s " " v
			if (!(cell in best) || (low ? v + 0 < best[cell] + 0 : v + 0 > best[cell] + 0)) {
				best[cell] = v
				best_name[cell] = s
			}
			if (!(cell in worst) || (low ? v + 0 > worst[cell] + 0 : v + 0 < worst[cell] + 0)) {
				worst[cell] = v
				worst_name[cell] = s
			}
		}
		END {
			for (i = 1; i <= nr; i++)
				print name[cells[i]] " (" metric "): " substr(of[cells[i]], 3) "; best " \
					best_name[cells[i]] " " best[cells[i]] ", worst " worst_name[cells[i]] " " \
					worst[cells[i]] paper[cells[i]]
		}' "$1" "$2" | page_text | sed 's/.*/<li>&<\/li>/'
	echo '</ul>'
}

# A summary, the span beside each figure, without the columns that nobody has.
page_rows()
{
	page_text <"$1" | awk -F '\t' '
		NR == 1 {
			for (i = 1; i <= NF; i++)
				head[i] = $i
			nr = NF
			next
		}
		{
			rows++
			for (i = 1; i <= nr; i++) {
				cell[rows, i] = $i
				used[i] = used[i] || $i != "-"
			}
		}
		function cell_of(r, i,    text)
		{
			text = cell[r, i]
			if (head[i + 1] == head[i] "_min" && text != "-")
				text = text " <small>" cell[r, i + 1] " to " cell[r, i + 2] "</small>"
			return "<td" (text ~ /^[0-9-]/ && i > 2 ? " class=\"n\"" : "") ">" text "</td>"
		}
		END {
			print "<table>"
			for (r = 0; r <= rows; r++) {
				line = ""
				for (i = 1; i <= nr; i++)
					if (used[i] && head[i] !~ /_(min|max)$/)
						line = line (r ? cell_of(r, i) : "<th>" head[i] "</th>")
				print "<tr>" line "</tr>"
			}
			print "</table>"
		}'
}
