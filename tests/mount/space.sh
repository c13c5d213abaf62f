#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# More is written than this disk has room for: writers wait until what is
# closed is sent, a file larger than the room goes in steps, what is cached
# gives way, min_free= is kept, and nothing waits for a bucket that is away.
. "$(dirname "$0")/lib.sh"
need_root
need rsync
need_proxy

versions() {
	history_of "$1" | grep -c '^V'
}

clean() {
	"$VERS3CTL" status "$MNT" | grep -q "everything is in the bucket"
}

free_kib() {
	df --output=avail -k "$CACHE" | tail -n 1
}

# The least that was free while a command ran.
watch_free() {
	local free
	while sleep 0.05; do
		free=$(free_kib)
		[ "$free" -ge "$(cat least)" ] || echo "$free" >least
	done
}

through_proxy

mkdir "$CACHE"
mount -t tmpfs -o size=96m,mode=700 tmpfs "$CACHE"
mnt min_free=24M
free_kib >least
watch_free &
watcher=$!

mkdir src
for i in $(seq 20); do
	head -c 8M /dev/urandom >"src/$i"
done
head -c 200M /dev/urandom >big

# Twice the room, in files that fit: one version each.
cp -r src "$MNT/src"
synced
is "versions of files" "$(versions src/)" 21 # and the directory's own
diff -r src "$MNT/src" || fail "the files differ"

# What was read fills the room, and gives way to what is written.
mkdir "$MNT/late"
cp big "$MNT/late/big"
same "a file larger than the room" big "$MNT/late/big"
# A step is what there was room for, which the cache takes a share of as it
# can: 3 at least, 9 on a machine that had much else to do. One for each part
# of 8 MiB would be 25.
n=$(versions late/big)
[ "$n" -le 16 ] || fail "the large file has $n versions"
rsync -a big "$MNT/late/copy"
is "a second rsync" "$(rsync -ai big "$MNT/late/copy")" ""
synced

kill "$watcher"
wait "$watcher" 2>/dev/null || true
[ "$(cat least)" -ge $((20 << 10)) ] ||
	fail "only $(cat least) KiB were left free of 24 MiB"

# The bucket is away: no waiting, and nothing of what was taken is lost.
fault reset
start=$SECONDS
for i in $(seq 20); do
	cp "src/$i" "$MNT/late/$i" 2>err || break
done
grep -q "No space left on device" err || fail "not refused: $(cat err)"
[ "$i" -ge 4 ] || fail "refused after $i files of 8 MiB"
[ $((SECONDS - start)) -lt 60 ] || fail "waited $((SECONDS - start)) s"
fault none
within 100 clean || fail "not clean again: $("$VERS3CTL" status "$MNT")"
for i in $(seq "$i" 20); do
	cp "src/$i" "$MNT/late/$i"
done
unmnt
rm -rf got
ENDPOINT=$direct download late got
for i in $(seq 20); do
	same "written around an outage" "src/$i" "got/$i"
done
same "the large file" big got/big
same "the large file by rsync" big got/copy
