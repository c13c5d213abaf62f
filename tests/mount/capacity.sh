#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# df: what the server says of the bucket, or quota=.
. "$(dirname "$0")/lib.sh"

# The server's words, where it has any; in bytes.
said() {
	local sum
	sum=$(printf '' | sha256sum)
	s3_curl "${sum%% *}" -I "$ENDPOINT/$BUCKET" | tr -d '\r' |
		sed -n 's/^x-rgw-bytes-used: //Ip'
}

used() {
	df -B 1 --output=used "$MNT" | tail -n 1 | tr -d ' '
}

mnt ttl=1
if [ -z "$(said)" ]; then
	is "size where nobody knows" "$(df -B 1P --output=size "$MNT" |
		tail -n 1 | tr -d ' ')" 1
else
	head -c 5M /dev/urandom >"$MNT/file"
	synced
	echo more >"$MNT/file"
	synced
	# Both versions, and what the server may round.
	has_all() { [ "$(used)" -ge 5242885 ]; }
	within 30 has_all || fail "used: $(used), said: $(said)"
fi
remount quota=64M,commit=600
is "size by quota=" "$(df -B 1M --output=size "$MNT" | tail -n 1 | tr -d ' ')" 64
head -c 3M /dev/zero | tr '\0' x >"$MNT/unsent"
is "unsent" "$(df -B 1M --output=avail "$MNT" | tail -n 1 | tr -d ' ')" 61
