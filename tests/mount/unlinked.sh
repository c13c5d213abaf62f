#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A file that was removed while open takes and gives data until it is closed,
# and leaves nothing in the bucket.
. "$(dirname "$0")/lib.sh"

mnt
"$FSOP" unlinked "$MNT/f"
echo kept >"$MNT/g"
exec 3<"$MNT/g"
synced
rm "$MNT/g"
synced
is "read after rm" "$(cat <&3)" kept
exec 3<&-
echo old >"$MNT/h"
synced
exec 3<"$MNT/h"
echo new >"$MNT/h.tmp"
mv "$MNT/h.tmp" "$MNT/h"
is "an open file keeps its content" "$(cat <&3)" old
exec 3<&-
is "the name has the new one" "$(cat "$MNT/h")" new
unmnt
is "live objects" "$(s3 GET "/$BUCKET?list-type=2" |
	grep -oE '<Key>[^<]*')" '<Key>h'
is "versions of the nameless" "$(count_versions f)" 0
