#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A rename's first version says where the file came from, whether the server
# copies it or it is sent; vers3ctl versions --follow walks that, over several
# renames and in a circle. Links and copies say nothing.
. "$(dirname "$0")/lib.sh"
need jq aws

# from FILE: the key that its newest version came from.
from() {
	meta "$1" vers3-renamed-from | sed 's,?versionId=.*,,'
}

# past FILE: the versions that --follow tells, as "name:content". Markers are
# left out: whether one or the copy was first is the server's to say.
past() {
	"$VERS3CTL" --json versions --follow "$MNT/$1" |
		jq -r '.[] | select(.deleted | not) | [.path, .name] | @tsv' |
		while IFS=$'\t' read -r path name; do
			printf '%s:%s ' "$path" \
				"$(cat "$MNT/.versions/$path/$name")"
		done
}

settle() {
	synced
	sleep 1.1 # lists tell seconds
}

mnt
mkdir "$MNT/dir"
echo one >"$MNT/a"
settle
echo two >"$MNT/a"
settle
id=$(header a x-amz-version-id)
mv "$MNT/a" "$MNT/b"
settle
is "of a copy" "$(meta b vers3-renamed-from)" "a?versionId=$id"
is "what it carries beside" "$(meta b file-permissions)" 0100644
is "as an attribute" "$(getfattr --absolute-names --only-values -n user.s3.renamed_from \
	"$MNT/b")" "a?versionId=$id"
is "one name" "$(past b)" "a:one a:two b:two "
is "without --follow" "$("$VERS3CTL" versions "$MNT/b" | wc -l)" 1

# Changed and renamed before the syncer looks; a name to be encoded.
mv "$MNT/b" "$MNT/dir/c ä?"
echo three >"$MNT/dir/c ä?"
settle
is "of what is sent" "$(from "dir/c ä?")" b
is "two names" "$(past "dir/c ä?")" "a:one a:two b:two dir/c ä?:three "
echo four >"$MNT/dir/c ä?"
settle
is "a later version" "$(from "dir/c ä?")" ""
is "goes on" "$(past "dir/c ä?")" \
	"a:one a:two b:two dir/c ä?:three dir/c ä?:four "

# Back to where it began: a circle ends. Markers of the name are told.
mv "$MNT/dir/c ä?" "$MNT/a"
settle
is "a circle" "$(past a)" \
	"a:one a:two b:two dir/c ä?:three dir/c ä?:four a:four "
is "and its marker" "$("$VERS3CTL" versions --follow "$MNT/a" |
	awk '$2 == "deleted" { print $4 }')" a

# Renamed twice between two looks, and with all of a directory.
mv "$MNT/a" "$MNT/x"
mv "$MNT/x" "$MNT/dir/y"
mv "$MNT/dir" "$MNT/moved"
settle
is "twice, and its directory" "$(from moved/y)" a

# What is no rename of the object: a new file, a copy, a link, back again.
echo new >"$MNT/.tmp"
mv "$MNT/.tmp" "$MNT/saved"
cp "$MNT/saved" "$MNT/copied"
mv "$MNT/copied" "$MNT/copied2"
echo linked >"$MNT/l1"
ln "$MNT/l1" "$MNT/l2"
settle
mv "$MNT/l1" "$MNT/l3"
cp "$MNT/moved/y" "$MNT/copy of y"
mv "$MNT/saved" "$MNT/away"
mv "$MNT/away" "$MNT/saved"
settle
for name in saved copied2 l2 l3 "copy of y"; do
	is "$name says nothing" "$(from "$name")" ""
done
is "not sent again" "$(count_versions saved)" 1

# By a mount that knows nothing of the files, and one that is killed.
settle
fresh commit=600
mtime=$(meta moved/y file-mtime)
mv "$MNT/moved" "$MNT/again"
sleep 1 # the local disk has it
crash
mnt
settle
is "not looked at before" "$(from again/y)" moved/y
is "its mode goes along" "$(meta again/y file-permissions)" 0100644
is "its time" "$(meta again/y file-mtime)" "$mtime"
is "all of it" "$(past again/y)" "a:one a:two b:two dir/c ä?:three \
dir/c ä?:four a:four moved/y:four again/y:four "
unmnt

# Others may name what is not in the mount.
mkdir "$WORK/outside"
echo x >"$WORK/outside/2026-01-01T00-00-00Z~abc"
mnt
MNT_UP=../../outside
[ -e "$MNT/.versions/$MNT_UP/2026-01-01T00-00-00Z~abc" ] || fail "no such place"
aws s3api put-object --bucket "$BUCKET" --key forged --body /etc/hostname \
	--metadata "vers3-renamed-from=$MNT_UP?versionId=abc" >/dev/null
within 30 test -e "$MNT/forged"
followed=$("$VERS3CTL" versions --follow "$MNT/forged")
case $followed in
*outside*) fail "it went outside: $followed" ;;
*Z*forged) ;;
*) fail "unexpected: $followed" ;;
esac
unmnt

# A part of the bucket: keys are whole in the bucket, and as seen in a mount.
rm -rf "$CACHE"
mnt "" "$BUCKET:again"
mv "$MNT/y" "$MNT/z"
settle
is "whole key" "$(from again/z)" again/y
is "below the prefix" "$(getfattr --absolute-names --only-values -n user.s3.renamed_from "$MNT/z" |
	sed 's,?.*,,')" y
is "up to the prefix" "$(past z)" "y:four z:four "
unmnt
