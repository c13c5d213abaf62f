#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A clock that is an hour off is told before the mount.
. "$(dirname "$0")/lib.sh"
need faketime

mkdir -p "$MNT"
rc=0
FAKETIME_DONT_FAKE_MONOTONIC=1 timeout 60 faketime -f '-3600s' "$VERS3" -o "$(vers3_options)" "$BUCKET" \
	"$MNT" >out 2>err </dev/null || rc=$?
if mountpoint -q "$MNT"; then
	umount -l "$MNT"
	fail "mounted with a clock that is an hour off"
fi
is "status ($(cat err))" "$rc" 1
is "errors ($(cat err))" "$(grep -c ' error: ' err)" 1
grep -qi 'clock' err || fail "the clock is not named: $(cat err)"
