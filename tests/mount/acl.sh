#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Access control lists, file capabilities and attributes of the administrator:
# each step is made on a local file system too, and both tell the same after
# it; they are enforced, rsync -aHAX carries them, and they survive an empty
# cache.
. "$(dirname "$0")/lib.sh"
need setfacl getfacl setcap getcap setfattr setpriv rsync
need_root

chmod 755 "$WORK" "$(dirname "$WORK")"
mkdir here
mnt allow_other
mkdir "$MNT/there"

# both WHAT COMMAND...: in either directory, which must be alike then.
both() {
	local what=$1 d rc=()
	shift
	for d in here "$MNT/there"; do
		rc+=(0)
		(cd "$d" && "$@") >"$WORK/out" 2>&1 || rc[-1]=1
	done
	is "$what: status" "${rc[1]}" "${rc[0]}"
	attributes_of here >want
	attributes_of "$MNT/there" >got
	diff want got >&2 || fail "$what: they differ"
}

as() {
	setpriv --reuid="$1" --regid="$2" --clear-groups "${@:3}"
}

umask 027
both "umask" sh -c 'echo a >a; mkdir d; mkfifo p; ln -s a l'
umask 022
both "a user" setfacl -m u:1001:rw a
both "chmod is the mask" chmod 640 a
both "chmod of the rest" chmod 704 a
both "mask" setfacl -m g:2001:rwx,m::r a
both "set-id" chmod 6751 a
both "list beside set-id" setfacl -m u:1002:x a
both "no list" setfacl -b a
both "a list that is a mode" setfacl -m u::rw,g::r,o::- a
both "no default of a file" setfacl -d -m u:1001:r a
both "default" setfacl -d -m u:1001:rwx,g:2001:rx,o::- d
both "inherited" sh -c 'cd d && echo b >b && mkdir e && mkfifo q && ln -s b m'
both "inherited twice" sh -c 'umask 077; cd d/e && mkdir f && echo c >f/c'
both "a mode at creation" sh -c 'cd d && install -m 0400 b i'
both "renamed" mv d/b d/e/g
both "no default any more" setfacl -k d
both "none to take" setfacl -k d
both "all at once" setfacl -R -m u:1003:r d
both "as chown has it" chown 1001:2001 d/e/g
both "a list of its owner" as 1001 2001 sh -c 'umask 0
	exec setfacl -m u:1004:rwx d/e/g'
both "trusted" setfattr -n trusted.note -v x a
both "and removed" setfattr -x trusted.note a
both "trusted again" setfattr -n trusted.note -v y d
both "program" sh -c 'cp /bin/true t; setcap cap_net_raw+ep t'
both "another" sh -c 'cp t u; setcap cap_chown=ep u'
both "capabilities end with a write" sh -c 'echo >>t'
both "and with chown" chown 5 u
both "set again" setcap cap_chown=ep u
both "and with truncate" truncate -s 9 u
both "and again" setcap cap_chown=ep u
is "for nobody" "$(as 65534 65534 getfattr --absolute-names -d -m - "$MNT/there/d" |
	grep -c trusted || true)" 0
refused "of the control file" "not supported" \
	setfacl -m u:1001:r "$MNT/.control"
refused "labels" "not supported" setfattr -n security.selinux -v x "$MNT/there/a"

# What lists say is what may be done.
mkdir "$MNT/there/x"
echo secret >"$MNT/there/x/f"
chmod 0640 "$MNT/there/x/f"
refused "nobody" "Permission denied" as 1001 1001 cat "$MNT/there/x/f"
setfacl -m u:1001:r "$MNT/there/x/f"
is "who is named" "$(as 1001 1001 cat "$MNT/there/x/f")" secret
refused "another" "Permission denied" as 1002 1001 cat "$MNT/there/x/f"
refused "to write" "Permission denied" \
	as 1001 1001 dd if=/dev/null of="$MNT/there/x/f"
# Also in the history, where lists are not shown, and nobody is let in for it.
chgrp 2001 "$MNT/there/x"
setfacl -m u:1002:-,g::-,g:2002:rwx,o::rx "$MNT/there/x"
synced
is "others" "$(as 1003 1003 ls "$MNT/there/x")" f
refused "who is refused" "Permission denied" as 1002 1 ls "$MNT/there/x"
refused "and there" "Permission denied" \
	as 1002 1 ls "$MNT/.versions/there/x"
refused "the group" "Permission denied" as 1 2001 ls "$MNT/.versions/there/x"
rm -rf "$MNT/there/x"

# With an empty cache, and for rsync.
synced
fresh allow_other
attributes_of here >want
attributes_of "$MNT/there" >got
diff want got >&2 || fail "with an empty cache they differ"
rsync -aHAX here/ "$MNT/copy/"
is "a second rsync" "$(rsync -aHAXi here/ "$MNT/copy/")" ""
synced
fresh allow_other
is "with an empty cache" "$(rsync -aHAXi here/ "$MNT/copy/")" ""
attributes_of "$MNT/copy" >got
diff want got >&2 || fail "what rsync made differs"
cp -a here "$MNT/copy2"
unmnt
