#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# schema.sh METADATA-DUMP: holds the schema and the parser against each other.
# What the parser takes without a word the schema must allow, what it refuses
# or warns about the schema must not, and every value that the parser allows
# must be in the schema.
set -u
dump=$1
here=$(dirname "$0")
rng=$here/../metadata.rng
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT
passed=0 failed=0

# The schema is about the element below <metadata>, so take that out.
schema_says() {
	xmllint --nonet --xpath \
		"/*/*[local-name()='metadata']/*[namespace-uri()='urn:vmgang:domain:1']" \
		"$1" >"$tmp/element.xml" 2>/dev/null || return 2
	xmllint --nonet --noout --relaxng "$rng" "$tmp/element.xml" >/dev/null 2>&1
}

# expect FILE ok|warning|error
expect() {
	parser=$("$dump" "$1" | head -n 1)
	if schema_says "$1"; then schema=valid; else schema=invalid; fi
	[ "$2" = ok ] && want=valid || want=invalid
	if [ "$parser" = "$2" ] && [ "$schema" = "$want" ]; then
		passed=$((passed + 1))
	else
		failed=$((failed + 1))
		echo "not ok - ${1##*/}: parser $parser (wants $2), schema $schema (wants $want)"
	fi
}

# example of one knob's value
one() {
	if [ "$1" = preset ]; then
		policy="<v:policy preset='$2'/>"
	else
		policy="<v:policy><v:$1>$2</v:$1></v:policy>"
	fi
	echo "<domain><name>x</name><metadata><v:domain xmlns:v='urn:vmgang:domain:1'>$policy" \
		"</v:domain></metadata></domain>" >"$tmp/$1-$2.xml"
}

for f in "$here"/../examples/*.xml; do expect "$f" ok; done
for f in "$here"/warned/*.xml; do expect "$f" warning; done
for f in "$here"/invalid/*.xml; do expect "$f" error; done

"$dump" --values >"$tmp/values"
[ -s "$tmp/values" ] || { echo 'not ok - the parser names no values'; failed=1; }
while read -r knob value; do
	one "$knob" "$value"
	expect "$tmp/$knob-$value.xml" ok
	one "$knob" "0$value.1"
	expect "$tmp/$knob-0$value.1.xml" error
done <"$tmp/values"

echo "schema: $passed passed, $failed failed"
[ "$failed" -eq 0 ]
