# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2034,SC2154 # one script in several files
#
# Traces of this host: vmgang's tracepoints and the switches of vCPU threads, in
# a trace buffer of their own, read by trace.awk.

trace_root=/sys/kernel/tracing
trace_dir=$trace_root/instances/vmgang-bench
# vcpu_spin is left out: where every PAUSE exits it would be all there is.
trace_events=(vcpu_add gang_start gang_stop vcpu_costop vcpu_costart)
trace_columns=(stint_ms starts_s stops_s skew_us corun preempted_s host_s costop)

trace_set()
{
	echo "$2" >"$trace_dir/$1" || die "$trace_dir/$1: $2 not taken"
}

trace_begin()
{
	local event

	[ -d "$trace_root/instances" ] || mount -t tracefs tracefs "$trace_root" ||
		die "no tracefs at $trace_root"
	[ -d "$trace_dir" ] || mkdir "$trace_dir" || die "$trace_dir can not be made"
	trace_set tracing_on 0
	trace_set trace_clock mono
	trace_set buffer_size_kb 8192
	trace_set events/sched/sched_switch/filter 'prev_comm ~ "CPU*" || next_comm ~ "CPU*"'
	trace_set events/sched/sched_switch/enable 1
	for event in "${trace_events[@]}"; do
		trace_set "events/vmgang/$event/enable" 1
	done
	trace_set trace ''
	trace_set tracing_on 1
}

# trace_end FILE
trace_end()
{
	local lost

	trace_set tracing_on 0
	cat "$trace_dir/trace" >"$1"
	lost=$(awk '/^overrun/ { n += $2 } END { print n + 0 }' "$trace_dir"/per_cpu/cpu*/stats)
	trace_gone
	[ "$lost" -eq 0 ] || die "$lost events of the trace were lost"
}

# Nothing stays switched on.
trace_gone()
{
	[ ! -d "$trace_dir" ] || rmdir "$trace_dir"
}

# trace_read FILE FROM-MS TO-MS PIDS
trace_read()
{
	awk -v from="$(($2 / 1000)).$(printf %03d $(($2 % 1000)))" \
		-v to="$(($3 / 1000)).$(printf %03d $(($3 % 1000)))" -v pids="$4" \
		-f "$here/workloads/trace.awk" "$1"
}
