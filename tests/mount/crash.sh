#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# kill -9 one second after `cp -r` of 200 files returned: the next mount has
# them all, and brings them all to the bucket.
. "$(dirname "$0")/lib.sh"

mkdir src
for i in $(seq 200); do
	head -c $((i * 100)) /dev/urandom >"src/$i"
done
mnt commit=30
cp -r src "$MNT/copy"
sleep 1
crash
is "in the bucket before" "$(s3 GET "/$BUCKET?list-type=2&prefix=" |
	grep -oE '<Key>copy/[0-9]+</Key>' | wc -l)" 0
mnt
diff -r src "$MNT/copy" || fail "the mount differs after the crash"
synced
download copy got
diff -r src got || fail "the bucket differs after the crash"

# A kill in the middle of the upload, of edits and of removals.
for i in $(seq 1 2 200); do
	echo "edited" >"src/$i"
	echo "edited" >"$MNT/copy/$i"
done
rm src/2 src/4 "$MNT/copy/2" "$MNT/copy/4"
sleep 2.2
crash
mnt
diff -r src "$MNT/copy" || fail "the mount differs after the second crash"
synced
rm -rf got
download copy got
diff -r src got || fail "the bucket differs after the second crash"
unmnt
