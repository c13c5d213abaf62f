#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Files with an expiry of their own: the server takes them when their day has
# come, they leave the mount within ttl=, and .versions has them.
. "$(dirname "$0")/lib.sh"
need jq

value() {
	getfattr --only-values -n "user.s3.$1" "$2" 2>/dev/null
}

explain() {
	"$VERS3CTL" -C "$MNT" --json lifecycle explain "$1"
}

gone() {
	[ ! -e "$MNT/goes" ] && [ ! -e "$MNT/days/goes" ]
}

mnt ttl=1
mkdir "$MNT/days"
for i in goes stays month; do
	echo text >"$MNT/$i"
done

# A day is ten seconds in contrib/devgateway; the dates are of whole ones.
setfattr -n user.s3.expire -v 1d "$MNT/goes"
setfattr -n user.s3.expire -v 1d "$MNT/days"
echo text >"$MNT/days/goes"
synced
is "read back" "$(value expire "$MNT/goes")" 1d
is "handed down" "$(value expire "$MNT/days/goes")" 1d
is "one rule" "$("$VERS3CTL" -C "$MNT" --json lifecycle | jq '.rules | length')" 1
is "one version" "$(history_of goes)" "V goes"
"$VERS3CTL" -C "$MNT" expire month 30d
explain goes >explained
is "what happens" "$(jq -r '.versions[0].next.action' explained)" expire
at=$(date -u -d "$(jq -r '.versions[0].time' explained) +1 day" +%F)
is "when" "$(jq -r '.versions[0].next.date' explained)" \
	"$(date -u -d "$at +1 day" +%FT00:00:00Z)"
explain stays >explained
is "what stays" "$(jq -r '.versions[0].next' explained)" never
is "why" "$(jq -r '.versions[0].idle[]' explained |
	sed 's/^vers3-expire-\([0-9]*d\)-[-0-9]*:/\1:/' | LC_ALL=C sort | tr '\n' '|')" \
	"1d: tag vers3-expire=1d is missing|30d: tag vers3-expire=30d is missing|"

# While the server gets round to it.
refused "half a day" "Invalid argument" \
	setfattr -n user.s3.expire -v 12h "$MNT/stays"
"$VERS3CTL" -C "$MNT" expire stays 12h 2>why && status=0 || status=$?
is "its status" "$status" 2
is "and why" "$(cat why)" \
	"vers3ctl: 12h: want whole days such as 7d, 36500 at most, or never"
"$VERS3CTL" -C "$MNT" expire nothing 1d 2>why && status=0 || status=$?
is "of nothing" "$status" 2
is "lines" "$(wc -l <why)" 1

within 60 gone || skip "no rule is carried out here in a minute"
for i in goes days/goes; do
	[ "$(ls "$MNT/.versions/$i" | grep -vc 'deleted$')" -eq 1 ] ||
		fail ".versions/$i: $(ls "$MNT/.versions/$i")"
done
for i in stays month days; do
	[ -e "$MNT/$i" ] || fail "$i is gone"
done
is "another month" "$(value expire "$MNT/month")" 30d
unmnt
