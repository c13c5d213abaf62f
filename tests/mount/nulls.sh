#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Versions without an id of their own, "null", made before versioning was
# enabled and while it was suspended; names that are a file, then a directory,
# then a file again.
. "$(dirname "$0")/lib.sh"

bucket=$BUCKET
BUCKET=$bucket-null

set_versioning() {
	s3 PUT "/$BUCKET?versioning=" "<VersioningConfiguration><Status>$1\
</Status></VersioningConfiguration>" >/dev/null
}

# entry FILE N: a name in its history.
entry() {
	ls -U "$MNT/.versions/$1" | sed -n "$2p"
}

# version FILE N: the content.
version() {
	cat "$MNT/.versions/$1/$(entry "$1" "$2")"
}

instant() {
	sleep 1.1
	date -u +%Y-%m-%dT%H-%M-%SZ
	sleep 1.1
}

make_bucket "$BUCKET" plain
s3 PUT "/$BUCKET/before" "unversioned" >/dev/null
s3 PUT "/$BUCKET/gone" "unversioned too" >/dev/null
s3 PUT "/$BUCKET/suspended" "unversioned three" >/dev/null
was=$(instant)
set_versioning Enabled
mnt
echo second >"$MNT/before"
echo second >"$MNT/suspended"
rm "$MNT/gone"
synced
is "of before, first" "$(version before 1)" unversioned
is "its name" "$(entry before 1 | sed 's,.*~,,')" null
is "of before, second" "$(version before 2)" second
is "deleted" "$(version gone 1)" "unversioned too"
is "deleted, marker" "$(entry gone 2 | grep -o deleted)" deleted
cp "$MNT/.versions/gone/$(entry gone 1)" "$MNT/gone"
cp "$MNT/.versions/before/$(entry before 1)" "$MNT/before"
fresh
is "restored from null" "$(cat "$MNT/gone") $(cat "$MNT/before")" \
	"unversioned too unversioned"
is "an instant before" "$(cat "$MNT/.versions/@$was/before" \
	"$MNT/.versions/@$was/suspended")" "unversionedunversioned three"

# A null version made while suspended takes the place of the older null one.
unmnt
set_versioning Suspended
s3 PUT "/$BUCKET/suspended" "while suspended" >/dev/null
mnt
is "now" "$(cat "$MNT/suspended")" "while suspended"
is "versions" "$(ls "$MNT/.versions/suspended" | wc -l)" 2
is "of suspended, first" "$(version suspended 1)" second
is "of suspended, second" "$(version suspended 2)" "while suspended"
is "its name" "$(entry suspended 2 | sed 's,.*~,,')" null
unmnt
set_versioning Enabled
mnt

# File, directory, file.
echo "file one" >"$MNT/name"
synced
one=$(instant)
rm "$MNT/name"
mkdir "$MNT/name"
echo below >"$MNT/name/below"
synced
two=$(instant)
rm -r "$MNT/name"
echo "file two" >"$MNT/name"
synced
is "history of both" "$(ls -U "$MNT/.versions/name" |
	sed -E 's/^[0-9].*(\.deleted)$/marker/; s/^[0-9].*/version/' |
	tr '\n' ' ')" "version marker version below "
is "first as a file" "$(version name 1)" "file one"
is "again as a file" "$(version name 3)" "file two"
is "as a directory" "$(version name/below 1)" below
is "then" "$(cat "$MNT/.versions/@$one/name")" "file one"
is "then a directory" "$(cat "$MNT/.versions/@$two/name/below")" below
fresh
is "now a file" "$(cat "$MNT/name")" "file two"
is "as a directory, anew" "$(version name/below 1)" below
"$VERS3CTL" versions "$MNT/name" >said
is "versions of the file" "$(wc -l <said)" 3
unmnt
BUCKET=$bucket
