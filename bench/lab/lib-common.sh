# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2034 # used by the other files
# Words and places that every part of the lab uses.

LAB_CACHE=${VMGANG_CACHE:-${XDG_CACHE_HOME:-${HOME:-/root}/.cache}/vmgang}
LAB_TREE=$(cd "$LAB_DIR/../.." && pwd -P)

# Exit statuses of the lab's own; everything else is the command's.
readonly LAB_E_FAILED=1		# could not be built
readonly LAB_E_USAGE=2
readonly LAB_E_SETUP=98		# the machine could not be started
readonly LAB_E_FAULT=99		# kernel log, dead machine, silent pCPU
readonly LAB_E_TIMEOUT=124

say() { printf 'lab: %s\n' "$*" >&2; }

# die STATUS MESSAGE...
die()
{
	local status=$1

	shift
	say "$@"
	exit "$status"
}

# progress MESSAGE...: only for things that take long
progress() { [ -n "${LAB_QUIET-}" ] || say "$@"; }

# with_lock FILE COMMAND...: one at a time, others wait and say so
with_lock()
{
	local file=$1 fd

	shift
	exec {fd}>"$file"
	if ! flock -n "$fd"; then
		say "another lab is busy here, waiting"
		flock "$fd"
	fi
	"$@" {fd}>&-
	local status=$?
	exec {fd}>&-
	return "$status"
}

# key FILE...: a short name for what the files hold
key() { cat -- "$@" | sha256sum | cut -c1-16; }
