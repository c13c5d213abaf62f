#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A server gets another name. The cache directory, with what was not sent in it,
# is taken over when it is asked for, and when the bucket is the same one.
. "$(dirname "$0")/lib.sh"

need_proxy
through_proxy
new=$ENDPOINT old=$direct
ENDPOINT=$old

# no WHAT OPTIONS WORDS: is not mounted under the new name.
no() {
	ENDPOINT=$new
	refused "$1" "$3" timeout 60 "$VERS3" -f -o "$(vers3_options "$2")" \
		"${4:-$BUCKET}" "$MNT"
	ENDPOINT=$old
}

mnt commit=600
echo saved >"$MNT/saved"
synced
echo unsent >"$MNT/unsent"
echo changed >"$MNT/saved"
crash
no "not asked for" "" "adopt_cache"
make_bucket "$BUCKET-2"
no "another bucket" adopt_cache "belongs to" "$BUCKET-2"

# Removes all that the bucket has.
emptied() {
	local key version
	s3 GET "/$BUCKET?versions=" |
		sed -E 's,<(Version|DeleteMarker)>,\n&,g' |
		sed -nE 's,.*<Key>([^<]*)<.*<VersionId>([^<]*)<.*,\1 \2,p' |
		while read -r key version; do
			s3_curl UNSIGNED-PAYLOAD -X DELETE \
				"$(url "$key")?versionId=$version"
		done
}
cp -a "$CACHE" "$WORK/copy"
ENDPOINT=$new
mnt adopt_cache,commit=600
is "what was not sent" "$(cat "$MNT/unsent" "$MNT/saved")" "unsent
changed"
crash
# From now on it is its own, whether that is asked for again or not.
mnt
is "what was not sent" "$(cat "$MNT/unsent" "$MNT/saved")" "unsent
changed"
unmnt
is "unsent" "$(s3 GET "/$BUCKET/unsent")" unsent
is "changed" "$(s3 GET "/$BUCKET/saved")" changed
ENDPOINT=$old
refused "the old name" "adopt_cache" timeout 60 "$VERS3" -f \
	-o "$(vers3_options)" "$BUCKET" "$MNT"

# A bucket of the same name that is another one.
emptied
s3 PUT "/$BUCKET/saved" "of another bucket" >/dev/null
rm -rf "$CACHE"
cp -a "$WORK/copy" "$CACHE"
no "a bucket of the same name" adopt_cache "is not taken over"
same_staging() {
	[ -n "$(find "$CACHE/staging" -type f -size +0)" ] &&
		diff -r "$CACHE/staging" "$WORK/copy/staging" >&2
}
same_staging || fail "its unsent data is not what it was"
mnt commit=600
is "still there" "$(cat "$MNT/unsent")" unsent
unmnt
is "sent by its own" "$(s3 GET "/$BUCKET/unsent")" unsent
