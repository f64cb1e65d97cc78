# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2034 # used by the other files
# Watches a machine from outside until its command has ended or it is lost.
#
# Each pCPU's heart beats twice a second on a serial port. When one falls
# silent the emulator is asked for that pCPU's interrupt controller and
# registers. A timer interrupt that waits there although nothing keeps the pCPU
# from taking it, again and again, is a stall of the emulator: the run is
# repeated. A pCPU that is silent for any other reason is a fault of what runs
# in the machine, and so is a machine that dies.

readonly WATCH_BOOT_S=900	# a boot takes one to two minutes of a shared machine
readonly WATCH_LOOK_S=15	# silence after which the emulator is asked
readonly WATCH_SILENT_S=90	# silence that is a fault whatever the cause
readonly WATCH_SAMPLES=8	# looks, one a second, that must all agree

# Verdict: up (for WATCH_UNTIL=up), ended, boot, died, timeout, stall or silent; WATCH_STATUS with ended,
# WATCH_WHY with the others
WATCH_VERDICT='' WATCH_STATUS='' WATCH_WHY='' WATCH_UNTIL=''
declare -A WATCH_LAST=()

watch_end()
{
	WATCH_VERDICT=$1
	shift
	WATCH_WHY=$*
}

watch_machine()
{
	local word arg more now='' begun=$SECONDS ready=''

	WATCH_VERDICT='' WATCH_WHY=''
	WATCH_LAST=()
	while [ -z "$WATCH_VERDICT" ]; do
		if read -r -t 1 -u "$MACHINE_EVENTS" word arg more; then
			case $word in
			up)
				[ "$WATCH_UNTIL" != up ] || watch_end up
				[ "$WATCH_UNTIL" = up ] || machine_go
				;;
			beat) WATCH_LAST[$arg]=$SECONDS ;;
			off) unset "WATCH_LAST[$arg]" ;;
			ready)
				ready=$SECONDS
				progress "machine ready after $((ready - begun)) s"
				;;
			status)
				WATCH_STATUS=$arg
				watch_end ended
				;;
			fail) watch_end boot "$arg $more" ;;
			esac
		fi
		watch_outer
		[ "$now" != "$SECONDS" ] && [ -z "$WATCH_VERDICT" ] || continue
		now=$SECONDS
		if ! machine_alive; then
			watch_end died "the machine died (panic or reset?)"
		elif [ -z "$ready" ]; then
			[ $((now - begun)) -lt $WATCH_BOOT_S ] ||
				watch_end boot "not up after $WATCH_BOOT_S s"
		elif [ "$OPT_TIMEOUT" -gt 0 ] &&
		     [ $((now - ready)) -ge "$OPT_TIMEOUT" ]; then
			watch_end timeout "not done after $OPT_TIMEOUT s"
		else
			watch_hearts
		fi
	done
}

# For measurements inside, which want to know what else this machine did: its
# "cpu" line of /proc/stat, and the ticks that the emulator itself has had.
watch_outer()
{
	local cpu own

	read -r cpu </proc/stat
	read -r own <"/proc/$MACHINE_PID/stat" || return
	# shellcheck disable=SC2086 # after the name in brackets: words
	set -- ${own##*) }
	printf '%s\nself %s\n' "$cpu" "$((${12} + ${13}))" \
		>"$MACHINE_DIR/share/outer-stat.new" &&
		mv "$MACHINE_DIR/share/outer-stat.new" "$MACHINE_DIR/share/outer-stat"
} 2>/dev/null

watch_hearts()
{
	local cpu quiet

	for cpu in "${!WATCH_LAST[@]}"; do
		quiet=$((SECONDS - WATCH_LAST[$cpu]))
		[ "$quiet" -ge $WATCH_LOOK_S ] || continue
		if watch_is_stall "$cpu"; then
			watch_end stall "emulator stall: pCPU $cpu silent for $quiet s, its timer interrupt waits and is not delivered"
		elif [ "$quiet" -ge $WATCH_SILENT_S ]; then
			watch_end silent "pCPU $cpu silent for $quiet s and the emulator is not to blame"
		fi
		[ -z "$WATCH_VERDICT" ] || return
	done
}

# watch_is_stall CPU: all looks must show the signature, and one of them that
# the pCPU could have taken the interrupt; any beat in between refutes it.
watch_is_stall()
{
	local cpu=$1 look open=0 word arg

	for ((look = 0; look < WATCH_SAMPLES; look++)); do
		watch_look "$cpu" >"$MACHINE_DIR/look"
		cat "$MACHINE_DIR/look" >>"$MACHINE_DIR/lapic"
		case $("$LAB_DIR/check-stall" "$MACHINE_DIR/look") in
		open) open=1 ;;
		closed) ;;
		*) return 1 ;;
		esac
		while read -r -t 1 -u "$MACHINE_EVENTS" word arg; do
			[ "$word" = beat ] || continue
			WATCH_LAST[$arg]=$SECONDS
			[ "$arg" != "$cpu" ] || return 1
		done
	done
	[ "$open" -eq 1 ]
}

watch_look()
{
	machine_ask "info lapic $1"
	machine_ask "cpu $1"
	machine_ask "info registers"
}
