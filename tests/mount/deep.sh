#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A file of 5,000 versions: listed in one walk of the server's pages and in
# the server's order, many of one second among them; the first is read by one
# request; who looks at each asks for each once.
. "$(dirname "$0")/lib.sh"
need_log

count=5000

# saves FROM TO KEY: a section of curl's configuration for each.
saves() {
	local i
	for ((i = $1; i <= $2; i++)); do
		printf '%s\n' next "url = \"$ENDPOINT/$BUCKET/$3\"" \
			'request = PUT' "data = \"save $i\"" fail \
			'header = "content-type: text/plain"' \
			'header = "x-amz-content-sha256: UNSIGNED-PAYLOAD"' \
			'aws-sigv4 = "aws:amz:us-east-1:s3"' \
			"user = \"$AWS_ACCESS_KEY_ID:$AWS_SECRET_ACCESS_KEY\""
	done | sed 1d
}

# The ids of the versions as the server lists them, newest first, a page a
# line of `pages`.
listed() {
	local page from='' prefix=prefix=$1
	: >pages
	while page=$(s3 GET "/$BUCKET?$(list_from "$from")versions="); do
		echo page >>pages
		grep -oP '(?<=<VersionId>)[^<]+' <<<"$page"
		[[ $page == *"<IsTruncated>true"* ]] || return 0
		from=$page
	done
	return 1
}

# The first ones and the last one in order, all between as they come: what was
# sent at once has the order that the server gave it, whatever its times.
curl -sS --noproxy '*' -K <(saves 1 3 deep)
curl -sS --noproxy '*' --no-progress-meter --parallel --parallel-max 16 \
	-K <(saves 4 $((count - 1)) deep)
curl -sS --noproxy '*' -K <(saves $count $count deep)
listed deep | tac >ids
is "made" "$(wc -l <ids)" $count

mnt
since=$(log_mark)
ls -U "$MNT/.versions/deep" >names
is "listed" "$(wc -l <names)" $count
is "lists" "$(requests GET '/?\?(.*&)?prefix=deep&(.*&)?versions=' "$since")" \
	"$(wc -l <pages)"
is "other requests" "$(requests 'GET|HEAD' '/[^? ]' "$since")" 0
sed 's,^[^~]*~,,' names | diff ids - >&2 || fail "another order"
[ "$(cut -c 1-19 names | uniq -d | wc -l)" -gt 0 ] ||
	fail "no two of one second"

since=$(log_mark)
deep=$MNT/.versions/deep
is "version 1" "$(cat "$deep/$(sed -n 1p names)")" "save 1"
is "the last" "$(cat "$deep/$(tail -n 1 names)")" "save $count"
is "version 3" "$(cat "$deep/$(sed -n 3p names)")" "save 3"
is "bodies" "$(requests GET '/deep\?' "$since")" 3
is "attributes" "$(requests HEAD '/deep\?' "$since")" 3
"$VERS3CTL" versions "$MNT/deep" >said
is "all of them" "$(wc -l <said)" $count
is "attributes, once" "$(requests HEAD '/deep\?' "$since")" $count
is "no two are one" "$(find "$deep" -type f -printf '%i\n' | sort -u | wc -l)" \
	$count
unmnt
