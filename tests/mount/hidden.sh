#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Keys that are no file names: counted and named with the reason, not lost with
# the directory that they are in, and restored under a name.
. "$(dirname "$0")/lib.sh"
need aws jq git

printf text >body
long=$(printf 'n%.0s' $(seq 256))
for key in d/a//b "d/$long" e/f/..; do
	s3api put-object --key "$key" --body body >/dev/null
done
s3api put-object --key clash --body body >/dev/null
s3api put-object --key clash/name --body body >/dev/null
mnt
is "names" "$(cd "$MNT" && find . -mindepth 1 | LC_ALL=C sort | xargs)" \
	"./clash ./clash/name ./d ./d/a ./e ./e/f"
is "count" "$(git config -f "$MNT/.control" hidden.count)" 4
why() { git config -f "$MNT/.control" "hidden.$1.why"; }
is "no component" "$(why d/a//)" "a component of the key is empty"
is "too long" "$(why "d/$long")" "no file can have this name"
is "dots" "$(why e/f/..)" "no file can have this name"
is "two kinds" "$(why clash)" "a directory has this name"
"$VERS3CTL" status "$MNT" >status
grep -q '^hidden: *4 objects' status || fail "status: $(cat status)"
grep -q ' e/f/\.\.: no file can' status || fail "status: $(cat status)"

# The directory would come back.
refused "rmdir" "not empty" rmdir "$MNT/d/a"
refused "rm -r" "not empty" rm -r "$MNT/e"
mkdir "$MNT/new"
refused "a rename over it" "not empty" mv -T "$MNT/new" "$MNT/d/a"
remount
refused "rmdir, from the cache" "not empty" rmdir "$MNT/d/a"
"$VERS3CTL" restore --key d/a//b --to "$MNT/restored"
is "restored" "$(cat "$MNT/restored")" text
"$VERS3CTL" restore --key clash --to "$MNT/file"
is "the file beside the directory" "$(cat "$MNT/file")" text
for key in d/a//b "d/$long" e/f/..; do
	s3api delete-object --key "$key" >/dev/null
done
fresh
is "gone" "$(ls "$MNT")" $'clash\nfile\nnew\nrestored'
unmnt
