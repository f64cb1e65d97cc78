# SPDX-License-Identifier: GPL-2.0-only
#
# Reads a trace as tracefs writes it, of a host or of the simulator: the events
# sched_switch of vCPU threads, and vmgang's. Variables: `from` and `to`, in
# seconds, and `pids`, those of the VMs in order (none: slots are the order).
# Prints a row for each VM:
#
#	vm stint_ms starts_s stops_s skew_us corun preempted_s host_s costop
#
# stint_ms	mean length of a stint; one that only the host's own threads
#		interrupt goes on
# starts_s, stops_s	of its gang, each second
# skew_us	between the first and the last member's start, mean
# corun		% of its run time
# preempted_s	stints that end though the vCPU could go on, each second
# host_s	times that a thread of the host's own takes a pCPU from it, each second
# costop	% of its vCPUs' time

BEGIN {
	OFS = "\t"
	listed = split(pids, list, " ")
	for (i = 1; i <= listed; i++)
		index_of[list[i]] = i - 1
}

function value(key,    s)
{
	if (!match($0, "(^| )" key "=[^ ]*"))
		return ""
	s = substr($0, RSTART, RLENGTH)
	return substr(s, index(s, "=") + 1)
}

# -1: none of those that are asked for
function vm(    pid)
{
	if (!listed)
		return value("slot") + 0
	pid = value("pid")
	return pid in index_of ? index_of[pid] : -1
}

# Bring a VM's clocks to the time of this event.
function clock(v,    since)
{
	since = last[v] > from ? last[v] : from
	if (now > since && since >= from) {
		ran[v] += (now - since) * running[v]
		if (running[v] > 1)
			corun[v] += (now - since) * running[v]
	}
	last[v] = now
}

# The stint that pCPU @cpu had is over: nobody but the host came in between.
function finish(cpu,    v, tid)
{
	tid = stint[cpu]
	delete stint[cpu]
	v = vm_of[tid]
	if (begun[tid] < from)
		return
	stints[v]++
	length_of[v] += left[cpu] - begun[tid]
	preempted[v] += ready[cpu]
}

function leaves(cpu, tid, state, next_tid,    visit)
{
	visit = state ~ /^R/ && next_tid > 0 && !(next_tid in vm_of)
	clock(vm_of[tid])
	if (running[vm_of[tid]] > 0)
		running[vm_of[tid]]--
	if (now >= from)
		host[vm_of[tid]] += visit
	if (stint[cpu] != tid)
		return
	left[cpu] = now
	ready[cpu] = state ~ /^R/
	if (!visit)
		finish(cpu)
}

function comes(cpu, tid,    v)
{
	v = vm_of[tid]
	clock(v)
	running[v]++
	if (stint[cpu] != tid) {
		if (cpu in stint)
			finish(cpu)
		stint[cpu] = tid
		begun[tid] = now
	}
	if (due[v] <= 0)
		return
	if (!first[v])
		first[v] = now
	latest[v] = now
	arrived[v]++
	if (--due[v] == 0)
		started(v)
}

# A gang has started, as far as it will.
function started(v)
{
	if (arrived[v] > 1) {
		skew[v] += latest[v] - first[v]
		skews[v]++
	}
	due[v] = 0
}

!match($0, /[0-9]+\.[0-9]+: [a-z_]+: /) { next }

{
	split(substr($0, RSTART, RLENGTH), word, " ")
	now = word[1] + 0
	event = word[2]
	if (now > to)
		exit
}

event == "vcpu_add:" {
	v = vm()
	if (v >= 0) {
		vm_of[value("tid")] = v
		vcpus[v]++
		vms = v >= vms ? v + 1 : vms
	}
	next
}

event == "sched_switch:" {
	match($0, /\[[0-9]+\]/)
	cpu = substr($0, RSTART + 1, RLENGTH - 2)
	if (value("prev_pid") in vm_of)
		leaves(cpu, value("prev_pid"), value("prev_state"), value("next_pid"))
	if (value("next_pid") in vm_of)
		comes(cpu, value("next_pid"))
	next
}

now < from || vm() < 0 { next }

event == "gang_start:" {
	v = vm()
	starts[v]++
	if (due[v] > 0)
		started(v)
	due[v] = value("width") + 0
	first[v] = 0
	arrived[v] = 0
}

event == "gang_stop:" { stops[vm()]++ }

event == "vcpu_costart:" {
	held = value("held_us") / 1000000
	costop[vm()] += held < now - from ? held : now - from
}

END {
	span = to - from
	for (v = 0; v < vms; v++) {
		now = to
		clock(v)
		printf "%d\t%.3f\t%.2f\t%.2f\t%.1f\t%.1f\t%.2f\t%.2f\t%.2f\n", v,
			stints[v] ? 1000 * length_of[v] / stints[v] : 0, starts[v] / span,
			stops[v] / span, skews[v] ? 1000000 * skew[v] / skews[v] : 0,
			ran[v] ? 100 * corun[v] / ran[v] : 0, preempted[v] / span,
			host[v] / span, vcpus[v] ? 100 * costop[v] / span / vcpus[v] : 0
	}
}
