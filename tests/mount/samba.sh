#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A share of Samba over a mount, with shadow_copy2: a client lists the
# previous versions of a file and fetches one; also of a part of the mount.
. "$(dirname "$0")/lib.sh"
. "$top/contrib/ports.sh"
need_root
need smbd smbclient
smb=$WORK/smb
[ -n "$(find /usr/lib -name shadow_copy2.so -print -quit)" ] ||
	skip "Samba's shadow_copy2 is not installed"

# smbclient's answer to commands on a share.
client() {
	smbclient -s "$smb/conf" -p "$port" -N "//127.0.0.1/$1" -c "$2" 2>&1
}

answers() {
	client all quit >/dev/null
}

serve() {
	mkdir -p "$smb/private" "$smb/state"
	port=$(free_ports 1)
	cat >"$smb/conf" <<-CONF
		[global]
		private dir = $smb/private
		lock directory = $smb/state
		state directory = $smb/state
		cache directory = $smb/state
		pid directory = $smb/state
		ncalrpc dir = $smb/state/rpc
		smb ports = $port
		interfaces = lo
		bind interfaces only = yes
		disable netbios = yes
		load printers = no
		printcap name = /dev/null
		map to guest = Bad User
		guest account = root
		log file = $smb/log
		vfs objects = shadow_copy2
		shadow:snapdir = .versions/@GMT
		shadow:format = @GMT-%Y.%m.%d-%H.%M.%S
		[all]
		path = $MNT
		guest ok = yes
		read only = no
		[part]
		path = $MNT/dir
		guest ok = yes
	CONF
	smbd -F -s "$smb/conf" >"$smb/out" 2>&1 &
	echo $! >"$smb.pid"
	within 20 answers || fail "smbd: $(tail -n 5 "$smb/out" "$smb/log")"
}

test_cleanup() {
	[ ! -e "$smb.pid" ] || kill "$(cat "$smb.pid")"
}

mnt
mkdir "$MNT/dir"
echo one >"$MNT/dir/file"
mkdir "$MNT/.versions/@first"
sleep 1.1 # the spelling is in seconds
echo two >"$MNT/dir/file"
mkdir "$MNT/.versions/@second"
rm "$MNT/dir/file"
echo three >"$MNT/dir/other"
synced

# What is listed: points by their second, and the last hours and days.
ls "$MNT/.versions/@GMT" >names
is "well-formed" "$(grep -cvE \
	'^@GMT-[0-9]{4}(\.[0-9]{2}){2}-[0-9]{2}(\.[0-9]{2}){2}$' names)" 0
LC_ALL=C sort -c names || fail "not in order"
count=$(wc -l <names)
[ "$count" -ge 52 ] && [ "$count" -le 56 ] || fail "$count names"
second=$(tail -n 1 names) first=$(tail -n 2 names | head -n 1)
is "the first" "$(cat "$MNT/.versions/@GMT/$first/dir/file")" one
is "the second" "$(cat "$MNT/.versions/@GMT/$second/dir/file")" two
is "long ago" "$(ls -A "$MNT/.versions/@GMT/$(head -n 1 names)")" ""
is "one that is not listed" \
	"$(ls -A "$MNT/.versions/@GMT/@GMT-2001.02.03-04.05.06")" ""
refused "no instant" "No such file" ls "$MNT/.versions/@GMT/@first"
refused "making one" "" mkdir "$MNT/.versions/@GMT/@new"
refused "a point of its name" "" mkdir "$MNT/.versions/@GMT"

serve
client all 'allinfo dir/other' >said || true
is "previous versions" "$(grep -c '^@GMT-' said)" "$count"
client all "get $first\\dir\\file one" >said || true
client all "get $second\\dir\\file two" >>said || true
is "fetched" "$(cat one two)" "one
two" || cat said
client part "get $first\\file part" >said || true
is "fetched of a part" "$(cat part)" one
client all "ls $second\\dir\\*" >said || true
grep -q ' file ' said || fail "listed: $(cat said)"
# What is there now is the server's share as ever.
echo new >local
client all 'put local dir\new' >said
is "written" "$(cat "$MNT/dir/new")" new
unmnt_smbd() {
	kill "$(cat "$smb.pid")"
	wait "$(cat "$smb.pid")" || true
	rm "$smb.pid"
}
unmnt_smbd
unmnt
