#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Shows that stints, also of gangs, are short while who wakes often has to wait, which has its share, and only then.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
class_up

start() { # NAME PCPU VMM-OPTION...: into vm
	vm_start "$1" --pin "$2" "${@:3}" || exit 1
	until_true 5 in_class "$vm" 1
	vm_plain "$vm"
}
# stints SECONDS: how often one of the two has had to make room
stints() {
	local pid n=0
	for pid in "${busy[@]}"; do n=$((n - $(stat_of "$pid" preemptions))); done
	sleep "$1"
	for pid in "${busy[@]}"; do n=$((n + $(stat_of "$pid" preemptions))); done
	echo $n
}

# On one pCPU two that compute; on the other one that wakes often, and one that does not.
start busy1 0 --payload compute
busy=("$vm")
start busy2 0 --payload compute
busy+=("$vm")
start rival 1 --payload compute
rival=$vm
sleep 1
within "$(stints 4)" 120 280 'two that compute take turns of 20 ms, in 4 s'

# It runs for 3 of 5 ms if it is let, and half is its.
start waker 1 --payload yieldy --run-us 3000 --halt-us 2000
waker=$vm
sleep 2
a=$(stat_of "$waker" run_us) b=$(stat_of "$rival" run_us)
within "$(stints 4)" 400 2000 'while another has to wait when it wakes their turns are short'
a=$(($(stat_of "$waker" run_us) - a)) b=$(($(stat_of "$rival" run_us) - b))
within "$(awk -v a="$a" -v b="$b" 'BEGIN { printf "%.3f", a / (a + b) }')" 0.46 0.515 \
	'which has its half'
vm_stop "$waker"
sleep 2
within "$(stints 4)" 120 280 'without it they are as before'
vm_stop "${busy[@]}" "$rival"

# Gangs make room, too, for who wakes often, though their stints are 20 ms long without
# it. It runs for 3 of 4 ms if it is let, and two thirds of a pCPU are its.
vmms=() gangs=()
for i in 1 2; do
	vm_start "gang$i" --vcpus 2 --payload compute || exit 1
	until_true 5 in_class "$vm" 2
	vm_plain "$vm"
	knob "$vm" cosched gang
	gangs+=("$vm")
done
sleep 2
within "$(gang_starts "${gangs[0]}")" 50 130 'two gangs take turns of 20 ms: starts of one in 4 s'
vm_start waker --payload yieldy --run-us 3000 --halt-us 1000 || exit 1
vm_plain "$vm"
sleep 2
a=$(stat_of "$vm" run_us) b=${EPOCHREALTIME/./}
sleep 6
a=$(($(stat_of "$vm" run_us) - a)) b=$((${EPOCHREALTIME/./} - b))
within "$(awk -v a="$a" -v b="$b" 'BEGIN { printf "%.3f", a / b }')" 0.54 0.72 \
	'beside two gangs who wakes often has its two thirds of a pCPU'
vm_stop "${gangs[@]}" "$vm"
