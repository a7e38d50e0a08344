#!/bin/bash
# tools/npm.sh - sees to it that tests/contract/node_modules is what package-lock.json says.
#
# When it is, it says nothing and takes some hundredths of a second.
set -euo pipefail
cd "$(dirname "$0")/../tests/contract"

sum=$(sha256sum package-lock.json)
[[ ! -f node_modules/.installed || $(<node_modules/.installed) != "$sum" ]] || exit 0
command -v npm >/dev/null || { echo 'npm.sh: npm is not there: tools/deps.sh contract' >&2; exit 1; }
echo 'Installing the tools of tests/contract' >&2
# No scripts of packages run, and nothing is asked or told beside the packages themselves.
npm ci --ignore-scripts --no-audit --no-fund --no-update-notifier --loglevel=error >&2
printf '%s\n' "$sum" >node_modules/.installed
