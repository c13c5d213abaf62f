#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# adopt_cache without cache_dir=: the directory is the one that the server's old
# name has by default. In a mount namespace of its own.
OWN_MOUNTS=1 . "$(dirname "$0")/lib.sh"
need_root
need_proxy

mkdir var
mount --bind var /var/cache # where root's caches are
through_proxy
new=$ENDPOINT old=$direct
vers3_options() {
	echo "endpoint=$ENDPOINT${1:+,$1}"
}
said() {
	grep -q "$1" "$MNT.vers3.log"
}

ENDPOINT=$old
mnt commit=600
echo unsent >"$MNT/f"
"$VERS3CTL" sync "$MNT"
echo changed >"$MNT/f"
crash
ENDPOINT=$new
mnt adopt_cache,commit=600
is "what was not sent" "$(cat "$MNT/f")" changed
said "is that of ${new#http://} .* now" || fail "nothing is said"
unmnt
is "sent" "$(s3 GET "/$BUCKET/f")" changed

# Where the new name has one of its own nothing is taken over, and told.
rm -rf var/vers3
ENDPOINT=$old
mnt
unmnt
ENDPOINT=$new
mnt
unmnt
! said "takes nothing over" || fail "told without being asked for"
mnt adopt_cache
said "adopt_cache takes nothing over" || fail "nothing is said"
unmnt
