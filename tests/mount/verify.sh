#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# 1,000 objects, 7 of them changed behind vers3's back in the replica: verify
# finds exactly those 7, --repair mends them and keeps what was wrong as older
# versions; and the runbook's chapter is true.
. "$(dirname "$0")/lib.sh"
need jq

there=$BUCKET-replica
make_bucket "$there"

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

# in_replica METHOD KEY [BODY]
in_replica() {
	s3 "$1" "/$there/$2" ${3+"$3"} >/dev/null
}

# copy_all: each object of the bucket to the replica, by the server.
copy_all() {
	local key first=1
	s3 GET "/$BUCKET?list-type=2" | grep -oP '(?<=<Key>)[^<]+' |
		while read -r key; do
			[ -n "$first" ] || echo next
			first=
			echo "user = \"$AWS_ACCESS_KEY_ID:$AWS_SECRET_ACCESS_KEY\""
			echo 'aws-sigv4 = "aws:amz:us-east-1:s3"'
			echo 'header = "x-amz-content-sha256: UNSIGNED-PAYLOAD"'
			echo "header = \"x-amz-copy-source: $BUCKET/$key\""
			echo 'request = PUT'
			echo 'noproxy = "*"'
			echo "url = \"$ENDPOINT/$there/$key\""
		done >copies
	curl -sS --no-progress-meter --fail -Z --parallel-max 8 -K copies >/dev/null
}

# 1,000 objects: 999 files, and their directory.
mnt "replica=$there"
mkdir "$MNT/d"
for ((n = 0; n < 999; n++)); do
	echo "file $n" >"$MNT/d/$n"
done
synced
copy_all

status 0 verify --against both --report report.json
is "result" "$(jq -r .result report.json)" PASS
is "what the replica has" "$(jq -c '[.mismatched, .unclear]' report.json)" \
	"[0,0]"

# Changed, of the same size and not, and gone.
for n in 3 500 998; do
	in_replica PUT d/$n wrong$n
done
in_replica PUT d/77 'file 7!
'
in_replica PUT d/42 ''
in_replica DELETE d/100
in_replica DELETE d/101
changed='d/100 d/101 d/3 d/42 d/500 d/77 d/998'
status 1 verify --against replica --report report.json
paths() {
	jq -r '.mismatches[].path' report.json | LC_ALL=C sort | xargs
}
is "found" "$(paths)" "$changed"
is "rate" "$(jq -c '[.sampled, .mismatched, .mismatchRate]' report.json)" \
	"$(jq -nc "[$(jq .objects report.json), 7, 7 / $(jq .objects report.json)] |
		.[2] = (.[2] * 1000000 | round / 1000000)")"
is "reasons" "$(jq -r '.mismatches[].reason' report.json | sort | uniq -c |
	xargs)" "1 etag 2 missing 4 size"
status 0 verify --against replica --threshold 1%

status 1 verify --against replica --repair --report report.json
is "repaired" "$(jq -c '[.mismatched, .repaired]' report.json)" "[7,7]"
is "which" "$(paths)" "$changed"
is "which is right" "$(jq -r '.mismatches[].right' report.json | sort -u)" \
	bucket
status 0 verify --against replica --report report.json
is "all is well" "$(jq -r .result report.json)" PASS
status 0 verify d/3 --against replica --deep
for n in 3 42 77 100; do
	is "d/$n" "$(s3 GET "/$there/d/$n")" "file $n"
done
# What was wrong is a version yet.
is "versions" "$(s3 GET "/$there?prefix=d%2F3&versions=" |
	grep -o '<Key>d/3<' | wc -l)" 3
unmnt
