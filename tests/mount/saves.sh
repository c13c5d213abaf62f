#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A file that is closed is in the bucket soon, by itself, and as one version
# however a program makes it; what is written again and again makes few.
. "$(dirname "$0")/lib.sh"
need rsync tar

exists() {
	header "$1" etag 2>/dev/null | grep -q .
}

# versions_are WHAT PREFIX: each key below has so many versions as `expected`
# says (N KEY), and no delete marker.
versions_are() {
	history_of "$2" | grep -v '/$' | LC_ALL=C sort | uniq -c |
		awk '{ print $1, $2, $3 }' >seen
	sed 's/ / V /' expected | LC_ALL=C sort -k 3 >wanted
	LC_ALL=C sort -k 3 seen | diff wanted - >&2 || fail "$1"
}

mnt

# By itself, in less than commit=. The machine may be busy with other things:
# the best of some counts.
best=9999
: >expected
for i in 1 2 3 4 5; do
	echo "$i" >"$MNT/soon-$i"
	began=$(date +%s%3N)
	within 10 exists "soon-$i" || fail "soon-$i is not in the bucket"
	took=$(($(date +%s%3N) - began))
	[ $took -ge $best ] || best=$took
	echo "1 soon-$i" >>expected
done
[ $best -lt 1500 ] || fail "in the bucket after $best ms"

# Set by name after the close: as soon, and one version.
install -m 600 "$MNT/soon-1" "$MNT/soon-6"
within 10 exists soon-6 || fail "soon-6 is not in the bucket"
echo "1 soon-6" >>expected
is "its mode" "$(meta soon-6 file-permissions)" 0100600
synced
versions_are "files that are closed" soon

# A little later, again and again: what is sent then is bounded by commit=.
for i in $(seq 15); do
	echo "$i" >"$MNT/often"
	echo "$i" >"$MNT/.other"
	mv "$MNT/.other" "$MNT/other"
	sleep 0.2
done
# What was saved just before is left alone for commit=, too.
echo 0 >"$MNT/again"
within 10 exists again || fail "again is not in the bucket"
for i in $(seq 5); do
	echo "$i" >"$MNT/again"
	sleep 0.8
done
synced
for key in often other again; do
	got=$(count_versions $key)
	[ "$got" -le 3 ] || fail "$got versions of $key"
	is "$key" "$(s3 GET "/$BUCKET/$key")" "$(cat "$MNT/$key")"
done

# Two after the other.
mkdir "$MNT/pairs"
for i in $(seq 20); do
	echo a >"$MNT/pairs/$i"
	echo b >>"$MNT/pairs/$i"
	echo "1 pairs/$i"
done >expected
synced
versions_are "two writers in a row" pairs/
for i in $(seq 20); do
	sed -i s/a/c/ "$MNT/pairs/$i"
done
sed -i 's/^1/2/' expected
synced
versions_are "sed -i" pairs/
is "its work" "$(s3 GET "/$BUCKET/pairs/7")" "c
b"

# An editor.
if command -v vim >/dev/null; then
	for i in 1 2 3; do
		vim -u NONE -i NONE -n -es -c '%s/b/d/' -c wq "$MNT/pairs/$i" ||
			fail "vim"
		sed -i "s,^2 pairs/$i\$,3 pairs/$i," expected
	done
	synced
	versions_are vim pairs/
fi

# Trees.
mkdir -p src/a src/b
for i in $(seq 60); do
	echo "$i" >"src/a/$i"
	echo "$i" >"src/b/$i"
done
tar -cf src.tar -C src .
rsync -a src/ "$MNT/rsync/"
tar -xf src.tar -C "$MNT" --one-top-level=tar
(cd src && find . -type f | sed 's,^\./,1 rsync/,') >expected
synced
versions_are "rsync" rsync/
sed -i 's/rsync/tar/' expected
versions_are "tar" tar/
for i in $(seq 20); do
	echo "changed $i" >"src/a/$i"
	sed -i "s,^1 tar/a/$i\$,2 tar/a/$i," expected
done
rsync -a src/ "$MNT/rsync/"
sed -i 's/tar/rsync/' expected
synced
versions_are "rsync of what was changed" rsync/
unmnt
