#!/bin/bash
# fence.sh - stops this machine's PostgreSQL when it is a primary without a Patroni that works.
#
# A Patroni that hangs, or that ended while PostgreSQL went on, no longer renews the leader key, so another machine is promoted after
# 20 s. The old primary acknowledges nothing then, because no standby follows it, but programs stay connected to it, and their
# writes fail. So this asks every CHECK_S seconds (2) whether Patroni works (/liveness). When it has said so once, and then not
# for LIMIT_S seconds (12), and PostgreSQL here is a primary, PostgreSQL is stopped at once; Patroni starts it again when it goes on.
# Run it as PostgreSQL's user, with the environment of node.env, as a service that systemd stops and starts with Patroni's
# (PartOf=patroni.service, WantedBy=patroni.service).
set -euo pipefail
export LC_ALL=C
check_s=${CHECK_S:-2} limit_s=${LIMIT_S:-12}
data=${PATRONI_POSTGRESQL_DATA_DIR:?} bin=${PATRONI_POSTGRESQL_BIN_DIR:?}
well=''
while sleep "$check_s"; do
	if [[ $(curl -s -m 2 -o /dev/null -w '%{http_code}' "http://${PATRONI_RESTAPI_CONNECT_ADDRESS:?}/liveness") == 200 ]]; then
		well=$SECONDS
		continue
	fi
	if [[ ! $well ]] || ((SECONDS - well < limit_s)); then continue; fi
	# It runs, and it is a primary.
	[[ -e /proc/$(head -n 1 "$data/postmaster.pid" 2>/dev/null || echo none) ]] || continue
	[[ $("$bin/pg_controldata" -D "$data") == *'in production'* ]] || continue
	printf '%s\n' "${PATRONI_NAME:?}: Patroni has not worked for $((SECONDS - well)) s: stopping PostgreSQL"
	"$bin/pg_ctl" stop -s -m immediate -t 10 -D "$data" || :
done
