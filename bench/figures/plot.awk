# SPDX-License-Identifier: GPL-2.0-only
#
# Turns a figure's records (read.awk) and summary (summary.awk) into a script
# for gnuplot that draws `base`.svg and `base`.png, with the data in it. `host`
# is the kind of host. Bars: a group for each scheduler, a bar for each case and
# workload, with the span of the rounds. Map: a field for each scheduler, the
# case's x and y as axes.

BEGIN {
	FS = OFS = "\t"
	split("#1b9e77 #d95f02 #7570b3 #e7298a #66a61e #e6ab02 #a6761d #80b1d3 #bc80bd", colours, " ")
	nr_colours = 9
	column["percent"] = "percent"
	column["work"] = "work"
	column["p99"] = "p99_ratio"
	column["kernel"] = "kernel"
}

FNR == 1 { file++ }

file == 1 {
	if ($1 == "figure") {
		figure[$2] = $3
	} else if ($1 == "paper") {
		if (!($2 in systems_known)) {
			systems_known[$2] = 1
			systems[++nr_systems] = $2
		}
		paper[$2, $3, $4] = $5
	}
	next
}

FNR == 1 {
	for (i = 1; i <= NF; i++)
		at[$i] = i
	next
}

{
	s = $at["scheduler"]
	if (!(s in known)) {
		known[s] = 1
		schedulers[++nr_schedulers] = s
	}
	cell = $at["case"] SUBSEP $at["workload"]
	if (!(cell in cell_known)) {
		cell_known[cell] = 1
		nr_cells++
		cells[nr_cells] = cell
		cell_case[nr_cells] = $at["case"]
		cell_work[nr_cells] = $at["workload"]
		if (!($at["workload"] in works))
			nr_works++
		works[$at["workload"]]++
		cell_x[nr_cells] = $at["x"]
		cell_y[nr_cells] = $at["y"]
		if (!($at["case"] in cases))
			nr_cases++
		cases[$at["case"]] = 1
	}
	for (m in column) {
		value[cell, s, m] = $at[column[m]]
		low[cell, s, m] = $at[column[m] "_min"]
		high[cell, s, m] = $at[column[m] "_max"]
	}
}

function quoted(text)
{
	gsub(/["\\]/, "", text)
	return "\"" text "\""
}

function shown(scheduler)
{
	return scheduler == "default" && host == "ple" ? "default (PLE)" : scheduler
}

# Work is drawn as time for the same work, the rest as it is; ratios in per cent.
function drawn(v, m)
{
	if (v == "" || v == "-" || (m == "work" && v <= 0))
		return "-"
	if (m == "work")
		return sprintf("%.2f", 100 / v)
	return sprintf("%.2f", m == "p99" ? 100 * v : v)
}

function three(cell, s, m,    v)
{
	v = drawn(value[cell, s, m], m)
	if (v == "-")
		return "- - -"
	return m == "work" ? v " " drawn(high[cell, s, m], m) " " drawn(low[cell, s, m], m) : \
		v " " drawn(low[cell, s, m], m) " " drawn(high[cell, s, m], m)
}

function label(c, m,    text)
{
	text = nr_works == 1 ? cell_case[c] : nr_cases == 1 || works[cell_work[c]] == 1 && \
		nr_cases == nr_cells ? (nr_cases == 1 ? cell_work[c] : cell_case[c]) : \
		cell_work[c] ", " cell_case[c]
	if (nr_metrics > 1)
		text = (m == "p99" ? "99th percentile of latency: " : \
			m == "work" ? "time per unit of work: " : m ": ") text
	return text
}

function any_value(c, m,    s)
{
	for (s = 1; s <= nr_schedulers; s++)
		if (drawn(value[cells[c], schedulers[s], m], m) != "-")
			return 1
	return 0
}

function bars(    m, c, s, k, n, y)
{
	nr_metrics = split(figure["shows"], metrics, " ")
	for (m = 1; m <= nr_metrics; m++)
		for (c = 1; c <= nr_cells; c++)
			if (any_value(c, metrics[m])) {
				n++
				series_cell[n] = c
				series_metric[n] = metrics[m]
			}
	print "$data << END"
	for (s = 1; s <= nr_systems; s++) {
		y = quoted(systems[s] " (paper)")
		for (k = 1; k <= n; k++) {
			c = series_cell[k]
			m = (systems[s], cell_case[c], cell_work[c]) in paper ? \
				paper[systems[s], cell_case[c], cell_work[c]] : "-"
			y = y " " m " " m " " m
		}
		print y
	}
	for (s = 1; s <= nr_schedulers; s++) {
		y = quoted(shown(schedulers[s]))
		for (k = 1; k <= n; k++)
			y = y " " three(cells[series_cell[k]], schedulers[s], series_metric[k])
		print y
	}
	print "END"
	print "set datafile missing '-'"
	print "set style data histograms"
	print "set style histogram errorbars gap 1.5 lw 1"
	print "set style fill solid 0.9 border lc rgb 'black'"
	print "set errorbars 0.6"
	print "set boxwidth 0.95"
	print "set key below Left reverse samplen 1.5"
	print "set yrange [0:*]"
	print "set border 3"
	print "set tics nomirror"
	print "set xtics rotate by -30 scale 0"
	print "set grid ytics lc rgb '#cccccc'"
	print "set title " quoted(figure["title"]) " noenhanced"
	print "set ylabel " quoted(figure["ylabel"] (figure["shows"] ~ /kernel/ ? "" : "; lower is better")) " noenhanced"
	if (figure["shows"] !~ /kernel/)
		print "set arrow from graph 0, first 100 to graph 1, first 100 nohead dt 2"
	line = "plot"
	for (k = 1; k <= n; k++)
		line = line (k > 1 ? "," : "") " $data using " 3 * k - 1 ":" 3 * k ":" 3 * k + 1 \
			(k == 1 ? ":xtic(1)" : "") " title " quoted(label(series_cell[k], series_metric[k])) \
			" noenhanced lc rgb '" colours[(k - 1) % nr_colours + 1] "'"
	commands = line "\n"
	width = 1100
	height = 520
}

# Place of @v among the distinct values of list[1..n], from 0 up
function place(v, list, n,    i, k)
{
	for (i = 1; i <= n; i++)
		if (list[i] + 0 < v + 0)
			k++
	return k + 0
}

function distinct(of, list,    c, i, n, seen)
{
	for (c = 1; c <= nr_cells; c++) {
		if (of[c] == "-" || of[c] in seen)
			continue
		seen[of[c]] = 1
		list[++n] = of[c]
	}
	return n + 0
}

function ticks(list, n,    i, text)
{
	for (i = 1; i <= n; i++)
		text = text (i > 1 ? ", " : "") "'" list[i] "' " place(list[i], list, n)
	return "(" text ")"
}

function map(    nx, ny, xs, ys, s, c, v, columns, rows, nr)
{
	nx = distinct(cell_x, xs)
	ny = distinct(cell_y, ys)
	for (s = 1; s <= nr_schedulers; s++) {
		if (schedulers[s] == "default")
			continue
		nr++
		print "$map" nr " << END"
		for (c = 1; c <= nr_cells; c++) {
			v = value[cells[c], schedulers[s], "work"]
			if (v != "" && v != "-" && cell_x[c] != "-" && cell_y[c] != "-")
				print place(cell_x[c], xs, nx), place(cell_y[c], ys, ny), v
		}
		print "END"
		commands = commands "set title " quoted(schedulers[s]) " noenhanced\nplot $map" nr \
			" using 1:2:(0.48):(0.48):(log($3) / log(2)) with boxxyerror fs solid lc palette, $map" nr \
			" using 1:2:(sprintf('%.2f', $3)) with labels\n"
	}
	columns = nr < 3 ? nr : nr < 5 ? 2 : nr < 10 ? 3 : 4
	rows = columns ? int((nr + columns - 1) / columns) : 0
	print "set xtics " ticks(xs, nx) " scale 0"
	print "set ytics " ticks(ys, ny) " scale 0"
	print "set xrange [-0.5:" nx - 0.5 "]"
	print "set yrange [-0.5:" ny - 0.5 "]"
	print "set xlabel " quoted(figure["xlabel"]) " noenhanced"
	print "set ylabel " quoted(figure["ylabel"]) " noenhanced"
	print "set palette defined (-1 '#b2182b', -0.5 '#ef8a62', 0 '#f7f7f7', 0.5 '#67a9cf', 1 '#2166ac')"
	print "set cbrange [-1:1]"
	print "unset colorbox"
	print "unset key"
	commands = "set multiplot layout " rows "," columns " title " \
		quoted(figure["title"] "; work against " shown("default") ", more is better") \
		" noenhanced\n" commands "unset multiplot\n"
	width = 120 + 330 * columns
	height = 80 + 260 * rows
}

END {
	if (!nr_cells)
		exit 1
	if (figure["plot"] == "map")
		map()
	else
		bars()
	name = base
	sub(/.*\//, "", name)
	gsub(/[^A-Za-z0-9_]/, "_", name)
	print "set terminal svg size " width "," height " dynamic font 'sans,13' background 'white' name '" \
		name "'"
	printf "set output '%s.svg'\n%s", base, commands
	print "set terminal pngcairo size " width "," height " font 'sans,10'"
	printf "set output '%s.png'\n%s", base, commands
}
