#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# History is no way around the modes of the live tree: .versions lets in whom
# the directories let in that it tells of, those that are gone, too.
. "$(dirname "$0")/lib.sh"
need setpriv
need_root

chmod 755 "$WORK" "$(dirname "$WORK")"
mnt allow_other

# What another user of the machine may do.
nobody() {
	setpriv --reuid=65534 --regid=65534 --clear-groups "$@"
}

# closed PATH: it lets nobody but its owner (and root) in.
closed() {
	refused "list of $1" "Permission denied" nobody ls "$MNT/$1"
	ls "$MNT/$1" >/dev/null || fail "root cannot list $1"
}

# unread DIR FILE: nobody reads the version, and sees not that it is there.
unread() {
	local version
	version=$(find "$MNT/$1/$2" -type f ! -name '*.deleted' | head -n 1)
	[ -n "$version" ] || fail "no version of $1/$2"
	cat "$version" >/dev/null || fail "root cannot read $version"
	refused "read of $version" "Permission denied" nobody cat "$version"
	refused "stat of $1/$2" "Permission denied" nobody stat "$MNT/$1/$2"
	refused "a name in $1" "Permission denied" nobody stat "$MNT/$1/none"
}

cd "$MNT"
mkdir -m 755 open
mkdir -m 700 secret secret/deep gone renamed
mkdir -m 711 through
echo plan | tee secret/plan.txt secret/deep/plan.txt gone/plan.txt \
	renamed/plan.txt through/plan.txt open/plan.txt >secret/lost.txt
synced
rm secret/lost.txt
rm -r gone
mv renamed other
cd "$WORK"
synced

# Another tool's directory that is gone: nobody knows what it was.
echo text >text
put_object foreign/plan.txt text
s3 DELETE "/$BUCKET/foreign/plan.txt" >/dev/null

look() {
	closed .versions/secret
	unread .versions/secret plan.txt
	unread .versions/secret lost.txt
	unread .versions/secret/deep plan.txt
	closed .versions/gone
	unread .versions/gone plan.txt
	closed .versions/renamed
	unread .versions/renamed plan.txt
	closed .versions/other
	closed .versions/foreign
	unread .versions/foreign plan.txt
	refused "secret/.versions" "Permission denied" \
		nobody ls "$MNT/secret/.versions"
	closed ".versions/@$now/secret"
	unread ".versions/@$now/secret" plan.txt
	unread ".versions/@$now/secret/deep" plan.txt
	# Names are not to be listed, and those that are known can be read.
	closed .versions/through
	closed through/.versions
	closed .versions/through/plan.txt
	nobody cat "$MNT"/.versions/open/plan.txt/*Z*~* >/dev/null
	nobody ls "$MNT/.versions/open" "$MNT/open/.versions" >/dev/null
	nobody cat "$MNT/.versions/@$now/open/plan.txt" >/dev/null
}
now=$(date -u +%Y-%m-%dT%H-%M-%SZ)
look

# The files went before their directories: at that instant, too.
first=$(find "$MNT/.versions/secret/plan.txt" -type f -printf '%f\n')
first=${first%%~*}
closed ".versions/@$first/secret"

fresh allow_other
look
# Whoever goes in by itself, with nothing known yet of what is above.
fresh allow_other
unread .versions/secret/deep plan.txt
remount allow_other
unread .versions/gone plan.txt

# Made readable, and taken back: at once.
chmod 755 "$MNT/secret"
nobody cat "$MNT"/.versions/secret/plan.txt/*Z*~* >/dev/null
chmod 700 "$MNT/secret"
unread .versions/secret plan.txt
chown 65534 "$MNT/secret"
nobody cat "$(find "$MNT/.versions/secret/lost.txt" -type f \
	! -name '*.deleted')" >/dev/null
chown 0 "$MNT/secret"
unread .versions/secret lost.txt

# The mounting user's own ways are as they were.
cp "$(find "$MNT/.versions/secret/lost.txt" -type f ! -name '*.deleted')" \
	"$MNT/secret/lost.txt"
is restored "$(cat "$MNT/secret/lost.txt")" plan
"$VERS3CTL" undelete "$MNT/gone/plan.txt" >/dev/null
is undeleted "$(cat "$MNT/gone/plan.txt")" plan
refused "a marker that another removes" "Permission denied" \
	nobody rm -f "$MNT"/.versions/foreign/plan.txt/*.deleted

# A list costs no look at each name.
if [ -n "$ACCESS_LOG" ]; then
	rm -rf "$MNT/many"
	mkdir "$MNT/many"
	(cd "$MNT/many" && touch f{1..60})
	synced
	fresh allow_other
	mark=$(log_mark)
	is names "$(find "$MNT/.versions/many" -mindepth 1 -maxdepth 1 |
		wc -l)" 60
	heads=$(requests HEAD '/[^? ]' "$mark")
	[ "$heads" -le 4 ] ||
		fail "$heads HEADs: $(requests_since "$mark" 20)"
fi
unmnt
