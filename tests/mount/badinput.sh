#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# What cannot work is refused before the mount: status 1, one line on stderr,
# nothing mounted.
. "$(dirname "$0")/lib.sh"

# bad WHAT PATTERN OPTIONS [SOURCE]
bad() {
	local rc=0
	mkdir -p "$MNT"
	timeout 60 "$VERS3" -o "$3" "${4-$BUCKET}" "$MNT" >out 2>err \
		</dev/null || rc=$?
	if mountpoint -q "$MNT"; then
		umount -l "$MNT"
		fail "$1: mounted"
	fi
	is "$1: status ($(cat err))" "$rc" 1
	is "$1: lines on stderr ($(cat err))" "$(wc -l <err)" 1
	is "$1: stdout" "$(cat out)" ""
	grep -qiE -- "$2" err || fail "$1: no '$2' in: $(cat err)"
}

o=$(vers3_options)
bad "unknown option" 'no_such_option' "$o,no_such_option=1"
bad "unknown flag" 'frobnicate' "$o,frobnicate"
bad "bad number" 'ttl' "$o,ttl=soon"
bad "bad size" 'cache_size' "$o,cache_size=big"
bad "bad choice" 'versions' "$o,versions=sometimes"
bad "no such bucket" 'no-such-bucket' "$o" no-such-bucket-$$
bad "bad bucket name" 'bucket' "$o" 'Not/A Bucket'
bad "no server" 'connect|refused' "endpoint=http://127.0.0.1:1,cache_dir=$CACHE,retries=0"
bad "no URL" 'endpoint' "endpoint=gopher://x,cache_dir=$CACHE"
(
	export AWS_SECRET_ACCESS_KEY=wrong
	bad "wrong secret" 'credential|secret|key|signature' "$o"
	export AWS_ACCESS_KEY_ID=UNKNOWNKEY
	bad "unknown key" 'credential|key' "$o"
	unset AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY
	bad "no credentials" 'credential' "$o"
)
if [ -n "${OTHER_ACCESS_KEY:-}" ]; then
	(
		export AWS_ACCESS_KEY_ID=$OTHER_ACCESS_KEY
		export AWS_SECRET_ACCESS_KEY=$OTHER_SECRET_KEY
		bad "no permission" 'permi|allow|denied|access' "$o"
	)
fi
bad "ca_file" 'ca_file|nowhere' "$o,ca_file=/nowhere"
bad "no profile" 'profile' "$o,profile=nowhere"
mkdir -p plain && touch plain/file
bad "cache in a file" 'cache' "endpoint=$ENDPOINT,cache_dir=$WORK/plain/file/x"
rc=0
"$VERS3" -o "$o" "$BUCKET" "$WORK/nowhere" >out 2>err || rc=$?
is "no mount point" "$rc" 1
grep -q nowhere err || fail "no mount point: $(cat err)"
grep -q 'make it first' err || fail "no mount point, and now: $(cat err)"
bad "log" 'log=.*directory has to be there' "$o,log=$WORK/nowhere/log"
bad "no name of a bucket" "bucket's name is empty" "$o" ""
for mountpoint in "" plain/file; do
	rc=0
	"$VERS3" -o "$o" "$BUCKET" "$mountpoint" >out 2>err || rc=$?
	is "'$mountpoint' as mount point" "$rc" 1
	grep -qE "name is empty|is not a directory; name" err ||
		fail "'$mountpoint' as mount point: $(cat err)"
done

# A directory that something is in: what that is cannot be seen any more.
touch "$MNT/hidden"
mnt
grep -q "warning: $MNT is not empty: .* hidden for one" "$MNT.vers3.log" ||
	fail "not empty: $(cat "$MNT.vers3.log")"
refused "the same once more" "is mounted on $MNT already; umount it" \
	"$VERS3" -o "$o,cache_dir=$WORK/second" "$BUCKET" "$MNT"
mkdir "$MNT/part"
unmnt
for part in part typo; do
	rm -rf "$CACHE"
	mnt "" "$BUCKET:$part"
	is "warned of $part" "$(grep -c "begins with $part/ yet: check" \
		"$MNT.vers3.log" || true)" "$([ $part = typo ] && echo 1 || echo 0)"
	unmnt
done
# Where names are known it is spelled as it was.
rm -rf "$CACHE"
mnt "" "$BUCKET:part"
touch "$MNT/file"
unmnt
before=$(log_mark)
mnt "" "$BUCKET:part"
unmnt
is "asked for names once more" \
	"$(requests GET '/?\?(.*&)?max-keys=1[& ]' "$before")" 0
rm "$MNT/hidden"

# A disk without room for the cache.
if [ "$(id -u)" = 0 ]; then
	mkdir small
	mount -t tmpfs -o size=1M small small
	head -c 2M /dev/zero >small/full 2>/dev/null || true
	refused "no room" "; make room on the disk of $WORK/small/c" \
		"$VERS3" -o "endpoint=$ENDPOINT,cache_dir=$WORK/small/c" \
		"$BUCKET" "$MNT"
	umount small
fi
rc=0
"$VERS3" >out 2>err || rc=$?
is "no arguments" "$rc" 1
