#!/bin/bash
# bench/run.sh - compares the service with the bound that PostgreSQL and civetweb alone set; `make bench`.
#
#   SCALE=1          times 1,000,000 opportunities and 200,000 clients; 0.1 for a quick try
#   ROUNDS=7         rounds of each work
#   SECONDS_EACH=3   for each of a round's two to four measurements (S, P, H, N: docs/performance.md)
#   WORKS=           names of the works to measure (bench/works.py); default: all that have a bar
#   FRESH=1          makes the cluster and the data anew; otherwise those in build/bench are used again
#   GROWTH=1         runs bench/growth.sh instead; SMALL=1: bench/small.sh; FLOOD=1: bench/flood.sh; PEERS=1: bench/peers.sh; REPORTS=1: bench/reports.sh;
#                    IMPORT=1: bench/imports.sh
#
# Ends with status 3 when a bar was missed. Writes build/bench/result.json and result.svg; bench/table.py turns the JSON into
# Markdown.
set -euo pipefail
cd "$(dirname "$0")/.."
if [[ ${GROWTH-} ]]; then exec bench/growth.sh; fi
if [[ ${SMALL-} ]]; then exec bench/small.sh; fi
if [[ ${FLOOD-} ]]; then exec bench/flood.sh; fi
if [[ ${PEERS-} ]]; then exec bench/peers.sh; fi
if [[ ${REPORTS-} ]]; then exec bench/reports.sh; fi
if [[ ${IMPORT-} ]]; then exec bench/imports.sh; fi
# shellcheck source=tools/lib.sh
. tools/lib.sh
# shellcheck source=bench/lib.sh
. bench/lib.sh
: "${SCALE:=1}" "${ROUNDS:=7}" "${SECONDS_EACH:=3}"

set_up
OPPORTUNITIES=$(awk -v s="$SCALE" 'BEGIN { printf "%d", s * 1000000 }')
((OPPORTUNITIES >= 1000)) || die "SCALE=$SCALE is too small: at least 0.001"
OPPORTUNITIES=$((OPPORTUNITIES - OPPORTUNITIES % 100))
load "$OPPORTUNITIES"
SERVE_URL=$(url "$SERVE_URL" "$OPPORTUNITIES") CLUSTER=$cluster
export SERVE_URL CLUSTER OPPORTUNITIES ROUNDS SECONDS_EACH
status=0
/usr/bin/python3 bench/run.py || status=$?
((status == 0 || status == 3)) || exit "$status"
/usr/bin/python3 bench/chart.py build/bench/result.json build/bench/result.svg
exit "$status"
