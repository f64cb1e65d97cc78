#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Shows that 1,000 VMs made and destroyed in a row leave nothing behind.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
class_up
"$VMM" --churn 10 --vcpus 2 --payload compute >/dev/null || ok 1 'the first ten VMs ran'
until_true 10 no_vms
sleep 1
slab() { awk '/^(Slab|VmallocUsed|Percpu):/ { n += $2 } END { print n }' /proc/meminfo; }
sync
echo 3 >/proc/sys/vm/drop_caches
before=$(slab)
"$VMM" --churn 1000 --vcpus 2 --payload compute >"$work/churn"
is 0 $? '1,000 VMs of two vCPUs ran one after another'
until_true 20 no_vms
is 0 "$(cat $sys/nr_vms)" 'no VM is left'
is '' "$(ls $sys/vms)" 'no directory is left'
sleep 2
echo 3 >/proc/sys/vm/drop_caches
after=$(slab)
# 1,000 VMs with 2,000 vCPUs: a leak of one 1 KiB object each would be 3 MB.
within $((after - before)) -1000000 2000 'kernel memory grew by less than 2 MB, in KiB'
is class "$(cat $sys/state)" 'the class is still in charge'
