#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# What others, or a rule of the bucket, remove while it is in use here: what is
# written to an open file comes back, and so does a directory in which files
# are made.
. "$(dirname "$0")/lib.sh"

absent() {
	[ ! -e "$1" ]
}

# others_remove KEY NAME: and the mount has seen that the name is gone.
others_remove() {
	s3 DELETE "/$BUCKET/$1" >/dev/null
	within 20 absent "$MNT/$2" || fail "$2 is there yet"
}

mnt ttl=1
exec 3>>"$MNT/log"
echo one >&3
synced
others_remove log log
echo two >&3
is "the file" "$(cat "$MNT/log")" $'one\ntwo'
synced
get_object log file
is "the object" "$(cat file)" $'one\ntwo'
is "the conflict" "$(git config -f "$MNT/.control" conflicts.log.current)" ours
exec 3>&-

# With the directory that it was in.
mkdir "$MNT/logs"
exec 3>>"$MNT/logs/log"
echo one >&3
synced
s3 DELETE "/$BUCKET/logs/log" >/dev/null
others_remove logs/ logs
echo two >&3
exec 3>&-
is "the file in it" "$(cat "$MNT/logs/log")" $'one\ntwo'

# Who is in a directory makes files in it.
mkdir -m 1777 "$MNT/tmp"
cd "$MNT/tmp"
synced
others_remove tmp/ tmp
echo text >name
mkdir sub
cd "$WORK"
is "the file in the directory" "$(cat "$MNT/tmp/name")" text
is "its mode" "$(stat -c %a "$MNT/tmp")" 1777
fresh
is "the names" "$(cd "$MNT/tmp" && echo *)" "name sub"
is "its mode from the bucket" "$(stat -c %a "$MNT/tmp")" 1777
is "the log" "$(cat "$MNT/logs/log")" $'one\ntwo'

# What is not changed stays away.
exec 3>>"$MNT/log"
others_remove log log
exec 3>&-
synced
absent "$MNT/log" || fail "a file that was not changed is back"
unmnt
