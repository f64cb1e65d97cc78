# SPDX-License-Identifier: GPL-2.0-only
#
# What each scheduler makes of the host over all figures: reads summaries
# (summary.awk), each with figure=NAME host=KIND before it, and prints
#
#	host scheduler figures total FIGURE...
#
# FIGURE	geometric mean of its cases' and workloads' work against the default scheduler
# total	geometric mean over the figures, each counted once; "-" for who has not been
#	measured in all of them

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
}

function row(host, s,    f, sum, count, of, line, mean)
{
	for (f = 1; f <= nr_figures; f++) {
		if (nr[host, figures[f], "default"])
			of++
		if (nr[host, figures[f], s] && nr[host, figures[f], s] == nr[host, figures[f], "default"]) {
			mean = logs[host, figures[f], s] / nr[host, figures[f], s]
			sum += mean
			count++
			line = line OFS sprintf("%.3f", exp(mean))
		} else {
			line = line OFS "-"
		}
	}
	print host, s, count + 0, (of && count == of ? sprintf("%.3f", exp(sum / count)) : "-") line
}

END {
	line = "host" OFS "scheduler" OFS "figures" OFS "total"
	for (f = 1; f <= nr_figures; f++)
		line = line OFS figures[f]
	print line
	for (h = 1; h <= nr_hosts; h++)
		for (i = 1; i <= nr_schedulers; i++)
			if (cells[hosts[h], schedulers[i]])
				row(hosts[h], schedulers[i])
}
