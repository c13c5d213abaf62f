#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Changes in the middle of files: writes in place, append, truncate, fallocate,
# holes, copy_file_range; the rest of the file stays.
. "$(dirname "$0")/lib.sh"

# both COMMAND...: on the copy in $MNT and on the one beside it; `@` stands
# for the path.
both() {
	local dir
	for dir in "$WORK/ref" "$MNT"; do
		"${@//@/$dir/f}"
	done
	same "after $*" "$WORK/ref/f" "$MNT/f"
}

mkdir ref
head -c 20M /dev/urandom >ref/f
mnt
cp ref/f "$MNT/f"
synced
fresh
both "$FSOP" pwrite @ 10000000 "in the middle"
both "$FSOP" pwrite @ 0 "at the start"
fresh
both "$FSOP" pwrite @ 22000000 "behind a gap"
both truncate -s 15000001 @
fresh
both truncate -s 18000000 @
both "$FSOP" fallocate punch @ 4096 1048576
both "$FSOP" fallocate zero @ 3000000 5000
both "$FSOP" fallocate alloc @ 17999990 4096
both "$FSOP" fallocate keep @ 30000000 4096
fresh
same "with an empty cache" ref/f "$MNT/f"

"$FSOP" pwrite "$MNT/sparse" 8388608 data
truncate -s 16M "$MNT/sparse"
"$FSOP" holes "$MNT/sparse" >holes
"$FSOP" holes "$MNT/f" >/dev/null
fresh
"$FSOP" holes "$MNT/sparse" >/dev/null

"$FSOP" copy-range "$MNT/f" 1000 "$MNT/part" 0 7000000
dd if=ref/f of=part iflag=skip_bytes,count_bytes,fullblock bs=1M skip=1000 \
	count=7000000 status=none
same "copy_file_range" part "$MNT/part"
"$FSOP" copy-range "$MNT/f" 0 "$MNT/whole" 0 "$(stat -c %s ref/f)"
fresh
same "copied whole" ref/f "$MNT/whole"
same "copied part" part "$MNT/part"
for i in 1 2 3; do
	echo "line $i" >>"$MNT/log"
	fresh
done
is "appended" "$(tr '\n' ' ' <"$MNT/log")" "line 1 line 2 line 3 "
unmnt
