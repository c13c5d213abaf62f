#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A server that is away for a second or three fails nothing; and one that hangs
# keeps nobody waiting for names that are known.
. "$(dirname "$0")/lib.sh"
need_proxy

through_proxy
seq 100000 >src

# away SECONDS KIND
away() {
	fault "$2"
	{
		sleep "$1"
		fault none
	} &
	blip=$!
}

for i in 1 2 3 4; do
	ENDPOINT=$direct put_object "d$i/f" src
	ENDPOINT=$direct put_object "e$i/f" src
	ENDPOINT=$direct put_object "e$i/g" src
done
mnt ttl=1
# Two at once meet the same trouble.
n=0
for kind in reset slowdown; do
	for seconds in 1 3; do
		n=$((n + 1))
		ls "$MNT/d$n" >/dev/null
		away $seconds $kind
		timeout 60 ls -l "$MNT/e$n" >names &
		lister=$!
		same "content ($kind for $seconds s)" src "$MNT/d$n/f"
		wait $lister || fail "no names ($kind for $seconds s)"
		is "names ($kind for $seconds s)" "$(grep -c '[fg]$' names)" 2
		wait $blip
	done
done

# takes SECONDS WHAT COMMAND...: it succeeds within that time.
takes() {
	local most=$1 what=$2 begin=$SECONDS
	shift 2
	timeout 60 "$@" >out || fail "$what: failed"
	[ $((SECONDS - begin)) -le "$most" ] ||
		fail "$what took $((SECONDS - begin)) s"
}

remount ttl=1,connect_timeout=2,read_timeout=6
takes 10 "before it hangs" ls -l "$MNT/e1"
sleep 1.2
fault delay ms=600000
ENDPOINT=$direct put_object e1/h src
takes 8 "ls of what is known" ls -l "$MNT/e1"
is "its lines" "$(grep -c '[fg]$' out)" 2
takes 8 "stat" stat "$MNT/e1/f"
takes 8 "cat of what is cached" cmp src "$MNT/d1/f"
takes 8 "a new file" cp src "$MNT/e1/new"
sleep 5.1 # it asks again
takes 8 "ls later" ls "$MNT/e1"
fault none
within 15 test -e "$MNT/e1/h" || fail "what others made is not seen"
synced
fault delay ms=600000
sleep 1.2
begin=$SECONDS
timeout 60 ls "$MNT/e1" >out &
reader=$!
kill "$(daemon)"
wait "$(daemon)" || true
rm -f "$MNT.pid"
wait $reader || true
[ $((SECONDS - begin)) -le 15 ] || fail "the end took $((SECONDS - begin)) s"

# A mount does not wait for the question whether its prefix has anything.
rm -rf "$CACHE"
fault delay ms=600000 match='^GET .*list.type=2'
mnt connect_timeout=1,read_timeout=120 "$BUCKET:e1"
fault none
same "what is there" src "$MNT/f"
unmnt
