#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The bucket's server is away, and a replica is there: what is not in the cache
# is read from it, if it has that very version, and by itself from the server
# again when that is back.
. "$(dirname "$0")/lib.sh"
need_proxy

there=$BUCKET-replica
make_bucket "$there"
through_proxy

replica() {
	git config -f "$MNT/.control" "replica.$1" || true
}
is_degraded() {
	[ "$(replica degraded)" = "$1" ]
}
# What the bucket has, as another program would copy it: with ids of its own.
copied() {
	s3_curl "$(sha256sum </dev/null | cut -d' ' -f1)" -X PUT \
		-H "x-amz-copy-source: /$BUCKET/$1" "$direct/$there/$1" \
		>/dev/null
}

mnt "replica=$there,replica_endpoint=$direct,ttl=1"
mkdir "$MNT/dir"
for i in $(seq 20); do
	head -c "$((i * 997))" /dev/urandom >"dir-$i"
	cp "dir-$i" "$MNT/dir/$i"
done
echo old >"$MNT/changed"
echo old >"$MNT/only-here"
synced
for name in $(seq -f dir/%g 20) changed; do
	copied "$name"
done
echo new >"$MNT/changed"
synced
# Names and attributes are known, contents are not.
fresh "replica=$there,replica_endpoint=$direct,ttl=1,retries=1,connect_timeout=1"
ls -lR "$MNT" >/dev/null
is "degraded at first" "$(replica degraded)" false

fault reset
for i in $(seq 20); do
	same "read from the replica" "dir-$i" "$MNT/dir/$i"
done
is "degraded" "$(replica degraded)" true
[ "$(replica reads)" -ge 20 ] || fail "reads: $(replica reads)"
"$VERS3CTL" status "$MNT" >said || true
grep -q 'degraded for .* reads came from the replica' said ||
	fail "status: $(cat said)"
# Never an older version under a newer name, and nothing made up.
! cat "$MNT/changed" >got 2>/dev/null || fail "read: $(cat got)"
! cat "$MNT/only-here" >got 2>/dev/null || fail "read: $(cat got)"
is "nothing of them" "$(cat got)" ""
[ "$(replica missing)" -ge 2 ] || fail "missing: $(replica missing)"
# What is written waits.
echo meanwhile >"$MNT/meanwhile"
is "what was written" "$(cat "$MNT/meanwhile")" meanwhile

fault none
within 20 is_degraded false || fail "it does not recover"
is "the newest" "$(cat "$MNT/changed")" new
is "only in the bucket" "$(cat "$MNT/only-here")" old
synced
is "sent" "$(ENDPOINT=$direct s3 GET "/$BUCKET/meanwhile")" meanwhile
is "not to the replica" \
	"$(ENDPOINT=$direct s3 GET "/$there/meanwhile" 2>/dev/null | grep -c meanwhile)" 0
unmnt
