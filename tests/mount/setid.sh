#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Set-user-id and set-group-id bits go where a local file system takes them:
# with a change of content by one without CAP_FSETID, and with one of owner.
. "$(dirname "$0")/lib.sh"
need setpriv
need_root

chmod 755 "$WORK" "$(dirname "$WORK")"
cp "$FSOP" fsop # where nobody may run it
mnt allow_other

# as WHO COMMAND...: nobody, root, root without the capability (weak), or nobody
# with it (able).
as() {
	local who=$1
	shift
	case $who in
	nobody) setpriv --reuid=65534 --regid=65534 --clear-groups "$@" ;;
	root) "$@" ;;
	weak) setpriv --bounding-set=-fsetid --inh-caps=-fsetid "$@" ;;
	able)
		setpriv --reuid=65534 --regid=65534 --clear-groups \
			--inh-caps=+fsetid --ambient-caps=+fsetid "$@"
		;;
	esac
}

# change WHO HOW FILE
change() {
	# shellcheck disable=SC2016
	case $2 in
	write) as "$1" bash -c 'echo more >>"$1"' bash "$3" ;;
	trunc) as "$1" bash -c 'echo other >"$1"' bash "$3" ;;
	empty) as "$1" bash -c ': >"$1"' bash "$3" ;;
	size) as "$1" truncate -s 2 "$3" ;;
	alloc) as "$1" fallocate -l 4096 "$3" ;;
	punch) as "$1" fallocate --punch-hole -o 0 -l 2 "$3" ;;
	copy) as "$1" "$WORK/fsop" copy-range "$3.from" 0 "$3" 0 4 ;;
	owner) as "$1" chown 1234 "$3" ;;
	group) as "$1" chgrp 1234 "$3" ;;
	esac
}

# Each row: who, how, the mode before and after.
n=0
while read -r who how before after; do
	n=$((n + 1))
	for dir in "$WORK" "$MNT"; do
		echo text >"$dir/f$n"
		[ "$how" != copy ] || echo copy >"$dir/f$n.from"
		chmod "$before" "$dir/f$n"
		change "$who" "$how" "$dir/f$n"
		is "$how by $who, $before, in $dir" \
			"$(stat -c %04a "$dir/f$n")" "$after"
	done
done <<'ROWS'
nobody write 6777 0777
nobody write 2777 0777
nobody write 1666 1666
nobody trunc 6777 0777
nobody empty 4777 0777
nobody size  6777 0777
nobody alloc 6777 0777
nobody punch 6777 0777
nobody copy  6777 0777
root   write 6777 6777
root   trunc 4755 4755
root   size  6755 6755
root   alloc 6755 6755
root   owner 6755 0755
root   group 4755 0755
root   group 2745 2745
weak   write 6755 0755
weak   size  4755 0755
able   write 6777 6777
ROWS

# Open since before the bit was set, and written without another open.
echo text >"$MNT/open"
chmod 666 "$MNT/open"
exec 5>>"$MNT/open"
chmod 4777 "$MNT/open"
as nobody bash -c 'echo more >&5'
is "mode after a write to an open file" "$(stat -c %a "$MNT/open")" 777
exec 5>&-

# A directory keeps its bits, whoever owns it.
mkdir "$MNT/dir"
chmod 2775 "$MNT/dir"
chown 1234:1234 "$MNT/dir"
is "directory" "$(stat -c %04a "$MNT/dir")" 2775

fresh allow_other
is "in the bucket" "$(stat -c %04a "$MNT/f1")" 0777
is "kept in the bucket" "$(stat -c %04a "$MNT/f10")" 6777
