#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Whoever reads a file of a bucket without versioning, while saves of this
# mount replace it there, reads it whole.
. "$(dirname "$0")/lib.sh"
need python3

make_bucket "$BUCKET-plain" plain
mnt "" "$BUCKET-plain"
head -c 25165824 /dev/zero | tr '\0' 'x' >"$MNT/f"
synced
python3 - "$MNT/f" >result <<'END' || fail "$(cat result)"
import os, random, sys
rounds, step, size = 12, 8 << 20, 24 << 20
pid = os.fork()
if pid == 0:
    fd = os.open(sys.argv[1], os.O_WRONLY)
    for i in range(rounds):
        os.pwrite(fd, b"y", i % 3 * step)
        os.fsync(fd)
    os._exit(0)
fd = os.open(sys.argv[1], os.O_RDONLY)
count = 0
while True:
    done, status = os.waitpid(pid, os.WNOHANG)
    if done:
        break
    os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
    at = random.randrange(1, size // 4096 - 1) * 4096 + 1
    try:
        got = os.pread(fd, 4096, at)
    except OSError as e:
        sys.exit(print("read", count, "at", at, e) or 1)
    if len(got) != 4096 or got.strip(b"xy"):
        sys.exit(print("read", count, "at", at, got[:32]) or 1)
    count += 1
print(count, "reads, writer:", status)
sys.exit(status != 0 or count < 10)
END
cat result
unmnt
BUCKET=$BUCKET-plain get_object f saved
is "the last" "$(head -c 16777217 saved | tail -c 1)" y
