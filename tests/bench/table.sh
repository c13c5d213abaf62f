# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
#
# Measuring, and the table of what was measured.

rows=()
declare -A row_title row_goal row_raw times counts

# row NAME TITLE GOAL RAW: RAW says what the raw column is.
row() {
	rows+=("$1")
	row_title[$1]=$2 row_goal[$1]=$3 row_raw[$1]=$4
}

# Waits until all that was asked so far stands in the access log, and prints
# how long that is.
log_mark() {
	local token=mark-$RANDOM$RANDOM$RANDOM try
	curl -s -o /dev/null --noproxy '*' "$SERVER/$token"
	for try in $(seq 200); do
		! tail -n 200 "$ACCESS_LOG" | grep -q "GET /$token " || break
		sleep 0.05
	done
	[ "$try" -lt 200 ] || die "the access log stands still"
	wc -l <"$ACCESS_LOG"
}

# The requests since a mark, by kind: `2 LIST, 1000 PUT`.
count_requests() {
	log_mark >/dev/null
	tail -n "+$(($1 + 1))" "$ACCESS_LOG" |
		sed -nE "s#.*beast: .*\"([A-Z]+) /$BUCKET([^ ]*) .*#\1 \2#p" |
		sed -E 's#^GET (/?\?|.*[?&](list-type|prefix|delimiter|versions)\b).*#LIST#' |
		awk '{ n[$1]++ } END { for (k in n)
			printf "%d %s\n", n[k], k }' | sort -k 2 |
		paste -s -d, | sed 's/,/, /g'
}

# timed ROW COMMAND...: runs it and notes the time and the requests.
timed() {
	local name=$1 mark start
	shift
	mark=$(log_mark)
	start=$EPOCHREALTIME
	"$@"
	last=$(echo "$EPOCHREALTIME - $start" | bc)
	times[$name,$client]+=" $last"
	counts[$name,$client]=$(count_requests "$mark")
	say "  $name $client: $last s (${counts[$name,$client]})"
}

# The last measurement of a row, replaced by a better one of the same kind.
timed_again() {
	local before=$last key=$1,$client
	timed "$@"
	times[$key]=${times[$key]% *}
	if [ "$(echo "$last < $before" | bc)" = 1 ]; then
		times[$key]="${times[$key]% *} $last"
	fi
}

# timed_best ROW COMMAND COMMAND: the better of two, as one measurement.
timed_best() {
	# shellcheck disable=SC2086 # they are split on purpose
	timed "$1" $2
	# shellcheck disable=SC2086
	timed_again "$1" $3
}

# add_last ROW OTHER: adds the last time of ROW to the last of OTHER.
add_last() {
	local a=${times[$1,$client]##* } b=${times[$2,$client]##* }
	times[$2,$client]="${times[$2,$client]% *} $(echo "$a + $b" | bc)"
}

median() {
	printf '%s\n' "$@" | sort -g | awk '{ v[NR] = $1 } END {
		low = int((NR + 1) / 2); high = int(NR / 2) + 1
		if (NR) printf "%.4f", (v[low] + v[high]) / 2 }'
}

# median_of ROW CLIENT
median_of() {
	# shellcheck disable=SC2086 # a list of numbers
	[ -z "${times[$1,$2]:-}" ] || median ${times[$1,$2]}
}

# What is better is more: the time of another by that of vers3.
ratio() {
	[ -z "$1" ] || [ -z "$2" ] || awk -v a="$1" -v b="$2" \
		'BEGIN { printf "%.2f", (b > 0 ? a / b : 0) }'
}

print_row() {
	local name=$1 who value ours peer=''
	local -A m=()
	for who in vers3 s3fs rclone raw; do
		m[$who]=$(median_of "$name" $who)
	done
	ours=${m[vers3]}
	for who in s3fs rclone; do
		value=${m[$who]}
		[ -n "$value" ] || continue
		if [ -z "$peer" ] ||
			[ "$(echo "$value < $peer" | bc)" = 1 ]; then
			peer=$value
		fi
	done
	printf '| %s | %s |' "${row_title[$name]}" "${row_goal[$name]}"
	for who in vers3 s3fs rclone raw; do
		printf ' %s |' "$(show_time "${m[$who]}")"
	done
	printf ' %s | %s |\n' "$(ratio "$peer" "$ours")" \
		"$(ratio "${m[raw]}" "$ours")"
}

show_time() {
	[ -z "$1" ] || awk -v t="$1" 'BEGIN {
		printf (t < 0.1 ? "%.4f" : "%.2f"), t }'
}

print_counts() {
	local name who
	printf '\n| requests | vers3 | s3fs | rclone |\n'
	printf '| --- | --- | --- | --- |\n'
	for name in "${rows[@]}"; do
		printf '| %s |' "${row_title[$name]}"
		for who in vers3 s3fs rclone; do
			printf ' %s |' "${counts[$name,$who]:-}"
		done
		printf '\n'
	done
}

print_memory() {
	local who peak
	printf '\nPeak of RssAnon over all of these:'
	for who in vers3 s3fs rclone; do
		[ -e "$WORK/memory.$who" ] || continue
		read -r peak <"$WORK/memory.$who"
		printf ' %s %d MiB;' "$who" $((peak >> 10))
	done
	printf ' the goal is 128 MiB.\n'
}

table_print() {
	local name
	printf 'Seconds, medians of %d; the last two columns: how many times ' \
		"$rounds"
	printf 'as fast as these vers3 is.\n\n'
	printf '| work | goal | vers3 | s3fs | rclone | raw '
	printf '| × the better peer | × raw |\n'
	printf '| --- | --- | --- | --- | --- | --- | --- | --- |\n'
	for name in "${rows[@]}"; do
		print_row "$name"
	done
	print_counts
	print_memory
	printf '\nRaw:\n\n'
	for name in "${rows[@]}"; do
		[ -z "${row_raw[$name]}" ] ||
			echo "- ${row_title[$name]}: ${row_raw[$name]}."
	done
}
