#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# .control: state that git config reads, and commands of one line.
. "$(dirname "$0")/lib.sh"
need git

state() {
	git config -f "$MNT/.control" "$@"
}

mnt commit=60
is "readdir" "$(ls -A "$MNT")" ""
[ -f "$MNT/.control" ] || fail "it is no regular file"
is "mode and owner" "$(stat -c %a:%u "$MNT/.control")" "600:$(id -u)"
state --list >list || fail "not in git-config syntax: $(cat "$MNT/.control")"
for section in mount cache sync s3; do
	grep -q "^$section\." list || fail "no [$section] in $(cat list)"
done
grep -qF "$BUCKET" "$MNT/.control" || fail "the bucket is not named"

echo data >"$MNT/file"
is "sent before" "$(s3 GET "/$BUCKET?list-type=2" | grep -c '<Key>file')" 0
echo sync >"$MNT/.control"
is "sent by sync" "$(s3 GET "/$BUCKET/file")" data
refused "an unknown command" "EINVAL" bash -c \
	'"$1" control "$2" "no such command" 2>&1' - "$FSOP" "$MNT/.control"
"$FSOP" control "$MNT/.control" "sync" >/dev/null

# head seeks back to where its lines end; an answer begins where the command
# has left the descriptor.
is "head" "$(head -n 1 "$MNT/.control" 2>&1)" "[mount]"
exec 5<>"$MNT/.control"
echo help >&5
read -r answer <&5 || fail "no answer after the command"
"$FSOP" control "$MNT/.control" help >answer
is "the answer" "$(head -n 1 answer)" "$answer"
exec 5>&-

# A line may come in pieces; its end has it carried out.
echo more >"$MNT/file"
echo sync | dd bs=1 of="$MNT/.control" status=none || fail "dd bs=1"
is "sent by pieces" "$(s3 GET "/$BUCKET/file")" more
echo again >"$MNT/file"
env printf sync >>"$MNT/.control" || fail "no newline"
is "sent at close" "$(s3 GET "/$BUCKET/file")" again
env printf 'no such command' >"$MNT/.control" 2>/dev/null &&
	fail "an unknown command without a newline"
state --list >/dev/null || fail "unreadable after commands"
refused "removing it" "" rm -f "$MNT/.control"
is "nothing in the bucket" "$(s3 GET "/$BUCKET?list-type=2" | grep -c '.control<')" 0
unmnt
