#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Shows that weights count through the cgroup hierarchy: two slices 1:3 with one and two VMs, changed live.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
class_up
top=/sys/fs/cgroup/vmgang-test
for slice in low high; do
	mkdir -p "$top/$slice.slice" "$work/$slice.slice"
	echo '+cpu' >"$top/$slice.slice/cgroup.subtree_control"
done
at_exit 'rmdir "$top/low.slice" "$top/high.slice" 2>/dev/null'
echo 100 >"$top/low.slice/cpu.weight"
echo 300 >"$top/high.slice/cpu.weight"
start() { # NAME: a VM that computes on both pCPUs, without a gang
	vm_start "$1" --vcpus 2 --payload compute || exit 1
	knob "$vm" cosched off
	until_true 5 in_class "$vm" 2
}
start low.slice/one
one=$vm
start high.slice/two
two=$vm
start high.slice/three
three=$vm
shares_are 'slices 1:3 with one VM and two' "$one" 0.25 "$two" 0.375 "$three" 0.375

# A weight within a slice changes nothing for those outside.
echo 200 >"$top/high.slice/two.scope/cpu.weight"
shares_are 'a VM of one slice twice as heavy' "$one" 0.25 "$two" 0.5 "$three" 0.25
echo 300 >"$top/low.slice/cpu.weight"
shares_are 'slices 3:3' "$one" 0.5 "$two" 0.333333 "$three" 0.166667

# Who goes leaves his part to his slice; who comes beside the slices counts like one.
vm_stop "$two"
shares_are 'one VM in each slice' "$one" 0.5 "$three" 0.5
start four
shares_are 'a third beside them, of weight 100' "$one" 0.428571 "$three" 0.428571 "$vm" 0.142857

# One that is moved counts where it is.
mkdir "$top/low.slice/moved.scope"
echo "$vm" >"$top/low.slice/moved.scope/cgroup.procs"
shares_are 'which goes into the first slice' "$one" 0.25 "$three" 0.5 "$vm" 0.25

# The class keeps to the cap of the VM's own cgroup only; whoever sets another is told.
! vmgang doctor | grep -q 'low.slice is not kept'
ok $? 'no word about caps above'
echo '50000 100000' >"$top/low.slice/cpu.max"
vmgang doctor >"$work/doctor"
grep -q 'low.slice is not kept' "$work/doctor"
ok $? 'doctor names a cap above the VM: '"$(grep 'not kept' "$work/doctor" | head -1)"
vm_stop "$one" "$three" "$vm"
