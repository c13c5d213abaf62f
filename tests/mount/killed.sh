#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A server that says nothing: who waits for it can be killed, and a signal
# that kills nobody ends no call. SIGTERM ends the daemon long before the
# time-out.
. "$(dirname "$0")/lib.sh"
case $ENDPOINT in
http://127.0.0.1:*) ;;
*) skip "the server is not on this machine" ;;
esac

"$BINDIR/tests/mount/liar" "${ENDPOINT##*:}" form >port &
liar=$!
test_cleanup() {
	kill $liar
}
within 10 test -s port || fail "no liar"
ENDPOINT=http://127.0.0.1:$(cat port)

mnt commit=0.1
mkdir "$MNT/d" "$MNT/e"
echo text >"$MNT/d/file"
head -c 20M /dev/urandom >"$MNT/d/large"
fresh commit=0.1,ttl=60,read_timeout=120,retries=0
stat "$MNT/d/file" "$MNT/d/large" "$MNT/e" >/dev/null
echo silence >form

# waits COMMAND...: in the background; what it waits for does not come.
waits() {
	"$@" >/dev/null 2>&1 </dev/null &
	pids+=($!)
}

pids=()
waits ls "$MNT/e"
waits ls "$MNT/.versions/d/file"
waits ls "$MNT/.versions/d/large"
waits ls "$MNT/.versions/@2026-01-01/d"
waits cat "$MNT/d/file"
waits cat "$MNT/d/large"
waits dd if="$MNT/d/large" of=/dev/null bs=4k count=1 skip=4000
waits sh -c "echo new >'$MNT/d/new'; exec sync '$MNT/d/new'"
waits "$VERS3CTL" sync "$MNT"
sleep 1
for pid in "${pids[@]}"; do
	kill -0 "$pid" || fail "process $pid did not wait"
	kill -CHLD "$pid"
	kill -WINCH "$pid"
done
sleep 1
for pid in "${pids[@]}"; do
	kill -0 "$pid" || fail "a signal that kills nobody ended $pid"
	kill -KILL "$pid"
done
for pid in "${pids[@]}"; do
	within 5 gone "$pid" || fail "cannot be killed: $(tr '\0' ' ' \
		<"/proc/$pid/cmdline") $(grep State "/proc/$pid/status")"
done

waits ls "$MNT/e"
waits cat "$MNT/d/file"
sleep 0.5
pid=$(daemon)
kill -TERM "$pid"
# The change that is not sent yet has its request under way.
echo nothing >form
kill $liar
within 10 gone "$pid" || fail "runs 10 s after SIGTERM"
rm "$MNT.pid"
