# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2034,SC2154 # one script in several files
#
# What vmgang keeps in memory. For a vCPU the module has its object, its thread's
# object and a directory in sysfs. Their sizes come from the loaded module's BTF,
# from the directory itself and from /proc/slabinfo, rounded up to what the
# allocator hands out: a difference of totals of a living host would drown them
# in the tens of kilobytes that KVM has for a vCPU.

usage_memory()
{
	cat <<'END'
memory   vmgangd's resident size with 100 VMs, and the module's bytes per vCPU
         --vms N (100)
END
}

bench_memory()
{
	local nr=100 rss=- pid seen

	while [ $# -gt 0 ]; do
		case $1 in
		--vms) option_number "$1" "${2:-}" 1 1000; nr=$2; shift 2 ;;
		*) common_option "$@"; shift "$taken" ;;
		esac
	done
	class_up
	host_describe
	progress "$nr VMs"
	memory_vms "$nr"
	seen=$(cat "$sys/nr_vms")
	[ "$seen" -ge "$nr" ] || die "the module sees $seen of $nr VMs"
	pid=$(pidof -s vmgangd)
	[ -z "$pid" ] || rss=$(awk '/^VmRSS/ { printf "%.1f", $2 / 1024 }' "/proc/$pid/status")
	progress_end
	verdicts_begin
	verdict "vmgangd resident with $nr VMs, MiB" "$rss" '<=' 15
	verdict 'module per vCPU, bytes' "$(memory_per_vcpu)" '<=' 4096
	vms_end
}

# memory_vms N: in one process, all of them having run
memory_vms()
{
	vm_start memory --payload idle --halt-us 1000000 --vms "$1"
	for _ in {1..600}; do
		# the header is printed when every vCPU has its thread
		[ ! -s "$tmp/memory.tsv" ] || break
		kill -0 "${vms[0]}" 2>/dev/null || die "$(cat "$tmp/memory.err")"
		sleep 0.1
	done
	for _ in {1..100}; do
		[ "$(cat "$sys/nr_vms")" -lt "$1" ] || break
		sleep 0.1
	done
	sleep 2
}

memory_per_vcpu()
{
	local dir

	for dir in "$sys"/vms/*/vcpus/0; do
		break
	done
	{
		awk '$1 == "kernfs_node_cache" { print "node", $4 }' /proc/slabinfo
		find "$dir" -printf 'name %f\n'
		bpftool btf dump file /sys/kernel/btf/vmgang 2>/dev/null |
			sed -n "s/.*STRUCT 'vmgang_\(vcpu\|thread\)' size=\([0-9]*\).*/object \2/p"
	} | awk '
	function slab(n,    s) {
		for (s = 8; s < n; s *= 2)
			if ((s == 64 || s == 128) && s * 1.5 >= n)
				return s * 1.5
		return s
	}
	$1 == "node" { node = $2 }
	$1 == "name" { sum += slab(length($2) + 1); nodes++ }
	$1 == "object" { sum += slab($2); objects++ }
	END { print objects == 2 && node && nodes ? sum + nodes * node : "-" }'
}
