#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# .versions: every save of a file, oldest first; a restore is a cp, of an
# overwritten file and of a deleted one.
. "$(dirname "$0")/lib.sh"

stamp='^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}-[0-9]{2}-[0-9]{2}Z~.'

mnt commit=60 # each save is of several programs
mkdir "$MNT/dir"
for i in 1 2 3; do
	echo "save $i" >"$MNT/dir/file"
	touch -d "@100000000$i.5" "$MNT/dir/file"
	synced
	sleep 1.1
done
echo other >"$MNT/dir/kept"
synced
rm "$MNT/dir/file"
synced
[ ! -e "$MNT/dir/file" ] || fail "the file is still there"

is "root without its history" "$(ls -A "$MNT")" dir
is "directory without its history" "$(ls -A "$MNT/dir")" kept
is "names that ever were" "$(ls "$MNT/.versions/dir" | tr '\n' ' ')" "file kept "
ls -U "$MNT/.versions/dir/file" >names
is "entries" "$(wc -l <names)" 4
is "well-formed names" "$(grep -cE "$stamp" names)" 4
LC_ALL=C sort -c names || fail "not oldest first: $(cat names)"
tail -n 1 names | grep -q '\.deleted$' || fail "no marker at the end"
for i in 1 2 3; do
	name=$(sed -n "${i}p" names)
	is "version $i" "$(cat "$MNT/.versions/dir/file/$name")" "save $i"
	is "time of version $i" "$(stat -c %.1Y "$MNT/.versions/dir/file/$name")" \
		"100000000$i.5"
done
is "the directory's own .versions" "$(ls -U "$MNT/dir/.versions/file")" "$(cat names)"
is "what the directory's own holds" "$(cat "$MNT/dir/.versions/file/$(sed -n 2p names)")" "save 2"
refused "removing it" "" rmdir "$MNT/dir/.versions"
refused "a file of its name" "" "$FSOP" rename none "$MNT/dir/kept" \
	"$MNT/dir/.versions"
first=$MNT/.versions/dir/file/$(sed -n 1p names)
# Six saves of one second, or two, in the order in which they were made.
for i in 1 2 3 4 5 6; do
	echo "quick $i" >"$WORK/quick"
	put_object quick "$WORK/quick"
done
for name in $(ls "$MNT/.versions/quick"); do
	cat "$MNT/.versions/quick/$name"
done >order
is "sorted by name" "$(cat order)" "$(printf 'quick %d\n' 1 2 3 4 5 6)"
is "the newest" "$(cat "$MNT/.versions/quick/$(ls "$MNT/.versions/quick" |
	tail -n 1)")" "quick 6"
is "found by its time alone" "$(cat "${first%%~*}")" "save 1"
is "inode numbers stay" "$(stat -c %i "$first")" "$(stat -c %i "$first")"

refused "writing to a version" "" bash -c 'echo x >>"$1"' - "$first"
refused "removing a version" "Operation not permitted" rm -f "$first"
refused "creating in .versions" "" touch "$MNT/.versions/new"

# Restore: the deleted file, then an older state over the newer.
cp "$MNT/.versions/dir/file/$(sed -n 3p names)" "$MNT/dir/file"
is "restored" "$(cat "$MNT/dir/file")" "save 3"
synced
cp -p "$first" "$MNT/dir/file"
is "restored over" "$(cat "$MNT/dir/file")" "save 1"
is "time by cp -p" "$(stat -c %.1Y "$MNT/dir/file")" 1000000001.5
fresh
is "restored, empty cache" "$(cat "$MNT/dir/file")" "save 1"
is "nothing was lost" "$(ls "$MNT/.versions/dir/file" | wc -l)" 6
is "find does not walk into it" "$(find "$MNT" -name '.versions' | wc -l)" 0

remount versions=visible
is "versions=visible" "$(find "$MNT" -maxdepth 1 -name .versions -printf x)" x
remount versions=off
refused "versions=off" "No such file" ls "$MNT/.versions"
refused "versions=off" "No such file" ls "$MNT/dir/.versions"
unmnt
