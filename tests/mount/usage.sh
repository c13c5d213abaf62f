#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# usage agrees with awscli to the byte, by vers3ctl and by echo and cat; the
# answer of a long command comes to whoever has the control file open, can be
# given up, and fails with what has failed.
. "$(dirname "$0")/lib.sh"
need jq git
type -P aws >/dev/null || skip "aws is not installed"

usage() {
	"$VERS3CTL" usage "$@"
}

# What awscli has listed of the keys that begin so, as usage --json has it.
counted() {
	jq -c --arg prefix "$1" 'def below: (. // [])[] |
			select(.Key | startswith($prefix));
		[.Versions | below | {now: .IsLatest, size: .Size}] as $v |
		{objects: [$v[] | select(.now)] | length,
		bytes: ([$v[] | select(.now).size] | add // 0),
		noncurrent: [$v[] | select(.now | not)] | length,
		noncurrentBytes: ([$v[] | select(.now | not).size] | add // 0),
		markers: [.DeleteMarkers | below] | length}' listed.json
}

told() {
	usage --json "$@" |
		jq -c '{objects, bytes, noncurrent, noncurrentBytes, markers}'
}

# 1,200 versions: what 240 files were, and 10 that were deleted.
mnt commit=0.1
mkdir "$MNT/dir" "$MNT/dir2" "$MNT/date=1"
for i in 1 2 3 4 5; do
	for ((n = 0; n < 240; n++)); do
		printf '%*s' $((n * i)) x >"$MNT/dir/file $n"
	done
	synced
done
echo sibling >"$MNT/dir2/other"
head -c 300000 /dev/urandom >"$MNT/large"
rm "$MNT"/dir/file\ ?
synced
upload=$(s3 POST "/$BUCKET/dir/part?uploads=" |
	grep -oP '(?<=<UploadId>)[^<]*')
head -c 6000000 /dev/urandom >part
sum=$(sha256sum <part)
s3_curl "${sum%% *}" -X PUT -H 'content-type: binary/octet-stream' \
	--data-binary @part \
	"$ENDPOINT/$BUCKET/dir/part?partNumber=1&uploadId=$upload" >/dev/null

s3api list-object-versions --output json >listed.json
is "all of it" "$(told "$MNT")" "$(counted '')"
is "a directory" "$(told "$MNT/dir")" "$(counted dir/)"
is "from where one stands" "$(cd "$MNT/dir2" && told .)" "$(counted dir2/)"
is "one like a word" "$(told "$MNT/date=1")" "$(counted date=1/)"
is "a file" "$(told "$MNT/dir/file 239")" "$(counted 'dir/file 239')"
[ "$(told "$MNT/dir" | jq .noncurrent)" -ge 950 ] ||
	fail "too few: $(told "$MNT/dir")"
usage --json "$MNT" >all.json
is "the upload" "$(jq -c '[.uploads, .uploadBytes]' all.json)" "[1,6000000]"
is "none in there" "$(usage --json "$MNT/dir2" | jq .uploads)" 0
is "the biggest" "$(jq -r '.biggest[0].path' all.json)" large
is "its size" "$(jq '.biggest[0].bytes' all.json)" 300000
is "so many of each" "$(jq '.biggest, .most | length' all.json | sort -u)" 10
is "the most versions" "$(jq '.most[0].versions' all.json)" 5
is "classes" "$(jq -c '.classes | map([.id, .objects])' all.json)" \
	"[[\"STANDARD\",$(jq .objects all.json)]]"

# What it costs, by prices of one's own; a GiB is small here.
cat >prices <<'END'
# comments are fine
[prices]
	currency = EUR
	date=2026-01-31
[class "STANDARD"]
	gibMonth = 1073741824
END
usage --json --prices prices --if noncurrent=30d "$MNT" >priced.json
is "a byte a coin" "$(jq '.cost.month + 0' priced.json)" \
	"$(jq '(.bytes + .noncurrentBytes + .uploadBytes) * 1.0' priced.json)"
is "whose" "$(jq -c '[.cost.currency, .cost.date]' priced.json)" \
	'["EUR","2026-01-31"]'
is "none is so old" "$(jq .saving.versions priced.json)" 0
usage "$MNT" >table
grep -q '^current .* objects .* USD$' table || fail "$(cat table)"
grep -q 'USD a month by prices of 20' table || fail "$(cat table)"

# Bad words: one line that names them, and 2.
wrong() {
	local rc=0
	usage "$@" >out 2>err || rc=$?
	is "status of usage $*" "$rc" 2
	is "lines of usage $*" "$(wc -l <err)" 1
	is "nothing else" "$(cat out)" ""
}
wrong "$MNT" --if soon
grep -q 'if=soon: want' err || fail "$(cat err)"
wrong "$MNT" --if noncurrent=30
wrong "$MNT" --prices nowhere
grep -q 'nowhere: ' err || fail "$(cat err)"
printf '[class "X"]\n\tgibMonth = cheap\n' >prices
wrong "$MNT" --prices prices
grep -q 'price=X:cheap: want' err || fail "$(cat err)"
wrong a b

# By the file itself, with a shell.
exec 3<>"$MNT/.control"
echo 'usage dir if=noncurrent=1d,keep=3' >&3
cat <&3 >answer
is "objects" "$(git config -f answer usage.objects)" \
	"$(counted dir/ | jq .objects)"
is "the rule" "$(git config -f answer saving.keepVersions)" 3
echo 'usage "large"' >&3
is "another" "$(cat <&3 | sed -n 2p)" "	path = large"
exec 3>&-
# Closed at once: given up, and no failure.
echo usage >"$MNT/.control"
if echo 'usage if=soon' 2>err >"$MNT/.control"; then
	fail "bad words are taken"
fi
grep -q 'Invalid argument' err || fail "$(cat err)"
is "which" "$(git config -f "$MNT/.control" control.lastError)" \
	"if=soon: want such as if=noncurrent=30d or if=noncurrent=30d,keep=3"

# A mount that is read-only.
remount ro
is "read-only" "$(told "$MNT")" "$(counted '')"
unmnt
