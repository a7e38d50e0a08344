#!/bin/bash
# disk-check.sh - hands the role of primary over when this machine's disk is nearly full.
#
# PostgreSQL refuses writes while it cannot extend its files, but it does not stop, and Patroni sees a healthy primary. So
# this asks every CHECK_S seconds (2) how much room the data directory has. With less than LEAST_MB (64) on the primary, it
# asks Patroni for a switchover. Patroni refuses if no synchronous standby is there. Run it as PostgreSQL's user, with the
# environment of node.env, as a service beside Patroni.
set -euo pipefail
check_s=${CHECK_S:-2} least_mb=${LEAST_MB:-64}
api=http://${PATRONI_RESTAPI_CONNECT_ADDRESS:?}

# switchover - the password goes through standard input: arguments are for all to see.
switchover() {
	curl -sS -m 30 -o /dev/null -w '%{http_code}' -K - -H 'Content-Type: application/json' \
		-d "{\"leader\":\"${PATRONI_NAME:?}\"}" "$api/switchover" \
		<<<"user = \"${PATRONI_RESTAPI_USERNAME:?}:${PATRONI_RESTAPI_PASSWORD:?}\"" || :
}

while sleep "$check_s"; do
	left=$(df --output=avail -BM "${PATRONI_POSTGRESQL_DATA_DIR:?}" 2>/dev/null | tail -n1 | tr -dc 0-9) || continue
	if [[ ! $left ]] || ((left >= least_mb)); then continue; fi
	[[ $(curl -s -m 2 -o /dev/null -w '%{http_code}' "$api/primary") == 200 ]] || continue
	printf '%s\n' "$PATRONI_NAME has $left MB left: asking for a switchover, answer $(switchover)"
done
