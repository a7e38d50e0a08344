#!/bin/bash
# bench/peers.sh - compares the service with programs of other stacks and with the floor; `make bench PEERS=1`.
#
#   PEERS=1          all programs of bench/peers; PEERS="gin hyper": these; PEERS=none: only the floor
#   OLD=PROGRAM      also measures an older build/gestor, on a database that it migrated; OLD_LOAD= names its bench/load.sql
#   SCALE=0.2        times 1,000,000 opportunities
#   ROUNDS=3         rounds of each work; SECONDS_EACH=2 for each measurement of a round
#   WORKS=           names of the works to measure (bench/works.py); default: all but the catalogue's
#   FRESH=1          makes the cluster and the data anew; otherwise those in build/bench are used again
#
# Writes build/bench/peers.json, and prints its tables.
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=tools/lib.sh
. tools/lib.sh
# shellcheck source=bench/lib.sh
. bench/lib.sh
: "${SCALE:=0.2}" "${ROUNDS:=3}" "${SECONDS_EACH:=2}" "${OLD:=}"
[[ ! $OLD || -x $OLD ]] || die "OLD=$OLD is not a program"

if [[ $PEERS == 1 ]]; then PEERS='gin hyper bun fastify'; fi
if [[ $PEERS == none ]]; then PEERS=''; fi
# shellcheck disable=SC2086 # words, or none
bench/peers/build.sh $PEERS
# Enough for two or three databases.
SHARED_BUFFERS=3GB set_up
OPPORTUNITIES=$(awk -v s="$SCALE" 'BEGIN { printf "%d", s * 1000000 }')
((OPPORTUNITIES >= 1000)) || die "SCALE=$SCALE is too small: at least 0.001"
OPPORTUNITIES=$((OPPORTUNITIES - OPPORTUNITIES % 100))
name=$(database "$OPPORTUNITIES")
load "$OPPORTUNITIES"
if [[ $OLD ]]; then load "$OPPORTUNITIES" _old "$OLD" "${OLD_LOAD:-bench/load.sql}"; fi
# Peers and the floor get the same tables, constraints, indexes and rows. A new copy each time, so that the answers are equal.
copy "$name" "${name}_peers"
PEERS_URL=${OWNER_URL%/*}/${name}_peers
run_psql "$PEERS_URL" -o /dev/null -f bench/peers/schema.sql
warm "${name}_peers"
OLD_URL=${SERVE_URL%/*}/${name}_old
SERVE_URL=$(url "$SERVE_URL" "$OPPORTUNITIES") CLUSTER=$cluster
export SERVE_URL SUPERUSER_URL PEERS_URL OLD_URL CLUSTER OPPORTUNITIES ROUNDS SECONDS_EACH PEERS OLD
/usr/bin/python3 bench/peers.py
/usr/bin/python3 bench/table.py build/bench/peers.json
