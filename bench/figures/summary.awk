# SPDX-License-Identifier: GPL-2.0-only
#
# Sums up a figure: reads its records (read.awk) and then its raw rows, one per
# round, case, scheduler and VM, with comments and a header line:
#
#	round case workload scheduler vm threads seconds units rate p50 p90 p99 max
#	preemptions preemptions_in_kernel run_us ready_us costop_us wait_us corun_us
#	spin_exits lost
#
# and prints, with a header line, a row per case, workload and scheduler, in
# their order in the figure's file and then of appearance:
#
#	case workload x y scheduler rounds rate percent work p50 p99 p99_ratio kernel
#	ready costop corun lost work_mean work_error
#
# where rate, percent, work, p99, p99_ratio and kernel are each followed by
# the column's _min and _max over the rounds; "-" is what was not measured.
#
# rate	units of work a second of one VM, mean over the VMs, median over the rounds
# percent	time per unit of work in per cent of that in the figure's first case with
#	that workload, same round and scheduler
# work	rate / the same round's and case's under the default scheduler
# p50, p99	latency in us, the worst VM's
# p99_ratio	p99 / the same round's and case's under the default scheduler
# kernel	preemptions in guest kernel mode in per cent of all
# ready.. per cent of the vCPUs' time; corun per cent of run
# lost	per cent of the machine that others had, in the worst round
# work_mean	geometric mean of work over the rounds
# work_error	its standard error in per cent of it
#
# Needs median.awk.

BEGIN { FS = OFS = "\t" }

FNR == 1 { file++ }

file == 1 {
	if ($1 == "case") {
		axis_x[$2] = $3
		axis_y[$2] = $4
	} else if ($1 == "run" && !(($2, $4) in known)) {
		known[$2, $4] = 1
		nr_cells++
		cell_case[nr_cells] = $2
		cell_work[nr_cells] = $4
		if (!($4 in first))
			first[$4] = $2
	}
	next
}

/^#/ { next }
$1 == "round" { next }

{
	key = $1 SUBSEP $2 SUBSEP $3 SUBSEP $4
	if (!($4 in scheduler_known)) {
		scheduler_known[$4] = 1
		schedulers[++nr_schedulers] = $4
	}
	if ($1 > rounds)
		rounds = $1
	units[key] += $9
	vms[key]++
	worst(p50, key, $10)
	worst(p99, key, $12)
	worst(lost, $2 SUBSEP $3 SUBSEP $4, $22)
	preempted[key] = plus(preempted[key], $14)
	in_kernel[key] = plus(in_kernel[key], $15)
	for (i = 16; i <= 20; i++)
		time[$2, $3, $4, i] = plus(time[$2, $3, $4, i], $i)
}

function worst(of, key, value)
{
	if (value != "-" && (!(key in of) || value + 0 > of[key]))
		of[key] = value + 0
}

# A sum that has an unknown part is unknown.
function plus(sum, value)
{
	return sum == "-" || value == "-" ? "-" : sum + value
}

function number(x, digits)
{
	return x == "-" ? x : sprintf("%." digits "f", x)
}

# Median, least and most of list[1..n]
function spread(list, n, digits,    m)
{
	m = median(list, n)
	return number(m, digits) OFS number(n ? list[1] : "-", digits) OFS \
		number(n ? list[n] : "-", digits)
}

# Geometric mean of list[1..n], and its standard error in per cent
function mean(list, n,    i, sum, squares)
{
	for (i = 1; i <= n; i++) {
		if (list[i] <= 0)
			return "-" OFS "-"
		sum += log(list[i])
		squares += log(list[i]) ^ 2
	}
	if (!n)
		return "-" OFS "-"
	squares -= sum ^ 2 / n
	return number(exp(sum / n), 3) OFS \
		(n > 1 ? number(100 * sqrt((squares > 0 ? squares : 0) / n / (n - 1)), 1) : "-")
}

# What of the time that is known, in per cent
function part(key, column, of,    whole)
{
	whole = of ? time[key, of] : plus(plus(time[key, 16], time[key, 17]),
		plus(time[key, 18], time[key, 19]))
	if (whole == "-" || time[key, column] == "-" || !whole)
		return "-"
	return sprintf("%.1f", 100 * time[key, column] / whole)
}

function rate_of(key)
{
	return vms[key] ? units[key] / vms[key] : 0
}

function row(name, work, scheduler,    r, key, cell, other, n, np, nw, nl, nm, nq, nk,
	     rates, percents, works, halves, tails, ratios, shares)
{
	cell = name SUBSEP work SUBSEP scheduler
	n = np = nw = nl = nm = nq = nk = 0
	for (r = 1; r <= rounds; r++) {
		key = r SUBSEP cell
		if (!vms[key])
			continue
		rates[++n] = rate_of(key)
		other = rate_of(r SUBSEP first[work] SUBSEP work SUBSEP scheduler)
		if (other > 0 && rates[n] > 0)
			percents[++np] = 100 * other / rates[n]
		other = r SUBSEP name SUBSEP work SUBSEP "default"
		if (rate_of(other) > 0)
			works[++nw] = rates[n] / rate_of(other)
		if (key in p50)
			halves[++nm] = p50[key]
		if (key in p99)
			tails[++nl] = p99[key]
		if (key in p99 && other in p99 && p99[other] > 0)
			ratios[++nq] = p99[key] / p99[other]
		if (preempted[key] != "-" && preempted[key] > 0 && in_kernel[key] != "-")
			shares[++nk] = 100 * in_kernel[key] / preempted[key]
	}
	if (!n)
		return
	print name, work, axis_x[name], axis_y[name], scheduler, n, spread(rates, n, 3),
		spread(percents, np, 1), spread(works, nw, 3), number(median(halves, nm), 0),
		spread(tails, nl, 0), spread(ratios, nq, 3), spread(shares, nk, 2),
		part(cell, 17), part(cell, 18), part(cell, 20, 16),
		cell in lost ? lost[cell] : "-", mean(works, nw)
}

function three(name)
{
	return name OFS name "_min" OFS name "_max"
}

END {
	print "case", "workload", "x", "y", "scheduler", "rounds", three("rate"), three("percent"),
		three("work"), "p50", three("p99"), three("p99_ratio"), three("kernel"),
		"ready", "costop", "corun", "lost", "work_mean", "work_error"
	for (c = 1; c <= nr_cells; c++)
		for (s = 1; s <= nr_schedulers; s++)
			row(cell_case[c], cell_work[c], schedulers[s])
}
