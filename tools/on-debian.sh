#!/bin/bash
# tools/on-debian.sh RELEASE COMMAND - runs a shell command on a bare Debian with a copy of this repository.
#
#   tools/on-debian.sh trixie 'make test'
#   tools/on-debian.sh bookworm 'make test STEPS="unit http"'
#
# No target of the Makefile runs this: it needs root, and takes long. The system in the chroot has git and make, as README
# asks for, and nothing else. The copy of the repository is a clone of HEAD, with the changes of the working tree to
# files that git knows (`git add` makes a new file known).
#
# debootstrap makes the bare system once, in build/debian/RELEASE (tools/debian.sh, whose head says what it takes from this
# system). Each run has a copy of it, which is removed at the end.
# DEBIAN_DIR=/elsewhere  where the bare systems, their copies and the fetched packages (RELEASE.cache) are
# DEBIAN_KEEP=1          uses the copy RELEASE.kept, and keeps it: its packages stay installed, its build/ stays built
# Remove RELEASE and RELEASE.kept to begin with the archive's packages of today.
#
# A bare system takes 220 MB, and one with all packages of `make test` and `make check` 3 GB.
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=tools/lib.sh
. tools/lib.sh
# shellcheck source=tools/debian.sh
. tools/debian.sh

(($# == 2)) || die "usage: tools/on-debian.sh RELEASE COMMAND, such as: tools/on-debian.sh trixie 'make test'"
debian_begin "$1"
command=$2

if [[ ${DEBIAN_KEEP-} ]]; then run=$base.kept; else run=$(mktemp -d "$base.run.XXXXXX"); fi
# shellcheck disable=SC2317 # a trap calls it
undo() { [[ ${DEBIAN_KEEP-} ]] || rm -rf --one-file-system "$run"; }
trap undo EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP
debian_copy "$run"
mkdir -p "$run/root"

# The repository. In a copy that was kept it takes the place of the old one; build/ and what npm brought stay.
tree=$run/root/gestor
git clone -q --no-hardlinks . "$tree.new"
git diff --binary HEAD | git -C "$tree.new" apply --index --allow-empty
if [[ -d $tree ]]; then
	for kept in build .local tests/contract/node_modules; do
		[[ ! -e $tree/$kept ]] || mv -T "$tree/$kept" "$tree.new/$kept"
	done
	rm -rf "$tree"
fi
mv -T "$tree.new" "$tree"

printf -v inside '%s\ncd gestor\nexec /bin/bash -c %q' '
	if ! [ -x /usr/bin/git ]; then
		apt-get -qq update
		DEBIAN_FRONTEND=noninteractive apt-get -qq -y install --no-install-recommends git make >/dev/null 2>&1
	fi
	set -e' "$command"
status=0
debian_run "$run" "$inside" || status=$?
exit "$status"
