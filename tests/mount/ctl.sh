#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# vers3ctl: status, versions, restore, sync, umount.
. "$(dirname "$0")/lib.sh"
need jq

mnt commit=60
for i in 1 2; do
	echo "save $i" >"$MNT/file"
	"$VERS3CTL" sync "$MNT"
	sleep 1.1
done
is "after sync" "$(s3 GET "/$BUCKET/file")" "save 2"
"$VERS3CTL" status "$MNT" | grep -q "$BUCKET" || fail "status names no bucket"
"$VERS3CTL" --json status "$MNT" >status.json 2>/dev/null ||
	"$VERS3CTL" status --json "$MNT" >status.json
jq -e . status.json >/dev/null || fail "status --json is no JSON"
is "versions" "$("$VERS3CTL" versions "$MNT/file" | grep -c '20[0-9][0-9]-')" 2
first=$(ls -U "$MNT/.versions/file" | head -n 1)
"$VERS3CTL" restore "$MNT/file" --version "${first#*~}"
is "restored" "$(cat "$MNT/file")" "save 1"
"$VERS3CTL" restore "$MNT/file" --version "${first#*~}" --to "$MNT/copy"
is "restored beside" "$(cat "$MNT/copy")" "save 1"
(cd "$MNT" && "$VERS3CTL" sync)
is "sync from inside" "$(s3 GET "/$BUCKET/copy")" "save 1"
refused "outside of a mount" "" "$VERS3CTL" status "$WORK"
refused "an unknown command" "" "$VERS3CTL" frobnicate

echo last >"$MNT/last"
"$VERS3CTL" umount "$MNT"
if mountpoint -q "$MNT"; then
	fail "still mounted"
fi
is "sent by umount" "$(s3 GET "/$BUCKET/last")" last
