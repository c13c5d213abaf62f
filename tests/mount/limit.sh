#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The number of requests at once follows the server: a distant one gets more,
# one that says SlowDown half as many, and all arrives in the end.
. "$(dirname "$0")/lib.sh"
need_proxy

state() {
	git config -f "$MNT/.control" "s3.$1"
}

# At a distance that is more than what a busy machine does to an answer.
through_proxy
fault delay ms=250
mnt
is "to begin with" "$(state limit)" 20
mkdir src
for i in $(seq 200); do
	seq "$i" $((i + 500)) >"src/$i"
done
# On a busy machine the server is soon the slower one: it grew if it ever did.
n=0
grows() {
	local most=20 now
	n=$((n + 1))
	cp -r src "$MNT/far$n"
	synced &
	while kill -0 $! 2>/dev/null; do
		now=$(state limit)
		[ "$now" -le "$most" ] || most=$now
	done
	wait $!
	[ "$most" -ge 24 ]
}
within 60 grows || fail "the limit does not grow: $(state limit)"
[ "$(state leastLatencyUs)" -gt 0 ] || fail "no least latency"
is "halvings" "$(state halvings)" 0

# Half of all is refused.
halved() {
	[ "$(state halvings)" -gt 0 ]
}
low() {
	[ "$(state limit)" -lt 20 ]
}
fault slowdown pct=50
cp -r src "$MNT/busy"
within 30 halved || fail "it was not halved"
within 30 low || fail "the limit is $(state limit) when half is refused"
fault delay ms=50
synced
is "waiting" "$(state waiting)" 0
# It comes back with what there is to do.
back() {
	rm -rf "${MNT:?}/back"
	cp -r src "$MNT/back"
	synced
	[ "$(state limit)" -ge 20 ]
}
within 60 back || fail "the limit stays at $(state limit)"
fault none
unmnt
for d in far1 busy; do
	ENDPOINT=$direct download $d got
	diff -r src got || fail "the bucket differs in $d"
	rm -rf got
	is "versions in $d" \
		"$(ENDPOINT=$direct history_of $d/ | grep -c '^V .*/[0-9]')" 200
done
