#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# File handles, as a server of NFS keeps them: they outlive the mount, follow
# a rename, are stale after a delete, and never mean another file.
. "$(dirname "$0")/lib.sh"
need_root

handle() {
	"$FSOP" handle "$1"
}

by_handle() {
	"$FSOP" by-handle "$MNT" "$1"
}

mnt
mkdir -p "$MNT/dir/sub/deep" "$MNT/other"
echo top >"$MNT/top"
echo content >"$MNT/dir/sub/deep/file"
echo doomed >"$MNT/doomed"
ln "$MNT/top" "$MNT/dir/linked"
synced
declare -A of
for path in . top dir dir/sub/deep dir/sub/deep/file doomed; do
	of[$path]=$(handle "$MNT/$path")
done
version=$(ls -U "$MNT/.versions/top")
of[version]=$(handle "$MNT/.versions/top/$version")
of[then]=$(handle "$MNT/.versions/dir/sub")

# as_named WHAT: every handle means what it was taken of.
as_named() {
	is "$1: file" "$(by_handle "${of[top]}")" top
	is "$1: deep file" "$(by_handle "${of[dir/sub/deep/file]}")" content
	is "$1: root" "$(by_handle "${of[.]}")" "$MNT"
	is "$1: directory" "$(by_handle "${of[dir]}")" "$MNT/dir"
	is "$1: deep" "$(by_handle "${of[dir/sub/deep]}")" "$MNT/dir/sub/deep"
	is "$1: version" "$(by_handle "${of[version]}")" top
}

as_named "as they are"
remount versions=visible
as_named "mounted again"
is "a directory of history" "$(by_handle "${of[then]}")" \
	"$MNT/.versions/dir/sub"
# What the kernel knows nothing of, after a kill too.
crash
mnt
is "deep, nothing known" "$(by_handle "${of[dir/sub/deep]}")" \
	"$MNT/dir/sub/deep"
is "handles stay" "$(handle "$MNT/dir/sub/deep/file")" \
	"${of[dir/sub/deep/file]}"

mv "$MNT/dir/sub" "$MNT/other/moved"
echo more >>"$MNT/other/moved/deep/file"
rm "$MNT/doomed"
remount
is "renamed" "$(by_handle "${of[dir/sub/deep]}")" "$MNT/other/moved/deep"
is "its content" "$(by_handle "${of[dir/sub/deep/file]}")" "content
more"
refused "deleted" ESTALE by_handle "${of[doomed]}"
rm -r "$MNT/other/moved"
refused "a deleted directory" ESTALE by_handle "${of[dir/sub/deep]}"

# Another cache directory gives its own numbers.
fresh
ls -R "$MNT" >/dev/null
refused "of another cache directory" ESTALE by_handle "${of[top]}"
is "root" "$(by_handle "${of[.]}")" "$MNT"
unmnt
