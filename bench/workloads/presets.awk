# SPDX-License-Identifier: GPL-2.0-only
#
# Reads the raw rows of bench/run presets, one per round, kind of work,
# scheduler and VM, with a header line:
#
#	round work column scheduler rate lost
#
# Prints a row per scheduler and column, in order of appearance, and one of
# column "all" per scheduler: the geometric mean of its columns:
#
#	scheduler column rounds rate ratio ratio_min ratio_max lost
#
# rate	a second, all VMs of the column together, median over the rounds
# ratio	rate / the same round's under the default scheduler; median, min, max
# lost	per cent of the machine that others had, in the worst round; "-" unknown

BEGIN { FS = OFS = "\t" }

NR == 1 { next }

{
	if (!($4 in known)) {
		known[$4] = 1
		schedulers[++nr_schedulers] = $4
	}
	if (!($3 in columns)) {
		columns[$3] = 1
		column[++nr_columns] = $3
	}
	if ($1 > rounds)
		rounds = $1
	rate[$1, $3, $4] += $5
	if ($6 != "-" && (!(($3, $4) in lost) || $6 > lost[$3, $4]))
		lost[$3, $4] = $6
}

function row(scheduler, name,    r, n, nr_ratios, rates, ratios, base, middle)
{
	for (r = 1; r <= rounds; r++) {
		if (!((r, name, scheduler) in rate))
			continue
		rates[++n] = rate[r, name, scheduler]
		base = rate[r, name, "default"]
		if (base > 0)
			ratios[++nr_ratios] = rates[n] / base
	}
	if (!n)
		return
	printf "%s\t%s\t%d\t%.1f", scheduler, name, n, median(rates, n)
	if (nr_ratios) {
		middle = median(ratios, nr_ratios)
		printf "\t%.3f\t%.3f\t%.3f", middle, ratios[1], ratios[nr_ratios]
		if (middle > 0) {
			logs += log(middle)
			factors++
		}
	} else {
		printf "\t-\t-\t-"
	}
	print "", (name, scheduler) in lost ? lost[name, scheduler] : "-"
}

END {
	print "scheduler", "column", "rounds", "rate", "ratio", "ratio_min", "ratio_max", "lost"
	for (s = 1; s <= nr_schedulers; s++) {
		logs = factors = 0
		for (c = 1; c <= nr_columns; c++)
			row(schedulers[s], column[c])
		# of all or of none: a mean of fewer can not be compared
		if (factors == nr_columns && schedulers[s] != "default")
			printf "%s\tall\t%d\t-\t%.3f\t-\t-\t-\n", schedulers[s], rounds,
				exp(logs / factors)
	}
}
