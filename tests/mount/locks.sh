#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# flock(2) and record locks exclude each other's processes.
. "$(dirname "$0")/lib.sh"
need flock

mnt
echo x >"$MNT/f"
"$FSOP" record-locks "$MNT/f"
mkfifo end
flock "$MNT/f" cat end &
holder=$!
within 10 bash -c '! flock -n "$1" true' - "$MNT/f" ||
	fail "two processes hold the flock"
if flock -n "$MNT/f" true; then
	fail "two processes hold the flock"
fi
echo >end
wait $holder
flock -n "$MNT/f" true || fail "the lock outlived its holder"
unmnt
