#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Reads of a large file at a distance: one after the other, dense and here and
# there. Few requests, and each byte is asked for once.
. "$(dirname "$0")/lib.sh"
need python3
need_log
need_proxy

mib=64
head -c ${mib}M /dev/urandom >big
mnt
cp big "$MNT/big"
synced
unmnt
through_proxy
fault delay ms=50

# go OPTIONS: a mount with nothing cached.
go() {
	rm -rf "$CACHE"
	mnt "${1:-}"
	since=$(log_mark)
}

# done_with WHAT LEAST MOST: how many GETs it took, and that none came twice.
done_with() {
	local got fetched
	got=$(requests GET '/big(\?versionId=[^ ]*)? ' "$since")
	fetched=$(git config -f "$MNT/.control" cache.fetchedBytes)
	echo "$1: $took ms, $got GETs, $((fetched >> 20)) MiB" >&2
	[ "$got" -ge "$2" ] && [ "$got" -le "$3" ] || fail "$1: $got GETs"
	[ "$fetched" -le $(((mib + 4) << 20)) ] || fail "$1: $fetched bytes"
	unmnt
}

timed() {
	local start
	start=$(date +%s%N)
	"$@"
	took=$((($(date +%s%N) - start) / 1000000))
}

# Reads of 4 KiB at N places, which are what they should be.
jump() {
	python3 - "$MNT/big" big "$1" <<'END'
import os, random, sys
fd, want = (os.open(f, os.O_RDONLY) for f in sys.argv[1:3])
os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_RANDOM)
blocks = os.fstat(fd).st_size // 4096
r = random.Random(1)
for i in range(int(sys.argv[3])):
    at = r.randrange(blocks) * 4096
    if os.pread(fd, 4096, at) != os.pread(want, 4096, at):
        sys.exit("read %d at %d differs" % (i, at))
END
}

go
timed cmp big "$MNT/big"
done_with "in sequence" $((mib / 8)) $((mib / 8 + 6))

go
timed jump 1000
done_with "1,000 reads" $((mib / 8)) $((mib / 8 * 4))

# A few bring a block each, and so do more where the cache is too small.
go
timed jump 3
[ "$(git config -f "$MNT/.control" cache.fetchedBytes)" -le $((3 << 20)) ] ||
	fail "three reads bring more than a block each"
done_with "3 reads" 3 3
go cache_size=64M
timed jump 7
done_with "7 reads" 7 7
