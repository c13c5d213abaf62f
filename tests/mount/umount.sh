#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# umount(8) with its helper for mounts of vers3: it returns when the bucket has
# everything, and says if it has not; a mount whose daemon died, -l and -f, and
# another user's mount. For that a mount has a line in mount(8)'s notes, which
# goes with it whatever ends it. In a mount namespace of its own, where the
# helper is installed.
OWN_MOUNTS=1 . "$(dirname "$0")/lib.sh"
need_root
need_proxy
need setpriv

install_helpers

# has_lines N: mount(8)'s notes of $MNT, in all.
has_lines() {
	[ "$(grep -c " TARGET=$MNT " /run/mount/utab 2>/dev/null)" = "$1" ]
}

# lines WHAT N
lines() {
	has_lines "$2" ||
		fail "$1: not $2 lines: $(cat /run/mount/utab 2>/dev/null)"
}

ended() {
	wait "$(daemon)" || fail "the daemon ended with status $?"
	rm "$MNT.pid"
}

# is_out PID WHAT: now, not soon.
is_out() {
	local state
	state=$(sed -n 's/^State:.\(.\).*/\1/p' "/proc/$1/status" 2>/dev/null) ||
		state=''
	[ "${state:-Z}" = Z ] || fail "$2: the daemon still runs"
}

is_gone() {
	! grep -q " $MNT " /proc/self/mountinfo || fail "$1: still mounted"
	# A process that goes on to send has one moment to see that.
	within 10 has_lines 0 || lines "$1" 0
}

# waits_for NAME COMMAND...: it returns when the bucket has all of a large file.
waits_for() {
	local name=$1 pid
	shift
	cp big "$MNT/$name"
	pid=$(daemon)
	lines "mounted" 1
	"$@" "$MNT"
	is_out "$pid" "$*"
	is_gone "$*"
	ended
	ENDPOINT=$direct get_object "$name" got
	same "sent when it returned: $*" big got
}

head -c 30M /dev/urandom >big
through_proxy

mnt commit=600
waits_for plain umount
mnt commit=600
waits_for systemd umount -c
mnt commit=600
waits_for ctl "$VERS3CTL" umount

# By mount(8), with a line of its own and without.
for options in _netdev,commit=600 commit=600; do
	mount -t vers3 -o "$(vers3_options $options)" "$BUCKET" "$MNT"
	note_daemon
	pid=$(daemon)
	cp big "$MNT/$options"
	lines "by mount -t vers3 -o $options" 1
	umount "$MNT"
	is_out "$pid" "umount of what mount has mounted"
	is_gone "umount of what mount has mounted"
	rm "$MNT.pid"
	ENDPOINT=$direct get_object $options got
	same "sent by umount of what mount has mounted" big got
done

# In use: nothing ends.
mnt commit=600
echo one >"$MNT/one"
exec 5<"$MNT/one"
rc=0
umount "$MNT" 2>said || rc=$?
is "status of a busy mount" "$rc" 32
grep -q "in use" said || fail "unexpected: $(cat said)"
mountpoint -q "$MNT" || fail "a busy mount is gone"
lines "a busy mount" 1
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
umount "$MNT" 2>said || rc=$?
is "status when something is left" "$rc" 64
grep -q "mount it again, which sends it" said || fail "unexpected: $(cat said)"
is_out "$pid" "after a failure"
is_gone "after a failure"
wait "$pid" || true
fault none
mnt
synced
is "by the next mount" "$(ENDPOINT=$direct s3 GET "/$BUCKET/two")" two

# What asks for no helper.
fusermount3 -u "$MNT"
is_gone "fusermount3 -u"
ended
mnt
umount -i "$MNT"
is_gone "umount -i"
ended
mnt
kill "$(daemon)"
within 30 gone "$(daemon)" || fail "it does not end"
is_gone "SIGTERM"
ended

# The daemon was killed.
mnt
kill_daemon
umount "$MNT" 2>said || fail "status $? for a dead mount"
grep -q "its process had died" said || fail "unexpected: $(cat said)"
is_gone "a dead mount"
mnt
kill_daemon
"$VERS3CTL" umount "$MNT"
is_gone "vers3ctl umount of a dead mount"
mnt
kill_daemon
umount -l "$MNT"
is_gone "umount -l of a dead mount"

# Its line is left behind: nobody else is harmed, nor is the next mount.
mnt
kill_daemon
fusermount3 -u "$MNT"
lines "left behind" 1
mount -t tmpfs other "$MNT"
umount "$MNT"
is_gone "another file system"
mnt
kill_daemon
fusermount3 -u "$MNT"
lines "left behind" 1
mnt commit=600
waits_for again umount
mnt
kill_daemon
mnt commit=600 # in place of the dead mount, which is there at once
within 30 cat "$MNT/one" >/dev/null 2>&1 || fail "not mounted in its place"
waits_for revived umount

# One that does not answer: -f does not wait.
mnt
pid=$(daemon)
kill -STOP "$pid"
timeout 20 umount -f "$MNT" || fail "status $? of umount -f"
kill -CONT "$pid"
wait "$pid" || true
rm -f "$MNT.pid"
is_gone "umount -f"

# Its connection is aborted: the mount is dead, and all is sent.
mountpoint -q /sys/fs/fuse/connections ||
	mount -t fusectl fusectl /sys/fs/fuse/connections
mnt commit=600
cp big "$MNT/aborted"
echo 1 >"/sys/fs/fuse/connections/$(mountpoint -d "$MNT" |
	sed 's/.*://')/abort"
ended
umount "$MNT" 2>said || fail "status $? for an aborted mount"
is_gone "an aborted connection"
ENDPOINT=$direct get_object aborted got
same "sent after an abort" big got

# No notes can be made: it is mounted all the same.
mount -o remount,bind,ro /run/mount
mnt
is "without notes" "$(cat "$MNT/one")" one
"$VERS3CTL" umount "$MNT"
ended
mount -o remount,bind,rw /run/mount

# What is no mount of vers3.
refused "another file system" "not a mount point" \
	"$WORK/sbin/umount.fuse.vers3" "$WORK/real"

# Another user's, who lets in nobody else: root asks in the user's name.
mknod -m 666 fuse c 10 229 && mount --bind fuse /dev/fuse || exit 0
nobody=(setpriv --reuid=65534 --regid=65534 --clear-groups)
mount -t tmpfs -o mode=755 others /mnt
mkdir /mnt/mnt
install "$VERS3" /mnt/vers3
chown -R 65534:65534 /mnt
MNT=/mnt/mnt
cd /mnt
for umount in umount "$VERS3CTL umount"; do
	HOME=/mnt "${nobody[@]}" /mnt/vers3 -f -o endpoint="$ENDPOINT",commit=600 \
		-o cache_dir=/mnt/cache "$BUCKET:nobody" "$MNT" \
		>>"$WORK/nobody.log" 2>&1 &
	pid=$!
	echo $pid >"$WORK/nobody.pid"
	within 30 grep -q " $MNT " /proc/self/mountinfo ||
		fail "not mounted: $(tail -n 3 "$WORK/nobody.log")"
	"${nobody[@]}" tee "$MNT/big" <"$WORK/big" >/dev/null
	refused "root's look" "Permission denied" ls "$MNT"
	$umount "$MNT" 2>"$WORK/said" || fail "$umount: $(cat "$WORK/said")"
	is "what $umount of another's says" "$(cat "$WORK/said")" ""
	is_out "$pid" "$umount of another's"
	wait "$pid" || fail "the daemon ended with status $?"
	rm "$WORK/nobody.pid"
	ENDPOINT=$direct get_object nobody/big "$WORK/got"
	same "another's, sent when $umount returned" "$WORK/big" "$WORK/got"
	s3 DELETE "/$BUCKET/nobody/big"
done
