# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# One machine: its directory of temporary files, its emulator, its end.
#
# A run's directory is locked for as long as the script lives. A sweeper waits
# for that lock and removes the directory, so that it goes even when the script
# is killed; the emulator asks the kernel to be killed with the script.

MACHINE_PID='' MACHINE_DIR='' MACHINE_TAILS=() MACHINE_TTY=''
MACHINE_RESUMED=''

machine_prepare()
{
	local sweeper

	machine_sweep
	mkdir -p "$LAB_CACHE/run"
	MACHINE_DIR=$(mktemp -d "$LAB_CACHE/run/XXXXXXXX") ||
		die $LAB_E_SETUP "no place for a run in $LAB_CACHE/run"
	exec {MACHINE_LOCK}>"$MACHINE_DIR/lock"
	flock -n "$MACHINE_LOCK"
	trap machine_cleanup EXIT
	trap 'exit 129' HUP
	trap 'exit 130' INT
	trap 'exit 143' TERM
	# shellcheck disable=SC2016
	sweeper='flock "$1/lock" rm -rf --one-file-system "$1"'
	setsid bash -c "$sweeper" lab-sweeper "$MACHINE_DIR" \
		</dev/null >/dev/null 2>&1 {MACHINE_LOCK}>&- &
	disown
}

# What a killed script and a killed sweeper left
machine_sweep()
{
	local dir

	for dir in "$LAB_CACHE"/run/*/; do
		[ ! -f "$dir/lock" ] ||
			flock -n "$dir/lock" rm -rf --one-file-system "$dir"
	done
}

machine_cleanup()
{
	trap '' HUP INT TERM
	machine_stop
	[ -z "$MACHINE_TTY" ] || stty "$MACHINE_TTY"
	rm -rf --one-file-system "$MACHINE_DIR"
}

machine_command_line()
{
	printf '%s ' root=/dev/vda rw nokaslr mitigations=off \
		console=ttyS0 quiet loglevel=5 log_buf_len=8M panic=-1 \
		rcupdate.rcu_cpu_stall_timeout=120 tsc=reliable no_timer_check \
		watchdog_thresh=60 damon_stat.enabled=0 \
		systemd.unit=lab.target systemd.show_status=0 \
		systemd.journald.forward_to_console=0 systemd.log_level=notice \
		security=apparmor apparmor=1
	[ "$OPT_PLE" -eq 0 ] || printf '%s ' setcpuid=pausefilter,pfthreshold
	[ "$OPT_STEADY" -eq 0 ] || printf '%s ' lab.steady
}

# machine_initrd FILE: made anew for each boot, it is small
machine_initrd()
{
	local dir=$MACHINE_DIR/initrd unit

	mkdir -p "$dir"/{bin,dev,proc,sys,run,root,modules,lab/lab,lab/systemd/system}
	cp "$IMAGE_ROOT/usr/bin/busybox" "$dir/bin/busybox" &&
		cp "$LAB_DIR/guest/init" "$dir/init" &&
		cp "$LAB_DIR/guest/agent" "$IMAGE_GUEST/heart" "$dir/lab/lab/" &&
		cp "$LAB_DIR"/guest/lab* "$dir/lab/systemd/system/" &&
		cp -r "$IMAGE_GUEST/modules/." "$dir/modules/" || return
	if [ "$OPT_KERNEL" = debug ]; then
		mkdir -p "$dir/overlay/usr"
		cp -r "$DEBUG/modules/lib" "$dir/overlay/usr/" || return
	fi
	grep -v '^#' "$LAB_DIR/guest/masked" | while read -r unit; do
		ln -s /dev/null "$dir/lab/systemd/system/$unit"
	done
	(cd "$dir" && find . -print0 |
		"$IMAGE_ROOT/usr/bin/busybox" cpio -0 -o -H newc) \
		>"$1" 2>/dev/null || return
	rm -rf "$dir"
}

# machine_qemu OPTIONS...: becomes the emulator. The devices are the same in
# every mode, because a kept machine has them too.
machine_qemu()
{
	local d=$MACHINE_DIR time=(-accel "tcg,thread=multi") ns shift=0

	if [ "$OPT_STEADY" -eq 1 ]; then
		for ((ns = 1000 / OPT_MIPS; ns > 1; ns /= 2)); do
			shift=$((shift + 1))
		done
		time=(-accel "tcg,thread=single" -icount "shift=$shift")
	fi
	exec setpriv --pdeathsig KILL -- bash -c '. "$0/lib-image.sh"
		IMAGE_ROOT=$1; shift; image_exec "$@"' \
		"$LAB_DIR" "$IMAGE_ROOT" "$EMULATOR" \
		-L "$IMAGE_ROOT/usr/share/qemu" -L "$IMAGE_ROOT/usr/share/seabios" \
		-name vmgang-lab -nodefaults -no-user-config -no-reboot \
		-display none -nic none \
		-machine pc,memory-backend=ram \
		"${time[@]}" -cpu EPYC,+svm,+npt \
		-smp "$OPT_CPUS,sockets=$OPT_SOCKETS,threads=$OPT_THREADS" -m "$OPT_MEM" \
		-virtfs "local,path=$d/share,mount_tag=lab,security_model=none,multidevs=remap" \
		-virtfs "local,path=$OPT_SHARE,mount_tag=share,security_model=none,multidevs=remap" \
		-chardev "file,id=console,path=$d/console" -serial chardev:console \
		-chardev "pipe,id=mon,path=$d/mon" -mon mon \
		-device virtio-serial,max_ports=16 \
		-chardev "pipe,id=ctl,path=$d/ctl" \
		-device virtserialport,chardev=ctl,name=lab.ctl \
		-chardev "file,id=beat,path=$d/events" \
		-device virtserialport,chardev=beat,name=lab.beat \
		-chardev "file,id=out,path=$d/out" \
		-device virtserialport,chardev=out,name=lab.out \
		-chardev "file,id=err,path=$d/err" \
		-device virtserialport,chardev=err,name=lab.err \
		-device virtconsole,chardev=tty \
		"$@"
}

# machine_boot MODE [DIR]: command, shell, or prime (with memory and disk in
# DIR, to be kept); the first two start from SNAPSHOT unless that is empty. Sets
# MACHINE_PID.
machine_boot()
{
	local mode=$1 d=$MACHINE_DIR disk base=$IMAGE_DISK format=raw
	local ram=memory-backend-ram options=() tty=null initrd=$d/initrd.cpio

	disk=${2:-$d}/disk.qcow2
	MACHINE_RESUMED=''
	if [ "$mode" = prime ]; then
		ram=memory-backend-file,share=on,mem-path=$2/ram
		initrd=$2/initrd.cpio
	elif [ -n "$SNAPSHOT" ]; then
		ram=memory-backend-file,share=off,mem-path=$SNAPSHOT/ram
		base=$SNAPSHOT/disk.qcow2 format=qcow2
		initrd=$SNAPSHOT/initrd.cpio
		options+=(-incoming defer)
		MACHINE_RESUMED=1
	fi
	[ "$mode" != shell ] || tty=stdio,signal=off
	options+=(-kernel "$(image_kernel)" -initrd "$initrd"
		-append "$(machine_command_line)"
		-object "$ram,id=ram,size=${OPT_MEM}M"
		-drive "file=$disk,if=virtio,format=qcow2,cache=unsafe"
		-chardev "${tty%%,*},id=tty${tty#"${tty%%,*}"}")
	machine_files "$disk" "$base" "$format" &&
		{ [ -n "$MACHINE_RESUMED" ] || machine_initrd "$initrd"; } ||
		die $LAB_E_SETUP "the machine's files can not be made in $d"
	if [ "$mode" = shell ]; then
		machine_qemu "${options[@]}" <&0 2>"$d/qemu" {MACHINE_LOCK}>&- &
	else
		machine_qemu "${options[@]}" </dev/null >"$d/qemu" 2>&1 \
			{MACHINE_LOCK}>&- &
	fi
	MACHINE_PID=$!
	[ -z "$MACHINE_RESUMED" ] || machine_resume
}

# machine_files DISK BASE FORMAT
machine_files()
{
	local d=$MACHINE_DIR

	rm -f "$1" "$d"/{out,err,console,events,mon.in,mon.out,ctl.in,ctl.out}
	mkfifo "$d/events" "$d/mon.in" "$d/mon.out" "$d/ctl.in" || return
	ln -s events "$d/ctl.out"
	: >"$d/out"
	: >"$d/err"
	: >"$d/console"
	exec {MACHINE_EVENTS}<>"$d/events" {MACHINE_TELL}<>"$d/ctl.in" \
		{MACHINE_ASK}<>"$d/mon.in" {MACHINE_ANSWER}<>"$d/mon.out"
	(image_exec "$IMAGE_ROOT/usr/bin/qemu-img" create -q -f qcow2 -b "$2" -F "$3" "$1")
}

machine_resume()
{
	local i

	machine_ask "migrate_set_capability x-ignore-shared on" >/dev/null
	machine_ask "migrate_incoming file:$SNAPSHOT/state" >/dev/null
	for ((i = 0; i < 60; i++)); do
		case $(machine_ask "info status") in
		*inmigrate*) sleep 0.1 ;;
		*paused*) machine_ask cont >/dev/null ;;
		*running*)
			machine_go
			return
			;;
		esac
		machine_alive || break
	done
	# the watch reports a machine that does not come up
}

# machine_go: lets the waiting agent start, and tells it the time
machine_go() { printf 'go %s\n' "$(date +%s.%N)" >&"$MACHINE_TELL"; }

machine_alive() { kill -0 "$MACHINE_PID" 2>/dev/null; }

# Streams what the command says while it says it, to the last byte.
machine_stream()
{
	tail -q -c +1 -s 0.1 -f --pid="$MACHINE_PID" "$MACHINE_DIR/out" \
		{MACHINE_LOCK}>&- &
	MACHINE_TAILS+=($!)
	tail -q -c +1 -s 0.1 -f --pid="$MACHINE_PID" "$MACHINE_DIR/err" \
		>&2 {MACHINE_LOCK}>&- &
	MACHINE_TAILS+=($!)
}

# The overlay dies with the run, so there is nothing to shut down.
machine_stop()
{
	local pid i

	[ -n "$MACHINE_PID" ] || return 0
	kill -TERM "$MACHINE_PID" 2>/dev/null
	for ((i = 0; i < 30; i++)); do
		machine_alive || break
		sleep 0.1
	done
	kill -KILL "$MACHINE_PID" 2>/dev/null
	wait "$MACHINE_PID" 2>/dev/null
	MACHINE_PID=''
	for pid in "${MACHINE_TAILS[@]}"; do
		wait "$pid" 2>/dev/null
	done
	MACHINE_TAILS=()
	exec {MACHINE_EVENTS}>&- {MACHINE_TELL}>&- \
		{MACHINE_ASK}>&- {MACHINE_ANSWER}>&-
}

# machine_ask COMMAND: what the monitor answers. The number that it is asked
# for afterwards marks the end; its echo is on a line with the prompt.
machine_ask()
{
	local line mark=0x6c6162

	printf '%s\nprint /x %s\n' "$1" "$mark" >&"$MACHINE_ASK"
	while IFS= read -r -t 10 -u "$MACHINE_ANSWER" line; do
		line=${line%$'\r'}
		[ "$line" != "$mark" ] || return 0
		case $line in
		'(qemu)'*|'QEMU '*) ;;
		*) printf '%s\n' "$line" ;;
		esac
	done
	return 1
}
