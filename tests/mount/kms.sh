#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# SSE-KMS: what is written, moved, restored and changed in part is under the
# key that was named, also what was in plain text before; a key that the server
# does not have, and an encryption that it does not do, is refused at the mount.
. "$(dirname "$0")/lib.sh"

key() {
	getfattr --absolute-names --only-values -n s3.kms_key "$MNT/$1"
}

# bad WHAT WORDS OPTIONS: refused before the mount, in one line.
bad() {
	local rc=0
	mkdir -p "$MNT"
	timeout 60 "$VERS3" -o "$(vers3_options "$3")" "$BUCKET" "$MNT" \
		>out 2>err </dev/null || rc=$?
	[ $rc -ne 0 ] || umount -l "$MNT"
	is "$1: status ($(cat err))" "$rc" 1
	is "$1: lines ($(cat err))" "$(wc -l <err)" 1
	grep -qF -- "$2" err || fail "$1: $(cat err)"
}

mkdir -p "$MNT"
if ! timeout 60 "$VERS3" -o "$(vers3_options sse=kms,sse_kms_key=dev-key-1)" \
	"$BUCKET" "$MNT" 2>err; then
	skip "no SSE-KMS: $(cat err)"
fi
note_daemon
umount "$MNT"
within 20 gone "$(daemon)" || fail "the daemon stays"

bad "no such key" sse_kms_key= sse=kms,sse_kms_key=nobody
bad "another mode" sse=kms sse=s3,sse_kms_key=dev-key-1
bad "no KMS" sse=kms sse_bucket_key
mnt
printf plain >"$MNT/plain"
head -c 20M /dev/urandom >big
cp big "$MNT/big"
synced
fresh sse=kms,sse_kms_key=dev-key-1
printf one >"$MNT/one"
mv "$MNT/plain" "$MNT/moved"
mv "$MNT/big" "$MNT/bigger"
synced
printf more >>"$MNT/bigger"
printf more >>big
synced
fresh sse=kms,sse_kms_key=dev-key-2
for f in one moved bigger; do
	is "key of $f" "$(key $f)" dev-key-1
	is "sse of $f" "$(getfattr --absolute-names --only-values -n s3.sse \
		"$MNT/$f")" aws:kms
done
is "moved" "$(cat "$MNT/moved")" plain
same "moved and changed" big "$MNT/bigger"
printf two >"$MNT/one"
mv "$MNT/moved" "$MNT/again"
synced
is "another key" "$(key one)" dev-key-2
is "moved to another key" "$(key again)" dev-key-2
versions=("$MNT/.versions/one"/*)
is "old version" "$(cat "${versions[0]}")" one
"$VERS3CTL" restore "${versions[0]}" >/dev/null
synced
is "restored" "$(cat "$MNT/one")" one
is "restored under" "$(key one)" dev-key-2
! grep -q 'does not say that it is encrypted' "$MNT.vers3.log" ||
	fail "$(grep 'does not say' "$MNT.vers3.log")"

# A mount that names no encryption copies them, too.
fresh
mv "$MNT/again" "$MNT/last"
synced
fresh
is "moved without sse=" "$(cat "$MNT/last")" plain
unmnt
