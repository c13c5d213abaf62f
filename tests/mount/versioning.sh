#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A bucket without versioning: a warning, and enable_versioning mends it.
. "$(dirname "$0")/lib.sh"

versioning() {
	s3 GET "/$BUCKET-plain?versioning=" | grep -o '<Status>[A-Za-z]*' ||
		true
}

make_bucket "$BUCKET-plain" plain
mnt "" "$BUCKET-plain"
grep -qi 'version' "$MNT.vers3.log" || fail "no warning"
echo data >"$MNT/file"
mv "$MNT/file" "$MNT/moved"
synced
is "left as it was" "$(versioning)" ""
unmnt
rm -rf "$CACHE"
: >"$MNT.vers3.log"
mnt enable_versioning "$BUCKET-plain"
is "switched on" "$(versioning)" "<Status>Enabled"
is "content" "$(cat "$MNT/moved")" data
unmnt
