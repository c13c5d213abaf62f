#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A cache directory belongs to one bucket, and to one mount at a time.
. "$(dirname "$0")/lib.sh"

bad() {
	local rc=0
	mkdir -p "$WORK/mnt2"
	timeout 60 "$VERS3" -o "$(vers3_options)" "$2" "$WORK/mnt2" >out 2>err \
		</dev/null || rc=$?
	if mountpoint -q "$WORK/mnt2"; then
		umount -l "$WORK/mnt2"
		fail "$1: mounted"
	fi
	is "$1: status ($(cat err))" "$rc" 1
	is "$1: lines on stderr ($(cat err))" "$(wc -l <err)" 1
	grep -qF -- "$CACHE" err || fail "$1: no directory in: $(cat err)"
}

make_bucket "$BUCKET-2"
mnt
echo data >"$MNT/file"
bad "in use" "$BUCKET"
is "the first is unharmed" "$(cat "$MNT/file")" data
unmnt
bad "another bucket's" "$BUCKET-2"
mnt
is "still this bucket's" "$(cat "$MNT/file")" data
unmnt

# LMDB has the number's eight bytes right behind its name, on each page.
format_places() {
	grep -obUaF meta.format "$CACHE/meta/data.mdb"
}

set_format() {
	local at
	for at in $(format_places); do
		printf "\\$1" | dd of="$CACHE/meta/data.mdb" bs=1 count=1 \
			seek=$((${at%%:*} + 18)) conv=notrunc status=none
	done
}

at=$(format_places | head -n 1)
format=$(od -An -tu1 -j $((${at%%:*} + 18)) -N 1 "$CACHE/meta/data.mdb")
set_format 1
bad "of the first format" "$BUCKET"
grep -q "has format 1 and .*cache_dir=" err || fail "of a format: $(cat err)"
set_format "$(printf '%o' "$format")"
mnt
is "nothing is lost" "$(cat "$MNT/file")" data
unmnt

# Where nobody else could have led it: not through what another user owns or
# may write, be it the cache directory or the log.
if [ "$(id -u)" = 0 ]; then
	mkdir "$WORK/theirs" "$WORK/all"
	echo untouched >"$WORK/victim"
	ln -s "$WORK/victim" "$WORK/link"
	chown 65534 "$WORK/theirs"
	chown -h 65534 "$WORK/link"
	chmod 777 "$WORK/all"

	# elsewhere NAME OPTIONS WORDS
	elsewhere() {
		refused "$1" "$3" timeout 30 "$VERS3" -f \
			-o "endpoint=$ENDPOINT,$2" "$BUCKET" "$MNT"
	}
	elsewhere "another's directory" "cache_dir=$WORK/theirs/c" \
		"belongs to uid 65534"
	elsewhere "a directory for all" "cache_dir=$WORK/all/c" \
		"written by others"
	[ ! -e "$WORK/theirs/c" ] && [ ! -e "$WORK/all/c" ] ||
		fail "it was made all the same"
	mkdir -m 700 "$WORK/group"
	chgrp 65534 "$WORK/group"
	chmod 770 "$WORK/group"
	elsewhere "a group's" "cache_dir=$WORK/group" "its group; chmod 700"
	for log in link theirs/log all/log; do
		elsewhere "log=$log" "cache_dir=$CACHE,log=$WORK/$log" \
			"cannot write to log="
	done
	ln "$WORK/victim" "$WORK/again"
	elsewhere "log of two names" "cache_dir=$CACHE,log=$WORK/again" \
		"another name"
	is "the file that the link leads to" "$(cat "$WORK/victim")" untouched
	# One's own link may lead where one likes.
	ln -s "$WORK/real.log" "$WORK/own.log"
	mnt "log=$WORK/own.log"
	unmnt
	grep -q mounted "$WORK/real.log" || fail "no log"
	is "mode of the log" "$(stat -c %a "$WORK/real.log")" 640
fi
