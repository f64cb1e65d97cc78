# SPDX-License-Identifier: GPL-2.0-only
#
# What each scheduler makes of the host over all figures: reads summaries
# (summary.awk), each with figure=NAME host=KIND before it, and prints
#
#	host scheduler figures total error FIGURE...
#
# FIGURE	geometric mean of its cases' and workloads' work against the default scheduler
# total	geometric mean over the figures, each counted once; "-" for who has not been
#	measured in all of them
# error	what the rounds' spread leaves in doubt of it, in per cent: from work_error of each

BEGIN { FS = OFS = "\t" }

FNR == 1 {
	for (i = 1; i <= NF; i++)
		at[$i] = i
	if (!(figure in figure_known)) {
		figure_known[figure] = 1
		figures[++nr_figures] = figure
	}
	if (!(host in host_known)) {
		host_known[host] = 1
		hosts[++nr_hosts] = host
	}
	next
}

{
	s = $at["scheduler"]
	if (!(s in known)) {
		known[s] = 1
		schedulers[++nr_schedulers] = s
	}
	cells[host, s]++
	if ($at["work"] == "-" || $at["work"] <= 0)
		next
	logs[host, figure, s] += log($at["work"])
	nr[host, figure, s]++
	if ($at["work_error"] == "-")
		unknown[host, s] = 1
	else
		squares[host, figure, s] += ($at["work_error"] / 100) ^ 2
}

function row(host, s,    f, sum, count, of, line, mean, doubt)
{
	for (f = 1; f <= nr_figures; f++) {
		if (nr[host, figures[f], "default"])
			of++
		if (nr[host, figures[f], s] && nr[host, figures[f], s] == nr[host, figures[f], "default"]) {
			mean = logs[host, figures[f], s] / nr[host, figures[f], s]
			sum += mean
			doubt += squares[host, figures[f], s] / nr[host, figures[f], s] ^ 2
			count++
			line = line OFS sprintf("%.3f", exp(mean))
		} else {
			line = line OFS "-"
		}
	}
	if (!of || count != of)
		print host, s, count + 0, "-", "-" line
	else
		print host, s, count, sprintf("%.3f", exp(sum / count)),
			(unknown[host, s] ? "-" : sprintf("%.1f", 100 * sqrt(doubt) / count)) line
}

END {
	line = "host" OFS "scheduler" OFS "figures" OFS "total" OFS "error"
	for (f = 1; f <= nr_figures; f++)
		line = line OFS figures[f]
	print line
	for (h = 1; h <= nr_hosts; h++)
		for (i = 1; i <= nr_schedulers; i++)
			if (cells[hosts[h], schedulers[i]])
				row(hosts[h], schedulers[i])
}
