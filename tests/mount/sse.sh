#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# SSE-C over TLS: what is written is under the first key of the file, what is
# read under any of them; renames, old versions, parts; another key, or none,
# reads nothing and loses nothing; over http:// no key is sent.
. "$(dirname "$0")/lib.sh"
need_proxy

plain=$ENDPOINT
"$top/contrib/faultproxy" start --dir "$WORK/proxy" \
	--upstream "${ENDPOINT##*:}" >proxy.env
. ./proxy.env
ca=ca_file=$VERS3_PROXY_CA
tls="path_style,$ca"

umask 077
openssl rand -base64 32 >old.key
openssl rand 32 >new.raw
openssl rand -base64 32 >wrong.key
{ echo "# the newest first"; base64 -w0 new.raw; echo; cat old.key; } >both.key

# bad WHAT WORDS OPTIONS: refused before the mount, in one line.
bad() {
	local rc=0
	mkdir -p "$MNT"
	timeout 60 "$VERS3" -o "cache_dir=$CACHE,endpoint=$ENDPOINT,$3" \
		"$BUCKET" "$MNT" >out 2>err </dev/null || rc=$?
	[ $rc -ne 0 ] || umount -l "$MNT"
	is "$1: status ($(cat err))" "$rc" 1
	is "$1: lines ($(cat err))" "$(wc -l <err)" 1
	grep -qF -- "$2" err || fail "$1: $(cat err)"
}

bad "plain text" https:// "sse=c,sse_c_key_file=old.key"
ENDPOINT=$VERS3_PROXY_TLS
chmod 640 old.key
bad "open to others" "chmod 600" "$tls,sse=c,sse_c_key_file=old.key"
chmod 600 old.key
bad "no such file" "cannot be read" "$tls,sse=c,sse_c_key_file=none"
head -c 31 new.raw >short.key
bad "no key" "line 1 is no key" "$tls,sse=c,sse_c_key_file=short.key"
bad "no file" sse_c_key_file= "$tls,sse=c"

# Written, read, moved.
mnt "$tls,sse=c,sse_c_key_file=old.key"
echo first >"$MNT/file"
head -c 12M /dev/urandom >big
cp big "$MNT/big"
mkdir "$MNT/dir"
synced
tls_endpoint=$ENDPOINT ENDPOINT=$plain
refused "without the key" 400 get_object file out
ENDPOINT=$tls_endpoint
mv "$MNT/file" "$MNT/moved"
mv "$MNT/big" "$MNT/dir/big"
: >"$MNT/empty"
synced
mv "$MNT/empty" "$MNT/nothing"
synced
fresh "$tls,sse=c,sse_c_key_file=old.key"
is "moved" "$(cat "$MNT/moved")" first
same "moved, in parts" big "$MNT/dir/big"
is "empty" "$(stat -c %s "$MNT/nothing")" 0
is s3.sse "$(getfattr --only-values -n s3.sse "$MNT/moved")" SSE-C

refused "a URL" "sse=c" "$VERS3CTL" presign "$MNT/moved"

# The runbook's chapter, as it is written.
cp old.key sse.keys
echo text >"$MNT/report.txt"
synced
chapter ENCRYPTION >commands
[ "$(wc -l <commands)" -ge 6 ] || fail "few commands: $(cat commands)"
while read -r line; do
	(cd "$MNT" && bash -ec "$line") >said 2>&1 ||
		fail "$line: $(cat said)"
	[ -s said ] || case $line in
	*umask*) ;;
	*) fail "$line: says nothing" ;;
	esac
done <commands
is "keys" "$(wc -l <sse.keys) $(stat -c %a sse.keys)" "2 600"
is "the old one" "$(tail -n 1 sse.keys)" "$(cat old.key)"

# Another key for what is written; the old one for what is there.
fresh "$tls,sse=c,sse_c_key_file=both.key"
is "under the old key" "$(cat "$MNT/moved")" first
echo second >"$MNT/moved"
synced
chmod 600 "$MNT/dir/big"
mv "$MNT/dir/big" "$MNT/big"
synced
fresh "$tls,sse=c,sse_c_key_file=new.raw"
is "under the new key" "$(cat "$MNT/moved")" second
same "moved, to another key" big "$MNT/big"
fresh "$tls,sse=c,sse_c_key_file=both.key"
old=$(echo "$MNT/.versions/moved"/* | cut -d' ' -f1)
is "old version" "$(cat "$old")" first
"$VERS3CTL" restore "$old" >/dev/null
synced
is "restored" "$(cat "$MNT/moved")" first

# An upload that began under another key is not gone on with.
uploads() {
	s3api list-multipart-uploads --query 'length(Uploads || `[]`)'
}
remount "$tls,sse=c,sse_c_key_file=old.key"
exec 9>"$MNT/up"
cat big big big big >&9
tls_endpoint=$ENDPOINT ENDPOINT=$plain
within 20 eval '[ "$(uploads)" = 1 ]' || fail "no upload began"
ENDPOINT=$tls_endpoint
crash
exec 9>&-
mnt "$tls,sse=c,sse_c_key_file=both.key"
synced
fresh "$tls,sse=c,sse_c_key_file=new.raw"
cat big big big big | cmp - "$MNT/up" >&2 || fail "begun under another key"

# With the wrong key, and with none: nothing is read, nothing is lost.
for key in ",sse=c,sse_c_key_file=wrong.key" ""; do
	fresh "$tls$key"
	case $(echo "$MNT"/*) in
	*/moved*) ;;
	*) fail "hidden with '$key'" ;;
	esac
	is "mode with '$key'" "$(stat -c %a "$MNT/moved")" 0
	refused "read with '$key'" "Permission denied" cat "$MNT/moved"
	versions=("$MNT/.versions/dir/big"/*)
	is "version with '$key'" "$(stat -c %a "${versions[0]}")" 0
	refused "version with '$key'" "Permission denied" cat "${versions[0]}"
done
fresh "$tls,sse=c,sse_c_key_file=both.key"
is "known" "$(stat -c %s "$MNT/moved")" 6
remount "$tls,sse=c,sse_c_key_file=wrong.key"
refused "known, and not cached" "Permission denied" cat "$MNT/moved"
grep -q "not in sse_c_key_file=" "$MNT.vers3.log" || fail "the log is silent"
fresh "$tls,sse=c,sse_c_key_file=both.key"
is "nothing is lost" "$(cat "$MNT/moved")" first
same "nothing is lost" big "$MNT/big"
unmnt
if grep -qF "$(base64 -w0 new.raw)" "$MNT.vers3.log"; then
	fail "the log has a key"
fi
ENDPOINT=$plain
