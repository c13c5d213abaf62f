#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Hard links: several names of one file, one object a name in the bucket, one
# inode again on a mount with an empty cache; a name that others overwrite
# parts from the rest.
. "$(dirname "$0")/lib.sh"
need rsync aws

ino() { stat -c %i "$1"; }
links() { stat -c %h "$1"; }
object() {
	s3 GET "/$BUCKET/$1"
}

mnt
echo one >"$MNT/a"
ln "$MNT/a" "$MNT/b"
is "one inode" "$(ino "$MNT/a")" "$(ino "$MNT/b")"
is "count" "$(links "$MNT/a")" 2
synced
is "one version a name" "$(count_versions a) $(count_versions b)" "1 1"

# Written through one name, seen through all, here and in the bucket.
echo two >>"$MNT/b"
is "through the other name" "$(cat "$MNT/a")" $'one\ntwo'
synced
is "object a" "$(object a)" $'one\ntwo'
is "object b" "$(object b)" $'one\ntwo'

fresh
is "one inode again" "$(ino "$MNT/a")" "$(ino "$MNT/b")"
is "count again" "$(links "$MNT/b")" 2
mkdir "$MNT/d"
ln "$MNT/b" "$MNT/d/c"
is "three" "$(links "$MNT/a")" 3
mv "$MNT/d" "$MNT/e"
rm "$MNT/a"
is "two left" "$(links "$MNT/e/c")" 2
is "content" "$(cat "$MNT/b")" $'one\ntwo'
fresh
is "still one inode" "$(ino "$MNT/b")" "$(ino "$MNT/e/c")"
[ ! -e "$MNT/a" ] || fail "the removed name is back"

# A name that another program overwrites becomes a file of its own.
s3 PUT "/$BUCKET/b" theirs
fresh
is "theirs" "$(cat "$MNT/b")" theirs
is "ours" "$(cat "$MNT/e/c")" $'one\ntwo'
[ "$(ino "$MNT/b")" != "$(ino "$MNT/e/c")" ] || fail "still one inode"
s3 PUT "/$BUCKET/b" theirs2
within 30 grep -q theirs2 "$MNT/b" || fail "the change is not seen"

# A copy of one by somebody who may write elsewhere is no name of it.
echo mine >"$MNT/conf"
ln "$MNT/conf" "$MNT/conf2"
synced
aws s3api copy-object --bucket "$BUCKET" --key evil/conf \
	--copy-source "$BUCKET/conf" >/dev/null
fresh
is "met first" "$(cat "$MNT/evil/conf")" mine
is "two names" "$(ino "$MNT/conf")" "$(ino "$MNT/conf2")"
[ "$(ino "$MNT/evil/conf")" != "$(ino "$MNT/conf")" ] || fail "a copy is a name"
echo more >>"$MNT/conf2"
synced
is "the copy" "$(object evil/conf)" mine
is "the name" "$(object conf)" $'mine\nmore'

# rsync -H keeps them; a second run has nothing to do, with a new cache too.
mkdir "$WORK/src"
echo x >"$WORK/src/x"
head -c 9M /dev/urandom >"$WORK/src/large"
ln "$WORK/src/x" "$WORK/src/y"
ln "$WORK/src/large" "$WORK/src/large2"
rsync -aH "$WORK/src/" "$MNT/r/"
is "rsync -H" "$(ino "$MNT/r/x")" "$(ino "$MNT/r/y")"
synced
is "rsync again" "$(rsync -aHi "$WORK/src/" "$MNT/r/")" ""
fresh
is "rsync with an empty cache" "$(rsync -aHi "$WORK/src/" "$MNT/r/")" ""
is "large" "$(ino "$MNT/r/large")" "$(ino "$MNT/r/large2")"
same "large" "$WORK/src/large" "$MNT/r/large2"
refused "link of a directory" "not permitted" ln -d "$MNT/r" "$MNT/r2"
