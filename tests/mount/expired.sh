#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A rule for what is in a directory takes the directory's own object, too: the
# directory stays, and who writes into it does not notice.
. "$(dirname "$0")/lib.sh"
need git

# The server may be one whose rules are slow: a day passes in some seconds in
# contrib/devgateway.
taken_by_rule() {
	history_of tmp/ | grep -q '^M tmp/$'
}

made_again() {
	echo text >"$MNT/tmp/new" || fail "a file cannot be made in tmp"
	synced
	[ "$(history_of tmp/ | grep -c '^V tmp/$')" -ge 2 ]
}

mnt ttl=1
mkdir -m 1777 "$MNT/tmp"
echo old >"$MNT/tmp/old"
synced
echo 'lifecycle set tmp prefix=tmp/ expire=2020-01-01' >"$MNT/.control"
within 60 taken_by_rule || skip "no rule is carried out here in a minute"
within 30 made_again || fail "the directory is not made again"
is "its mode" "$(stat -c %a "$MNT/tmp")" 1777
unmnt
