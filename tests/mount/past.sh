#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# .versions/@TIME: the whole tree as it was at an instant: content, modes,
# links; nothing that was born later, nothing that was deleted before, no
# directory that held nothing. A tree comes back by cp -a, without its bytes.
. "$(dirname "$0")/lib.sh"

# Now, when all that was done is in the bucket, and over before what follows.
instant() {
	synced
	sleep 1.1
	date -u +%Y-%m-%dT%H-%M-%SZ
	sleep 1.1
}

# tree DIR: all of it, one line a name; the time of files.
tree() {
	(cd "$1" && find . -mindepth 1 \( -type f -printf '%p %m %s %T@\n' \) \
		-o -printf '%p %y %m %l\n' | sort)
}

mnt
before=$(instant)
mkdir -p "$MNT/dir/sub/deep" "$MNT/dir/empty" "$MNT/gone/below"
echo one >"$MNT/dir/file"
echo deep >"$MNT/dir/sub/deep/file"
echo gone >"$MNT/gone/below/file"
ln -s file "$MNT/dir/link"
printf '#!/bin/sh\n' >"$MNT/dir/script"
chmod 750 "$MNT/dir/script"
chmod 700 "$MNT/dir/empty"
touch -d @1000000000 "$MNT/dir/file"
# A directory that has no object of its own, and one that shares its beginning.
for key in plain/a/b plain-too/c; do
	s3 PUT "/$BUCKET/$key" x
done
ls -R "$MNT" >/dev/null
sleep 5.1
first=$(instant)
cp -a "$MNT" "$WORK/first"
tree "$MNT" >first.now
echo two >"$MNT/dir/file"
echo born >"$MNT/dir/born"
ln -sf born "$MNT/dir/link"
rm -r "$MNT/gone"
chmod 644 "$MNT/dir/script"
second=$(instant)
cp -a "$MNT" "$WORK/second"
s3 DELETE "/$BUCKET/plain/a/b"
mv "$MNT/dir" "$MNT/moved"
synced

past=$MNT/.versions
is "before all" "$(ls -A "$past/@$before")" ""
diff -r "$WORK/first" "$past/@$first" >&2 || fail "the first differs"
tree "$past/@$first" >first.past
diff first.now first.past >&2 || fail "the first's attributes differ"
diff -r "$WORK/second" "$past/@$second" >&2 || fail "the second differs"
is "what is gone" "$(ls "$past/@$second")" "dir
plain
plain-too"
refused "what was not there yet" "No such file" cat "$past/@$first/dir/born"
refused "a directory of later" "No such file" ls "$past/@$first/moved"
refused "writing" "Read-only" bash -c 'echo x >"$1"' - "$past/@$first/dir/file"
refused "creating" "Read-only" touch "$past/@$first/dir/new"
refused "removing" "" rm -f "$past/@$first/dir/file"

# Spellings of one instant.
gmt=$(echo "$first" | sed -E 's/(.*)-(..)-(..)T(.*)Z/GMT-\1.\2.\3-\4/; s/-(..)-(..)$/.\1.\2/')
is "as Samba spells it" "$(cat "$past/@$gmt/dir/file")" one
is "with colons" "$(cat "$past/@${first:0:13}:${first:14:2}:${first:17:2}Z/dir/file")" one
is "a day" "$(ls -A "$past/@2020-01-01")" ""
is "long ago" "$(ls -A "$past/@10000d")" ""
sleep 2.1
is "a second ago" "$(cat "$past/@1s/moved/file")" two
refused "no time" "No such file" ls "$past/@yesterday"

# The same, seen from below, by a mount that knows nothing.
fresh
is "below a directory" "$(ls "$MNT/moved/.versions")" "$(ls "$past/moved")"
mkdir "$MNT/dir"
is "DIR/.versions/@TIME" "$(cat "$MNT/dir/.versions/@$first/sub/deep/file")" deep
refused "DIR was not there" "No such file" ls "$MNT/moved/.versions/@$first"
diff -r "$WORK/first/dir" "$MNT/dir/.versions/@$first" >&2 ||
	fail "the directory's first differs"
diff -r "$WORK/second" "$past/@$second" >&2 || fail "the second differs, anew"

# A tree comes back by copies that the server makes.
rmdir "$MNT/dir"
synced
[ -z "$ACCESS_LOG" ] || since=$(log_mark)
cp -a "$past/@$first/dir" "$MNT/dir"
synced
diff -r "$WORK/first/dir" "$MNT/dir" >&2 || fail "restored otherwise"
tree "$MNT/dir" >dir.now
tree "$WORK/first/dir" | diff - dir.now >&2 || fail "attributes restored otherwise"
if [ -n "$ACCESS_LOG" ]; then
	is "no body was fetched" \
		"$(requests GET '/dir/[^? ]*file(\?versionId=| )' "$since")" 0
fi
is "the present goes on" "$(cat "$MNT/moved/file")" two

# A mount of the past; what is no name there is refused.
long=$(printf 'n%.0s' $(seq 256))
refused "a long name" "too long" ls "$past/@$first/$long"
remount "at=$first"
diff -r "$WORK/first" "$MNT" >&2 || fail "at= differs"
tree "$MNT" | diff first.now - >&2 || fail "at= differs in attributes"
refused "writing to the past" "Read-only" touch "$MNT/new"
is "its history" "$(cat "$MNT/.versions/@$second/dir/file")" two
unmnt
if "$VERS3" -f -o "$(vers3_options at=yesterday)" "$BUCKET" "$MNT" 2>err; then
	fail "yesterday was mounted"
fi
grep -q "is no time" err || fail "said: $(cat err)"
mnt
unmnt
