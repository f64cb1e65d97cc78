#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Shows that cosched=adaptive runs VMs together while they spin, and leaves those alone that only compute.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
class_up
together() { # PID: its co-run share in % over 4 s
	local run corun
	run=$(stat_of "$1" run_us) corun=$(stat_of "$1" corun_us)
	sleep 4
	awk -v r="$(($(stat_of "$1" run_us) - run))" -v c="$(($(stat_of "$1" corun_us) - corun))" \
		'BEGIN { printf "%.0f", r ? 100 * c / r : 0 }'
}
starts() { # PID: gang starts over 4 s
	local before
	before=$(stat_of "$1" gang_starts)
	sleep 4
	echo $(($(stat_of "$1" gang_starts) - before))
}

for i in 1 2 3; do
	vm_start "spins$i" --vcpus 2 --payload barrier || exit 1
	vm_plain "$vm"	# what the daemon decides has been decided then
	knob "$vm" cosched adaptive
	is adaptive "$(knob "$vm" cosched)" 'the module takes it'
done
sleep 3
# Independent, such VMs run together for half of their time or less; a look at
# one, for half a second every 1.5 s at most, costs a gang a quarter.
within "$(together "$vm")" 70 100 'a VM that spins runs together: % of its time'
# All of them: one that is alone beside gangs has both pCPUs free at once anyhow.
for pid in "${vmms[@]}"; do
	knob "$pid" cosched off
done
sleep 1
within "$(together "$vm")" 0 69 'with all three switched off, it does not'
vm_stop "${vmms[@]}"

vmms=()
for i in 1 2 3; do
	vm_start "computes$i" --vcpus 2 --payload compute || exit 1
	vm_plain "$vm"	# what the daemon decides has been decided then
	knob "$vm" cosched adaptive
done
sleep 3
is 0 "$(starts "$vm")" 'a VM that only computes is never started as a gang'
vm_stop "${vmms[@]}"
