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
	echo global >"$trace/trace_clock"
	echo 8192 >"$trace/buffer_size_kb"
	echo "$filter" >"$trace/events/sched/sched_switch/filter"
	echo 1 >"$trace/events/sched/sched_switch/enable"
	echo 1 >"$trace/events/timer/hrtimer_expire_entry/enable"
	sleep "$seconds"
	echo 0 >"$trace/tracing_on"
	sed -n -e 's/^.* \([0-9.]*\): sched_switch: .*prev_pid=\([0-9]*\) /\1 \2 /' \
		-e 's/^.*\[\([0-9]*\)\] .* \([0-9.]*\): .*function=tick_nohz_handler .*$/\2 tick \1/p' \
		-e 's/^\([0-9.]* [0-9]* \).*next_pid=\([0-9]*\) .*$/\1\2/p' \
		"$trace/trace" >"$work/switches"
	rmdir "$trace"
}
at_exit 'rmdir "$trace" 2>/dev/null'

# The time that the ticks of the pCPUs came late, in percent of all.
lacked() {
	awk -v tick="$tick_us" '
		$2 == "tick" {
			if (($3 in ticked) && $1 * 1e6 - ticked[$3] > tick + 500)
				lost += $1 * 1e6 - ticked[$3] - tick
			if ($3 in ticked)
				all += $1 * 1e6 - ticked[$3]
			ticked[$3] = $1 * 1e6
		}
		END { printf "%.1f", all ? lost * 100 / all : 100 }' "$work/switches"
}

# What a thread got in its worst period that can be judged, in percent of its slice;
# in how many that was; and the worst of all, as it is: worst TID PERIOD_US SLICE_US.
# A period can be judged if all pCPUs had their ticks on time in it and in the one
# before: else the machine below was away.  What the thread had too much in one
# period, as a stint ended late, it has not in the next: up to a tick counts there.
# Where its periods begin is not known: the beginning for which the worst is best.
worst() {
	awk -v tid="$1" -v period="$2" -v slice="$3" -v tick="$tick_us" '
		{ at = $1 * 1e6; if (!first) first = at; last = at }
		$2 == "tick" {
			if (($3 in ticked) && at - ticked[$3] > tick + 500) {
				away[++naway] = ticked[$3] + tick
				back[naway] = at
			}
			ticked[$3] = at
			next
		}
		$3 == tid { on = at }
		$2 == tid && on { n++; from[n] = on; to[n] = at; on = 0 }
		function spread(a, b, what,   w, end) {
			while (a < b) {
				w = int(a / period)
				if (a < 0)
					w = -1
				end = (w + 1) * period
				what[w] += (b < end ? b : end) - a
				a = end
			}
		}
		END {
			most = -1
			for (phase = 0; phase < period; phase += period / 80) {
				split("", had)
				split("", lost)
				for (i = 1; i <= n; i++)
					spread(from[i] - first - phase, to[i] - first - phase, had)
				for (i = 1; i <= naway; i++)
					spread(away[i] - first - phase, back[i] - first - phase, lost)
				windows = int((last - first - phase) / period)
				least = 1e12
				raw = 1e12
				over = seen = 0
				for (w = 0; w < windows; w++) {
					sum = had[w] + over
					if (had[w] + 0 < raw)
						raw = had[w] + 0
					if (!lost[w] && !lost[w - 1]) {
						seen++
						if (sum < least)
							least = sum
					}
					over = sum > slice ? sum - slice : 0
					if (over > tick)
						over = tick
				}
				if (seen && least > most) {
					most = least
					judged = seen
					plain = raw
				}
			}
			printf "%.1f %d %.1f\n", judged ? most * 100 / slice : 0, judged,
				plain * 100 / slice
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
tick_us=$(awk -F= '$1 == "CONFIG_HZ" { print int(1e6 / $2) }' \
	"/boot/config-$(uname -r)" 2>/dev/null)
: "${tick_us:=4000}"
# A round in which the host lacked much of its time says little.
for round in 1 2 3 4 5; do
	before=() ran=() got=() missed=()
	for i in 0 1 2; do
		before[i]=$(answer "${pids[i]}" misses)
		ran[i]=$(stat_of "${pids[i]}" run_us)
	done
	start=$(awk '{ print $1 }' /proc/uptime)
	switches 8 "${tids[@]}"
	span=$(awk -v s="$start" '{ print $1 - s }' /proc/uptime)
	for i in 0 1 2; do
		got[i]=$(($(stat_of "${pids[i]}" run_us) - ran[i]))
		missed[i]=$(($(answer "${pids[i]}" misses) - before[i]))
	done
	lacked=$(lacked)
	note "round $round: the host lacked $lacked % of its time"
	[ "${lacked%.*}" -ge 1 ] || break
done
for i in 0 1 2; do
	period=${terms[i]%:*} slice=${terms[i]#*:}
	periods=$((8000000 / period))
	what="percent of $slice us in the worst period of $period us"
	read -r least judged plain < <(worst "${tids[i]}" "$period" "$slice")
	note "$judged of $periods periods can be judged; the worst of all had $plain percent"
	if [ $((judged * 2)) -lt "$periods" ]; then
		echo "skip - $what: the host lacked $lacked % of its time"
	else
		within "$least" 95 1000 "$what"
		within "${missed[i]}" 0 $((periods - judged)) 'no more are reported as missed'
	fi
	# Without extratime: no more than that, either.
	most=$(awk -v s="$span" -v p="$period" -v q="$slice" \
		'BEGIN { print s * 1e6 * q / p * 1.05 + q }')
	within "${got[i]}" 0 "$most" "us in $span s"
done

# The same judge on one who has nothing reserved, to see that it can say no.
control=$(cat "$sys/vms/${press[0]}/vcpus/0/tid")
switches 4 "$control"
read -r least judged plain < <(worst "$control" 20000 10000)
note "without a reservation: $judged judged, worst $least percent, of all $plain"
if [ "$judged" -lt 20 ]; then
	echo 'skip - the judge refuses who has no reservation: the host lacked too much'
else
	within "$least" 0 94 'the judge refuses who has no reservation, percent'
fi

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
