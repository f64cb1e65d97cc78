# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2004,SC2034,SC2154 # one script in several files
#
# A figure's guests: real Linux guests under libvirt, started once for all that
# the figure measures. Those that a case does not use are suspended meanwhile,
# so that the cases can take turns like the schedulers do.

bench_vm=${BENCH_VM:-$here/guests/linux/bench-vm}
libvirt_run=${VMGANG_LIBVIRT_RUN:-/run/libvirt/qemu}
export LIBVIRT_DEFAULT_URI=${LIBVIRT_DEFAULT_URI:-qemu:///system}
guest_dir=$tmp/guests
guests=()		# names of all that run
declare -gA guest_pid=()
declare -gA guest_suspended=()
declare -gA guest_weight=()	# cpu.weight, where it is not 100

guests_require()
{
	[ -x "$bench_vm" ] || die "there is no $bench_vm: make -C bench"
	command -v "${VIRSH:-virsh}" >/dev/null || die "there is no virsh: is libvirt installed?"
}

# guest_names GROUP, into `named`
guest_names()
{
	local i

	named=()
	for ((i = 0; i < ${group_count[$1]}; i++)); do
		named+=("bench-$figure-$1-$i")
	done
}

# Memory that a figure's guests want, in MiB, into `wanted`
guests_memory()
{
	local group

	wanted=0
	for group in "${groups[@]}"; do
		wanted=$((wanted + ${group_count[$group]} * (${group_mem[$group]} + 64)))
	done
}

# guests_start: those of all groups that a case uses, as many at a time as there
# are pCPUs; false, and one line on stderr, when one does not start
guests_start()
{
	local group name named wanted running=0 nr=0 all=0 failed='' free

	guests_memory
	free=$(awk '$1 == "MemAvailable:" { print int($2 / 1024) }' /proc/meminfo)
	if [ "$wanted" -gt "$free" ]; then
		echo "bench/run: $figure: its guests want $wanted MiB, the host has $free" >&2
		return 1
	fi
	mkdir -p "$guest_dir"
	guests_left
	for group in "${groups[@]}"; do
		all=$((all + ${group_count[$group]}))
	done
	for group in "${groups[@]}"; do
		guest_names "$group"
		for name in "${named[@]}"; do
			ended
			guests+=("$name")
			nr=$((nr + 1))
			progress "$figure: starting guest $nr of $all ($name, ${group_vcpus[$group]} vCPUs)"
			guest_start "$group" "$name" &
			running=$((running + 1))
			if [ "$running" -ge "$nr_pcpus" ]; then
				wait -n || failed=1
				running=$((running - 1))
			fi
		done
	done
	while [ "$running" -gt 0 ]; do
		wait -n || failed=1
		running=$((running - 1))
	done
	progress_end
	ended
	[ -z "$failed" ] || { cat "$guest_dir"/*.err >&2; return 1; }
	for name in "${guests[@]}"; do
		# libvirt ends it without a newline
		guest_pid[$name]=$(cat "$libvirt_run/$name.pid" 2>/dev/null)
		[ -n "${guest_pid[$name]}" ] || {
			echo "bench/run: $name: no $libvirt_run/$name.pid" >&2
			return 1
		}
	done
	class_up
	vm_names=("${guests[@]}")
	presets_known
}

# What a run that was killed left behind.
guests_left()
{
	local old

	mapfile -t old < <("${VIRSH:-virsh}" -q list --all --name | grep "^bench-$figure-")
	[ ${#old[@]} -eq 0 ] || "$bench_vm" stop "$guest_dir" "${old[@]}" >/dev/null 2>&1
}

# guest_start GROUP NAME
guest_start()
{
	local options=(--mem "${group_mem[$1]}" --pv-spinlocks "${group_pv[$1]}") err=$guest_dir/$2.err

	[ "${group_net[$1]}" = no ] || options+=(--net)
	"$bench_vm" start "$guest_dir" "$2" "${group_vcpus[$1]}" "${options[@]}" 2>"$err" || {
		sed -i "s/^/bench\/run: $2 does not start: /" "$err"
		return 1
	}
	rm -f "$err"
}

guests_stop()
{
	[ ${#guests[@]} -eq 0 ] || "$bench_vm" stop "$guest_dir" "${guests[@]}" >/dev/null 2>&1
	guests=()
	guest_pid=()
	guest_suspended=()
	guest_weight=()
	vms=()
	vm_names=()
}

# guests_choose CASE: those that it uses run, all others stand still. The former
# are what vms_stats and presets_set look at, and `specs` what they are to do.
guests_choose()
{
	local record name of group workload threads arg weight named
	local -A picked=()

	vms=() vm_names=() specs=()
	for record in "${runs[@]}"; do
		IFS=$'\t' read -r of group workload threads arg weight <<<"$record"
		[ "$of" = "$1" ] || continue
		[ "$arg" = - ] && arg='' || arg=:$arg
		guest_names "$group"
		for name in "${named[@]}"; do
			picked[$name]=$weight
			vm_names+=("$name")
			vms+=("${guest_pid[$name]}")
			vm_column[$name]=$workload$'\t'$threads
			specs+=("$name:$workload:$threads$arg")
		done
	done
	for name in "${guests[@]}"; do
		[ -n "${picked[$name]:-}" ] || guest_turn "$name" suspend
	done
	for name in "${!picked[@]}"; do
		guest_weigh "$name" "${picked[$name]}"
		guest_turn "$name" resume
	done
}
declare -gA vm_column=()

# guest_weigh NAME WEIGHT: its cpu.weight, as an operator sets it
guest_weigh()
{
	[ "${guest_weight[$1]:-100}" != "$2" ] || return 0
	"${VIRSH:-virsh}" -q schedinfo "$1" --live "cpu_shares=$2" >/dev/null 2>"$tmp/virsh.err" ||
		die "$1: virsh schedinfo: $(tail -n 1 "$tmp/virsh.err")"
	guest_weight[$1]=$2
}

# guest_turn NAME suspend|resume: who stands still is in nobody's way, nor has it a
# reservation that others could not book
guest_turn()
{
	local want=1 vm_names=("$1") reason

	[ "$2" = suspend ] || want=''
	[ "${guest_suspended[$1]:-}" != "$want" ] || return 0
	if [ -n "$want" ]; then
		class_known
		presets_set default || die "$1: $reason"
	fi
	"${VIRSH:-virsh}" -q "$2" "$1" >/dev/null 2>"$tmp/virsh.err" ||
		die "$1: virsh $2: $(tail -n 1 "$tmp/virsh.err")"
	guest_suspended[$1]=$want
}
