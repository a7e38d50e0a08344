#!/bin/bash
# tools/npm.sh - sees to it that tests/contract/node_modules is there, and is what package-lock.json says;
# with NPM_DIR=DIR, the same of DIR.
#
# When it is, this says nothing. A copy of the lock that was installed lies in
# node_modules, so that one that has changed since is noticed. These are tools
# of the tests and of bench: the program has nothing of them.
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=tools/lib.sh
. tools/lib.sh

dir=${NPM_DIR:-tests/contract}
lock=$dir/package-lock.json
stamp=$dir/node_modules/.installed-lock
exec 8<"$lock"
flock 8
cmp -s "$lock" "$stamp" && exit 0

command -v npm >/dev/null || die 'npm is not there: tools/deps.sh contract'
say "Installing the packages of $dir" >&2
# No scripts of packages are run: none of these needs its own.
(cd "$dir" && npm ci --ignore-scripts --no-audit --no-fund --no-update-notifier --loglevel=error) 8<&- >&2 ||
	die "npm could not install what $lock lists"
cp "$lock" "$stamp"
