# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2034 # used by the other files
# The emulator: Debian's QEMU with qemu.patch (which says why), the x86 system
# and what the lab's machine has, built in a small root of its own in a few
# minutes and kept under the hash of its recipe. Firmware, libraries and qemu-img
# are the image's.

# sets EMULATOR: the program
emulator_find()
{
	EMULATOR=$LAB_CACHE/emulator-$(key "$LAB_DIR/packages-emulator" \
		"$LAB_DIR/qemu.patch" "$LAB_DIR/lib-emulator.sh")/qemu-system-x86_64
}

emulator_ensure()
{
	emulator_find
	[ ! -x "$EMULATOR" ] || return 0
	host_install_tools
	with_lock "$LAB_CACHE/emulator.lock" emulator_make ||
		die $LAB_E_FAILED "the emulator does not build, see ${EMULATOR%/*}.tmp/log"
}

emulator_make()
{
	local dir=${EMULATOR%/*} start=$SECONDS
	local tmp=$dir.tmp

	[ ! -x "$EMULATOR" ] || return 0	# another lab built it meanwhile
	host_need_disk $LAB_DISK_MIB
	progress "building the emulator, once: five minutes or so"
	rm -rf --one-file-system "$tmp"
	mkdir -p "$tmp/src"
	recipe_debootstrap "$LAB_DIR/packages-emulator" "$tmp/root" "$tmp/log" ||
		return
	mkdir -p "$tmp/root/src"
	cp "$LAB_DIR/qemu.patch" "$tmp/src/"
	emulator_compile "$tmp/root" "$tmp/src" >>"$tmp/log" 2>&1 || {
		tail -n 5 "$tmp/log" >&2
		return 1
	}
	mv "$tmp/src/qemu-system-x86_64" "$tmp/src/version" "$tmp/" || return
	rm -rf --one-file-system "$tmp/root" "$tmp/src"
	mv -T "$tmp" "$dir" || return
	progress "emulator built in $((SECONDS - start)) s"
	emulator_prune
}

# Once a patch is part of the release, it is to go from here: that it does not
# apply is an error.
emulator_compile()
{
	# shellcheck disable=SC2016
	nice -n 10 "$LAB_DIR/lib-chroot" "$1" "$2" /src -- bash -c '
		set -e
		cd /src
		sed -n "s/^deb /deb-src /p" /etc/apt/sources.list |
			grep -v backports >/etc/apt/sources.list.d/source.list
		apt-get -qq update
		apt-get -qq source --only-source qemu
		cd qemu-*/
		dpkg-parsechangelog -S Version >/src/version
		patch -p1 </src/qemu.patch
		mkdir build
		cd build
		../configure --target-list=x86_64-softmmu --without-default-features \
			--enable-system --enable-tcg --enable-virtfs --enable-attr \
			--disable-tools --disable-docs --disable-user --disable-werror \
			--disable-debug-info --disable-install-blobs --disable-download
		ninja qemu-system-x86_64
		strip -o /src/qemu-system-x86_64 qemu-system-x86_64'
}

# What other recipes built goes when nothing has used it for a week.
emulator_prune()
{
	local old

	for old in "$LAB_CACHE"/emulator-*/; do
		[ "${old%/}" != "${EMULATOR%/*}" ] || continue
		[ -z "$(find "${old}qemu-system-x86_64" -atime -7 2>/dev/null)" ] ||
			continue
		rm -rf --one-file-system "$old"
	done
}
