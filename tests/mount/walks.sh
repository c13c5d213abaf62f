#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Going through a tree, live and as it was: what find asks the server for. The
# sizes of files say what they are, but for those that may be symlinks.
. "$(dirname "$0")/lib.sh"
need_log

dirs=40 files=30
head -c 4096 /dev/zero >body
sum=$(sha256sum <body)

# put_dirs BELOW FILES: as many of them in each of the directories there
put_dirs() {
	local d f
	for d in $(seq $dirs); do
		for f in $(seq "$2"); do
			echo "url = \"$ENDPOINT/$BUCKET/$1d$d/f$f\""
			echo 'upload-file = "body"'
			echo 'output = "/dev/null"'
		done
	done >list
	s3_curl "${sum%% *}" -Z --parallel-max 16 -K list 2>/dev/null
}

# lists MOST SINCE: of what is there now no more than so many were asked for
lists() {
	local got
	got=$(requests GET '/?\?(.*&)?list-type=' "$2")
	[ "$got" -le "$1" ] || fail "$got lists: $(requests_since "$2" 100)"
}

put_dirs '' $files
mnt ttl=600
mkdir "$MNT/few"
ln -s there "$MNT/few/link"
echo small >"$MNT/few/file"
synced
all=$((1 + dirs * (files + 1) + 3))

fresh ttl=600
since=$(log_mark)
is "what is there" "$(find "$MNT" -name .versions -prune -o -print | wc -l)" \
	$all
is "questions for files" "$(requests HEAD '/d[0-9]*/[^? ]' "$since")" 0
# The root's own, pages of all that is below, and few that come too late.
lists 8 "$since"
is "links" "$(cd "$MNT" && find few -type l)" few/link
is "files" "$(find "$MNT" -name .versions -prune -o -type f -print | wc -l)" \
	$((dirs * files + 1))
is "questions for their types" "$(requests HEAD '/d[0-9]*/[^? ]' "$since")" 0

# The same at an instant: pages of a flat list, and not a list a directory.
fresh ttl=600
sleep 1.1
at=$(date -u +%Y-%m-%dT%H-%M-%SZ)
past=$MNT/.versions/@$at
since=$(log_mark)
is "what was there" "$(find "$past" | wc -l)" $all
is "files that were" "$(find "$past" -type f | wc -l)" $((dirs * files + 1))
is "links that were" "$(find "$past" -type l)" "$past/few/link"
is "questions for files that were" \
	"$(requests HEAD '/d[0-9]*/[^? ]' "$since")" 0
got=$(requests GET '/?\?(.*&)?versions=' "$since")
[ "$got" -le $((dirs + 8)) ] ||
	fail "$got lists: $(requests_since "$since" 100)"

# A directory of it is one list.
fresh ttl=600
ls "$MNT/.versions/@$at" >/dev/null
ls -d "$MNT/.versions/@$at/d7" >/dev/null
since=$(log_mark)
is "one directory" "$(find "$MNT/.versions/@$at/d7" | wc -l)" $((files + 1))
is "its lists" "$(requests GET '/?\?(.*&)?versions=' "$since")" 0

# Attributes are asked for when they are wanted, once.
since=$(log_mark)
ls -lR "$MNT/.versions/@$at" >/dev/null
ls -lR "$MNT/.versions/@$at" >/dev/null
is "attributes of all" "$(requests HEAD '/d[0-9]*/[^? ]' "$since")" \
	$((dirs * files))

# A tree of which nothing is known is renamed with the names of a flat list.
put_dirs tree/ 1
fresh ttl=600
since=$(log_mark)
mv "$MNT/tree" "$MNT/moved"
lists 4 "$since"
is "what was moved" "$(find "$MNT/moved" | wc -l)" $((1 + 2 * dirs))
synced
fresh
is "what is there then" "$(find "$MNT/moved" -type f | wc -l)" $dirs
[ ! -e "$MNT/tree" ] || fail "the old name is there"
unmnt
