#!/bin/bash
# bench/reports.sh - times the report of a year by every pair of dimensions; `make bench REPORTS=1`.
#
#   OPPORTUNITIES=1000000   of the database, over two years; the year that is asked for has half of them. bench/growth.sh shares the data
#   FROM=2024-01-01 TO=2024-12-31   the days
#   ROUNDS=10               requests of each pair, one after the other
#   FULL=1                  packs the opportunities of both years into one, with waits as people make them (bench/reports.sql)
#   COPIES=1                with FULL: each of them so many times, so that ten million of a year need no database of ten million
#   PAIRS=                  only these, separated by blanks: "month,reason advisor,stage"
#
# Leaves build/bench/reports.json. Ends with status 3 when the bar was missed.
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=tools/lib.sh
. tools/lib.sh
# shellcheck source=bench/lib.sh
. bench/lib.sh
: "${OPPORTUNITIES:=1000000}" "${FROM:=2024-01-01}" "${TO:=2024-12-31}" "${ROUNDS:=10}" "${PAIRS:=}"

set_up
load "$OPPORTUNITIES"
DATABASE_URL=$(url "$OWNER_URL" "$OPPORTUNITIES")
SERVE_URL=$(url "$SERVE_URL" "$OPPORTUNITIES")
CLUSTER=$cluster
export DATABASE_URL SERVE_URL CLUSTER FROM TO ROUNDS PAIRS
# In a year of the data there are half of the opportunities, and none waited. FULL packs all of them into one, with waits.
if [[ ${FULL-} ]]; then run_psql "$DATABASE_URL" -o /dev/null -v from="$FROM" -v to="$TO" -v copies="${COPIES:-1}" -f bench/reports.sql; fi
status=0
/usr/bin/python3 bench/reports.py || status=$?
exit "$status"
