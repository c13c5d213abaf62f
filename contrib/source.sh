# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
#
# Copying the source tree; sourced by the scripts beside it.

# tree_files TREE: its files, each ended by NUL: what git knows or would add,
# else all but what git and a build leave there.
tree_files() (
	cd "$1" || exit
	if [ -e .git ] && command -v git >/dev/null; then
		git -c safe.directory="$(pwd -P)" ls-files -z -co \
			--exclude-standard --deduplicate |
			while IFS= read -r -d '' file; do
				[ ! -e "$file" ] || printf '%s\0' "$file"
			done
	else
		find . -mindepth 1 -maxdepth 1 ! -name '.git' \
			\( ! -name 'build*' -o -name build-aux \) -print0
	fi
)

# copy_tree TREE DIR: makes DIR where it is not there.
copy_tree() {
	mkdir -p "$2"
	tree_files "$1" | tar -C "$1" --null --files-from=- -cf - |
		tar -C "$2" --no-same-owner -xf -
}
