#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Lifecycle rules by the control file: only the named rule changes.
. "$(dirname "$0")/lib.sh"
need aws jq git

# Asks for the rules, which `rule ID` picks from then.
ask() {
	s3api get-bucket-lifecycle-configuration --output json >now.json
}

rule() {
	jq -cS --arg id "$1" '.Rules[] | select(.ID == $id)' now.json
}

cat >rules.json <<'JSON'
{"Rules": [{"ID": "keep", "Status": "Enabled", "Filter": {"And": {"Prefix":
"logs/", "Tags": [{"Key": "k", "Value": "v"}]}}, "Expiration": {"Days": 90}},
{"ID": "aborts", "Status": "Disabled", "Filter": {"Prefix": ""},
"AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 3}}]}
JSON
s3api put-bucket-lifecycle-configuration --lifecycle-configuration \
	file://rules.json
ask
keep=$(rule keep) aborts=$(rule aborts)
mnt
echo 'lifecycle set tmp prefix=tmp/ expire=7d noncurrent=30d' >"$MNT/.control"
ask
is "the other rule" "$(rule keep)" "$keep"
rule tmp >tmp.json
is "days" "$(jq .Expiration.Days tmp.json)" 7
is "noncurrent days" "$(jq .NoncurrentVersionExpiration.NoncurrentDays \
	tmp.json)" 30
is "prefix" "$(jq -r '.Filter.Prefix // .Prefix' tmp.json)" tmp/
is "read back" "$(git config -f "$MNT/.control" lifecycle.tmp.expireDays)" 7
is "prefix read back" "$(git config -f "$MNT/.control" lifecycle.tmp.prefix)" tmp/
is "the other, read" "$(git config -f "$MNT/.control" lifecycle.keep.expireDays)" 90

echo 'lifecycle set tmp prefix=tmp/ expire=8d' >"$MNT/.control"
ask
is "changed" "$(rule tmp | jq .Expiration.Days)" 8
is "the other rule still" "$(rule keep)" "$keep"
refused "nonsense" "EINVAL" "$FSOP" control "$MNT/.control" \
	"lifecycle set x expire=soon"
echo 'lifecycle remove tmp' >"$MNT/.control"
ask
is "removed" "$(rule tmp)" ""
is "the other rule in the end" "$(rule keep)" "$keep"
is "and the third" "$(rule aborts)" "$aborts"
echo 'lifecycle remove keep' >"$MNT/.control"
echo 'lifecycle remove aborts' >"$MNT/.control"
refused "no rule left" "NoSuchLifecycleConfiguration" \
	s3 GET "/$BUCKET?lifecycle="
unmnt
