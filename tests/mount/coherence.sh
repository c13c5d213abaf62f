#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Two mounts of one bucket: close-to-open within ttl=, and a lost update loses
# nothing.
. "$(dirname "$0")/lib.sh"
need git

second() {
	MNT=$WORK/mnt2 CACHE=$WORK/cache2 "$@"
}

sees() {
	[ "$(cat "$1" 2>/dev/null)" = "$2" ]
}

# conflict KEY: what the first mount's control file says of conflicts.
conflict() {
	git config -f "$MNT/.control" "conflicts.$1" || true
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

# Both write while no list is old enough to be asked for again. Where the server
# knows conditions that is met at once, else it is looked for afterwards.
second remount ttl=600,commit=60
remount ttl=600,commit=60
for name in g new; do
	sees "$WORK/mnt2/$name" mine || true
	echo "mine, too" >"$MNT/$name"
	echo theirs >"$WORK/mnt2/$name"
done
second synced
synced
remount
for name in g new; do
	is "the newest $name" "$(s3 GET "/$BUCKET/$name")" "mine, too"
	is "the conflict of $name" "$(conflict $name.current)" ours
	theirs=$(conflict $name.theirs)
	is "their version of $name" \
		"$(s3 GET "/$BUCKET/$name?versionId=$theirs")" theirs
done
is "conflicts" "$(conflict count)" 3
second unmnt
unmnt
