#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A cache directory belongs to one bucket, and to one mount at a time.
. "$(dirname "$0")/lib.sh"

bad() {
	local rc=0
	mkdir -p "$WORK/mnt2"
	timeout 60 "$VERS3" -o "$(vers3_options)" "$2" "$WORK/mnt2" >out 2>err \
		</dev/null || rc=$?
	if mountpoint -q "$WORK/mnt2"; then
		umount -l "$WORK/mnt2"
		fail "$1: mounted"
	fi
	is "$1: status ($(cat err))" "$rc" 1
	is "$1: lines on stderr ($(cat err))" "$(wc -l <err)" 1
	grep -qF -- "$CACHE" err || fail "$1: no directory in: $(cat err)"
}

make_bucket "$BUCKET-2"
mnt
echo data >"$MNT/file"
bad "in use" "$BUCKET"
is "the first is unharmed" "$(cat "$MNT/file")" data
unmnt
bad "another bucket's" "$BUCKET-2"
mnt
is "still this bucket's" "$(cat "$MNT/file")" data
unmnt
