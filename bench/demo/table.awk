#!/usr/bin/awk -f
# SPDX-License-Identifier: GPL-2.0-only
#
# The demo's final screen, from records
#	phase vm rounds/s run% ready% costop% wait% corun% spin/s
# of which each cell shows the median over the rounds. Environment: host,
# rounds, seconds, others (per cent of the machine below that others had).

function median(phase, vm, field,    n, i, j, v, a) {
	n = count[phase, vm]
	if (!n) {
		holes = 1
		return 0
	}
	for (i = 1; i <= n; i++) {
		v = value[phase, vm, i, field]
		for (j = i - 1; j > 0 && a[j] > v; j--)
			a[j + 1] = a[j]
		a[j + 1] = v
	}
	return n % 2 ? a[(n + 1) / 2] : (a[n / 2] + a[n / 2 + 1]) / 2
}

function cell(v, decimals) {
	return sprintf("%9.*f", decimals, v)
}

function row(title, field, decimals,    i, line) {
	line = sprintf("%-21s", title)
	for (i = 1; i <= 6; i++) {
		if (i == 4)
			line = line " |"
		line = line cell(median(PHASE[i], VM[i], field), decimals)
	}
	print line
}

# a third of what a guest of its kind does with both pCPUs to itself
function ideal(vm) {
	if (vm == "crunch")
		return median("alone", vm, 3) / 3
	return median("alone", "sync", 3) / 3
}

function ideal_row(    i, line, full, rate) {
	line = sprintf("%-21s", "% of ideal share")
	for (i = 1; i <= 6; i++) {
		if (i == 4)
			line = line " |"
		full = ideal(VM[i])
		rate = median(PHASE[i], VM[i], 3)
		line = line cell(full ? 100 * rate / full : 0, 0)
	}
	print line
}

function sync_rate(phase) {
	return median(phase, "sync1", 3) + median(phase, "sync2", 3)
}

{
	kind = $1 == "alone" && $2 ~ /^sync/ ? "sync" : $2
	n = ++count[$1, kind]
	for (i = 3; i <= 9; i++)
		value[$1, kind, n, i] = $i
}

END {
	split("default default default vmgang vmgang vmgang", PHASE, " ")
	split("sync1 sync2 crunch sync1 sync2 crunch", VM, " ")
	rule = sprintf("%80s", "")
	gsub(/ /, "-", rule)

	print rule
	print "vmgang demo: three 2-vCPU Linux guests on two pCPUs, PV" \
		" spinlocks off"
	print ENVIRON["host"]
	print "sync1, sync2: <vmgang:policy preset=\"esx\"/> (gang). Their 2" \
		" threads compute,"
	print "      take spinlocks and meet at a spinning barrier, as OpenMP" \
		" programs do."
	print "crunch: <vmgang:policy preset=\"xen-credit\"/> (off). Its 2" \
		" threads only compute."
	print rule
	printf "%-21s%27s |%27s\n", "", "default scheduler    ",
		"vmgang          "
	printf "%-21s%9s%9s%9s |%9s%9s%9s\n", "", "sync1", "sync2", "crunch",
		"sync1", "sync2", "crunch"
	row("rounds of work per s", 3, 0)
	if (count["alone", "sync"] && count["alone", "crunch"])
		ideal_row()
	row("run         %", 4, 1)
	row("ready       %", 5, 1)
	row("co-stop     %", 6, 1)
	row("wait        %", 7, 1)
	row("co-run, % of run", 8, 1)
	row("spin exits per s", 9, 0)
	print rule
	base = sync_rate("default")
	printf "Co-scheduling: the synchronising guests do %.2f times the" \
		" work, the computing\n", base ? sync_rate("vmgang") / base : 0
	base = median("default", "crunch", 3)
	printf "guest %.2f times. Medians of %d phases of %d s each, taken in" \
		" turn, same guests.\n",
		base ? median("vmgang", "crunch", 3) / base : 0,
		ENVIRON["rounds"], ENVIRON["seconds"]
	# what moves the figures, and is neither scheduler's doing
	if (ENVIRON["others"] > 10)
		printf "(Other programs took %d %% of the machine that emulates" \
			" all this: repeat it quietly.)\n", ENVIRON["others"]
	exit holes
}
