#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# git clone onto the mount, work there, fsck; again with an empty cache.
. "$(dirname "$0")/lib.sh"
need git

export GIT_CONFIG_NOSYSTEM=1 GIT_AUTHOR_NAME=t GIT_AUTHOR_EMAIL=t@example.com
export GIT_COMMITTER_NAME=t GIT_COMMITTER_EMAIL=t@example.com
git init -q -b main src
for i in $(seq 30); do
	mkdir -p "src/d$((i % 5))"
	seq "$i" $((i * 50)) >"src/d$((i % 5))/f$i"
	git -C src add .
	git -C src commit -q -m "number $i"
done
chmod +x src/d1/f1
git -C src commit -q -a -m mode

mnt
git clone -q --no-hardlinks src "$MNT/repo"
git -C "$MNT/repo" fsck --strict 2>fsck.log || fail "$(cat fsck.log)"
is "status" "$(git -C "$MNT/repo" status --porcelain)" ""
echo more >"$MNT/repo/d1/new"
git -C "$MNT/repo" add d1/new
git -C "$MNT/repo" commit -q -m more
git -C "$MNT/repo" gc -q
head=$(git -C "$MNT/repo" rev-parse HEAD)
fresh
git -C "$MNT/repo" fsck --strict 2>fsck.log || fail "$(cat fsck.log)"
is "head" "$(git -C "$MNT/repo" rev-parse HEAD)" "$head"
is "status, empty cache" "$(git -C "$MNT/repo" status --porcelain)" ""
diff -r -x .git -x new src "$MNT/repo" || fail "the work trees differ"
unmnt
