#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A file of 1 GiB goes in and comes out equal, and the daemon's own memory
# stays below 128 MiB all the while.
. "$(dirname "$0")/lib.sh"

free=$(df --output=avail -B 1M "$WORK" | tail -n 1)
[ "$free" -gt 6000 ] || skip "needs 6 GB of disk, has $free MB"

# Prints the peak of RssAnon, in KiB, when the daemon or its file is gone.
watch_memory() {
	local peak=0 now
	while [ -e watch ] && now=$(rss_anon 2>/dev/null); do
		[ "${now:-0}" -le "$peak" ] || peak=$now
		echo "$peak" >peak.new && mv peak.new peak
		sleep 0.1
	done
}

check_memory() {
	local peak
	peak=$(cat peak)
	echo "peak of RssAnon $1: $peak KiB"
	[ "$peak" -lt 131072 ] || fail "RssAnon reached $peak KiB $1"
}

head -c 1G /dev/urandom >src
touch watch
mnt
watch_memory &
cp src "$MNT/big"
synced
[ "$(rss_anon)" -lt 131072 ] || fail "RssAnon is $(rss_anon) KiB after"
rm watch
wait $!
check_memory "while writing"

touch watch
fresh
watch_memory &
same "read back" src "$MNT/big"
rm watch
wait $!
check_memory "while reading"
unmnt
