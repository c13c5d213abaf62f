#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Whatever vers3ctl cannot do, it says what can be done instead.
. "$(dirname "$0")/lib.sh"

# told WHAT TEXT ARGUMENT...: vers3ctl fails, and says that.
told() {
	local what=$1 text=$2 rc=0
	shift 2
	"$VERS3CTL" -C "$MNT" "$@" >"$WORK/said.txt" 2>&1 || rc=$?
	[ $rc -gt 0 ] || fail "$what: status 0"
	grep -qF -- "$text" "$WORK/said.txt" ||
		fail "$what: no '$text' in: $(cat "$WORK/said.txt")"
}

mnt commit=600
mkdir "$MNT/dir"
echo text >"$MNT/file"
told "a file that was not sent" 'is not in the bucket yet; `vers3ctl sync`' \
	versions file
synced
"$VERS3CTL" versions "$MNT/file" >/dev/null
echo text >"$MNT/dir/file"
synced
told "a directory's versions" 'is a directory: `vers3ctl log`' versions dir
rm -r "$MNT/dir"
synced
for verb in versions undelete restore; do
	told "$verb of a directory that is gone" \
		'is a directory: `vers3ctl log`' $verb dir
done
told "what never was" '`vers3ctl log` of its directory' versions none
told "what never was, restored" '`vers3ctl log` of its directory' restore none
told "what never was, logged" '`vers3ctl log` of the directory above' log none
told "the root's versions" "$MNT is a directory" versions .
told "no time" '2026-11-21T12:00:00Z' diff . --at soon
told "nothing to restore" 'restore wants a PATH, or --key' restore
told "no such option" '`vers3ctl --help` lists' --frob
told "no mount" '`findmnt -t fuse.vers3`' status "$WORK"
is "no rules" "$("$VERS3CTL" -C "$MNT" lifecycle | cut -d ';' -f 1)" \
	"the bucket has no lifecycle rules"
is "none of replication" "$("$VERS3CTL" -C "$MNT" replication | tail -n 1)" \
	"the bucket has no replication rules"
if [ "$(id -u)" = 0 ]; then
	exec 5<"$MNT/file"
	told "busy" "\`fuser -vm $MNT\`" umount "$MNT"
	exec 5<&-
fi
unmnt
