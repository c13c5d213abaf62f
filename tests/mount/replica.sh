#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The options of a replica: what cannot be is refused before the mount, a
# replica that is away hinders nothing, and without the option none is asked.
. "$(dirname "$0")/lib.sh"
need_log

there=$BUCKET-replica
make_bucket "$there"
# What the replica was asked since a mark.
asked() {
	log_mark >/dev/null
	tail -n "+$(($1 + 1))" "$ACCESS_LOG" |
		grep -c "beast: .* /$there" || true
}
replica() {
	git config -f "$MNT/.control" "replica.$1" || true
}

# bad WHAT PATTERN OPTIONS
bad() {
	local rc=0
	mkdir -p "$MNT"
	timeout 60 "$VERS3" -o "$(vers3_options "$3")" "$BUCKET" "$MNT" \
		>out 2>err </dev/null || rc=$?
	if mountpoint -q "$MNT"; then
		umount -l "$MNT"
		fail "$1: mounted"
	fi
	is "$1: status ($(cat err))" "$rc" 1
	is "$1: lines on stderr ($(cat err))" "$(wc -l <err)" 1
	grep -qE -- "$2" err || fail "$1: no '$2' in: $(cat err)"
}
bad "bad name" 'replica=a/b is no name of a bucket' replica=a/b
bad "a prefix" 'replica=a:b is no name' replica=a:b
bad "nothing" 'option replica needs a value' replica=
bad "no replica" 'replica_region needs replica=BUCKET' replica_region=x
bad "fsync" 'fsync=replica needs replica=BUCKET' fsync=replica
bad "too short" 'replica_timeout=0 .*at least|from 1' \
	"replica=$there,replica_timeout=0"
bad "no URL" 'replica_endpoint takes a URL' \
	"replica=$there,replica_endpoint=gopher://x"
bad "no profile" 'replica: .*profile' "replica=$there,replica_profile=nowhere"
bad "no bucket" 'replica: bucket [^:]*: there is no such .*replica_endpoint=' \
	"replica=$there-not"
bad "itself" "replica=$BUCKET is the bucket that is mounted" "replica=$BUCKET"
printf '[wrong]\naws_access_key_id = x\naws_secret_access_key = y\n' >keys
AWS_SHARED_CREDENTIALS_FILE=$PWD/keys bad "keys" 'replica: bucket .*access key.*replica_profile=' \
	"replica=$there,replica_profile=wrong"

# None: not asked, and nothing is said of it.
mark=$(log_mark)
mnt
date >"$MNT/a"
synced
is "asked without the option" "$(asked "$mark")" 0
is "without the option" "$(replica bucket)" ""

# misused PATTERN ARGUMENT...: status 2, one line, which says that.
misused() {
	local rc=0 pattern=$1
	shift
	"$VERS3CTL" -C "$MNT" "$@" >out 2>err || rc=$?
	is "$*: status ($(cat err))" "$rc" 2
	is "$*: lines" "$(wc -l <err)" 1
	grep -q -- "$pattern" err || fail "$*: no '$pattern' in: $(cat err)"
}
misused 'want a time such as 90s' replication wait --timeout soon
misused 'is no path of a file' replication wait .versions/a
misused 'usage: vers3ctl replication' replication wait --quick
misused 'usage: vers3ctl replication' replication check --timeout 5s
misused 'usage: vers3ctl replication' replication list a
misused 'usage: vers3ctl replication' replication compare
misused 'timeout goes with --replica' sync --timeout 5s
misused 'want a time' sync --replica --timeout 0s

# Without a replica there is nothing to compare with, and this server tells of
# no replication.
refused "check" "mount it with -o replica=BUCKET" \
	"$VERS3CTL" -C "$MNT" replication check
refused "wait" "the server tells no replication status" \
	"$VERS3CTL" -C "$MNT" replication wait
is "asked without the option" "$(asked "$mark")" 0

# One that is there.
remount "replica=$there"
is "bucket" "$(replica bucket)" "$there"
is "reachable" "$(replica reachable)" true
is "url" "$(replica url)" "$ENDPOINT/$there"
[ "$(replica requests)" -ge 1 ] || fail "requests: $(replica requests)"
[ "$(asked "$mark")" -ge 1 ] || fail "it was not asked"

# One that is away, and one that hangs: the mount is as good as ever.
remount "replica=$there,replica_endpoint=http://127.0.0.1:1"
is "reachable" "$(replica reachable)" false
[ "$(replica errors)" -ge 1 ] || fail "errors: $(replica errors)"
grep -q 'replica: .*connection refused.*mounting without it' "$MNT.vers3.log" ||
	fail "no word of it: $(tail -n 3 "$MNT.vers3.log")"
date >"$MNT/b"
synced
"$VERS3CTL" status "$MNT" >said
grep -q '^replica: .*no answer' said || fail "status: $(cat said)"
need python3
python3 -c '
import socket, time
s = socket.socket()
s.bind(("127.0.0.1", 0))
s.listen(16)
print(s.getsockname()[1], flush=True)
time.sleep(300)' >port &
echo $! >silent.pid
within 5 test -s port
began=$SECONDS
remount "replica=$there,replica_endpoint=http://127.0.0.1:$(cat port),connect_timeout=1"
[ $((SECONDS - began)) -lt 10 ] || fail "mounted after $((SECONDS - began)) s"
grep -q 'replica: .*no answer in 2 s; mounting' "$MNT.vers3.log" ||
	fail "no word of it: $(tail -n 3 "$MNT.vers3.log")"
is "a" "$(ls "$MNT")" "$(printf 'a\nb')"
unmnt
kill "$(cat silent.pid)"
