#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Shows that PAUSE-loop exits are counted where the host has them, for the VM that spins and no other.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
class_up
vm_start spinner --vcpus 2 --payload spin || exit 1
spinner=$vm
vm_start calm --vcpus 2 --payload compute || exit 1
calm=$vm
sleep 3
if grep -qw setcpuid=pausefilter,pfthreshold /proc/cmdline; then
	within "$(stat_of "$spinner" spin_exits)" 100 1000000000 'a spinning VM has spin exits'
	n=$(cat "$sys/vms/$spinner/vcpus/0/spin_exits")
	within "$n" 1 1000000000 'and so has its vCPU'
else
	is 0 "$(stat_of "$spinner" spin_exits)" 'without PAUSE exits nothing is counted'
fi
is 0 "$(stat_of "$calm" spin_exits)" 'a VM that computes has none'
hooked=$(awk '{ print $1 }' /sys/kernel/tracing/enabled_functions 2>/dev/null | sort | tr '\n' ' ')
if [ -n "$hooked" ]; then
	note "hooked functions: $hooked"
	bad=$(grep -cE 'vcpu_enter_guest|svm_vcpu_run|vmx_vcpu_run|handle_exit' <<<"$hooked")
	is 0 "$bad" 'no function on the way of every VM exit is hooked'
fi
is 0 "$(cat /sys/kernel/tracing/events/kvm/kvm_exit/enable 2>/dev/null || echo 0)" \
	'and the tracepoint of VM exits is off'
vm_stop "$spinner" "$calm"
