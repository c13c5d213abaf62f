#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Lifecycle rules by the control file: only the named rule changes.
. "$(dirname "$0")/lib.sh"
need git

# Asks for the rules, one a line, which `rule ID` picks from then.
ask() {
	s3 GET "/$BUCKET?lifecycle=" | sed 's,</Rule>,&\n,g' >now.xml
}

rule() {
	grep -o "<Rule>.*<ID>$1</ID>.*" now.xml || true
}

# has WHAT TEXT: the rule tmp has it.
has() {
	case $(rule tmp) in
	*"$2"*) ;;
	*) fail "$1: no $2 in: $(rule tmp)" ;;
	esac
}

cat >rules.xml <<'XML'
<LifecycleConfiguration xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Rule>
<ID>keep</ID><Filter><And><Prefix>logs/</Prefix><Tag><Key>k</Key><Value>v</Value>
</Tag></And></Filter><Status>Enabled</Status><Expiration><Days>90</Days>
</Expiration></Rule><Rule><ID>aborts</ID><Filter><Prefix></Prefix></Filter>
<Status>Disabled</Status><AbortIncompleteMultipartUpload><DaysAfterInitiation>3
</DaysAfterInitiation></AbortIncompleteMultipartUpload></Rule>
</LifecycleConfiguration>
XML
s3 PUT "/$BUCKET?lifecycle=" "$(tr -d '\n' <rules.xml)"
ask
keep=$(rule keep) aborts=$(rule aborts)
[ -n "$keep" ] && [ -n "$aborts" ] || fail "the rules are not there"
mnt
echo 'lifecycle set tmp prefix=tmp/ expire=7d noncurrent=30d' >"$MNT/.control"
ask
is "the other rule" "$(rule keep)" "$keep"
has "days" '<Expiration><Days>7</Days>'
has "noncurrent days" '<NoncurrentDays>30</NoncurrentDays>'
has "prefix" '<Prefix>tmp/</Prefix>'
is "read back" "$(git config -f "$MNT/.control" lifecycle.tmp.expireDays)" 7
is "prefix read back" "$(git config -f "$MNT/.control" lifecycle.tmp.prefix)" tmp/
is "the other, read" "$(git config -f "$MNT/.control" lifecycle.keep.expireDays)" 90

echo 'lifecycle set tmp prefix=tmp/ expire=8d' >"$MNT/.control"
ask
has "changed" '<Days>8</Days>'
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
