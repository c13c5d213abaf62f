#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# umount and SIGTERM: the daemon sends everything before it ends.
. "$(dirname "$0")/lib.sh"

mkdir src
for i in $(seq 50); do
	seq "$i" 2000 >"src/$i"
done
mnt commit=60
cp -r src "$MNT/one"
unmnt
download one got
diff -r src got || fail "the bucket differs after umount"

mnt commit=60
cp -r src "$MNT/two"
pid=$(daemon)
kill "$pid"
rc=0
wait "$pid" || rc=$?
is "status after SIGTERM" "$rc" 0
rm -f "$MNT.pid"
if mountpoint -q "$MNT"; then
	fail "still mounted after SIGTERM"
fi
download two got2
diff -r src got2 || fail "the bucket differs after SIGTERM"
