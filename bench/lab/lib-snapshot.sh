# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2034 # used by the other files
# Booting takes an emulated host half a minute and more, so it is done once for
# each set of options: the machine is stopped as soon as its agent waits for
# work, and its memory, devices and disk are kept. A run starts from there in
# seconds, with a private view of the kept memory file and an overlay of the
# kept disk. What a run needs of its own (the tree, the share, the time of day)
# reaches it after that.
#
# LAB_SNAPSHOT=0 boots each time.

readonly SNAPSHOT_KEEP=8	# sets of options; each costs up to its memory

snapshot_wanted() { [ "${LAB_SNAPSHOT-1}" != 0 ]; }

# sets SNAPSHOT; its name has all that makes the kept machine what it is
snapshot_find()
{
	SNAPSHOT=$LAB_CACHE/snapshot-$({
		echo "$IMAGE $IMAGE_KVER $EMULATOR $OPT_CPUS $OPT_SOCKETS $OPT_THREADS $OPT_MEM $OPT_MIPS"
		machine_command_line
		declare -f machine_initrd machine_qemu machine_boot snapshot_save
		cat "$LAB_DIR"/guest/*
	} | key)
}

# Without a snapshot the run boots, so nothing here is fatal.
snapshot_ensure()
{
	SNAPSHOT=''
	snapshot_wanted || return 0
	snapshot_find
	if [ ! -f "$SNAPSHOT/state" ]; then
		with_lock "$LAB_CACHE/snapshot.lock" snapshot_make || {
			say "no snapshot could be made, booting instead"
			SNAPSHOT=''
			return
		}
	fi
	touch "$SNAPSHOT"
}

snapshot_make()
{
	local tmp=$MACHINE_DIR/snapshot

	[ ! -f "$SNAPSHOT/state" ] || return 0
	progress "booting a machine with these options, once"
	mkdir -p "$tmp"
	machine_boot prime "$tmp"
	WATCH_UNTIL=up
	watch_machine
	WATCH_UNTIL=''
	if [ "$WATCH_VERDICT" != up ]; then
		say "$WATCH_WHY"
		machine_stop
		return 1
	fi
	if ! snapshot_save "$tmp"; then
		machine_stop
		return 1
	fi
	machine_stop
	rm -rf "$SNAPSHOT"
	mv -T "$tmp" "$SNAPSHOT" || return
	snapshot_prune
}

snapshot_save()
{
	local tmp=$1 i

	machine_ask stop >/dev/null
	machine_ask "migrate_set_capability x-ignore-shared on" >/dev/null
	machine_ask "migrate -d file:$tmp/state.new" >/dev/null
	for ((i = 0; i < 60; i++)); do
		case $(machine_ask "info migrate") in
		*completed*)
			mv "$tmp/state.new" "$tmp/state"
			return
			;;
		*failed*) break ;;
		esac
		sleep 0.5
	done
	say "saving the machine failed: $(machine_ask "info migrate" | tail -n 5)"
	return 1
}

snapshot_prune()
{
	local old

	# shellcheck disable=SC2012 # names are the lab's own
	ls -dt "$LAB_CACHE"/snapshot-*/ 2>/dev/null | tail -n +$((SNAPSHOT_KEEP + 1)) |
	while read -r old; do
		rm -rf --one-file-system "$old"
	done
}
