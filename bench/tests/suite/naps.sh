#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Shows that stints are short while who wakes often has to wait, which has its share, and are long again without it.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
class_up

busy=()
for i in 1 2; do
	vm_start "busy$i" --pin 0 --payload compute || exit 1
	until_true 5 in_class "$vm" 1
	vm_plain "$vm"
	busy+=("$vm")
done

# stints SECONDS: how often one of the two has had to make room
stints() {
	local pid n=0
	for pid in "${busy[@]}"; do n=$((n - $(stat_of "$pid" preemptions))); done
	sleep "$1"
	for pid in "${busy[@]}"; do n=$((n + $(stat_of "$pid" preemptions))); done
	echo $n
}

sleep 1
within "$(stints 4)" 120 280 'two that compute take turns of 20 ms, in 4 s'

# It runs for 3 of 5 ms if it is let, and a third is its.
vm_start waker --pin 0 --payload yieldy --run-us 3000 --halt-us 2000 || exit 1
waker=$vm
until_true 5 in_class "$waker" 1
vm_plain "$waker"
sleep 2
from=()
for pid in "$waker" "${busy[@]}"; do from+=("$(stat_of "$pid" run_us)"); done
within "$(stints 4)" 350 4000 'beside one that wakes often their turns are short'
got=() i=0
for pid in "$waker" "${busy[@]}"; do
	got+=("$(($(stat_of "$pid" run_us) - from[i]))")
	i=$((i + 1))
done
within "$(echo "${got[@]}" | awk '{ printf "%.3f", $1 / ($1 + $2 + $3) }')" 0.31 0.345 \
	'which has its third'
vm_stop "$waker"
sleep 2
within "$(stints 4)" 120 280 'without it they are as before'
vm_stop "${busy[@]}"
