#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# vers3ctl diff and log of a directory, and its restore to an instant: what
# was changed or removed since comes back, what was added stays, or goes with
# --exact; -n only says so.
. "$(dirname "$0")/lib.sh"

tree() {
	(cd "$1" && find . -mindepth 1 \( -type f -printf '%p %m %s %T@\n' \) \
		-o -printf '%p %y %m %l\n' | sort)
}

changes() {
	"$VERS3CTL" diff "$MNT/dir" --at "$at" "$@"
}

mnt
mkdir -p "$MNT/dir/sub/deep" "$MNT/dir/empty" "$MNT/dir/turns" \
	"$MNT/up/in/empty"
echo up >"$MNT/up/in/file"
echo one >"$MNT/dir/file"
echo same >"$MNT/dir/same"
echo deep >"$MNT/dir/sub/deep/with blank"
echo x >"$MNT/dir/turns/x"
ln -s file "$MNT/dir/link"
ln -s same "$MNT/dir/link2"
printf '#!/bin/sh\n' >"$MNT/dir/script"
chmod 750 "$MNT/dir/script"
chmod 700 "$MNT/dir/empty"
synced
sleep 1.1
at=$(date -u +%Y-%m-%dT%H:%M:%SZ)
sleep 1.1
is "no difference" "$(changes)" ""
tree "$MNT/dir" >then.tree
cp -a "$MNT/dir" "$WORK/then"

echo longer >"$MNT/dir/file"
chmod 640 "$MNT/dir/script"
rm -r "$MNT/dir/sub" "$MNT/dir/empty" "$MNT/dir/turns" "$MNT/dir/link"
ln -sf file "$MNT/dir/link2"
echo file >"$MNT/dir/turns"
mkdir "$MNT/dir/new"
echo new >"$MNT/dir/new/file"
is "differences" "$(changes | awk '{ print $1 }' | sort | uniq -c | tr -s ' \n' ' ')" \
	" 2 + 6 - 4 ~ "
is "an added file" "$(changes | grep 'new/file')" "+           -         4 B  dir/new/file"
is "sizes" "$(changes --json | jq -c '.[] | select(.path == "dir/file") |
	[.change, .sizeThen, .sizeNow]')" '["changed",4,7]'
is "one file" "$("$VERS3CTL" diff "$MNT/dir/file" --at "$at" | wc -l)" 1

"$VERS3CTL" restore "$MNT/dir" --at "$at" -n >dry
grep -q 'dir/sub/deep/with blank' dry || fail "-n says: $(cat dry)"
is "-n" "$(cat "$MNT/dir/file")" longer
"$VERS3CTL" restore "$MNT/dir" --at "$at" >done
tail -n 1 done | grep -q ' 0 removed, 0 failed' || fail "said: $(cat done)"
is "what was added stays" "$(cat "$MNT/dir/new/file")" new
is "what is left" "$(changes | awk '{ print $1, $NF }')" "+ dir/new
+ dir/new/file"
"$VERS3CTL" restore "$MNT/dir" --at "$at" --exact >done
is "exact" "$(tail -n 1 done)" "0 restored, 2 removed, 0 failed"
tree "$MNT/dir" | diff then.tree - >&2 || fail "restored otherwise"
diff -r "$WORK/then" "$MNT/dir" >&2 || fail "other content"
is "no difference after it" "$(changes)" ""
fresh
tree "$MNT/dir" | diff then.tree - >&2 || fail "the bucket has it otherwise"
diff -r "$WORK/then" "$MNT/dir" >&2 || fail "other content in the bucket"

# A directory that took a file's name since.
rm "$MNT/dir/file"
mkdir "$MNT/dir/file"
echo in >"$MNT/dir/file/in"
if "$VERS3CTL" restore "$MNT/dir" --at "$at" >/dev/null 2>err; then
	fail "a directory was replaced"
fi
grep -q -- --exact err || fail "said: $(cat err)"
"$VERS3CTL" restore "$MNT/dir" --at "$at" --exact >/dev/null
is "replaced" "$(cat "$MNT/dir/file")" one

# Those above it are gone as well.
rm -r "$MNT/up"
"$VERS3CTL" restore "$MNT/up/in" --at "$at" >done
is "below what is gone" "$(tail -n 1 done)" "3 restored, 0 removed, 0 failed"
[ -d "$MNT/up/in/empty" ] || fail "an empty directory is missing"
is "its file" "$(cat "$MNT/up/in/file")" up

# What happened, newest first.
synced
sleep 1.1
rm "$MNT/dir/same"
synced
"$VERS3CTL" log "$MNT/dir" >log
is "the last thing" "$(head -n 1 log | cut -d' ' -f3-)" "deleted  dir/same"
is "the beginning" "$(grep 'dir/same' log | tail -n 1 | cut -d' ' -f3-)" "created  dir/same"
cut -d' ' -f1 log | LC_ALL=C sort -rc || fail "not newest first"
is "as JSON" "$("$VERS3CTL" --json log "$MNT/dir" | jq length)" "$(wc -l <log)"
"$VERS3CTL" log "$MNT/never" 2>err && fail "a log of nothing"
"$VERS3CTL" diff "$MNT/dir" --at yesterday 2>err && fail "yesterday is a time"
grep -q "no time" err || fail "said: $(cat err)"
unmnt
