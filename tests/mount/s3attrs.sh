#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# What the server keeps of a file, set by attributes: tags, the storage class.
. "$(dirname "$0")/lib.sh"

tags_of() {
	s3 GET "/$BUCKET/$1?tagging=" | grep -oP '(?<=<Key>)[^<]*' | LC_ALL=C sort |
		tr '\n' ' '
}
value() {
	getfattr --only-values -n "user.s3.$1" "$2" 2>/dev/null
}

mnt commit=60
echo text >"$MNT/f"
# What is unsent is sent for it.
setfattr -n user.s3.tags -v 'class=tmp&a%20b=1' "$MNT/f"
is "the tags in the bucket" "$(tags_of f)" "a b class "
is "the tags" "$(value tags "$MNT/f")" "a%20b=1&class=tmp"
refused "a bad tag" "Invalid argument" \
	setfattr -n user.s3.tags -v nothing "$MNT/f"
is "they stay" "$(tags_of f)" "a b class "
setfattr -x user.s3.tags "$MNT/f"
is "no tags" "$(tags_of f)" ""
is "one version" "$(history_of f)" "V f"
if getfattr -d -m - "$MNT/f" | grep -q s3; then
	fail "an attribute of the server is listed"
fi

refused "a class that there is not" "Invalid argument" \
	setfattr -n user.s3.storage_class -v FROB "$MNT/f"
is "the class" "$(value storage_class "$MNT/f")" STANDARD
setfattr -n user.s3.storage_class -v STANDARD_IA "$MNT/f" 2>/dev/null ||
	skip "one storage class only"
synced
is "two versions" "$(history_of f)" "V f
V f"
is "the class in the bucket" "$(header f x-amz-storage-class)" STANDARD_IA
mkdir "$MNT/d"
setfattr -n user.s3.storage_class -v STANDARD_IA "$MNT/d"
synced
fresh
is "the content" "$(cat "$MNT/f")" text
is "kept with the directory" "$(value storage_class "$MNT/d")" STANDARD_IA
echo new >"$MNT/d/new"
synced
is "what is made in it" "$(header d/new x-amz-storage-class)" STANDARD_IA
is "as one version" "$(history_of d/new)" "V d/new"
