#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Shows that perf sees the tracepoints of vmgang, with the right numbers of events.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
command -v perf >/dev/null || skip 'perf is not installed'
class_up
listed=$(perf list 'vmgang:*' 2>/dev/null | grep -o 'vmgang:[a-z_]*' | sort -u | tr '\n' ' ')
for e in vm_add vm_del vcpu_add vcpu_del policy_change gang_start gang_stop vcpu_costop \
		vcpu_costart vcpu_spin vcpu_lhp vcpu_guard vcpu_safe; do
	[[ " $listed" == *" vmgang:$e "* ]]
	ok $? "perf list has vmgang:$e"
done
perf stat -a -x, -o "$work/stat" -e 'vmgang:vm_add,vmgang:vm_del,vmgang:vcpu_add,vmgang:vcpu_del' \
	"$VMM" --churn 23 --vcpus 2 --payload compute >/dev/null
count() { awk -F, -v e="vmgang:$1" '$3 == e { print $1 }' "$work/stat"; }
is 23 "$(count vm_add)" '23 VMs are 23 vm_add'
is 46 "$(count vcpu_add)" 'and 46 vcpu_add'
is 46 "$(count vcpu_del)" 'and 46 vcpu_del'
# The last VM may be destroyed after perf stopped counting.
within "$(count vm_del)" 22 23 'and 23 vm_del'
vm_start ev --vcpus 2 --payload barrier || exit 1
vm_start ev2 --vcpus 2 --payload barrier || exit 1
perf stat -a -x, -o "$work/stat" -e 'vmgang:policy_change,vmgang:gang_start' \
	bash -c "for i in \$(seq 5); do
			echo gang >$sys/vms/$vm/policy/cosched
			echo off >$sys/vms/$vm/policy/cosched
		done
		echo gang >$sys/vms/$vm/policy/cosched
		sleep 3"
is 11 "$(count policy_change)" '11 changes of a policy are 11 policy_change'
within "$(count gang_start)" 10 3000 'a gang starts many times in three seconds'
vm_stop "${vmms[@]}"
