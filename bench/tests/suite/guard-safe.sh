#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Shows that a guest that is rarely in a safe state comes into one when it is asked, so that its guard seldom expires.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
class_up
guest=$here/../../demo/guest
command -v virsh >/dev/null || skip 'no libvirt here, so no Linux guest'
systemctl start libvirtd

# Two Linux guests that are in their kernel nearly all of the time, one with the
# driver, and somebody who wants the pCPUs.
at_exit '"$guest" stop asked >/dev/null 2>&1; "$guest" stop plain >/dev/null 2>&1'
"$guest" start asked --vcpus 2 --load kernel --hint on
"$guest" start plain --vcpus 2 --load kernel
asked=$(cat /run/libvirt/qemu/asked.pid) plain=$(cat /run/libvirt/qemu/plain.pid)
"$guest" wait asked 200 >/dev/null && "$guest" wait plain 200 >/dev/null
ok $? 'two guests work in their kernels'
vm_start rival --vcpus 2 --payload compute || exit 1
rival=$vm
for v in "$asked" "$plain" "$rival"; do
	until_true 5 in_class "$v" 2
	knob "$v" slice_us 5000
done
for v in "$asked" "$plain"; do
	# Under emulation an interrupt and two switches take a guest up to some ms.
	knob "$v" guard_us 10000
	knob "$v" guard kernel
done

declare -A count
since() { # NAME: sets what each of the two has had of it meanwhile
	local v
	for v in "$asked" "$plain"; do
		count[$v.$1]=$(($(stat_of "$v" "$1") - ${count[$v.$1]:-0}))
	done
}
all() {
	local name
	for name in guard_extensions guard_expiries guard_asks run_us; do since "$name"; done
}
sleep 1
all
sleep 16
all
for v in "$asked" "$plain"; do
	note "$([ "$v" = "$asked" ] && echo 'with the driver' || echo without):" \
		"${count[$v.guard_extensions]} extensions, ${count[$v.guard_expiries]} expired," \
		"${count[$v.guard_asks]} asked, ran ${count[$v.run_us]} us"
done
part() { # PID: of its extensions, those that expired
	awk -v x="${count[$1.guard_expiries]}" -v n="${count[$1.guard_extensions]}" \
		'BEGIN { if (n) printf "%.3f", x / n }'
}
within "${count[$plain.guard_extensions]}" 5 1000000 'without the driver stints are extended'
within "$(part "$plain")" 0.3 1 'and many of these expire, share'
is 0 "${count[$plain.guard_asks]}" 'nobody asks a guest that has no driver'
within "${count[$asked.guard_asks]}" 20 1000000 'who has one is asked'
within "$(part "$asked")" 0 "$(awk -v p="$(part "$plain")" 'BEGIN { print p / 2 }')" \
	'and less than half of what expires without it does'
# Who lets its guard expire is refused the next ones.
in_time() { # PID
	echo $((${count[$1.guard_extensions]} - ${count[$1.guard_expiries]}))
}
within "$(in_time "$asked")" $((1 + 2 * $(in_time "$plain"))) 1000000 \
	"more than twice as many end in a safe state as without ($(in_time "$plain"))"
within "$(awk -v a="${count[$asked.run_us]}" -v p="${count[$plain.run_us]}" \
	'BEGIN { printf "%.4f", a / (a + p) }')" 0.49 0.51 'what they have of the pCPUs is the same'
! grep -q 'NMI' "/var/lib/libvirt/images/vmgang-demo/asked.console"
ok $? 'no interrupt surprises the guest'
vm_stop "$rival"
"$guest" stop asked
"$guest" stop plain
