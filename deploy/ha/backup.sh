#!/bin/bash
# backup.sh [full|diff|incr] - a backup, if this machine is the primary; else nothing.
#
# For a timer on each of the three machines, as PostgreSQL's user, with the environment of node.env: full once a week, incr
# every night. pgBackRest makes a full one by itself if there is none yet.
set -euo pipefail
if [[ $(curl -s -m 5 -o /dev/null -w '%{http_code}' "http://${PATRONI_RESTAPI_CONNECT_ADDRESS:?}/primary") != 200 ]]; then
	echo "${PATRONI_NAME:?} is not the primary: no backup from here"
	exit 0
fi
pgbackrest --stanza=gestor stanza-create
exec pgbackrest --stanza=gestor --type="${1:-incr}" backup
