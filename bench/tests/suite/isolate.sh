#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Shows that under isolate=core two VMs are never in guest mode at once on one core, at what cost, and off lets them.
# lab: --cpus 4 --threads 2
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
siblings=/sys/devices/system/cpu/cpu0/topology/thread_siblings_list
[ "$(cat /sys/devices/system/cpu/smt/active) $(nproc)" = '1 4' ] ||
	skip 'needs 4 pCPUs on cores of two threads'
tree=$(readlink -f "$here/../../..")
[ -d /usr/src/vmgang ] && tree=/usr/src/vmgang
make -s -C "$tree/kernel/class" build/classctl >"$work/make" 2>&1 ||
	note "no classctl: $(tail -n 3 "$work/make")"
tracing=/sys/kernel/tracing
[ -d $tracing/instances ] || mount -t tracefs tracefs $tracing
buffer=$tracing/instances/vmgang-isolate
mkdir -p $buffer || exit 1
at_exit "rmdir $buffer"
echo mono >$buffer/trace_clock
echo 16384 >$buffer/buffer_size_kb
# All or none: an exit that is not seen leaves its vCPU in the guest.
echo 0 >$buffer/tracing_on
echo 'prev_comm ~ "CPU*" || next_comm ~ "CPU*"' >$buffer/events/sched/sched_switch/filter
for event in kvm/kvm_entry kvm/kvm_exit sched/sched_switch; do
	echo 1 >"$buffer/events/$event/enable"
done

class_up
note "CPU 0 shares its core with: $(cat $siblings)"
vm_start left --vcpus 4 --payload compute || exit 1
left=$vm
vm_start right --vcpus 4 --payload compute || exit 1
right=$vm
until_true 5 in_class "$left" 4
until_true 5 in_class "$right" 4

threads_of() { # PID...: TID:VM of each vCPU
	local v f
	for v; do
		for f in "$sys/vms/$v"/vcpus/*/tid; do
			echo "$(cat "$f"):$v"
		done
	done | paste -s -d ' '
}
cores() {
	local f
	for f in /sys/devices/system/cpu/cpu[0-9]*/topology; do
		cpu=${f%/topology}
		echo "${cpu##*cpu}:$(sed 's/[-,].*//' "$f/thread_siblings_list")"
	done | paste -s -d ' '
}
# look SECONDS PID...: guest_us entries switch_us span_us
look() {
	local s=$1 lost
	shift
	echo >$buffer/trace
	echo 1 >$buffer/tracing_on
	sleep "$s"
	echo 0 >$buffer/tracing_on
	lost=$(awk '/^overrun/ { n += $2 } END { print n + 0 }' $buffer/per_cpu/cpu*/stats)
	awk -v vms="$(threads_of "$@")" -v cores="$(cores)" -f "$here/../../workloads/beside.awk" \
		$buffer/trace
	[ "$lost" -eq 0 ] || echo "$lost events lost" >&2
}
# ran SECONDS PID...: microseconds that each ran meanwhile
ran() {
	local s=$1 v a=() i=0
	shift
	for v; do a+=("$(stat_of "$v" run_us)"); done
	sleep "$s"
	for v; do
		echo "$(($(stat_of "$v" run_us) - a[i]))"
		i=$((i + 1))
	done | paste -s -d ' '
}
overlaps() { "$tree/kernel/class/build/classctl" stats | awk '$1 == "overlaps" { print $2 }'; }
# Since isolation was switched, which is when some may be on their way already.
started_apart() {
	is 0 $(($(overlaps) - overlaps)) 'the class has started nobody beside whom he may not be'
}
ratio() { awk -v a="$1" -v b="$2" 'BEGIN { printf "%.3f", b ? a / b : 0 }'; }

sleep 1
read -r guest entries switch span <<<"$(look 2 "$left" "$right")"
note "off: $guest us of $span beside each other in guest mode, $entries entries, switched in $switch us"
within "$(ratio "$guest" "$span")" 0.1 2 'off: two VMs share cores for part of the time'

knob "$left" isolate core
knob "$right" isolate core
is core "$(knob "$left" isolate)" 'the module takes it'
sleep 1
overlaps=$(overlaps)
read -r guest entries switch span <<<"$(look 2 "$left" "$right")"
note "core: $guest us of $span beside each other in guest mode, $entries entries, switched in $switch us"
within "$span" 1500000 30000000 'microseconds that the trace covers'
is '0 0' "$guest $entries" 'core: never two VMs in guest mode on one core'
before=$(($(stat_of "$left" frag_us) + $(stat_of "$right" frag_us)))
read -r a b <<<"$(ran 4 "$left" "$right")"
cost=$(($(stat_of "$left" frag_us) + $(stat_of "$right" frag_us) - before))
note "core: the VMs ran $a and $b us, $cost us of forced idle"
within "$(ratio "$a" "$b")" 0.93 1.07 'core: equal VMs, equal shares'
within "$(ratio $((a + b)) 16000000)" 0.75 1.05 'core: pCPUs in use by both'
started_apart

# One of them for itself, and one vCPU that leaves its sibling empty.
knob "$left" isolate off
knob "$right" isolate off
vm_stop "$right"
vm_start single --vcpus 1 --payload compute || exit 1
single=$vm
until_true 5 in_class "$single" 1
knob "$single" isolate core
sleep 1
overlaps=$(overlaps)
read -r guest entries switch span <<<"$(look 2 "$left" "$single")"
note "one isolated: $guest us of $span, $entries entries, switched in $switch us"
is '0 0' "$guest $entries" 'one isolated VM of two is enough'
# Each is read as long after the other as before: the shell takes its time.
other=$(stat_of "$left" run_us)
single_ran=$(stat_of "$single" run_us)
before=$(stat_of "$single" frag_us)
sleep 3
a=$(($(stat_of "$left" run_us) - other))
b=$(($(stat_of "$single" run_us) - single_ran))
cost=$(($(stat_of "$single" frag_us) - before))
note "one isolated: it ran $b us and left $cost us empty, the other ran $a us"
within "$(ratio "$cost" "$b")" 0.9 1.15 'its empty sibling counts as forced idle'
started_apart

# Who is on his way at that moment may still begin; he is made to leave at once.
i=0
while [ $i -lt 20 ]; do
	knob "$left" isolate core
	knob "$single" isolate off
	sleep 0.1
	knob "$left" isolate off
	knob "$single" isolate core
	sleep 0.1
	i=$((i + 1))
done
read -r a b <<<"$(ran 2 "$left" "$single")"
within "$a" 500000 16000000 'the one runs on after all changes'
within "$b" 200000 4000000 '… and the other'
note "begun beside another VM while it was switched 40 times: $(overlaps)"
read -r guest entries switch span <<<"$(look 2 "$left" "$single")"
is '0 0' "$guest $entries" 'isolated again after all changes'
is class "$(cat $sys/state)" 'the class is still in charge'
vm_stop "$left" "$single"
