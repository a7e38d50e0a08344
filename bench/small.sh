#!/bin/bash
# bench/small.sh - measures the service's memory and its time until readiness; `make bench SMALL=1`.
#
#   REQUESTS=2000000   requests over which the memory must not grow
#   SCALE=0.1          times 1,000,000 opportunities: the data that it serves
#
# Writes build/bench/small.json.
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=tools/lib.sh
. tools/lib.sh
# shellcheck source=bench/lib.sh
. bench/lib.sh
: "${SCALE:=0.1}" "${REQUESTS:=2000000}"

set_up
OPPORTUNITIES=$(awk -v s="$SCALE" 'BEGIN { printf "%d", s * 1000000 }')
load "$OPPORTUNITIES"
SERVE_URL=$(url "$SERVE_URL" "$OPPORTUNITIES") CLUSTER=$cluster
export SERVE_URL CLUSTER OPPORTUNITIES REQUESTS
status=0
/usr/bin/python3 bench/small.py || status=$?
((status == 0 || status == 3)) || exit "$status"
/usr/bin/python3 bench/table.py build/bench/small.json
exit "$status"
