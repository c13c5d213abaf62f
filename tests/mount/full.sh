#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The cache's disk is full, by what others have put there: changes are refused
# at the call, reading and removing go on, nothing that had returned is lost,
# and the mount goes on by itself when there is room.
. "$(dirname "$0")/lib.sh"
need_root

# All of the disk but so many MiB.
fill() {
	local free
	rm -f "$CACHE/filler"
	free=$(df --output=avail -k "$CACHE" | tail -n 1)
	fallocate -l "$((free - ($1 << 10) - 64))K" "$CACHE/filler"
}

# mkdirs DIR COUNT: makes that many there, or as many as it can, and prints
# how many calls returned 0.
mkdirs() {
	local i long
	long=$(printf 'n%.0s' {1..180})
	for ((i = 1; i <= $2; i++)); do
		echo "$1/$long-$i"
	done | xargs mkdir -v 2>err | wc -l || true
}

mkdir "$CACHE"
mount -t tmpfs -o size=80m,mode=700 tmpfs "$CACHE"
mnt commit=600,min_free=0
mkdir "$MNT/dir" "$MNT/many"
echo old >"$MNT/dir/file"
synced
unmnt

# It is full when a mount with an empty cache begins.
rm -r "${CACHE:?}"/*
fill 4
mnt commit=600,min_free=0
is "read" "$(cat "$MNT/dir/file")" old
refused "mkdir" "No space left on device" mkdir "$MNT/dir/a"
refused "rename" "No space left on device" mv "$MNT/dir/file" "$MNT/dir/b"
refused "chmod" "No space left on device" chmod 600 "$MNT/dir/file"
refused "a write" "No space left on device" cp /etc/passwd "$MNT/dir/c"
is "names" "$(ls "$MNT/dir")" file
rm "$CACHE/filler"
mkdir "$MNT/dir/a"
echo new >"$MNT/dir/file"

# It becomes full, and every call that returned counts, through a kill.
fill 0
made=$(mkdirs "$MNT/many" 30000)
grep -q "No space left on device" err || fail "not refused: $(tail -n 1 err)"
[ "$made" -ge 100 ] || fail "only $made were made"
rmdir "$MNT/dir/a"
is "made" "$(ls "$MNT/many" | wc -l)" "$made"
crash
rm "$CACHE/filler"
mnt commit=600,min_free=0
is "after a kill" "$(ls "$MNT/many" | wc -l)" "$made"
is "names after a kill" "$(ls "$MNT/dir")" file
is "content after a kill" "$(cat "$MNT/dir/file")" new
find "$MNT/many" -mindepth 1 -delete
rmdir "$MNT/many"
unmnt
is "in the bucket" "$(s3 GET "/$BUCKET/dir/file")" new
