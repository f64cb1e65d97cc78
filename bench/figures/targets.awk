# SPDX-License-Identifier: GPL-2.0-only
#
# Holds a figure against its targets: reads its records (read.awk) and its
# summary (summary.awk) and prints a row for each, without a header:
#
#	figure host scheduler metric case workload value relation bound verdict
#
# with the figure and the host as variables, and a verdict of met, missed, "not
# measured", or "needs PLE" where the target is about hosts that have it. `best` among schedulers is the preset other than adaptive with
# the highest mean of work, and is shown by its name; lowest and highest among
# the cases are those of the value.

BEGIN {
	FS = OFS = "\t"
	column["percent"] = "percent"
	column["work"] = "work"
	column["p99"] = "p99_ratio"
	column["kernel"] = "kernel"
}

FNR == 1 { file++ }

file == 1 {
	if ($1 == "figure" && $2 == "judged")
		judged = $3
	if ($1 == "target") {
		nr++
		scheduler[nr] = $2
		metric[nr] = $3
		name[nr] = $4
		workload[nr] = $5
		relation[nr] = $6
		bound[nr] = $7
	}
	next
}

FNR == 1 {
	for (i = 1; i <= NF; i++)
		at[$i] = i
	next
}

{
	for (m in column)
		value[$at["case"], $at["workload"], $at["scheduler"], m] = $at[column[m]]
	if (!($at["case"] in case_known)) {
		case_known[$at["case"]] = 1
		cases[++nr_cases] = $at["case"]
	}
	if ($at["work"] != "-" && $at["work"] > 0) {
		logs[$at["scheduler"], $at["workload"]] += log($at["work"])
		factors[$at["scheduler"], $at["workload"]]++
	}
	schedulers[$at["scheduler"]] = 1
}

function best(work,    s, mean, top, who)
{
	who = "best"
	for (s in schedulers) {
		if (s == "default" || s == "adaptive" || s ~ /^peer:/ || !factors[s, work])
			continue
		mean = logs[s, work] / factors[s, work]
		if (who == "best" || mean > top) {
			top = mean
			who = s
		}
	}
	return who
}

# The value that target @i is about, "-" if there is none
function measured(i, who,    c, v, found)
{
	if (name[i] != "lowest" && name[i] != "highest") {
		v = value[name[i], workload[i], who, metric[i]]
		return v == "" ? "-" : v
	}
	found = "-"
	for (c = 1; c <= nr_cases; c++) {
		v = value[cases[c], workload[i], who, metric[i]]
		if (v == "" || v == "-")
			continue
		if (found == "-" || (name[i] == "lowest" ? v + 0 < found + 0 : v + 0 > found + 0))
			found = v
	}
	return found
}

END {
	for (i = 1; i <= nr; i++) {
		who = scheduler[i] == "best" ? best(workload[i]) : scheduler[i]
		v = measured(i, who)
		if (v == "-")
			verdict = "not measured"
		else if (judged == "with-ple" && host != "ple")
			verdict = "needs PLE"
		else if (relation[i] == "<=")
			verdict = v + 0 <= bound[i] + 0 ? "met" : "missed"
		else
			verdict = v + 0 >= bound[i] + 0 ? "met" : "missed"
		print figure, host, who, metric[i], name[i], workload[i], v, relation[i], bound[i], verdict
	}
}
