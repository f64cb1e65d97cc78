# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2034 # used by the other files
# One run: boot, watch, judge.

readonly RUN_ATTEMPTS=3		# the first, and two after emulator stalls

run_command()
{
	local attempt

	image_guest_ensure
	machine_prepare
	mkdir "$MACHINE_DIR/share"
	tree_deliver "$MACHINE_DIR/share" ||
		die $LAB_E_SETUP "the built tree can not be copied to $MACHINE_DIR"
	run_command_file "$@"
	snapshot_ensure
	for ((attempt = 1; attempt <= RUN_ATTEMPTS; attempt++)); do
		rm -f "$MACHINE_DIR/share/klog"
		machine_boot command
		machine_stream
		watch_machine
		machine_stop
		[ "$WATCH_VERDICT" = stall ] || break
		run_stalled "$attempt"
	done
	run_judge
}

# Said and counted each time, and never taken for a result.
run_stalled()
{
	local again=

	[ "$1" -ge "$RUN_ATTEMPTS" ] || again=", repeating from a fresh boot"
	say "$WATCH_WHY$again"
	printf '%s\t%s\n' "$(date -u +%FT%TZ)" "$WATCH_WHY" >>"$LAB_CACHE/stalls"
}

# What the agent executes: one word with blanks is a shell line.
run_command_file()
{
	local file=$MACHINE_DIR/share/command

	if [ $# -eq 1 ] && [[ $1 == *[[:space:]]* ]]; then
		printf "%s\n" "$1"
	else
		printf 'exec'
		printf ' %q' "$@"
		echo
	fi >"$file"
}

run_shell()
{
	image_guest_ensure
	machine_prepare
	mkdir "$MACHINE_DIR/share"
	tree_deliver "$MACHINE_DIR/share" ||
		die $LAB_E_SETUP "the built tree can not be copied to $MACHINE_DIR"
	stty size >"$MACHINE_DIR/share/tty"
	echo "${TERM-vt100}" >"$MACHINE_DIR/share/term"
	snapshot_ensure
	MACHINE_TTY=$(stty -g)
	say "the shell's end is the machine's end"
	machine_boot shell
	watch_machine
	machine_stop
	run_judge
}

# The kernel log has the last word.
run_judge()
{
	local status log=$MACHINE_DIR/share/klog

	case $WATCH_VERDICT in
	ended) status=$WATCH_STATUS ;;
	timeout) status=$LAB_E_TIMEOUT ;;
	boot|stall) status=$LAB_E_SETUP ;;
	*) status=$LAB_E_FAULT ;;
	esac
	[ -z "$WATCH_WHY" ] || say "$WATCH_WHY"
	# a machine that was cut off has left what it said on its console: all
	# that is a warning or worse, so that silence there is a clean log
	[ -f "$log" ] || log=$MACHINE_DIR/console
	if [ "$log" = "$MACHINE_DIR/console" ] && [ ! -s "$log" ]; then
		:
	elif ! "$LAB_DIR/check-klog" "$log" "$MACHINE_DIR/share/expect" >&2; then
		say "the kernel log shows a fault, the run fails (its status was $status)"
		run_load
		status=$LAB_E_FAULT
	fi
	case $WATCH_VERDICT/$status in
	*/"$LAB_E_FAULT"|died/*|silent/*|boot/*) run_keep ;;
	esac
	exit "$status"
}

# Whoever reads of a stall wants to know how busy this machine was meanwhile.
run_load()
{
	local load

	load=$(cut -d' ' -f1-3 /proc/loadavg)
	say "this machine's load was $load on $(nproc) CPUs"
}

# The logs of a failed run are worth more than its directory.
run_keep()
{
	local keep=$LAB_CACHE/last-fault file

	mkdir -p "$keep"
	rm -f "$keep"/*
	for file in share/klog share/expect console qemu out err lapic; do
		[ ! -f "$MACHINE_DIR/$file" ] || cp "$MACHINE_DIR/$file" "$keep/"
	done
	say "its logs are in $keep"
}
