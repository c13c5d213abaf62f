#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# umount(8) with its helper for mounts of vers3: it returns when the bucket has
# everything, and says if it has not; a mount whose daemon died, and -l and -f.
# In a mount namespace of its own, where the helper is installed.
if [ -z "${UMOUNT_NAMESPACE:-}" ] && [ "$(id -u)" = 0 ]; then
	UMOUNT_NAMESPACE=1 exec unshare -m "$BASH" "$0"
fi
. "$(dirname "$0")/lib.sh"
need_root
need_proxy

mkdir sbin real run
mkdir -p /run/mount
mount --bind run /run/mount # where mount(8) notes what it has mounted
mount --bind /sbin/. real
ln -s "$WORK"/real/* sbin/
ln -sf "$VERS3" sbin/mount.vers3
ln -sf "$VERS3CTL" sbin/umount.fuse.vers3
mount --bind sbin /sbin/.

ended() {
	wait "$(daemon)" || fail "the daemon ended with status $?"
	rm "$MNT.pid"
}

# is_out PID: now, not soon.
is_out() {
	if kill -0 "$1" 2>/dev/null && ! grep -q 'State:.Z' "/proc/$1/status"; then
		fail "$2: the daemon still runs"
	fi
}

# As systemd does it. Without -c, umount(8) takes a FUSE file system for one of
# the type "fuse", whose helper is none of ours, unless mount(8) has noted it.
plainly() {
	umount -c "$@"
}

is_gone() {
	! grep -q " $MNT " /proc/self/mountinfo || fail "$1: still mounted"
}

head -c 60M /dev/urandom >big
"$top/contrib/faultproxy" start --dir "$WORK/proxy" \
	--upstream "${ENDPOINT##*:}" >proxy.env
. ./proxy.env
direct=$ENDPOINT
ENDPOINT=$VERS3_PROXY

mnt commit=600
cp big "$MNT/big"
pid=$(daemon)
plainly "$MNT"
is_out "$pid" "after umount"
ended
ENDPOINT=$direct get_object big got
same "sent when umount returned" big got

# By a line of fstab.
mount -t vers3 -o "$(vers3_options _netdev,commit=600)" "$BUCKET" "$MNT"
"$VERS3CTL" --json status "$MNT" | jq .mount.pid >"$MNT.pid"
cp big "$MNT/again"
umount "$MNT"
gone "$(daemon)" || is_out "$(daemon)" "after umount of what mount has mounted"
rm "$MNT.pid"
ENDPOINT=$direct get_object again got
same "sent by umount of what mount has mounted" big got

mnt commit=600
echo one >"$MNT/one"
pid=$(daemon)
"$VERS3CTL" umount "$MNT"
is_out "$pid" "after vers3ctl umount"
ended
is "sent by vers3ctl umount" "$(ENDPOINT=$direct s3 GET "/$BUCKET/one")" one

# In use: nothing ends.
mnt commit=600
exec 5<"$MNT/one"
rc=0
plainly "$MNT" 2>said || rc=$?
is "status of a busy mount" "$rc" 32
grep -q "in use" said || fail "unexpected: $(cat said)"
mountpoint -q "$MNT" || fail "a busy mount is gone"
# Lazily: at once, and the daemon ends when nobody uses it.
umount -l "$MNT"
is_gone "umount -l"
is "who has it open" "$(cat <&5)" one
exec 5<&-
ended

# A server that refuses: unmounted, and the status says that something is left.
mnt commit=600,retries=0,log_level=error
fault slowdown pct=100 match='^PUT'
echo two >"$MNT/two"
pid=$(daemon)
rc=0
plainly "$MNT" 2>said || rc=$?
is "status when something is left" "$rc" 64
grep -q "next mount sends it" said || fail "unexpected: $(cat said)"
is_out "$pid" "after a failure"
wait "$pid" || true
fault none
mnt
synced
is "by the next mount" "$(ENDPOINT=$direct s3 GET "/$BUCKET/two")" two

# The daemon was killed.
kill -9 "$(daemon)"
wait "$(daemon)" 2>/dev/null || true
umount "$MNT" 2>said || fail "status $? for a dead mount"
grep -q "its process had died" said || fail "unexpected: $(cat said)"
is_gone "a dead mount"

# One that does not answer: -f does not wait.
mnt
pid=$(daemon)
kill -STOP "$pid"
timeout 20 umount -f "$MNT" || fail "status $? of umount -f"
kill -CONT "$pid"
wait "$pid" || true
rm -f "$MNT.pid"

# What is no mount of vers3.
refused "another file system" "not a mount point" \
	"$WORK/sbin/umount.fuse.vers3" "$WORK/real"
