#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# doctor: finds nothing on a good bucket, names eight faults of another one, and
# changes nothing; and the runbook's chapter is true.
. "$(dirname "$0")/lib.sh"
need jq

# doctor WANTED: its status is that; what it found is in ./found.
doctor() {
	local status=0
	"$VERS3CTL" -C "$MNT" --json doctor >found || status=$?
	[ "$status" = "$1" ] || fail "status $status, expected $1: $(bad)"
}

# What is above info, one a line, sorted.
bad() {
	jq -r '.findings[] | select(.severity == "warning" or
		.severity == "error") | .check' found | LC_ALL=C sort
}

# severity_of CHECK
severity_of() {
	jq -r --arg c "$1" '.findings[] | select(.check == $c).severity' found
}

# public_block ACLS OTHERS
public_block() {
	s3 PUT "/$BUCKET?publicAccessBlock=" "<PublicAccessBlockConfiguration>\
<BlockPublicAcls>$1</BlockPublicAcls><IgnorePublicAcls>$2</IgnorePublicAcls>\
<BlockPublicPolicy>$2</BlockPublicPolicy><RestrictPublicBuckets>$2\
</RestrictPublicBuckets></PublicAccessBlockConfiguration>"
}

# policy EFFECT ACTIONS
policy() {
	s3 PUT "/$BUCKET?policy=" "{\"Version\": \"2012-10-17\", \"Statement\": [
{\"Effect\": \"$1\", \"Principal\": \"*\", \"Action\": [$2], \"Resource\":
[\"arn:aws:s3:::$BUCKET\", \"arn:aws:s3:::$BUCKET/*\"]}]}"
}

acl() {
	s3_curl UNSIGNED-PAYLOAD -X PUT -H "x-amz-acl: $1" \
		-H 'content-type: text/plain' --data-binary '' \
		"$ENDPOINT/$BUCKET?acl="
}

# All versions, markers and uploads that there are.
everything() {
	s3 GET "/$BUCKET?versions=" | grep -oP '<(Key|VersionId)>[^<]*'
	s3 GET "/$BUCKET?uploads=" | grep -oP '<(Key|UploadId)>[^<]*' || true
}

case $(stat -f -c %T "$WORK") in
tmpfs | ramfs | nfs) skip "the work directory is on no disk" ;;
esac
mnt "ttl=1,min_free=1M"
echo text >"$MNT/file"
mkdir "$MNT/tmp"
synced

# As a bucket is when it is new: two rules are lacking, and where the server has
# one, the default encryption; nothing else.
lacking='noncurrent uploads' encryption=info
case $(s3 GET "/$BUCKET?encryption=" 2>/dev/null || true) in
*ServerSideEncryptionConfigurationNotFound*)
	lacking="encryption $lacking" encryption=ok
	;;
esac
doctor 3
is "a new bucket" "$(bad | xargs)" "$lacking"
mkdir bin
ln -s "$VERS3CTL" bin/vers3ctl
jq -r '.findings[] | select(.severity == "warning").mend' found >mend
while read -r line; do
	(cd "$MNT" && PATH="$WORK/bin:$PATH" bash -ec "$line") >/dev/null ||
		fail "cannot mend by $line"
done <mend
public_block false true
everything >before
doctor 0
is "a good bucket" "$(bad)" ""
everything >after
same "what there is" before after
is "rights" "$(severity_of s3:PutObject)" ok
is "public access" "$(severity_of public-access)" ok
is "encryption" "$(severity_of encryption)" $encryption
"$VERS3CTL" -C "$MNT" doctor >text
grep -q '^0 errors, 0 warnings, ' text || fail "sums: $(tail -n 1 text)"

# By echo and cat, and words that are wrong.
exec 7<>"$MNT/.control"
echo doctor >&7
cat <&7 >answer
exec 7>&-
is "by cat" "$(git config -f answer doctor.warnings)" 0
for words in "doctor a b" "doctor --older 7d"; do
	status=0
	# shellcheck disable=SC2086
	"$VERS3CTL" -C "$MNT" $words >out 2>err || status=$?
	is "status of $words" "$status" 2
	is "lines of $words" "$(wc -l <err)" 1
done
refused "outside" "vers3ctl: " "$VERS3CTL" -C / doctor

# The runbook, as it is written.
chapter 'THE MONTHLY AUDIT' >commands
[ "$(wc -l <commands)" -ge 6 ] || fail "few commands: $(cat commands)"
while read -r line; do
	(cd "$MNT" && PATH="$WORK/bin:$PATH" bash -ec "$line") >said 2>&1 ||
		fail "$line: $(cat said)"
	[ -s said ] || [ "$line" = 'vers3ctl sync' ] ||
		fail "$line: says nothing"
done <commands

# Without a KMS behind it, such a bucket takes nothing.
[ $encryption = info ] || s3 DELETE "/$BUCKET?encryption="
# Eight faults; seven where the block of public lists lets uploads pass.
acl public-read
public_block true false
block='public-access '
if s3 PUT "/$BUCKET/passes" text >out 2>&1; then
	block=''
fi
policy Deny '"s3:AbortMultipartUpload", "s3:GetObjectTagging"'
"$VERS3CTL" -C "$MNT" lifecycle set all expire=400d >/dev/null
for i in old-versions unfinished; do
	"$VERS3CTL" -C "$MNT" lifecycle remove $i >/dev/null
done
s3 PUT "/$BUCKET?versioning=" "<VersioningConfiguration><Status>Suspended\
</Status></VersioningConfiguration>"
everything >before
doctor 4
is "faults" "$(bad | grep -vx encryption | xargs)" "acl expiry noncurrent \
${block}s3:AbortMultipartUpload s3:GetObjectTagging uploads versioning"
everything >after
same "what there is" before after
is "no why or mend" "$(jq '[.findings[] | select(.severity == "error" or
	.severity == "warning") | select((.why and .mend) | not)] | length' \
	found)" 0
jq -r '.findings[] | select(.check == "s3:AbortMultipartUpload").what' found |
	grep -q '403 AccessDenied: .*request tx' || fail "no server's words"

# What it recommends for the block has uploads back, here and anywhere.
jq -r '.findings[] | select(.check == "public-access").mend' found >mend
[ -z "$block" ] || grep -q 'BlockPublicAcls=false,IgnorePublicAcls=true' mend ||
	fail "recommended: $(cat mend)"
public_block false true
echo text >"$MNT/other"
synced

# A policy that lets everybody in; a limit, and keys that others can read.
acl private
s3 DELETE "/$BUCKET?publicAccessBlock="
policy Allow '"s3:GetObject"'
unmnt
mkdir "$HOME/.aws"
printf '[default]\naws_access_key_id = %s\naws_secret_access_key = %s\n' \
	"$AWS_ACCESS_KEY_ID" "$AWS_SECRET_ACCESS_KEY" >"$HOME/.aws/credentials"
chmod 644 "$HOME/.aws/credentials"
export AWS_SHARED_CREDENTIALS_FILE=$HOME/.aws/credentials
ulimit -n 1000
mnt "ttl=1,min_free=1M,profile=default"
doctor 4
for i in policy credentials open-files; do
	bad | grep -qx $i || fail "$i is not named: $(bad)"
done
! bad | grep -qx acl || fail "the ACL is named"
unmnt
