#!/bin/bash
# bench/imports.sh - how much slower the desk is while a file of clients is imported; `make bench IMPORT=1`.
#
#   OPPORTUNITIES=100000   of the database
#   RATE=200               the desk's requests a second: six searches by phone, three opportunities, one whole call of ten
#   ROUNDS=7               of three phases: without an import, beside rows that are stored, beside a file that is sent
#   SECONDS_EACH=10        of each phase
#   ROWS=100000            of the file, so that the import lasts longer than its phase; then it is cancelled
#
# Leaves build/bench/imports.json. Ends with status 3 when the bar was missed.
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=tools/lib.sh
. tools/lib.sh
# shellcheck source=bench/lib.sh
. bench/lib.sh
: "${OPPORTUNITIES:=100000}" "${RATE:=200}" "${ROUNDS:=7}" "${SECONDS_EACH:=10}" "${ROWS:=100000}"

set_up
load "$OPPORTUNITIES"
# A copy, for what is imported stays.
copy "$(database "$OPPORTUNITIES")" "$(database "$OPPORTUNITIES")_imports"
DATABASE_URL=$(url "$OWNER_URL" "$OPPORTUNITIES")_imports
SERVE_URL=$(url "$SERVE_URL" "$OPPORTUNITIES")_imports
CLUSTER=$cluster
export DATABASE_URL SERVE_URL CLUSTER OPPORTUNITIES RATE ROUNDS SECONDS_EACH ROWS
# shellcheck disable=SC2154 # of bench/lib.sh
build/gestor advisor add --username E8153377 --name 'ADMINISTRADOR DE MEDICION' --role admin <<<"$password" >/dev/null 2>&1 || :
status=0
/usr/bin/python3 bench/imports.py || status=$?
exit "$status"
