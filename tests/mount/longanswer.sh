#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The answer of a long command while the server does not answer: nobody else
# waits, whoever reads it can be killed, and it ends with its descriptor and
# with the mount. On failure the answer's last line and the read say so.
. "$(dirname "$0")/lib.sh"
need_proxy
need git

through_proxy
mnt ttl=600
echo text >"$MNT/f"
synced

# Whether process $1 waits in a call.
waits() {
	grep -qE '^State:.[SD]' "/proc/$1/status"
}

ended() {
	! kill -0 "$1" 2>/dev/null || grep -q '^State:.Z' "/proc/$1/status"
}

# Sets rc to the status that process $1 ends with, within a time.
take_status() {
	rc=0
	within 20 ended "$1" || fail "$2 does not end"
	wait "$1" 2>/dev/null || rc=$?
}

# Slow: lines of progress, which are comments, and for people alone.
fault delay ms=1500 match='[?&]versions'
exec 3<>"$MNT/.control"
echo usage >&3
cat <&3 >answer
is "objects" "$(git config -f answer usage.objects)" 1
grep -qE '^# 1 versions, [0-9]+ s$' answer || fail "$(cat answer)"
"$VERS3CTL" usage "$MNT" >out 2>err
is "no progress in a file" "$(cat err)" ""
grep -q '^current ' out || fail "$(cat out)"
if command -v script >/dev/null; then
	script -qec "'$VERS3CTL' usage '$MNT' >out" typescript </dev/null \
		>/dev/null
	grep -q 'versions, [0-9]* s' typescript || fail "$(cat typescript)"
fi

# Silent: the reader is killed, the next one waits as well.
fault delay ms=600000 match='[?&]versions'
echo usage >&3
for signal in TERM KILL; do
	cat <&3 >out &
	reader=$!
	within 10 waits "$reader"
	kill -"$signal" "$reader"
	take_status "$reader" "a reader with SIG$signal"
	is "what it read" "$(cat out)" ""
done
# Nobody else waits for it.
is "the state" "$(git config -f "$MNT/.control" mount.versioned)" true
echo more >"$MNT/g"
synced
is "a file" "$(cat "$MNT/g")" more
echo usage >"$MNT/.control"
env --default-signal=INT "$VERS3CTL" usage "$MNT" >out 2>err &
ctl=$!
within 10 waits "$ctl"
kill -INT "$ctl"
take_status "$ctl" "vers3ctl"
is "interrupted" "$rc" 130
# The next command takes its place.
echo sync >&3
is "the next command" "$(cat <&3)" "everything is in the bucket"
exec 3>&-

# Failed: the last line, and a status.
fault denied match='[?&]versions'
exec 3<>"$MNT/.control"
echo 'usage "f"' >&3
rc=0
cat <&3 >out 2>err || rc=$?
is "status of cat" "$rc" 1
is "lines" "$(grep -vc '^#' out)" 1
grep -q '^usage: f: ' out || fail "$(cat out)"
rc=0
"$VERS3CTL" usage "$MNT/f" >out 2>err || rc=$?
is "status of vers3ctl" "$rc" 1
is "its lines" "$(wc -l <err)" 1
grep -q '^vers3ctl: usage: f: ' err || fail "$(cat err)"

# The mount ends while it is read. It has saved nothing, so that it need not
# look what came between.
exec 3>&-
fault none
unmnt
mnt ttl=600
exec 3<>"$MNT/.control"
fault delay ms=600000 match='[?&]versions'
echo usage >&3
cat <&3 >out 2>err &
reader=$!
within 10 waits "$reader"
pid=$(daemon)
kill "$pid"
rm -f "$MNT.pid"
take_status "$pid" "the daemon"
is "status of the daemon" "$rc" 0
take_status "$reader" "the last reader"
is "its status" "$rc" 1
exec 3>&-
