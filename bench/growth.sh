#!/bin/bash
# bench/growth.sh - measures whether answers are as fast with ten times the data; `make bench GROWTH=1`.
#
#   LARGEST=1        10,000,000 opportunities besides 100,000 and 1,000,000: some 37 GB, and half an hour to load
#   SIZES=           other numbers of opportunities
#   ALL=1            asks for all records of each size, not for as many as the smallest size has
#   ROUNDS=7 SECONDS_EACH=4 FRESH=1   as for bench/run.sh
#   WARM_UP=10       seconds of each work before the first round
#   LISTS=1          measures every list instead (bench/lists.py), ASKED=200 requests of each
#   ONLY=TEXT        of these only those that have the text in their name
#
# It also counts the rows and bytes of each table (docs/scale.md).
#
# Leaves build/bench/growth.json and growth.svg. Ends with status 3 when a bar was missed.
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=tools/lib.sh
. tools/lib.sh
# shellcheck source=bench/lib.sh
. bench/lib.sh
: "${SIZES:=100000 1000000${LARGEST:+ 10000000}}" "${ROUNDS:=7}" "${SECONDS_EACH:=4}"

set_up
for size in $SIZES; do load "$size"; done
CLUSTER=$cluster
export SERVE_URL CLUSTER SIZES ROUNDS SECONDS_EACH
status=0
if [[ ${LISTS-} ]]; then
	/usr/bin/python3 bench/lists.py || status=$?
	exit "$status"
fi
/usr/bin/python3 bench/growth.py || status=$?
((status == 0 || status == 3)) || exit "$status"
/usr/bin/python3 bench/table.py build/bench/growth.json
/usr/bin/python3 bench/chart.py build/bench/growth.json build/bench/growth.svg
exit "$status"
