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
unmnt
