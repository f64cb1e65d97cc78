#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Shows that wrong input to every writable file is refused and the old value stays.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
vm_start stores --vcpus 2 --payload compute || exit 1
p=$sys/vms/$vm/policy

refused() { # FILE VALUE
	local old new
	old=$(cat "$1")
	if printf '%s\n' "$2" 2>/dev/null >"$1"; then
		ok 1 "${1##*/} takes '${2:0:20}'"
		return
	fi
	new=$(cat "$1")
	is "$old" "$new" "${1##*/} refuses '${2:0:20}' and keeps $old"
}

long=$(head -c 4000 /dev/zero | tr '\0' x)
for value in '' ' ' 2 -1 on Gang gang0 'gang off' relax "$long" $'\x01'; do
	refused "$p/cosched" "$value"
done
for value in '' 1 Core 'core off' smt "$long" $'\x01'; do
	refused "$p/isolate" "$value"
done
for value in '' x 0 999 100001 -1 20000us 1e4 99999999999999999999 0x4e20z "$long"; do
	refused "$p/slice_us" "$value"
done
for value in '' x 0 999 100001 -1 5000us; do
	refused "$p/skew_us" "$value"
done
for value in '' 2 -1 yes no1 01x "$long"; do
	refused "$p/managed" "$value"
done
for value in '' x -1 999 1000001 20000us 1e4 99999999999999999999 "$long"; do
	refused "$p/reserve_period_us" "$value"
done
for value in '' x -1 99 1000001 5000us 99999999999999999999 "$long"; do
	refused "$p/reserve_slice_us" "$value"
done
for value in '' 2 -1 yes no1 01x "$long"; do
	refused "$p/extratime" "$value"
done
refused "$sys/vms/$vm/name" "$(head -c 300 /dev/zero | tr '\0' n)"
read_only=$(find $sys -type f -perm /222 | sed -E 's,.*/vms/[^/]+/,,' | sort | tr '\n' ' ')
wanted='name policy/cosched policy/extratime policy/guard policy/guard_us policy/isolate policy/managed'
wanted+=' policy/reserve_period_us policy/reserve_slice_us policy/skew_us policy/slice_us policy/spin '
is "$wanted" \
	"$(echo "$read_only" | tr ' ' '\n' | grep -v '^uevent$\|^$' | tr '\n' ' ')" \
	'nothing else can be written'

for value in gang strict relaxed adaptive off; do
	knob "$vm" cosched $value
	is $value "$(knob "$vm" cosched)" "cosched takes $value"
done
for value in core off; do
	knob "$vm" isolate $value
	is $value "$(knob "$vm" isolate)" "isolate takes $value"
done
for value in 1000 100000 20000; do
	knob "$vm" slice_us $value
	is $value "$(knob "$vm" slice_us)" "slice_us takes $value"
done
for value in 1000 100000 5000; do
	knob "$vm" skew_us $value
	is $value "$(knob "$vm" skew_us)" "skew_us takes $value"
done
echo 'web 1 <&>' >"$sys/vms/$vm/name"
is 'web 1 <&>' "$(cat "$sys/vms/$vm/name")" 'name takes a label'
vm_stop "$vm"
