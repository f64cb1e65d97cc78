#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Shows that a guest's word about its locks is heard and counted, a wrong one is not, and nothing is left of it.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
class_up
vcpu() { # PID NAME
	cat "$sys/vms/$1/vcpus/0/$2"
}
pins() { # pages of user memory that are pinned now
	cat /proc/sys/vm/stat_refresh
	awk '/^nr_foll_pin_acquired / { n += $2 } /^nr_foll_pin_released / { n -= $2 }
		END { print n }' /proc/vmstat
}
before=$(pins)

# Three VMs on one pCPU: one holds a lock for a quarter of its time, one for
# three quarters, one says nothing. Some 200 preemptions each, so that a share
# is known within 0.1.
declare -A of
for v in few:1000:3000 many:3000:1000; do
	IFS=: read -r name work_turns think <<<"$v"
	vm_start "$name" --pin 0 --payload held --work "$work_turns" --think "$think" || exit 1
	of[$name]=$vm
done
vm_start none --pin 0 --payload compute || exit 1
of[none]=$vm
for name in few many; do
	until_true 5 test "$(vcpu "${of[$name]}" hint_us)" = 50
	is 50 "$(vcpu "${of[$name]}" hint_us)" "the hint of '$name' is heard"
	knob "${of[$name]}" slice_us 4000
done
knob "${of[none]}" slice_us 4000
is 0 "$(vcpu "${of[none]}" hint_us)" 'a guest that says nothing has none'
within "$(($(pins) - before))" 2 2 'a page is pinned for each'
sleep 12
share() { # NAME: of its preemptions, those in a lock
	awk -v l="$(stat_of "${of[$1]}" preemptions_in_lock)" \
		-v p="$(stat_of "${of[$1]}" preemptions)" \
		'BEGIN { printf "%.3f of %d", l / p, p }'
}
within "$(share few)" 0.15 0.35 "preemptions in a lock held a quarter of the time, share"
within "$(share many)" 0.65 0.85 'held three quarters of the time, share'
is 0 "$(stat_of "${of[none]}" preemptions_in_lock)" 'without a hint none is counted'
vm_stop "${vmms[@]}"
vmms=()
is "$before" "$(pins)" 'no page is pinned when the VMs are gone'

# What is not valid is not taken.
lie() { # TEXT VMM-OPTION...
	local text=$1
	shift
	vm_start lie --payload held "$@" || return
	sleep 1
	is 0 "$(vcpu "$vm" hint_us)" "not taken: $text"
	vm_stop "$vm"
}
lie 'an address between two words' --hint-shift 1
lie 'an address without memory' --hint-shift 1073741824
lie 'an address that wraps to none' --hint-shift 4294934520
lie 'a lock held for no time' --hint-control 65536
lie 'another version' --hint-control 131122
is "$before" "$(pins)" 'and nothing is pinned'

# VMs that end at once, and a module that goes while a hint is there.
"$VMM" --churn 50 --vcpus 2 --payload held >/dev/null
is 0 $? '50 VMs with a hint come and go'
until_true 5 no_vms
is "$before" "$(pins)" 'and no page stays pinned'
at_exit 'modprobe vmgang; systemctl start vmgangd'
vm_start stays --vcpus 2 --payload held || exit 1
until_true 5 test "$(vcpu "$vm" hint_us)" = 50
systemctl stop vmgangd
until_true 5 out_of_class "$vm"
modprobe -r vmgang
is 0 $? 'the module unloads with a hint there'
is "$before" "$(pins)" 'and lets go of the page'
kill -0 "$vm"
ok $? 'the VM lives'
modprobe vmgang
until_true 60 state_is class
ok $? 'the module is back'
vm_stop "$vm"

# A Linux guest with the driver.
guest=$here/../../demo/guest
command -v virsh >/dev/null || skip 'no libvirt here, so no Linux guest'
test -e "$here/../../../kernel/guest/vmgang-hint.ko"
ok $? "the driver is built for this kernel"
systemctl start libvirtd
at_exit '"$guest" stop hinter >/dev/null 2>&1; "$guest" stop brief >/dev/null 2>&1'
hints() { # PID US: every vCPU hints that
	[ "$(cat "$sys/vms/$1"/vcpus/*/hint_us | sort -u)" = "$2" ]
}
"$guest" define hinter --vcpus 2 --load sync --hint on
virsh -q dumpxml --inactive hinter | sed 's/<on_reboot>destroy/<on_reboot>restart/' >"$work/xml"
virsh -q define "$work/xml"
"$guest" start hinter
"$guest" start brief --load compute --hint brief
brief=$(cat /run/libvirt/qemu/brief.pid)
until_true 30 hints "$brief" 500
ok $? 'the driver in a guest gives a hint'
until_true 10 hints "$brief" 0
ok $? 'and takes it back when it is unloaded'
"$guest" wait brief 60 >/dev/null
ok $? 'and that guest works on'
"$guest" stop brief
"$guest" wait hinter 120 >/dev/null
ok $? 'a Linux guest with the driver boots and works'
vm=$(cat /run/libvirt/qemu/hinter.pid)
is '500 500' "$(cat "$sys/vms/$vm"/vcpus/*/hint_us | tr '\n' ' ' | sed 's/ $//')" \
	'both of its vCPUs give a hint'
vm_start rival --vcpus 2 --payload compute || exit 1
rival=$vm vm=$(cat /run/libvirt/qemu/hinter.pid)
a=$(stat_of "$vm" preemptions) b=$(stat_of "$vm" preemptions_in_lock)
sleep 8
note "$(($(stat_of "$vm" preemptions_in_lock) - b)) of $(($(stat_of "$vm" preemptions) - a)) preemptions" \
	'of a guest that computes and spins in user mode were in a lock'
within "$(($(stat_of "$vm" preemptions_in_lock) - b))" 0 \
	"$((($(stat_of "$vm" preemptions) - a) / 4))" 'a guest that works in user mode seldom holds a lock'
vm_stop "$rival"

# A reset says no goodbye: the word is other memory then, until the driver is back.
boots() {
	[ "$(grep -c 'guest: sync' /var/lib/libvirt/images/vmgang-demo/hinter.console)" -ge "$1" ]
}
virsh -q reset hinter
since=$SECONDS
until_true 30 boots 2
ok $? 'a guest that is reset with the hint there boots again and works'
sleep $((66 - (SECONDS - since) > 0 ? 66 - (SECONDS - since) : 0))
is '500 500' "$(cat "$sys/vms/$vm"/vcpus/*/hint_us | tr '\n' ' ' | sed 's/ $//')" \
	'it gives its hint anew, and renews it: it is there after the lease'
"$guest" stop hinter
until_true 10 test ! -e "$sys/vms/$vm"
unpinned() {
	[ "$(pins)" = "$before" ]
}
until_true 5 unpinned
is "$before" "$(pins)" 'and gone with the domain, page and all'
