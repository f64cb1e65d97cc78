#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Shows that perf counts every statistic of sysfs, once, exactly, never backwards, and refuses what it can not count.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
command -v perf >/dev/null || skip 'perf is not installed'
class_up
pmu=/sys/bus/event_source/devices/vmgang
abi=$here/../../../kernel/Documentation/ABI/testing/sysfs-bus-event_source-devices-vmgang
ple=0
! grep -qw setcpuid=pausefilter,pfthreshold /proc/cmdline || ple=1

# count EVENTS COMMAND...: what perf stat counts, a line "EVENT VALUE" for each;
# times in ms.
count() {
	local list=$1
	shift
	perf stat -a -x, -o "$work/stat" -e "$list" "$@" >/dev/null || return 1
	awk -F, '$3 ~ "^vmgang/" { print $3, $1 }' "$work/stat"
}
value() { # EVENT of what count printed
	awk -v e="vmgang/$1/" '$1 == e { print $2 }' <<<"$counts"
}

vm_start pmu1 --vcpus 2 --payload barrier || exit 1
one=$vm
vm_start pmu2 --vcpus 2 --payload barrier || exit 1
two=$vm
knob "$one" cosched gang
knob "$two" cosched gang

# The largest skew and the longest guarded time are no sums.
events=$(find "$sys/vms/$one/stats" -type f ! -name '*_max_us' -printf '%f\n' |
	sed -e 's/_us$/_time/' -e 's/_/-/g' | sort)
is "$events" "$(find $pmu/events -type f ! -name '*.*' -printf '%f\n' | sort)" \
	'there is an event for each statistic of a VM'
is "$events" "$(perf list 2>/dev/null | grep -o 'vmgang/[a-z-]*/' | cut -d/ -f2 | sort -u)" \
	'and perf lists them'
is "$(find $pmu/events $pmu/format $pmu/cpumask -type f | sort)" \
	"$(sed -nE 's,^What:[[:space:]]+/sys/bus/event_source/devices/vmgang,'"$pmu"',p' "$abi" | sort)" \
	'the ABI document names the same files'

# All events at once; sysfs is read before and after perf starts and ends.
all=$(for e in $events; do printf 'vmgang/%s/,' "$e"; done)
snapshot() { # one line "EVENT VALUE" for each, over both VMs
	local e file a b
	for e in $events; do
		file=${e/%-time/_us}
		file=${file//-/_}
		read -r a <"$sys/vms/$one/stats/$file"
		read -r b <"$sys/vms/$two/stats/$file"
		echo "$e $((a + b))"
	done
}
export -f snapshot
export events sys one two
snapshot >"$work/outer0"
counts=$(count "${all%,}" bash -c "snapshot >$work/inner0; sleep 3; snapshot >$work/inner1")
snapshot >"$work/outer1"
grew() { # WHICH EVENT: by how much, in the unit of perf
	join "$work/${1}0" "$work/${1}1" |
		awk -v e="$2" '$1 == e { d = $3 - $2; print e ~ /-time$/ ? d / 1000 : d }'
}
for e in $events; do
	within "$(value "$e")" "$(grew inner "$e")" "$(grew outer "$e" | awk '{ print $1 + 0.01 }')" \
		"perf counts $e as sysfs does"
done
within "$(value run-time)" 2000 1000000 'the VMs run in these three seconds, ms'
within "$(value gang-starts)" 20 100000 'gangs start'

# One VM of two.
id=$(cat "$sys/vms/$one/id")
a=$(stat_of "$one" run_us)
counts=$(count "vmgang/run-time,vm=$id/" sleep 2)
b=$(stat_of "$one" run_us)
within "$(awk '{ print $2 }' <<<"$counts")" 1000 "$(((b - a) / 1000 + 1))" 'vm= counts one VM alone, ms'
vm_stop "$one" "$two"

# Nothing else may run a VM: what a host's other VMs do counts as well.
if [ $ple = 1 ]; then
	counts=$(count vmgang/spin-exits/ "$VMM" --payload spin --work 1 --count 23)
	is 23 "$(value spin-exits)" '23 PAUSEs of one VM are 23 spin-exits'
	perf stat -a -I 100 -x, -o "$work/stat" -e vmgang/spin-exits/ \
		"$VMM" --churn 23 --payload spin --work 1 >/dev/null
	is 23 "$(awk -F, '$4 ~ "^vmgang/" { n += $2 } END { print n }' "$work/stat")" \
		'one PAUSE in each of 23 VMs, which come and go, is 23 as well'
fi
counts=$(count vmgang/spin-exits/,vmgang/run-time/ "$VMM" --payload compute --seconds 2)
is 0 "$(value spin-exits)" 'a VM that computes has no spin-exits'
within "$(value run-time)" 1000 20000 'the time of a VM that has ended is counted, ms'

# perf_event_open(2) as it is, for what the tool would not ask for. Says the
# error's name, or 0, and then, with READS, whether that many reads ever went
# back and how long one took.
cat >"$work/open.pl" <<'EOF'
use Errno;
use Time::HiRes qw(time);
my %o = (event => 1, pid => -1, cpu => 0, @ARGV ? map { split /=/ } @ARGV : ());
open(my $t, '<', '/sys/bus/event_source/devices/vmgang/type') or die;
my $attr = pack('LLQQQQQLLQQ', <$t>, 72, $o{event}, $o{period} || 0, 0, 0,
	$o{flags} || 0, 0, 0, $o{vm} || 0, $o{config2} || 0);
my $fd = syscall(298, $attr, int $o{pid}, int $o{cpu}, -1, 0);
if ($fd < 0) {
	print((grep { $!{$_} } qw(EINVAL EOPNOTSUPP ESRCH ENOENT))[0] || "errno " . ($! + 0));
	exit;
}
print 0;
exit if !$o{reads};
open(my $e, '<&=', $fd) or die;
my ($last, $back, $began) = (0, 0, time);
for (1 .. $o{reads}) {
	sysread($e, my $raw, 8) == 8 or die;
	my $now = unpack('Q', $raw);
	$back++ if $now < $last;
	$last = $now;
}
printf " %d %.1f", $back, (time - $began) * 1e6 / $o{reads};
EOF
opens() { # RESULT TEXT [KEY=VALUE...]
	local result=$1 text=$2
	shift 2
	is "$result" "$(perl "$work/open.pl" "$@" 2>&1)" "$text: $result"
}
vm_start pmu3 --vcpus 2 --payload compute || exit 1
tid=$(cat "$sys/vms/$vm/vcpus/0/tid")
opens 0 'an event of a pCPU'
opens EINVAL 'an event of a task' pid="$tid" cpu=-1
opens EINVAL 'an event of a task on a pCPU' pid="$tid"
opens EINVAL 'an event that is none' event=0
opens EINVAL 'another that is none' event=255
opens EINVAL 'one beyond the field' event=257
opens EINVAL 'a field that is none' config2=1
opens EINVAL 'without user mode' flags=16
opens EOPNOTSUPP 'sampling' period=1000
opens ESRCH 'a VM that is none' vm=123456789
"$VMM" --churn 400 --vcpus 2 --payload compute --work 1000 >/dev/null &
churn=$!
read -r _ back us <<<"$(perl "$work/open.pl" reads=3000)"
kill "$churn" 2>/dev/null
wait "$churn" 2>/dev/null
is 0 "$back" '3000 reads while VMs come and go never went back'
note "one read took $us us"

# An event of a VM outlives it, and the module outlives the event.
at_exit 'modprobe vmgang; systemctl start vmgangd'
perf stat -a -x, -o "$work/stat" -e "vmgang/run-time,vm=$(cat "$sys/vms/$vm/id")/" sleep 100 &
perf=$!
until_true 5 pgrep -P $perf >/dev/null
vm_stop "$vm"
systemctl stop vmgangd
until_true 5 state_is observe
message=$(LC_ALL=C modprobe -r vmgang 2>&1)
is 1 $? "modprobe -r is refused while an event is open: ${message##*: }"
kill "$(pgrep -P $perf)"
wait $perf 2>/dev/null
within "$(awk -F, '$3 ~ "^vmgang/" { print $1 }' "$work/stat")" 1 6000 \
	'the event of a VM that has ended keeps its count, ms'
modprobe -r vmgang
is 0 $? 'and works once it is closed'
test ! -e $pmu
ok $? 'the PMU is gone'
modprobe vmgang
until_true 20 state_is class
ok $? 'loaded again, all is as before'
test -e $pmu/cpumask
ok $? 'with a PMU'
