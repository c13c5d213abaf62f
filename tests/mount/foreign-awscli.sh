#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# awscli and vers3 read each other's objects.
. "$(dirname "$0")/lib.sh"
need aws jq

seq 1000 >src
s3api put-object --key plain.txt --body src >/dev/null
s3api put-object --key dir/attr --body src --metadata \
	file-permissions=0100640,file-owner=12,file-group=34,file-mtime=1732233008123456789ns \
	>/dev/null
s3api put-object --key dir/short --body src --metadata \
	file-permissions=0600,file-owner=0,file-group=0,file-mtime=1732233008123 \
	>/dev/null
s3api put-object --key marked/ >/dev/null
mnt "file_mode=0604,dir_mode=0705,uid=5,gid=6"
same "plain" src "$MNT/plain.txt"
is "defaults" "$(stat -c %a:%u:%g "$MNT/plain.txt")" 604:5:6
is "directory" "$(stat -c %a:%u:%g "$MNT/dir")" 705:5:6
is "directory by marker" "$(stat -c %F "$MNT/marked")" directory
is "attributes" "$(stat -c %a:%u:%g:%.9Y "$MNT/dir/attr")" \
	640:12:34:1732233008.123456789
is "milliseconds" "$(stat -c %a:%.9Y "$MNT/dir/short")" \
	600:1732233008.123000000
lastmod=$(date -u -d "$(header plain.txt last-modified)" +%s)
is "Last-Modified" "$(stat -c %Y "$MNT/plain.txt")" "$lastmod"

cp src "$MNT/out.txt"
chmod 0640 "$MNT/out.txt"
touch -d @1234567890.123456789 "$MNT/out.txt"
mkdir "$MNT/newdir"
synced
s3api get-object --key out.txt got >head.json
same "read by awscli" src got
told() {
	jq -r --arg n "$1" '.Metadata[$n]' head.json
}
is "file-permissions" "$(told file-permissions)" 0100640
is "file-mtime" "$(told file-mtime)" 1234567890123456789ns
is "mtime" "$(told mtime)" 1234567890.123456789
is "file-owner" "$(told file-owner)" "$(stat -c %u "$MNT/out.txt")"
is "Content-Type by extension" "$(jq -r .ContentType head.json)" text/plain
is "directory object" "$(meta newdir/ file-permissions)" 0040755
is "Content-Type of a directory" "$(header newdir/ content-type)" \
	application/x-directory
unmnt
