# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
#
# What a cache directory that is taken over speaks of: a bucket as it was, the
# changes that were not sent, and what the bucket has once they were. For
# tests/mount/takeover.sh, and for `make` beside this.

# text NAME: the content of a file that has no other.
text() {
	printf '%s as it was\n' "$1"
}

# lines BYTES: larger content, which packs well.
lines() {
	{ yes "$(seq 10000)" 2>/dev/null || true; } | head -c "$1"
}

# bucket_before: the objects, as $MNT's vers3 and another program make them.
bucket_before() {
	local name
	lines 18M >large
	put_object large large
	for name in over append cut moved-from replaced replacing gone again \
		mode times attr linked; do
		text "$name" >"$MNT/$name"
	done
	mkdir -p "$MNT/tree/deep" "$MNT/empty" "$MNT/stays"
	for name in tree/one tree/two tree/deep/three stays/kept; do
		text "$name" >"$MNT/$name"
	done
	setfattr -n user.old -v as-it-was "$MNT/attr"
	synced
	ls -lR "$MNT" >/dev/null
	cat "$MNT/append" "$MNT/large" >/dev/null
}

# change_all: one change of each kind. half is left open, with three parts sent.
change_all() {
	echo new >"$MNT/new"
	: >"$MNT/none"
	echo over it >"$MNT/over"
	echo appended >>"$MNT/append"
	truncate -s 3 "$MNT/cut"
	mv "$MNT/moved-from" "$MNT/moved-to"
	mv "$MNT/replacing" "$MNT/replaced"
	rm "$MNT/gone" "$MNT/again"
	echo another >"$MNT/again"
	mv "$MNT/tree" "$MNT/wood"
	echo appended >>"$MNT/wood/two"
	rmdir "$MNT/empty"
	mkdir -p "$MNT/made/below"
	echo deep >"$MNT/made/below/file"
	chmod 0600 "$MNT/mode"
	chmod 0775 "$MNT/stays"
	touch -d '2020-02-02 02:02:02.123456789 UTC' "$MNT/times"
	setfattr -n user.new -v blue "$MNT/attr"
	setfattr -x user.old "$MNT/attr"
	ln -s stays/kept "$MNT/symlink"
	ln "$MNT/linked" "$MNT/linked-too"
	truncate -s 3M "$MNT/hole"
	echo after the hole |
		dd of="$MNT/hole" bs=1M seek=2 conv=notrunc status=none
	echo within | dd of="$MNT/large" bs=1M seek=9 conv=notrunc status=none
	mkfifo pipe
	cat pipe >"$MNT/half" 2>/dev/null &
	writer=$!
	exec 8>pipe
	lines 33M >&8
	within 60 parts_sent || fail "nothing of half is sent"
}

parts_sent() {
	upload_of half && [ "$(s3 GET "/$BUCKET/half?uploadId=$upload" |
		grep -o '<PartNumber>' | wc -l)" = 3 ]
}

# upload_of KEY: sets upload, the id of what is under way.
upload_of() {
	upload=$(s3 GET "/$BUCKET?uploads=" |
		grep -oP "<Key>$1</Key><UploadId>\K[^<]*")
}

# holds KEY WANTED
holds() {
	is "object $1" "$(s3 GET "/$BUCKET/$1")" "$2"
}

# all_arrived: what the bucket has in the end, and how it came to it.
all_arrived() {
	local name
	holds new new
	holds none ""
	holds over "over it"
	holds append "$(text append)"$'\nappended'
	holds cut cut
	holds moved-to "$(text moved-from)"
	holds replaced "$(text replacing)"
	holds again another
	holds wood/one "$(text tree/one)"
	holds wood/two "$(text tree/two)"$'\nappended'
	holds wood/deep/three "$(text tree/deep/three)"
	holds stays/kept "$(text stays/kept)"
	holds made/below/file deep
	for name in mode times attr linked; do
		holds $name "$(text $name)"
	done
	holds linked-too "$(text linked)"
	truncate -s 3M hole
	echo after the hole | dd of=hole bs=1M seek=2 conv=notrunc status=none
	lines 18M >large
	echo within | dd of=large bs=1M seek=9 conv=notrunc status=none
	lines 33M >half
	for name in hole large half; do
		get_object $name got
		same "object $name" got $name
	done
	is "uploads left" "$(s3 GET "/$BUCKET?uploads=" | grep -c '<Upload>')" 0
}

# all_seen: the same through $MNT, of which the cache knows nothing.
all_seen() {
	local name
	is "names" "$(cd "$MNT" && find . -mindepth 1 | LC_ALL=C sort |
		tr '\n' ' ')" "./again ./append ./attr ./cut ./half ./hole \
./large ./linked ./linked-too ./made ./made/below ./made/below/file ./mode \
./moved-to ./new ./none ./over ./replaced ./stays ./stays/kept ./symlink \
./times ./wood ./wood/deep ./wood/deep/three ./wood/one ./wood/two "
	is "mode" "$(stat -c %a "$MNT/mode" "$MNT/stays")" $'600\n775'
	is "time" "$(TZ=UTC stat -c %y "$MNT/times")" \
		"2020-02-02 02:02:02.123456789 +0000"
	is "attributes" "$(getfattr -d --absolute-names "$MNT/attr" |
		grep '=')" 'user.new="blue"'
	is "link" "$(readlink "$MNT/symlink")" stays/kept
	is "names of one file" "$(stat -c %i "$MNT/linked")" \
		"$(stat -c %i "$MNT/linked-too")"
	for name in hole large half; do
		same "file $name" "$MNT/$name" $name
	done
	[ "$(stat -c %b "$MNT/hole")" -lt 4096 ] || fail "the hole is filled"
}
