#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Shows that a guest's word about its locks is heard and counted, a wrong one is not, and nothing is left of it.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
class_up
none=$(pins)
lease=$(awk '$2 == "VMGANG_HINT_LEASE_S" { print $3 }' "$here/../../../kernel/guest/hint.h")

# A Linux guest with the driver, which boots, works and then stands still, so that
# the pCPUs are others', until it is to renew its hint.
guest=$here/../../demo/guest
consoles=/var/lib/libvirt/images/vmgang-demo
linux=0
if command -v virsh >/dev/null; then
	linux=1
	test -e "$here/../../../kernel/guest/vmgang-hint.ko"
	ok $? "the driver is built for this kernel"
	systemctl start libvirtd
	at_exit '"$guest" stop hinter >/dev/null 2>&1; "$guest" stop brief >/dev/null 2>&1'
	"$guest" start hinter --vcpus 2 --load compute --hint on
	hinter=$(cat /run/libvirt/qemu/hinter.pid)
	"$guest" wait hinter 120 >/dev/null
	ok $? 'a Linux guest with the driver boots and works'
	hints "$hinter" 500
	ok $? 'both of its vCPUs give a hint'
	virsh -q suspend hinter
else
	note 'no libvirt here, so no Linux guest'
fi

# One that offers its word once; when its lease ends, it is as if it never had.
vm_start once --pin 1 --payload held || exit 1
once=$vm
until_true 5 hints "$once" 50
ok $? 'a hint is heard'
kill -STOP "$once"
since=$SECONDS
before=$(pins)

# Three VMs on one pCPU: one holds a lock for a quarter of its time, one for
# three quarters, one says nothing. Some 500 preemptions each, so that a share
# is known within 0.1.
declare -A of
for v in few:1000:3000 many:3000:1000; do
	IFS=: read -r name work_turns think <<<"$v"
	vm_start "$name" --pin 0 --payload held --work "$work_turns" --think "$think" || exit 1
	of[$name]=$vm
done
vm_start silent --pin 0 --payload compute || exit 1
of[silent]=$vm
for name in few many; do
	until_true 5 hints "${of[$name]}" 50
	ok $? "the hint of '$name' is heard"
	knob "${of[$name]}" slice_us 4000
done
knob "${of[silent]}" slice_us 4000
hints "${of[silent]}" 0
ok $? 'a guest that says nothing has none'
pinned_are $((before + 2)) 'a page is pinned for each'
sleep 6
share() { # NAME: of its preemptions, those in a lock
	awk -v l="$(stat_of "${of[$1]}" preemptions_in_lock)" \
		-v p="$(stat_of "${of[$1]}" preemptions)" \
		'BEGIN { printf "%.3f of %d", l / p, p }'
}
within "$(share few)" 0.15 0.35 "preemptions in a lock held a quarter of the time, share"
within "$(share many)" 0.65 0.85 'held three quarters of the time, share'
is 0 "$(stat_of "${of[silent]}" preemptions_in_lock)" 'without a hint none is counted'
vm_stop "${of[@]}"

sleep $((since + lease + 1 > SECONDS ? since + lease + 1 - SECONDS : 0))
pinned_are "$none" 'no page is pinned when VMs are gone, or do not renew their lease'
kill -CONT "$once"
sleep 0.5
hints "$once" 0
ok $? 'who does not renew has no hint any more'
vm_stop "$once"

# What is not valid is not taken.
declare -A text=()
lie() { # TEXT VMM-OPTION...
	local what=$1
	shift
	vm_start "lie${#text[@]}" --payload held "$@" && text[$vm]=$what
}
lie 'an address between two words' --hint-shift 1
lie 'an address without memory' --hint-shift 1073741824
lie 'an address that wraps to none' --hint-shift 4294934520
lie 'a lock held for no time' --hint-control 65536
lie 'another version' --hint-control 131122
sleep 2
for vm in "${!text[@]}"; do
	is 0 "$(cat "$sys/vms/$vm/vcpus/0/hint_us")" "not taken: ${text[$vm]}"
	within "$(stat_of "$vm" run_us)" 100000 10000000 'from one who has run, us'
done
vm_stop "${!text[@]}"
pinned_are "$none" 'and nothing is pinned'

"$VMM" --churn 50 --vcpus 2 --payload held >/dev/null
is 0 $? '50 VMs with a hint come and go at once'
pinned_are "$none" 'and no page stays pinned'

# A reset says no goodbye: the word is other memory then, until the driver is
# back. Who gives a hint has a page pinned, and nobody else does so meanwhile.
pinnings() {
	cat /proc/sys/vm/stat_refresh
	awk '/^nr_foll_pin_acquired / { print $2 }' /proc/vmstat
}
pinned_since() { # N, which pinnings said
	[ "$(pinnings)" -gt "$1" ]
}
if [ $linux = 1 ]; then
	"$guest" define brief --vcpus 1 --load compute --hint brief
	virsh -q dumpxml --inactive brief |
		sed 's/<on_reboot>destroy/<on_reboot>restart/' >"$work/xml"
	virsh -q define "$work/xml"
	"$guest" start brief
	brief=$(cat /run/libvirt/qemu/brief.pid)
	until_true 30 hints "$brief" 500
	ok $? 'the driver in another guest gives a hint'
	virsh -q reset brief
	a=$(pinnings)
	until_true 20 pinned_since "$a"
	ok $? 'which gives it anew when it was reset with the hint there'
	until_true 12 hints "$brief" 0
	ok $? 'and takes it back when the driver goes'
	"$guest" wait brief 60 >/dev/null
	ok $? 'and works on'
	is 1 "$(grep -c 'guest: compute' "$consoles/brief.console")" 'as it did not before'
	"$guest" stop brief
	virsh -q resume hinter

	vm_start rival --vcpus 2 --payload compute || exit 1
	a=$(stat_of "$hinter" preemptions) b=$(stat_of "$hinter" preemptions_in_lock)
	sleep 5
	a=$(($(stat_of "$hinter" preemptions) - a)) b=$(($(stat_of "$hinter" preemptions_in_lock) - b))
	within "$a" 20 1000000 'preemptions of a guest that works in user mode'
	within "$b" 0 $((a / 4)) 'of which few are in a lock'
	vm_stop "$vm"
	hints "$hinter" 500
	ok $? 'and it has renewed its hint'
	"$guest" stop hinter
	until_true 10 test ! -e "$sys/vms/$hinter"
fi
pinned_are "$none" 'and all is gone with the last of them, page and all'
