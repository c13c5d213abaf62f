#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Random changes of a small tree, some of them by others, beside a model that
# keeps every state: 20 instants, each seen in .versions as it was.
#
#   VERS3_TEST_SEED   repeats a run
. "$(dirname "$0")/lib.sh"
need jq

seed=${VERS3_TEST_SEED:-$$}
RANDOM=$seed
model=$WORK/model
names=(a b c "d e" a-b)
foreign=0

# both COMMAND...: with "@" for the root, on the mount and on the model.
both() {
	"${@/#@/$MNT}"
	"${@/#@/$model}"
}

# A directory, or a name, of the model: below "@".
some_dir() {
	local dirs
	mapfile -t dirs < <(cd "$model" && find . -type d | sort)
	where=@${dirs[RANDOM % ${#dirs[@]}]#.}
}

some_name() {
	some_dir
	where+=/${names[RANDOM % ${#names[@]}]}
}

here() {
	printf %s "${where/#@/$model}"
}

write() {
	printf '%s\n' "$2" >"$1"
}

append() {
	printf '%s\n' "$2" >>"$1"
}

# Others write a file, perhaps in a directory of its own, and delete one.
by_others() {
	local key
	synced
	some_dir
	key=${where#@}
	key=${key#/}
	key=${key:+$key/}x$((RANDOM % 3))
	[ $((RANDOM % 3)) -gt 0 ] || key=of-others-$((foreign += 1))/below/x
	mkdir -p "$(dirname "$model/$key")"
	echo "by others $RANDOM" >"$model/$key"
	put_object "$key" "$model/$key"
	if [ -f "$model/top" ]; then
		rm "$model/top"
		s3 DELETE "/$BUCKET/top"
	fi
	sleep 1.1 # ttl=1
}

move() {
	local from=$where
	some_name
	case $where/ in
	"$from"/*) return 0 ;;
	esac
	[ -e "$(here)" ] || [ -L "$(here)" ] || {
		# A directory is renamed with what the mount knows to be in it.
		find "${from/#@/$MNT}" >/dev/null
		both mv "$from" "$where"
	}
}

change() {
	some_name
	case $((RANDOM % 10)) in
	0 | 1 | 2)
		[ -d "$(here)" ] || [ -L "$(here)" ] ||
			both write "$where" "content $RANDOM"
		;;
	3)
		[ ! -f "$(here)" ] || [ -L "$(here)" ] ||
			both append "$where" "more $RANDOM"
		;;
	4 | 5) [ -e "$(here)" ] || [ -L "$(here)" ] || both mkdir "$where" ;;
	6) [ -d "$(here)" ] || both ln -sfn "to $RANDOM" "$where" ;;
	7) both rm -rf "$where" ;;
	*) if [ -e "$(here)" ] || [ -L "$(here)" ]; then move; fi ;;
	esac
}

mkdir "$model"
mnt ttl=1
instants=()
for i in $(seq 20); do
	[ $((i % 6)) -gt 0 ] || by_others
	[ $((i % 4)) -ne 2 ] || both write @/top "top $i"
	for _ in $(seq $((3 + RANDOM % 6))); do
		change
	done
	synced
	instants+=("$(date -u +%Y-%m-%dT%H-%M-%SZ)")
	cp -a "$model" "$WORK/state$i"
	sleep 1.1
done

# check WHAT STEP: every so many of them.
check() {
	local i at
	for i in $(seq 1 "$2" 20); do
		at=${instants[i - 1]}
		diff -r --no-dereference "$WORK/state$i" "$MNT/.versions/@$at" >&2 ||
			fail "$1: instant $i, $at, differs (seed $seed)"
	done
}

diff -r --no-dereference "$model" "$MNT" >&2 || fail "now differs (seed $seed)"
names=$(find "$WORK"/state* | wc -l)
[ "$names" -gt 100 ] || fail "too little happened: $names names (seed $seed)"
check "as they were made" 1
fresh
check "with an empty cache" 4
unmnt
