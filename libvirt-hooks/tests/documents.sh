#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# documents.sh METADATA-DUMP: holds manual pages, completion, schema notes and
# the configuration file against the sources they describe, so that neither
# names what the other does not have.
set -u
dump=$1
cd "$(dirname "$0")/../../userspace" || exit 1
passed=0 failed=0

# has WHAT FILE PATTERN...: all of them are there
has() {
	local what=$1 file=$2 missing='' p
	shift 2
	[ $# -gt 0 ] || missing=' (nothing was found to look for)'
	for p; do grep -qE -- "$p" "$file" || missing+=" $p"; done
	if [ -z "$missing" ]; then passed=$((passed + 1)); else
		failed=$((failed + 1))
		echo "not ok - $what: $file lacks$missing"
	fi
}

mapfile -t verbs < <(sed -n '/verbs\[\] = {/,/^};/s/^\t{ "\([a-z]*\)", .*/\1/p' cli/main.c)
mapfile -t options < <(sed -n 's/^\t\t{ "\([a-z]*\)", .*_argument, .*/\1/p' cli/main.c)
mapfile -t doptions < <(sed -n 's/^\t\t{ "\([a-z-]*\)", .*_argument, .*/\1/p' daemon/main.c)
mapfile -t knobs < <("$dump" --values | cut -d' ' -f1 | sort -u)
mapfile -t values < <("$dump" --values | grep -Ev '^([a-z_]*_us|preset) ' | cut -d' ' -f2 | sort -u)
mapfile -t presets < <(basename -s .conf presets.d/*.conf)
mapfile -t keys < <(sed -n '/parse_vmgangd(/,/^}/s/.*strcmp(key, "\([A-Za-z]*\)").*/\1/p' lib/config.c)
mapfile -t globs < <(sed -n '/parse_match(/,/^}/s/.*strcmp(key, "\([A-Za-z]*\)").*/\1/p' lib/config.c)
mapfile -t env < <(sed -n 's/.*from_env("\(VMGANG_[A-Z]*\)".*/\1/p' lib/paths.c)

has 'verbs are explained' man/vmgang.1 "${verbs[@]/#/^\\.It Cm }" "${verbs[@]/#/^\\.Cm }"
has 'verbs are completed' completion/vmgang "${verbs[@]/#/verbs=.*}"
has 'options are explained' man/vmgang.1 "${options[@]/#/Fl .*-}"
has 'options are completed' completion/vmgang "${options[@]/#/options=.*--}"
has 'knobs are explained' man/vmgang.1 "${knobs[@]/#/^\\.It Cm }"
has 'knobs are completed' completion/vmgang "${knobs[@]/%/\\) echo}"
has 'values are explained' man/vmgang.1 "${values[@]/#/\\b}"
has 'values are completed' completion/vmgang "${values[@]/#/echo .*\\b}"
has 'presets are explained' man/vmgang.1 "${presets[@]/#/^\\.It Cm }"
has 'the range of slice_us is explained' man/vmgang.1 \
	"$("$dump" --values | sed -n 's/^slice_us //p' | paste -sd' ' | sed 's/ / to /')"
for knob in reserve_period_us reserve_slice_us; do
	has "the range of $knob is explained" man/vmgang.1 \
		"$("$dump" --values | sed -n "s/^$knob //p" | grep -v '^0' | paste -sd' ' | sed 's/ / to /')"
done
has "vmgangd's options are explained" man/vmgangd.8 "${doptions[@]/#/Fl .*-}"
has "vmgangd's environment is explained" man/vmgangd.8 "${env[@]/#/^\\.It Ev }"
has 'keys are explained' man/vmgangd.conf.5 "${keys[@]/#/^\\.It Cm }" "${globs[@]/#/^\\.It Cm }"
has 'keys have their defaults in the file' vmgangd.conf "${keys[@]/#/^#}"

if command -v mandoc >/dev/null; then
	if lint=$(mandoc -Tlint -Wwarning man/*.[158]); then passed=$((passed + 1)); else
		failed=$((failed + 1))
		printf 'not ok - mandoc: %s\n' "$lint"
	fi
else
	echo 'ok - manual pages are well-formed # SKIP mandoc is not installed'
fi
echo "documents: $passed passed, $failed failed"
[ "$failed" -eq 0 ]
