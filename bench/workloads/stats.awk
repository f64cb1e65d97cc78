# SPDX-License-Identifier: GPL-2.0-only
#
# Reads the raw rows of bench/run barriers, one per round, scheduler and VM:
#
#	round mode vm rate run_us ready_us costop_us wait_us corun_us spin_exits secs lost
#
# with a header line, mode `lone` for the calibration, and "-" for what was not
# measured. Prints one row per mode, in order of appearance:
#
#	mode rounds rate rate_min rate_max ideal ideal_min ideal_max
#	ratio ratio_min ratio_max vm_min vm_max run ready costop wait corun spin_s lost
#
# rate	barriers per second of all VMs together, median over the rounds
# ideal	rate / (the round's lone rate x share x VMs); share is a variable: the
#	part of the host that each VM is entitled to
# ratio	rate / the same round's rate of mode `base` (a variable), median
# vm_*	slowest and fastest VM's own median rate
# run.. per cent of the vCPUs' time; corun per cent of run; spin_s exits per second
#
# Rounds that lost more than `limit` per cent are left out if at least half of
# all remain; a row's `rounds` counts what was used.

BEGIN { FS = OFS = "\t" }

function number(x, digits)
{
	return x == "-" ? x : sprintf("%." digits "f", x)
}

# median, min and max of list as three columns
function spread(list, n, digits,    m)
{
	m = median(list, n)
	return number(m, digits) OFS number(n ? list[1] : "-", digits) OFS \
		number(n ? list[n] : "-", digits)
}

function part(sum, whole)
{
	return whole > 0 ? sprintf("%.1f", 100 * sum / whole) : "-"
}

NR == 1 { next }

{
	round = $1; mode = $2
	if (!(mode in seen)) {
		seen[mode] = 1
		modes[++nr_modes] = mode
	}
	if (!(round in lost)) {
		rounds[++nr_rounds] = round
		lost[round] = "-"
	}
	if ($12 != "-" && (lost[round] == "-" || $12 > lost[round]))
		lost[round] = $12
	total[round, mode] += $4
	count[round, mode]++
	rate[round, mode, $3] = $4
	if ($3 > last_vm[mode])
		last_vm[mode] = $3
	for (i = 5; i <= 11; i++)
		raw[round, mode, i] = $i == "-" ? "-" : raw[round, mode, i] + $i
}

END {
	for (r = 1; r <= nr_rounds; r++)
		if (lost[rounds[r]] == "-" || lost[rounds[r]] <= limit)
			quiet++
	strict = quiet * 2 >= nr_rounds
	for (r = 1; r <= nr_rounds; r++)
		use[r] = !strict || lost[rounds[r]] == "-" || lost[rounds[r]] <= limit

	print "mode", "rounds", "rate", "rate_min", "rate_max", "ideal", "ideal_min", \
		"ideal_max", "ratio", "ratio_min", "ratio_max", "vm_min", "vm_max", \
		"run", "ready", "costop", "wait", "corun", "spin_s", "lost"
	for (m = 1; m <= nr_modes; m++)
		row(modes[m])
}

function row(mode,    r, n, ni, nb, round, alone, v, list, k, lo, hi, med, i, sum, time, secs, worst)
{
	worst = "-"
	for (r = 1; r <= nr_rounds; r++) {
		round = rounds[r]
		if (!use[r] || !((round, mode) in total))
			continue
		rates[++n] = total[round, mode]
		alone = total[round, "lone"]
		if (alone > 0)
			ideals[++ni] = total[round, mode] / \
				(alone * (mode == "lone" ? 1 : share * count[round, mode]))
		if (total[round, base] > 0)
			ratios[++nb] = total[round, mode] / total[round, base]
		for (i = 5; i <= 10; i++)
			sum[i] = raw[round, mode, i] == "-" ? "-" : sum[i] + raw[round, mode, i]
		secs += raw[round, mode, 11] / count[round, mode]
		if (lost[round] != "-" && (worst == "-" || lost[round] > worst))
			worst = lost[round]
	}
	lo = hi = "-"
	for (v = 0; v <= last_vm[mode]; v++) {
		k = 0
		for (r = 1; r <= nr_rounds; r++)
			if (use[r] && (rounds[r], mode, v) in rate)
				list[++k] = rate[rounds[r], mode, v]
		med = median(list, k)
		if (med != "-" && (lo == "-" || med < lo))
			lo = med
		if (med != "-" && (hi == "-" || med > hi))
			hi = med
	}
	time = sum[5] == "-" ? 0 : sum[5] + sum[6] + sum[7] + sum[8]
	print mode, n + 0, spread(rates, n, 1), spread(ideals, ni, 3), \
		mode == "lone" ? "-" OFS "-" OFS "-" : spread(ratios, nb, 3), \
		number(lo, 1), number(hi, 1), \
		part(sum[5], time), part(sum[6], time), part(sum[7], time), part(sum[8], time), \
		part(sum[9], sum[5]), \
		sum[10] == "-" || !secs ? "-" : sprintf("%.0f", sum[10] / secs), worst
}
