#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# rm of a delete marker in .versions, or vers3ctl undelete, brings the file
# back: no new version, the bucket is as if it had never been deleted.
. "$(dirname "$0")/lib.sh"
need jq

# The name of the newest entry of a file's history.
newest() {
	ls -U "$MNT/.versions/$1" | tail -n 1
}

mnt
mkdir "$MNT/dir"
echo kept >"$MNT/dir/file"
echo tree >"$MNT/dir/other"
touch -d @1000000000.5 "$MNT/dir/file"
synced
rm "$MNT/dir/file"
synced
refused "a version" "Operation not permitted" \
	rm -f "$MNT/.versions/dir/file/$(ls -U "$MNT/.versions/dir/file" | head -n 1)"
rm "$MNT/.versions/dir/file/$(newest dir/file)"
is "there again" "$(cat "$MNT/dir/file")" kept
is "as it was" "$(stat -c %.1Y "$MNT/dir/file")" 1000000000.5
is "one version, no marker" "$(history_of dir/file)" "V dir/file"
is "its history" "$(ls "$MNT/.versions/dir/file" | wc -l)" 1

# A marker with a version on top of it stays.
rm "$MNT/dir/file"
synced
echo new >"$MNT/dir/file"
synced
old=$(ls -U "$MNT/.versions/dir/file" | grep deleted)
refused "a marker of then" "Operation not permitted" \
	rm -f "$MNT/.versions/dir/file/$old"

# By the command: also what is deleted twice, or not sent yet, or gone with
# its directory.
"$VERS3CTL" undelete "$MNT/dir/file" 2>err && fail "undeleted what is there"
grep -q "is not deleted" err || fail "said: $(cat err)"
rm -r "$MNT/dir"
"$VERS3CTL" undelete "$MNT/dir/file" >/dev/null
is "a file in a directory that was gone" "$(cat "$MNT/dir/file")" new
is "nothing else" "$(ls "$MNT/dir")" file
s3 DELETE "/$BUCKET/dir/other"
"$VERS3CTL" --json undelete "$MNT/dir/other" | jq -e .answer >/dev/null
is "deleted twice" "$(cat "$MNT/dir/other")" tree
"$VERS3CTL" undelete "$MNT/never" 2>err && fail "undeleted what never was"
grep -q "no version" err || fail "said: $(cat err)"
fresh
is "in the bucket" "$(cat "$MNT/dir/file" "$MNT/dir/other")" "new
tree"
unmnt
