#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# versions_dir= and control_file=: a tree that has a .versions and a .control
# of its own goes in and comes out, and vers3ctl finds ours.
. "$(dirname "$0")/lib.sh"
need jq getfattr

mkdir -p tree/.versions/1 tree/sub/.versions
for f in .control .versions/1/a sub/.versions/b sub/.control file; do
	echo "$f" >"tree/$f"
done

# usable NAME: what vers3ctl does, with the history under that name.
usable() {
	local history=$1
	echo one >"$MNT/new"
	"$VERS3CTL" sync "$MNT"
	echo two >"$MNT/new"
	"$VERS3CTL" sync "$MNT/new"
	is "status" "$("$VERS3CTL" --json status "$MNT" |
		jq -r .mount.versionsDir)" "$history"
	is "attribute" "$(getfattr --absolute-names --only-values \
		-n vers3.versions_dir "$MNT")" "$history"
	is "versions" "$("$VERS3CTL" versions "$MNT/new" | wc -l)" 2
	is "of a path in it" "$("$VERS3CTL" versions "$MNT/$history/new" |
		wc -l)" 2
	"$VERS3CTL" log "$MNT" >log
	grep -q new log || fail "log: $(cat log)"
	mkdir "$MNT/$history/@point"
	echo three >"$MNT/new"
	"$VERS3CTL" diff "$MNT" --at point >diff
	is "diff" "$(wc -l <diff) $(grep -c 'new$' diff)" "1 1"
	"$VERS3CTL" restore "$MNT" --at point >/dev/null
	is "restored" "$(cat "$MNT/new")" two
	"$VERS3CTL" restore "$MNT/new" --version \
		"$("$VERS3CTL" --json versions "$MNT/new" |
			jq -r '.[0].versionId')"
	is "a version" "$(cat "$MNT/new")" one
	rmdir "$MNT/$history/@point"
	rm "$MNT/new"
}

mnt
# Under the usual names these are ours.
if cp -a tree/. "$MNT" 2>/dev/null; then
	fail "a tree with our names went in"
fi
rm -rf "$MNT/file" "$MNT/sub"
synced
remount versions_dir=.history,control_file=.state,versions=visible
cp -a tree/. "$MNT"
usable .history
fresh versions_dir=.history,control_file=.state
diff -r tree "$MNT" >&2 || fail "it differs"
git config -f "$MNT/.state" mount.pid >/dev/null || fail "no .state"
"$VERS3CTL" umount "$MNT"
within 20 gone "$(daemon)" || fail "the daemon stays"
rm "$MNT.pid"

# Nothing of ours is there; vers3ctl does what it can.
mnt versions_dir=,control_file=
diff -r tree "$MNT" >&2 || fail "it differs without ours"
refused "no history" "" "$VERS3CTL" versions "$MNT/file"
"$VERS3CTL" log "$MNT" >log
grep -q new log || fail "log without .versions: $(cat log)"
"$VERS3CTL" status "$MNT" >/dev/null
echo more >"$MNT/.control"
"$VERS3CTL" umount "$MNT"
within 20 gone "$(daemon)" || fail "the daemon stays"
rm "$MNT.pid"
is "sent" "$(s3 GET "/$BUCKET/.control")" more

# By the usual names again nothing of that is lost, nor seen.
mnt
is "hidden" "$(ls -A "$MNT")" "$(printf 'file\nsub')"
cat "$MNT/.control" >/dev/null
