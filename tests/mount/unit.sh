#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The systemd units as they are installed: systemd takes them, what the one
# starts, reloads and stops is a mount, and the other looks at it.
. "$(dirname "$0")/lib.sh"
need make systemd-analyze pgrep

make -s -C "$BINDIR" install DESTDIR="$WORK/root" >install.log 2>&1 ||
	fail "make install: $(tail -n 3 install.log)"
unit=$(find "$WORK/root" -name 'vers3@.service')
[ -n "$unit" ] || fail "no unit was installed"
is "whose file it reads" "$(sed -n 's/^EnvironmentFile=//p' "$unit")" \
	/etc/vers3/%i.conf
bindir=$(dirname "$(find "$WORK/root" -name vers3 -type f -perm -u+x)")
# Here it stands below another root.
sed "s|=${bindir#"$WORK/root"}/|=$bindir/|" "$unit" >'vers3@.service'
systemd-analyze --man=no verify "$WORK/vers3@photos.service" >verify.log 2>&1 ||
	fail "systemd-analyze: $(cat verify.log)"
is "nothing to complain about" "$(cat verify.log)" ""

# command KEY: what the unit runs, its variables for the shell to fill in.
command() {
	sed -n "s|^$1=||p" 'vers3@.service' |
		sed -E 's|\$\{?([A-Z]+)\}?|"$\1"|g'
}

# run KEY: with no more around it than systemd gives.
run() {
	env -i PATH=/usr/bin:/bin AWS_ACCESS_KEY_ID="$AWS_ACCESS_KEY_ID" \
		AWS_SECRET_ACCESS_KEY="$AWS_SECRET_ACCESS_KEY" \
		BUCKET="$BUCKET" MOUNTPOINT="$MNT" MAINPID="$(cat pid 2>/dev/null)" \
		OPTIONS="$(vers3_options)" bash -c "exec $(command "$1")" \
		>"$1.log" 2>&1 </dev/null || fail "$1: $(cat "$1.log")"
}

mkdir -p "$MNT"
run ExecStart
mountpoint -q "$MNT" || fail "started and not mounted"
pgrep -f -- "$BUCKET $MNT" | head -n 1 >pid
cp pid "$MNT.pid"
echo text >"$MNT/file"
run ExecReload
is "after a reload" "$(cat "$MNT/file")" text
synced

# The timer's sweep, its variables as systemd splits them.
units=$(dirname "$unit")
sed "s|=${bindir#"$WORK/root"}/|=$bindir/|" "$units/vers3-verify@.service" \
	>'vers3-verify@.service'
cp "$units/vers3-verify@.timer" .
systemd-analyze --man=no verify "$WORK/vers3-verify@photos.service" \
	"$WORK/vers3-verify@photos.timer" >verify.log 2>&1 ||
	fail "systemd-analyze: $(cat verify.log)"
is "nothing to complain about the sweep" "$(cat verify.log)" ""
sweep=$(sed -n 's|^ExecStart=||p' 'vers3-verify@.service' |
	sed "s|/var/lib/vers3/%i|$WORK/photos|")
words=$(sed -n 's|^Environment="VERIFY=\(.*\)"$|\1|p' 'vers3-verify@.service')
is "what it looks at" "$words" '--sample 1%% --threshold 0.5%%'
env -i PATH=/usr/bin:/bin MOUNTPOINT="$MNT" VERIFY="--threshold 0.5%" \
	bash -c "exec $sweep" >sweep.log 2>&1 || fail "sweep: $(cat sweep.log)"
grep -q '"result": "PASS"' photos.json || fail "report: $(cat photos.json)"
run ExecStop
within 20 gone "$(cat pid)" || fail "stopped and still there"
! mountpoint -q "$MNT" || fail "stopped and still mounted"
rm "$MNT.pid"
is "in the bucket" "$(s3 GET "/$BUCKET/file")" text
