# SPDX-License-Identifier: GPL-2.0-only
#
# Reads a trace as tracefs writes it, with the events kvm_entry, kvm_exit and
# sched_switch of vCPU threads, and says how long two VMs were on one core at once.
# Variables: `vms`, as TID:VM words, and `cores`, as CPU:CORE words.  Prints a row:
#
#	guest_us entries switch_us span_us
#
# guest_us	both in guest mode, summed over the cores
# entries	times that a vCPU entered its guest while a sibling was in another VM's
# switch_us	both switched in: more than the above, as a vCPU has stopped some
#		microseconds before the switch to the next is seen
# span_us	length of the trace

BEGIN {
	OFS = "\t"
	n = split(vms, list, " ")
	for (i = 1; i <= n; i++) {
		split(list[i], pair, ":")
		vm_of[pair[1]] = pair[2]
	}
	nr_cpus = split(cores, list, " ")
	for (i = 1; i <= nr_cpus; i++) {
		split(list[i], pair, ":")
		core[pair[1]] = pair[2]
	}
}

# Is @cpu's VM of table @at beside another one's?
function beside(at, cpu,    other)
{
	if (at[cpu] == "")
		return 0
	for (other in core)
		if (other != cpu && core[other] == core[cpu] && at[other] != "" &&
		    at[other] != at[cpu])
			return 1
	return 0
}

# How many cores two VMs share, by table @at.
function shared(at,    cpu, seen, sum)
{
	for (cpu in core)
		if (!(core[cpu] in seen) && beside(at, cpu)) {
			seen[core[cpu]] = 1
			sum++
		}
	return sum + 0
}

function value(key,    s)
{
	if (!match($0, "(^| )" key "=[^ ]*"))
		return ""
	s = substr($0, RSTART, RLENGTH)
	return substr(s, index(s, "=") + 1)
}

!match($0, /-[0-9]+ +\[[0-9]+\] /) { next }

{
	split(substr($0, RSTART + 1, RLENGTH - 1), word, /[] []+/)
	tid = word[1]
	cpu = word[2] + 0
	if (!match($0, /[0-9]+\.[0-9]+: [a-z_]+: /))
		next
	split(substr($0, RSTART, RLENGTH), word, " ")
	now = word[1] * 1000000
	if (begun != "") {
		guest_us += shared(guest) * (now - last)
		switch_us += shared(on) * (now - last)
	} else {
		begun = now
	}
	last = now
}

word[2] == "kvm_entry:" {
	guest[cpu] = tid in vm_of ? vm_of[tid] : ""
	entries += beside(guest, cpu)
}

word[2] == "kvm_exit:" { guest[cpu] = "" }

word[2] == "sched_switch:" {
	tid = value("next_pid")
	on[cpu] = tid in vm_of ? vm_of[tid] : ""
}

END { printf "%.0f\t%d\t%.0f\t%.0f\n", guest_us, entries, switch_us, last - begun }
