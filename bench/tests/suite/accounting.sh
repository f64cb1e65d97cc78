#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Shows that run + ready + co-stop + wait is the wall time of each vCPU, and that each of them moves when it should.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
class_up
vm_start one --vcpus 2 --payload compute || exit 1
one=$vm
vm_start two --vcpus 2 --payload compute || exit 1
two=$vm
vm_start sleepy --vcpus 1 --payload idle --halt-us 200000 || exit 1
sleepy=$vm
until_true 5 in_class "$sleepy" 1
vm_plain "$one" "$two" "$sleepy"
sum() { # PID VCPU
	cat "$sys/vms/$1/vcpus/$2/"{run,ready,costop,wait}_us | awk '{ s += $1 } END { printf "%d", s }'
}
now() { awk '{ printf "%d", $1 * 1000000 }' /proc/uptime; }
for v in $one:0 $one:1 $two:0 $sleepy:0; do
	a=$(sum "${v%:*}" "${v#*:}") t=$(now)
	sleep 3
	b=$(sum "${v%:*}" "${v#*:}") u=$(now)
	# Four files are read one after another while time goes on.
	within $((b - a - (u - t))) -150000 150000 'the four times add up to the wall time, difference in microseconds'
done
vcpu() { cat "$sys/vms/$1/vcpus/0/$2"; }
w0=$(vcpu "$sleepy" wait_us) r0=$(vcpu "$one" ready_us) x0=$(vcpu "$one" run_us)
sleep 4
within $(($(vcpu "$sleepy" wait_us) - w0)) 3500000 4600000 'an idle vCPU waits'
within $(($(vcpu "$one" ready_us) - r0)) 1400000 2700000 'one of four vCPUs on two pCPUs is ready half the time'
within $(($(vcpu "$one" run_us) - x0)) 1400000 2700000 'and runs the other half'
# A VM that wakes takes a pCPU from a gang each time: how often is not the point here.
vm_stop "$sleepy"
knob "$one" cosched gang
knob "$two" cosched gang
sleep 1
# The best of three looks: in a host whose pCPUs are not all served a member is late.
best=0
for i in 1 2 3; do
	c0=$(stat_of "$one" corun_us) x0=$(stat_of "$one" run_us)
	sleep 2
	best=$(awk -v c="$(($(stat_of "$one" corun_us) - c0))" -v r="$(($(stat_of "$one" run_us) - x0))" \
		-v b="$best" 'BEGIN { s = r ? c / r : 0; printf "%.3f", (s > b ? s : b) }')
	note "co-run share until look $i: $best at best"
done
within "$best" 0.9 1.001 'the vCPUs of a gang run together, co-run share'
within "$(stat_of "$one" gang_starts)" 20 100000 'gang starts are counted'
vm_stop "$one" "$two"
