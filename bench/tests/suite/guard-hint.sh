#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Shows that guard=hint spares who holds a lock, for as long as it said and guard_us at most; a lie gains nothing.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
class_up

# Two VMs of one vCPU on one pCPU: one holds a lock for half of its time, in
# pieces far shorter than a look; the other computes. Under emulation a look takes
# up to a millisecond, so ten of them: one in a thousand finds the lock held each
# time.
vm_start holder --pin 0 --payload held --work 2000 --think 2000 --hint-control 75536 || exit 1
holder=$vm
vm_start rival --pin 0 --payload compute || exit 1
rival=$vm
until_true 5 test "$(cat "$sys/vms/$holder/vcpus/0/hint_us")" = 10000
for v in "$holder" "$rival"; do
	knob "$v" slice_us 4000
done

measure() { # SECONDS: sets the holder's share of the pCPU and of its preemptions in a lock
	local r s p l
	r=$(stat_of "$holder" run_us) s=$(stat_of "$rival" run_us)
	p=$(stat_of "$holder" preemptions) l=$(stat_of "$holder" preemptions_in_lock)
	sleep "$1"
	r=$(($(stat_of "$holder" run_us) - r)) s=$(($(stat_of "$rival" run_us) - s))
	p=$(($(stat_of "$holder" preemptions) - p)) l=$(($(stat_of "$holder" preemptions_in_lock) - l))
	cpu=$(awk -v r="$r" -v s="$s" 'BEGIN { printf "%.4f", r / (r + s) }')
	locked=$(awk -v p="$p" -v l="$l" 'BEGIN { printf "%.4f of %d", p ? l / p : 1, p }')
}
measure 8
within "$locked" 0.4 0.6 'guard=off: preemptions in a lock, share'
off=${locked%% *}
knob "$holder" guard_us 10000
knob "$holder" guard hint
measure 10
within "$locked" 0 "$(awk -v o="$off" 'BEGIN { print o / 20 }')" \
	'guard=hint: less by more than 95 %, share'
within "$cpu" 0.48 0.52 'and its share of the pCPU is what it was'
within "$(stat_of "$holder" guard_extensions)" 100 1000000 'extensions are counted'
# One look late at most, and what the machine below takes.
within "$(stat_of "$holder" guard_max_us)" 1 30000 'the longest, us'

# A guest that always says that it holds a lock, and for as long as can be said.
vm_stop "$holder"
vm_start liar --pin 0 --payload held --work 100000 --think 1 --hint-control 131071 || exit 1
holder=$vm
until_true 5 test "$(cat "$sys/vms/$holder/vcpus/0/hint_us")" = 65535
knob "$holder" slice_us 4000
knob "$holder" guard_us 1000
knob "$holder" guard hint
sleep 1
x=$(stat_of "$holder" guard_expiries) g=$(stat_of "$holder" guarded_us)
measure 10
x=$(($(stat_of "$holder" guard_expiries) - x)) g=$(($(stat_of "$holder" guarded_us) - g))
within "$cpu" 0.48 0.52 'who always claims a lock has no more of the pCPU than before'
within "$x" 100 1000000 'its extensions end with the bound'
within "$(awk -v x="$x" -v g="$g" 'BEGIN { print x ? g / x : 0 }')" 900 5000 \
	'which is guard_us, not what it asked for, us on the average'

# One that lets go in time, by its own word, is not held up longer than that.
vm_stop "$holder"
vm_start brief --pin 0 --payload held --work 100000 --think 1 --hint-control 65736 || exit 1
holder=$vm
until_true 5 test "$(cat "$sys/vms/$holder/vcpus/0/hint_us")" = 200
knob "$holder" slice_us 4000
knob "$holder" guard_us 2000
knob "$holder" guard hint
sleep 1
x=$(stat_of "$holder" guard_expiries) g=$(stat_of "$holder" guarded_us)
sleep 6
x=$(($(stat_of "$holder" guard_expiries) - x)) g=$(($(stat_of "$holder" guarded_us) - g))
within "$(awk -v x="$x" -v g="$g" 'BEGIN { print x ? g / x : 0 }')" 150 1500 \
	'who asks for less than guard_us gets no more than that, us on the average'
vm_stop "$holder" "$rival"
