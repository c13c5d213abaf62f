# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
#
# The pieces of work with many files; see works.sh.

setup_files() {
	row files "$FILES files of 4 KiB in, to durable" \
		"≥ 2 × the better peer, ≥ 0.8 of raw" \
		"PUTs on 16 connections"
	row files_read "the same read back, cold (\`diff -r\`)" \
		"≥ 8 × the better peer at 50 ms" "GETs on 16 connections"
	row files_cp "the same copied out, cold (\`cp -r\`)" "" ""
	row files_rm "the same removed (\`rm -r\`), to durable" \
		"≥ 3 × the better peer at 50 ms" ""
	need_files $FILES
}

work_files() {
	local dir=in-$client-$round
	if [ "$client" = raw ]; then
		raw_prepare_files "$WORK/files.put" "$files" "$dir/"
		timed files raw_run "$WORK/files.put" 16
		raw_prepare_get_files "$WORK/files.get" "$files" "$dir/"
		timed files_read raw_run "$WORK/files.get" 16
		return
	fi
	client_mount fresh
	mkdir "$MNT/$dir"
	timed files then_settle cp -r "$files/." "$MNT/$dir"
	client_unmount
	client_mount fresh
	timed files_read diff -r "$files" "$MNT/$dir"
	client_unmount
	client_mount fresh
	timed files_cp cp -r "$MNT/$dir" "$WORK/out"
	rm -r "$WORK/out"
	timed files_rm then_settle rm -r "$MNT/$dir"
}

setup_find() {
	local i
	row find_cold "\`find -ls\` of $OBJECTS objects, cold" \
		"≥ 3 × the better peer at 50 ms" "one list of all by curl"
	row find "\`find -ls\` of $OBJECTS objects, second mount" \
		"LISTs only, ≥ 10 × the better peer" ""
	need_files $((OBJECTS / 20))
	raw_put_dir find
	for ((i = 0; i < 20; i++)); do
		raw_put_files "$files" "find/d$i"
	done
}

find_all() {
	find "$1" -ls >"$WORK/found"
}

work_find() {
	if [ "$client" = raw ]; then
		timed find_cold raw_walk find/ >/dev/null
		return
	fi
	client_mount fresh
	timed find_cold find_all "$MNT/find"
	client_remount
	timed find find_all "$MNT/find"
	[ "$(wc -l <"$WORK/found")" -ge "$OBJECTS" ] ||
		die "$client: find saw $(wc -l <"$WORK/found") of $OBJECTS"
}

setup_rsync() {
	row rsync "\`rsync -a\` of $FILES files, first, to durable" \
		"1 PUT a file" ""
	row rsync2 "the same again, mounted anew" "LISTs only" ""
	need_files $FILES
}

# What a client cannot keep (owner, modes) is its own business.
rsync_there() {
	rsync -a "$files/" "$MNT/rsync-$client-$round/" 2>"$WORK/rsync.log" ||
		[ $? = 23 ]
}

work_rsync() {
	[ "$client" != raw ] || return 0
	client_mount fresh
	timed rsync then_settle rsync_there
	client_remount
	timed rsync2 then_settle rsync_there
}

setup_mv() {
	local who
	row mv "\`mv\` of a directory of $FILES files returns" "< 50 ms" ""
	row mv2 "the same, until it is durable" "no data moved" ""
	need_files $FILES
	for who in $clients; do
		[ "$who" = raw ] || raw_put_files "$files" "mv-$who-0"
	done
}

work_mv() {
	local from=$MNT/mv-$client-$((round - 1))
	[ "$client" != raw ] || return 0
	client_mount fresh
	find_all "$from"
	begin
	mv "$from" "$MNT/mv-$client-$round"
	half mv
	client_settle
	lap mv2
}
