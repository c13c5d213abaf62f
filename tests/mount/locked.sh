#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A bucket that retains by default whatever is written to it (object lock):
# files are saved, small ones and those of parts, and nothing of a trial stays.
. "$(dirname "$0")/lib.sh"

BUCKET=$BUCKET-locked
none=$(printf '' | sha256sum)
s3_curl "${none%% *}" -X PUT -H 'x-amz-bucket-object-lock-enabled: true' \
	-H 'content-type: application/xml' --data-binary '' \
	"$ENDPOINT/$BUCKET" >/dev/null || skip "no object lock here"
rule='<ObjectLockConfiguration><ObjectLockEnabled>Enabled</ObjectLockEnabled>'
rule+='<Rule><DefaultRetention><Mode>GOVERNANCE</Mode><Days>1</Days>'
rule+='</DefaultRetention></Rule></ObjectLockConfiguration>'
sum=$(printf %s "$rule" | sha256sum)
s3_curl "${sum%% *}" -X PUT -H 'content-type: application/xml' \
	-H "content-md5: $(printf %s "$rule" | openssl md5 -binary | base64)" \
	--data-binary "$rule" "$ENDPOINT/$BUCKET?object-lock=" >/dev/null

mnt
is "nothing stays of what was tried" "$(history_of)" ""
is "what the mount knows" \
	"$(git config -f "$MNT/.control" s3.retains)" true
is "failed requests" "$(git config -f "$MNT/.control" s3.errors)" 0
echo small >"$MNT/small"
head -c 20M /dev/urandom >"$WORK/large"
cp "$WORK/large" "$MNT/large"
synced
is "the history" "$(history_of | sort)" "V large
V small"
fresh
is "small" "$(cat "$MNT/small")" small
same "large" "$MNT/large" "$WORK/large"
is "it is locked" "$(getfattr --only-values -n user.s3.retention \
	"$MNT/small" | cut -c1-2)" 20

# A legal hold that others set shows up, and goes, while it is mounted.
hold() {
	local doc="<LegalHold><Status>$1</Status></LegalHold>" sum
	sum=$(printf %s "$doc" | sha256sum)
	s3_curl "${sum%% *}" -X PUT -H 'content-type: application/xml' -H \
		"content-md5: $(printf %s "$doc" | openssl md5 -binary | base64)" \
		--data-binary "$doc" "$ENDPOINT/$BUCKET/small?legal-hold=" \
		>/dev/null
}
held() {
	[ "$(getfattr --only-values -n user.s3.legal_hold "$MNT/small" \
		2>/dev/null)" = "$1" ]
}
remount ttl=1
held "" || fail "held before it was"
hold ON
within 20 held ON || fail "the hold does not show"
hold OFF
within 20 held OFF || fail "the hold shows yet"
# Both are set by attributes, too, on a file and on an old version.
setfattr -n user.s3.legal_hold -v ON "$MNT/small"
held ON || fail "the hold that was set does not show"
old=$MNT/.versions/small/$(ls "$MNT/.versions/small" | head -n 1)
setfattr -n user.s3.legal_hold -v OFF "$old"
within 20 held OFF || fail "the hold of the version stays"
setfattr -n user.s3.retention -v 'GOVERNANCE 2099-01-02T03:04:05Z' "$MNT/small"
is "the retention that was set" "$(getfattr --only-values \
	-n user.s3.retention "$MNT/small" | cut -c1-19)" 2099-01-02T03:04:05
refused "a retention that is over" "Invalid argument" \
	setfattr -n user.s3.retention -v 2001-01-01 "$MNT/small"

rm "$MNT/small"
synced
is "a marker, and the version" "$(history_of small | sort)" "M small
V small"
unmnt
