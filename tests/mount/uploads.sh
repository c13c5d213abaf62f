#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Uploads that nobody has finished: listed with what they take, and aborted
# where they are old and not of this mount.
. "$(dirname "$0")/lib.sh"
need jq

# begin KEY: an upload of others, with a part; prints its id.
begin() {
	local id
	id=$(s3 POST "/$BUCKET/$1?uploads=" '' |
		grep -oP '(?<=<UploadId>)[^<]*')
	s3 PUT "/$BUCKET/$1?partNumber=1&uploadId=$(encoded "$id")" abc
	echo "$id"
}
uploads() {
	s3 GET "/$BUCKET?uploads=" | grep -o '<UploadId>' | wc -l
}

begin data/a >a.id
begin other >other.id
sleep 1 # the server dates by seconds
mnt commit=60
# One of this mount, which is being written.
exec 7>"$MNT/large"
head -c 40M /dev/urandom >"$WORK/large"
cat "$WORK/large" >&7
begun() {
	"$VERS3CTL" --json uploads list "$MNT" >list
	[ "$(jq '[.uploads[] | select(.own)] | length' list)" = 1 ]
}
within 20 begun || fail "nothing of it is on its way"
is "how many" "$(jq .count list)" 3
is "of this mount" "$(jq -r '.uploads[] | select(.own) | .path' list)" large
is "its key" "$(jq -r ".uploads[] | select(.id == \"$(cat a.id)\") | .path" \
	list)" data/a
is "its size" "$(jq -r '.uploads[] | select(.path == "data/a") | .bytes' \
	list)" 3
is "below a path" "$("$VERS3CTL" uploads list "$MNT/data" | wc -l)" 2

"$VERS3CTL" uploads abort --older 7d "$MNT" >/dev/null
is "none is so old" "$(uploads)" 3
rc=0
"$VERS3CTL" uploads abort --older 7 "$MNT" 2>why || rc=$?
is "a bad age" $rc 2
grep -qF 'older=7:' why || fail "the age is not named: $(cat why)"
is "nothing changed" "$(uploads)" 3
for command in "usage" "uploads list" "uploads abort --older 1d"; do
	rc=0
	# shellcheck disable=SC2086
	"$VERS3CTL" $command "$MNT/nowhere" >out 2>why || rc=$?
	is "$command of nothing" "$rc" 2
	is "what it says" "$(cat out why)" \
		"vers3ctl: ${command% --*}: nowhere: there is no such path"
done

# A moment old ones are left alone.
aborted() {
	"$VERS3CTL" uploads abort --older 1s "$MNT" >/dev/null
	[ "$(uploads)" = 1 ]
}
within 20 aborted || fail "not aborted"
is "this mount's stays" "$("$VERS3CTL" --json uploads list "$MNT" |
	jq -r '.uploads[].path')" large
exec 7>&-
synced
is "nothing is left" "$(uploads)" 0
fresh
same "the file" "$WORK/large" "$MNT/large"
