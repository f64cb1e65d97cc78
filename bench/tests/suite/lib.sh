# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# What the tests of this directory share. A test is a script that sources this
# file, says in its first comment what it shows, and calls ok for each thing it
# has seen with its own eyes. It runs as root in a KVM host with vmgang
# installed, and leaves that host as it found it.

set -u

sys=/sys/kernel/vmgang
here=$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")
: "${VMM:=$(command -v vmm || echo /usr/libexec/vmgang/vmm)}"
work=$(mktemp -d /tmp/vmgang-test.XXXXXX)
vmms=()

# ok STATUS TEXT: one line for the runner; a failure keeps the script going.
ok() {
	if [ "$1" -eq 0 ]; then
		echo "ok - $2"
	else
		echo "not ok - $2"
	fi
}

# is EXPECTED ACTUAL TEXT
is() {
	if [ "$1" = "$2" ]; then
		ok 0 "$3"
	else
		ok 1 "$3: wanted '$1', got '$2'"
	fi
}

# within VALUE LOW HIGH TEXT: LOW <= VALUE <= HIGH, all decimal numbers.
within() {
	if awk -v v="$1" -v l="$2" -v h="$3" 'BEGIN { exit !(v != "" && v + 0 >= l && v + 0 <= h) }'; then
		ok 0 "$4 ($1)"
	else
		ok 1 "$4: $1 is not in $2..$3"
	fi
}

skip() {
	echo "skip - $1"
	exit 0
}

note() {
	echo "# $*"
}

# The waits of the tests are those of a machine by itself. One that shares its
# cores with others needs several times as long (the verifier alone takes most of
# 20 s to load the class on one pCPU), and to wait costs nothing where the thing
# happens; under the debug kernel, loading takes minutes.
case $(uname -r) in
*-debug) patience=20 ;;
*) patience=5 ;;
esac

# until_true SECONDS COMMAND...: waits for it to succeed.
until_true() {
	local deadline=$((SECONDS + $1 * patience))
	shift
	until "$@" 2>/dev/null; do
		[ "$SECONDS" -lt "$deadline" ] || return 1
		sleep 0.1
	done
}

# vm_start NAME VMM-OPTION...: starts a VM in a cgroup of its own, waits until
# vmgang knows all its vCPUs, and leaves its pid in $vm.
vm_start() {
	local name=$1
	shift
	"$VMM" -name "guest=$name" --cgroup "/sys/fs/cgroup/vmgang-test/$name.scope" \
		"$@" >"$work/$name.out" 2>"$work/$name.err" &
	vm=$!
	vmms+=("$vm")
	if ! until_true 10 test -e "$sys/vms/$vm/pid"; then
		echo "# $name did not appear: $(cat "$work/$name.err")"
		return 1
	fi
}

# vm_stop PID...: ends VMs and waits until vmgang has let go of them.
vm_stop() {
	local pid
	for pid; do
		kill -TERM "$pid" 2>/dev/null
	done
	for pid; do
		wait "$pid" 2>/dev/null
		until_true 10 test ! -e "$sys/vms/$pid"
	done
}

stat_of() { # PID NAME
	cat "$sys/vms/$1/stats/$2"
}

# co_run PID: its co-run share in % over 4 s
co_run() {
	local run corun
	run=$(stat_of "$1" run_us) corun=$(stat_of "$1" corun_us)
	sleep 4
	awk -v r="$(($(stat_of "$1" run_us) - run))" -v c="$(($(stat_of "$1" corun_us) - corun))" \
		'BEGIN { printf "%.0f", r ? 100 * c / r : 0 }'
}

# gang_starts PID: its gang starts over 4 s
gang_starts() {
	local before
	before=$(stat_of "$1" gang_starts)
	sleep 4
	echo $(($(stat_of "$1" gang_starts) - before))
}

# hints PID US: every vCPU of that VM hints that; 0: none does
hints() {
	[ "$(cat "$sys/vms/$1"/vcpus/*/hint_us | sort -u)" = "$2" ]
}

# shares_are WHAT PID SHARE...: of what these VMs run together, each within 2 %:
# over 10 s, as is promised, or over $over s. A VM may be a stint ahead at either
# end, so a shorter look wants shorter stints, as many as there would be in 10 s.
shares_are() {
	local what=$1 i all=0 ran=() vms
	shift
	vms=("$@")
	sleep 1
	for ((i = 0; i < $#; i += 2)); do ran[i]=$(stat_of "${vms[i]}" run_us); done
	sleep "${over:-10}"
	for ((i = 0; i < $#; i += 2)); do
		ran[i]=$(($(stat_of "${vms[i]}" run_us) - ran[i]))
		all=$((all + ran[i]))
	done
	for ((i = 0; i < $#; i += 2)); do
		within "$(awk -v r="${ran[i]}" -v a="$all" 'BEGIN { printf "%.4f", a ? r / a : 0 }')" \
			"$(awk -v w="${vms[i + 1]}" 'BEGIN { print w * 0.98 }')" \
			"$(awk -v w="${vms[i + 1]}" 'BEGIN { print w * 1.02 }')" \
			"$what: share of ${vms[i + 1]}"
	done
}

pins() { # pages of user memory that are pinned now
	cat /proc/sys/vm/stat_refresh
	awk '/^nr_foll_pin_acquired / { n += $2 } /^nr_foll_pin_released / { n -= $2 }
		END { print n }' /proc/vmstat
}
pinned() {
	[ "$(pins)" -eq "$1" ]
}
# pinned_are N TEXT: while a guest renews its hint there is one more for a moment.
pinned_are() {
	until_true 2 pinned "$1"
	is "$1" "$(pins)" "$2"
}

knob() { # PID NAME [VALUE]
	if [ $# -eq 3 ]; then
		echo "$3" >"$sys/vms/$1/policy/$2"
	else
		cat "$sys/vms/$1/policy/$2"
	fi
}

vm_decided() { # PID: waits until the daemon has decided what its policy is
	until_true 10 grep -q . "$sys/vms/$1/name"
}

# vm_plain PID...: neither co-scheduled nor guarded nor made to yield, whatever a
# VM is by default here.
vm_plain() {
	local pid name
	for pid; do
		vm_decided "$pid"
		for name in cosched guard spin; do
			knob "$pid" $name off
		done
	done
}

in_class() { # PID: all its vCPUs are in the class
	local n=0 f
	for f in "$sys/vms/$1"/vcpus/*/sched_policy; do
		[ "$(cat "$f")" = ext ] || return 1
		n=$((n + 1))
	done
	[ "$n" -eq "${2:-$n}" ] && [ "$n" -gt 0 ]
}

out_of_class() {
	local f
	for f in "$sys/vms/$1"/vcpus/*/sched_policy; do
		[ "$(cat "$f")" != ext ] || return 1
	done
}

state_is() {
	[ "$(cat $sys/state)" = "$1" ]
}

no_vms() {
	[ "$(cat $sys/nr_vms)" = 0 ]
}

# expect REGEXP: a line of the kernel log that this test provokes on purpose.
expect() {
	[ ! -d /run/lab ] || echo "$1" >>/run/lab/expect
}

class_up() {
	systemctl start vmgangd
	until_true 20 state_is class
}

# The VMs of a test that has the class loaded while they run give way to who
# loads it: the verifier takes several times as long where it has a share only.
# Among themselves, and so for the class, nothing changes.
vms_give_way() {
	echo 1 >/sys/fs/cgroup/vmgang-test/cpu.weight
}

# attached_after N: the class has been attached again since attachments said N.
attachments() {
	cat /sys/kernel/sched_ext/enable_seq
}
attached_after() {
	[ "$(attachments)" -gt "$1" ] && state_is class
}

cleanup_hooks=()
cleanup() {
	local h
	for h in "${cleanup_hooks[@]}"; do
		eval "$h"
	done
	[ "${#vmms[@]}" -eq 0 ] || kill -KILL "${vmms[@]}" 2>/dev/null
	wait 2>/dev/null
	if [ -d /sys/fs/cgroup/vmgang-test ]; then
		find /sys/fs/cgroup/vmgang-test -depth -type d -exec rmdir {} + 2>/dev/null
	fi
	rm -rf "$work"
}
trap cleanup EXIT
at_exit() {
	cleanup_hooks+=("$1")
}

mkdir -p /sys/fs/cgroup/vmgang-test
echo '+cpu' >/sys/fs/cgroup/cgroup.subtree_control
echo '+cpu' >/sys/fs/cgroup/vmgang-test/cgroup.subtree_control
