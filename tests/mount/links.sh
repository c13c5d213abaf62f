#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Hard links: one file under several names, also with an empty cache.
. "$(dirname "$0")/lib.sh"

mnt
echo one >"$MNT/a"
mkdir "$MNT/dir"
ln "$MNT/a" "$MNT/b"
ln "$MNT/a" "$MNT/dir/c"
is "links" "$(stat -c %h "$MNT/b")" 3
is "one inode" "$(stat -c %i "$MNT/a" "$MNT/b" "$MNT/dir/c" | sort -u | wc -l)" 1
echo two >>"$MNT/b"
is "one content" "$(cat "$MNT/dir/c" | tr '\n' ' ')" "one two "
fresh
for f in a b dir/c; do
	is "content of $f, empty cache" "$(tr '\n' ' ' <"$MNT/$f")" "one two "
done
ls -lR "$MNT" >/dev/null
is "one inode, empty cache" \
	"$(stat -c %i "$MNT/a" "$MNT/b" "$MNT/dir/c" | sort -u | wc -l)" 1
rm "$MNT/a"
is "links after rm" "$(stat -c %h "$MNT/b")" 2
fresh
is "content after rm" "$(tr '\n' ' ' <"$MNT/dir/c")" "one two "
[ ! -e "$MNT/a" ] || fail "a came back"
unmnt
