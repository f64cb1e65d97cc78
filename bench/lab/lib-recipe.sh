# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# How the image is made. A change here makes a new image, and nothing that is
# decided at boot belongs here (guest/ has that).

# recipe_debootstrap PACKAGES ROOT LOG: a Debian with the packages of that file
recipe_debootstrap()
{
	local packages sources

	packages=$(sed -e 's/#.*//' -e '/^[[:space:]]*$/d' "$1" | paste -sd,)
	sources=$(host_sources) || return
	# the lab boots with an initial RAM disk of its own
	INITRD=No mmdebstrap --mode=root --variant=minbase \
		--skip=check/signed-by --include="$packages" trixie "$2" - \
		<<<"$sources" >"$3" 2>&1 || {
		tail -n 5 "$3" >&2
		return 1
	}
	# so that packages can be added later, by `lab root`
	apt-config dump | grep -E '^Acquire::[a-z]+::Proxy ' \
		>"$2/etc/apt/apt.conf.d/90lab-proxy"
	return 0
}

recipe_root()
{
	local tmp=$1 kver

	recipe_debootstrap "$LAB_DIR/packages" "$tmp/root" "$tmp/log" || return
	mkdir -p "$tmp/root/mnt/share" "$tmp/root/mnt/lab" "$tmp/root/src"
	echo vmgang-lab >"$tmp/root/etc/hostname"
	: >"$tmp/root/etc/fstab"
	# one fixed identity, so that nothing is asked or made up at boot
	echo 6c6162006c6162006c6162006c616200 >"$tmp/root/etc/machine-id"
	kver=$(find "$tmp/root/lib/modules" -mindepth 1 -maxdepth 1 \
		-printf '%f\n' | sort -V | tail -n 1)
	[ -n "$kver" ] || return
	recipe_modules "$tmp/root" "$kver" || return
	echo "$kver" >"$tmp/kver.new"
}

# Drivers of things that no emulated machine has: without them the index of all
# modules is made in a second, and it is made each time that ours changes.
recipe_modules()
{
	local dir=$1/lib/modules/$2/kernel part

	rm -rf "$dir/sound" "$dir"/net/{wireless,mac80211,bluetooth,nfc,can}
	for part in "$dir"/drivers/*; do
		case ${part##*/} in
		acpi|block|char|cpufreq|crypto|firmware|md|net|platform|\
		ptp|rtc|tty|vfio|vhost|video|virt|virtio|watchdog) ;;
		*) rm -rf "$part" ;;
		esac
	done
	for part in "$dir"/drivers/net/*/; do
		rm -rf "$part"
	done
	chroot "$1" depmod "$2"
}

# Sparse, and grown by the run's overlay only.
recipe_disk()
{
	local tmp=$1

	mke2fs -q -t ext4 -O ^metadata_csum,^has_journal -m 0 \
		-E lazy_itable_init=1,nodiscard \
		-d "$tmp/root" "$tmp/disk.ext4" 8g >>"$tmp/log" 2>&1 || {
		tail -n 5 "$tmp/log" >&2
		return 1
	}
	mv "$tmp/kver.new" "$tmp/kver"
}
