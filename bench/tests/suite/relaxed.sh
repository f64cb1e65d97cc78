#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Shows that cosched=relaxed keeps vCPUs within skew_us of each other, by co-stopping those that lead.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
class_up
grep -qw relaxed $sys/cosched_values
ok $? 'the module lists it'
cpus=$(nproc)
# One vCPU more than there are pCPUs: at any time one of them has to wait.
vm_start relaxed --vcpus $((cpus + 1)) --payload compute || exit 1
relaxed=$vm
vm_start other --vcpus 1 --payload compute || exit 1
other=$vm
until_true 5 in_class "$relaxed" $((cpus + 1))
until_true 5 in_class "$other" 1
vm_plain "$relaxed" "$other"

# run_times PID: run + wait of each vCPU, in microseconds
run_times() {
	local v
	for v in "$sys/vms/$1"/vcpus/*; do
		echo -n "$(($(cat "$v/run_us") + $(cat "$v/wait_us"))) "
	done
}
spread() { # BEFORE AFTER: between the one that came furthest and the one that came least far
	awk -v a="$1" -v b="$2" 'BEGIN { n = split(a, x); split(b, y)
		for (i = 1; i <= n; i++) { d = y[i] - x[i]
			if (i == 1 || d > max) max = d
			if (i == 1 || d < min) min = d }
		print max - min }'
}

# apart SKEW_US [ROUNDS]: sets it, in each of some rounds anew; the least over the rounds of how far
# apart the vCPUs came, as seen from outside each 50 ms and by the module's own account; and
# all co-stop time. The least, since a host whose processors are not all served at times has
# rounds in which ticks are late; the class's own mistakes would be in each of them.
apart() {
	local round i from seen most said costop least=1000000000 least_said=1000000000
	costop=$(stat_of "$relaxed" costop_us)
	for ((round = 0; round < ${2:-8}; round++)); do
		knob "$relaxed" skew_us $(($1 + 1))
		knob "$relaxed" skew_us "$1"
		from=$(run_times "$relaxed") most=0
		for ((i = 0; i < 8; i++)); do
			sleep 0.05
			seen=$(spread "$from" "$(run_times "$relaxed")")
			[ "$seen" -le "$most" ] || most=$seen
		done
		said=$(stat_of "$relaxed" skew_max_us)
		[ "$most" -ge "$least" ] || least=$most
		[ "$said" -ge "$least_said" ] || least_said=$said
	done
	echo "$least $least_said $(($(stat_of "$relaxed" costop_us) - costop))"
}

read -r off off_said off_costop <<<"$(apart 2000 2)"
note "cosched=off: apart by $off us as seen, $off_said us as said; co-stopped for $off_costop us"
knob "$relaxed" skew_us 5000
knob "$relaxed" cosched relaxed
is relaxed "$(knob "$relaxed" cosched)" 'the module takes it'
sleep 0.5
read -r near near_said near_costop <<<"$(apart 2000)"
note "2 ms: apart by $near us as seen, $near_said us as said; co-stopped for $near_costop us"
read -r far far_said far_costop <<<"$(apart 60000)"
note "60 ms: apart by $far us as seen, $far_said us as said; co-stopped for $far_costop us"
# Reading the files of all vCPUs one after the other takes some time itself.
within "$off_said" $((off > 8000 ? off - 8000 : 0)) 600000 \
	'off: what is said of how far they are apart is no less than what is seen'
within "$off_said" $((near_said + 4000)) 600000 'and that is further than with 2 ms'
is 0 "$off_costop" 'since nobody was co-stopped'
# A tick is 4 ms; one may be late.
within "$near_said" 1 $((2000 + 2 * 4000)) 'with 2 ms they are at most that and two ticks apart'
within "$far_said" $((near_said + 4000)) $((60000 + 2 * 4000)) \
	'with 60 ms they are further apart, but no more than that'
within "$near" 0 $((2000 + 4 * 4000)) 'the same with 2 ms, seen from outside'
within "$near_costop" 1000 1000000000 'leaders were co-stopped'
before=$(stat_of "$relaxed" skew_max_us)
own=$(sort -n "$sys/vms/$relaxed"/vcpus/*/skew_max_us | tail -n 1)
within "$own" "$before" "$(stat_of "$relaxed" skew_max_us)" \
	"the VM's largest skew is that of the vCPU that was furthest behind"
for v in "$sys/vms/$relaxed"/vcpus/*; do
	within "$(cat "$v/skew_max_us")" 1 "$(stat_of "$relaxed" skew_max_us)" \
		"vCPU ${v##*/} has been behind"
	within "$(cat "$v/run_us")" 100000 1000000000 "vCPU ${v##*/} has run"
done

# Shares are by weight whatever the skew: both have the same.
before="$(stat_of "$relaxed" run_us) $(stat_of "$other" run_us)"
sleep 4
within "$(echo "$before $(stat_of "$relaxed" run_us) $(stat_of "$other" run_us) $cpus" |
	awk '{ own = $3 - $1; other = $4 - $2; fair = $5 > 1 ? ($5 - 1) : 1; print own / other / fair }')" \
	0.85 1.15 'it has its share beside the other VM'

# A gang that is wider than the host's cells does the same.
knob "$relaxed" cosched gang
read -r wide wide_said _ <<<"$(apart 3000)"
note "a gang that is too wide: apart by $wide us as seen, $wide_said us as said"
within "$wide_said" 1 $((3000 + 2 * 4000)) 'a gang wider than its cell is as relaxed'

# Every kind to every other, under load.
for value in off gang strict relaxed adaptive relaxed strict gang relaxed off strict adaptive \
	gang off relaxed; do
	knob "$relaxed" cosched $value
	knob "$other" cosched relaxed
	sleep 0.2
	knob "$other" cosched off
done
before=$(run_times "$relaxed")
sleep 2
echo "$before" "$(run_times "$relaxed")" >"$work/cycle"
awk '{ n = NF / 2; for (i = 1; i <= n; i++) if ($(i + n) - $i < 100000) exit 1 }' "$work/cycle"
ok $? 'after all changes every vCPU runs on'
is class "$(cat $sys/state)" 'the class is still in charge'
vm_stop "$relaxed" "$other"
