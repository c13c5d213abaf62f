# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
#
# Requests by curl alone: what the server and the line give at most. They
# are signed, and bodies carry their SHA-256 as those of vers3 do; sums and
# commands are prepared before the clock runs.

PART_BYTES=8388608
EMPTY_SHA256=e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855

# One request of a curl configuration; more lines may follow.
raw_request() {
	printf '%s\n' next silent show-error fail 'noproxy = "*"' \
		'aws-sigv4 = "aws:amz:us-east-1:s3"' \
		"user = \"$AWS_ACCESS_KEY_ID:$AWS_SECRET_ACCESS_KEY\"" \
		"request = \"$1\"" "url = \"$ENDPOINT/$BUCKET/$2\"" \
		'output = "/dev/null"' 'max-time = 300'
}

# What it gets, as `curl --range` takes it.
raw_range() {
	printf '%s\n' 'header = "x-amz-content-sha256: UNSIGNED-PAYLOAD"' \
		"range = \"$1-$2\""
}

raw_body() {
	printf '%s\n' "upload-file = \"$1\"" \
		"header = \"x-amz-content-sha256: $2\""
}

raw_sha256() {
	local sum
	sum=$(sha256sum "$1")
	echo "${sum%% *}"
}

# raw_call METHOD PATH [BODY]: one request, its answer on stdout.
raw_call() {
	local sum to=${directly:+$SERVER}
	sum=$(printf %s "${3:-}" | sha256sum)
	curl -sS --fail-with-body --noproxy '*' -m 60 -X "$1" \
		--aws-sigv4 aws:amz:us-east-1:s3 \
		-K <(echo "user = \"$AWS_ACCESS_KEY_ID:$AWS_SECRET_ACCESS_KEY\"") \
		-H "x-amz-content-sha256: ${sum%% *}" \
		${3+--data-binary "$3"} "${to:-$ENDPOINT}/$BUCKET/$2"
}

# raw_run CONFIG CONNECTIONS
raw_run() {
	[ -z "$directly" ] || sed -i "s,\"$ENDPOINT/,\"$SERVER/," "$1"
	curl -Z --no-progress-meter --parallel-immediate --parallel-max "$2" \
		-K "$1" >/dev/null
}

# raw_prepare_get CONFIG KEY MIB: the object in ranges of a part each.
raw_prepare_get() {
	local at end=$(($3 << 20))
	for ((at = 0; at < end; at += PART_BYTES)); do
		raw_request GET "$2"
		raw_range $at $((at + PART_BYTES - 1))
	done >"$1"
}

# raw_prepare_parts FILE: cuts it once, beside it.
raw_prepare_parts() {
	local part
	[ ! -e "$1.parts" ] || return 0
	mkdir "$1.parts"
	split -b $PART_BYTES -d -a 5 "$1" "$1.parts/"
	for part in "$1.parts"/*; do
		raw_sha256 "$part" >"$part.sum"
	done
}

# raw_begin_parts FILE KEY: begins an upload; its requests are $WORK/KEY.put.
raw_begin_parts() {
	local part number=0 upload
	upload=$(raw_call POST "$2?uploads=" |
		sed -n 's/.*<UploadId>\(.*\)<\/UploadId>.*/\1/p')
	[ -n "$upload" ] || die "no upload id"
	for part in "$1.parts"/*[0-9]; do
		number=$((number + 1))
		raw_request PUT "$2?partNumber=$number&uploadId=$upload"
		raw_body "$part" "$(cat "$part.sum")"
	done >"$WORK/$2.put"
	echo "$upload" >"$WORK/$2.upload"
	completion=$(number=0
		echo "<CompleteMultipartUpload>"
		md5sum "$1.parts"/*[0-9] | while read -r sum _; do
			number=$((number + 1))
			echo "<Part><PartNumber>$number</PartNumber>"
			echo "<ETag>$sum</ETag></Part>"
		done
		echo "</CompleteMultipartUpload>")
}

# raw_send_parts KEY CONNECTIONS: what was begun last.
raw_send_parts() {
	raw_run "$WORK/$1.put" "$2"
	raw_call POST "$1?uploadId=$(cat "$WORK/$1.upload")" \
		"$completion" >/dev/null
}

# raw_put_large FILE KEY: puts it there, in parts.
raw_put_large() {
	raw_prepare_parts "$1"
	raw_begin_parts "$1" "$2"
	raw_send_parts "$2" 4
}

# raw_prepare_files CONFIG DIR PREFIX: each file of DIR as one object.
raw_prepare_files() {
	local sum file
	sha256sum "$2"/* | while read -r sum file; do
		raw_request PUT "$3${file##*/}"
		raw_body "$file" "$sum"
	done >"$1"
}

# raw_prepare_get_files CONFIG DIR PREFIX: each of these objects once.
raw_prepare_get_files() {
	local file
	for file in "$2"/*; do
		raw_request GET "$3${file##*/}"
		echo 'header = "x-amz-content-sha256: UNSIGNED-PAYLOAD"'
	done >"$1"
}

# raw_put_dir KEY: what stands for a directory.
raw_put_dir() {
	{
		raw_request PUT "$1/"
		echo 'data-binary = ""'
		echo "header = \"x-amz-content-sha256: $EMPTY_SHA256\""
		echo 'header = "Content-Type: application/x-directory"'
	} >"$WORK/dir.put"
	raw_run "$WORK/dir.put" 1
}

# raw_put_files DIR KEY: a directory with the files of DIR.
raw_put_files() {
	raw_put_dir "$2"
	raw_prepare_files "$WORK/files.put" "$1" "$2/"
	raw_run "$WORK/files.put" 16
}

# raw_walk PREFIX: all versions below it, page by page, and prints how many.
# Parameters stand in the order in which they are signed.
raw_walk() {
	local key='' id='' page=$WORK/page prefix=${1//\//%2F}
	while :; do
		raw_call GET "?${key:+key-marker=${key//\//%2F}&}max-keys=1000&prefix=$prefix${id:+&version-id-marker=$id}&versions=" \
			>"$page"
		grep -o '<VersionId>' "$page" | wc -l
		key=$(sed -nE 's#.*<NextKeyMarker>([^<]+)<.*#\1#p' "$page")
		id=$(sed -nE 's#.*<NextVersionIdMarker>([^<]+)<.*#\1#p' "$page")
		[ -n "$key" ] || break
	done | awk '{ n += $1 } END { print n }'
}
