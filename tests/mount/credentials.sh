#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A credential_process gets nothing of the daemon.
. "$(dirname "$0")/lib.sh"
need_root
need setpriv

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

# What is in memory is nobody's to look at, whoever mounts, nor to be dumped.
mknod -m 666 "$WORK/fuse" c 10 229 || exit 0
mkfifo "$WORK/go"
printf '#!/bin/sh\necho $$ >%s/tool.pid\nread -r go <%s/go\n' \
	"$WORK" "$WORK" >"$WORK/tool"
chmod 755 "$WORK" "$(dirname "$WORK")"
chown 65534 "$config" "$MNT" "$WORK/go"
chmod 600 "$config"
touch "$WORK/tool.pid"
chown 65534 "$WORK/tool.pid"
# shellcheck disable=SC2016
"$here/own-mounts" \
	sh -c 'mount --bind "$0/fuse" /dev/fuse && exec "$@"' "$WORK" \
	setpriv --reuid=65534 --regid=65534 --clear-groups "$VERS3" -f -o "$(vers3_options profile=tool,cache_dir="$WORK/nobody")" \
	"$BUCKET" "$MNT" >"$WORK/nobody.log" 2>&1 </dev/null &
pid=$!
within 20 test -s "$WORK/tool.pid" || fail "no tool: $(cat "$WORK/nobody.log")"
is "owner of its /proc" "$(stat -c %u "/proc/$pid/mem")" 0
is "owner of its tool's" "$(stat -c %u "/proc/$(cat "$WORK/tool.pid")/mem")" \
	65534
for p in "$pid" "$(cat "$WORK/tool.pid")"; do
	is "bytes of a core dump" "$(awk '/core file/ { print $5 }' \
		"/proc/$p/limits")" 0
done
echo >"$WORK/go"
wait "$pid" || true
