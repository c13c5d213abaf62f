# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
#
# What the mount tests share; sourced first by each. tests/mount/run sets WORK
# (an empty directory, the current one), BUCKET, ENDPOINT, ACCESS_LOG and
# BINDIR. A command that fails ends the test and is named.
set -Eeuo pipefail

here=$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")
top=$(dirname "$(dirname "$here")")
. "$here/env.sh"

# With OWN_MOUNTS=1 a test runs in a mount namespace of its own.
if [ -n "${OWN_MOUNTS:-}" ] && [ -z "${IN_OWN_MOUNTS:-}" ] &&
	[ "$(id -u)" = 0 ]; then
	IN_OWN_MOUNTS=1 exec "$here/own-mounts" "$BASH" "$0"
fi

VERS3=$BINDIR/src/vers3
VERS3CTL=$BINDIR/src/vers3ctl
FSOP=$BINDIR/tests/mount/fsop
MNT=$WORK/mnt
CACHE=$WORK/cache
export HOME=$WORK XDG_CACHE_HOME=$WORK/xdg

trap 'failed_at $LINENO "$BASH_COMMAND"' ERR
trap finish EXIT

# A failure in a command substitution is its reader's to judge.
failed_at() {
	[ "$BASH_SUBSHELL" -gt 0 ] ||
		echo "$TEST_NAME: line $1: failed: $2" >&2
}

fail() {
	echo "$TEST_NAME: $*" >&2
	exit 1
}

skip() {
	echo "$*"
	exit 77
}

# need PROGRAM...: skips the test where one is not installed.
need() {
	local program
	for program in "$@"; do
		command -v "$program" >/dev/null ||
			skip "$program is not installed"
	done
}

need_root() {
	[ "$(id -u)" = 0 ] || skip "needs root"
}

need_log() {
	[ -n "$ACCESS_LOG" ] || skip "no access log of this server"
}

# A bad network or TLS in front of the server: contrib/faultproxy, which the
# test starts with `--dir "$WORK/proxy"`, and which ends with it.
need_proxy() {
	need nginx openssl
	[ -e /usr/lib/nginx/modules/ngx_http_lua_module.so ] ||
		skip "nginx's Lua module is not installed"
	case $ENDPOINT in
	http://127.0.0.1:*) ;;
	*) skip "the server is not on this machine" ;;
	esac
	test_cleanup() {
		"$top/contrib/faultproxy" stop --dir "$WORK/proxy"
	}
}

# Installs the helpers of mount(8) and umount(8), in a mount namespace of the
# test's own (own-mounts).
install_helpers() {
	mkdir sbin real run
	mkdir -p /run/mount
	mount --bind run /run/mount # where mount(8) notes what it has mounted
	mount --bind /sbin/. real
	ln -s "$WORK"/real/* sbin/
	ln -sf "$VERS3" sbin/mount.vers3
	ln -sf "$VERS3" sbin/mount.fuse.vers3
	ln -sf "$VERS3CTL" sbin/umount.fuse.vers3
	mount --bind sbin /sbin/.
}

# From here on requests go by the proxy; $direct is the server itself.
through_proxy() {
	"$top/contrib/faultproxy" start --dir "$WORK/proxy" \
		--upstream "${ENDPOINT##*:}" >"$WORK/proxy.env"
	# shellcheck source=/dev/null
	. "$WORK/proxy.env"
	direct=$ENDPOINT
	ENDPOINT=$VERS3_PROXY
}

# fault KIND [NAME=VALUE]...: as the proxy has it.
fault() {
	"$top/contrib/faultproxy" fault --dir "$WORK/proxy" "$@"
}

# The commands of a chapter of vers3-operations(7), one a line, as written.
chapter() {
	sed -n "/^\\.SH $1\$/,/^\\.SH /p" "$top/man/vers3-operations.7" |
		sed -n '/^\.EX$/,/^\.EE$/{/^\./!p}' | sed 's/\\-/-/g'
}

# is WHAT GOT WANTED
is() {
	[ "$2" = "$3" ] || fail "$1: got '$2', expected '$3'"
}

# same WHAT A B: two files of equal content.
same() {
	cmp "$2" "$3" >&2 || fail "$1: $2 and $3 differ"
}

# attributes_of DIR: modes, owners, lists, capabilities and attributes below.
attributes_of() {
	(cd "$1" && find . -mindepth 1 | LC_ALL=C sort | while read -r f; do
		stat -c '%n %a %u %g' "$f"
		[ -L "$f" ] || getfacl -pnE "$f"
		getcap "$f"
		getfattr -h -d -m '^(user|trusted|security)\.' "$f"
	done)
}

# refused WHAT ERROR COMMAND...: the command fails with this error's text.
refused() {
	local what=$1 error=$2 out
	shift 2
	if out=$("$@" 2>&1); then
		fail "$what: succeeded"
	fi
	case $out in
	*"$error"*) ;;
	*) fail "$what: expected '$error', got '$out'" ;;
	esac
}

# Runs a command until it is true, for at most SECONDS.
within() {
	local end=$((SECONDS + $1))
	shift
	until "$@"; do
		[ $SECONDS -lt $end ] || return 1
		sleep 0.1
	done
}

# --- mounts -------------------------------------------------------------

vers3_options() {
	echo "endpoint=$ENDPOINT,cache_dir=$CACHE${1:+,$1}"
}

# mnt [OPTIONS [SOURCE]]: mounts at $MNT in the foreground mode, so that the
# daemon's pid and exit status are known.
mnt() {
	mkdir -p "$MNT"
	"$VERS3" -f -o "$(vers3_options "${1:-}")" "${2:-$BUCKET}" "$MNT" \
		>>"$MNT.vers3.log" 2>&1 &
	echo $! >"$MNT.pid"
	within 30 mounted_or_dead || fail "not mounted after 30 s"
	mountpoint -q "$MNT" || fail "vers3 ended: $(tail -n 3 "$MNT.vers3.log")"
}

mounted_or_dead() {
	mountpoint -q "$MNT" || ! kill -0 "$(daemon)" 2>/dev/null
}

daemon() {
	cat "$MNT.pid"
}

# Unmounts and waits until the daemon has sent everything and has ended.
unmnt() {
	local rc=0
	within 10 detach || fail "umount of $MNT failed"
	wait "$(daemon)" || rc=$?
	rm -f "$MNT.pid"
	[ $rc -eq 0 ] || fail "the daemon ended with status $rc"
}

detach() {
	if [ "$(id -u)" = 0 ]; then
		umount "$MNT" 2>/dev/null
	else
		fusermount3 -u "$MNT" 2>/dev/null
	fi
}

# remount [OPTIONS]: with what the cache knows.
remount() {
	unmnt
	mnt "$@"
}

# fresh [OPTIONS]: with an empty cache, so that all comes from the bucket.
fresh() {
	unmnt
	rm -rf "$CACHE"
	mnt "$@"
}

# kill -9 of the daemon; its dead mount stays.
kill_daemon() {
	kill -9 "$(daemon)"
	wait "$(daemon)" 2>/dev/null || true
	rm "$MNT.pid"
}

# crash: the same, and the dead mount out of the way.
crash() {
	kill_daemon
	umount -l "$MNT" 2>/dev/null || fusermount3 -uz "$MNT"
}

# Notes the daemon of a mount that went to the background.
note_daemon() {
	"$VERS3CTL" --json status "$MNT" | jq .mount.pid >"$MNT.pid"
}

synced() {
	"$VERS3CTL" sync "$MNT"
}

finish() {
	local rc=$? f m
	set +e
	trap - ERR
	cd /
	declare -F test_cleanup >/dev/null && test_cleanup
	awk -v d="$WORK/" 'index($5, d) == 1 { print $5 }' \
		/proc/self/mountinfo | sort -r | while read -r m; do
		umount -l "$m" 2>/dev/null || fusermount3 -uz "$m"
	done
	for f in "$WORK"/*.pid; do
		[ -e "$f" ] || continue
		if [ $rc -eq 0 ]; then
			within 20 gone "$(cat "$f")"
		fi
		kill -9 "$(cat "$f")" 2>/dev/null
		wait "$(cat "$f")" 2>/dev/null
	done
	exit $rc
}

gone() {
	! kill -0 "$1" 2>/dev/null
}

# Anonymous memory of the daemon, in KiB.
rss_anon() {
	awk '/^RssAnon:/ { print $2 }' "/proc/$(daemon)/status"
}

# --- the bucket, seen without vers3 -------------------------------------

# curl is enough, and far quicker to start than any S3 program.

# s3_curl SHA256 ARGUMENT...: curl with a signature.
s3_curl() {
	local sum=$1
	shift
	curl -sS --fail-with-body --noproxy '*' -m 60 \
		--aws-sigv4 aws:amz:us-east-1:s3 \
		-K <(echo "user = \"$AWS_ACCESS_KEY_ID:$AWS_SECRET_ACCESS_KEY\"") \
		-H "x-amz-content-sha256: $sum" "$@"
}

# s3 METHOD PATH [BODY]: one signed request; the answer's body on stdout.
# Queries are to be written as `name=`, in order and encoded.
s3() {
	local sum
	sum=$(printf %s "${3:-}" | sha256sum)
	# curl would name a form's type, and newer gateways look for its fields.
	s3_curl "${sum%% *}" -X "$1" -H 'content-type: application/xml' \
		${3+--data-binary "$3"} "$ENDPOINT$2"
}

# url KEY: where an object is, whatever its name.
url() {
	printf '%s/%s/' "$ENDPOINT" "$BUCKET"
	printf %s "$1" | jq -jsRr '@uri | gsub("%2F"; "/")'
}

# get_object KEY FILE, put_object KEY FILE
get_object() {
	s3_curl UNSIGNED-PAYLOAD -o "$2" "$(url "$1")"
}

put_object() {
	local sum
	sum=$(sha256sum <"$2")
	# Of no form, either.
	s3_curl "${sum%% *}" -X PUT -H 'content-type: binary/octet-stream' \
		--data-binary "@$2" "$(url "$1")"
}

# make_bucket NAME [plain]: with versioning unless plain.
make_bucket() {
	s3 PUT "/$1" '' >/dev/null
	[ "${2:-}" = plain ] || s3 PUT "/$1?versioning=" \
		"<VersioningConfiguration><Status>Enabled</Status>\
</VersioningConfiguration>" >/dev/null
}

aws() {
	command aws --endpoint-url "$ENDPOINT" --region us-east-1 "$@"
}

s3api() {
	local verb=$1
	shift
	aws s3api "$verb" --bucket "$BUCKET" "$@"
}

# history_of [PREFIX]: one line a version: kind (V or M) and key, any order,
# page by page. For keys that XML takes as they are.
history_of() {
	local page from='' prefix
	prefix=prefix=$(encoded "${1:-}")
	while page=$(s3 GET "/$BUCKET?$(list_from "$from")versions="); do
		printf '%s\n' "$page" |
			sed -E 's,<(Version|DeleteMarker)>,\n&,g' |
			sed -nE 's,^<(V|DeleteM).*<Key>([^<]*)<.*,\1 \2,p' |
			sed 's,^DeleteM,M,'
		case $page in
		*"<IsTruncated>true"*) from=$page ;;
		*) return 0 ;;
		esac
	done
	return 1
}

# The beginning of a query that goes on where a page has ended.
list_from() {
	local key version
	key=$(grep -oP '(?<=<NextKeyMarker>)[^<]*' <<<"$1") || key=''
	version=$(grep -oP '(?<=<NextVersionIdMarker>)[^<]*' <<<"$1") ||
		version=''
	[ -z "$key" ] || printf 'key-marker=%s&' "$(encoded "$key")"
	printf '%s&' "$prefix"
	[ -z "$version" ] ||
		printf 'version-id-marker=%s&' "$(encoded "$version")"
}

encoded() {
	printf %s "$1" | jq -jsRr @uri
}

# download DIR FOLDER: the objects below DIR/, at most 1,000 of plain names.
download() {
	local key
	mkdir -p "$2"
	s3 GET "/$BUCKET?list-type=2&prefix=$1%2F" |
		grep -oP '(?<=<Key>)[^<]+' | while read -r key; do
		echo "url = \"$ENDPOINT/$BUCKET/$key\""
		echo "output = \"$2/${key#"$1"/}\""
	done >"$2.list"
	[ ! -s "$2.list" ] || s3_curl UNSIGNED-PAYLOAD -K "$2.list"
	rm "$2.list"
}

# count_versions PREFIX: of the keys that begin so (at most 1,000).
count_versions() {
	s3 GET "/$BUCKET?prefix=$1&versions=" | grep -o '<Version>' | wc -l
}

# header KEY NAME: a header of the object, "" where it has none.
header() {
	s3_curl UNSIGNED-PAYLOAD -I "$(url "$1")" | tr -d '\r' |
		sed -n "s/^$2: //Ip"
}

# meta KEY NAME: the value of x-amz-meta-NAME.
meta() {
	header "$1" "x-amz-meta-$2"
}

# --- counting requests --------------------------------------------------

# Waits until all that was asked so far stands in the access log, and prints
# how long that is: the value that `requests` takes.
log_mark() {
	local token=mark-$RANDOM$RANDOM$RANDOM
	curl -s -o /dev/null --noproxy '*' "$ENDPOINT/$token"
	within 10 grep -q "GET /$token " "$ACCESS_LOG" ||
		fail "the access log stands still"
	wc -l <"$ACCESS_LOG"
}

# requests METHOD PATTERN SINCE: how many requests of this bucket since the
# mark had this method (a regular expression) and a path below /BUCKET that
# matches PATTERN. Objects are '/[^? ]', lists '/?\?(.*&)?list-type='.
requests() {
	local since=$3
	log_mark >/dev/null
	tail -n "+$((since + 1))" "$ACCESS_LOG" |
		grep -cE "beast: .*\"($1) /$BUCKET$2" || true
}

# The requests since a mark, for a message.
requests_since() {
	tail -n "+$(($1 + 1))" "$ACCESS_LOG" |
		sed -nE "s/.*beast: .*\"([A-Z]+ \/${BUCKET}[^ ]*).*/\1/p" |
		head -n "${2:-5}"
}

[ -n "${NO_BUCKET:-}" ] || make_bucket "$BUCKET"
