#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A bad network: what was written arrives, what is read is right or an error,
# and an outage drains when the server is back.
. "$(dirname "$0")/lib.sh"
need_proxy

through_proxy
mkdir src
for i in $(seq 40); do
	seq "$i" $((i * 300)) >"src/$i"
done
head -c 30M /dev/urandom >src/big

# So many tries that the dice cannot make one of them fail.
mnt commit=0,retries=12
fault slowdown pct=20
cp -r src "$MNT/one"
synced
fault lost pct=20 match='^PUT'
cp -r src "$MNT/two"
synced
fault none
for d in one two; do
	rm -rf got
	ENDPOINT=$direct download "$d" got
	diff -r src got || fail "the bucket differs in $d"
done
fault cut at=100000 count=3 match='^GET.*/big'
fresh
same "read over a connection that breaks" src/big "$MNT/one/big"

# An outage: cached data stays readable, writes are taken.
fault reset
is "cached" "$(cmp src/big "$MNT/one/big" 2>&1)" ""
cp -r src "$MNT/three"
same "written in the outage" src/7 "$MNT/three/7"
fault none
synced
rm -rf got
ENDPOINT=$direct download three got
diff -r src got || fail "the bucket differs after the outage"
unmnt
