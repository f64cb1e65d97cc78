#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Shows that the module can not be unloaded under the class, and unloads cleanly after, with VMs running.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
class_up
at_exit 'modprobe vmgang; systemctl start vmgangd'
none=$(pins)
# One that names a page to the module, in which it says when it holds a lock.
vm_start unload --vcpus 2 --payload held || exit 1
pinned_are $((none + 2)) 'a page is pinned for each vCPU with a hint'
unload=$vm
vms_give_way
chrt -o -p 0 "$vm" 2>/dev/null
until_true 2 in_class "$vm" 2
ok $? 'the VM is in the class'
message=$(modprobe -r vmgang 2>&1)
ok $((! $?)) "modprobe -r is refused while the class is attached: ${message##*: }"
until_true 2 in_class "$vm" 2
ok $? 'and the VM stays in the class'
vm_start realtime --vcpus 2 --payload compute || exit 1
until_true 2 in_class "$vm" 2
realtime=$sys/vms/$vm/vcpus
chrt -f -p 1 "$(cat "$realtime/1/tid")"
systemctl stop vmgangd
is observe "$(cat $sys/state)" 'systemctl stop vmgangd takes the class away'
until_true 5 out_of_class "$vm"
is 'normal fifo' "$(cat "$realtime"/{0,1}/sched_policy | paste -s -d ' ')" \
	'a vCPU that was made fifo meanwhile stays so, its sibling is as before'
vm_stop "$vm"
vm=$unload
until_true 5 out_of_class "$vm"
ok $? "every thread has its former policy back"
modprobe -r vmgang
is 0 $? 'modprobe -r works with a VM running'
test ! -e $sys
ok $? 'sysfs is gone'
pinned_are "$none" 'no page is pinned any more'
bad=$(for t in /proc/"$vm"/task/*; do chrt -p "${t##*/}"; done | grep -c 'policy: SCHED_EXT')
is 0 "$bad" 'no thread is left in SCHED_EXT'
kill -0 "$vm"
ok $? 'the VM lives'
modprobe vmgang
until_true 10 test -e "$sys/vms/$vm/pid"
ok $? 'loaded again, the module finds the running VM by itself'
until_true 20 state_is class
ok $? 'and loading it starts vmgangd, which attaches the class'
vm_stop "$vm"
