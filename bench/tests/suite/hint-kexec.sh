#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Shows that a hint does not outlive what it points at: memory that is taken away, a kernel that becomes another.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
class_up
lease=$(awk '$2 == "VMGANG_HINT_LEASE_S" { print $3 }' "$here/../../../kernel/guest/hint.h")
before=$(pins)

# What the Linux guests below are made of, meanwhile.
guest=$here/../../demo/guest
"$guest" image >/dev/null 2>&1 &
image=$!

# Guests whose words are in a memory slot that goes while they run on, each word
# saying "held": some renew the hint, some gave it once.
declare -A of
for name in renews-{unmap,move,replace} held-{unmap,replace,end}; do
	fate=${name#*-}
	vm_start "$name" --pin 1 --payload "${name%-*}" --slot "${fate/end/unmap}" \
		--work 1000 --think 3000 || exit 1
	of[$name]=$vm
	knob "$vm" slice_us 4000
done
for name in "${!of[@]}"; do
	until_true 5 hints "${of[$name]}" 50 || ok 1 "the hint of '$name' is heard"
done
pinned_are $((before + 6)) 'a page of each is pinned'
for name in held-unmap held-replace; do
	knob "${of[$name]}" guard hint
done
lose() { # NAME...: their VMMs do to the slot what the name says
	local name
	for name; do
		kill -HUP "${of[$name]}"
	done
}
# locked NAME...: those of its preemptions in 2 s that were in a lock, of each
declare -A all locked
locked() {
	local name
	for name; do
		all[$name]=$(stat_of "${of[$name]}" preemptions)
		locked[$name]=$(stat_of "${of[$name]}" preemptions_in_lock)
	done
	sleep 2
	for name; do
		all[$name]=$(($(stat_of "${of[$name]}" preemptions) - all[$name]))
		locked[$name]=$(($(stat_of "${of[$name]}" preemptions_in_lock) - locked[$name]))
		note "$name: ${locked[$name]} of ${all[$name]} preemptions in a lock"
	done
}
lose "${!of[@]}"
since=$SECONDS
until_true 2 hints "${of[renews-unmap]}" 0 && until_true 2 hints "${of[renews-move]}" 0
ok $? 'a hint at memory that is no longer there is not taken again'
pinned_are $((before + 4)) 'and its page is let go of'
sleep 0.5
locked renews-replace held-replace
within "${all[renews-replace]}" 10 100000 'one that renews its hint is preempted'
is 0 "${locked[renews-replace]}" 'its new memory is looked at, which says that no lock is held'
within "${locked[held-replace]}" 1 100000 'the old memory of one that does not is, for the time being'
vm_stop "${of[renews-unmap]}" "${of[renews-move]}" "${of[renews-replace]}" "${of[held-end]}"
pinned_are $((before + 2)) 'a page goes with the VM, be it unmapped or not'
within $((SECONDS - since)) 0 $((lease - 1)) 'all that before any lease has ended, s'

# Linux guests that become another kernel with the driver loaded. The others, of
# which two are left, make room for them.
command -v virsh >/dev/null || skip 'no libvirt here, so no Linux guest'
echo 10 >/sys/fs/cgroup/vmgang-test/cpu.weight
at_exit 'echo 100 >/sys/fs/cgroup/vmgang-test/cpu.weight'
at_exit '"$guest" stop orderly >/dev/null 2>&1; "$guest" stop crash >/dev/null 2>&1'
console() { # NAME TEXT: has it said that?
	grep -q "guest: $2" "/var/lib/libvirt/images/vmgang-demo/$1.console"
}
wait "$image"
systemctl start libvirtd
"$guest" start orderly --memory 256 --load compute --hint on --kexec orderly
"$guest" start crash --memory 448 --load compute --hint on --kexec crash
orderly=$(cat /run/libvirt/qemu/orderly.pid)
crash=$(cat /run/libvirt/qemu/crash.pid)
until_true 30 hints "$orderly" 500
ok $? 'a guest gives its hint'
since_orderly=$SECONDS
until_true 15 hints "$orderly" 0
within $((SECONDS - since_orderly)) 0 $((lease - 1)) 'kexec takes the hint back, no lease has ended since it came, s'
until_true 30 hints "$crash" 500
ok $? 'the one that will crash gives a hint, too'
until_true 20 console crash 'crash kexec'
ok $? 'the other crashes'
since=$SECONDS
until_true 10 hints "$crash" 0
within $((SECONDS - since)) 0 $((lease + 5)) 'nobody takes its hint back, it ends by itself, s'

# The lease of the micro-VMs, which are here still, is over as well.
for name in held-unmap held-replace; do
	until_true 5 hints "${of[$name]}" 0
	ok $? "the hint of '$name' has ended by itself"
done
extensions=$(stat_of "${of[held-unmap]}" guard_extensions)
within "$extensions" 1 1000000 'one of them was guarded for what its old memory said'
locked held-unmap held-replace
within "${all[held-unmap]}" 10 100000 'it is preempted on'
is '0 0' "${locked[held-unmap]} ${locked[held-replace]}" 'and nobody looks at its old memory any more'
is "$extensions" "$(stat_of "${of[held-unmap]}" guard_extensions)" 'nor is it guarded for it'
until_true 20 hints "$orderly" 500
ok $? 'the second kernel gives its own hint'
"$guest" wait orderly 60 >/dev/null && console orderly compute
ok $? 'and works'
"$guest" wait crash 60 >/dev/null && console crash compute
ok $? 'so does the one after the crash'
is 0 "$(cat "$sys/vms/$crash"/vcpus/*/hint_us | sort -u)" 'which gives none'
pinned_are $((before + 4)) 'what is pinned is what the second kernel with the driver lends'
"$guest" stop orderly
pinned_are "$before" 'and nothing when it is gone, though the others live'
"$guest" stop crash
vm_stop "${of[held-unmap]}" "${of[held-replace]}"
