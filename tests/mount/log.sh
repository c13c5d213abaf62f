#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Where there is no syslog the log goes to systemd's journal, or to a stderr
# that nobody waits for the end of; with the next syslog it goes there. In a
# mount namespace of its own.
OWN_MOUNTS=1 . "$(dirname "$0")/lib.sh"
need_root
need jq python3
[ -L /dev/log ] || [ ! -e /dev/log ] || skip "this machine has a /dev/log"

mkdir run
mount --bind run /run # what /dev/log leads to, and the journal

# started OUTPUT [OPTIONS]: mounts in the background.
started() {
	local out=$1
	mkdir -p "$MNT"
	timeout 60 "$VERS3" -o "$(vers3_options "${2:-}")" "$BUCKET" "$MNT" \
		</dev/null >"$out" 2>&1 || fail "status $?: $(cat "$out")"
	note_daemon
}

ended() {
	within 10 detach || fail "umount failed"
	within 20 gone "$(daemon)" || fail "the daemon stays"
	rm "$MNT.pid"
}

for options in log=syslog '' log=stderr; do
	started out$options "$options"
	ended
	grep -q "info: $BUCKET is mounted" out$options ||
		fail "a file, with $options: $(cat out$options)"
	grep -q "everything is in the bucket" out$options ||
		fail "a file does not get all, with $options: $(cat out$options)"
done

# A pipe's reader is not kept waiting, and told.
timeout 60 bash -c '"$1" -o "$2" "$3" "$4" 2>&1 | cat >piped' - "$VERS3" \
	"$(vers3_options)" "$BUCKET" "$MNT" || fail "status $?: $(cat piped)"
note_daemon
grep -q "warning: the log ends here.*log=FILE" piped || fail "$(cat piped)"
ended
if grep -q "everything is in" piped; then
	fail "the pipe was held on to"
fi

# The journal.
mkdir -p /run/systemd/journal
# journal OPTIONS: where there is no syslog it takes that one's place.
journal() {
	rm -f listening journal /run/systemd/journal/stdout
	python3 -c '
import socket
s = socket.socket(socket.AF_UNIX)
s.bind("/run/systemd/journal/stdout")
s.listen()
open("listening", "w")
c, _ = s.accept()
out = open("journal", "wb", 0)
while data := c.recv(65536):
	out.write(data)
' &
	echo $! >python.pid
	within 20 test -e listening
	started "$WORK/out" "$1"
	ended
	# It has all of it then.
	within 20 gone "$(cat python.pid)" || fail "the journal was held on to"
	is "its head" "$(head -n 7 journal | tr '\n' ,)" "vers3,,6,1,0,0,0,"
	grep -q "^<6>$BUCKET: everything is in the bucket" journal ||
		fail "the journal, with $1: $(cat journal)"
	rm python.pid
}
journal log=journal
journal log=syslog
journal ''
