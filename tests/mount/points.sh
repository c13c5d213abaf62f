#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# mkdir .versions/@NAME: what was written before it is in that tree, what is
# written after it is not, in the same second too; another mount sees it.
. "$(dirname "$0")/lib.sh"
need jq

points=$MNT/.versions
mnt ttl=1,commit=30
echo 0 >"$MNT/file"
for i in 1 2 3 4 5 6; do
	mkdir "$points/@p$i"
	echo "$i" >"$MNT/file"
	echo x >"$MNT/new$i"
	synced
done
for i in 1 2 3 4 5 6; do
	is "before point $i" "$(cat "$points/@p$i/file")" $((i - 1))
	is "after point $i" "$(ls "$points/@p$i")" \
		"$(printf '%s\n' file; seq -f 'new%g' $((i - 1)))"
done
is "listed" "$(ls "$points" | grep -c '^@p[1-6]$')" 6
is "beside what ever was" "$(ls "$points" | grep -v '^@p')" \
	"$(printf '%s\n' file; seq -f 'new%g' 6)"
is "not in the live tree" "$(find "$MNT" -name '*@p*')" ""
is "none is hidden" "$(git config -f "$MNT/.control" hidden.count)" 0
is "an empty object" "$(s3 GET "/$BUCKET/.versions/%40p1" | wc -c)" 0

refused "a time" "" mkdir "$points/@2h"
refused "there is one" "File exists" mkdir "$points/@p1"
refused "no point" "Read-only" mkdir "$points/name"
refused "none to forget" "No such file" rmdir "$points/@none"
mkdir "$MNT/dir"
echo low >"$MNT/dir/low"
refused "below" "not permitted" mkdir "$MNT/dir/.versions/@below"
mkdir "$points/@monday"
echo high >"$MNT/dir/low"
is "seen from below" "$(cat "$MNT/dir/.versions/@monday/low")" low

# vers3ctl, with or without the '@'.
"$VERS3CTL" diff "$MNT/dir" --at @monday >out
is "diff" "$(sed -nE 's/^~ .* (.*)/\1/p' out)" dir/low
is "log" "$("$VERS3CTL" --json log "$MNT" | jq -r '.[].path' | grep -c '@\|versions')" 0
"$VERS3CTL" restore "$MNT/dir/low" --at monday >/dev/null
is "restored a file" "$(cat "$MNT/dir/low")" low
rm -r "$MNT/dir"
"$VERS3CTL" restore "$MNT" --at @monday >/dev/null
is "restored a tree" "$(cat "$MNT/dir/low")" low
refused "an unknown name" "no named point" "$VERS3CTL" restore "$MNT/file" --at @none

# Forgotten, and made anew.
rmdir "$points/@monday"
refused "forgotten" "No such file" ls "$points/@monday"
echo last >"$MNT/dir/low"
mkdir "$points/@monday"
is "made anew" "$(cat "$points/@monday/dir/low")" last

# By a mount that knows nothing, by one of that instant, and by one without.
fresh ttl=1
is "elsewhere" "$(cat "$points/@p2/file")" 1
remount at=@p2
is "at=" "$(cat "$MNT/file")" 1
is "at=, all" "$(ls "$MNT")" "file
new1"
refused "read-only" "Read-only" mkdir "$points/@ro"
remount versions=off
refused "versions=off" "No such file" mkdir "$points/@off"
unmnt
