#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# lifecycle explain says when a file goes, which then goes, and why another one
# stays; and the runbook's chapter is true.
. "$(dirname "$0")/lib.sh"
need jq

explain() {
	"$VERS3CTL" -C "$MNT" --json lifecycle explain "$1"
}

# As the mount shows it: the server's expiry is somebody else's removal.
gone() {
	[ ! -e "$MNT/tmp/goes" ]
}

mnt ttl=1
mkdir "$MNT/tmp" "$MNT/data" "$MNT/far"
echo farfar >"$MNT/far/away"
mkdir "$MNT/scratch"
echo text >"$MNT/report.txt"
echo text >"$MNT/tmp/report.txt"
echo text >"$MNT/data/stays"
synced

# The runbook, as it is written.
mkdir bin
ln -s "$VERS3CTL" bin/vers3ctl
chapter LIFECYCLE >commands
[ "$(wc -l <commands)" -ge 8 ] || fail "few commands: $(cat commands)"
while read -r line; do
	(cd "$MNT" && PATH="$WORK/bin:$PATH" bash -ec "$line") >said 2>&1 ||
		fail "$line: $(cat said)"
	[ -s said ] || fail "$line: says nothing"
done <commands

# A day is ten seconds in contrib/devgateway; the dates are of whole ones.
"$VERS3CTL" -C "$MNT" lifecycle set tmp prefix=tmp/ expire=1d
"$VERS3CTL" -C "$MNT" lifecycle set tagged tag=class=none expire=1d
"$VERS3CTL" -C "$MNT" lifecycle set off expire=1d status=disabled
echo text >"$MNT/tmp/goes"
is "before it is sent" "$(explain tmp/goes | jq -r '.versions[0].state')" unsent
synced
explain tmp/goes >goes
is "what happens" "$(jq -r '.versions[0].next.action' goes)" expire
is "by which rule" "$(jq -r '.versions[0].next.rule' goes)" tmp
at=$(date -u -d "$(jq -r '.versions[0].time' goes) +1 day" +%F)
is "when" "$(jq -r '.versions[0].next.date' goes)" \
	"$(date -u -d "$at +1 day" +%FT00:00:00Z)"
explain data/stays >stays
is "what stays" "$(jq -r '.versions[0].next' stays)" never
is "why" "$(jq -r '.versions[0].idle[]' stays | grep -v ^vers3 | sort | tr '\n' '|')" \
	"off: disabled|tagged: tag class=none is missing|tmp: prefix is tmp/, the key is data/stays|"

# The same of all below a directory, of a rule whose day is far away.
"$VERS3CTL" -C "$MNT" lifecycle set far prefix=far/ expire=900d
"$VERS3CTL" -C "$MNT" --json lifecycle preview far --days 950 --names >all
is "what all rules do" \
	"$(jq -c '.planned[] | [.rule, .action, .count, .bytes]' all)" \
	'["far","expire",2,7]'
is "by name" "$(jq -r '.due[].path' all | tr '\n' ' ')" "far/ far/away "
at=$(date -u -d "$(s3api list-object-versions --prefix far/away \
	--query 'Versions[0].LastModified' --output text) +900 days" +%F)
is "on which day" "$(jq -r '.planned[0].days[-1].date' all)" \
	"$(date -u -d "$at +1 day" +%F)"
is "for people" "$("$VERS3CTL" -C "$MNT" lifecycle preview far --days 950 | head -1)" \
	"rule far: 2, 7 B, expire"
"$VERS3CTL" -C "$MNT" lifecycle preview far --days 899 |
	grep -q "nothing happens" || fail "something happens too early"
for bad in "preview data/nothing" "preview --days soon" "preview -n" "list --names" "preview a b" \
	"explain data/stays --days 2"; do
	# shellcheck disable=SC2086
	"$VERS3CTL" -C "$MNT" lifecycle $bad 2>why && status=0 || status=$?
	is "status of lifecycle $bad" "$status" 2
	is "lines on lifecycle $bad" "$(wc -l <why)" 1
done

"$VERS3CTL" -C "$MNT" lifecycle explain data/nothing 2>why &&
	fail "nothing is explained"
is "of nothing" "$(cat why)" \
	"vers3ctl: data/nothing: there is no such file, and no version of one"
"$VERS3CTL" -C "$MNT" lifecycle explain 2>/dev/null && status=0 || status=$?
is "status without a path" "$status" 2

within 60 gone || skip "no rule is carried out here in a minute"
[ -e "$MNT/data/stays" ] || fail "data/stays is gone"
[ "$(ls "$MNT/.versions/tmp/goes" | grep -vc 'deleted$')" -ge 1 ] ||
	fail "no version of what expired"
explain tmp/goes >goes
is "then" "$(jq -r '.versions[0].state' goes)" deleted
is "its version" "$(jq -r '.versions[1].state' goes)" noncurrent
for i in tmp tagged off far $("$VERS3CTL" -C "$MNT" --json lifecycle |
	jq -r '.rules[].id' | grep ^vers3); do
	"$VERS3CTL" -C "$MNT" lifecycle remove $i
done
unmnt
