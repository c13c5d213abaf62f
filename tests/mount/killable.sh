#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# SIGTERM saves what is mapped into memory; and a daemon whose server hangs
# can be killed at any moment of its end.
. "$(dirname "$0")/lib.sh"
need_proxy

through_proxy

# map OFFSET TEXT: a process changes the file in memory, and lives on.
map() {
	: >mapped
	"$FSOP" mmap-hold "$MNT/f" "$1" "$2" >mapped &
	holder=$!
	within 10 grep -q mapped mapped || fail "no mapping"
}

# Whether no thread of the process is left, whatever its parent waits for.
is_dead() {
	[ ! -e "/proc/$1" ] ||
		{ [ "$(find "/proc/$1/task" -mindepth 1 -maxdepth 1 |
			wc -l)" -le 1 ] &&
			grep -q '^State:.Z' "/proc/$1/status"; }
}

seq 1000 >src
mnt commit=60,ttl=1
cp src "$MNT/f"
synced
map 100 "through the map"
pid=$(daemon)
kill "$pid"
rc=0
wait "$pid" || rc=$?
rm -f "$MNT.pid"
is "status after SIGTERM" "$rc" 0
kill "$holder"
wait "$holder" 2>/dev/null || true
printf 'through the map' | dd of=src bs=1 seek=100 conv=notrunc status=none
ENDPOINT=$direct get_object f got
same "mapped when the daemon was told to end" src got

# More than the kernel hands out at once: it queues what it cannot.
head -c 32M /dev/urandom >large
mnt commit=60,ttl=1
cp large "$MNT/large"
synced
: >mapped
"$FSOP" mmap-fill "$MNT/large" "in each page" >mapped &
holder=$!
within 30 grep -q mapped mapped || fail "no mapping"
"$FSOP" mmap-fill large "in each page" >mapped.here &
copier=$!
within 30 grep -q mapped mapped.here || fail "no mapping of the copy"
kill "$copier"
wait "$copier" 2>/dev/null || true
pid=$(daemon)
kill "$pid"
rc=0
wait "$pid" || rc=$?
rm -f "$MNT.pid"
is "status after SIGTERM" "$rc" 0
kill "$holder"
wait "$holder" 2>/dev/null || true
ENDPOINT=$direct get_object large got
same "all that was mapped then" large got

# No list is young enough when the end comes, and none can be had.
mnt commit=60,ttl=1
map 300 "once more"
sleep 1.1
fault delay ms=600000
ls "$MNT" >/dev/null 2>&1 &
reader=$!
kill "$(daemon)"
within 20 grep -rqs "once more" "$CACHE" || fail "what is mapped was not taken"
pid=$(daemon)
rm -f "$MNT.pid"
kill -9 "$pid"
within 20 is_dead "$pid" || {
	grep -H . /proc/"$pid"/task/*/{comm,wchan} >&2 || true
	fail "SIGKILL does not end it"
}
fault none
kill "$holder"
wait "$pid" "$reader" "$holder" 2>/dev/null || true
# It may have been unmounted before the kill came.
! grep -qF " $MNT " /proc/self/mountinfo ||
	umount -l "$MNT" 2>/dev/null || fusermount3 -uz "$MNT"
mnt
printf 'once more' | dd of=src bs=1 seek=300 conv=notrunc status=none
same "after the kill" src "$MNT/f"
unmnt
ENDPOINT=$direct get_object f got
same "saved after the kill" src got
