#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Shows that cosched=adaptive runs VMs together while they spin, and leaves those alone that only compute.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
class_up

for i in 1 2 3; do
	vm_start "spins$i" --vcpus 2 --payload barrier || exit 1
	vm_decided "$vm"
	knob "$vm" cosched adaptive
	is adaptive "$(knob "$vm" cosched)" 'the module takes it'
done
sleep 3
# Independent, such VMs run together for half of their time or less; a look at
# one, for half a second every 1.5 s at most, costs a gang a quarter.
within "$(co_run "$vm")" 70 100 'a VM that spins runs together: % of its time'
# All of them: one that is alone beside gangs has both pCPUs free at once anyhow.
for pid in "${vmms[@]}"; do
	knob "$pid" cosched off
done
sleep 1
within "$(co_run "$vm")" 0 69 'with all three switched off, it does not'
vm_stop "${vmms[@]}"

vmms=()
for i in 1 2 3; do
	vm_start "computes$i" --vcpus 2 --payload compute || exit 1
	vm_decided "$vm"
	knob "$vm" cosched adaptive
done
sleep 3
is 0 "$(gang_starts "$vm")" 'a VM that only computes is never started as a gang'
vm_stop "${vmms[@]}"
