#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Two mounts of one bucket: close-to-open within ttl=, and a lost update loses
# nothing.
. "$(dirname "$0")/lib.sh"

second() {
	MNT=$WORK/mnt2 CACHE=$WORK/cache2 "$@"
}

sees() {
	[ "$(cat "$1" 2>/dev/null)" = "$2" ]
}

mnt ttl=1,commit=0
second mnt ttl=1,commit=0
echo first >"$MNT/f"
synced
within 15 sees "$WORK/mnt2/f" first || fail "a new file is not seen"
echo second >"$WORK/mnt2/f"
second synced
within 15 sees "$MNT/f" second || fail "a change is not seen"
rm "$MNT/f"
synced
within 15 test ! -e "$WORK/mnt2/f" || fail "a removal is not seen"

# Both write to one name before either is sent.
echo base >"$MNT/g"
synced
within 15 sees "$WORK/mnt2/g" base || fail "g is not seen"
remount ttl=1,commit=60
sees "$MNT/g" base || fail "g is gone"
echo mine >"$MNT/g"
echo theirs >"$WORK/mnt2/g"
second synced
synced
is "versions of g" "$(count_versions g)" 3
is "the newest" "$(s3 GET "/$BUCKET/g")" mine
second unmnt
unmnt
