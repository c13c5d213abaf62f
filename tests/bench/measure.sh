# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
#
# Measuring: each piece of work leaves a line of JSON in $RECORDS.

RECORDS=$WORK/records ROWS=$WORK/rows
: >"$RECORDS"
: >"$ROWS"

# row NAME TITLE GOAL RAW: RAW says what the raw column is.
row() {
	jq -cn --arg name "$1" --arg title "$2" --arg goal "$3" --arg raw "$4" \
		'$ARGS.named' >>"$ROWS"
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

# The requests since a mark by kind, and the bytes of their content, as JSON:
# {"requests":{"LIST":2,"PUT":1000},"sentBytes":4096000,"receivedBytes":4711}.
# The log has one number a request, what came and what went together: that of
# PUT and POST is taken for sent.
#
# count_requests FROM TO: in these lines of the log.
count_requests() {
	sed -n "$(($1 + 1)),$2p" "$ACCESS_LOG" | sed -nE \
		"s#.*beast: .*\"([A-Z]+) /$BUCKET([^ ]*) HTTP[^\"]*\" [0-9]+ ([0-9]+).*#\1 \3 \2#p" |
		sed -E 's#^GET ([0-9]+) (/?\?|.*[?&](list-type|prefix|delimiter|versions)\b)#LIST \1 \2#' |
		awk '{ n[$1]++ }
		$1 == "PUT" || $1 == "POST" { sent += $2; next }
		{ received += $2 }
		END {
			printf "{\"requests\":{"
			for (k in n)
				printf "%s\"%s\":%d", i++ ? "," : "", k, n[k]
			printf "},\"sentBytes\":%d,\"receivedBytes\":%d}\n",
				sent, received
		}'
}

# Processor time of the daemon so far, user and system, in ticks.
daemon_ticks() {
	local stat
	[ -n "$pid" ] && read -r stat <"/proc/$pid/stat" 2>/dev/null || stat=''
	# shellcheck disable=SC2086 # its fields
	set -- ${stat##*) }
	echo $((${12:-0} + ${13:-0}))
}

# From here on all that is done belongs to what `lap` will note.
begin() {
	ticks=$(daemon_ticks) mark=$(log_mark) halves=()
	memory_forget
	started=$EPOCHREALTIME
}

# half ROW: the same, and the work goes on: nothing is waited for, so that what
# `lap` will note is not longer for it.
half() {
	local now=$EPOCHREALTIME
	halves+=("$1 $now $(daemon_ticks) $(memory_peak) $(
		wc -l <"$ACCESS_LOG")")
}

# lap ROW: notes the time since `begin`, and what was asked of the server.
lap() {
	local half
	half "$1"
	halves[-1]="${halves[-1]% *} $(log_mark)"
	for half in "${halves[@]}"; do
		# shellcheck disable=SC2086 # its words
		record $half
	done
	halves=()
}

# record ROW NOW TICKS MEMORY LOG-END
record() {
	local seconds line
	seconds=$(printf '%.6f' "$(echo "$2 - $started" | bc)")
	line=$(count_requests "$mark" "$5" | jq -c --arg row "$1" \
		--arg client "$client" --argjson seconds "$seconds" \
		--argjson ticks $(($3 - ticks)) \
		--argjson hz "$(getconf CLK_TCK)" \
		--argjson memory "$4" '{ $row, $client, $seconds } + . +
		(if $client == "raw" then {} else
		{ processorSeconds: ($ticks / $hz), anonymousKiB: $memory } end)')
	echo "$line" >>"$RECORDS"
	say "  $(jq -r '"\(.row) \(.client): \(.seconds) s (" + ([.requests |
		to_entries | sort_by(.key)[] | "\(.value) \(.key)"] |
		join(", ")) + ")"' <<<"$line")"
}

# timed ROW COMMAND...
timed() {
	local name=$1
	shift
	begin
	"$@"
	lap "$name"
}

# timed_best ROW COMMAND COMMAND: the better of two, as one measurement.
timed_best() {
	local two
	# shellcheck disable=SC2086 # they are split on purpose
	timed "$1" $2
	# shellcheck disable=SC2086
	timed "$1" $3
	two=$(tail -n 2 "$RECORDS" | jq -cs 'min_by(.seconds)')
	sed -i '$d' "$RECORDS"
	sed -i '$d' "$RECORDS"
	echo "$two" >>"$RECORDS"
}

# Notes the peak of a daemon's own memory (RssAnon, looked at ten times a
# second and at each end of a row), in KiB, until it ends.
watch_memory() {
	local peak now
	trap - ERR
	while now=$(memory_now "$1"); do
		peak=0
		[ ! -e "$WORK/memory" ] || read -r peak <"$WORK/memory"
		[ "$now" -le "${peak:-0}" ] || echo "$now" >"$WORK/memory"
		sleep 0.1
	done 2>/dev/null
}

memory_now() {
	local key value unit
	while read -r key value unit; do
		[ "$key" != RssAnon: ] || break
	done <"/proc/$1/status" || return 1
	[ "$key" = RssAnon: ] && echo "$value"
}

memory_forget() {
	rm -f "$WORK/memory"
}

memory_peak() {
	local peak=0 now=0
	[ ! -e "$WORK/memory" ] || read -r peak <"$WORK/memory" || true
	[ -z "$pid" ] || now=$(memory_now "$pid") || now=0
	echo $((now > peak ? now : peak))
}
