#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A failover, and a failback, in the midst of work: what was not sent, an upload
# in parts that is under way, a rename and a change of a file whose bytes only
# the other side has, and files that are open. Nothing of it is lost. And what
# would compare the replica with itself is refused meanwhile.
. "$(dirname "$0")/lib.sh"
need_proxy

there=$BUCKET-replica
make_bucket "$there"
through_proxy
options="replica=$there,replica_endpoint=$direct,ttl=1,retries=1,connect_timeout=1,commit=100"

ctl() {
	"$VERS3CTL" -C "$MNT" "$@"
}
# fetch BUCKET KEY FILE
fetch() {
	local ENDPOINT=$direct BUCKET=$1
	get_object "$2" "$3" 2>/dev/null
}
has() {
	fetch "$1" "$2" "$WORK/got" && cmp -s "$3" "$WORK/got"
}
has_not() {
	! fetch "$1" "$2" "$WORK/got"
}
uploads_at() {
	ENDPOINT=$direct s3 GET "/$1?uploads=" | grep -q '<Upload>'
}
# What is in files of their own here: names, not contents.
forget_contents() {
	unmnt
	rm -rf "$CACHE/blocks"
	mnt "$options"
	ls -lR "$MNT" >/dev/null
}
# work SIDE: begun, and nothing of it is where it is to go.
work() {
	mv "$MNT/$1-moved" "$MNT/$1-here"
	printf changed | dd of="$MNT/$1-changed" bs=1 seek=12000000 \
		conv=notrunc 2>/dev/null
	printf changed | dd of=changed bs=1 seek=12000000 conv=notrunc \
		2>/dev/null
	echo "new $1" >new
	cp new "$MNT/$1-new"
	rm "$MNT/$1-gone"
	exec 7>"$MNT/$1-open" 8>"$MNT/$1-parts"
	echo half >&7
	head -c 64M parts >&8
	within 20 uploads_at "$2" || fail "no upload in parts at $2"
}
# The other half of it.
work_on() {
	echo whole >&7
	tail -c +$((64 * 1048576 + 1)) parts >&8
	exec 7>&- 8>&-
	printf 'half\nwhole\n' >opened
}
# arrived SIDE BUCKET
arrived() {
	has "$2" "$1-here" small || fail "$1: the file that was moved"
	has_not "$2" "$1-moved" || fail "$1: from where it was moved"
	has "$2" "$1-changed" changed || fail "$1: the file that was changed"
	has "$2" "$1-new" new || fail "$1: the new one"
	has_not "$2" "$1-gone" || fail "$1: the one that was removed"
	has "$2" "$1-open" opened || fail "$1: the open one"
	has "$2" "$1-parts" parts || fail "$1: the upload in parts"
}
prepare() {
	for name in moved gone; do
		cp small "$MNT/$1-$name"
	done
	cp large "$MNT/$1-changed"
	ctl sync
}
head -c 100k /dev/urandom >small
head -c 20M /dev/urandom >large
head -c 80M /dev/urandom >parts
cp large changed

mnt "$options"
prepare over
forget_contents
work over "$BUCKET"
fault reset
ctl failover
work_on
# What needs nothing of the bucket goes; the rest waits for it.
refused "what only the bucket has" "2 left to be sent" ctl sync
has "$there" over-parts parts || fail "the upload does not go on"
has "$there" over-new new || fail "what was not sent does not go"
is "it is shown" "$(stat -c %s "$MNT/over-here")" 102400
fault none
ctl sync
arrived over "$there"

# There are no two to compare.
for command in "replication check" "replication wait" "sync --replica" \
	"verify --against replica"; do
	# shellcheck disable=SC2086
	refused "$command" "stands in for the bucket" ctl $command
done

cp large changed
prepare back
forget_contents
work back "$there"
ctl failback >said 2>&1 || fail "failback: $(cat said)"
work_on
same "the moved one is read" small "$MNT/back-here"
ctl sync
arrived back "$BUCKET"
cp large changed
printf changed | dd of=changed bs=1 seek=12000000 conv=notrunc 2>/dev/null
echo "new over" >new
arrived over "$BUCKET"
fresh "$options"
same "on another mount" parts "$MNT/back-parts"
same "what was changed" changed "$MNT/back-changed"
unmnt
