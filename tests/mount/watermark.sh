#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# quota= and min_free= are told from 80 % on: in the control file, once in the
# log, by status and by doctor, and again only after they were below 70 %.
. "$(dirname "$0")/lib.sh"
need jq
need_root

# cached NAME: from the section [cache]; "" where it is not there.
cached() {
	git config -f "$MNT/.control" "cache.$1" || true
}

# severity_of CHECK
severity_of() {
	"$VERS3CTL" -C "$MNT" --json doctor >found || true
	jq -r --arg c "$1" '.findings[] | select(.check == $c).severity' found
}

# told WHAT: how often the log has told it.
told() {
	grep -c "warning: .*$1 is used up to\|warning: .*what $1 leaves" \
		"$MNT.vers3.log" || true
}

# put NAME MiB
put() {
	dd if=/dev/urandom of="$MNT/$1" bs=1M count="$2" status=none
}

mkdir "$CACHE"
mount -t tmpfs -o size=100m,mode=700 tmpfs "$CACHE"
mnt commit=600,quota=10M,min_free=10M
put a 7
is "below" "$(cached warning)" ""
is "quotaPercent" "$(($(cached quotaPercent) / 10))" 7
is "severity below" "$(severity_of quota)" ok
is "told below" "$(told quota=)" 0
put b 2
is "above" "$(cached warning | cut -d' ' -f1-6)" "quota= is used up to 90"
is "severity above" "$(severity_of quota)" warning
# The next that writes sees it, and those after it are not told again.
for i in 1 2 3; do
	echo text >"$MNT/c$i"
	sleep 0.11
done
is "told above" "$(told quota=)" 1
"$VERS3CTL" status "$MNT" >said
grep -q 'quota= is used up to 9' said || fail "status: $(cat said)"
synced
is "sent" "$(cached warning)" ""
is "severity when sent" "$(severity_of quota)" ok
# What was sent gives its room back when that is durable, a moment later.
emptied() { [ "$(cached quotaPercent)" -eq 0 ]; }
within 20 emptied || fail "still staged: $(cached quotaPercent) %"
put a 4
sleep 0.11
put b 5
sleep 0.11
echo text >"$MNT/d"
is "told again" "$(told quota=)" 2
synced
is "room" "$(severity_of min_free)" ok
unmnt

# The disk fills by what others put there.
rm -r "${CACHE:?}"/*
mnt commit=600,min_free=10M
free=$(df --output=avail -k "$CACHE" | tail -n 1)
fallocate -l "$((free - (24 << 10)))K" "$CACHE/filler"
sleep 0.11
echo text >"$MNT/e"
is "disk" "$(cached warning | cut -d' ' -f1-5)" "min_free= is used up to"
is "severity of the disk" "$(severity_of min_free)" warning
is "told of the disk" "$(told min_free=)" 1
rm "$CACHE/filler"
sleep 0.11
is "room again" "$(cached warning)" ""
unmnt
