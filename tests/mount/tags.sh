#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The tags of an object go with it: through a change of its attributes, a
# rename and a restore.
. "$(dirname "$0")/lib.sh"
need git jq

tags() {
	s3 GET "/$BUCKET/$1?tagging=" |
		grep -oE '<Key>[^<]*</Key><Value>[^<]*</Value>' | sort
}

set='<Tagging><TagSet><Tag><Key>team a</Key><Value>x+y=1</Value></Tag>'
set+='<Tag><Key>keep</Key><Value>yes</Value></Tag></TagSet></Tagging>'
want='<Key>keep</Key><Value>yes</Value>
<Key>team a</Key><Value>x+y=1</Value>'

echo bytes >bytes
put_object folder/ bytes
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

# Others set them after this mount has looked, which no list shows.
ln -s target "$MNT/link"
mkdir "$MNT/marked"
echo large >"$MNT/later"
synced
for name in later link marked folder; do
	stat "$MNT/$name" >/dev/null
done
for name in later link marked/ folder/; do
	s3 PUT "/$BUCKET/$name?tagging=" "$set" >/dev/null
done
chmod 0600 "$MNT/later"
chmod 0700 "$MNT/marked" "$MNT/folder"
touch -h -d 2001-02-03 "$MNT/link"
synced
for name in later link marked/ folder/; do
	is "tags of $name" "$(tags "$name")" "$want"
done
s3 PUT "/$BUCKET/plain?tagging=" "$set" >/dev/null
setfattr -n user.a -v b "$MNT/later"
mv "$MNT/plain" "$MNT/plain.new"
synced
is "tags of later" "$(tags later)" "$want"
is "tags of plain.new" "$(tags plain.new)" "$want"

# Tags that these keys may set and not read: a copy that goes without them is
# not made, and an expiry that would take them away is refused.
for i in 1 2; do
	echo "$i" >"$MNT/hidden"
	synced
	[ $i = 2 ] || s3 PUT "/$BUCKET/hidden?tagging=" "$set" >/dev/null
done
policy=$(jq -nc --arg r "arn:aws:s3:::$BUCKET/hidden" '{Version: "2012-10-17",
	Statement: [{Effect: "Deny", Principal: "*", Resource: $r,
	Action: ["s3:GetObjectTagging", "s3:GetObjectVersionTagging"]}]}')
s3 PUT "/$BUCKET?policy=" "$policy" >/dev/null
refused "an expiry" "hidden: " "$VERS3CTL" expire "$MNT/hidden" 7d
"$VERS3CTL" restore "$MNT/hidden" --to "$MNT/hidden.new" >/dev/null
rc=0
"$VERS3CTL" sync "$MNT/hidden.new" 2>why || rc=$?
if [ "$(git config -f "$MNT/.control" s3.keepsTags)" = true ]; then
	is "a copy with its tags ($(cat why))" "$rc" 0
else
	is "a copy without them" "$rc" 1
	grep -q 'GetObjectTagging: 403 AccessDenied.*to do: allow' why ||
		fail "what is in the way: $(cat why)"
	grep -q 'the tags of hidden may not be read' "$MNT.vers3.log" ||
		fail "no word of it: $(tail -n 3 "$MNT.vers3.log")"
fi
s3 DELETE "/$BUCKET?policy=" >/dev/null
synced
is "tags that were hidden" "$(tags hidden.new)" "$want"

# Nobody is asked for them twice.
since=$(log_mark)
chmod 0600 "$MNT/later"
mv "$MNT/later" "$MNT/later.new"
synced
asked=$(requests GET '/[^ ]*tagging' "$since")
[ "$asked" -le 1 ] || fail "$asked questions"
unmnt

# Where no versions are kept, what a change replaces has gone with its tags.
bucket=$BUCKET
BUCKET=$bucket-plain
make_bucket "$BUCKET" plain
rm -rf "$CACHE"
mnt
echo text >"$MNT/file"
echo text >"$MNT/moved"
synced
for name in file moved; do
	s3 PUT "/$BUCKET/$name?tagging=" "$set" >/dev/null
done
chmod 0600 "$MNT/file"
mv "$MNT/moved" "$MNT/moved.new"
synced
for name in file moved.new; do
	is "tags of $name" "$(tags "$name")" "$want"
done
chmod 0640 "$MNT/file"
synced
is "tags of file" "$(tags file)" "$want"
unmnt
BUCKET=$bucket
