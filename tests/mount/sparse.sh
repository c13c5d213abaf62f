#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A sparse file stays one: on its way, in the cache, and for whoever reads it.
. "$(dirname "$0")/lib.sh"
need_log

MIB=1048576

# islands_in FILE MIB OFFSET...: a file of so many MiB, with one MiB of data at
# each offset.
islands_in() {
	local file=$1 at
	truncate -s "$2M" "$file"
	shift 2
	for at; do
		dd if=island of="$file" bs=1M seek="$at" conv=notrunc \
			status=none
	done
}

# is_sparse WHAT FILE OFFSET...: its data is a MiB at each, and stat knows.
is_sparse() {
	local what=$1 file=$2 at wanted=''
	shift 2
	for at; do
		wanted+="$at-$((at + 1)) "
	done
	is "$what: data" "$("$FSOP" holes "$file" |
		awk -v m=$MIB '{ printf "%s-%s ", $2 / m, $3 / m }')" "$wanted"
	[ "$(du -k "$file" | cut -f1)" -le $(($# * 1024 + 64)) ] ||
		fail "$what: du says $(du -k "$file")"
}

# How many MiB this daemon has sent, with the zeros that are sent once.
sent_mib() {
	local zeros sent
	zeros=$(requests PUT '/.versions/zeros-[0-9]+ ' "$start")
	sent=$(git config -f "$MNT/.control" --get sync.sentBytes)
	echo $((sent / MIB + 8 * zeros))
}

cache_mib() {
	du -sm "$CACHE" | cut -f1
}

parts_of() {
	[ "$(requests PUT "/$1\?" "$start")" -ge "$2" ]
}

head -c 1M /dev/urandom >island
islands_in ref 512 3 250 510
islands_in ref2 128 9 50 127
mnt
start=$(log_mark)
islands_in "$MNT/f" 512 3 250 510
is_sparse "before it is sent" "$MNT/f" 3 250 510
synced
is "zeros that were sent" \
	"$(requests PUT '/.versions/zeros-[0-9]+ ' "$start")" 1
[ "$(sent_mib)" -le 32 ] || fail "$(sent_mib) MiB sent for three of data"
is_sparse "sent" "$MNT/f" 3 250 510

# Killed in the midst of it, and gone on with.
start=$(log_mark)
islands_in "$MNT/killed" 128 9 50 127
"$VERS3CTL" sync "$MNT" >/dev/null 2>&1 &
within 30 parts_of killed 5 || fail "no part of it goes"
crash
start=$(log_mark)
mnt
synced
[ "$(sent_mib)" -le 24 ] || fail "$(sent_mib) MiB sent after a kill"

# Much more than there is room for, here and on the line.
truncate -s 20G "$MNT/huge"
[ "$(stat -c %b "$MNT/huge")" -le 8 ] ||
	fail "blocks of a hole: $(stat -c %b "$MNT/huge")"
[ "$(cache_mib)" -lt 100 ] || fail "$(cache_mib) MiB in the cache for holes"
rm "$MNT/huge"

# What another machine sees.
fresh
is_sparse "with an empty cache" "$MNT/f" 3 250 510
is_sparse "killed, with an empty cache" "$MNT/killed" 9 50 127
same "after a kill" "$MNT/killed" ref2
same "sent" "$MNT/f" ref
[ "$(cache_mib)" -lt 100 ] || fail "$(cache_mib) MiB cached for six of data"

# Copies by whom looks for holes.
cp "$MNT/killed" "$MNT/copy"
is_sparse "cp" "$MNT/copy" 9 50 127
if command -v rsync >/dev/null; then
	rsync -S "$MNT/killed" "$MNT/synced"
	is_sparse "rsync -S" "$MNT/synced" 9 50 127
	rm "$MNT/synced"
fi
tar -cSf f.tar -C "$MNT" f
[ "$(du -m f.tar | cut -f1)" -lt 5 ] || fail "tar -S: $(du -m f.tar)"

# A hole that is punched is one.
"$FSOP" fallocate punch "$MNT/killed" $((50 * MIB)) $MIB
is_sparse "punched" "$MNT/killed" 9 127
fresh
is_sparse "punched and sent" "$MNT/killed" 9 127
is_sparse "copied and sent" "$MNT/copy" 9 50 127
cp "$MNT/copy" out
same "copied" out ref2
unmnt
