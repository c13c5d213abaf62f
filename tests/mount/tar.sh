#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A tar archive unpacked onto the mount, packed again from an empty cache, is
# the same archive.
. "$(dirname "$0")/lib.sh"
need tar

pack() {
	tar --sort=name --format=pax --numeric-owner \
		--pax-option=delete=atime,delete=ctime -C "$1" -cf "$2" tree
}

mkdir -p src/tree/sub/empty
for i in $(seq 40); do
	head -c $((i * 777)) /dev/urandom >"src/tree/sub/$i"
done
ln -s sub/7 src/tree/link
ln src/tree/sub/8 src/tree/hard
chmod 0750 src/tree/sub
chmod 0600 src/tree/sub/9
[ "$(id -u)" != 0 ] || chown 11:22 src/tree/sub/10
touch -d '2015-05-05T05:05:05.555555555Z' src/tree/sub/11 src/tree/sub
pack src a.tar
mnt
tar -xpf a.tar --numeric-owner --delay-directory-restore -C "$MNT"
pack "$MNT" b.tar
same "packed at once" a.tar b.tar
fresh
pack "$MNT" c.tar
same "packed with an empty cache" a.tar c.tar
unmnt
