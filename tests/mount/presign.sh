#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# URLs that need no credentials: of a file, of an old version, for an upload;
# made without a request.
. "$(dirname "$0")/lib.sh"
need jq

plain() {
	curl -sS --fail-with-body --noproxy '*' -m 60 "$@"
}
# exits WHAT STATUS WORDS COMMAND...: with this status, and one line with WORDS.
exits() {
	local what=$1 status=$2 words=$3 rc=0
	shift 3
	"$@" >out 2>&1 || rc=$?
	is "$what" $rc "$status"
	is "$what: lines" "$(wc -l <out)" 1
	grep -qF -- "$words" out || fail "$what: $(cat out)"
}

mnt
echo first >"$MNT/a b.txt"
synced
echo second >"$MNT/a b.txt"
synced
first=$(ls -U "$MNT/.versions/a b.txt" | head -n 1)
if [ -n "$ACCESS_LOG" ]; then
	since=$(log_mark)
fi
url=$("$VERS3CTL" presign "$MNT/a b.txt")
old=$("$VERS3CTL" presign "$MNT/.versions/a b.txt/$first" --expires 5m)
byid=$("$VERS3CTL" presign "$MNT/a b.txt" --version "${first#*~}")
put=$("$VERS3CTL" presign "$MNT/a b.txt" --put --expires 7d)
"$VERS3CTL" --json presign "$MNT/a b.txt" >json
echo 'presign "a b.txt" expires=30m' >"$MNT/.control"
[ -z "$ACCESS_LOG" ] ||
	is "requests" "$(requests '[A-Z]+' '' "$since")" 0
is "the file" "$(plain "$url")" second
is "an old version" "$(plain "$old")" first
is "the same by its id" "$(plain "$byid")" first
is "as JSON" "$(plain "$(jq -r .url json)")" second
is "the method" "$(jq -r .method json)" GET
# Its own name, for a request without a signature.
is "s3.url" "$(getfattr --only-values -n user.s3.url "$MNT/a b.txt")" \
	"$ENDPOINT/$BUCKET/a%20b.txt"
is "the URL is that, signed" "${url%%\?*}" "$ENDPOINT/$BUCKET/a%20b.txt"

# As curl -T sends it: newer gateways take no content type that is not signed.
printf third >third
plain -T third "$put"
is "what was put" "$(get_object 'a b.txt' /dev/stdout)" third
refused "put by a URL to read" "403" \
	plain -T third "$url"

remount commit=60
echo unsent >"$MNT/a b.txt"
url=$("$VERS3CTL" presign "$MNT/a b.txt" 2>warning)
grep -q 'URL is of what the bucket has' warning || fail "no warning"
is "what the bucket has" "$(plain "$url")" third

exits "over 7 days" 2 "expires=8d" \
	"$VERS3CTL" presign "$MNT/a b.txt" --expires 8d
exits "no time" 2 "expires=x" "$VERS3CTL" presign "$MNT/a b.txt" --expires x
exits "no file" 2 "none" "$VERS3CTL" presign "$MNT/none"
exits "a directory" 2 "is a directory" "$VERS3CTL" presign "$MNT"
exits "a version to be put" 2 "is a version already" \
	"$VERS3CTL" presign --put "$MNT/.versions/a b.txt/$first"
