#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A sweep that is interrupted goes on where it stopped; a kill of the daemon in
# the midst of a repair leaves both copies readable; bytes that the bucket gives
# wrong come back from the replica; bad words; and the runbook's chapter is true.
. "$(dirname "$0")/lib.sh"
need_proxy
need jq

there=$BUCKET-replica
make_bucket "$there"
through_proxy

verify() {
	"$VERS3CTL" -C "$MNT" verify "$@"
}

# status WANTED COMMAND...: what it says is in said and err.
status() {
	local rc=0 wanted=$1
	shift
	"$@" >said 2>err || rc=$?
	is "status of $*: $(cat said err)" "$rc" "$wanted"
}

copy() {
	s3_curl UNSIGNED-PAYLOAD -X PUT -H "x-amz-copy-source: $BUCKET/$1" \
		"$direct/$there/$1" >/dev/null
}

mnt "replica=$there"
mkdir "$MNT/docs"
for n in 1 2 3 4 5 6 7 8; do
	head -c $((n == 8 ? 6000000 : 500000)) /dev/urandom >"$MNT/docs/$n"
done
synced
for n in '' 1 2 3 4 5 6 7 8; do
	copy "docs/$n"
done

# The runbook, as it is written: its sweeps find nothing but what is there.
mkdir bin
ln -s "$VERS3CTL" bin/vers3ctl
chapter INTEGRITY | sed "s|/tmp/sweep|$WORK/sweep|" >commands
is "commands" "$(wc -l <commands)" 7
while read -r line; do
	rc=0
	(cd "$MNT" && PATH="$WORK/bin:$PATH" bash -ec "$line") >said 2>&1 ||
		rc=$?
	# A hundredth of nine may be none: that is told as such.
	[ $rc = 0 ] || { [ $rc = 2 ] && grep -q UNKNOWN said; } ||
		fail "$line: $(cat said)"
done <commands

# Interrupted: it goes on, by the same sample, and counts all.
status 0 verify --against replica --report whole.json --deep --rate none
s3 PUT "/$there/docs/1" wrong >/dev/null
"$VERS3CTL" -C "$MNT" verify --against replica --deep --rate 4M \
	--report report.json >said 2>&1 &
sweep=$!
in_midst() {
	grep -q ^@ report.json.part 2>/dev/null
}
within 20 in_midst || fail "no checkpoint: $(cat said)"
status 2 verify --against replica --deep --rate 4M --report report.json
is "while another writes it" "$(cat err)" \
	"vers3ctl: report.json.part: another sweep writes it"
kill "$sweep"
wait "$sweep" || true
[ -e report.json.part ] || fail "nothing is left of it: $(cat said)"
[ ! -e report.json ] || fail "there is a report of it"
status 1 verify --against replica --deep --rate 4M --report report.json
grep -q 'goes on where it stopped' err || fail "it began anew: $(cat err)"
is "resumed" "$(jq -c '[.resumed, .sampled, .mismatched]' report.json)" \
	"[true,9,1]"
is "found" "$(jq -r '.mismatches[].path' report.json)" docs/1
[ ! -e report.json.part ] || fail "its part stays"

# So does one that stopped at a name with the end of a line in it.
odd=$'two\nlines'
mkdir "$MNT/$odd"
for n in 1 2 3 4 5 6 7 8 9; do
	head -c 100 /dev/urandom >"$MNT/$odd/$n"
done
synced
for n in '' 1 2 3 4 5 6 7 8 9; do
	copy "two%0Alines/$n"
done
"$VERS3CTL" verify "$MNT/$odd" --against replica --deep --rate 1K \
	--report odd >said 2>&1 &
sweep=$!
at_odd() {
	grep -q '^@.*two' odd.part 2>/dev/null
}
within 20 at_odd || fail "no checkpoint: $(cat said)"
kill "$sweep"
wait "$sweep" || true
status 0 verify "$MNT/$odd" --against replica --deep --rate 1K --report odd
grep -q 'goes on where it stopped' err || fail "it began anew: $(cat err)"
is "resumed" "$(jq -c '[.resumed, .sampled]' odd)" "[true,10]"
rm -r "${MNT:?}/$odd"
synced

# Killed in the midst of a repair: what was there can be read, on both sides.
for n in 2 3 4 5 6 7; do
	s3 PUT "/$there/docs/$n" "wrong $n" >/dev/null
done
verify --against replica --repair --rate 2M >said 2>&1 &
sweep=$!
repaired_one() {
	[ "$(s3 GET "/$there?prefix=docs%2F&versions=" |
		grep -o '<Version>' | wc -l)" -gt 16 ]
}
within 30 repaired_one || fail "nothing is repaired: $(cat said)"
crash
wait "$sweep" || true
for n in 1 2 3 4 5 6 7 8; do
	get_object "docs/$n" here
	s3_curl UNSIGNED-PAYLOAD -o other "$direct/$there/docs/$n"
	cmp -s here other || is "the replica's docs/$n" "$(cat other)" \
		"$([ $n = 1 ] && echo -n wrong || echo -n "wrong $n")"
	sha256sum <here >>sums
done
mnt "replica=$there"
status 1 verify --against replica --repair --rate none
status 0 verify --against replica --deep --rate none
for n in 1 2 3 4 5 6 7 8; do
	sha256sum <"$MNT/docs/$n" >>sums.now
done
same "what the files hold" sums sums.now

# Gone from the bucket, marker and all: known here, and the replica has it.
id=$(header docs/8 x-amz-version-id)
s3 DELETE "/$BUCKET/docs/8?versionId=$id" >/dev/null
status 1 verify --against cache
grep -q 'docs/8: missing' said || fail "$(cat said)"
status 1 verify --against both --repair --rate none
grep -q '^repaired *cache *docs/8' said || fail "$(cat said)"
get_object docs/8 here
is "docs/8" "$(sha256sum <here)" "$(tail -n 1 sums)"

# Bad words: one line that names them, and 2.
for bad in '--sample 1 --report bad' '--against all' '--threshold x' '--rate 0' \
	'--seed x' '--repair' '--report no/such/dir/x'; do
	# shellcheck disable=SC2086
	status 2 verify $bad
	is "lines of $bad" "$(wc -l <err)" 1
	is "what it says of $bad" "$(cat said)" ""
done
[ ! -e bad.part ] || fail "it leaves a part"
echo mine >other.part
status 2 verify --report other
grep -q 'other.part: it is there, and is not of a sweep' err || fail "$(cat err)"
is "somebody's file" "$(cat other.part)" mine
remount
status 2 verify --against replica
grep -q 'the mount has no replica=' err || fail "$(cat err)"
status 0 verify
unmnt
