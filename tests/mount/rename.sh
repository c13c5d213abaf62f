#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# rename(2) with RENAME_NOREPLACE and RENAME_EXCHANGE, of files and of
# directories, and what a mount with an empty cache sees then.
. "$(dirname "$0")/lib.sh"

mnt
echo a >"$MNT/a"
echo b >"$MNT/b"
mkdir -p "$MNT/d1/sub" "$MNT/d2"
echo one >"$MNT/d1/sub/one"
echo two >"$MNT/d2/two"
refused "noreplace" EEXIST "$FSOP" rename noreplace "$MNT/a" "$MNT/b"
is "untouched" "$(cat "$MNT/a" "$MNT/b" | tr '\n' ' ')" "a b "
"$FSOP" rename noreplace "$MNT/a" "$MNT/c"
"$FSOP" rename exchange "$MNT/b" "$MNT/c"
is "exchanged" "$(cat "$MNT/b" "$MNT/c" | tr '\n' ' ')" "a b "
"$FSOP" rename exchange "$MNT/d1" "$MNT/d2"
is "exchanged directories" "$(cat "$MNT/d2/sub/one" "$MNT/d1/two" | tr '\n' ' ')" "one two "
refused "exchange with nothing" ENOENT "$FSOP" rename exchange "$MNT/b" "$MNT/none"
refused "over a full directory" "ENOTEMPTY" "$FSOP" rename none "$MNT/d1" "$MNT/d2"
refused "file over directory" "EISDIR" "$FSOP" rename none "$MNT/b" "$MNT/d2"
refused "directory over file" "ENOTDIR" "$FSOP" rename none "$MNT/d1" "$MNT/b"
synced
mv "$MNT/d2" "$MNT/d3"
fresh
is "tree" "$(cd "$MNT" && find . -type f | LC_ALL=C sort | tr '\n' ' ')" \
	"./b ./c ./d1/two ./d3/sub/one "
is "content" "$(cat "$MNT/b" "$MNT/c" "$MNT/d1/two" "$MNT/d3/sub/one" | tr '\n' ' ')" \
	"a b two one "

# A renamed file is still the same open file.
exec 3<>"$MNT/b"
mv "$MNT/b" "$MNT/renamed"
echo more >&3
exec 3>&-
is "written after a rename" "$(cat "$MNT/renamed")" more
fresh
is "and in the bucket" "$(cat "$MNT/renamed")" more
[ ! -e "$MNT/b" ] || fail "the old name came back"
unmnt
