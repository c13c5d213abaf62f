#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Who reads the files of a directory one after the other has the next ones
# fetched ahead, many at once; who stops, or jumps about, has not.
. "$(dirname "$0")/lib.sh"
need_log
need_proxy

files=200
more=60
mkdir d e
for i in $(seq -w $files); do
	head -c 4096 /dev/urandom >"d/f$i"
done
for i in $(seq -w $more); do
	head -c 4096 /dev/urandom >"e/f$i"
done
mnt
cp -r d e "$MNT"
synced

gets() {
	requests GET '/d/' "$1"
}

ahead() {
	git config -f "$MNT/.control" "cache.$1"
}

# All of them, each once, and nearly all before they are asked for.
fresh
since=$(log_mark)
diff -r d "$MNT/d" >&2
is "requests" "$(gets "$since")" $files
used=$(ahead aheadUsed)
[ "$used" -ge $((files - 5)) ] || fail "ahead of diff: $used of $files"
is "wasted" "$(ahead aheadWasted)" 0

# Now that it is known that he reads, attributes and content in one.
since=$(log_mark)
diff -r e "$MNT/e" >&2
is "requests for all" "$(requests GET '/e/[^? ]' "$since")" $more
alone=$(requests HEAD '/e/[^? ]' "$since")
[ "$alone" -le 2 ] || fail "for attributes alone: $alone"

# Who reads nothing has nothing fetched.
fresh
since=$(log_mark)
find "$MNT" -ls >/dev/null
is "GETs of find" "$(requests GET '/[de]/[^? ]' "$since")" 0

# In no order, and without a list, no more than what is read.
fresh
ls d >names
since=$(log_mark)
for i in 7 107 33 180 60 140 20 90; do
	cat "$MNT/d/$(sed -n ${i}p names)" >/dev/null
done
is "requests, in no order" "$(gets "$since")" 8

# Far away: one after the other they would take 10 s, for the GETs alone.
unmnt
through_proxy
fault delay ms=50
rm -rf "$CACHE"
mnt
start=$(date +%s%N)
cp -r "$MNT/d" copy
took=$((($(date +%s%N) - start) / 1000000))
diff -r d copy >&2
[ $took -lt 8000 ] || fail "$took ms for $files files"
echo "$took ms for $files files at 50 ms a request" >&2
unmnt
