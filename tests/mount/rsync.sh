#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# rsync -aHAX of 1,000 files: one version a file and no delete marker; a second
# run, with what the mount knows, changes nothing and asks for no object; nor
# does a third one with an empty cache change anything.
. "$(dirname "$0")/lib.sh"
need rsync jq
need_log

sync_tree() {
	rsync -aHAXi src/ "$MNT/copy/"
}

mkdir src
for i in $(seq 0 999); do
	d=src/$((i % 20))
	mkdir -p "$d"
	echo "file $i" >"$d/$i"
done
ln -s 1/1 src/link
touch -d '2020-02-02T02:02:02.020202020Z' src/*/*5
# rsync takes times of the same second for equal: directories that are copied
# in the second in which they were made would keep the copy's time, and get
# theirs, and one more version, with the first change.
touch -d '2020-02-02T02:02:02.020202020Z' src src/*/
mnt
since=$(log_mark)
sync_tree >out
is "files sent at first" "$(grep -c '^>f' out)" 1000
synced
is "PUTs of files" "$(requests PUT '/copy/[0-9]+/[0-9]+[ ?]' "$since")" 1000
history_of copy/ | sort >versions
is "delete markers" "$(grep -c '^M' versions || true)" 0
is "versions of files" "$(grep -cE '^V copy/[0-9]+/[0-9]+$' versions)" 1000
# A directory's own object may be saved again when rsync sets its time at the
# end of a run of more than half a minute; a file never is.
is "files with two versions" "$(uniq -d versions | grep -v '/$' | head -n 3)" ""

since=$(log_mark)
sync_tree >out
is "second run" "$(cat out)" ""
synced
got=$(requests 'GET|PUT|POST|DELETE' '/[^? ]' "$since")
[ "$got" = 0 ] ||
	fail "$got requests in the second run: $(requests_since "$since")"
# Whether our own saves still stand is asked once: of a few names in a list by
# themselves, and of many, as there are in each directory here, by one more.
got=$(requests HEAD '/[^? ]' "$since")
[ "$got" -lt 10 ] || fail "$got HEADs: $(requests_since "$since")"

fresh
sync_tree >out
is "third run, empty cache" "$(cat out)" ""
synced
history_of copy/ | sort >versions2
same "history after three runs" versions versions2

# A changed file is one more version, and no marker for its temporary name.
echo changed >src/3/3
sync_tree >out
is "fourth run" "$(cut -d' ' -f2 out)" 3/3
synced
history_of copy/ | sort >versions3
is "new versions" "$(diff versions versions3 | grep '^[<>]')" "> V copy/3/3"
unmnt
