#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A directory of 1,500 entries lists completely: from the cache, and page by
# page from the bucket.
. "$(dirname "$0")/lib.sh"

mnt
mkdir "$MNT/d"
seq -f 'entry-%05g' 1500 >want
(cd "$MNT/d" && xargs touch) <want
find "$MNT/d" -type f -printf '%f\n' | sort >got
same "after touch" want got
synced
fresh
find "$MNT/d" -type f -printf '%f\n' | sort >got
same "with an empty cache" want got
# Some go while the directory is read: no other is missed or doubled.
find "$MNT/d" -name 'entry-*5' -print -delete | wc -l >count
is "deleted" "$(cat count)" 150
grep -v '5$' want >want2
find "$MNT/d" -type f -printf '%f\n' | sort >got
same "after find -delete" want2 got
rm -rf "$MNT/d"
[ ! -e "$MNT/d" ] || fail "rm -rf left it"
unmnt
