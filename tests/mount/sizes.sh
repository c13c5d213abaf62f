#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Files of many sizes come back as they went in: at once, by another client,
# and by a mount with an empty cache.
. "$(dirname "$0")/lib.sh"
need jq

mnt
mkdir src
sizes="0 1 4095 4096 1048575 1048577 5242880 8388609 67108864"
for size in $sizes; do
	head -c "$size" /dev/urandom >"src/$size"
	cp "src/$size" "$MNT/$size"
	same "after cp" "src/$size" "$MNT/$size"
	is "size" "$(stat -c %s "$MNT/$size")" "$size"
done
fresh
for size in $sizes; do
	same "with an empty cache" "src/$size" "$MNT/$size"
	get_object "$size" got
	same "by another client" "src/$size" got
done
# An odd range in the middle, first thing on an empty cache.
fresh
for f in src "$MNT"; do
	dd if="$f/67108864" of="range.${f##*/}" iflag=skip_bytes,count_bytes,fullblock \
		bs=5000 skip=12345678 count=54321 status=none
done
same "a range" range.src range.mnt
unmnt
