#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The first look-up in a directory of which nothing is known: far away its list
# and the file's attributes are asked for side by side, once a directory. What
# is known, and what is near, costs no request more.
. "$(dirname "$0")/lib.sh"
need_log
need_proxy

echo text >body
for dir in strange other near far; do
	put_object $dir/file body
done
# What is as young as an answer is asked for again.
sleep 2

# heads DIR NAME: how often it was asked for since the mark.
heads() {
	requests HEAD "/$1/$2 " "$since"
}

lists() {
	requests GET "/?\\?(.*&)?prefix=$1(%2F|/)" "$since"
}

through_proxy
fault delay ms=50
mnt ttl=600
stat "$MNT/strange" "$MNT/other" >/dev/null

since=$(log_mark)
fault delay ms=1500 match=strange
start=$(date +%s%N)
is "size" "$(stat -c %s "$MNT/strange/file")" 5
took=$((($(date +%s%N) - start) / 1000000))
fault delay ms=50
is "questions for it" "$(heads strange file)" 1
is "lists" "$(lists strange)" 1
[ $took -lt 2700 ] || fail "one after the other: $took ms"
echo "$took ms where an answer takes 1500" >&2

# One in vain, and no more in this directory.
since=$(log_mark)
for name in none nothing nobody; do
	refused "$name" "No such file" stat "$MNT/other/$name"
done
is "questions for what is not there" "$(heads other 'no[a-z]*')" 1
is "lists" "$(lists other)" 1

# A directory that was made here is known.
since=$(log_mark)
mkdir "$MNT/new"
refused "in a new one" "No such file" stat "$MNT/new/none"
is "questions in a new one" "$(heads new none)" 0
is "lists of it" "$(lists new)" 0
synced
unmnt

# Others change the file while its list is waited for: that is what is shown.
rm -rf "$CACHE"
mnt ttl=600
stat "$MNT/far" >/dev/null
fault delay ms=3000 match='GET.*prefix=far'
since=$(log_mark)
stat -c %s "$MNT/far/file" >size &
looking=$!
asked() {
	[ "$(heads far file)" -ge 1 ]
}
within 10 asked || fail "nothing is asked for beside the list"
echo "more text" >body
ENDPOINT=$direct put_object far/file body
wait $looking
is "its size then" "$(cat size)" 10
is "what it holds then" "$(cat "$MNT/far/file")" "more text"
unmnt
fault none

# Near, once that is known.
ENDPOINT=$direct
rm -rf "$CACHE"
mnt ttl=600
stat "$MNT/strange/file" >/dev/null
since=$(log_mark)
refused "near" "No such file" stat "$MNT/near/none"
is "questions near" "$(heads near none)" 0
unmnt
