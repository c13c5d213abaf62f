#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Files mapped into memory, shared and private.
. "$(dirname "$0")/lib.sh"

mnt
seq 200000 >src
cp src "$MNT/f"
synced
fresh
"$FSOP" mmap-private "$MNT/f"
same "after a private mapping" src "$MNT/f"
"$FSOP" mmap-shared "$MNT/f" 500000 "through the map"
printf 'through the map' | dd of=src bs=1 seek=500000 conv=notrunc status=none
same "after a shared mapping" src "$MNT/f"
fresh
same "with an empty cache" src "$MNT/f"

# What a mapping has written, and nobody has asked for yet, is no hole.
truncate -s 8M "$MNT/s"
"$FSOP" mmap-hold "$MNT/s" 5000000 "in the hole" >hold &
holder=$!
mapped() { grep -q mapped hold; }
within 10 mapped || fail "not mapped"
cp --sparse=auto "$MNT/s" s
tar -cSf s.tar -C "$MNT" s
kill "$holder"
wait "$holder" || true
is "a copy by holes" "$(tail -c +5000001 s | head -c 11)" "in the hole"
is "an archive by holes" \
	"$(tar -xOf s.tar s | tail -c +5000001 | head -c 11)" "in the hole"
unmnt
