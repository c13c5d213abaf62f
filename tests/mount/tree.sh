#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Names come and go: mkdir, mv, rm, rm -rf, symlinks; a mount with an empty
# cache sees the same tree.
. "$(dirname "$0")/lib.sh"

snapshot() {
	(cd "$MNT" && find . -printf '%P %y %s %l\n' | LC_ALL=C sort)
}

mnt
mkdir -p "$MNT/a/b/c" "$MNT/empty"
echo one >"$MNT/a/one"
echo two >"$MNT/a/b/two"
echo three >"$MNT/a/b/c/three"
ln -s ../one "$MNT/a/b/link"
ln -s "nowhere/at all" "$MNT/dangling"
is "symlink" "$(readlink "$MNT/dangling")" "nowhere/at all"
is "through a symlink" "$(cat "$MNT/a/b/link")" one
refused "rmdir of a full one" "not empty" rmdir "$MNT/a"
refused "mkdir over a file" "File exists" mkdir "$MNT/a/one"

mv "$MNT/a/one" "$MNT/a/uno"
mv "$MNT/a/b" "$MNT/moved"
is "moved" "$(cat "$MNT/moved/c/three")" three
[ ! -e "$MNT/a/b" ] || fail "a/b is still there"
echo "more" >"$MNT/target"
mv -f "$MNT/a/uno" "$MNT/target"
is "mv over a file" "$(cat "$MNT/target")" one
refused "mv into itself" "" mv "$MNT/moved" "$MNT/moved/c/d"

cp -r "$MNT/moved" "$MNT/gone"
rm "$MNT/gone/two"
[ ! -e "$MNT/gone/two" ] || fail "two is still there"
rm -rf "$MNT/gone"
[ ! -e "$MNT/gone" ] || fail "gone is still there"

before=$(snapshot)
remount
is "after a remount" "$(snapshot)" "$before"
fresh
is "with an empty cache" "$(snapshot)" "$before"
is "content" "$(cat "$MNT/moved/c/three" "$MNT/target")" "three
one"
rm -rf "${MNT:?}"/*
is "emptied" "$(ls -A "$MNT")" ""
fresh
is "emptied, with an empty cache" "$(ls -A "$MNT")" ""
unmnt
