#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A credential_process gets nothing of the daemon.
. "$(dirname "$0")/lib.sh"
need_root

id=$AWS_ACCESS_KEY_ID secret=$AWS_SECRET_ACCESS_KEY
mkdir "$WORK/.aws"
config=$WORK/.aws/config
export AWS_CONFIG_FILE=$config
printf '[profile tool]\ncredential_process = %s/tool\n' "$WORK" >"$config"

# What it sees, once a call: descriptors, umask, what signals it has blocked.
cat >"$WORK/tool" <<TOOL
#!/bin/sh
{
	umask
	for fd in /proc/\$\$/fd/*; do readlink "\$fd"; done
	grep SigBlk /proc/self/status
} >>"$WORK/seen"
: >"$WORK/token"
echo call >>"$WORK/calls"
echo '{"Version": 1, "AccessKeyId": "$id", "SecretAccessKey": "$secret"}'
TOOL
chmod 755 "$WORK/tool"

calls() {
	[ "$(wc -l <"$WORK/calls")" -ge "$1" ]
}

# Keys in the environment would go first.
unset AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY
mnt profile=tool </dev/null
echo text >"$MNT/f"
kill -HUP "$(daemon)"
within 20 calls 2 || fail "it was not called again"
export AWS_ACCESS_KEY_ID=$id AWS_SECRET_ACCESS_KEY=$secret

grep -qx 0077 "$WORK/seen" || fail "umask: $(cat "$WORK/seen")"
is "mode of its file" "$(stat -c %a "$WORK/token")" 600
if grep -E "$CACHE|/dev/fuse|socket:|eventfd|anon_inode" "$WORK/seen" >&2; then
	fail "it got descriptors of the daemon's"
fi
is "blocked signals" "$(grep SigBlk "$WORK/seen" | sort -u)" \
	"$(printf 'SigBlk:\t0000000000000000')"

# What the daemon opens goes to no program that it starts.
for info in /proc/"$(daemon)"/fdinfo/*; do
	[ "${info##*/}" -gt 2 ] || continue
	flags=$(awk '/^flags:/ { print $2 }' "$info")
	[ $((flags & 02000000)) -ne 0 ] || fail "left to children: $(
		readlink "/proc/$(daemon)/fd/${info##*/}")"
done
unmnt

# Another user's, or one that others may write, is no command of root's.
unset AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY
rm "$WORK/calls"
chown 65534 "$config"
refused "another user's file" "another user may have written it" \
	"$VERS3" -f -o "$(vers3_options profile=tool)" "$BUCKET" "$MNT"
chown 0 "$config"
chmod 666 "$config"
refused "a file for all to write" "another user may have written it" \
	"$VERS3" -f -o "$(vers3_options profile=tool)" "$BUCKET" "$MNT"
[ ! -e "$WORK/calls" ] || fail "it was run all the same"
