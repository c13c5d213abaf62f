#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Large files go up while they are written, each part once, as one version;
# and what is known of them only at the end is right all the same.
. "$(dirname "$0")/lib.sh"
need rsync

# sent NAME COUNT: so many of its parts, at least, have been sent.
sent() {
	[ "$(requests PUT "/$1\?.*partNumber=" "$start")" -ge "$2" ]
}

versions() {
	history_of "$1" | grep -c '^V'
}

head -c 96M /dev/urandom >big
touch -d '2020-02-02 02:02:02.123456789' big
chmod 0640 big
mnt

# A writer that waits in the middle.
mkfifo pipe
start=$(log_mark)
cat pipe >"$MNT/slow" &
writer=$!
exec 8>pipe
head -c 64M big >&8
within 30 sent slow 6 || fail "nothing is sent while the file is written"
is "versions of a file that is being written" "$(versions slow)" 0
tail -c +$((64 * 1024 * 1024 + 1)) big >&8
exec 8>&-
wait $writer
touch -r big "$MNT/slow"
chmod 0640 "$MNT/slow"
synced
is "parts sent" "$(requests PUT '/slow\?.*partNumber=' "$start")" 12
is "uploads begun" "$(requests POST '/slow\?uploads' "$start")" 1
is "versions" "$(versions slow)" 1

# rsync writes a temporary name.
start=$(log_mark)
rsync -a big "$MNT/"
synced
is "parts sent by rsync" "$(requests PUT '/[^ ]*partNumber=' "$start")" 12
is "versions by rsync" "$(history_of | grep -c '^V')" 2
is "markers" "$(history_of | grep -c '^M')" 0

fresh
for name in slow big; do
	is "$name" "$(stat -c '%a %y %s' "$MNT/$name")" \
		"$(stat -c '%a %y %s' big)"
	same "$name" "$MNT/$name" big
done
is "a second rsync" "$(rsync -ai big "$MNT/")" ""
is "in the history" \
	"$(stat -c '%a %y %s' "$MNT/.versions/slow/"*)" \
	"$(stat -c '440 %y %s' big)"

# A tag may change what HEAD says of the time, and is no new version.
tags=$(s3 GET "/$BUCKET/slow?tagging=")
after() { [ "$(date +%s)" -gt "$1" ]; }
within 5 after "$(date +%s)"
s3 PUT "/$BUCKET/slow?tagging=" "$tags" >/dev/null
fresh ttl=0
start=$(log_mark)
for i in 1 2 3; do
	is "$i" "$(stat -c '%a %y %s' "$MNT/slow")" \
		"$(stat -c '%a %y %s' big)"
done
# One for them, one since list and HEAD differ in the time: is it the same?
is "requests for its attributes" "$(requests HEAD /slow "$start")" 2
fresh

# Copies say it by themselves.
mv "$MNT/slow" "$MNT/moved"
cp -a "$MNT/.versions/slow/$(ls -U "$MNT/.versions/slow" | head -n 1)" \
	"$MNT/restored"
rm "$MNT/big"
"$VERS3CTL" undelete "$MNT/big" >/dev/null
synced
fresh
for name in moved restored big; do
	is "$name" "$(stat -c '%y %s' "$MNT/$name")" "$(stat -c '%y %s' big)"
done
unmnt

# Killed while it is written: what was sent is not sent again.
mnt
start=$(log_mark)
cat pipe >"$MNT/killed" &
writer=$!
exec 8>pipe
head -c 64M big >&8
within 30 sent killed 7 || fail "nothing is sent while the file is written"
mkdir "$MNT/dir"
sync "$MNT/dir" # what is noted of the parts is on disk
crash
exec 8>&-
wait $writer || true
before=$(requests PUT '/killed\?.*partNumber=' "$start")
mnt
synced
after=$(requests PUT '/killed\?.*partNumber=' "$start")
# The answers to three were perhaps on their way; the last was never sent.
[ $((after - before)) -le 4 ] ||
	fail "$((after - before)) parts were sent again after a kill"
cmp -n "$(stat -c %s "$MNT/killed")" "$MNT/killed" big
is "versions" "$(versions killed)" 1
unmnt
