#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# vers3ctl status says how the mount is, in words and by its exit status.
. "$(dirname "$0")/lib.sh"
need jq
need_proxy

port=${ENDPOINT##*:}
"$top/contrib/faultproxy" start --dir "$WORK/proxy" --upstream "$port"
eval "$("$top/contrib/faultproxy" env --dir "$WORK/proxy")"

# status_is STATUS TEXT: it ends so and says that.
status_is() {
	local rc=0
	"$VERS3CTL" status "$MNT" >status.txt 2>&1 || rc=$?
	[ $rc -eq "$1" ] && grep -q -- "$2" status.txt
}

mnt "endpoint=$VERS3_PROXY,retries=0,read_timeout=3"
echo one >"$MNT/file"
synced
status_is 0 'everything is in the bucket' || fail "well: $(cat status.txt)"
status_is 0 ' 0 failed' || fail "a fresh mount: $(cat status.txt)"

# One key that cannot be sent.
fault error match='PUT .*/file'
echo two >"$MNT/file"
within 20 status_is 1 'failing:  1; file' || fail "failing: $(cat status.txt)"
fault none
synced
within 10 status_is 0 'everything is in the bucket' ||
	fail "mended: $(cat status.txt)"

# No server at all.
"$top/contrib/faultproxy" stop --dir "$WORK/proxy"
echo three >"$MNT/other"
within 30 status_is 2 'outage:   no answer' || fail "outage: $(cat status.txt)"
rc=0
"$VERS3CTL" --json status "$MNT" >status.json || rc=$?
is "as JSON" "$rc $(jq .s3.reachable status.json)" "2 false"
crash
