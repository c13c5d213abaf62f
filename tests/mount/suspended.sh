#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A bucket whose versioning was on and is suspended. On Ceph 16 a copy that
# takes the source's metadata along is a mere reference to the source there, if
# that key has been deleted before.
. "$(dirname "$0")/lib.sh"

bucket=$BUCKET
BUCKET=$bucket-suspended

set_versioning() {
	s3 PUT "/$BUCKET?versioning=" "<VersioningConfiguration><Status>$1\
</Status></VersioningConfiguration>" >/dev/null
}

delete() {
	s3_curl UNSIGNED-PAYLOAD -X DELETE "$(url "$1")"
}

# again KEY FILE: an object at a key that was deleted once.
again() {
	put_object "$1" small
	delete "$1"
	put_object "$1" "$2"
}

make_bucket "$BUCKET"
set_versioning Suspended
printf 'small' >small
head -c 9000000 /dev/urandom >large
for f in small large; do
	again "$f" "$f"
	again "dir/$f" "$f"
	again "over-$f" "$f"
	again "linked-$f" "$f"
	again "source-$f" "$f"
done
put_object plain small
# A reference of others, which the first save over it does not replace.
s3_curl UNSIGNED-PAYLOAD -X PUT \
	-H "x-amz-copy-source: /$BUCKET/source-small" "$(url reference)" \
	>/dev/null

mnt
mv "$MNT/dir" "$MNT/moved"
mv "$MNT/plain" "$MNT/plain.new"
for f in small large; do
	# By a list alone, and after it was asked for its attributes.
	mv "$MNT/$f" "$MNT/$f.new"
	stat "$MNT/over-$f" >/dev/null
	mv "$MNT/over-$f" "$MNT/over-$f.new"
	ln "$MNT/linked-$f" "$MNT/linked-$f.new"
	cp "$MNT/source-$f" "$MNT/copied-$f"
done
synced
for f in small large; do
	echo "other content" >"$MNT/source-$f"
	echo "its own" >"$MNT/reference"
	rm "$MNT/linked-$f"
done
synced
fresh
for f in small large; do
	for name in "$f.new" "moved/$f" "over-$f.new" "linked-$f.new" \
		"copied-$f"; do
		same "$name" "$MNT/$name" "$f"
	done
	is "source-$f" "$(cat "$MNT/source-$f")" "other content"
done
same plain.new "$MNT/plain.new" small
is reference "$(cat "$MNT/reference")" "its own"

# What going back would replace or remove is in no version: it stays.
mkdir "$MNT/kept"
echo one >"$MNT/kept/file"
synced
sleep 1.1
at=$(date -u +%Y-%m-%dT%H:%M:%SZ)
sleep 1.1
echo two >"$MNT/kept/file"
synced
"$VERS3CTL" restore "$MNT/kept" --at "$at" --exact -n >dry
grep -q '^+.*kept/file' dry || fail "-n says: $(cat dry)"
if "$VERS3CTL" restore "$MNT/kept" --at "$at" --exact >/dev/null 2>err; then
	fail "what no version keeps was removed"
fi
grep -q "keeps no versions" err || fail "said: $(cat err)"
is "what is there" "$(cat "$MNT/kept/file")" two
is "nothing to do" "$("$VERS3CTL" restore "$MNT/kept" --at "$at")" \
	"0 restored, 0 removed, 0 failed"
unmnt
BUCKET=$bucket
