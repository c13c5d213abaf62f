# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
#
# Choosing free TCP ports; sourced by the scripts beside it.

# The TCP ports that anything listens on or is bound to, one a line.
used_ports() {
	local hex
	awk 'FNR > 1 { n = split($2, a, ":"); print a[n] }' \
		/proc/net/tcp /proc/net/tcp6 2>/dev/null |
		sort -u | while read -r hex; do echo $((16#$hex)); done
}

# free_ports COUNT [AVOID]...: prints the first of COUNT free ports in a row,
# below the range that the kernel hands out to clients.
free_ports() {
	local count=$1 first try used p ok=''
	shift
	used=" $(used_ports | tr '\n' ' ') $* "
	for try in $(seq 200); do
		first=$((20000 + (RANDOM * 32768 + RANDOM) % 12000)) ok=1
		for ((p = first; p < first + count; p++)); do
			case $used in
			*" $p "*) ok='' && break ;;
			esac
		done
		[ -z "$ok" ] || break
	done
	if [ -z "$ok" ]; then
		echo "no $count free ports found after $try tries" >&2
		return 1
	fi
	echo "$first"
}
