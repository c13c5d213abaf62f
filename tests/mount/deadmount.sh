#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A daemon that died leaves its mount: the same command mounts again, in its
# place, and what was not sent is sent. Another bucket's is left alone.
. "$(dirname "$0")/lib.sh"
need_root

die() {
	kill_daemon
	refused "a look at it" "not connected" cat "$MNT/.control"
}

mounts() {
	awk -v d="$MNT" '$5 == d' /proc/self/mountinfo | wc -l
}

again() {
	"$VERS3" -f -o "$(vers3_options "${1:-}")" "${2:-$BUCKET}" "$MNT" \
		>>"$MNT.vers3.log" 2>&1 &
	echo $! >"$MNT.pid"
}

# What the kernel remembers of a dead mount would look alive.
usable() {
	cat "$MNT/.control" >/dev/null 2>&1
}

stands_in_it() {
	[ "$(readlink "/proc/$sleeper/cwd")" = "$MNT" ]
}

test_cleanup() {
	[ -z "$sleeper" ] || kill "$sleeper" 2>/dev/null
}
sleeper=''

mnt commit=600,fsync=local
echo unsent >"$MNT/file"
sync "$MNT/file" # the local disk has it
is "not sent yet" "$(history_of)" ""
die
again
within 30 usable || fail "not mounted: $(tail -n 3 "$MNT.vers3.log")"
is "one mount" "$(mounts)" 1
is "content" "$(cat "$MNT/file")" unsent
synced
is "sent" "$(s3 GET "/$BUCKET/file")" unsent

# In the background, and over a process that still stands in it.
(cd "$MNT" && exec sleep 60) &
sleeper=$!
within 10 stands_in_it || fail "nobody stands in the mount"
die
(
	cd "$(dirname "$MNT")"
	timeout 60 "$VERS3" -o "$(vers3_options)" "$BUCKET" "$(basename "$MNT")/"
) || fail "status $?"
is "one mount" "$(mounts)" 1
is "content" "$(cat "$MNT/file")" unsent
kill "$sleeper"
note_daemon
kill -9 "$(daemon)"
within 10 gone "$(daemon)" || fail "it lives"

# Another source: whose it was is for its user to see to.
refused "another's mount" "dead mount of something else" timeout 60 \
	"$VERS3" -f -o "$(vers3_options)" "$BUCKET:other" "$MNT"
is "still there" "$(mounts)" 1
again
within 30 usable || fail "not mounted: $(tail -n 3 "$MNT.vers3.log")"
unmnt
is "none is left" "$(mounts)" 0
