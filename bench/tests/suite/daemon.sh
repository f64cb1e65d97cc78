#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Shows that vmgangd killed with -9 and started again changes nothing for running VMs.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
class_up
at_exit 'systemctl start vmgangd'
vm_start daemon --vcpus 2 --payload barrier || exit 1
until_true 5 in_class "$vm" 2
vmgang set "$vm" cosched=gang slice_us=15000
is 0 $? 'vmgang set takes a policy'
is gang "$(knob "$vm" cosched)" 'and it reaches the module'
old=$(systemctl show -P MainPID vmgangd)
link=$(bpftool link show 2>/dev/null | awk -F: '/struct_ops/ { print $1; exit }')
kill -KILL "$old"
sleep 0.3
is class "$(cat $sys/state)" 'the class stays when the daemon is killed'
until_true 1 in_class "$vm" 2
ok $? 'and the VM stays in it'
another() {
	[ "$(systemctl show -P MainPID vmgangd)" != "$old" ]
}
until_true 20 another
until_true 30 systemctl is-active --quiet vmgangd
ok $? 'systemd starts it again'
until_true 10 vmgang list >/dev/null
is "$link" "$(bpftool link show | awk -F: '/struct_ops/ { print $1; exit }')" \
	'the link of the class is the same one'
is gang "$(knob "$vm" cosched)" 'cosched is as it was'
is 15000 "$(knob "$vm" slice_us)" 'slice_us is as it was'
vmgang show "$vm" | grep -E 'cosched.*gang.*set'
ok $? 'and its source is still `set`'
pid=$(systemctl show -P MainPID vmgangd)
systemctl restart vmgangd
until_true 10 vmgang list >/dev/null
is "$link" "$(bpftool link show | awk -F: '/struct_ops/ { print $1; exit }')" \
	'a systemctl restart keeps the class too'
test "$pid" != "$(systemctl show -P MainPID vmgangd)"
ok $? 'under a new process'

# A stopped daemon must not stall anything but itself.
pid=$(systemctl show -P MainPID vmgangd)
kill -STOP "$pid"
at_exit "kill -CONT $pid 2>/dev/null"
vm_start meanwhile --vcpus 2 --payload compute
until_true 2 in_class "$vm" 2
ok $? 'a VM started while the daemon hangs enters the class'
kill -CONT "$pid"
vm_stop "${vmms[@]}"
