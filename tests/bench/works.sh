# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
#
# The pieces of work; those with large files here. setup_NAME makes what all
# clients need, once; work_NAME mounts $client as it wants and measures, by
# `timed ROW COMMAND`. A client that a row does not concern returns without one.

# shellcheck disable=SC2034 # run reads it
ALL_WORKS=(read write cached random huge readers edit files find rsync mv
	tar clone accept past)

# A file of random bytes, made once; names itself in $large.
need_large() {
	large=$WORK/large.$1
	[ -e "$large" ] || head -c "${1}M" /dev/urandom >"$large"
}

# need_files COUNT: a directory of such files of 4 KiB; in $files.
need_files() {
	files=$WORK/files.$1
	[ ! -e "$files" ] || return 0
	mkdir "$files"
	head -c $(($1 * 4096)) /dev/urandom |
		split -b 4096 -d -a 5 - "$files/f"
}

read_file() {
	dd if="$1" of=/dev/null bs=1M status=none
}

then_settle() {
	"$@"
	client_settle
}

# --- large files --------------------------------------------------------

setup_read() {
	row read "sequential read, cold, $LARGE_MIB MiB" \
		"≥ 0.9 of raw" "GETs of 8 MiB, the better of 4 and 8 at a time"
	need_large $LARGE_MIB
	raw_put_large "$large" large
	raw_prepare_get "$WORK/large.get" large $LARGE_MIB
}

work_read() {
	if [ "$client" = raw ]; then
		timed_best read "raw_run $WORK/large.get 4" \
			"raw_run $WORK/large.get 8"
		return
	fi
	client_mount fresh
	timed read read_file "$MNT/large"
}

setup_write() {
	row write "sequential write to durable, $LARGE_MIB MiB" \
		"≥ 0.9 of raw" "parts of 8 MiB, the better of 4 and 8 at a time"
	need_large $LARGE_MIB
	raw_prepare_parts "$large"
}

# A new file each time, so that each round does the same work.
work_write() {
	local key=written-$client-$round
	if [ "$client" = raw ]; then
		raw_begin_parts "$large" "$key"
		raw_begin_parts "$large" "$key-again"
		timed_best write "raw_send_parts $key 4" \
			"raw_send_parts $key-again 8"
		return
	fi
	client_mount fresh
	timed write then_settle dd if="$large" of="$MNT/$key" bs=1M status=none
}

# As vers3 sets it for itself, so that the daemons alone are compared.
widen_readahead() {
	local dev
	dev=$(awk -v m="$1" '$5 == m { print $3 }' /proc/self/mountinfo)
	[ ! -w "/sys/class/bdi/$dev/read_ahead_kb" ] ||
		echo 1024 >"/sys/class/bdi/$dev/read_ahead_kb"
}

setup_cached() {
	row cached "read from the cache, $LARGE_MIB MiB, mounted anew" \
		"≥ 0.7 of raw" "a FUSE pass-through of a local file"
	need_large $LARGE_MIB
	raw_put_large "$large" large
}

work_cached() {
	if [ "$client" = raw ]; then
		: >"$WORK/pass"
		read_file "$large"
		"$BINDIR/tests/bench/b_pass" "$large" "$WORK/pass"
		widen_readahead "$WORK/pass"
		timed cached read_file "$WORK/pass"
		umount "$WORK/pass"
		return
	fi
	client_mount fresh
	read_file "$MNT/large"
	client_remount
	timed cached read_file "$MNT/large"
}

# random_reads ROW KEY MIB
random_reads() {
	if [ "$client" = raw ]; then
		random_prepare "$2" "$3" >"$WORK/random.get"
		timed "$1" raw_run "$WORK/random.get" 1
		return
	fi
	client_mount fresh
	timed "$1" "$BINDIR/tests/bench/b_pread" "$MNT/$2" $READS >"$WORK/sum"
	"$BINDIR/tests/bench/b_pread" "$large" $READS $(($3 << 20)) \
		>"$WORK/right"
	cmp -s "$WORK/sum" "$WORK/right" || die "$client: $1 read wrong bytes"
}

# As many ranges of one block each as there are reads.
random_prepare() {
	local i at
	for ((i = 0; i < READS; i++)); do
		at=$(((RANDOM << 15 | RANDOM) % ($2 * 256) * 4096))
		raw_request GET "$1"
		raw_range $at $((at + 4095))
	done
}

setup_random() {
	row random "$READS random reads of 4 KiB in $RANDOM_MIB MiB, cold" \
		"faster than both peers" "a GET of 4 KiB each, one at a time"
	need_large $RANDOM_MIB
	raw_put_large "$large" random
}

work_random() {
	random_reads random random $RANDOM_MIB
}

# The same 512 MiB again and again: it is their number that matters.
setup_huge() {
	local i number=0 pieces=$((HUGE_MIB / 512))
	[ $HUGE_MIB -gt 0 ] || return 0
	row huge "$READS random reads of 4 KiB in $HUGE_MIB MiB, cold" \
		"≤ 1.2 × raw; ≤ 1.5 MiB each" \
		"a GET of 4 KiB each, one at a time"
	need_large 512
	raw_sha256 "$large" >"$large.sum"
	upload=$(raw_call POST "huge?uploads=" |
		sed -n 's/.*<UploadId>\(.*\)<\/UploadId>.*/\1/p')
	for ((i = 1; i <= pieces; i++)); do
		raw_request PUT "huge?partNumber=$i&uploadId=$upload"
		raw_body "$large" "$(cat "$large.sum")"
	done >"$WORK/huge.put"
	raw_run "$WORK/huge.put" 2
	number=$(md5sum <"$large")
	raw_call POST "huge?uploadId=$upload" "<CompleteMultipartUpload>$(
		for ((i = 1; i <= pieces; i++)); do
			echo "<Part><PartNumber>$i</PartNumber>"
			echo "<ETag>${number%% *}</ETag></Part>"
		done)</CompleteMultipartUpload>" >/dev/null
}

work_huge() {
	[ $HUGE_MIB -gt 0 ] || return 0
	random_reads huge huge $HUGE_MIB
}

setup_readers() {
	local i
	row readers "16 readers of 16 files, cold, $LARGE_MIB MiB together" \
		"≥ 0.9 of raw" "GETs of 8 MiB at most, 16 at a time"
	need_large $LARGE_MIB
	split -n 16 -d -a 2 "$large" "$WORK/reader."
	for i in "$WORK"/reader.??; do
		raw_put_large "$i" "readers-${i##*.}"
		raw_prepare_get "$i.get" "readers-${i##*.}" \
			$(((LARGE_MIB + 15) / 16))
	done
	cat "$WORK"/reader.??.get >"$WORK/readers.get"
}

read_all() {
	local file pids=()
	for file in "$@"; do
		read_file "$file" &
		pids+=($!)
	done
	wait "${pids[@]}"
}

work_readers() {
	if [ "$client" = raw ]; then
		timed readers raw_run "$WORK/readers.get" 16
		return
	fi
	client_mount fresh
	timed readers read_all "$MNT"/readers-[0-9][0-9]
}

setup_edit() {
	local who
	row edit "1 byte changed in $LARGE_MIB MiB, to durable" \
		"one part sent, ≥ 20 × the better peer" ""
	need_large $LARGE_MIB
	for who in $clients; do
		[ "$who" = raw ] || raw_put_large "$large" "edited-$who"
	done
}

change_a_byte() {
	printf x | dd of="$1" bs=1 seek=$(((LARGE_MIB << 19) + round)) \
		conv=notrunc status=none
}

work_edit() {
	[ "$client" != raw ] || return 0
	client_mount fresh
	timed edit then_settle change_a_byte "$MNT/edited-$client"
}
