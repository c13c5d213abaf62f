#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# fsync returns when the bucket has the content; so does close with -o sync;
# without them a change arrives commit= seconds after it was made.
. "$(dirname "$0")/lib.sh"

body() {
	s3 GET "/$BUCKET/$1" 2>/dev/null || true
}

has() {
	[ "$(body "$1")" = "$2" ]
}

mnt commit=60
"$FSOP" fsync "$MNT/a" "synced"
is "after fsync" "$(body a)" synced
echo -n waiting >"$MNT/b"
is "before commit" "$(body b | grep -c waiting || true)" 0
synced
is "after vers3ctl sync" "$(body b)" waiting
remount sync
echo -n at-once >"$MNT/c"
is "after close with sync" "$(body c)" at-once
remount commit=1
echo -n later >"$MNT/d"
within 8 has d later || fail "not in the bucket after 8 s with commit=1"
# It was put off while it was open: the close makes up for that.
exec 3>"$MNT/e"
echo -n held >&3
sleep 2.5
exec 3>&-
within 8 has e held || fail "not in the bucket 8 s after a late close"
remount commit=0
for i in $(seq 20); do
	echo "$i" >"$MNT/at-once-$i"
done
within 10 has at-once-20 20 || fail "not in the bucket with commit=0"
synced
is "no version is an empty file" "$(count_versions at-once-)" 20
unmnt
