# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# This tree, built inside the image's root: never in the checkout, but in a copy
# of it in the cache, which stays and is brought up to date.

# Directories that are built and installed, in this order; one that does not
# exist is left out. LAB_PARTS names fewer when only some are of interest.
readonly TREE_PARTS="kernel userspace libvirt-hooks bench"

# sets TREE_BUILD (the copy), TREE_STAGE (what `make install` made of it)
tree_build()
{
	TREE_HOME=$LAB_CACHE/tree-$(echo "$LAB_TREE" "$OPT_KERNEL" | key)
	TREE_BUILD=$TREE_HOME/src
	TREE_STAGE=$TREE_HOME/stage.tar
	mkdir -p "$TREE_BUILD"
	with_lock "$TREE_HOME/lock" tree_refresh ||
		die $LAB_E_FAILED "the tree does not build"
}

# tree_root COMMAND...: in the root, in a copy that no machine is built from; commands
# that run at the same time want copies of their own (LAB_COPY: any word)
tree_root()
{
	TREE_HOME=$LAB_CACHE/tree-$(echo "$LAB_TREE" root ${LAB_COPY-} | key)
	TREE_BUILD=$TREE_HOME/src
	mkdir -p "$TREE_BUILD"
	with_lock "$TREE_HOME/lock" tree_root_copy ||
		die $LAB_E_FAILED "the tree can not be copied to $TREE_BUILD"
	# shellcheck disable=SC2016
	image_chroot "$TREE_BUILD" env "KVER=$IMAGE_KVER" "KDIR=$(image_kdir)" \
		bash -c 'cd /src && exec "$@"' - "$@"
}

tree_root_copy()
{
	tree_files >"$TREE_HOME/files.new" && tree_copy "$TREE_HOME/files"
}

tree_files()
{
	local git=(git -c safe.directory='*' -C "$LAB_TREE")

	if "${git[@]}" rev-parse --git-dir >/dev/null 2>&1; then
		"${git[@]}" ls-files -co --exclude-standard -z
	else
		(cd "$LAB_TREE" && find . -name .git -prune -o -type f -printf '%P\0' -o -type l -printf '%P\0')
	fi | LC_ALL=C sort -zu | (cd "$LAB_TREE" && while IFS= read -r -d '' f; do
		[ ! -e "$f" ] && [ ! -L "$f" ] || printf '%s\0' "$f"
	done)
}

# Nothing is done when neither a file nor the way of building has changed.
tree_refresh()
{
	local list=$TREE_HOME/files stamp=$TREE_HOME/stamp now

	tree_files >"$list.new"
	now=$({
		echo "$IMAGE $IMAGE_KVER $(tree_parts)"
		cat "$LAB_DIR/lib-tree.sh"
		(cd "$LAB_TREE" && xargs -0r stat -c '%n %s %Y %Z %a' <"$list.new")
	} | key)
	[ "$now" != "$(cat "$stamp" 2>/dev/null)" ] || [ ! -f "$TREE_STAGE" ] ||
		return 0
	rm -f "$stamp"
	tree_copy "$list" || return
	tree_make || return
	echo "$now" >"$stamp"
}

tree_parts() { echo "${LAB_PARTS-$TREE_PARTS}"; }

# Times are kept, so that make builds what has changed.
tree_copy()
{
	local list=$1

	if [ -f "$list" ]; then
		LC_ALL=C comm -z -23 "$list" "$list.new" |
			(cd "$TREE_BUILD" && xargs -0r rm -f --)
	fi
	tar -C "$LAB_TREE" --null --no-recursion -T "$list.new" -cf - |
		tar -C "$TREE_BUILD" -xf - || return
	mv "$list.new" "$list"
}

tree_make()
{
	local log=$TREE_HOME/log start=$SECONDS

	rm -rf "$TREE_HOME/stage"
	mkdir -p "$TREE_BUILD/.lab"
	progress "building the tree"
	# shellcheck disable=SC2046,SC2016
	image_chroot "$TREE_BUILD" bash -c '
		kver=$1; kdir=$2; shift 2
		rm -rf /src/.lab/stage; mkdir -p /src/.lab/stage
		for part; do
			[ -f "/src/$part/Makefile" ] || continue
			for target in all install; do
				make -j"$(nproc)" -C "/src/$part" $target \
					KVER="$kver" KDIR="$kdir" PREFIX=/usr \
					DESTDIR=/src/.lab/stage || exit
			done
		done
		# the module index, made here where it takes a second
		updates=/src/.lab/stage/lib/modules/$kver/updates
		[ -d "$updates" ] || exit 0
		mkdir -p "/lib/modules/$kver/updates"
		mount --bind "$updates" "/lib/modules/$kver/updates" &&
			depmod -o /src/.lab/stage "$kver" || exit
		' - "$IMAGE_KVER" "$(image_kdir)" $(tree_parts) >"$log" 2>&1 || {
		tail -n 40 "$log" >&2
		say "the whole of it is in $log"
		return 1
	}
	tar -C "$TREE_BUILD/.lab/stage" --owner=0 --group=0 -cf "$TREE_STAGE.new" . &&
		mv "$TREE_STAGE.new" "$TREE_STAGE" || return
	progress "tree built in $((SECONDS - start)) s"
}

# tree_deliver DIR: what the machine gets to see, apart from later builds
tree_deliver() { with_lock "$TREE_HOME/lock" tree_deliver_locked "$1"; }

tree_deliver_locked()
{
	cp --reflink=auto "$TREE_STAGE" "$1/stage.tar" &&
		cp -a --reflink=auto "$TREE_BUILD" "$1/tree"
}
