#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Two zones that replicate both ways, with the same version ids, and the first
# one's gateway out of reach: reads come from the second, which stands in after
# a failover; when the first is back, the failback finds what replication has
# brought by itself, and brings nothing twice.
NO_BUCKET=1 . "$(dirname "$0")/lib.sh"
need jq
need_proxy
. "$(dirname "$0")/two-zones"
test_cleanup() {
	"$top/contrib/faultproxy" stop --dir "$WORK/proxy"
	zones_stop
}
bucket_that_replicates Enabled
through_proxy
options="replica=$BUCKET,replica_endpoint=$there,ttl=1,retries=1,connect_timeout=1,commit=0"

ctl() {
	"$VERS3CTL" -C "$MNT" "$@"
}
# ids KEY: of all versions and markers below it, sorted; at this zone.
ids() {
	ENDPOINT=$direct s3 GET "/$BUCKET?prefix=$(encoded "$1")&versions=" |
		grep -oP '(?<=<VersionId>)[^<]+' | sort
}
other_ids() {
	at_other s3 GET "/$BUCKET?prefix=$(encoded "$1")&versions=" |
		grep -oP '(?<=<VersionId>)[^<]+' | sort
}
same_ids() {
	[ -n "$(ids "$1")" ] && [ "$(ids "$1")" = "$(other_ids "$1")" ]
}
is_degraded() {
	[ "$(git config -f "$MNT/.control" replica.degraded)" = "$1" ]
}

mnt "$options"
mkdir "$MNT/dir"
for i in $(seq 10); do
	head -c "$((i * 997))" /dev/urandom >"dir-$i"
	cp "dir-$i" "$MNT/dir/$i"
done
ctl sync
within 60 same_ids dir/ || skip "the zones replicate too slowly"
fresh "$options"
ls -lR "$MNT" >/dev/null

fault reset
for i in $(seq 10); do
	same "read from the other zone" "dir-$i" "$MNT/dir/$i"
done
is_degraded true || fail "it is not degraded"
ctl failover
for i in 1 2 3; do
	echo "while $i" >"$MNT/dir/$i"
done
echo new >"$MNT/dir/new"
rm "$MNT/dir/10"
ctl sync
is "written there" "$(at_other s3 GET "/$BUCKET/dir/2")" "while 2"

# The zones have a link of their own: replication may be first, or not yet.
fault none
by_itself=false
within 5 same_ids dir/ && by_itself=true
ctl --json failback >said
is "conflicts: $(cat said)" "$(jq .met said)" 0
! $by_itself || is "nothing twice" "$(jq '.versions + .markers' said)" 0
for i in 1 2 3; do
	is "$i" "$(ENDPOINT=$direct s3 GET "/$BUCKET/dir/$i")" "while $i"
	is "$i, read" "$(cat "$MNT/dir/$i")" "while $i"
done
is "new" "$(cat "$MNT/dir/new")" new
[ ! -e "$MNT/dir/10" ] || fail "what was removed is there"
same "what was not touched" dir-7 "$MNT/dir/7"
echo after >"$MNT/dir/after"
ctl sync
is "after it" "$(ENDPOINT=$direct s3 GET "/$BUCKET/dir/after")" after
unmnt
