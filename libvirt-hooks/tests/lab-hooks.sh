#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Runs inside the lab, as root, with everything installed: real libvirtd, real
# domains, AppArmor. Shows that a domain's metadata becomes its policy by both
# ways, hook and event, and that neither can hold up or harm a domain.
# The domains have no disk: SeaBIOS finds nothing to boot, which is enough. They
# have no AppArmor profile of their own, to start in less time; libvirtd has.
set -u
passed=0 failed=0 skipped=0
tmp=$(mktemp -d)
conf=/etc/vmgang/vmgangd.conf
hook=/etc/libvirt/hooks/qemu.d/50-vmgang
profile=''

ok() { passed=$((passed + 1)); echo "ok $((passed + failed)) - $1"; }
bad() { failed=$((failed + 1)); echo "not ok $((passed + failed)) - $1${2:+: $2}"; }
skip() { skipped=$((skipped + 1)); echo "ok - $1 # SKIP $2"; }
# is WHAT GOT WANTED
is() { if [ "$2" = "$3" ]; then ok "$1"; else bad "$1" "got \"$2\", wanted \"$3\""; fi; }
now_ms() { date +%s%3N; }

domain() { # NAME UUID-END POLICY: prints a domain XML
	cat <<E
<domain type='kvm'>
  <name>$1</name>
  <uuid>0d2a6c5e-4c0b-4b1d-8a55-5d6f8f6a3$2</uuid>
  <metadata>$3</metadata>
  <memory unit='MiB'>64</memory>
  <vcpu>2</vcpu>
  <os><type arch='x86_64' machine='pc'>hvm</type></os>
  <cpu mode='host-passthrough'/>
  <seclabel type='none'/>
  <devices><emulator>/usr/bin/qemu-system-x86_64</emulator>
    <controller type='usb' model='none'/><memballoon model='none'/></devices>
</domain>
E
}
policy() { # INNER: prints the metadata element
	echo "<vmgang:domain xmlns:vmgang='urn:vmgang:domain:1'><vmgang:policy>$1" \
		"</vmgang:policy></vmgang:domain>"
}
gang=$(policy '<vmgang:cosched>gang</vmgang:cosched><vmgang:slice_us>7000</vmgang:slice_us>')

create() { # NAME UUID-END POLICY
	domain "$@" >"$tmp/$1.xml"
	virsh -q create "$tmp/$1.xml" >"$tmp/$1.out" 2>&1 && return
	cat "$tmp/$1.out" >&2
	return 1
}
destroy() { virsh -q destroy "$1" >/dev/null 2>&1; }
sysfs() { echo "/sys/kernel/vmgang/vms/$(cat "/run/libvirt/qemu/$1.pid" 2>/dev/null)"; }
knob() { cat "$(sysfs "$1")/policy/$2" 2>/dev/null; }
edit() { virsh -q metadata "$1" urn:vmgang:domain:1 --key vmgang --live --set "$2" >/dev/null; }

# eventually NAME KNOB VALUE: up to half a minute, since the machine may be slow
eventually() {
	local i
	for ((i = 0; i < 300; i++)); do
		[ "$(knob "$1" "$2")" = "$3" ] && return 0
		sleep 0.1
	done
	return 1
}
becomes() { # WHAT NAME KNOB VALUE
	if eventually "$2" "$3" "$4"; then ok "$1"; else
		bad "$1" "$3 is \"$(knob "$2" "$3")\", wanted \"$4\""
	fi
}
connected() {
	local i
	for ((i = 0; i < 300; i++)); do
		vmgang --json --interval 0 2>/dev/null | grep -q '"libvirt" *: *"connected"' && return 0
		sleep 0.1
	done
	return 1
}
libvirt_uri() { # URI or none, by the configuration
	printf '[vmgangd]\nLibvirtUri=%s\n' "$1" >"$conf"
	systemctl reload vmgangd
}

prepare() {
	local why=''
	[ -d /sys/kernel/vmgang ] || modprobe vmgang || why='the module does not load'
	systemctl start libvirtd vmgangd || why='libvirtd or vmgangd does not start'
	[ -z "$why" ] || { bad "the host is ready" "$why"; exit 1; }
	cp -a "$conf" "$tmp/conf" 2>/dev/null
	profile=$(tr -d '\0' <"/proc/$(pidof libvirtd)/attr/current" 2>/dev/null)
	date '+%F %T' >"$tmp/since"
}

cleanup() {
	pkill -CONT -x vmgangd
	pkill -CONT -x libvirtd
	for d in hk-a hk-b hk-d; do destroy "$d"; done
	[ -e "$tmp/hook" ] && cp -a "$tmp/hook" "$hook"
	if [ -e "$tmp/conf" ]; then cp -a "$tmp/conf" "$conf"; else rm -f "$conf"; fi
	systemctl reload-or-restart vmgangd
	rm -rf "$tmp"
}

# The hook alone: vmgangd does not talk to libvirt.
by_hook() {
	libvirt_uri none
	create hk-b c02 "$(policy '<vmgang:cosched>always</vmgang:cosched>')" &
	create hk-a c01 "$gang" || bad "a domain starts with the hook"
	wait $! || bad "a domain with a bad value starts"
	becomes "metadata becomes policy by the hook alone" hk-a cosched gang
	is "each knob of it" "$(knob hk-a slice_us)" 7000
	if vmgang --json show hk-a | tr -d ' \n\t' | grep -q '"cosched":{"value":"gang","source":"metadata"'
	then ok "vmgang show names the metadata as the source"
	else bad "vmgang show names the metadata as the source"; fi
	becomes "a domain with a bad value has the default" hk-b cosched adaptive
	if vmgang show hk-b | grep -q 'allowed: off,'
	then ok "vmgang show says what would be allowed"
	else bad "vmgang show says what would be allowed" "$(vmgang show hk-b | head -20)"; fi
	destroy hk-a
	destroy hk-b
}

# Events alone: the hook is not there.
by_event() {
	cp -a "$hook" "$tmp/hook"
	rm "$hook"
	systemctl restart libvirtd
	libvirt_uri qemu:///system
	if connected; then ok "vmgangd connects to libvirtd"; else bad "vmgangd connects to libvirtd"; fi
	create hk-b c02 "$gang" || bad "a domain starts without the hook"
	becomes "metadata becomes policy by libvirt's events alone" hk-b cosched gang
	destroy hk-b
	cp -a "$tmp/hook" "$hook"
	rm "$tmp/hook"
	systemctl restart libvirtd
	connected || bad "vmgangd connects again"
}

live_edit() {
	create hk-a c01 '' || bad "a domain starts"
	becomes "a domain without metadata has the default" hk-a cosched adaptive
	edit hk-a '<domain><policy preset="esx"/></domain>'
	becomes "a live edit takes effect" hk-a cosched gang
	edit hk-a '<domain><policy preset="nonsense"/></domain>'
	becomes "a bad live edit puts it on the default" hk-a cosched adaptive
	edit hk-a '<domain><policy><slice_us>9000</slice_us></policy></domain>'
	becomes "a good one after it counts" hk-a slice_us 9000
	virsh -q metadata hk-a urn:vmgang:domain:1 --live --remove >/dev/null
	becomes "removed metadata is no policy" hk-a slice_us 20000
	edit hk-a '<domain><policy preset="esx"/></domain>'
	becomes "and new metadata is one again" hk-a cosched gang
}

# Ends vmgangd, and leaves the class to the next one: to load it takes seconds here.
without_vmgangd() {
	local i
	systemctl kill --kill-whom=main --signal=USR1 vmgangd
	for ((i = 0; i < 600; i++)); do
		[ "$(systemctl is-active vmgangd)" = inactive ] && return
		sleep 0.1
	done
	bad "vmgangd ends"
}

# hk-a runs since live_edit
restarts() {
	systemctl restart libvirtd
	if connected; then ok "vmgangd finds a restarted libvirtd"
	else bad "vmgangd finds a restarted libvirtd"; fi
	is "the policy survives it" "$(knob hk-a cosched)" gang
	edit hk-a '<domain><policy preset="xen-credit"/></domain>'
	becomes "live edits arrive after it" hk-a cosched off
	systemctl restart vmgangd
	connected || bad "a restarted vmgangd connects"
	edit hk-a '<domain><policy preset="esx"/></domain>'
	becomes "live edits arrive after a restart of vmgangd" hk-a cosched gang
	without_vmgangd
	edit hk-a '<domain><policy preset="xen-credit"/></domain>'
	create hk-b c02 "$gang" || bad "a domain starts without vmgangd"
	systemctl start vmgangd
	becomes "an edit without vmgangd counts once it runs" hk-a cosched off
	becomes "so does a domain that started without it" hk-b cosched gang
	destroy hk-b
}

# The hook alone, run by hand, the least of three.
timed_hook() {
	local start i
	for i in 1 2 3; do
		start=$(now_ms)
		"$hook" hk-c prepare begin - <"$tmp/hk-a.xml" || echo 'status not 0'
		echo $(($(now_ms) - start))
	done 2>&1 | sort -n | head -n 1
}
hung_daemon() {
	local alone took
	alone=$(timed_hook)
	pkill -STOP -x vmgangd
	took=$(timed_hook)
	create hk-d c04 "$gang" || bad "a domain starts with a hung vmgangd"
	pkill -CONT -x vmgangd
	# A start has two such hooks that wait, prepare and started: under a second.
	if [ "$took" -le $((alone + 500)) ]
	then ok "a hook waits half a second at most for a hung vmgangd ($alone ms, $took ms)"
	else bad "a hook waits half a second at most for a hung vmgangd" "$alone ms, $took ms"; fi
	becomes "the policy counts when it goes on" hk-d cosched gang
	destroy hk-d
}

hung_libvirtd() {
	local start took
	pkill -STOP -x libvirtd
	start=$(now_ms)
	timeout 60 vmgang --interval 0 >/dev/null && timeout 60 vmgang set hk-a slice_us=12000 >/dev/null
	took=$(($(now_ms) - start))
	is "vmgang set works with a hung libvirtd ($took ms)" "$(knob hk-a slice_us)" 12000
	start=$(now_ms)
	timeout 180 systemctl restart vmgangd
	is "vmgangd restarts with a hung libvirtd ($(($(now_ms) - start)) ms)" \
		"$(systemctl is-active vmgangd)" active
	is "what was set is kept" "$(knob hk-a slice_us)" 12000
	pkill -CONT -x libvirtd
	if connected; then ok "it connects when libvirtd goes on"
	else bad "it connects when libvirtd goes on"; fi
	vmgang set hk-a slice_us=- >/dev/null
}

metadata_sum() { virsh dumpxml "$1" | sed -n '/<metadata>/,/<\/metadata>/p' | md5sum; }
save_and_restore() {
	local before
	destroy hk-a
	create hk-a c01 "$gang" || bad "a domain starts"
	before=$(metadata_sum hk-a)
	if ! virsh -q save hk-a "$tmp/saved" >"$tmp/out" 2>&1; then
		skip "a domain is restored" "it can not be saved here: $(head -n 1 "$tmp/out")"
	elif virsh -q restore "$tmp/saved" >/dev/null; then
		is "a restored domain has its XML" "$(metadata_sum hk-a)" "$before"
		becomes "and its policy" hk-a cosched gang
	else
		bad "a domain is restored"
	fi
	destroy hk-a
}

# Two files through the hook alone, and one domain, since starts take time here.
by_hand() { # WHAT FILE
	local start out status
	start=$(now_ms)
	out=$("$hook" hk-b prepare begin - <"$2" 2>&1)
	status=$?
	is "$1: silent and 0 ($(($(now_ms) - start)) ms)" "$status:$out" 0:
}
hostile() {
	local many deep i
	{
		domain hk-b c02 "<y:y xmlns:y='urn:y'>@" | sed '/@/q' | tr -d '@\n'
		head -c 100000000 /dev/zero | tr '\0' 'x'
		domain hk-b c02 "@</y:y>$gang" | sed -n '/@/,$p' | sed 's/.*@//'
	} >"$tmp/big.xml"
	by_hand "a hook with 100 MB of metadata" "$tmp/big.xml"
	rm "$tmp/big.xml"
	deep=$(for ((i = 0; i < 100; i++)); do printf '<x:d xmlns:x="urn:x">'; done
		for ((i = 0; i < 100; i++)); do printf '</x:d>'; done)
	domain hk-b c02 "$deep $gang" >"$tmp/deep.xml"
	by_hand "a hook with metadata 100 deep" "$tmp/deep.xml"
	many=$(for ((i = 0; i < 20000; i++)); do echo "<vmgang:k$i>v</vmgang:k$i>"; done)
	domain hk-b c02 "$(policy "$many <vmgang:cosched>gang</vmgang:cosched>")" >"$tmp/many.xml"
	if virsh -q create "$tmp/many.xml" >/dev/null; then
		ok "a domain with 20000 unknown knobs starts"
		becomes "the known one counts" hk-b cosched gang
	else bad "a domain with 20000 unknown knobs starts"; fi
	destroy hk-b
}

apparmor() {
	local denied
	case $profile in
	libvirtd*enforce*) ok "libvirtd was confined all the time" ;;
	*) skip "libvirtd was confined all the time" "profile is \"${profile:-none}\"" ;;
	esac
	denied=$(journalctl -q --since "$(cat "$tmp/since")" --grep 'apparmor="DENIED".*(vmgang|hooks)')
	is "AppArmor denied nothing of ours" "$denied" ''
}

prepare
trap cleanup EXIT
by_hook
by_event
live_edit
restarts
hung_daemon
hung_libvirtd
save_and_restore
hostile
apparmor
echo "lab-hooks: $passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ]
