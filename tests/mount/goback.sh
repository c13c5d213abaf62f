#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The runbook's chapter on going back, as it is written, and what comes of it.
. "$(dirname "$0")/lib.sh"

src=$MNT/src
mnt
mkdir -p "$src/sub"
echo one >"$src/main.c"
echo gone >"$src/sub/gone.c"
synced

mkdir bin
ln -s "$VERS3CTL" bin/vers3ctl
chapter 'GOING BACK' >commands
is "commands" "$(wc -l <commands)" 8
while read -r line; do
	(cd "$MNT" && PATH="$WORK/bin:$PATH" bash -ec "$line") >said 2>&1 ||
		fail "$line: $(cat said)"
	case $line in
	mkdir*)
		echo two >"$src/main.c"
		rm -r "$src/sub"
		echo new >"$src/added.c"
		synced
		;;
	*diff*)
		is "differences" "$(awk '{ print $1, $NF }' said | tr '\n' ';')" \
			"+ src/added.c;~ src/main.c;- src/sub;- src/sub/gone.c;"
		;;
	*log*) grep -q "deleted  src/sub/gone.c" said || fail "log: $(cat said)" ;;
	*-n) is "nothing is done" "$(cat "$src/main.c")" two ;;
	*restore*exact) is "all of it" "$(tail -n 1 said)" "0 restored, 1 removed, 0 failed" ;;
	*restore*upgrade) is "back" "$(tail -n 1 said)" "3 restored, 0 removed, 0 failed" ;;
	*versions*)
		is "as it was" "$(cd "$src" && find . | LC_ALL=C sort | tr '\n' ' ')" \
			". ./main.c ./sub ./sub/gone.c "
		is "main.c" "$(cat "$src/main.c")" one
		is "gone.c" "$(cat "$src/sub/gone.c")" gone
		[ "$(wc -l <said)" -ge 2 ] || fail "versions: $(cat said)"
		;;
	*restore*) is "one save back" "$(cat "$src/main.c")" two ;;
	esac
done <commands
unmnt
