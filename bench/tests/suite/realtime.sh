#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Shows that fifo and rr vCPUs are reported and left alone, and a change behind vmgang's back is not fought.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
class_up
vm_start rt --vcpus 2 --payload compute || exit 1
until_true 5 in_class "$vm" 2
tid=$(cat "$sys/vms/$vm/vcpus/1/tid")
chrt -f -p 1 "$tid"
is fifo "$(cat "$sys/vms/$vm/vcpus/1/sched_policy")" 'a vCPU that was made fifo is reported so'
sleep 1
is fifo "$(cat "$sys/vms/$vm/vcpus/1/sched_policy")" 'and stays so'
vmgang doctor | grep fifo | grep -q "VM $vm .*: 1 vCPUs"
ok $? 'vmgang doctor names it'
vm_stop "$vm"
