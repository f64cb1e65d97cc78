#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Shows that cosched=strict leaves the pCPUs of idle vCPUs empty, as it says in frag_us, and that gang does not.
# lab: --cpus 4
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
class_up
cpus=$(nproc)
[ "$cpus" -ge 2 ] || skip 'needs two pCPUs'
vm_start wide --vcpus "$cpus" --payload one-busy || exit 1
wide=$vm
vm_start single --vcpus 1 --payload compute || exit 1
single=$vm
until_true 5 in_class "$wide" "$cpus"
until_true 5 in_class "$single" 1

# measure: what both run, and what stays empty, over 4 s, and how long that was,
# in microseconds
measure() {
	local from
	look() {
		cat /proc/uptime "$sys/vms/$wide/stats/run_us" \
			"$sys/vms/$single/stats/run_us" "$sys/vms/$wide/stats/frag_us"
	}
	from=$(look)
	sleep 4
	{ echo "$from" && look; } | awk '
		{ said[NR] = $1 }
		END {
			print said[6] - said[2], said[7] - said[3], said[8] - said[4],
				(said[5] - said[1]) * 1000000
		}'
}

knob "$wide" cosched strict
is strict "$(knob "$wide" cosched)" 'the module takes it'
sleep 1
read -r w s f span <<<"$(measure)"
note "strict: the wide VM ran $w us, the single one $s us, forced idle $f us"
# One of n vCPUs runs, n - 1 pCPUs are empty meanwhile.
within "$(awk -v f="$f" -v w="$w" -v n="$cpus" 'BEGIN { print w ? f / w / (n - 1) : 0 }')" 0.8 1.2 \
	'forced idle time for each idle vCPU, as a part of the time run'
# They never run at once, and both are charged for what they hold: 1 to n.
within "$(awk -v w="$w" -v s="$s" -v t="$span" 'BEGIN { print (w + s) / t }')" 0.8 1.05 \
	'pCPUs in use by both VMs'
within "$(awk -v w="$w" -v s="$s" -v n="$cpus" 'BEGIN { print w ? s / w / n : 0 }')" 0.8 1.25 \
	'the single VM runs as many times as long as the wide one holds pCPUs'

knob "$wide" cosched gang
sleep 1
read -r w s f span <<<"$(measure)"
note "gang: the wide VM ran $w us, the single one $s us, forced idle $f us"
is 0 "$f" 'gang forces no idle time'
within "$(awk -v w="$w" -v s="$s" -v t="$span" 'BEGIN { print (w + s) / t }')" 1.6 2.05 \
	'pCPUs in use by both VMs under gang'

for value in strict off adaptive strict gang off strict off; do
	knob "$wide" cosched $value
	sleep 0.3
done
before=$(stat_of "$wide" run_us)
sleep 1
within $(($(stat_of "$wide" run_us) - before)) 200000 2000000 'it runs on after all changes'
is class "$(cat $sys/state)" 'the class is still in charge'
vm_stop "$wide" "$single"
