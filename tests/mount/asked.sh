#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# What the kernel asks of the daemon for files that are written and read: about
# capabilities once a file, not at each write, and no FLUSH where a close has
# nothing to wait for. Either costs as much as a write.
. "$(dirname "$0")/lib.sh"
need strace
need_root
oldest=5.16
[ "$(printf '%s\n' $oldest "$(uname -r)" | sort -V | head -n 1)" = $oldest ] ||
	skip "Linux is older than $oldest"

FILES=20 CREATE=23 WRITE=10 READ=0f FLUSH=19 GETXATTR=16

watch() {
	strace -qq -f -xx -s 8 -e trace=read -P /dev/fuse -o "$1" \
		-p "$(daemon)" 2>"$1.err" &
	strace=$!
	within 10 watching "$1" && return
	kill -0 "$(daemon)" || fail "the daemon has ended"
	! kill -0 $strace 2>/dev/null || fail "strace sees nothing"
	skip "strace may not look: $(tail -n 1 "$1.err")"
}

# A request of which strace has seen the end.
watching() {
	stat -f "$MNT" >stat.out
	[ -s "$1" ]
}

watched() {
	kill $strace
	wait $strace || true
}

# asked OPCODE FILE: how many such requests there were.
asked() {
	grep -cE "\"(\\\\x..){4}\\\\x$1(\\\\x00){3}\"" "$2" || true
}

mkdir src
for i in $(seq $FILES); do
	seq "$i" >"src/f$i"
done
mnt
watch written
cp -r src "$MNT/in"
watched
is "created" "$(asked $CREATE written)" $FILES
is "written" "$(asked $WRITE written)" $FILES
is "flushed, written" "$(asked $FLUSH written)" 0

watch many
dd if=/dev/zero of="$MNT/many" bs=4096 count=$FILES status=none
watched
is "written" "$(asked $WRITE many)" $FILES
is "about capabilities" "$(asked $GETXATTR many)" 1

fresh
watch read
cat "$MNT"/in/* >all
watched
is "read" "$(asked $READ read)" $FILES
is "flushed, read" "$(asked $FLUSH read)" 0

# What may be mapped is handed over at a close.
watch both
exec 5<>"$MNT/both"
echo text >&5
exec 5>&-
watched
[ "$(asked $FLUSH both)" -ge 1 ] || fail "no FLUSH of what may be mapped"

# Every close waits for its upload.
remount sync
watch close
echo text >"$MNT/waits"
watched
[ "$(asked $FLUSH close)" -ge 1 ] || fail "no FLUSH with -o sync"
unmnt
