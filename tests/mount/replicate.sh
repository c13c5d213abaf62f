#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Two zones that replicate, and the commands about the second one: replication
# wait returns after, and only after, each version can be read there; while the
# link is cut it says what is pending and how old, and ends in time. check
# compares version by version, fsync=replica waits for one, and the runbook's
# chapter is true.
NO_BUCKET=1 . "$(dirname "$0")/lib.sh"
need jq
. "$(dirname "$0")/two-zones"
bucket_that_replicates Enabled

ctl() {
	"$VERS3CTL" -C "$MNT" "$@"
}
# versions_at BUCKET-SIDE DIR: ids of all versions and markers, sorted.
versions() {
	s3 GET "/$BUCKET?prefix=$(encoded "$1")&versions=" |
		grep -oP '(?<=<VersionId>)[^<]+' | sort
}
# Each version of ours below a directory can be read in the other zone now.
all_there() {
	local key id
	versions "$1" >ours
	[ -s ours ] || fail "$1 has no versions"
	s3 GET "/$BUCKET?prefix=$(encoded "$1")&versions=" |
		sed -E 's,<(Version|DeleteMarker)>,\n&,g' |
		sed -nE 's,^<Version>.*<Key>([^<]*)<.*<VersionId>([^<]*)<.*,\1 \2,p' |
		while read -r key id; do
			at_other s3 GET "/$BUCKET/$key?versionId=$id" \
				>/dev/null || fail "$key $id cannot be read"
		done
	# Ceph can list a version a moment after it can be read.
	within 5 all_listed "$1" ||
		fail "$1: not in the other zone: $(comm -23 ours theirs)"
}
all_listed() {
	at_other versions "$1" >theirs
	[ -z "$(comm -23 ours theirs)" ]
}

mnt "ttl=1,replica=$BUCKET,replica_endpoint=$there,read_timeout=10"

# Old versions and a delete marker are waited for as well.
mkdir "$MNT/data"
for i in 1 2 3 4 5; do echo "$i" >"$MNT/data/f$i"; done
ctl sync
echo again >"$MNT/data/f1"
ctl sync
rm "$MNT/data/f2"
ctl --json replication wait "$MNT/data" --timeout 90s >said ||
	fail "wait: $(cat said)"
all_there data/
is "result" "$(jq -r .result said)" PASS
[ "$(jq .versions said)" -ge 7 ] || fail "versions: $(cat said)"
ctl --json replication check "$MNT/data" >said || fail "check: $(cat said)"
is "check" "$(jq -r .result said)" PASS
is "of all" "$(jq .versions said)" "$(wc -l <ours)"
is "markers" "$(jq .markers said)" 1

# The runbook, as it is written.
mkdir bin "$MNT/backup"
echo new >"$MNT/backup/monday.tar"
ln -s "$VERS3CTL" bin/vers3ctl
chapter REPLICATION >commands
[ "$(wc -l <commands)" -ge 5 ] || fail "few commands: $(cat commands)"
while read -r line; do
	(cd "$MNT" && PATH="$WORK/bin:$PATH" bash -ec "$line") >out 2>&1 ||
		fail "$line: $(cat out)"
	[ -s out ] || fail "$line: says nothing"
done <commands
all_there backup/

# What others change there is found.
at_other s3 DELETE "/$BUCKET/data/f3?versionId=$(versions data/f3)" >/dev/null
id=$(versions data/f3)
if ctl --json replication check "$MNT/data" >said; then
	fail "check of what is missing: $(cat said)"
fi
is "missing" "$(jq -r '.result, .missing' said | tr '\n' ' ')" "FAIL 1 "
is "which" "$(jq -r '.listed[] | select(.state == "missing") | .path, .id' \
	said | tr '\n' ' ')" "data/f3 $id "

# The link is cut: what is pending is named with its age, and it ends in time.
kill -STOP "$other"
mkdir "$MNT/cut"
echo cut >"$MNT/cut/a"
ctl sync
sleep 1.1
began=$SECONDS
rc=0
ctl replication wait "$MNT/cut" --timeout 3s >said 2>why || rc=$?
is "status while the link is cut ($(cat why))" "$rc" 1
took=$((SECONDS - began))
{ [ $took -ge 3 ] && [ $took -le 8 ]; } || fail "took $took s"
grep -q 'pending .* cut/a' said || fail "not named: $(cat said why)"
grep -qE 'the oldest is [1-9][0-9]* s old: cut/' why || fail "age: $(cat why)"
echo more >"$MNT/cut/more"

# And is there again, while somebody waits.
ctl sync --replica "$MNT/cut" --timeout 90s >said 2>&1 &
waiting=$!
sleep 1
kill -0 $waiting 2>/dev/null || fail "it did not wait: $(cat said)"
kill -CONT "$other"
wait $waiting || fail "sync --replica: $(cat said)"
all_there cut/

# It is slow: what is waited for comes by and by.
mkdir "$MNT/slow"
for i in 1 2 3 4 5 6 7 8; do echo "$i" >"$MNT/slow/$i"; done
(
	for i in 1 2 3 4 5; do
		kill -STOP "$other"
		sleep 0.4
		kill -CONT "$other"
		sleep 0.1
	done
) &
ctl replication wait "$MNT/slow" --timeout 90s >said 2>&1 ||
	fail "a slow link: $(cat said)"
all_there slow/
wait $!

# fsync=replica: by that time it is there; while the link is cut, ETIMEDOUT.
remount "ttl=1,replica=$BUCKET,replica_endpoint=$there,fsync=replica,replica_timeout=30"
"$FSOP" fsync "$MNT/data/synced" hello || fail "fsync"
at_other get_object data/synced got || fail "fsync returned too early"
is "its content" "$(cat got)" hello
remount "ttl=1,replica=$BUCKET,replica_endpoint=$there,fsync=replica,replica_timeout=2"
kill -STOP "$other"
refused "fsync while the link is cut" ETIMEDOUT \
	"$FSOP" fsync "$MNT/data/cut" hello
kill -CONT "$other"
is "it is in the bucket" "$(s3 GET "/$BUCKET/data/cut")" hello
ctl replication wait "$MNT/data/cut" --timeout 60s
unmnt
