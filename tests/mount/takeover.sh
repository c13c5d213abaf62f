#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The cache directory of an earlier vers3 is taken over with all that it had
# not sent, whether its mount was killed or could not reach the server: each
# change arrives, as that vers3 itself would have sent it, and nothing else.
#
# takeover/cache.tar.xz has such directories (takeover/make). Version ids and
# the server's name are another server's: the objects are put again, and what
# the bucket calls them now is put in place of what it called them then.
. "$(dirname "$0")/lib.sh"
. "$here/takeover/changes.sh"
need tar xz getfattr

# renamed OLD NEW: in what the cache directory says; of one length, or the
# namespace's file would be broken.
renamed() {
	[ ${#1} = ${#2} ] || skip "this server's ids are of another length"
	printf 's/%s/%s/g\n' "${1//./\\.}" "$2" >>names.sed
}

# put_again: the objects of earlier, in their order.
put_again() {
	local n=0 sum
	while n=$((n + 1)) && [ -e "earlier/objects/$n.body" ]; do
		sum=$(sha256sum <"earlier/objects/$n.body")
		sed "s,^url = \",&$ENDPOINT/$BUCKET," \
			"earlier/objects/$n.request" >request
		s3_curl "${sum%% *}" -X PUT -K request -D answer \
			--data-binary "@earlier/objects/$n.body"
		renamed "$(cat "earlier/objects/$n.version")" \
			"$(tr -d '\r' <answer |
				sed -n 's/^x-amz-version-id: //Ip')"
	done
	[ "$n" -gt 20 ] || fail "only $n objects"
}

# begin_again: the upload of half, with the parts that it had.
begin_again() {
	local part
	s3 POST "/$BUCKET/half?uploads=" >/dev/null
	upload_of half
	renamed "$(cat earlier/parts)" "$upload"
	lines 24M >parts
	for part in 1 2 3; do
		tail -c +$(((part - 1) * 8388608 + 1)) parts |
			head -c 8388608 >part || true
		s3_curl UNSIGNED-PAYLOAD -X PUT --data-binary @part \
			"$ENDPOINT/$BUCKET/half?partNumber=$part&uploadId=$upload"
	done
}

# taken_over STATE NUMBER: into a bucket of its own.
taken_over() {
	local start
	BUCKET=$(printf '%.11s%07d' t-takeover- $((($$ * 2 + $2) % 10000000)))
	make_bucket "$BUCKET"
	rm -f names.sed
	renamed "$(cat earlier/bucket)" "$BUCKET"
	put_again
	begin_again
	cp -a "earlier/$1" "$CACHE"
	LC_ALL=C sed -i -f names.sed "$CACHE/lock" "$CACHE/meta/data.mdb"
	[ -z "$ACCESS_LOG" ] || start=$(log_mark)
	mnt adopt_cache,commit=600
	synced
	all_arrived
	history_of | LC_ALL=C sort >history
	diff earlier/history history >&2 || fail "versions, $1: not those of earlier"
	[ -z "$ACCESS_LOG" ] || is "parts sent again" \
		"$(requests PUT '/half\?partNumber=[123]&' "$start")" 0
	fresh
	all_seen
	unmnt
	rm -rf "$CACHE"
}

mkdir earlier
tar -C earlier -xf "$here/takeover/cache.tar.xz"
taken_over killed 0
taken_over left 1
