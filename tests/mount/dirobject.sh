#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Objects whose keys end in a slash and that have bytes, as consoles and other
# programs make them: what is done to the directory leaves them there.
. "$(dirname "$0")/lib.sh"

# holds KEY TEXT
holds() {
	get_object "$1" got
	is "$1" "$(cat got)" "$2"
}

printf 'of the directory' >content
put_object dir/ content
put_object dir/sub/ content
printf 'file' >file
put_object dir/file file
mnt
chmod 0711 "$MNT/dir"
synced
holds dir/ "of the directory"
is mode "$(meta dir/ file-permissions)" 0040711
touch -d 2001-02-03T04:05:06Z "$MNT/dir"
synced
holds dir/ "of the directory"
[ "$(id -u)" != 0 ] || chown 5:6 "$MNT/dir"
setfattr -n user.a -v b "$MNT/dir"
synced
holds dir/ "of the directory"
fresh
mv "$MNT/dir" "$MNT/moved"
synced
holds moved/ "of the directory"
holds moved/sub/ "of the directory"
is mode "$(meta moved/ file-permissions)" 0040711
fresh
is names "$(ls "$MNT/moved" | tr '\n' ' ')" "file sub "
is attribute "$(getfattr --only-values -n user.a "$MNT/moved")" b
is "names that were" "$(ls -A "$MNT/.versions/dir" | tr '\n' ' ')" \
	".object file sub "
for v in "$MNT/.versions/dir/.object/"*; do
	case $v in
	*.deleted) ;;
	*) same "$v" "$v" content ;;
	esac
done
v=$(ls "$MNT/.versions/dir/.object" | head -n 1)
# There nothing is removed for good.
refused "rm in .object" "not permitted" \
	rm -f "$MNT/.versions/dir/.object/$v"
same "$v" "$MNT/.versions/dir/.object/$v" content
cp "$MNT/.versions/dir/.object/$v" "$MNT/restored"
synced
holds restored "of the directory"
# What the mount has not seen yet counts.
printf 'of others' >other
put_object moved/ other
chmod 0700 "$MNT/moved"
synced
holds moved/ "of others"
is mode "$(meta moved/ file-permissions)" 0040700
unmnt
