#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Shows that the sysfs tree and its ABI document name the same files, both ways.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
class_up
abi=$here/../../../kernel/Documentation/ABI/testing/sysfs-kernel-vmgang
vm_start abi --vcpus 2 --payload compute || exit 1

live=$(find $sys -type f | sed -E \
	-e "s,$sys/vms/[0-9]+(-[0-9]+)?/,/sys/kernel/vmgang/vms/<vm>/," \
	-e 's,/vcpus/[0-9]+/,/vcpus/<n>/,' | grep -v '/uevent$' | sort -u)
documented=$(sed -nE 's/^What:[[:space:]]+//p' "$abi" |
	sed -E -e 's,/vms/<pid>(\[-<n>\])?/,/vms/<vm>/,' | sort -u)
files=$(printf '%s\n' "$documented" | while read -r f; do
	case $f in
	*/) ;;
	*) echo "$f" ;;
	esac
done)
undocumented=$(comm -23 <(echo "$live") <(echo "$files"))
is '' "$undocumented" 'every live file has a stanza'
# A directory may have a stanza of its own: it is no file.
missing=$(comm -13 <(echo "$live") <(echo "$files") | while read -r f; do
	printf '%s\n' "$live" | grep -q "^$f/" || echo "$f"
done)
is '' "$missing" 'every stanza has a live file'
bad=$(awk -v RS= '/^What:/ {
		for (i = split("Date KernelVersion Description", f, " "); i; i--)
			if ($0 !~ "\n" f[i] ":")
				print $2 " has no " f[i]
	}' "$abi")
is '' "$bad" 'each stanza has a date, a version and a description'
vm_stop "$vm"
