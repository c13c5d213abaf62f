#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The tags of an object go with it: through a change of its attributes, a
# rename and a restore.
. "$(dirname "$0")/lib.sh"

tags() {
	s3 GET "/$BUCKET/$1?tagging=" |
		grep -oE '<Key>[^<]*</Key><Value>[^<]*</Value>' | sort
}

set='<Tagging><TagSet><Tag><Key>team a</Key><Value>x+y=1</Value></Tag>'
set+='<Tag><Key>keep</Key><Value>yes</Value></Tag></TagSet></Tagging>'
want='<Key>keep</Key><Value>yes</Value>
<Key>team a</Key><Value>x+y=1</Value>'

mnt
for name in mode moved copied restored plain; do
	echo "$name" >"$MNT/$name"
done
synced
mkdir "$MNT/dir"
echo unasked >"$MNT/dir/unasked"
synced
for name in mode moved copied restored dir/unasked; do
	s3 PUT "/$BUCKET/$name?tagging=" "$set" >/dev/null
done
fresh
chmod 0600 "$MNT/mode"
mv "$MNT/moved" "$MNT/moved.new"
# Nobody has asked for what is in it.
mv "$MNT/dir" "$MNT/dir.new"
echo other >"$MNT/copied"
echo other >"$MNT/restored"
synced
cp "$MNT/.versions/copied/$(ls -U "$MNT/.versions/copied" | head -n 1)" \
	"$MNT/copied"
"$VERS3CTL" restore "$MNT/restored" >/dev/null
synced
is "restored" "$(cat "$MNT/restored" "$MNT/copied")" "restored
copied"
for name in mode moved.new copied restored dir.new/unasked; do
	is "tags of $name" "$(tags "$name")" "$want"
done

# Again, by what is known of them now.
chmod 0640 "$MNT/mode" "$MNT/copied"
synced
for name in mode copied; do
	is "tags of $name" "$(tags "$name")" "$want"
done

# Where there are none, nobody is asked for them.
since=$(log_mark)
chmod 0600 "$MNT/plain"
mv "$MNT/plain" "$MNT/plain.new"
synced
is "questions" "$(requests GET '/[^ ]*tagging' "$since")" 0
unmnt
