#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# rclone and vers3 read each other's objects, with the time.
. "$(dirname "$0")/lib.sh"
need rclone

export RCLONE_CONFIG=/dev/null RCLONE_CONFIG_S_TYPE=s3
export RCLONE_CONFIG_S_PROVIDER=Ceph RCLONE_CONFIG_S_ENDPOINT=$ENDPOINT
export RCLONE_CONFIG_S_ACCESS_KEY_ID=$AWS_ACCESS_KEY_ID
export RCLONE_CONFIG_S_SECRET_ACCESS_KEY=$AWS_SECRET_ACCESS_KEY

mkdir -p src/dir
seq 1000 >"src/dir/a b+c"
touch -d '2009-02-13T23:31:30.123456789Z' "src/dir/a b+c"
rclone copy src "S:$BUCKET"
mnt
same "written by rclone" "src/dir/a b+c" "$MNT/dir/a b+c"
is "its time" "$(stat -c %.9Y "$MNT/dir/a b+c")" 1234567890.123456789

mkdir "$MNT/new"
seq 2000 >"$MNT/new/file"
touch -d @1111111111.000000005 "$MNT/new/file"
synced
mkdir got
rclone copy "S:$BUCKET/new" got
same "read by rclone" "$MNT/new/file" got/file
is "time by rclone" "$(stat -c %.9Y got/file)" 1111111111.000000005
out=$(rclone check src "S:$BUCKET" --one-way 2>&1) || fail "$out"
unmnt
