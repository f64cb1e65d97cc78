#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Shows that guard=kernel keeps vCPUs from being preempted in guest kernel mode, within a bound, and charges it.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
class_up
is 'off kernel hint' "$(cat $sys/guard_values)" 'the module lists what it takes'

# Three VMs of two vCPUs; the first is in ring 0 for half of its time, in
# stretches of some 100 us, as a guest that lives by system calls.
vm_start calls --vcpus 2 --payload syscall --work 16000 --think 16000 || exit 1
calls=$vm
others=()
for i in 1 2; do
	vm_start "other$i" --vcpus 2 --payload compute || exit 1
	others+=("$vm")
done
# Short stints, so that their ends are many more than what the host's own threads
# preempt, whom no guard delays: some 3 a second in an idle host.
for pid in "$calls" "${others[@]}"; do
	until_true 5 in_class "$pid" 2
	knob "$pid" slice_us 5000
done
rate() { # of 1000 preemptions in 8 s, how many in guest kernel mode
	local all kernel
	all=$(stat_of "$calls" preemptions) kernel=$(stat_of "$calls" preemptions_in_kernel)
	sleep 8
	all=$(($(stat_of "$calls" preemptions) - all))
	note "$all preemptions" >&2
	echo $((1000 * ($(stat_of "$calls" preemptions_in_kernel) - kernel) / (all + !all)))
}
before=$(rate | tail -n 1)
within "$before" 250 1000 'without guard: of 1000 preemptions, in guest kernel mode'
is 0 "$(stat_of "$calls" guard_extensions)" 'and nothing is extended'
knob "$calls" guard kernel
is kernel "$(knob "$calls" guard)" 'the module takes it'
# 20 looks within the bound, each of which meets the guest in ring 3 every other
# time. An emulated host's timers are late by up to some ms: so the longest bound.
# What is left is what the host's threads preempt, between 24 and 87 of 1,000.
knob "$calls" guard_us 10000
sleep 1
within "$(rate | tail -n 1)" 0 $((before / 4)) "with guard=kernel: the same, at most a quarter of $before"
within "$(stat_of "$calls" guard_extensions)" 50 1000000000 'stints have been extended'
echo 99 2>/dev/null >"$sys/vms/$calls/policy/guard_us"
is 10000 "$(knob "$calls" guard_us)" 'a bad bound is refused and the old one stays'
vm_stop "$calls" "${others[@]}"

# A guest that never leaves kernel mode, beside three honest ones that are not guarded.
pids=()
for i in 0 1 2 3; do
	vm_start "vm$i" --vcpus 2 --payload compute || exit 1
	until_true 5 in_class "$vm" 2
	pids+=("$vm")
done
knob "${pids[0]}" guard kernel
knob "${pids[0]}" guard_us 10000
sleep 1
from=() got=() lost=$(stat_of "${pids[0]}" preemptions_in_kernel)
for i in 0 1 2 3; do from[i]=$(stat_of "${pids[i]}" run_us); done
sleep 12
for i in 0 1 2 3; do got[i]=$(($(stat_of "${pids[i]}" run_us) - from[i])); done
share=$(echo "${got[@]}" | awk '{ printf "%.4f", $1 / ($1 + $2 + $3 + $4) }')
within "$share" 0.245 0.255 'a guest that is never safe has its quarter'
lost=$(($(stat_of "${pids[0]}" preemptions_in_kernel) - lost))
n=$(stat_of "${pids[0]}" guard_expiries)
within "$n" 5 1000000000 'its extensions end with the bound'
within "$n" 0 $((20 + lost / 8)) "and are few, of $lost times that it was preempted"
# The last look is at the bound; it is late by what an interrupt takes, which on
# an emulated host is ms now and then, so the mean is what can be held to it.
n=$(stat_of "${pids[0]}" guard_extensions)
within $(($(stat_of "${pids[0]}" guarded_us) / n)) 8000 13000 'how long they are in the mean, us'
note "the longest: $(stat_of "${pids[0]}" guard_max_us) us"
is 0 "$(stat_of "${pids[1]}" guard_extensions)" 'and nobody else is extended'
vm_stop "${pids[@]}"
