#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# s3fs and vers3 read each other's files, with mode, owner and time.
. "$(dirname "$0")/lib.sh"
need s3fs

test_cleanup() {
	umount -l "$WORK/s3fs" 2>/dev/null || fusermount -uz "$WORK/s3fs"
}

mount_s3fs() {
	mkdir -p s3fs
	(umask 077 && echo "$AWS_ACCESS_KEY_ID:$AWS_SECRET_ACCESS_KEY" >passwd)
	s3fs "$BUCKET" "$WORK/s3fs" -o "url=$ENDPOINT,use_path_request_style" \
		-o "passwd_file=$WORK/passwd,stat_cache_expire=1" >s3fs.log 2>&1
	within 10 mountpoint -q "$WORK/s3fs" || fail "$(tail -n 3 s3fs.log)"
}

look() {
	(cd "$1" && find . -mindepth 1 -printf '%P %M %U:%G %Ts %l\n' |
		LC_ALL=C sort)
}

seq 1000 >src
mount_s3fs
mkdir s3fs/dir
cp src "s3fs/dir/a b+c"
chmod 0640 "s3fs/dir/a b+c"
[ "$(id -u)" != 0 ] || chown 12:34 "s3fs/dir/a b+c"
touch -d @1234567890 "s3fs/dir/a b+c"
ln -s "a b+c" s3fs/dir/link
mnt
same "written by s3fs" src "$MNT/dir/a b+c"
for f in "dir" "dir/a b+c"; do
	is "attributes of $f" "$(stat -c %A:%u:%g:%Y "$MNT/$f")" \
		"$(stat -c %A:%u:%g:%Y "s3fs/$f")"
done
is "its symlink" "$(readlink "$MNT/dir/link")" "a b+c"

mkdir "$MNT/new"
cp src "$MNT/new/file"
chmod 0604 "$MNT/new/file"
touch -d @1111111111 "$MNT/new/file"
chmod 0600 "$MNT/dir/a b+c"
synced
umount "$WORK/s3fs"
mount_s3fs
same "read by s3fs" src s3fs/new/file
is "time by s3fs" "$(stat -c %Y s3fs/new/file)" 1111111111
is "mode that vers3 changed" "$(stat -c %a "s3fs/dir/a b+c")" 600
umount "$WORK/s3fs"
unmnt
