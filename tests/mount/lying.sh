#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A server that means ill (liar.c has its forms): what is asked of the mount
# ends, with an error or with what is true; who waits for it can be killed;
# memory and disk stay bounded; and SIGTERM ends the daemon in time.
. "$(dirname "$0")/lib.sh"
case $ENDPOINT in
http://127.0.0.1:*) ;;
*) skip "the server is not on this machine" ;;
esac
LIAR=$BINDIR/tests/mount/liar

read_timeout=2
# What a call may take: requests one after the other, tries of each. One that
# lists on and on may ask so often: a list ends after a thousand pages that
# bring nothing, and how long those take is the machine's to say.
call_limit=40
call_lies=20000
end_limit=$((read_timeout + 18))
memory_limit=$((400 * 1024))
disk_limit=$((200 * 1024))

lists=(token pages empty order prefix values attributes deep)
answers=(drip slow-error error-page endless headers silence date short long
	success etag redirect elsewhere read-drip head-drip write-drip
	write-silence)

lies() {
	echo "$1" >form.new
	mv form.new form
}

lies_told() {
	stat -c %s form.lies
}

# Nothing waits in those of lists.
is_of_lists() {
	case " ${lists[*]} " in
	*" $1 "*) ;;
	*) return 1 ;;
	esac
}

# ended FORM COMMAND...: it ends by itself, however; or it can be killed.
ended() {
	local form=$1 limit=$call_limit pid first last now
	shift
	first=$(lies_told)
	last=$first
	"$@" >/dev/null 2>&1 </dev/null &
	pid=$!
	until within $limit gone $pid; do
		now=$(lies_told)
		if ! is_of_lists "$form" || [ "$now" -eq "$last" ] ||
			[ $((now - first)) -gt $call_lies ]; then
			kill -9 $pid
			within 5 gone $pid || fail "$form: cannot be killed: $*"
			fail "$form: does not end after $((now - first)) lies: $*"
		fi
		last=$now limit=$((2 * read_timeout))
	done
	wait $pid 2>/dev/null || true
}

# Somebody waits for the server at the end, and is killed or let go.
leave_waiting() {
	(exec ls -l "$MNT/waiting") >/dev/null 2>&1 &
	(exec cat "$MNT/d/large") >/dev/null 2>&1 &
	sleep 0.5
}

# A list that truly has no end goes on until the disk is short of min_free=.
small_disk() {
	mkdir "$CACHE"
	mount -t tmpfs -o mode=700,size=128m "$form" "$CACHE"
}

# Of which the first pages of other lists may take half.
check_small_disk() {
	local left
	left=$(df -k --output=avail "$CACHE" | tail -n 1)
	[ "$left" -ge 32768 ] || fail "$form: $left KiB are left of the disk"
}

try_form() {
	local form=$1 start pid
	mkdir "$WORK/$form"
	cd "$WORK/$form"
	local began=$SECONDS
	MNT=$PWD/mnt CACHE=$PWD/cache
	lies nothing
	"$LIAR" "${ENDPOINT##*:}" form >port 2>form.lies &
	echo $! >liar.pid
	within 10 test -s port || fail "$form: no liar"
	ENDPOINT=http://127.0.0.1:$(cat port)
	opts=read_timeout=$read_timeout,connect_timeout=2,retries=0,ttl=1
	opts+=,commit=0.1,min_free=64M
	mnt $opts "$BUCKET:$form"
	mkdir "$MNT/d" "$MNT/waiting"
	echo true >"$MNT/d/file"
	head -c 3M /dev/zero >"$MNT/d/large"
	synced
	unmnt
	rm -rf "$CACHE"
	[ "$form" != pages ] || small_disk
	mnt $opts "$BUCKET:$form"
	stat "$MNT/d/large" >/dev/null
	lies "$form"
	ended "$form" ls -l "$MNT/d"
	ended "$form" ls -l "$MNT/waiting"
	ended "$form" ls -l "$MNT/d/nothing"
	ended "$form" cat "$MNT/d/file"
	ended "$form" cat "$MNT/d/large"
	ended "$form" ls "$MNT/.versions/d/file"
	ended "$form" cp "$MNT/d/file" "$MNT/copy"
	ended "$form" ls "$MNT/.versions/@2026-01-01/d"
	ended "$form" mv "$MNT/d" "$MNT/e"
	ended "$form" cat "$MNT/.control"
	leave_waiting
	pid=$(daemon)
	memory=$(rss_anon)
	[ "$memory" -lt $memory_limit ] || fail "$form: $memory KiB of memory"
	disk=$(du -sk "$CACHE" | cut -f1)
	[ "$disk" -lt $disk_limit ] ||
		fail "$form: $disk KiB of disk"
	[ "$form" != pages ] || check_small_disk
	start=$SECONDS
	kill -TERM "$pid"
	within $end_limit gone "$pid" ||
		fail "$form: runs $((SECONDS - start)) s after SIGTERM"
	ended=$((SECONDS - start))
	! grep -E 'Sanitizer|runtime error|assert' "$MNT.vers3.log" ||
		fail "$form: see above"
	rm -f "$MNT.pid"
	kill "$(cat liar.pid)"
	echo "$form: $((SECONDS - began)) s, ended in $ended s, $memory KiB, $disk KiB"
}

test_cleanup() {
	local f
	for f in "$WORK"/*/*.pid; do
		[ ! -e "$f" ] || kill -9 "$(cat "$f")" 2>/dev/null
	done
}

# In the background, where a failure ends it.
begin() {
	(
		trap - EXIT
		try_form "$1"
	) &
}

# one_by_one FORM...
one_by_one() {
	local form rc=0
	trap - EXIT
	for form in "$@"; do
		# Its disk is mounted.
		[ "$form" != pages ] || [ "$(id -u)" = 0 ] || continue
		begin "$form"
		wait $! || rc=1
	done
	exit $rc
}

# Forms that wait go all at once, and those that work one a processor.
pids=()
read -ra wanted <<<"${VERS3_TEST_FORMS:-${lists[*]} ${answers[*]}}"
working=()
for form in "${wanted[@]}"; do
	if is_of_lists "$form"; then
		working+=("$form")
	else
		begin "$form"
		pids+=($!)
	fi
done
n=$(nproc)
for ((i = 0; i < n && i < ${#working[@]}; i++)); do
	mine=()
	for ((k = i; k < ${#working[@]}; k += n)); do
		mine+=("${working[k]}")
	done
	one_by_one "${mine[@]}" &
	pids+=($!)
done
rc=0
for pid in "${pids[@]}"; do
	wait "$pid" || rc=1
done
exit $rc
