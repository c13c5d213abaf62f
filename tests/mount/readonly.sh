#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# -o ro: everything can be read and nothing changed.
. "$(dirname "$0")/lib.sh"

mnt
echo data >"$MNT/file"
fresh ro
is "read" "$(cat "$MNT/file")" data
refused "create" "Read-only" touch "$MNT/new"
refused "write" "Read-only" bash -c 'echo x >>"$1"' - "$MNT/file"
refused "remove" "Read-only" rm -f "$MNT/file"
refused "mkdir" "Read-only" mkdir "$MNT/dir"
refused "rename" "Read-only" mv "$MNT/file" "$MNT/other"
refused "chmod" "Read-only" chmod 0600 "$MNT/file"
# It can be asked, and told what changes nothing.
synced
"$VERS3CTL" status "$MNT" | grep -q read-only || fail "status does not say it"
refused "a rule" "read-only" "$VERS3CTL" -C "$MNT" lifecycle set x expire=7d
"$VERS3CTL" -C "$MNT" lifecycle set x expire=7d -n >difference ||
	fail "no difference is shown"
grep -q '^+.*<Days>7</Days>' difference || fail "$(cat difference)"
"$VERS3CTL" usage "$MNT" | grep -q '^current ' || fail "no usage is told"
"$VERS3CTL" uploads list "$MNT" | grep -q '^0 uploads' ||
	fail "no uploads are told"
refused "an abort" "read-only" "$VERS3CTL" uploads abort --older 7d "$MNT"
refused "an undelete" "read-only" "$VERS3CTL" undelete "$MNT/file"
"$VERS3CTL" umount "$MNT"
within 20 gone "$(daemon)" || fail "the daemon stays"
rm -f "$MNT.pid"
mnt at=1m
synced
"$VERS3CTL" umount "$MNT"
within 20 gone "$(daemon)" || fail "the daemon of an instant stays"
rm -f "$MNT.pid"
