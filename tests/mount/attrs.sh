#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Modes, owners, times to the nanosecond, symlinks, special files and extended
# attributes survive a mount with an empty cache.
. "$(dirname "$0")/lib.sh"
need setfattr getfattr
need_root

look() {
	(cd "$MNT" && find . -mindepth 1 -printf '%P %M %U:%G %s %T@ %l\n' |
		LC_ALL=C sort)
}

mnt
mkdir "$MNT/dir" "$MNT/sticky"
n=0
for mode in 0600 0644 0755 0400 4755 2755 0000 0777; do
	n=$((n + 1))
	echo "$mode" >"$MNT/dir/f$mode"
	chown $((1000 + n)):$((2000 + n)) "$MNT/dir/f$mode"
	chmod "$mode" "$MNT/dir/f$mode"
	touch -d "2001-02-03T04:05:0$n.12345678${n}Z" "$MNT/dir/f$mode"
done
is "mode" "$(stat -c %04a "$MNT/dir/f4755")" 4755
ln -s target "$MNT/link"
chown -h 33:44 "$MNT/link"
touch -h -d '1999-12-31T23:59:59.999999999Z' "$MNT/link"
mkfifo -m 0640 "$MNT/fifo"
mknod -m 0600 "$MNT/null" c 1 3
touch -d '1969-12-31T23:59:58.5Z' "$MNT/old"
touch -d '2200-01-01T00:00:00.000000001Z' "$MNT/new"
# Beyond what can be kept: the nearest, not a time of another century.
touch -d '9999-12-31T23:59:59Z' "$MNT/later"
touch -d '1066-10-14T12:00:00Z' "$MNT/earlier"
is "late" "$(stat -c %y "$MNT/later" | cut -c 1-4)" 2262
is "early" "$(stat -c %y "$MNT/earlier" | cut -c 1-4)" 1677
chmod 1777 "$MNT/sticky"
chown 7:8 "$MNT/dir"
setfattr -n user.note -v 'ä = b%20c' "$MNT/dir/f0644"
setfattr -n user.empty "$MNT/dir/f0644"
touch -d '2010-10-10T10:10:10.101010101Z' "$MNT/dir" "$MNT/sticky"
before=$(look)
case $before in
*"f0600 -rw------- 1001:2001 5 981173101.1234567810"*) ;;
*) fail "unexpected: $before" ;;
esac
remount
is "after a remount" "$(look)" "$before"
fresh
is "with an empty cache" "$(look)" "$before"
is "device" "$(stat -c %t:%T "$MNT/null")" 1:3
is "xattr" "$(getfattr --only-values -n user.note "$MNT/dir/f0644")" \
	'ä = b%20c'
is "xattrs" "$(getfattr --absolute-names "$MNT/dir/f0644" |
	grep -c '^user\.')" 2
setfattr -x user.note "$MNT/dir/f0644"
fresh
refused "a removed xattr" "No such attribute" \
	getfattr -n user.note "$MNT/dir/f0644"

# A change of attributes alone moves no data and keeps the content.
chmod 0711 "$MNT/dir/f0600"
fresh
is "mode after chmod" "$(stat -c %a "$MNT/dir/f0600")" 711
is "content after chmod" "$(cat "$MNT/dir/f0600")" 0600
unmnt
