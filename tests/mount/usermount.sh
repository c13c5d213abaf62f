#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A user to whom /dev/fuse is closed mounts by a fusermount3 that can have it
# opened, as there is in containers, and unmounts; who has none is told what to
# do. In a mount namespace of its own, where the device is closed.
OWN_MOUNTS=1 . "$(dirname "$0")/lib.sh"
need_root
need setpriv fusermount3 pgrep
python=/usr/bin/python3
"$python" -c 'import socket; socket.send_fds' 2>/dev/null ||
	skip "no Python 3.9"

mknod -m 600 fuse c 10 229 || skip "no device can be made here"
mount --bind fuse /dev/fuse
mkdir bin home none
chown 65534:65534 home
chmod 711 . ..
MNT=$WORK/home/mnt
user=(setpriv --reuid=65534 --regid=65534 --clear-groups
	env HOME="$WORK/home" XDG_CACHE_HOME="$WORK/home/cache")
cp "$VERS3" "$VERS3CTL" bin # theirs may be closed to other users
VERS3=$WORK/bin/vers3 VERS3CTL=$WORK/bin/vers3ctl
"${user[@]}" mkdir "$MNT"
if "${user[@]}" test -w /dev/fuse; then
	fail "the device is open"
fi

# Who mounts for others, and what asks there.
cat >server.py <<'END'
import ctypes, os, socket
libc = ctypes.CDLL(None, use_errno=True)
s = socket.socket(socket.AF_UNIX)
s.bind("home/socket")
os.chmod("home/socket", 0o777)
s.listen()
while True:
	c, _ = s.accept()
	mnt, options = c.recv(65536).split(b"\0")
	fd = os.open("/dev/fuse", os.O_RDWR)
	data = b"fd=%d,rootmode=40000,user_id=65534,group_id=65534," % fd
	if not libc.mount(b"lent", mnt, b"fuse.vers3", 6,
			  data + b"default_permissions"):
		open("options", "wb").write(options)
		socket.send_fds(c, [b"x"], [fd])
	os.close(fd)
	c.close()
END
cat >bin/fusermount3 <<END
#!$python
import os, socket, sys
mounts = sys.argv[1] == "-o"
if "AWS_SECRET_ACCESS_KEY" in os.environ and (
		mounts or "BY_VERS3CTL" in os.environ):
	sys.exit("it needs no keys")
if not mounts:
	os.execv("$(command -v fusermount3)", sys.argv)
c = socket.socket(socket.AF_UNIX)
c.connect("$WORK/home/socket")
c.sendall(b"\0".join((sys.argv[4].encode(), sys.argv[2].encode())))
_, fds, _, _ = socket.recv_fds(c, 1, 1)
to = socket.socket(fileno=int(os.environ["_FUSE_COMMFD"]))
socket.send_fds(to, [b"\0"], fds)
END
chmod +x bin/fusermount3
"$python" server.py &
echo $! >server.pid
test_cleanup() {
	kill "$(cat "$WORK/server.pid")"
	rm "$WORK/server.pid"
}
within 20 test -S home/socket

options() {
	echo "endpoint=$ENDPOINT,log=$WORK/home/log"
}

started() {
	"${user[@]}" PATH="$WORK/bin:$PATH" timeout 60 "$VERS3" \
		-o "$(options)" "$BUCKET" "$MNT" </dev/null >out 2>&1 ||
		fail "status $?: $(cat out)"
	pgrep -f -- "$BUCKET $MNT" | head -n 1 >"$MNT.pid"
}

ended() {
	within 20 gone "$(daemon)" || fail "$1: the daemon stays"
	! grep -q " $MNT " /proc/self/mountinfo || fail "$1: still mounted"
	rm "$MNT.pid"
}

started
"${user[@]}" tee "$MNT/file" <<<text >/dev/null
is "read" "$("${user[@]}" cat "$MNT/file")" text
grep -q "subtype=vers3.*fsname=$BUCKET" options || fail "options: $(cat options)"
"${user[@]}" fusermount3 -u "$MNT"
ended "fusermount3 -u"
is "sent" "$(s3 GET "/$BUCKET/file")" text
started
"${user[@]}" BY_VERS3CTL=1 PATH="$WORK/bin:$PATH" "$VERS3CTL" umount "$MNT" ||
	fail "vers3ctl umount"
ended "vers3ctl umount"
started
kill "$(daemon)"
ended "SIGTERM"

# Where vers3 is in another pid namespace than who mounts, processes have other
# numbers in requests: what writes the mapped files is known all the same, and
# the bucket is not asked for them. More is mapped than the kernel hands out at
# once.
cp "$FSOP" bin
unshare --pid --fork --kill-child "${user[@]}" PATH="$WORK/bin:$PATH" \
	"$VERS3" -f -o "$(options),commit=60,ttl=0" "$BUCKET" "$MNT" </dev/null \
	>out 2>&1 &
outer=$!
within 20 grep -q " $MNT " /proc/self/mountinfo || fail "no mount: $(cat out)"
pgrep -P $outer >"$MNT.pid"
head -c 32M /dev/urandom >home/large
"${user[@]}" cp home/large "$MNT/large"
"${user[@]}" PATH="$WORK/bin:$PATH" "$VERS3CTL" sync "$MNT" >/dev/null
for file in "$MNT/large" "$WORK/home/large"; do
	chmod 666 home/large
	: >mapped
	"${user[@]}" "$WORK/bin/${FSOP##*/}" mmap-fill "$file" "each page" \
		>mapped &
	holder=$!
	within 30 grep -q mapped mapped || fail "no mapping of $file"
	[ "$file" = "$MNT/large" ] || kill $holder
	holders="${holders:-} $holder"
done
since=
[ -z "$ACCESS_LOG" ] || since=$(log_mark)
kill "$(daemon)"
ended "SIGTERM in a pid namespace"
rc=0
wait $outer || rc=$?
is "its status" $rc 0
# shellcheck disable=SC2086
kill $holders 2>/dev/null || true
# shellcheck disable=SC2086
wait $holders 2>/dev/null || true
get_object large got
same "what was mapped" home/large got
# One list may vouch for what is saved.
[ -z "$since" ] ||
	[ "$(requests GET '/?\?(.*&)?list-type=' "$since")" -le 1 ] ||
	fail "lists: $(requests_since "$since" 40)"

# The usual one opens the device as who calls it.
refused "by the usual one" "have root let you open it" \
	"${user[@]}" "$VERS3" -f -o "$(options)" "$BUCKET" "$MNT"
refused "without fusermount3" "fusermount3 is not here" \
	"${user[@]}" PATH="$WORK/none" "$VERS3" -f -o "$(options)" "$BUCKET" "$MNT"
