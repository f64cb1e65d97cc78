#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Shows that Linux guests of the figures start, run each workload with plausible figures and verified results, and go.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
linux=$here/../../guests/linux
bench_vm=$linux/bench-vm
command -v virsh >/dev/null || skip 'no libvirt here'
[ -x "$linux/work" ] || skip 'the guests are not built: they need libbz2-dev'
dir=$(mktemp -d /run/vmgang-test.XXXXXX)
at_exit '"$bench_vm" stop "$dir" bench-a bench-b; rm -rf "$dir"'
class_up
systemctl start libvirtd

vm() { # what bench-vm says is in $work/out and $work/err
	"$bench_vm" "$@" >"$work/out" 2>"$work/err" || {
		sed 's/^/# /' "$work/err"
		return 1
	}
}

echo '<vmgang:domain xmlns:vmgang="urn:vmgang:domain:1"><vmgang:policy preset="esx"/></vmgang:domain>' \
	>"$work/esx.xml"
vm image && first=$(cat "$work/out") && sum=$(sha256sum <"$first/initrd") &&
	rm -rf "$first" && vm image && [ "$sum" = "$(sha256sum <"$(cat "$work/out")/initrd")" ]
ok $? 'the image is the same bytes when it is made again'
"$bench_vm" start "$dir" bench-b 2 --net 2>"$work/err-b" &
other=$!
vm start "$dir" bench-a 2 --metadata "$work/esx.xml"
is 0 $? 'a guest with metadata starts, and works'
wait "$other"
is 0 $? 'and one with a network, at the same time'
a=$(cat /run/libvirt/qemu/bench-a.pid)
is gang "$(knob "$a" cosched)" 'the metadata is its policy'
in_class "$a" 2
ok $? 'its vCPUs are in the class'

field() { # NAME NUMBER: of that guest's line
	awk -F'\t' -v n="$1" -v f="$2" '$1 == n { print $f }' "$work/out"
}

# both SECONDS A-WORKLOAD B-WORKLOAD: at once, with ten fields and units each
both() {
	vm run "$dir" "$1" --notes "bench-a:$2" "bench-b:$3"
	is 0 $? "$2 beside $3"
	within "$(field bench-a 4)" "$1" "$(($1 * 3))" 'seconds'
	within "$(field bench-a 6)" 0.3 100000000 "${2%%:*}: units/s"
	within "$(field bench-b 6)" 0.3 100000000 "${3%%:*}: units/s"
	awk -F'\t' 'NF != 10 { exit 1 }' "$work/out"
	ok $? 'ten fields'
}
both 1 bzip2:2 web:2
grep -q '# bench-a: 2 blocks decompressed and compared' "$work/err"
ok $? 'what was compressed can be decompressed'
within "$(field bench-b 9)" "$(field bench-b 7)" 60000000 'web: p99 is above the median'
both 1 spinlock:2:2000/2000 kernlock:2
grep -qE '# bench-a: [0-9]+ acquisitions, as many counted under the lock' "$work/err"
ok $? 'the lock let in one at a time'
within "$(field bench-a 10)" "$(field bench-a 9)" 60000000 'spinlock: the longest wait is above p99'
both 1 burn:2 echo:1
both 1 swim-passive:2 wupwise:2

vm run "$dir" 60 --work 4 --notes bench-a:swim:1:64 bench-b:swim:2:64 &&
	is "$(sed -n 's/^# bench-a: //p' "$work/err")" "$(sed -n 's/^# bench-b: //p' "$work/err")" \
		'swim: one thread and two come to the same'
is 4.00 "$(field bench-b 5)" 'and do the work they are given'
vm run "$dir" 1 bench-a:idle bench-b:idle && is 0.00 "$(field bench-a 5)" 'idle does nothing'
"$bench_vm" run "$dir" 1 bench-a:bzip3 bench-b:burn >"$work/out" 2>"$work/err"
is 1 $? 'a workload that does not exist is an error'
grep -q "bench-a: no workload 'bzip3'; there are bzip2, swim" "$work/err"
ok $? 'which names it and what there is'

ip link show vmgang-bench0 >/dev/null
ok $? 'the network has its bridge'
vm stop "$dir" bench-a bench-b
is 0 $? 'both are stopped'
until_true 10 test ! -e "$sys/vms/$a"
ok $? 'the VM is gone'
! ip link show vmgang-bench0 2>/dev/null && [ -z "$(find "$dir" -name 'bench-*')" ]
ok $? 'so are the bridge and all files of theirs'
