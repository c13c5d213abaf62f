#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Extended attributes of up to 64 KiB a file: with what the object's metadata
# has no room for in an object beside. rsync -aHAX carries them, the history has
# those of each version, an empty cache all, and looking at names and modes asks
# for none of it. A kill between the two requests leaves no half of it.
. "$(dirname "$0")/lib.sh"
need setfattr getfattr setfacl getfacl setcap getcap setpriv rsync jq
need_root
need_log

# value BYTES LETTER
value() {
	head -c "$1" /dev/zero | tr '\0' "$2"
}

# attr NAME FILE
attr() {
	getfattr --absolute-names -h --only-values -n "$1" "$2" | sha256sum
}

chmod 755 "$WORK" "$(dirname "$WORK")"
mnt allow_other
small=$(value 4096 a)
large=$(value 60000 b)

# All kinds of files, with lists and capabilities beside.
mkdir -p "$MNT/src/d"
for i in $(seq 1 8); do
	echo "$i" >"$MNT/src/d/$i"
	setfattr -n user.note -v "$small$i" "$MNT/src/d/$i"
done
setfattr -n user.large -v "$large" "$MNT/src/d/1"
refused "more than 64 KiB" "No space" \
	setfattr -n user.more -v "$small" "$MNT/src/d/1"
setfacl -m u:1001:rw "$MNT/src/d/2"
cp /bin/true "$MNT/src/true"
setfattr -n trusted.note -v "$small" "$MNT/src/true"
setcap cap_net_raw+ep "$MNT/src/true"
setfattr -n user.note -v "$small" "$MNT/src/d"
setfacl -d -m u:1001:rx "$MNT/src/d"
ln "$MNT/src/d/3" "$MNT/src/hard"
ln -s true "$MNT/src/link"
setfattr -h -n trusted.note -v "$small" "$MNT/src/link"
mkfifo "$MNT/src/pipe"
setfattr -n trusted.note -v "$(value 65536 e)" "$MNT/src/pipe"
# A list that is longer than metadata.
echo secret >"$MNT/src/long"
chmod 640 "$MNT/src/long"
for i in $(seq 1 300); do
	echo "u:$((5000 + i)):r"
done >acl
setfacl -M acl "$MNT/src/long"
attributes_of "$MNT/src" >want
rsync -aHAX "$MNT/src/" "$MNT/copy/"
is "a second rsync" "$(rsync -aHAXi "$MNT/src/" "$MNT/copy/")" ""
synced
history_of '' | sort >versions
grep -q '^V \.vers3/xattrs/' versions || fail "no object beside"
is "shown" "$(ls -A "$MNT")" "$(printf 'copy\nsrc')"
refused "a name of ours" "not permitted" mkdir "$MNT/.vers3"

# With an empty cache.
fresh allow_other
since=$(log_mark)
ls -lR "$MNT" >list
stat "$MNT"/src/d/* >>list
# But for the long list, the same of two files: ls asks for lists.
is "requests for them, by ls" "$(requests GET '/\.vers3/' "$since")" 1
got=$(requests HEAD '/[^? ]' "$since")
files=$(find "$MNT" -mindepth 1 | wc -l)
[ "$got" -le $((files + 5)) ] || fail "$got HEADs of $files names"
attributes_of "$MNT/src" >got
diff want got >&2 || fail "with an empty cache they differ"
is "rsync then" "$(rsync -aHAXi "$MNT/src/" "$MNT/copy/")" ""
attributes_of "$MNT/copy" >got
diff want got >&2 || fail "what rsync made differs"
is "who is named" "$(setpriv --reuid=5300 --regid=1 --clear-groups \
	cat "$MNT/src/long")" secret
refused "who is not" "Permission denied" setpriv --reuid=5301 --regid=1 \
	--clear-groups cat "$MNT/src/long"
synced
history_of '' | sort >versions2
same "history" versions versions2
sleep 1
now=$(date -u +%Y-%m-%dT%H-%M-%SZ)
sleep 1

# Each version has its own; what else is changed sends none of it.
fresh
since=$(log_mark)
chmod 600 "$MNT/src/d/1"
mv "$MNT/src/d/1" "$MNT/moved"
synced
is "requests of chmod and mv" "$(requests 'GET|PUT|HEAD' '/\.vers3/' "$since")" 0
before=$(attr user.large "$MNT/moved")
is "moved" "$before" "$(value 60000 b | sha256sum)"
setfattr -n user.large -v "$(value 50000 c)" "$MNT/moved"
echo more >>"$MNT/moved"
synced
fresh
is "now" "$(attr user.large "$MNT/moved")" "$(value 50000 c | sha256sum)"
first=$(ls "$MNT/.versions/moved" | head -n 1)
is "then" "$(attr user.large "$MNT/.versions/moved/$first")" "$before"
is "at an instant" "$(ls -A "$MNT/.versions/@$now")" "$(printf 'copy\nsrc')"
is "and there" "$(attr user.large "$MNT/.versions/@$now/src/d/1")" "$before"
"$VERS3CTL" restore "$MNT/moved" --version "${first#*~}" >out ||
	fail "restore: $(cat out)"
synced
fresh
is "restored" "$(attr user.large "$MNT/moved")" "$before"

# Killed when the first of the two requests has just been seen.
for i in 1 2; do
	fresh commit=0.1
	since=$(log_mark)
	echo "$i" >"$MNT/killed$i"
	setfattr -n user.large -v "$(value 60000 d)$i" "$MNT/killed$i"
	seen() {
		tail -n "+$((since + 1))" "$ACCESS_LOG" |
			grep -q "\"PUT /$BUCKET/.vers3/"
	}
	within 20 seen || fail "nothing is sent"
	crash
	mnt
	is "after a kill" "$(attr user.large "$MNT/killed$i")" \
		"$( (value 60000 d && printf %s "$i") | sha256sum)"
	synced
	fresh
	is "and in the bucket" "$(attr user.large "$MNT/killed$i")" \
		"$( (value 60000 d && printf %s "$i") | sha256sum)"
	is "with its text" "$(cat "$MNT/killed$i")" "$i"
done

# Where that object must not be written the file is unsent, and that is told.
s3 PUT "/$BUCKET?policy=" "$(jq -nc --arg r "arn:aws:s3:::$BUCKET/.vers3/*" \
	'{Version: "2012-10-17", Statement: [{Effect: "Deny", Principal: "*",
	Action: "s3:PutObject", Resource: $r}]}')" >/dev/null
echo denied >"$MNT/denied"
setfattr -n user.large -v "$(value 60000 e)" "$MNT/denied"
refused "what is not allowed" "denied" "$VERS3CTL" sync "$MNT"
grep -q "cannot save extended attributes as .*\.vers3/xattrs/" \
	"$MNT.vers3.log" || fail "the log: $(tail -n 3 "$MNT.vers3.log")"
is "not sent without" "$(history_of denied)" ""
s3 DELETE "/$BUCKET?policy=" >/dev/null
synced
is "once it is allowed" "$(history_of denied)" "V denied"
unmnt
