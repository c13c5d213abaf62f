#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A change that the server will not take is told in its words, with what it
# takes; and a storage class that it has not is refused when it is named.
. "$(dirname "$0")/lib.sh"
need jq

policy=$(jq -nc --arg r "arn:aws:s3:::$BUCKET/denied" '{Version: "2012-10-17",
	Statement: [{Effect: "Deny", Principal: "*", Action: "s3:PutObject",
	Resource: $r}]}')
s3 PUT "/$BUCKET?policy=" "$policy" >/dev/null

status() {
	"$VERS3CTL" status "$MNT" >status.txt 2>&1 || rc=$?
}

# status_has TEXT: it ends with 1 and says that.
status_has() {
	rc=0
	status
	[ $rc -eq 1 ] && grep -q -- "$1" status.txt
}

mnt
echo mine >"$MNT/denied"
echo mine >"$MNT/other"
within 20 status_has 'failing:  1; denied: PutObject: 403 AccessDenied' ||
	fail "the server's words: $(cat status.txt)"
grep -q '(request [0-9a-zA-Z-]*)' status.txt || fail "no request's id"
grep -q 'to do for denied: allow these credentials' status.txt ||
	fail "nothing to do: $(cat status.txt)"
rc=0
"$VERS3CTL" --json status "$MNT" >status.json || rc=$?
is "as JSON" "$rc $(jq -r '.sync.rules[0].id' status.json)" "1 denied"
rc=0
"$VERS3CTL" sync "$MNT" >sync.txt 2>&1 || rc=$?
grep -q '403 AccessDenied' sync.txt || fail "sync: $(cat sync.txt)"

# A rule for a class is the server's to judge; this one keeps it and does
# nothing, if there is no such class.
cd "$MNT"
rc=0
"$VERS3CTL" lifecycle set cold class=NOSUCH:30d >"$WORK/set.txt" 2>&1 || rc=$?
"$VERS3CTL" lifecycle set ia class=STANDARD_IA:30d >"$WORK/ia.txt" 2>&1
cd "$WORK"
! grep -q 'takes no uploads' ia.txt || fail "set: $(cat ia.txt)"
case $rc in
0)
	grep -q 'class=NOSUCH: the server takes no uploads' set.txt ||
		fail "set: $(cat set.txt)"
	echo "lifecycle remove cold" >"$MNT/.control"
	;;
*) grep -qE 'Invalid|class' set.txt || fail "set: $(cat set.txt)" ;;
esac

# What is given up is in the way no more.
rm "$MNT/denied"
synced
rc=0
status
is "nothing fails any more" "$rc" 0
unmnt
refused "a mount" 'storage_class=NOSUCH: the server has no such storage class' \
	timeout 60 "$VERS3" -o "$(vers3_options storage_class=NOSUCH)" \
	"$BUCKET" "$MNT"
is "uploads" "$(s3 GET "/$BUCKET?uploads=" | grep -c '<Upload>' || true)" 0
