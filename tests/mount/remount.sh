#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# mount -o remount,ro: nothing is changed any more, what was changed before is
# sent, and remount,rw takes it back. In a mount namespace of its own, where
# the helpers are installed.
OWN_MOUNTS=1 . "$(dirname "$0")/lib.sh"
need_root
need jq

install_helpers

option() {
	findmnt -n -o OPTIONS "$MNT" | tr , '\n' | grep -cx "$1" || true
}

state() {
	"$VERS3CTL" --json status "$MNT" | jq -r .mount.readOnly
}

mnt commit=600
echo before >"$MNT/file"
nosuid=$(option nosuid)
mount -o remount,ro "$MNT"
is "its flags" "$(option ro) $(option nosuid)" "1 $nosuid"
is "read" "$(cat "$MNT/file")" before
refused "a write" "Read-only" sh -c 'echo more >"$1/file"' - "$MNT"
refused "a new file" "Read-only" touch "$MNT/new"
refused "a rule" "read-only" "$VERS3CTL" -C "$MNT" lifecycle set x expire=7d
is "status" "$(state)" true
"$VERS3CTL" sync "$MNT"
is "sent" "$(s3 GET "/$BUCKET/file")" before

mount -o remount,rw "$MNT"
is "its flags again" "$(option rw) $(option nosuid)" "1 $nosuid"
is "one that is new" "$(option noexec)" 0
mount -o remount,rw,noexec "$MNT"
is "it holds" "$(option rw) $(option noexec) $(option nosuid)" "1 1 $nosuid"
is "status again" "$(state)" false
# What is no flag of the kernel's is passed over.
mount -o "remount,rw,ttl=7,endpoint=http://127.0.0.1:1" "$MNT"
is "its server" "$("$VERS3CTL" --json status "$MNT" | jq -r .mount.url)" \
	"$ENDPOINT/$BUCKET"
exec 5>"$MNT/file"
refused "while a file is written" "open for writing" \
	mount -o remount,ro "$MNT"
echo after >&5
exec 5>&-
# umount waits as before.
umount "$MNT"
is "sent by umount" "$(s3 GET "/$BUCKET/file")" after
within 20 gone "$(daemon)" || fail "the daemon stays"
rm "$MNT.pid"

mnt ro
refused "what was mounted so" "umount it and mount it again" \
	mount -o remount,rw "$MNT"
mount -o remount,ro "$MNT"
unmnt
mount -t tmpfs none "$MNT"
refused "what is not ours" "no mount of vers3" \
	"$VERS3" -o remount,ro none "$MNT"
umount "$MNT"

# mount(8) keeps dev and suid to itself; it passes on what is not its own.
for words in dev,suid allow_dev,allow_suid; do
	mount -t vers3 -o "$(vers3_options $words)" "$BUCKET" "$MNT"
	note_daemon
	echo "$words $(option nodev) $(option nosuid)"
	rm -f "$MNT/null"
	mknod "$MNT/null" c 1 3
	echo dropped 2>/dev/null >"$MNT/null" || echo "closed"
	umount "$MNT"
	rm "$MNT.pid"
done >said
is "what counts" "$(cat said)" "dev,suid 1 1
closed
allow_dev,allow_suid 0 0"
