#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# s3cmd and vers3 read each other's objects, with mode and time.
. "$(dirname "$0")/lib.sh"
need s3cmd jq

s3c() {
	s3cmd -c /dev/null --no-ssl --host="${ENDPOINT#http://}" \
		--host-bucket="${ENDPOINT#http://}" \
		--access_key="$AWS_ACCESS_KEY_ID" \
		--secret_key="$AWS_SECRET_ACCESS_KEY" "$@" >s3cmd.log 2>&1 || {
		tail -n 5 s3cmd.log >&2
		fail "s3cmd $1 failed"
	}
}

seq 1000 >src
chmod 0640 src
touch -d @1234567890 src
s3c put --preserve src "s3://$BUCKET/dir/a b+c"
mnt
same "written by s3cmd" src "$MNT/dir/a b+c"
is "its mode and time" "$(stat -c %a:%Y "$MNT/dir/a b+c")" 640:1234567890

# A change by vers3 leaves no stale attribute for s3cmd to read.
chmod 0600 "$MNT/dir/a b+c"
cp src "$MNT/new"
synced
case $(meta "dir/a b+c" s3cmd-attrs) in
*mode:33152*) ;;
*) fail "s3cmd-attrs is stale: $(meta "dir/a b+c" s3cmd-attrs)" ;;
esac
s3c get --force "s3://$BUCKET/new" got
same "read by s3cmd" src got
unmnt
