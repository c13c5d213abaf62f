#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Without -f vers3 returns 0 once the mount is usable; the mount's source and
# type; a mount of a prefix.
. "$(dirname "$0")/lib.sh"
need pgrep

mkdir -p "$MNT"
printf inside >body
put_object sub/dir/file body # a prefix of nothing is warned of
timeout 60 "$VERS3" -o "$(vers3_options log="$WORK/log")" \
	"$BUCKET:sub/dir/" "$MNT" </dev/null >out 2>&1 || fail "status $?: $(cat out)"
mountpoint -q "$MNT" || fail "returned before it was mounted"
pgrep -f -- "$BUCKET:sub/dir/ $MNT" | head -n 1 >"$MNT.pid"
cp body "$MNT/file"
is "source and type" "$(findmnt -n -o SOURCE,FSTYPE "$MNT" | tr -s ' ' |
	sed 's|/ fuse| fuse|')" "$BUCKET:sub/dir fuse.vers3"
is "silent" "$(cat out)" ""
synced
is "the key" "$(s3 GET "/$BUCKET/sub/dir/file")" inside
s3 PUT "/$BUCKET/outside" x >/dev/null
is "only the prefix" "$(ls -A "$MNT")" file
df "$MNT" >/dev/null
within 10 detach || fail "umount failed"
within 20 gone "$(cat "$MNT.pid")" || fail "the daemon stays"
rm "$MNT.pid"

"$VERS3" --help >help 2>&1 || "$VERS3" -h >help 2>&1
grep -q cache_dir help || fail "--help does not name the options"
"$VERS3" --version | grep -q '[0-9]\.[0-9]' || fail "no version"
