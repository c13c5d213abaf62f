# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
#
# The pieces of work with trees: archives, clones, and what was; see works.sh.

# need_tree COUNT: a tree of such files of 4 KiB, 50 a directory, in $tree, and
# an archive of it, in $tree.tar.
need_tree() {
	local i
	tree=$WORK/tree.$1
	[ ! -e "$tree" ] || return 0
	need_files "$1"
	mkdir "$tree"
	for ((i = 0; i < $1; i++)); do
		((i % 50)) || mkdir "$tree/d$((i / 50))"
		ln "$files/f$(printf %05d $i)" "$tree/d$((i / 50))/f$i"
	done
	tar cf "$tree.tar" -C "$tree" .
}

# The pass-through over the disk on which caches are.
pass_mount() {
	mkdir -p "$WORK/passed" "$WORK/pass.d"
	"$BINDIR/tests/bench/b_pass" "$WORK/passed" "$WORK/pass.d"
	into=$WORK/pass.d
}

pass_unmount() {
	umount "$WORK/pass.d"
	rm -rf "$WORK/passed"
}

# into_mount COMMAND DIR: a new directory of the client's mount, or of the
# pass-through, is $into while COMMAND runs.
into_mount() {
	if [ "$client" = raw ]; then
		pass_mount
	else
		client_mount fresh
		into=$MNT/$2-$client-$round
		mkdir "$into"
	fi
	"$1"
	[ "$client" != raw ] || pass_unmount
}

# What a client cannot keep (owners) is its own business.
extract() {
	tar xf "$tree.tar" --no-same-owner -C "$into"
}

PASS="a FUSE pass-through over the same disk"

setup_tar() {
	row tar "\`tar xf\` of $TREE_FILES files returns" \
		"" "$PASS"
	row tar2 "the same, until it is durable" "" ""
	need_tree $TREE_FILES
}

work_tar() {
	into_mount tar_in tar
}

tar_in() {
	begin
	extract
	if [ "$client" = raw ]; then
		lap tar
	else
		half tar
		client_settle
		lap tar2
	fi
}

setup_clone() {
	row clone "\`git clone\` of $TREE_FILES files returns" "" "$PASS"
	row clone2 "the same, until it is durable" "" ""
	need_tree $TREE_FILES
	rm -rf "$WORK/repo"
	git init -q "$WORK/repo"
	cp -r "$tree/." "$WORK/repo"
	git -C "$WORK/repo" add .
	git -C "$WORK/repo" -c user.name=bench -c user.email=bench@localhost \
		commit -qm files
}

work_clone() {
	into_mount clone_in clone
}

clone_in() {
	begin
	git clone -q "file://$WORK/repo" "$into/repo"
	if [ "$client" = raw ]; then
		lap clone
	else
		half clone
		client_settle
		lap clone2
	fi
}

# How fast files are taken in, whatever becomes of them: what the promise that
# they survive a kill costs beside a file system that promises nothing.
setup_accept() {
	row accept "\`cp -r\` of $ACCEPT_FILES files returns" \
		"≥ 0.4 of the pass-through" "$PASS"
	row accept_tar "\`tar xf\` of $ARCHIVE_FILES files returns" \
		"≥ 0.4 of the pass-through" "$PASS"
	need_files $ACCEPT_FILES
	accepted=$files
	need_tree $ARCHIVE_FILES
}

work_accept() {
	case $client in
	vers3 | raw) ;;
	*) return 0 ;;
	esac
	into_mount accept_cp accept
	[ "$client" = raw ] || client_unmount
	into_mount accept_tar accept_tar
}

accept_cp() {
	timed accept cp -r "$accepted/." "$into"
}

accept_tar() {
	timed accept_tar extract
}

# --- what was -------------------------------------------------------------

setup_past() {
	local i
	row past "\`find .versions/@TIME\` of $PAST_FILES files, cold" \
		"≥ 0.5 of raw" "one flat walk of ListObjectVersions"
	need_tree $PAST_FILES
	raw_put_dir past
	for i in "$tree"/*; do
		raw_put_files "$i" "past/${i##*/}"
	done
	sleep 2 # times of versions are whole seconds
	past=$(date -u +%Y-%m-%dT%H-%M-%SZ)
}

find_past() {
	find "$MNT/.versions/@$past/past" -type f >"$WORK/found"
}

work_past() {
	case $client in
	raw) timed past raw_walk past/ >/dev/null ;;
	vers3)
		client_mount fresh
		timed past find_past
		[ "$(wc -l <"$WORK/found")" = $PAST_FILES ] ||
			die "$(wc -l <"$WORK/found") files of $PAST_FILES"
		;;
	esac
}
