#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# TLS: a private authority by ca_file=; a certificate of another name, an
# expired one and one of an unknown authority are refused before the mount.
. "$(dirname "$0")/lib.sh"
need_proxy

bad() {
	local rc=0
	mkdir -p "$MNT"
	timeout 60 "$VERS3" -o "cache_dir=$CACHE,endpoint=$2" "$BUCKET" "$MNT" \
		>out 2>err </dev/null || rc=$?
	if mountpoint -q "$MNT"; then
		umount -l "$MNT"
		fail "$1: mounted"
	fi
	is "$1: status ($(cat err))" "$rc" 1
	is "$1: lines on stderr ($(cat err))" "$(wc -l <err)" 1
	grep -qiE 'certificate|TLS|SSL' err || fail "$1: unclear: $(cat err)"
}

"$top/contrib/faultproxy" start --dir "$WORK/proxy" \
	--upstream "${ENDPOINT##*:}" >proxy.env
. ./proxy.env
ca=ca_file=$VERS3_PROXY_CA
bad "wrong name" "$VERS3_PROXY_WRONGNAME,path_style,$ca"
bad "expired" "$VERS3_PROXY_EXPIRED,path_style,$ca"
bad "unknown authority" "$VERS3_PROXY_TLS,path_style"

ENDPOINT=$VERS3_PROXY_TLS
mnt "path_style,$ca"
head -c 20M /dev/urandom >src
cp src "$MNT/over tls+%"
fresh "path_style,$ca"
same "over TLS" src "$MNT/over tls+%"
# Its certificate is told of, with its end.
"$VERS3CTL" -C "$MNT" doctor >said || true
grep -q 'tls: https://.* certificate.* days' said ||
	fail "the certificate's end is not told: $(cat said)"
unmnt
