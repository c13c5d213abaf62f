#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# What the server refuses for ever holds up nobody for ever: every wait ends
# with its error, and all else is saved.
. "$(dirname "$0")/lib.sh"
need_proxy

through_proxy

# What the call says of it, or in the server's words what it said.
denied='Permission denied\|AccessDenied'

# ends WHAT ERROR COMMAND...: it does, soon, and fails with this text (grep).
ends() {
	local what=$1 error=$2 out rc=0
	shift 2
	out=$(timeout 30 "$@" 2>&1) || rc=$?
	[ $rc -ne 124 ] || fail "$what: waits for ever"
	[ $rc -ne 0 ] || fail "$what: succeeded"
	grep -q "$error" <<<"$out" ||
		fail "$what: expected '$error', got '$out'"
}

# vers3ctl unmounts nothing that is not saved; umount does, and the rest waits
# for the next mount.
let_go() {
	ends "vers3ctl umount" "$denied" "$VERS3CTL" umount "$MNT"
	detach || fail "umount of $MNT failed"
	within 30 gone "$(daemon)" || fail "the daemon did not end"
	wait "$(daemon)" || true
	rm -f "$MNT.pid"
}

mnt commit=60
mkdir "$MNT/d"
fault denied match='^PUT.*/refused'
echo one >"$MNT/d/refused"
echo two >"$MNT/other"
ends "fsync" "$denied" sync "$MNT/d/refused"
ends "fsync of the directory" "$denied" sync "$MNT/d"
ends "a sync of all" "d/refused" "$VERS3CTL" sync "$MNT"
ends "a point" "$denied" mkdir "$MNT/.versions/@p"
is "what is not refused" "$(ENDPOINT=$direct s3 GET "/$BUCKET/other")" two
let_go
fault none
mnt
synced
is "taken at last" "$(ENDPOINT=$direct s3 GET "/$BUCKET/d/refused")" one
unmnt

# Where copies cannot name a version, each key waits for the next.
BUCKET=$BUCKET-plain
ENDPOINT=$direct make_bucket "$BUCKET" plain
rm -rf "$CACHE"
mnt commit=60
for i in log log.1 log.2; do
	echo "$i" >"$MNT/$i"
done
synced
fault denied match='^PUT.*/log%.3'
mv "$MNT/log.2" "$MNT/log.3"
mv "$MNT/log.1" "$MNT/log.2"
mv "$MNT/log" "$MNT/log.1"
echo new >"$MNT/log"
echo two >"$MNT/other"
ends "fsync of the first" "$denied" sync "$MNT/log"
ends "a sync of the first" "$denied" "$VERS3CTL" sync "$MNT/log"
ends "a sync of all" "$denied" "$VERS3CTL" sync "$MNT"
is "what is not refused" "$(ENDPOINT=$direct s3 GET "/$BUCKET/other")" two
is "the only copy" "$(ENDPOINT=$direct s3 GET "/$BUCKET/log.2")" log.2
let_go
fault none
mnt
synced
is "the last" "$(ENDPOINT=$direct s3 GET "/$BUCKET/log.3")" log.2
is "the first" "$(ENDPOINT=$direct s3 GET "/$BUCKET/log")" new
unmnt
