#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Shows that the class can be attached and detached under running VMs, 50 times or VMGANG_ROUNDS.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
class_up
at_exit 'systemctl start vmgangd'
vm_start gang1 --vcpus 2 --payload barrier || exit 1
gang1=$vm
knob "$vm" cosched gang
vm_start off1 --vcpus 1 --payload compute || exit 1
off1=$vm
vms_give_way
good=0 rounds=${VMGANG_ROUNDS:-50}
systemctl reset-failed vmgangd 2>/dev/null
for _ in $(seq "$rounds"); do
	systemctl stop vmgangd || break
	state_is observe || break
	systemctl reset-failed vmgangd 2>/dev/null
	systemctl start vmgangd || break
	until_true 20 state_is class || break
	until_true 5 in_class "$gang1" 2 || break
	good=$((good + 1))
done
is "$rounds" $good "attached and detached $rounds times"
a=$(stat_of "$gang1" run_us) b=$(stat_of "$off1" run_us)
sleep 2
within $(($(stat_of "$gang1" run_us) - a)) 400000 5000000 'the gang runs on'
within $(($(stat_of "$off1" run_us) - b)) 200000 2500000 'the other VM runs on'
vm_stop "$gang1" "$off1"
