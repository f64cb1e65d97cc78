# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2034 # used by the other files
# What the lab wants of the machine it runs on.

readonly LAB_DISK_MIB=8192

host_need_root()
{
	[ "$(id -u)" -eq 0 ] ||
		die $LAB_E_SETUP "must run as root (image, chroot and mounts need it)"
}

host_need_linux()
{
	[ "$(uname -sm)" = "Linux x86_64" ] ||
		die $LAB_E_SETUP "runs on Linux x86_64 only, this is $(uname -sm)"
}

# host_need_disk MIB: room in the cache
host_need_disk()
{
	local free

	mkdir -p "$LAB_CACHE" ||
		die $LAB_E_SETUP "cannot make $LAB_CACHE (set VMGANG_CACHE)"
	free=$(df -Pm "$LAB_CACHE" | awk 'NR == 2 { print $4 }')
	[ "$free" -ge "$1" ] ||
		die $LAB_E_SETUP "$LAB_CACHE has $free MiB free, $1 MiB are wanted (set VMGANG_CACHE to a larger disk)"
}

# host_need_memory MIB
host_need_memory()
{
	local free

	free=$(awk '$1 == "MemAvailable:" { print int($2 / 1024) }' /proc/meminfo)
	[ "$free" -ge "$1" ] ||
		die $LAB_E_SETUP "$free MiB of memory are available, $1 MiB are wanted (try a smaller --mem)"
}

# The tools that make the image. Everything else, the emulator included, runs
# out of the image itself, so that the host's release does not matter.
host_install_tools()
{
	local want=()

	command -v mmdebstrap >/dev/null || want+=(mmdebstrap)
	command -v mke2fs >/dev/null || want+=(e2fsprogs)
	command -v setpriv >/dev/null || want+=(util-linux)
	[ -e /usr/share/keyrings/debian-archive-keyring.gpg ] ||
		want+=(debian-archive-keyring)
	[ ${#want[@]} -gt 0 ] || return 0
	command -v apt-get >/dev/null ||
		die $LAB_E_SETUP "wants ${want[*]} and knows only apt-get to install it"
	progress "installing ${want[*]}"
	if ! host_apt install "${want[@]}"; then
		host_apt update && host_apt install "${want[@]}" ||
			die $LAB_E_SETUP "apt-get could not install ${want[*]} (network?)"
	fi
}

host_apt()
{
	local verb=$1

	shift
	DEBIAN_FRONTEND=noninteractive apt-get -qq -y -o Dpkg::Use-Pty=0 \
		--no-install-recommends "$verb" "$@" >&2 </dev/null
}

# host_mirror LABEL: where this machine gets the archive of that label from
host_mirror()
{
	apt-get indextargets --format '$(ORIGIN)|$(LABEL)|$(REPO_URI)' \
		'Created-By: Packages' 2>/dev/null |
		awk -F'|' -v label="$1" \
			'$1 == "Debian" && $2 == label { print $3; exit }'
}

# The image's package sources, as lines for mmdebstrap: this machine's own
# mirror, whatever it is.
host_sources()
{
	local signed="[signed-by=/usr/share/keyrings/debian-archive-keyring.gpg]"
	local main security

	main=$(host_mirror Debian)
	if [ -z "$main" ]; then
		host_apt update
		main=$(host_mirror Debian)
	fi
	[ -n "$main" ] ||
		die $LAB_E_SETUP "apt knows no Debian mirror on this machine (apt-get indextargets)"
	echo "deb $signed $main trixie main"
	echo "deb $signed $main trixie-updates main"
	echo "deb $signed $main trixie-backports main"
	security=$(host_mirror Debian-Security)
	[ -z "$security" ] ||
		echo "deb $signed $security trixie-security main"
}

host_check()
{
	host_need_linux
	host_need_root
	[[ $LAB_CACHE$LAB_TREE != *,* ]] ||
		die $LAB_E_SETUP "the emulator takes no comma in $LAB_CACHE or $LAB_TREE"
	host_need_disk 2048
}
