# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
#
# What was measured, as one JSON document, and the table that is made of it.

version_of() {
	"$@" 2>/dev/null | grep -oE '[0-9]+\.[0-9]+(\.[0-9]+)?[^ ,)]*' |
		head -n 1 || true
}

machine() {
	local name
	name=$(. /etc/os-release && echo "$PRETTY_NAME")
	jq -n --arg processor "$(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo |
		head -n 1)" --argjson processors "$(nproc)" \
		--arg kernel "$(uname -r)" --arg system "$name" \
		--argjson memoryKiB "$(awk '/^MemTotal/ { print $2 }' \
			/proc/meminfo)" '$ARGS.named'
}

versions() {
	jq -n --arg vers3 "$(version_of "$BINDIR/src/vers3" --version)" \
		--arg s3fs "$(version_of s3fs --version)" \
		--arg rclone "$(version_of rclone version)" \
		--arg curl "$(version_of curl --version)" \
		--arg ceph "$(version_of radosgw --version)" \
		--arg fuse "$(version_of fusermount3 --version)" '$ARGS.named'
}

# results_print: per row and client the rounds, their median, the requests and
# bytes of the last round, processor time and memory; ratios of vers3.
results_print() {
	jq -n --slurpfile rows "$ROWS" --slurpfile records "$RECORDS" \
		--argjson machine "$(machine)" \
		--argjson versions "$(versions)" \
		--argjson latency "$latency" --argjson rate "$rate" \
		--argjson rounds "$rounds" '
	def median: sort | length as $n | if $n == 0 then null else
		(.[($n - 1) / 2 | floor] + .[$n / 2 | floor]) / 2 end;
	def over($a; $b): if $a and $b and $b > 0 then $a / $b else null end;
	{ format: 1, date: (now | todate), machine: $machine,
	  versions: $versions, latencyMs: $latency, rateMbit: $rate,
	  rounds: $rounds,
	  rows: [ $rows[] as $row | $row + {
	    clients: ([ $records[] | select(.row == $row.name) ] |
	      group_by(.client) | map({ key: .[0].client, value: {
		seconds: map(.seconds), median: (map(.seconds) | median),
		requests: .[-1].requests,
		receivedBytes: .[-1].receivedBytes,
		sentBytes: .[-1].sentBytes,
		processorSeconds: (map(.processorSeconds // empty) | median),
		anonymousKiB: (map(.anonymousKiB // empty) | max)
	      } }) | from_entries)
	  } | .peerRatio = over([.clients.s3fs.median, .clients.rclone.median |
	      values] | min; .clients.vers3.median)
	    | .rawRatio = over(.clients.raw.median; .clients.vers3.median) ] }'
}

# table_print FILE: the table of such a document.
table_print() {
	jq -r '
	def r($d): if . == null then "" else
		(. * pow(10; $d) | round | tostring) as $s |
		($s | if length <= $d then "0" * ($d + 1 - length) + . else . end) |
		if $d == 0 then . else .[:-$d] + "." + .[-$d:] end end;
	def seconds: if . == null then "" elif . < 0.1 then r(4) else r(2) end;
	def cells: "| " + join(" | ") + " |";
	def peers: ["vers3", "s3fs", "rclone"];
	def kinds: [to_entries | sort_by(.key)[] | "\(.value) \(.key)"] |
		join(", ");
	def mib: if . then . / 1048576 | r(1) else "" end;
	. as $all |
	"Seconds, medians of \(.rounds)" +
	(if .latencyMs > 0 then ", the server \(.latencyMs) ms away" else "" end) +
	(if .rateMbit > 0 then ", over \(.rateMbit) Mbit/s" else "" end) +
	"; the last two columns: how many times as fast as these vers3 is.", "",
	(["work", "goal", peers[], "raw", "× the better peer", "× raw"] | cells),
	([range(8) | "---"] | cells),
	(.rows[] | [.title, .goal,
		(.clients[peers[], "raw"].median | seconds),
		(.peerRatio | r(2)), (.rawRatio | r(2))] | cells), "",
	(["requests", peers[]] | cells), ([range(4) | "---"] | cells),
	(.rows[] | [.title, (.clients[peers[]] | .requests // {} | kinds)] |
		cells), "",
	(["MiB received, sent; processor seconds; peak RssAnon in MiB",
		peers[]] | cells), ([range(4) | "---"] | cells),
	(.rows[] | [.title, (.clients[peers[]] | if . == null then "" else
		(.receivedBytes | mib) + ", " + (.sentBytes | mib) + "; \(.processorSeconds | r(2)); " +
		(.anonymousKiB / 1024 | r(0)) end)] | cells), "",
	"Peak of RssAnon over all of these:" + ([peers[] as $w |
		[.rows[].clients[$w].anonymousKiB | values] | max | values |
		" \($w) \(. / 1024 | r(0)) MiB;"] | add // "") +
		" the goal is 128 MiB.", "",
	"Raw:", "", (.rows[] | select(.raw != "") | "- \(.title): \(.raw)."),
	"", "\(.machine.processors) × \(.machine.processor), Linux " +
	"\(.machine.kernel), \(.machine.system); " +
	([.versions | to_entries[] | select(.value != "") |
		"\(.key) \(.value)"] | join(", ")) + "." ' "$1"
}
