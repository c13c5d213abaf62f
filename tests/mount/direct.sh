#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Writes past the page cache that are waited for later: what is read through
# the page cache then is what they wrote, while others read all the time.
. "$(dirname "$0")/lib.sh"

mnt
"$FSOP" direct "$MNT/file" 200
tail -c 1 "$MNT/file" >last
synced
fresh
same "with an empty cache" last <(tail -c 1 "$MNT/file")
unmnt
