#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Who waits for the bucket does not wait for ever beside somebody who never
# stops writing, and what is saved is what the file was at one moment.
. "$(dirname "$0")/lib.sh"

# writer FILE: 16 bytes a line, numbered, at the file's end, until killed.
writer() {
	local n=0
	exec >>"$1"
	while printf '%015d\n' $n; do
		n=$((n + 1))
		sleep 0.005
	done
}

# over FILE: the same line into a place of a file of 20 MB, by turns.
over() {
	local n=0
	while printf '%015d\n' $n |
		dd of="$1" bs=16 seek=$((n * 7919 % 1000000)) conv=notrunc \
			status=none; do
		n=$((n + 1))
	done
}

lines() {
	echo $((($(stat -c %s "$MNT/log") - start) / 16))
}

# The bucket's log is the start and whole lines, at least so many.
check_log() {
	local size
	get_object log got
	size=$(stat -c %s got)
	cmp -n "$start" got start.bin || fail "the log's start differs"
	tail -c +$((start + 1)) got >tail.txt
	seq -f %015.0f 0 $(((size - start) / 16 - 1)) | head -c $((size - start)) |
		cmp - tail.txt || fail "lines that the log never held"
	[ $(((size - start) / 16)) -ge "$1" ] ||
		fail "$(((size - start) / 16)) lines, not the $1 of before"
}

# ends WHAT COMMAND...: in seconds, with a version of what there was.
ends() {
	local what=$1 n
	shift
	n=$(lines)
	timeout 30 "$@" || fail "$what: $?"
	check_log "$n"
}

# busy WHAT STATUS COMMAND...: what there was is saved, and nothing is unmounted.
busy() {
	local what=$1 status=$2 n rc=0
	shift 2
	n=$(lines)
	timeout 30 "$@" "$MNT" >said 2>&1 || rc=$?
	is "status of $what" "$rc" "$status"
	grep -q "is in use" said || fail "$what: unexpected: $(cat said)"
	mountpoint -q "$MNT" || fail "$what: unmounted below a writer"
	check_log "$n"
}

dead() {
	! kill -0 "$1" 2>/dev/null
}

start=12000000
head -c $start /dev/urandom >start.bin
ln -s "$VERS3CTL" umount.fuse.vers3
w1='' w2=''
test_cleanup() {
	[ -z "$w1" ] || kill "$w1" "$w2" 2>/dev/null || :
}

beside_writers() {
	local pid rc=0 n before
	mnt commit=1 "$BUCKET"
	cp start.bin "$MNT/log"
	head -c 20000000 /dev/urandom >"$MNT/image"
	"$VERS3CTL" sync "$MNT"
	writer "$MNT/log" &
	w1=$!
	over "$MNT/image" &
	w2=$!

	ends "vers3ctl sync" "$VERS3CTL" sync "$MNT"
	ends "sync by .control" sh -c "echo sync >'$MNT/.control'"
	ends "fsync by another" sync "$MNT/log"
	busy "vers3ctl umount" 1 "$VERS3CTL" umount
	busy "umount(8)'s helper" 32 ./umount.fuse.vers3
	[ "$1" = plain ] || ends "a point" mkdir "$MNT/.versions/@p"
	before=$(history_of log | wc -l)
	[ "$before" -le 20 ] || fail "$before versions of the log"

	# SIGTERM takes the mount away and sends what there was.
	n=$(lines)
	pid=$(daemon)
	kill "$pid"
	within 60 dead "$pid" || fail "SIGTERM: not ended"
	wait "$pid" || rc=$?
	is "status after SIGTERM" "$rc" 0
	rm -f "$MNT.pid"
	kill "$w1" "$w2" 2>/dev/null || :
	wait "$w1" "$w2" 2>/dev/null || :
	w1=''
	check_log "$n"
}

beside_writers versioned
BUCKET=$BUCKET-plain
CACHE=$WORK/cache-plain
make_bucket "$BUCKET" plain
rm -rf "$MNT"
beside_writers plain
