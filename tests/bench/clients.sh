# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
#
# The file systems that are compared: each mounts $BUCKET at $MNT, one at a
# time. $client says which one is meant.
#
# The peers run with their defaults, but for three settings in their favour:
# s3fs has its cache on disk, as the others have; rclone has its full cache
# and uploads at once rather than 5 s after a close.

clients_init() {
	MNT=$WORK/mnt CACHES=$WORK/caches pid='' watcher=''
	mkdir -p "$MNT" "$CACHES"
	(umask 077 && echo "$AWS_ACCESS_KEY_ID:$AWS_SECRET_ACCESS_KEY" \
		>"$WORK/passwd")
	export RCLONE_CONFIG=/dev/null RCLONE_CONFIG_S_TYPE=s3
	export RCLONE_CONFIG_S_PROVIDER=Ceph RCLONE_CONFIG_S_ENDPOINT=$ENDPOINT
	export RCLONE_CONFIG_S_ACCESS_KEY_ID=$AWS_ACCESS_KEY_ID
	export RCLONE_CONFIG_S_SECRET_ACCESS_KEY=$AWS_SECRET_ACCESS_KEY
	export RCLONE_CONFIG_S_REGION=$AWS_REGION
}

start_vers3() {
	local options=endpoint=$ENDPOINT,cache_dir=$1
	options+=${VERS3_BENCH_OPTIONS:+,$VERS3_BENCH_OPTIONS}
	exec "$BINDIR/src/vers3" -f -o "$options" "$BUCKET" "$MNT"
}

start_s3fs() {
	exec s3fs "$BUCKET" "$MNT" -f -o "url=$ENDPOINT,use_cache=$1" \
		-o "use_path_request_style,passwd_file=$WORK/passwd"
}

start_rclone() {
	exec rclone mount "S:$BUCKET" "$MNT" --cache-dir "$1" \
		--vfs-cache-mode full --vfs-write-back 1ms
}

# client_mount fresh|kept: with an empty cache, or with what the last mount
# of this client has left.
client_mount() {
	local cache=$CACHES/$client try
	[ "$1" = kept ] || rm -rf "$cache"
	mkdir -p "$cache"
	(start_"$client" "$cache") >>"$WORK/$client.log" 2>&1 &
	pid=$!
	for try in $(seq 300); do
		! mountpoint -q "$MNT" || break
		kill -0 $pid 2>/dev/null ||
			die "$client ended: $(tail -n 3 "$WORK/$client.log")"
		sleep 0.1
	done
	mountpoint -q "$MNT" || die "$client is not mounted after $try tries"
	watch_memory $pid &
	watcher=$!
}

client_unmount() {
	local try
	[ -n "$pid" ] || return 0
	for try in $(seq 100); do
		! umount "$MNT" 2>/dev/null || break
		sleep 0.1
	done
	[ "$try" -lt 100 ] || die "$client cannot be unmounted"
	wait "$pid" || say "$client ended with status $?"
	wait "$watcher" || true
	pid='' watcher=''
}

client_remount() {
	client_unmount
	client_mount kept
}

client_kill() {
	[ -z "${pid:-}" ] || kill -9 "$pid" 2>/dev/null
	[ -z "${watcher:-}" ] || kill "$watcher" 2>/dev/null
}

# Returns when the bucket has all that was written. rclone learns of a close
# only later, but marks a file in its cache from the first write on; it writes
# that mark anew now and then, so that one look may find none.
client_settle() {
	local clean=0
	case $client in
	vers3) "$BINDIR/src/vers3ctl" sync "$MNT" ;;
	s3fs) ;; # close has sent it
	rclone)
		while [ $clean -lt 5 ]; do
			clean=$((clean + 1))
			! grep -rqs '"Dirty": *true' \
				"$CACHES/rclone/vfsMeta" || clean=0
			sleep 0.02
		done
		;;
	esac
}
