#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Archived objects: a server without an archive says so once; of one that has
# it (liar.c plays it over the true one) files, trees and old versions are asked
# for and waited for; and the runbook's chapter is true.
. "$(dirname "$0")/lib.sh"
need jq
case $ENDPOINT in
http://127.0.0.1:*) ;;
*) skip "the server is not on this machine" ;;
esac
LIAR=$BINDIR/tests/mount/liar

lies() {
	echo "$1" >form.new
	mv form.new form
}

thaw() {
	"$VERS3CTL" thaw "$@"
}

# exits WHAT STATUS WORDS COMMAND...: with this status, and WORDS on stderr.
exits() {
	local what=$1 status=$2 words=$3 rc=0
	shift 3
	"$@" >out 2>err || rc=$?
	is "$what ($(cat err))" $rc "$status"
	is "$what: lines ($(cat err))" "$(wc -l <err)" 1
	grep -qF -- "$words" err || fail "$what: $(cat err)"
}

lies nothing
"$LIAR" "${ENDPOINT##*:}" form >port &
liar=$!
test_cleanup() {
	kill $liar
}
within 10 test -s port || fail "no liar"
ENDPOINT=http://127.0.0.1:$(cat port)
s3 PUT "/$BUCKET/plain" hot
mnt ttl=1,storage_class=GLACIER
mkdir "$MNT/archive"
echo film >"$MNT/archive/film.mov"
echo notes >"$MNT/archive/notes"
synced
class=$(header archive/film.mov x-amz-storage-class)
[ "$class" = GLACIER ] || skip "no class GLACIER here: $class"

# This server knows no archive, or none behind that class (Ceph 20): what can be
# read is not archived.
restore='<RestoreRequest><Days>1</Days></RestoreRequest>'
case $(s3 POST "/$BUCKET/archive/film.mov?restore=" "$restore" || true) in
*InvalidObjectState*)
	thaw "$MNT/archive" >out
	is "a class like others" "$(cat out)" \
		"nothing is archived, of 3 objects"
	;;
*)
	exits "no archive" 1 'not supported by this server' \
		thaw "$MNT/archive"
	is "said once" "$(grep -o 'by this server' err | wc -l)" 1
	grep -qE 'film.mov: .* (405|501|400)' err ||
		fail "in which words: $(cat err)"
	;;
esac
is "the file" "$(cat "$MNT/archive/film.mov")" film
thaw "$MNT/plain" >out
is "not archived" "$(cat out)" "nothing is archived, of 1 objects"

# Bad words.
exits "days" 2 'days=0' thaw "$MNT/plain" --days 0
exits "tier" 2 'tier=fast' thaw "$MNT/plain" --tier fast
exits "no path" 2 'usage: vers3ctl thaw' thaw
exits "nowhere" 2 'nowhere: there is no such file' thaw "$MNT/nowhere"

# One that has it.
remount_empty() {
	unmnt
	rm -rf "$CACHE"
	mnt ttl=1,storage_class=GLACIER
}
remount_empty
lies frozen
refused "a read" "Object is remote" cat "$MNT/archive/film.mov"
grep -qF 'is archived; `vers3ctl thaw archive/film.mov` has it restored' \
	"$MNT.vers3.log" || fail "the log names no command"
"$VERS3CTL" --json thaw "$MNT/archive" --days 3 --tier bulk >out
is "asked for" "$(jq -c '[.days, .archived, .asked, .failed,
	(.items | length)]' out)" "[3,2,2,0,2]"
is "its state" "$(jq -r '.items[0].state' out)" asked
lies thawing
thaw "$MNT/archive/film.mov" >out
grep -q '^under way .* archive/film.mov$' out || fail "$(cat out)"
restoring() {
	getfattr --only-values -n user.s3.restore "$MNT/archive/film.mov" \
		2>/dev/null | grep -q "ongoing-request=\"$1\""
}
within 10 restoring true || fail "s3.restore does not tell"
refused "a read meanwhile" "Object is remote" cat "$MNT/archive/film.mov"

# Waited for; who waits can give up.
env --default-signal=INT "$VERS3CTL" thaw "$MNT/archive" --wait >out 2>err &
waiting=$!
sleep 1.5
kill -0 $waiting || fail "does not wait: $(cat out err)"
kill -INT $waiting
rc=0
wait $waiting || rc=$?
is "given up" $rc 130
thaw "$MNT/archive" --wait --days 3 >out 2>err &
waiting=$!
sleep 1
kill -0 $waiting || fail "does not wait: $(cat out err)"
lies thawed
wait $waiting || fail "the wait fails: $(cat err)"
is "restored" "$(grep -c '^restored .* 2090-01-01T00:00:00Z  archive/' out)" 2
within 10 restoring false || fail "s3.restore does not tell the end"
is "the file then" "$(cat "$MNT/archive/film.mov")" film

# An old version, and the control file.
echo new >"$MNT/archive/film.mov"
synced
old=$(ls -U "$MNT/.versions/archive/film.mov" | head -n 1)
lies frozen
"$VERS3CTL" --json thaw "$MNT/.versions/archive/film.mov/$old" >out
is "an old version" "$(jq -r '.items[0].version' out)" "${old#*~}"
exec 3<>"$MNT/.control"
echo 'thaw archive' >&3
cat <&3 >out
exec 3>&-
is "by the control file" "$(git config -f out thaw.archived)" 2

# The runbook, as it is written.
lies thawed
mkdir bin
ln -s "$VERS3CTL" bin/vers3ctl
chapter ARCHIVE >commands
[ "$(wc -l <commands)" -ge 4 ] || fail "few commands: $(cat commands)"
version=$(ls "$MNT/.versions/archive/film.mov" | head -n 1)
while read -r line; do
	(cd "$MNT" && PATH="$WORK/bin:$PATH" VERSION=$version \
		bash -ec "$line") >said 2>&1 || fail "$line: $(cat said)"
	[ -s said ] || fail "$line: says nothing"
done <commands
unmnt
