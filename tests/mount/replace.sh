#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Names that go while others are at them: a save by rename is never seen
# half-way, a removed directory can be stood in, a loop over names ends.
. "$(dirname "$0")/lib.sh"
need python3

mnt commit=60
echo 0000 >"$MNT/f"
python3 - "$MNT" >result <<'END' || fail "$(cat result)"
import os, sys
root = sys.argv[1]
name, times = root + "/f", 3000
pid = os.fork()
if pid == 0:
    for i in range(times):
        with open(root + "/tmp", "w") as f:
            f.write("%04d" % i)
        os.rename(root + "/tmp", name)
    os._exit(0)
opened = bad = 0
while os.waitpid(pid, os.WNOHANG)[0] == 0:
    try:
        with open(name) as f:
            bad += len(f.read().strip()) != 4
        os.stat(name)
    except OSError as e:
        print("after", opened, "times:", e)
        bad += 1
    opened += 1
print(opened, "times,", bad, "bad")
sys.exit(bad != 0 or opened < 10)
END
is "the last one" "$(cat "$MNT/f")" 2999

# In a directory that is removed.
mkdir "$MNT/d"
exec 5<"$MNT/d"
(
	cd "$MNT/d" || exit 1
	rmdir ../d || exit 1
	stat -c %h . >"$WORK/links" || exit 1
	[ -z "$(ls -A .)" ] || exit 1
	! touch new 2>/dev/null
) || fail "in a removed directory"
is "its links" "$(cat "$WORK/links")" 0
chmod 700 /dev/fd/5 || fail "fchmod of a removed directory"
exec 5<&-
[ ! -e "$MNT/d" ] || fail "it is still there"

# Each name is renamed as it is read.
mkdir "$MNT/many"
python3 - "$MNT/many" >result 2>&1 <<'END' || fail "$(cat result)"
import os, sys
os.chdir(sys.argv[1])
for i in range(500):
    open("n%d" % i, "w").close()
count = 0
for e in os.scandir("."):
    os.rename(e.name, "x" + e.name)
    count += 1
    if count > 500:
        sys.exit("it does not end")
END
is "names" "$(ls "$MNT/many" | wc -l)" 500
is "links" "$(stat -c %h "$MNT")" 3
unmnt
