#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A directory of many objects is renamed: at once, as a whole, also when the
# daemon is killed, and no list brings the old names back.
. "$(dirname "$0")/lib.sh"

COUNT=150
long=$(printf '%0200d' 7) # three of them are more than the dirty table's keys

tree_of() {
	(cd "$1" && find . -type f -exec md5sum {} + | LC_ALL=C sort)
}

mnt ttl=1
mkdir -p "$MNT/d/sub" "$MNT/d/$long/$long/$long"
for i in $(seq $COUNT); do
	echo "$i" >"$MNT/d/f$i"
done
for i in $(seq 20); do
	echo "sub $i" >"$MNT/d/sub/f$i"
	echo "deep $i" >"$MNT/d/$long/$long/$long/f$i"
done
tree_of "$MNT/d" >tree
synced

mv "$MNT/d" "$MNT/e"
[ ! -e "$MNT/d" ] || fail "the old name is there"
tree_of "$MNT/e" >seen
same "moved" tree seen
# What is written meanwhile is under the new name alone.
echo new >"$MNT/e/f1"
echo more >"$MNT/e/sub/new"
tree_of "$MNT/e" >tree
crash
mnt ttl=1
if [ -e "$MNT/e" ]; then
	# Durable within 50 ms, in one piece with what came before it.
	[ ! -e "$MNT/d" ] || fail "both names are there after a kill"
	is "names after a kill" "$(find "$MNT/e" -type f | wc -l)" \
		"$((COUNT + 40 + $([ -e "$MNT/e/sub/new" ] && echo 1 || echo 0)))"
else
	is "names as before" "$(find "$MNT/d" -type f | wc -l)" $((COUNT + 40))
	mv "$MNT/d" "$MNT/e"
fi
echo new >"$MNT/e/f1"
echo more >"$MNT/e/sub/new"
tree_of "$MNT/e" >seen
same "after a kill" tree seen
synced
fresh
[ ! -e "$MNT/d" ] || fail "the old name is in the bucket"
tree_of "$MNT/e" >seen
same "in the bucket" tree seen

# There and back again before anything is sent: nothing is left to do.
mark=$(log_mark)
remount commit=60
find "$MNT" -ls >/dev/null
mv "$MNT/e" "$MNT/g"
mv "$MNT/g" "$MNT/e"
synced
is "copies of what came back" "$(requests PUT '/[^? ]' "$mark")" 0
is "deletes of what came back" "$(requests POST '/?[?]delete' "$mark")" 0
tree_of "$MNT/e" >seen
same "there and back" tree seen
unmnt
