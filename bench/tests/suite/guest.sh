#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Shows that a Linux guest of libvirt boots as a gang from its first instruction, and can be given vCPUs and lose them.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
guest=$here/../../demo/guest
command -v virsh >/dev/null || skip 'no libvirt here'
class_up
systemctl start libvirtd
at_exit '"$guest" stop plug >/dev/null 2>&1'
"$guest" start plug --vcpus 2 --max-vcpus 4 --load sync --metadata preset=esx
is 0 $? 'a domain with metadata starts'
vm=$(cat /run/libvirt/qemu/plug.pid)
until_true 10 test -e "$sys/vms/$vm/pid"
until_true 5 in_class "$vm" 2
ok $? 'both vCPUs are in the class'
is gang "$(knob "$vm" cosched)" 'the metadata is its policy'
"$guest" wait plug 120 >/dev/null
ok $? 'it boots and works'

works() { # its rounds went on by N at least, within 20 s
	local before now deadline=$((SECONDS + 20))
	before=$("$guest" read plug | cut -d' ' -f2)
	while [ "$SECONDS" -lt "$deadline" ]; do
		now=$("$guest" read plug | cut -d' ' -f2)
		[ "$((now - before))" -ge "$1" ] && return
		sleep 0.5
	done
	return 1
}
works 100
ok $? 'its work goes on'

plugged() {
	[ "$(cat "$sys/vms/$vm/nr_vcpus")" -ge "$1" ] && in_class "$vm" "$1"
}
LIBVIRT_DEFAULT_URI=qemu:///system virsh -q setvcpus plug 4 --live
is 0 $? 'virsh setvcpus 4 --live'
until_true 60 plugged 4
ok $? 'the two new vCPUs are in the class'
works 20
ok $? 'the guest works on with them'

# KVM keeps a vCPU that is unplugged, without a thread, for the next one.
running() {
	[ "$(cat "$sys/vms/$vm"/vcpus/*/sched_policy | grep -c ext)" -eq "$1" ]
}
LIBVIRT_DEFAULT_URI=qemu:///system virsh -q setvcpus plug 2 --live
if [ $? -eq 0 ]; then
	until_true 60 running 2
	ok $? 'virsh setvcpus 2 --live: two threads are left in the class'
	works 20
	ok $? 'the guest works on without them'
	LIBVIRT_DEFAULT_URI=qemu:///system virsh -q setvcpus plug 4 --live
	until_true 60 running 4
	ok $? 'and they come back'
else
	note 'the guest does not give a vCPU back'
fi
"$guest" stop plug
until_true 10 test ! -e "$sys/vms/$vm"
ok $? 'the VM is gone when the domain is'
