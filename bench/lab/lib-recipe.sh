# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# How the image is made. A change here makes a new image, and nothing that is
# decided at boot belongs here (guest/ has that).

recipe_packages()
{
	sed -e 's/#.*//' -e '/^[[:space:]]*$/d' "$LAB_DIR/packages" |
		paste -sd,
}

recipe_root()
{
	local tmp=$1 sources

	sources=$(host_sources) || return
	mmdebstrap --mode=root --variant=minbase --skip=check/signed-by \
		--include="$(recipe_packages)" trixie "$tmp/root" - \
		<<<"$sources" >"$tmp/log" 2>&1 || {
		tail -n 5 "$tmp/log" >&2
		return 1
	}
	mkdir -p "$tmp/root/mnt/share" "$tmp/root/mnt/lab" "$tmp/root/src"
	echo vmgang-lab >"$tmp/root/etc/hostname"
	: >"$tmp/root/etc/fstab"
	# one fixed identity, so that nothing is asked or made up at boot
	echo 6c6162006c6162006c6162006c616200 >"$tmp/root/etc/machine-id"
	find "$tmp/root/lib/modules" -mindepth 1 -maxdepth 1 -printf '%f\n' |
		sort -V | tail -n 1 >"$tmp/kver.new"
	[ -s "$tmp/kver.new" ]
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
