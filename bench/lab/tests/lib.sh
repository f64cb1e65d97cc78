# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# What the lab's tests share: counting, and a scratch directory.

set -u

TESTS=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd -P)
# shellcheck disable=SC2034 # used by the tests
LAB=$(dirname "$TESTS")
SCRATCH=$(mktemp -d)
trap 'rm -rf "$SCRATCH"' EXIT
PASSED=0 FAILED=0

# ok WHAT COMMAND...: WHAT is true if the command succeeds
ok()
{
	local what=$1

	shift
	if "$@"; then
		PASSED=$((PASSED + 1))
		echo "ok - $what"
	else
		FAILED=$((FAILED + 1))
		echo "not ok - $what"
	fi
}

not() { ! "$@"; }

# finish NAME: the line that is counted
finish()
{
	echo "$1: $PASSED passed, $FAILED failed"
	[ "$FAILED" -eq 0 ]
}
