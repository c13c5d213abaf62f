#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Lifecycle rules by the control file: only the named rule changes.
. "$(dirname "$0")/lib.sh"
need git pgrep

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

"$VERS3CTL" -C "$MNT" lifecycle set tmp expire=8d over=128K \
	noncurrent-class=GLACIER:9d -n >diff
grep -q '^-.*<Days>7</Days>' diff && grep -q '^+.*<Days>8</Days>' diff ||
	fail "the difference: $(cat diff)"
ask
has "nothing is changed" '<Days>7</Days>'
"$VERS3CTL" -C "$MNT" --json lifecycle set tmp prefix=tmp/ expire=8d >json
is "the answer in JSON" "$(jq -r .answer json)" "lifecycle tmp: set"
jq -r '.notes[]' json | grep -q 'checked by reading it back' ||
	fail "JSON: $(cat json)"
"$VERS3CTL" -C "$MNT" lifecycle set tmp prefix=tmp/ expire=8d >answer
grep -q 'checked by reading it back' answer || fail "answer: $(cat answer)"
ask
has "changed" '<Days>8</Days>'
has "noncurrent days stay" '<NoncurrentDays>30</NoncurrentDays>'
"$VERS3CTL" -C "$MNT" lifecycle set tmp over=lots 2>why && status=0 || status=$?
is "status of a bad word" "$status" 2
grep -q '^vers3ctl: over=lots: want a size' why || fail "why: $(cat why)"
is "lines on a bad word" "$(wc -l <why)" 1
is "the other rule still" "$(rule keep)" "$keep"
refused "nonsense" "EINVAL" "$FSOP" control "$MNT/.control" \
	"lifecycle set x expire=soon"
# A shell shows the error's number alone.
(echo 'lifecycle set x expire=soon' >"$MNT/.control") 2>/dev/null &&
	fail "nonsense by echo is taken"
case $(git config -f "$MNT/.control" control.lastError) in
*expire=*) ;;
*) fail "lastError: $(git config -f "$MNT/.control" control.lastError)" ;;
esac
echo 'lifecycle remove tmp' >"$MNT/.control"
ask
is "removed" "$(rule tmp)" ""
is "the other rule in the end" "$(rule keep)" "$keep"
is "and the third" "$(rule aborts)" "$aborts"

# A rule of a prefix and two tags, which some servers read back in a way that
# they do not read: the edit of another leaves it as narrow as it was.
echo 'lifecycle set narrow prefix=n/ tag=a=1 tag=b=2 expire=9d' >"$MNT/.control"
echo 'lifecycle set tmp prefix=tmp/ expire=7d' >"$MNT/.control"
echo 'lifecycle remove tmp' >"$MNT/.control"
is "its prefix" "$(git config -f "$MNT/.control" lifecycle.narrow.prefix)" n/
is "its tags" "$(git config -f "$MNT/.control" --get-all lifecycle.narrow.tags |
	sort | tr '\n' ' ')" "a=1 b=2 "
echo 'lifecycle remove narrow' >"$MNT/.control"

# Two mounts at once: what each was told is set, is set.
mkdir other
"$VERS3" -o "endpoint=$ENDPOINT,cache_dir=$WORK/cache2" "$BUCKET" other
pgrep -f -- "$BUCKET other" | head -n 1 >other.pid
edit() {
	local i
	for i in 1 2 3 4; do
		echo "lifecycle set $2-$i prefix=$2$i/ expire=7d" >"$1/.control"
	done
}
edit "$MNT" a &
edit other b
wait $! || fail "an edit was refused"
ask
for i in a-1 a-2 a-3 a-4 b-1 b-2 b-3 b-4; do
	[ -n "$(rule "$i")" ] || fail "$i was set and is not there"
	echo "lifecycle remove $i" >other/.control
done
"$VERS3CTL" umount other
rm other.pid
echo 'lifecycle remove keep' >"$MNT/.control"
echo 'lifecycle remove aborts' >"$MNT/.control"
# Of a part of the bucket: paths are counted from the mount's root.
echo 'lifecycle set all expire=400d' >"$MNT/.control"
unmnt
rm -rf "$CACHE" # it is another mount's
mnt '' "$BUCKET:part/of"
"$VERS3CTL" -C "$MNT" lifecycle set tmp prefix=tmp/ expire=7d >answer
grep -q 'begin with part/of/tmp/$' answer || fail "answer: $(cat answer)"
"$VERS3CTL" -C "$MNT" lifecycle set part noncurrent=9d
ask
case $(rule tmp) in
*'<Prefix>part/of/tmp/</Prefix>'*) ;;
*) fail "tmp: $(rule tmp)" ;;
esac
case $(rule part) in
*'<Prefix>part/of/</Prefix>'*) ;;
*) fail "part: $(rule part)" ;;
esac
is "below the root" "$(git config -f "$MNT/.control" lifecycle.tmp.prefix)" tmp/
is "all of it" "$(git config -f "$MNT/.control" lifecycle.part.prefix)" ""
is "of the bucket" \
	"$(git config -f "$MNT/.control" lifecycle.all.bucketPrefix)" ""
for i in tmp part all; do
	"$VERS3CTL" -C "$MNT" lifecycle remove $i
done
refused "no rule left" "NoSuchLifecycleConfiguration" \
	s3 GET "/$BUCKET?lifecycle="
unmnt
