#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Each command that is given the path of what never was names it, ends with 2
# and changes nothing. Which commands take a path their own help says, so that
# none is left out: neither of vers3ctl's nor of the control file's.
. "$(dirname "$0")/lib.sh"
need jq git

there=$BUCKET-there
make_bucket "$there"
mnt "commit=0.1,ttl=1,versions=purge,replica=$there"
mkdir "$MNT/dir" "$MNT/other"
for i in 1 2; do
	echo "$i" >"$MNT/dir/file"
	echo "$i" >"$MNT/dir/deleted"
	synced
done
rm "$MNT/dir/deleted"
synced
s3 POST "/$BUCKET/dir/part?uploads=" '' >/dev/null
"$VERS3CTL" -C "$MNT" lifecycle set old noncurrent=90d >/dev/null

# All that a command could have changed.
everything() {
	history_of | sort
	s3 GET "/$BUCKET?lifecycle="
	s3 GET "/$BUCKET?uploads=" | grep -oP '(?<=<UploadId>)[^<]*'
	s3 GET "/$there?versions=" | grep -o '<Key>[^<]*' || true
	find "$MNT" "$MNT/.versions" | sort
	"$VERS3CTL" --json status "$MNT" |
		jq '[.sync.dirty, .sync.failing, .mount.readOnly]'
}
everything >before

# with_path: of lines "COMMAND: USAGE", the commands that take a path. What
# follows a name in brackets is other commands, with their own.
with_path() {
	sed -E 's/^([a-z]+): \[([a-z].*)\]$/\1 \2/' | awk '
		function takes(name, usage) {
			if (usage ~ /(^|[^A-Z])PATH([^A-Z]|$)/)
				print name
		}
		/^[a-z]+ [a-z]+ .* \| / && !/: / {
			top = $1
			n = split(substr($0, length(top) + 2), part, / \| /)
			for (i = 1; i <= n; i++) {
				split(part[i], word, " ")
				takes(top " " word[1], part[i])
			}
			next
		}
		{
			at = index($0, ": ")
			takes(substr($0, 1, at - 1), substr($0, at + 2))
		}'
}

# ---- vers3ctl ----

# COMMAND: the words that it is called with besides the path.
besides() {
	case $1 in
	diff) echo --at 1h ;;
	purge | "uploads abort") echo --older 7d ;;
	expire) echo 7d ;;
	restore) echo --to new ;;
	esac
}
# names_it COMMAND WORD...
names_it() {
	local command=$1 rc=0
	shift
	# shellcheck disable=SC2086
	(cd "$MNT" && exec timeout 60 "$VERS3CTL" $command no/such "$@") \
		>out 2>err </dev/null || rc=$?
	is "vers3ctl $command no/such $*: status ($(cat out err))" "$rc" 2
	is "vers3ctl $command: lines ($(cat err))" "$(wc -l <err)" 1
	is "vers3ctl $command: says too" "$(cat out)" ""
	grep -q 'no/such' err || fail "vers3ctl $command: $(cat err)"
}
"$VERS3CTL" --help |
	sed -nE 's/^  ([a-z]+) (.*)$/\1: \2/p' | with_path >commands
# Of these the path says which mount is meant, and no more.
grep -vxE 'status|doctor|failover|failback' commands >taking
[ "$(wc -l <taking)" -ge 18 ] || fail "few commands: $(cat taking)"
while read -r command; do
	# shellcheck disable=SC2046
	names_it "$command" $(besides "$command")
done <taking
names_it "sync --replica" --timeout 5s
names_it "replication wait" --timeout 5s
names_it "versions --follow"
names_it "restore" --at 1h
names_it "purge -n" --keep 1
names_it "lifecycle preview --names"
names_it "verify --against both" --deep
names_it "verify --against replica" --report "$WORK/report"
[ ! -e "$WORK/report" ] || fail "a report of nothing"
names_it "expire"
names_it "thaw --wait"

# ---- the control file ----

{ echo help >&3 && cat <&3; } 3<>"$MNT/.control" >help
sed -E 's/^([a-z ]+[a-z]) ([^a-z: ].*|.*PATH.*): .*/\1: \2/' help |
	grep ': ' | with_path >commands
[ "$(wc -l <commands)" -ge 16 ] || fail "few commands: $(cat commands)"
while read -r command; do
	case $command in
	restore) line="restore no/such @previous new" ;;
	purge) line="purge no/such older=7d" ;;
	"uploads abort") line="uploads abort older=7d no/such" ;;
	expire) line="expire no/such 7d" ;;
	diff) line="diff no/such @1h" ;;
	*) line="$command no/such" ;;
	esac
	if { echo "$line" >&3 && cat <&3; } 3<>"$MNT/.control" >out 2>err
	then
		fail "$line: $(cat out)"
	fi
	grep -q 'No such file or directory' err || fail "$line: $(cat err)"
	why=$(git config -f "$MNT/.control" control.lastError)
	case $why in
	*no/such*) ;;
	*) fail "$line: $why" ;;
	esac
done <commands

everything >after
same "what is there" before after

# One that is in no mount is named just so.
rc=0
"$VERS3CTL" verify "$WORK/elsewhere" >out 2>err || rc=$?
is "in no mount ($(cat err))" "$rc" 2
grep -q "$WORK/elsewhere is not in a mount of vers3" err || fail "$(cat err)"
unmnt
