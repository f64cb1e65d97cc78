# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2034 # used by the other files
# The debug kernel: Debian's source with debug.config, built in a small root of
# its own, kept under the hash of both. A quarter to three quarters of an hour,
# once, and only on demand.

# sets DEBUG: the directory with bzImage, release, build/ (where modules are
# built against) and modules/ (the kernel's own)
debug_find()
{
	DEBUG=$LAB_CACHE/kernel-$(key "$LAB_DIR/packages-debug" \
		"$LAB_DIR/debug.config")
	[ ! -f "$DEBUG/release" ] || IMAGE_KVER=$(cat "$DEBUG/release")
}

debug_ensure()
{
	debug_find
	[ ! -f "$DEBUG/release" ] || return 0
	with_lock "$LAB_CACHE/kernel.lock" debug_make ||
		die $LAB_E_FAILED "the debug kernel does not build"
	debug_find
}

debug_make()
{
	local tmp=$DEBUG.tmp start=$SECONDS
	local root

	root=$LAB_CACHE/kernel-root-$(key "$LAB_DIR/packages-debug")

	[ ! -f "$DEBUG/release" ] || return 0
	host_need_disk $LAB_DISK_MIB
	progress "building the debug kernel, once: half an hour or so"
	rm -rf --one-file-system "$tmp"
	mkdir -p "$tmp"
	if [ ! -f "$root/etc/debian_version" ]; then
		host_install_tools
		rm -rf --one-file-system "$root"
		recipe_debootstrap "$LAB_DIR/packages-debug" "$root" "$tmp/log" ||
			return
	fi
	mkdir -p "$root/src"
	cp "$LAB_DIR/debug.config" "$tmp/"
	debug_compile "$root" "$tmp" >>"$tmp/log" 2>&1 || {
		tail -n 20 "$tmp/log" >&2
		say "the whole of it is in $tmp/log"
		return 1
	}
	rm -rf --one-file-system "$root"
	mv -T "$tmp" "$DEBUG" || return
	progress "debug kernel built in $(((SECONDS - start) / 60)) min"
}

# Dependencies move from release to release: an option that is asked for and not
# granted ends the build before it begins.
debug_compile()
{
	# shellcheck disable=SC2016
	nice -n 19 "$LAB_DIR/lib-chroot" "$1" "$2" /src -- bash -c '
		set -e
		cd /src
		mkdir -p build
		tar -C build --strip-components=1 -xf /usr/src/linux-source-*.tar.xz
		cd build
		make -s tinyconfig
		scripts/kconfig/merge_config.sh -m .config /src/debug.config
		make -s olddefconfig
		refused=$(grep -E "^CONFIG_[A-Z0-9_]+=[ym]$" /src/debug.config |
			grep -vxFf .config) || true
		[ -z "$refused" ] || { echo "refused: $refused"; exit 1; }
		make -s -j"$(nproc)" bzImage modules
		make -s modules_install INSTALL_MOD_PATH=/src/modules \
			INSTALL_MOD_STRIP=1
		cp arch/x86/boot/bzImage /src/bzImage
		rm -f /src/modules/lib/modules/*/build
		# what only the link wanted
		find . -name "*.o" ! -path "./tools/*" ! -path "./scripts/*" -delete
		find . -name "*.a" -delete
		rm -f vmlinux.unstripped .tmp_vmlinux*
		rm -rf Documentation drivers/gpu drivers/net sound
		make -s kernelrelease >/src/release.new
		mv /src/release.new /src/release'
}
