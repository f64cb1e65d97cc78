#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Shows that reservations are met in every period while four VMs press, and overbooking is refused.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
class_up

# reserve PID PERIOD_US SLICE_US EXTRATIME
reserve() {
	knob "$1" extratime "$4" && knob "$1" reserve_period_us "$2" &&
		knob "$1" reserve_slice_us "$3"
}

answer() { # PID NAME
	cat "$sys/vms/$1/reserve/$2"
}

# Who ran when, as the scheduler's own tracepoint has it: switches SECONDS TID...
trace=/sys/kernel/tracing/instances/vmgang-test
switches() {
	local seconds=$1 filter='' tid
	shift
	for tid; do
		filter+="${filter:+ || }prev_pid == $tid || next_pid == $tid"
	done
	mkdir "$trace" || return
	echo mono >"$trace/trace_clock"
	echo 8192 >"$trace/buffer_size_kb"
	echo "$filter" >"$trace/events/sched/sched_switch/filter"
	echo 1 >"$trace/events/sched/sched_switch/enable"
	sleep "$seconds"
	echo 0 >"$trace/events/sched/sched_switch/enable"
	sed -n -e 's/^.* \([0-9.]*\): sched_switch: .*prev_pid=\([0-9]*\) /\1 \2 /' \
		-e 's/^\([0-9.]* [0-9]* \).*next_pid=\([0-9]*\) .*$/\1\2/p' \
		"$trace/trace" >"$work/switches"
	rmdir "$trace"
}
at_exit 'rmdir "$trace" 2>/dev/null'

# What a thread got in its worst period, in percent of its slice: worst TID PERIOD_US SLICE_US.
# Where its periods begin is not known: the beginning for which the worst is best.
worst() {
	awk -v tid="$1" -v period="$2" -v slice="$3" '
		{ at = $1 * 1e6; if (!first) first = at; last = at }
		$3 == tid { on = at }
		$2 == tid && on { n++; from[n] = on; to[n] = at; on = 0 }
		END {
			most = -1
			for (phase = 0; phase < period; phase += period / 80) {
				split("", had)
				windows = int((last - first - phase) / period)
				for (i = 1; i <= n; i++) {
					a = from[i] - first - phase
					b = to[i] - first - phase
					while (a < b) {
						w = int(a / period)
						if (a < 0)
							w = -1
						end = (w + 1) * period
						had[w] += (b < end ? b : end) - a
						a = end
					}
				}
				least = 1e12
				for (w = 0; w < windows; w++)
					if (had[w] + 0 < least)
						least = had[w] + 0
				if (least > most)
					most = least
			}
			printf "%.1f", most * 100 / slice
		}' "$work/switches"
}

cpus=$(nproc)
pids=() tids=()
terms=(50000:10000 100000:20000 20000:5000)
for t in "${terms[@]}"; do
	vm_start "reserved${t%:*}" --vcpus 1 --payload compute || exit 1
	pids+=("$vm")
	until_true 5 in_class "$vm" 1
	tids+=("$(cat "$sys/vms/$vm/vcpus/0/tid")")
	reserve "$vm" "${t%:*}" "${t#*:}" 0
	ok $? "${t#*:} of each ${t%:*} us are booked"
	is 1 "$(answer "$vm" booked_vcpus)" 'its vCPU has it'
done
press=()
for n in 1 2 3 4; do
	vm_start "press$n" --vcpus "$cpus" --payload compute || exit 1
	press+=("$vm")
	until_true 5 in_class "$vm"
done
sleep 1
before=()
for i in 0 1 2; do before[i]=$(answer "${pids[i]}" misses); done
ran=()
for i in 0 1 2; do ran[i]=$(stat_of "${pids[i]}" run_us); done
start=$(awk '{ print $1 }' /proc/uptime)
switches 8 "${tids[@]}"
span=$(awk -v s="$start" '{ print $1 - s }' /proc/uptime)
got=()
for i in 0 1 2; do got[i]=$(($(stat_of "${pids[i]}" run_us) - ran[i])); done
for i in 0 1 2; do
	period=${terms[i]%:*} slice=${terms[i]#*:}
	within "$(worst "${tids[i]}" "$period" "$slice")" 95 110 \
		"percent of $slice us in the worst of $((8000000 / period)) periods of $period us"
	is "${before[i]}" "$(answer "${pids[i]}" misses)" 'none is reported as missed'
	# Without extratime: no more than that, either.
	most=$(awk -v s="$span" -v p="$period" -v q="$slice" \
		'BEGIN { print s * 1e6 * q / p * 1.05 + q }')
	within "${got[i]}" 0 "$most" "us in $span s"
done

# One that does not fit: refused, and all stays as it was.
refused() { # PID NAME VALUE
	! knob "$1" "$2" "$3" 2>"$work/refused"
}
knob "${press[0]}" reserve_period_us 100000
refused "${press[0]}" reserve_slice_us 95000
ok $? '95 % more on each pCPU are refused'
grep -q 'No space left on device' "$work/refused"
ok $? 'as ENOSPC'
is 0 "$(knob "${press[0]}" reserve_slice_us)" 'and the old value stays'
is 650000 "$(answer "${press[0]}" cell_booked_ppm)" '65 % of a pCPU are booked'
is $((cpus * 950000)) "$(answer "${press[0]}" cell_capacity_ppm)" 'of 95 % of each'
refused "${press[0]}" reserve_slice_us 200000
ok $? 'a slice longer than its period is refused'
refused "${press[0]}" reserve_period_us 10
ok $? 'a period of 10 us is refused'
knob "${press[0]}" reserve_period_us 0
vmgang set "${press[0]}" reserve_period_us=100000 reserve_slice_us=95000 2>"$work/refused"
is 1 $? 'vmgang set refuses it as well'
grep -q '95.0 % of a pCPU are asked .* 65.0 % of .* are booked' "$work/refused"
ok $? "and says what is asked and booked: $(cat "$work/refused")"

# Extratime: half of a pCPU and its share by weight of the rest, alone with one other.
vm_stop "${press[@]:1}" "${pids[@]:1}"
for pid in "${pids[0]}" "${press[0]}"; do
	for f in "$sys/vms/$pid"/vcpus/*/tid; do taskset -pc 0 "$(cat "$f")" >/dev/null; done
done
reserve "${pids[0]}" 20000 10000 1
ok $? 'another reservation replaces it'
sleep 1
a=$(stat_of "${pids[0]}" run_us) b=$(stat_of "${press[0]}" run_us)
sleep 8
a=$(($(stat_of "${pids[0]}" run_us) - a)) b=$(($(stat_of "${press[0]}" run_us) - b))
within "$(awk -v a="$a" -v b="$b" 'BEGIN { print a / (a + b) }')" 0.73 0.77 \
	'half is reserved, half of the rest comes as extra time'
vm_stop "${pids[0]}" "${press[0]}"
