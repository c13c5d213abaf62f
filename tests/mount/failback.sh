#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The replica stands in for the bucket, whose server is away: what is written
# meanwhile, over a kill of the daemon, is in both after the failback, each
# version of it; what others wrote to the bucket is told and stays.
. "$(dirname "$0")/lib.sh"
need_proxy
need jq

there=$BUCKET-replica
make_bucket "$there"
make_bucket "$BUCKET-other"
through_proxy
options="replica=$there,replica_endpoint=$direct,ttl=1,retries=1,connect_timeout=1,commit=0"

ctl() {
	"$VERS3CTL" -C "$MNT" "$@"
}
replica() {
	git config -f "$MNT/.control" "replica.$1" || true
}
# at BUCKET KEY: the content there.
at() {
	local text
	text=$(ENDPOINT=$direct s3 GET "/$1/$2" 2>/dev/null) || text=none
	echo "$text"
}
versions_at() {
	ENDPOINT=$direct s3 GET "/$1?prefix=$(encoded "$2")&versions=" |
		grep -oE '<(Version|DeleteMarker)>' | wc -l
}

some_are_back() {
	[ "$(versions_at "$BUCKET" dir/)" -gt 5 ]
}

# What needs one.
mnt
refused "without a replica" "has no replica=" ctl failover
refused "nothing stands in" "no replica stands in" ctl failback
unmnt
suspended=$BUCKET-unversioned
ENDPOINT=$direct s3 PUT "/$suspended" >/dev/null
mnt "replica=$suspended,replica_endpoint=$direct"
refused "a replica without versions" "keeps no versions" ctl failover
is "it does not stand in" "$(replica standsIn)" false
unmnt

mnt "$options"
for name in both gone changed; do
	echo before >"$MNT/$name"
done
ctl sync
# The same by other means: with ids of its own.
for name in both gone changed; do
	s3_curl "$(sha256sum </dev/null | cut -d' ' -f1)" -X PUT \
		-H "x-amz-copy-source: /$BUCKET/$name" "$direct/$there/$name" \
		>/dev/null
done
now=$(ls "$CACHE")
is "no journal" "$(grep -c '^failover$' <<<"$now")" 0

fault reset
refused "nothing stands in yet" "no replica stands in" ctl failback
ctl failover
refused "twice" "stands in already" ctl failover
is "stands in" "$(replica standsIn)" true
mkdir "$MNT/dir"
for i in $(seq 50); do
	echo "$i" >"$MNT/dir/$i"
done
head -c 20M /dev/urandom >large
cp large "$MNT/large"
setfattr -n user.color -v blue "$MNT/large"
chmod 640 "$MNT/large"
ctl sync
is "written there" "$(at "$there" dir/50)" 50
is "and not here" "$(at "$BUCKET" dir/50)" none
kill_daemon
fusermount3 -u "$MNT"

# Without the replica, or with another one, nobody is shown an older state.
for other in '' ",replica=$BUCKET-other,replica_endpoint=$direct"; do
	rc=0
	"$VERS3" -o "$(vers3_options "${options#*,*,}$other")" "$BUCKET" "$MNT" \
		2>said || rc=$?
	is "a mount ${other:-without it}" "$rc" 1
	grep -q "stands in for bucket $BUCKET since a failover" said ||
		fail "unexpected: $(cat said)"
done

mnt "$options"
is "stands in after a kill" "$(replica standsIn)" true
[ "$(replica toBringBack)" -ge 51 ] || fail "$(replica toBringBack) names"
is "read from there" "$(cat "$MNT/dir/7")" 7
for i in $(seq 51 100); do
	echo "$i" >"$MNT/dir/$i"
done
echo one >"$MNT/twice"
ctl sync
echo two >"$MNT/twice"
echo ours >"$MNT/both"
rm "$MNT/gone"
mv "$MNT/changed" "$MNT/moved"
ctl sync
ctl status >said || true
grep -q 'stands in for the bucket since' said || fail "status: $(cat said)"
# Somebody else writes to the bucket meanwhile.
ENDPOINT=$direct put_object both large

# The bucket is away: nothing is lost by trying.
rc=0
ctl failback >said 2>&1 || rc=$?
is "a failback too early: $(cat said)" "$rc" 1
is "stands in as before" "$(replica standsIn)" true
fault none

# A kill in the midst of it.
ctl failback >said 2>&1 &
client=$!
within 20 some_are_back
kill_daemon
wait $client || true
fusermount3 -u "$MNT"
mnt "$options"
ctl --json failback >said
is "conflicts: $(cat said)" "$(jq '.met' said)" 1
is "which" "$(jq -r '.conflicts[0].id' said)" both
is "stands in no longer" "$(replica standsIn)" false
is "the journal is gone" "$(ls "$CACHE" | grep -c '^failover$')" 0
for i in $(seq 100); do
	is "$i in the bucket" "$(at "$BUCKET" "dir/$i")" "$i"
	is "$i in the replica" "$(at "$there" "dir/$i")" "$i"
done
# And that of the directory itself.
is "versions in the replica" "$(versions_at "$there" dir/)" 101
is "versions in the bucket" "$(versions_at "$BUCKET" dir/)" 101
is "twice" "$(at "$BUCKET" twice)" two
is "its versions" "$(versions_at "$BUCKET" twice)" 2
is "both" "$(at "$BUCKET" both)" ours
is "theirs below" "$(versions_at "$BUCKET" both)" 3
is "removed" "$(at "$BUCKET" gone)" none
is "moved" "$(at "$BUCKET" moved)" before
is "from where" "$(at "$BUCKET" changed)" none
within 10 test "$(cat "$MNT/both" 2>/dev/null)" = ours ||
	fail "both: $(cat "$MNT/both")"
same "the large one" large "$MNT/large"
is "its attribute" \
	"$(getfattr --only-values -n user.color "$MNT/large")" blue
is "its mode" "$(stat -c %a "$MNT/large")" 640
# The runbook's chapter, as it is written.
mkdir bin
ln -s "$VERS3CTL" bin/vers3ctl
chapter FAILOVER >commands
[ "$(wc -l <commands)" -ge 4 ] || fail "few commands: $(cat commands)"
while read -r line; do
	(cd "$MNT" && PATH="$WORK/bin:$PATH" bash -ec "$line") >out 2>&1 ||
		fail "$line: $(cat out)"
	[ -s out ] || fail "$line: says nothing"
done <commands
is "stands in no longer" "$(replica standsIn)" false

echo after >"$MNT/after"
ctl sync
is "after it" "$(at "$BUCKET" after) $(at "$there" after)" "after none"
unmnt
