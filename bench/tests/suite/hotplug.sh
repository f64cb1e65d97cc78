#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Shows that a pCPU can go and come back under the class, and VMs run on.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
[ -w /sys/devices/system/cpu/cpu1/online ] || skip 'cpu1 can not be taken offline here'
class_up
at_exit 'echo 1 >/sys/devices/system/cpu/cpu1/online; systemctl start vmgangd'
vm_start hotplug --vcpus 2 --payload barrier || exit 1
knob "$vm" cosched gang
vms_give_way
until_true 5 in_class "$vm" 2
expect 'sched_ext: BPF scheduler "vmgang".* disabled'
before=$(attachments)
echo 0 >/sys/devices/system/cpu/cpu1/online
until_true 20 attached_after "$before"
ok $? "the class is back after the pCPU went"
until_true 5 in_class "$vm" 2
a=$(stat_of "$vm" run_us)
sleep 1
within $(($(stat_of "$vm" run_us) - a)) 100000 1500000 'both vCPUs share the one left'
before=$(attachments)
echo 1 >/sys/devices/system/cpu/cpu1/online
until_true 20 attached_after "$before"
ok $? "and after it came back"
until_true 5 in_class "$vm" 2
a=$(stat_of "$vm" run_us)
sleep 2
within $(($(stat_of "$vm" run_us) - a)) 2500000 4400000 'the VM has both pCPUs again'
vm_stop "$vm"
