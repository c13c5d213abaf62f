#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Two zones that replicate: what is saved here appears there, and how it
# stands is shown without another mount: PENDING with its age while the other
# zone is away, COMPLETED afterwards. Ceph 16 replicates and says nothing of
# it; what newer ones say then stands in a proxy's answers.
NO_BUCKET=1 . "$(dirname "$0")/lib.sh"
need_proxy
. "$(dirname "$0")/two-zones"
test_cleanup() {
	"$top/contrib/faultproxy" stop --dir "$WORK/proxy"
	zones_stop
}
through_proxy

# How long replication may take: whatever comes late is no fault of the mount,
# and a test ends after 300 seconds.
left() {
	echo $((200 - SECONDS))
}
too_slow() {
	skip "the zones replicate too slowly"
}
status() {
	getfattr --only-values -n user.s3.replication_status "$MNT/$1" \
		2>/dev/null || true
}
status_is() {
	[ "$(status "$1")" = "$2" ]
}
count() {
	git config -f "$MNT/.control" "replication.$1" || true
}
counts_are() {
	[ "$(count pending) $(count completed) $(count none)" = "$*" ]
}
old_enough() {
	[ "$(count oldestPendingSeconds)" -ge 2 ] 2>/dev/null
}

bucket_that_replicates Disabled
s3 DELETE "/$BUCKET/first" >/dev/null

mnt ttl=1
head -c 100k /dev/urandom >"$WORK/a"
cp "$WORK/a" "$MNT/a"
synced
within "$(left)" replicated a "$WORK/a" || too_slow
is "its version, here and there" "$(at_other header a x-amz-version-id)" \
	"$(header a x-amz-version-id)"
is "rules" "$(count rules)" 1

told=$(header a x-amz-replication-status)
if [ -z "$told" ]; then
	# What is not said is not made up.
	is "status of a" "$(status a)" ""
	within 10 counts_are 0 0 1 || fail "counts: $(count none)"
	now_says() {
		fault header name=x-amz-replication-status "value=$1" \
			match='^HEAD .*/b'
	}
else
	within 20 status_is a COMPLETED || fail "a: $(status a)"
	now_says() { :; }
fi

# The link is cut.
kill -STOP "$other"
now_says PENDING
cp "$WORK/a" "$MNT/b"
synced
within 20 status_is b PENDING || fail "b: $(status b)"
within 20 old_enough || fail "age: $(count oldestPendingSeconds)"
is "pending" "$(count pending)" 1
is "b is PENDING yet" "$(status b)" PENDING
"$VERS3CTL" status "$MNT" >"$WORK/said" || true
grep -qi 'pending' "$WORK/said" || fail "status: $(cat "$WORK/said")"

# And is there again.
kill -CONT "$other"
within "$(left)" replicated b "$WORK/a" || too_slow
now_says COMPLETED
within 20 status_is b COMPLETED || fail "b: $(status b)"
if [ -z "$told" ]; then
	within 10 counts_are 0 1 1 || fail "counts: $(count completed)"
else
	within 10 counts_are 0 2 0 || fail "counts: $(count completed)"
fi
unmnt
