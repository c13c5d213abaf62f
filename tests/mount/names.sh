#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Odd names: the object's key is the name, byte for byte, both ways.
. "$(dirname "$0")/lib.sh"
need aws jq

long=$(printf 'n%.0s' $(seq 255))
names=('two words' ' leading' 'trailing ' 'a+b' '100%' '%41%2F' 'a&b' "it's"
	'say "hi"' 'back\slash' 'ünïcödé' '日本語' '🦆' $'new\nline' $'tab\there'
	$'\001control' $'esc\033[0m' 'question?' 'hash#' 'semi;colon' 'a=b'
	'<tag>' '-dash' '.hidden' '...' '~' '*' '{x}' '[y]' '@2h' 'a:b' '$HOME'
	"$long")

listing() {
	(cd "$MNT" && find . -mindepth 1 -type f -print0 | LC_ALL=C sort -z |
		base64 -w 0)
}

keys() {
	s3api list-objects-v2 --output json |
		jq -j '.Contents[].Key | select(endswith("/") | not) | .+"\u0000"' |
		sed -z 's|^|./|' | LC_ALL=C sort -z | base64 -w 0
}

mnt
mkdir "$MNT/sub dir+%&"
for name in "${names[@]}"; do
	printf '%s' "$name" >"$MNT/$name"
	printf '%s' "$name" >"$MNT/sub dir+%&/$name"
done
before=$(listing)
synced
is "keys in the bucket" "$(keys)" "$before"
fresh
is "names with an empty cache" "$(listing)" "$before"
for name in "${names[@]}"; do
	is "content of a name" "$(cat "$MNT/sub dir+%&/$name")" "$name"
done
# Rename and remove under those names too.
for name in "${names[@]}"; do
	mv "$MNT/sub dir+%&/$name" "$MNT/sub dir+%&/$name.2" 2>/dev/null ||
		is "only a name too long fails" "$name" "$long"
	rm "$MNT/$name"
done
before=$(listing)
fresh
is "after mv and rm" "$(listing)" "$before"
is "files left" "$(find "$MNT" -type f -printf x | wc -c)" "${#names[@]}"

# Written by another client.
printf hello >body
for name in 'foreign +&%' $'foreign\nline' $'foreign\002' 'fo/re/ign ü'; do
	put_object "$name" body
done
fresh
for name in 'foreign +&%' $'foreign\nline' $'foreign\002' 'fo/re/ign ü'; do
	is "foreign name" "$(cat "$MNT/$name")" hello
done

refused "a name that is not UTF-8" "" touch "$MNT/"$'bad\377'
refused "a component of 256 bytes" "File name too long" touch "$MNT/${long}n"
mkdir -p "$MNT/$long/$long/$long/$long"
refused "a path over 1,024 bytes" "File name too long" \
	touch "$MNT/$long/$long/$long/$long/x"
unmnt
