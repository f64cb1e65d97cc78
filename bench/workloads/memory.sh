# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2034,SC2154 # one script in several files
#
# What vmgang keeps in memory. The module's part per vCPU is a difference of
# differences: slab objects of many VMs with one vCPU and with several, once with
# the module and once without, so that KVM's own part falls out. The kernfs
# nodes of the sysfs files are included.

usage_memory()
{
	cat <<'END'
memory   vmgangd's resident size with 100 VMs; the module's slab per vCPU. The
         latter unloads and reloads the module: nothing else may use it
         --vms N (100)
END
}

bench_memory()
{
	local nr=100 rss without with pid

	while [ $# -gt 0 ]; do
		case $1 in
		--vms) option_number "$1" "${2:-}" 1 1000; nr=$2; shift 2 ;;
		*) common_option "$@"; shift "$taken" ;;
		esac
	done
	class_up
	host_describe
	verdicts_begin

	memory_vms "$nr" 1
	[ "$(cat "$sys/nr_vms")" -ge "$nr" ] || die "the module does not see $nr VMs"
	pid=$(pidof -s vmgangd)
	rss=-
	[ -z "$pid" ] || rss=$(awk '/^VmRSS/ { printf "%.1f", $2 / 1024 }' "/proc/$pid/status")
	vms_end
	verdict "vmgangd resident with $nr VMs, MiB" "$rss" '<=' 15

	if [ -z "$class_ours" ] && [ -z "$pid" ]; then
		verdict 'module slab per vCPU, bytes' - '<=' 4096
		return
	fi
	class_down
	with=$(memory_slab_per_vcpu) || exit 1
	rmmod vmgang || die "the module is in use"
	without=$(memory_slab_per_vcpu) || exit 1
	modprobe vmgang 2>/dev/null || insmod "$here/../kernel/vmgang.ko" ||
		die "the module does not load again"
	progress_end
	verdict 'module slab per vCPU, bytes' $((with - without)) '<=' 4096
}

# memory_vms N VCPUS: in one process, all of them having run
memory_vms()
{
	vm_start memory --payload idle --halt-us 1000000 --vms "$1" --vcpus "$2"
	for _ in {1..300}; do
		# the header is printed when every vCPU thread is there
		[ ! -s "$tmp/memory.tsv" ] || break
		kill -0 "${vms[0]}" 2>/dev/null || die "$(cat "$tmp/memory.err")"
		sleep 0.2
	done
	sleep 2
}

memory_slab_per_vcpu()
{
	local base one many

	progress "slab $([ -d "$sys" ] && echo with || echo without) the module"
	base=$(memory_slab)
	memory_vms 40 1
	one=$(($(memory_slab) - base))
	vms_end
	sleep 2
	base=$(memory_slab)
	memory_vms 40 9
	many=$(($(memory_slab) - base))
	vms_end
	sleep 2
	echo $(((many - one) / (40 * 8)))
}

# bytes of slab objects in use
memory_slab() { awk 'NR > 2 { s += $2 * $4 } END { printf "%.0f\n", s }' /proc/slabinfo; }
