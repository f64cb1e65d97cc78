# SPDX-License-Identifier: GPL-2.0-only
#
# Reads a figure's file (README.md has the format) for a host of P pCPUs, a
# variable, and prints what it says as records of tab-separated fields, "-" for
# what is not given:
#
#	figure KEY VALUE
#	guests NAME COUNT VCPUS MEM PV_SPINLOCKS NET
#	case NAME X Y QUICK
#	run CASE GUESTS WORKLOAD THREADS ARG WEIGHT
#	paper SYSTEM CASE WORKLOAD PERCENT
#	target SCHEDULER METRIC CASE WORKLOAD RELATION BOUND
#
# An error is one line on stderr, FILE:LINE: what is wrong and what is allowed.

BEGIN {
	OFS = "\t"
	workloads = "bzip2 swim swim-passive wupwise kernlock spinlock web echo idle burn"
	metrics = "percent work p99 kernel"
	needed = "title question against shows plot rounds seconds"
	split("title question says narrow xlabel ylabel", list, " ")
	for (i in list)
		text[list[i]] = 1
}

function wrong(what)
{
	printf "%s:%d: %s\n", FILENAME, FNR, what >"/dev/stderr"
	failed = 1
	exit 1
}

function trim(s)
{
	gsub(/^[ \t]+|[ \t]+$/, "", s)
	return s
}

function one_of(what, word, allowed)
{
	if (index(" " allowed " ", " " word " ") == 0 || word ~ / / || word == "")
		wrong(what ": '" word "' is none of " allowed)
	return word
}

# Expressions: whole numbers, P, V (the vCPUs of the guests meant), + - * /,
# parentheses, min(a, b), max(a, b). Division rounds down.
function expression(s, low, high,    value)
{
	rest = s
	gsub(/[ \t]/, "", rest)
	value = sum()
	if (rest != "")
		wrong("'" s "' is not an expression of numbers, P, V, + - * / ( ) min max")
	if (value < low || value > high)
		wrong("'" s "' is " value " on a host of " P " pCPUs; allowed is " low " to " high)
	return value
}

function eat(n)
{
	rest = substr(rest, n + 1)
}

function sum(    value, sign)
{
	value = product()
	while (rest ~ /^[-+]/) {
		sign = substr(rest, 1, 1)
		eat(1)
		value += (sign == "-" ? -1 : 1) * product()
	}
	return value
}

function product(    value, sign, other)
{
	value = factor()
	while (rest ~ /^[*\/]/) {
		sign = substr(rest, 1, 1)
		eat(1)
		other = factor()
		if (sign == "/" && other == 0)
			wrong("division by zero")
		value = sign == "*" ? value * other : int(value / other)
	}
	return value
}

function factor(    value, other, word)
{
	if (match(rest, /^[0-9]+/)) {
		value = substr(rest, 1, RLENGTH) + 0
		eat(RLENGTH)
	} else if (rest ~ /^P/) {
		value = P + 0
		eat(1)
	} else if (rest ~ /^V/ && V) {
		value = V + 0
		eat(1)
	} else if (rest ~ /^(min|max)\(/) {
		word = substr(rest, 1, 3)
		eat(4)
		value = sum()
		if (rest !~ /^,/)
			wrong(word "(a, b) wants two values")
		eat(1)
		other = sum()
		value = (word == "min") == (value < other) ? value : other
		closed()
	} else if (rest ~ /^\(/) {
		eat(1)
		value = sum()
		closed()
	} else {
		wrong((rest == "" ? "at the end" : "at '" rest "'") \
			": a number, P, V, ( or min, max belongs there")
	}
	return value
}

function closed()
{
	if (rest !~ /^\)/)
		wrong("')' is missing")
	eat(1)
}

# Fields of a value that are separated by "|", into part[1..n]
function parts(value, n, form,    i)
{
	if (split(value, part, "|") != n)
		wrong("'" value "' is not of the form " form)
	for (i = 1; i <= n; i++) {
		part[i] = trim(part[i])
		if (part[i] == "")
			wrong("'" value "' is not of the form " form)
	}
}

function figure_key(key, value)
{
	if (key == "target") {
		parts(value, 5, "SCHEDULER | METRIC | CASE | WORKLOAD | <= or >= BOUND")
		one_of("target", part[2], metrics)
		if (part[5] !~ /^[<>]= [0-9]+(\.[0-9]+)?$/)
			wrong("target: '" part[5] "' is not <= or >= and a number")
		sub(/ /, "\t", part[5])
		later("target", "target" OFS part[1] OFS part[2] OFS part[3] OFS part[4] OFS part[5],
			part[3], part[4])
	} else if (key == "paper") {
		parts(value, 4, "SYSTEM | CASE | WORKLOAD | PER CENT")
		if (part[4] !~ /^[0-9]+(\.[0-9]+)?$/)
			wrong("paper: '" part[4] "' is not a number")
		later("paper", "paper" OFS part[1] OFS part[2] OFS part[3] OFS part[4],
			part[2], part[3])
	} else {
		if (key in figure)
			wrong("'" key "' is given twice")
		figure[key] = 1
		if (key == "against")
			one_of(key, value, "first-case default")
		else if (key == "plot")
			one_of(key, value, "bars map")
		else if (key == "judged")
			one_of(key, value, "always with-ple")
		else if (key == "shows")
			shows(value)
		else if (key == "rounds")
			value = expression(value, 1, 1000)
		else if (key == "seconds")
			value = expression(value, 1, 3600)
		else if (!(key in text))
			wrong("[figure] has no '" key "'; allowed are target, judged, paper, " \
				"narrow, says, xlabel, ylabel, " needed)
		print "figure", key, value
	}
}

function shows(value,    list, n, i)
{
	n = split(value, list, " ")
	for (i = 1; i <= n; i++)
		one_of("shows", list[i], metrics)
	if (!n)
		wrong("shows: names at least one of " metrics)
}

# Targets and the paper's figures name cases, which come further down.
function later(what, record, name, workload)
{
	nr_later++
	later_record[nr_later] = record
	later_case[nr_later] = name
	later_workload[nr_later] = workload
	later_what[nr_later] = what
	later_line[nr_later] = FNR
}

function guests_key(key, value)
{
	if (key == "count")
		count[group] = expression(value, 1, 1024)
	else if (key == "vcpus")
		vcpus[group] = expression(value, 1, 512)
	else if (key == "mem")
		mem[group] = expression(value, 64, 1048576)
	else if (key == "pv_spinlocks")
		pv[group] = one_of(key, value, "on off")
	else if (key == "net")
		net[group] = one_of(key, value, "yes no")
	else
		wrong("[guests] has no '" key "'; allowed are count, vcpus, mem, pv_spinlocks, net")
}

# NAME = WORKLOAD [threads=EXPRESSION] [arg=WORD] [weight=EXPRESSION]
function case_key(key, value,    list, n, i, threads, arg, weight)
{
	if (key == "x" || key == "y") {
		if (value !~ /^[0-9]+(\.[0-9]+)?$/)
			wrong(key ": '" value "' is not a number")
		axis[key] = value
	} else if (key == "quick") {
		quick = one_of(key, value, "yes no")
	} else if (key in count) {
		threads = 1
		arg = "-"
		weight = 100
		n = split(value, list, " ")
		one_of(key, list[1], workloads)
		V = vcpus[key]
		for (i = 2; i <= n; i++) {
			if (list[i] ~ /^threads=/)
				threads = expression(substr(list[i], 9), 1, 4096)
			else if (list[i] ~ /^arg=[^:]+$/)
				arg = substr(list[i], 5)
			else if (list[i] ~ /^weight=/)
				weight = expression(substr(list[i], 8), 1, 10000)
			else
				wrong("'" list[i] "' is none of threads=EXPRESSION, arg=WORD, weight=EXPRESSION")
		}
		V = 0
		runs[++nr_runs] = "run" OFS name OFS key OFS list[1] OFS threads OFS arg OFS \
			weight
		has[name, list[1]] = 1
		any[list[1]] = 1
	} else {
		wrong("[case " name "]: there are no guests '" key "' above, and it is none of x, y, quick")
	}
}

# A section is printed when it ends.
function section_end()
{
	if (section == "guests") {
		if (!vcpus[group])
			wrong("[guests " group "] ends without vcpus")
		print "guests", group, count[group], vcpus[group], mem[group], pv[group], net[group]
	} else if (section == "case") {
		if (!nr_runs)
			wrong("[case " name "] ends without a workload")
		print "case", name, axis["x"], axis["y"], quick
		for (i = 1; i <= nr_runs; i++)
			print runs[i]
		nr_runs = 0
	}
}

/^[ \t]*([#;]|$)/ { next }

/^\[/ {
	section_end()
	if ($0 == "[figure]") {
		section = "figure"
	} else if (match($0, /^\[guests [a-z][a-z0-9]*\]$/)) {
		section = "guests"
		group = substr($0, 9, RLENGTH - 9)
		if (group in count)
			wrong("there are guests '" group "' already")
		count[group] = 1
		mem[group] = 160
		pv[group] = "on"
		net[group] = "no"
	} else if (match($0, /^\[case [^]|]+\]$/)) {
		section = "case"
		name = substr($0, 7, RLENGTH - 7)
		if (name in cases || name ~ /^(lowest|highest)$/)
			wrong("'" name "' is taken")
		cases[name] = 1
		nr_cases++
		axis["x"] = axis["y"] = "-"
		quick = "no"
	} else {
		wrong("'" $0 "' is none of [figure], [guests NAME] with a name of a-z and 0-9, [case NAME]")
	}
	next
}

{
	at = index($0, "=")
	key = trim(substr($0, 1, at - 1))
	value = trim(substr($0, at + 1))
	if (!at || key == "" || value == "")
		wrong("'" $0 "' is not KEY = VALUE")
	if (section == "")
		wrong("'" key "' stands before any section")
	if (section == "figure")
		figure_key(key, value)
	else if (section == "guests")
		guests_key(key, value)
	else
		case_key(key, value)
}

END {
	if (failed)
		exit 1
	section_end()
	n = split(needed, list, " ")
	for (i = 1; i <= n; i++)
		if (!(list[i] in figure))
			wrong("[figure] lacks '" list[i] "'")
	if (!nr_cases)
		wrong("there is no [case NAME]")
	for (i = 1; i <= nr_later; i++) {
		FNR = later_line[i]
		if (later_case[i] ~ /^(lowest|highest)$/ ? !(later_workload[i] in any) : \
		    !((later_case[i], later_workload[i]) in has))
			wrong(later_what[i] ": there is no case '" later_case[i] "' with '" later_workload[i] "'")
		print later_record[i]
	}
}
