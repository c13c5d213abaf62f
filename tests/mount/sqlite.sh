#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A sqlite database lives on the mount, with its rollback journal.
. "$(dirname "$0")/lib.sh"
need sqlite3

db() {
	sqlite3 -batch "$MNT/data.db" "$@"
}

mnt
db 'PRAGMA journal_mode=DELETE; CREATE TABLE t(i INTEGER PRIMARY KEY, s TEXT);' >/dev/null
for _ in 1 2 3; do
	db "BEGIN; WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n
		WHERE x < 2000) INSERT INTO t(s) SELECT hex(randomblob(20)) FROM n;
		COMMIT;"
done
db "BEGIN; DELETE FROM t; ROLLBACK;"
db "UPDATE t SET s = 'changed' WHERE i % 100 = 0;"
sum=$(db 'SELECT count(*), sum(length(s)) FROM t;')
is "rows" "${sum%%|*}" 6000
is "integrity" "$(db 'PRAGMA integrity_check;')" ok
[ ! -e "$MNT/data.db-journal" ] || fail "the journal is still there"
fresh
is "rows with an empty cache" "$(db 'SELECT count(*), sum(length(s)) FROM t;')" "$sum"
is "integrity with an empty cache" "$(db 'PRAGMA integrity_check;')" ok
db "DELETE FROM t WHERE i > 10; VACUUM;"
remount
is "rows after vacuum" "$(db 'SELECT count(*) FROM t;')" 10
unmnt
