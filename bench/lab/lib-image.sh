# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2034 # used by the other files
# The image: a Debian 13 root directory (for building in, and for the emulator)
# and a disk made of it, both in the cache under the hash of their recipe.

# sets IMAGE: the directory with root/, disk.ext4 and kver
image_find()
{
	IMAGE=$LAB_CACHE/image-$(key "$LAB_DIR/packages" "$LAB_DIR/lib-recipe.sh")
	IMAGE_ROOT=$IMAGE/root
	IMAGE_DISK=$IMAGE/disk.ext4
	[ ! -f "$IMAGE/kver" ] || IMAGE_KVER=$(cat "$IMAGE/kver")
}

image_exists() { image_find && [ -f "$IMAGE/kver" ]; }

image_ensure()
{
	image_exists && return
	host_install_tools
	with_lock "$LAB_CACHE/image.lock" image_make
	image_find
}

image_make()
{
	local tmp=$IMAGE.tmp start=$SECONDS

	image_exists && return	# another lab made it while this one waited
	host_need_disk $LAB_DISK_MIB
	progress "making the image, once: some minutes and 5 GB in $LAB_CACHE"
	rm -rf --one-file-system "$tmp"
	mkdir -p "$tmp"
	recipe_root "$tmp" && recipe_disk "$tmp" || {
		rm -rf --one-file-system "$tmp/root" "$tmp/disk.ext4"
		die $LAB_E_FAILED "the image could not be made, see $tmp/log"
	}
	mv -T "$tmp" "$IMAGE"
	progress "image made in $((SECONDS - start)) s"
	image_prune
}

# Images of other recipes go when nothing has used them for a week.
image_prune()
{
	local old

	for old in "$LAB_CACHE"/image-*; do
		[ "$old" != "$IMAGE" ] && [ -d "$old" ] || continue
		[ -z "$(find "$old/kver" -mtime -7 2>/dev/null)" ] || continue
		flock -n "$LAB_CACHE/image.lock" true || continue
		rm -rf --one-file-system "$old"
	done
}

# image_exec PROGRAM ARGUMENTS...: replaces this process by a program that wants
# the image's libraries
image_exec()
{
	exec "$IMAGE_ROOT/usr/lib64/ld-linux-x86-64.so.2" \
		--library-path "$IMAGE_ROOT/usr/lib/x86_64-linux-gnu" "$@"
}

# image_chroot DIR COMMAND...: runs it in the root with DIR at /src, and where
# modules are built against at its place
image_chroot()
{
	local source=$1 binds=()

	shift
	[ "$OPT_KERNEL" != debug ] || binds=("$DEBUG/build" "$(image_kdir)"
		"$DEBUG/modules/lib/modules/$IMAGE_KVER" "/lib/modules/$IMAGE_KVER")
	"$LAB_DIR/lib-chroot" "$IMAGE_ROOT" "$source" /src "${binds[@]}" -- "$@"
}

# inside the root: where modules are built against
image_kdir() { echo "/usr/src/linux-headers-$IMAGE_KVER"; }

# the kernel that --kernel asks for
image_kernel_ensure()
{
	[ "$OPT_KERNEL" != debug ] || debug_ensure
}

image_kernel()
{
	case $OPT_KERNEL in
	debug) echo "$DEBUG/bzImage" ;;
	*) echo "$IMAGE_ROOT/boot/vmlinuz-$IMAGE_KVER" ;;
	esac
}

# sets IMAGE_GUEST: what the initial RAM disk carries and has to be made
image_guest_ensure()
{
	IMAGE_GUEST=$IMAGE/guest-$IMAGE_KVER-$(key "$LAB_DIR/guest/heart.c")
	[ -d "$IMAGE_GUEST" ] ||
		with_lock "$LAB_CACHE/image.lock" image_guest_make ||
		die $LAB_E_FAILED "the machine's helpers can not be built"
}

image_guest_make()
{
	local tmp=$IMAGE_GUEST.tmp

	[ ! -d "$IMAGE_GUEST" ] || return 0
	rm -rf "$tmp"
	mkdir -p "$tmp/modules" && cp "$LAB_DIR/guest/heart.c" "$tmp/" || return
	# shellcheck disable=SC2016
	image_chroot "$tmp" bash -c '
		set -e
		cd /src
		gcc -O2 -Wall -Wextra -static -o heart heart.c
		n=10
		[ "$2" = stock ] || exit 0	# all that is needed is built in
		modprobe -S "$1" -a --show-depends virtio_blk ext4 |
		awk "\$1 == \"insmod\" && !seen[\$2]++ { print \$2 }" |
		while read -r path; do
			name=${path##*/}
			busybox xzcat "$path" >"modules/$n-${name%.xz}"
			n=$((n + 1))
		done' - "$IMAGE_KVER" "$OPT_KERNEL" >&2 || return
	mv -T "$tmp" "$IMAGE_GUEST"
}
