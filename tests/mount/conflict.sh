#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Two mounts of one bucket: close-to-open within ttl=, what both of them write
# or delete, and what .control lists of it; whether or not the server knows
# conditional requests.
. "$(dirname "$0")/lib.sh"
need jq git

other=$WORK/mnt2

second() {
	MNT=$other CACHE=$WORK/cache2 "$@"
}

sees() {
	[ "$(cat "$1" 2>/dev/null)" = "$2" ]
}

# conflict MOUNT KEY: what a mount's control file says of conflicts.
conflict() {
	git config -f "$1/.control" "conflicts.$2" || true
}

versions() {
	history_of "$1" | grep -cx "V $1" || true
}

# both_know NAME TEXT: it is in the bucket, and seen by both.
both_know() {
	echo "$2" >"$MNT/$1"
	synced
	within 5 sees "$other/$1" "$2" || fail "$1 is not seen"
}

# Both mounts keep their changes until they are told to send them.
mnt ttl=1,commit=60
second mnt ttl=1,commit=60
is "the scratch object" "$(history_of)" ""
is "its kinds" "$(git config -f "$MNT/.control" --get-regexp '^s3\.if' |
	wc -l)" 4

# --- one writes, the other reads ----------------------------------------

head -c 1M /dev/zero | tr '\0' a >old
cp old "$MNT/f"
synced
within 5 cmp -s old "$other/f" || fail "f is not seen"
second remount ttl=1,commit=60
exec 7<"$other/f"
dd bs=1 count=1 <&7 >first 2>/dev/null
head -c 100K /dev/zero | tr '\0' b >new
cp new "$MNT/f"
synced
sleep 2.2
same "what is opened after ttl" new "$other/f"
is "its size" "$(stat -c %s "$other/f")" 102400
cat first - <&7 >rest
same "what was open keeps its version" old rest
exec 7<&-

both_know gone here
rm "$MNT/gone"
synced
within 5 test ! -e "$other/gone" || fail "a removal is not seen"
is "conflicts of those who take turns" "$(conflict "$MNT" count)" 0
is "of the other" "$(conflict "$other" count)" 0

# --- both write ---------------------------------------------------------

both_know g base
echo mine >"$MNT/g"
echo theirs >"$other/g"
second synced
sleep 1.2
synced
is "the newest" "$(s3 GET "/$BUCKET/g")" mine
is "versions" "$(versions g)" 3
is "the conflict" "$(conflict "$MNT" g.current)" ours
theirs=$(conflict "$MNT" g.theirs)
is "their version" "$(s3 GET "/$BUCKET/g?versionId=$theirs")" theirs
is "our version" "$(s3 GET "/$BUCKET/g?versionId=$(conflict "$MNT" g.ours)")" \
	mine
is "conflicts there" "$(conflict "$other" count)" 0
within 5 sees "$other/g" mine || fail "the newest is not seen"

# --- one makes, the other has made --------------------------------------

echo mine >"$MNT/new"
echo theirs >"$other/new"
second synced
sleep 1.2
synced
is "the newest of two new ones" "$(s3 GET "/$BUCKET/new")" mine
is "versions of it" "$(versions new)" 2
is "the conflict of it" "$(conflict "$MNT" new.current)" ours

# --- one writes, the other deletes --------------------------------------

both_know edited base
echo mine >"$MNT/edited"
rm "$other/edited"
second synced
sleep 1.2
synced
is "what was deleted there" "$(s3 GET "/$BUCKET/edited")" mine
is "the conflict of that" "$(conflict "$MNT" edited.current)" ours
within 5 sees "$other/edited" mine || fail "edited is not seen again"

# A directory with a file that the other is at.
mkdir "$MNT/d"
for i in 1 2 3; do
	echo "$i" >"$MNT/d/$i"
done
both_know d/4 4
rm -r "$MNT/d"
echo unseen >"$other/d/2"
second synced
sleep 1.2
synced
is "the save that nobody saw" "$(s3 GET "/$BUCKET/d/2")" unseen
is "it shows here" "$(cd "$MNT" && find d | sort | tr '\n' ' ')" "d d/2 "
is "with its content" "$(cat "$MNT/d/2")" unseen
is "the delete that was given up" "$(conflict "$MNT" d/2.current)" theirs
within 5 test ! -e "$other/d/1" || fail "the others of d are still there"

# Both delete: they agree.
count=$(conflict "$MNT" count)
both_know agreed base
rm "$MNT/agreed" "$other/agreed"
second synced
sleep 1.2
synced
is "markers of what both deleted" "$(history_of agreed | grep -c '^M')" 1
is "no conflict" "$(conflict "$MNT" count)" "$count"

# --- a mount that is killed before it has sent anything -------------------

count=$(conflict "$MNT" count)
both_know left base
both_know kept base
rm "$MNT/left"
echo mine >"$MNT/kept"
sleep 1
crash
echo theirs >"$other/left"
echo theirs >"$other/kept"
second synced
mnt ttl=1,commit=60
synced
is "what they saved, and was removed here" "$(s3 GET "/$BUCKET/left")" theirs
is "its conflict" "$(conflict "$MNT" left.current)" theirs
is "what both saved" "$(s3 GET "/$BUCKET/kept")" mine
is "the conflict of that" "$(conflict "$MNT" kept.current)" ours
is "conflicts after the kill" "$(conflict "$MNT" count)" $((count + 2))
count=$((count + 2))

# The list of conflicts outlives the mount.
second unmnt
remount
is "conflicts after a remount" "$(conflict "$MNT" count)" "$count"
unmnt
