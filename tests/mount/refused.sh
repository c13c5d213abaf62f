#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Objects that are listed and must not be read: they are there, without a mode,
# and can be removed and replaced, not read.
. "$(dirname "$0")/lib.sh"
need jq rsync

# From now on the policy keeps us from reading what begins so; none: nothing.
forbid() {
	local keys
	keys=$(printf "\"arn:aws:s3:::$BUCKET/%s*\"\n" "$@" | paste -sd,)
	s3 PUT "/$BUCKET?policy=" '{"Version": "2012-10-17", "Statement": [{
		"Effect": "Deny", "Principal": "*",
		"Action": ["s3:GetObject", "s3:GetObjectVersion"],
		"Resource": ['"$keys"']}]}' >/dev/null
}

allow() {
	s3 DELETE "/$BUCKET?policy=" >/dev/null
}

mode() {
	stat -c '%A %s' "$1"
}

keys() {
	s3 GET "/$BUCKET?list-type=2&prefix=$(encoded "$1")" |
		grep -oP '(?<=<Key>)[^<]*' | paste -sd' '
}

for key in d/a d/no d/no2 d/no3 d/z m/a m/no r/a r/no; do
	printf 'text of %s' "$key" >file
	put_object "$key" file
done
forbid d/no m/no r/no
code=$(s3_curl UNSIGNED-PAYLOAD -o /dev/null -w '%{http_code}' \
	"$(url d/no)") || true
[ "$code" = 403 ] || skip "no policy keeps this server's owner from reading"

mnt ttl=1
is "the mode of one that must not be read" "$(mode "$MNT/d/no")" '---------- 12'
is "the names beside it" "$(ls "$MNT/d" | paste -sd' ')" "a no no2 no3 z"
refused "reading it" "Permission denied" cat "$MNT/d/no"
refused "adding to it" "Permission denied" bash -c "echo x >>'$MNT/d/no'"
refused "changing its mode" "Permission denied" chmod 600 "$MNT/d/no"
refused "renaming it" "Permission denied" mv "$MNT/d/no" "$MNT/d/yes"
echo ours >"$MNT/d/no2"
mv "$MNT/d/a" "$MNT/d/no3"
rm -f "$MNT/d/no"
synced
is "the keys" "$(keys d/)" "d/no2 d/no3 d/z"
get_object d/z file
rm -rf "$MNT/d"
synced
is "the keys after rm -r" "$(keys d/)" ""

mkdir other
echo more >other/b
rsync -a --delete other/ "$MNT/r/"
synced
is "the keys after rsync --delete" "$(keys r/ | sed 's,^r/ ,,')" "r/b"

# What the server does not copy stays where it is.
mv "$MNT/m" "$MNT/n"
refused "saving what it does not copy" "" synced
is "the keys of both" "$(keys m/) $(keys n/a)" "m/no n/a"
allow
within 60 synced || fail "not sent after it was allowed"
is "the keys of both, when allowed" "$(keys m/no)$(keys n/no)" "n/no"
is "its content" "$(cat "$MNT/n/no")" "text of m/no"
unmnt
