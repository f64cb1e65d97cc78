# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2034,SC2154 # one script in several files
#
# What the benchmarks share: the host, the class, VMs in cgroups of their own,
# and verdicts. No subshell runs while something is measured: a fork under
# load takes as long as what it would look at.

sys=${VMGANG_SYSFS:-/sys/kernel/vmgang}
cgroups=${VMGANG_CGROUPS:-/sys/fs/cgroup}
stats=$here/workloads/stats.awk
median=$here/workloads/median.awk
tmp=$(mktemp -d /tmp/vmgang-bench.XXXXXX)
mkfifo "$tmp/nap"
tsv=
quick=
assert=
vms=()			# pids of the running VMs
declare -A stat		# stat[WHEN,VM,NAME]: what vms_stats has read
class_ours=		# how the class was attached by us, if it was
class_found=		# the module's state at the start

die()
{
	echo "bench/run: $*" >&2
	exit 1
}

bad_usage()
{
	echo "bench/run: $*" >&2
	exit 2
}

# Progress goes to the terminal, or a line at a time to a log.
progress()
{
	if [ -t 2 ]; then
		printf '\r\033[K%s' "$*" >&2
	else
		printf '%s\n' "$*" >&2
	fi
}

progress_end()
{
	[ ! -t 2 ] || printf '\r\033[K' >&2
}

# option_number NAME VALUE MIN MAX
option_number()
{
	if ! [[ $2 =~ ^[0-9]{1,10}$ ]] || [ "$2" -lt "$3" ] || [ "$2" -gt "$4" ]; then
		bad_usage "$1: '$2' is not a number from $3 to $4"
	fi
}

# common_option ARGUMENT...: sets `taken` to how many of them it has consumed.
common_option()
{
	taken=1
	case $1 in
	--quick) quick=1 ;;
	--assert) assert=1 ;;
	--tsv)
		[ -n "${2:-}" ] || bad_usage "--tsv needs a file"
		tsv=$2
		taken=2
		;;
	*) bad_usage "unknown option '$1'; see bench/run help" ;;
	esac
}

# seconds_options ARGUMENT...: of a benchmark that takes --seconds beside the
# common ones; sets `seconds`, which is the caller's.
seconds_options()
{
	seconds=''
	while [ $# -gt 0 ]; do
		case $1 in
		--seconds) option_number "$1" "${2:-}" 1 3600; seconds=$2; shift 2 ;;
		*) common_option "$@"; shift "$taken" ;;
		esac
	done
	: "${seconds:=$([ -n "$quick" ] && echo 5 || echo 10)}"
}

host_require()
{
	local dir

	[ "$(id -u)" -eq 0 ] || die "must be root"
	[ -e "${VMGANG_DEV_KVM:-/dev/kvm}" ] || die "no /dev/kvm: is kvm_intel or kvm_amd loaded?"
	if [ -z "${VMM:-}" ]; then
		for dir in "$here/guests" /usr/libexec/vmgang; do
			[ ! -x "$dir/vmm" ] || { VMM=$dir/vmm; break; }
		done
	fi
	[ -n "${VMM:-}" ] || die "vmm is not built: make -C bench"
	grep -qs cpu "$cgroups/cgroup.controllers" ||
		die "no cgroup v2 with the cpu controller at $cgroups"
	nr_pcpus=$(nproc)
	class_found=$(module_state)
}

module_require()
{
	[ -d "$sys" ] || modprobe vmgang 2>/dev/null
	[ -d "$sys" ] || die "the module vmgang is not loaded"
}

module_state() { cat "$sys/state" 2>/dev/null; }

# Spinning vCPUs leave the guest: Intel's PLE, or AMD's pause filter.
host_ple()
{
	local file

	for file in /sys/module/kvm_amd/parameters/pause_filter_count \
		    /sys/module/kvm_intel/parameters/ple_gap; do
		[ ! -r "$file" ] || [ "$(cat "$file")" = 0 ] || { echo yes; return; }
	done
	echo no
}

# Is time what the pCPUs execute (the lab's --steady)?
host_steady()
{
	grep -qs 'lab\.steady' /proc/cmdline
}

host_describe()
{
	local model

	model=$(sed -n 's/^model name[[:space:]]*: //p;T;q' /proc/cpuinfo)
	grep -qs QEMU /sys/class/dmi/id/sys_vendor && model="$model (QEMU)"
	! host_steady || model="$model, time by instructions"
	echo "host: $(uname -r), $nr_pcpus pCPUs, $model, PLE $(host_ple)"
}

# The class, by the service, or by the daemon alone where there is no systemd.
class_up()
{
	module_require
	[ "$(module_state)" != class ] || return 0
	if [ -d /run/systemd/system ] && systemctl cat vmgangd >/dev/null 2>&1; then
		systemctl start vmgangd || die "vmgangd does not start"
		class_ours=systemd
	else
		local daemon

		daemon=$(command -v vmgangd) || daemon=$here/../userspace/build/vmgangd
		[ -x "$daemon" ] || die "the class is not attached and there is no vmgangd"
		"$daemon" >"$tmp/vmgangd.log" 2>&1 &
		class_ours=$!
	fi
	for _ in {1..100}; do
		[ "$(module_state)" != class ] || return 0
		sleep 0.1
	done
	die "vmgangd did not attach the class: $(tail -n 3 "$tmp/vmgangd.log" 2>/dev/null)"
}

class_down()
{
	case $class_ours in
	'') systemctl stop vmgangd 2>/dev/null ;;
	systemd) systemctl stop vmgangd ;;
	*) kill "$class_ours" 2>/dev/null && wait "$class_ours" ;;
	esac
	class_ours=
	for _ in {1..100}; do
		[ "$(module_state)" = class ] || return 0
		sleep 0.1
	done
	die "the class can not be detached: it was attached by hand"
}

# As it was found.
class_restore()
{
	case $class_found in
	class) class_up ;;
	*) [ -z "$class_ours" ] || class_down ;;
	esac
}

# uptime_ms: CLOCK_MONOTONIC to 10 ms, into `ms`
uptime_ms()
{
	local up

	read -r up _ </proc/uptime
	ms=$((10#${up/./}0))
}

# nap SECONDS: without a fork
nap() { read -r -t "$1" <>"$tmp/nap"; }

# sleep_until MS, of uptime_ms
sleep_until()
{
	uptime_ms
	[ "$ms" -ge "$1" ] || nap "$((($1 - ms) / 1000)).$(printf %03d $((($1 - ms) % 1000)))"
}

# cgroup_set VM FILE VALUE
cgroup_set()
{
	echo "$3" >"$cgroups/vmgang-bench/${vm_names[$1]}.scope/$2" ||
		die "$2 of ${vm_names[$1]}: $3 not taken"
}

# vms_runtime: CPU time of each VM's vCPU threads into runtime[VM], and the time
# that this was read into read_at, both in nanoseconds. From the scheduler
# itself, not from the module whose work is looked at.
vms_runtime()
{
	local i dir comm ns up

	for i in "${!vms[@]}"; do
		runtime[i]=0
		for dir in /proc/"${vms[i]}"/task/*; do
			read -r comm <"$dir/comm"
			[[ $comm == CPU* ]] || continue
			read -r ns _ <"$dir/schedstat"
			runtime[i]=$((runtime[i] + ns))
		done
		read -r up _ </proc/uptime
		read_at[i]=$((10#${up/./} * 10000000))
	done
}
runtime=()
read_at=()

# vm_start NAME VMM-OPTION...
vm_start()
{
	local name=$1

	shift
	"$VMM" -name "guest=$name" --cgroup "vmgang-bench/$name.scope" "$@" \
		>"$tmp/$name.tsv" 2>"$tmp/$name.err" &
	vms+=("$!")
	vm_names+=("$name")
}
vm_names=()

# Until the module knows each VM, when it is there at all.
vms_appear()
{
	local i

	[ -d "$sys" ] || return 0
	for i in "${!vms[@]}"; do
		for _ in {1..100}; do
			[ ! -e "$sys/vms/${vms[i]}/policy/managed" ] || continue 2
			kill -0 "${vms[i]}" 2>/dev/null ||
				die "${vm_names[i]}: $(cat "$tmp/${vm_names[i]}.err")"
			sleep 0.05
		done
		die "${vm_names[i]} does not appear in $sys/vms"
	done
}

vms_end()
{
	local i group

	[ ${#vms[@]} -eq 0 ] || kill "${vms[@]}" 2>/dev/null
	for i in "${!vms[@]}"; do
		wait "${vms[i]}"
		group=$cgroups/vmgang-bench/${vm_names[i]}.scope
		rmdir "$group" 2>/dev/null
	done
	rmdir "$cgroups/vmgang-bench" 2>/dev/null
	vms=()
	vm_names=()
}

# vms_policy MANAGED COSCHED [SPIN [GUARD]]: off and off, if not given
vms_policy()
{
	local pid

	for pid in "${vms[@]}"; do
		echo "$1" >"$sys/vms/$pid/policy/managed" || die "managed=$1: not taken"
		echo "$2" >"$sys/vms/$pid/policy/cosched" || die "cosched=$2: not taken"
		echo "${3:-off}" >"$sys/vms/$pid/policy/spin" || die "spin=$3: not taken"
		echo "${4:-off}" >"$sys/vms/$pid/policy/guard" || die "guard=$4: not taken"
		[ -z "${slice_us:-}" ] || echo "$slice_us" >"$sys/vms/$pid/policy/slice_us" ||
			die "slice_us $slice_us: not taken"
	done
}

# Nobody else may have changed it meanwhile.
vms_policy_check()
{
	local pid managed cosched spin guard wanted="$1 $2 ${3:-off} ${4:-off}"

	for pid in "${vms[@]}"; do
		read -r managed <"$sys/vms/$pid/policy/managed"
		read -r cosched <"$sys/vms/$pid/policy/cosched"
		read -r spin <"$sys/vms/$pid/policy/spin"
		read -r guard <"$sys/vms/$pid/policy/guard"
		[ "$managed $cosched $spin $guard" = "$wanted" ] ||
			die "VM $pid was to have (managed, cosched, spin, guard) $wanted," \
				"has $managed $cosched $spin $guard"
	done
}

stat_names=(run_us ready_us costop_us wait_us corun_us spin_exits)

# vms_stats WHEN: reads every VM's figures into stat[WHEN,VM,NAME]
vms_stats()
{
	local i name

	[ -d "$sys" ] || return 0
	for i in "${!vms[@]}"; do
		for name in "${stat_names[@]}"; do
			read -r "stat[$1,$i,$name]" <"$sys/vms/${vms[i]}/stats/$name" ||
				die "${vm_names[i]}: stats/$name can not be read"
		done
	done
}

# outer: other load below this host, if it is itself virtual and somebody tells:
# a file with the machine's "cpu" line of /proc/stat and a line "self TICKS" of
# the emulator. Sets outer_total, outer_other and outer_steal in ticks.
outer_read()
{
	local file word a b c d e f g h rest self=0

	outer_total='' outer_other='' outer_steal=''
	for file in "${VMGANG_OUTER_STAT:-}" /mnt/lab/outer-stat /mnt/share/outer-stat; do
		[ -r "$file" ] || continue
		while read -r word a b c d e f g h rest; do
			case $word in
			cpu)
				outer_steal=$h
				outer_total=$((a + b + c + d + e + f + g + h))
				outer_other=$((a + b + c + f + g))
				;;
			self) self=$a ;;
			esac
		done <"$file"
		[ -z "$outer_total" ] || outer_other=$((outer_other - self))
		return
	done
}

# outer_before, then outer_since: sets `lost` to the per cent of the outer
# machine that others had since, or that its own host kept; "-" if unknown. Where
# time is what is executed they have none of it.
outer_before()
{
	outer_read
	before_total=$outer_total before_lost=$((outer_other + outer_steal))
	read -r _ _ _ _ _ _ _ _ before_steal _ </proc/stat
}

outer_since()
{
	local steal

	lost=-
	if host_steady; then
		lost=0
		return
	fi
	read -r _ _ _ _ _ _ _ _ steal _ </proc/stat
	outer_read
	if [ -n "$outer_total" ] && [ "$outer_total" -gt "${before_total:-0}" ]; then
		lost=$(((outer_other + outer_steal - before_lost) * 100 /
			(outer_total - before_total)))
	elif [ "$steal" -gt "$before_steal" ]; then
		lost=$((steal - before_steal))
	elif ! grep -qs hypervisor /proc/cpuinfo; then
		lost=0
	fi
}

# Figures with bounds: printed as they come, judged at the end with --assert.
misses=0

# bench_options ARGUMENT...: for a benchmark that has no options of its own
bench_options()
{
	while [ $# -gt 0 ]; do
		common_option "$@"
		shift "$taken"
	done
}

# median: of the numbers on stdin, one a line
median()
{
	sort -g | awk '{ v[NR] = $1 }
		END { if (NR) print NR % 2 ? v[(NR + 1) / 2] : (v[NR / 2] + v[NR / 2 + 1]) / 2 }'
}

# verdict WHAT VALUE RELATION BOUND, with RELATION one of <= >=
verdict()
{
	local word=FAIL

	if awk -v v="$2" -v b="$4" -v r="$3" 'BEGIN {
		if (v == "" || v == "-") exit 1
		exit !(r == "<=" ? v + 0 <= b + 0 : v + 0 >= b + 0) }'; then
		word=PASS
	else
		misses=$((misses + 1))
	fi
	printf '%s\t%s\t%s %s\t%s\n' "$1" "$2" "$3" "$4" "$word" | tsv_tee
}

tsv_tee()
{
	if [ -n "$tsv" ]; then
		tee -a "$tsv"
	else
		cat
	fi
}

verdicts_begin()
{
	[ -z "$tsv" ] || : >"$tsv" || die "$tsv can not be written"
	printf 'what\tvalue\tbound\tverdict\n' | tsv_tee
}

verdicts_end()
{
	[ -z "$assert" ] || [ "$misses" -eq 0 ] || exit 1
	exit 0
}
