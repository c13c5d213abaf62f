#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# -o versions=purge: rm in .versions removes a version for good, vers3ctl
# purge old ones by the hundred. Nothing goes that is in use or locked.
. "$(dirname "$0")/lib.sh"
need jq

history=$MNT/.versions
entry() {
	ls -U "$history/$1" | sed -n "$2p"
}

# What a file's versions hold, the oldest first.
each() {
	local name
	ls -U "$history/$1" | while read -r name; do
		cat "$history/$1/$name"
	done
}

purge() {
	"$VERS3CTL" purge "$@"
}

mnt ttl=600
mkdir "$MNT/dir"
for i in 1 2 3 4; do
	echo "$i" >"$MNT/file"
	echo "$i$i" >"$MNT/dir/low"
	synced
done
refused "without the option" "not permitted" rm -f "$history/file/$(entry file 1)"
refused "by a command, too" "versions=purge" purge "$MNT" --keep 0
is "nothing went" "$(history_of | grep -c '^V [fd]i')" 9

# One by one; the present one too, and then the file is what it was before.
remount versions=purge,ttl=600
cat "$MNT/file" >/dev/null
rm "$history/file/$(entry file 1)"
is "the oldest is gone" "$(each file)" "2
3
4"
exec 3<"$MNT/file"
refused "open" "busy" rm -f "$history/file/$(entry file 3)"
exec 3<&-
rm "$history/file/$(entry file 3)"
is "the one before" "$(cat "$MNT/file")" 3
echo more >>"$MNT/file"
refused "a change stands on it" "busy" rm -f "$history/file/$(entry file 2)"
synced
is "saved" "$(cat "$MNT/file")" "3
more"
is "three are left" "$(count_versions file)" 3
is "listed" "$(find "$MNT" -name .versions)" ""

# By a rule.
purge "$MNT" --older 1d >out
is "none is so old" "$(cat out)" "removed 0 versions, 0 B, and 0 delete markers"
purge "$MNT/dir" --keep 1 -n >out
is "what would go" "$(grep -c ' dir/low$' out)" 2
is "how many" "$(tail -n 1 out)" "would remove 2 versions, 6 B, and 0 delete markers"
is "nothing went" "$(count_versions dir%2Flow)" 4
purge --help | grep -q older
"$VERS3CTL" --json purge "$MNT/dir" --keep 1 -n >out
is "as JSON" "$(jq -r '[.versions, .bytes, .items[0].path, .items[0].size] | @csv' out)" \
	'2,6,"dir/low",3'
mkdir "$history/@point"
echo last >"$MNT/dir/low"
synced
purge "$MNT/dir" --keep 0 >out
is "what a point shows stays" "$(cat out)" "removed 3 versions, 9 B, and 0 delete markers
kept 1 that named points show"
is "the point" "$(cat "$history/@point/dir/low")" 44
rmdir "$history/@point"
rm "$MNT/file"
synced
[ -z "$ACCESS_LOG" ] || since=$(log_mark)
purge "$MNT" --keep 0 >out
is "a deleted file goes with its marker" "$(head -n 1 out)" \
	"removed 4 versions, 14 B, and 1 delete markers"
is "all that is left" "$(history_of | sort -u)" "M .versions/@point
V .versions/@point
V dir/
V dir/low"
if [ -n "$ACCESS_LOG" ]; then
	is "in two requests" "$(requests POST '/?\?delete' "$since")" 2
fi
is "the present goes on" "$(cat "$MNT/dir/low")" last
refused "neither age nor number" "wants" purge "$MNT"
refused "no age" "no age" purge "$MNT" --older soon
unmnt

# What the server holds.
BUCKET=$BUCKET-locked
s3_curl "$(printf '' | sha256sum | cut -d' ' -f1)" -X PUT \
	-H 'x-amz-bucket-object-lock-enabled: true' "$ENDPOINT/$BUCKET" \
	>/dev/null || exit 0
rm -rf "$CACHE"
mnt versions=purge
for i in 1 2 3; do
	echo "$i" >"$MNT/held"
	synced
done
id=$(entry held 1)
id=${id#*~}
s3 PUT "/$BUCKET/held?legal-hold=&versionId=$id" \
	'<LegalHold><Status>ON</Status></LegalHold>' >/dev/null
refused "held" "denied" rm -f "$history/held/$(entry held 1)"
grep -q "held: version $id is not purged: .*lock" "$MNT.vers3.log" ||
	fail "the log says nothing"
purge "$MNT" --keep 0 >out && fail "all went"
is "the others go" "$(cat out)" "removed 1 versions, 2 B, and 0 delete markers
kept 1 that the server does not let go"
is "still there" "$(cat "$history/held/$(entry held 1)")" 1
s3 PUT "/$BUCKET/held?legal-hold=&versionId=$id" \
	'<LegalHold><Status>OFF</Status></LegalHold>' >/dev/null
rm "$history/held/$(entry held 1)"
is "one is left" "$(count_versions held)" 1
unmnt
