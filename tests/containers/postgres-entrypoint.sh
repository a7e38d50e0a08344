#!/bin/bash
# What the official image of PostgreSQL does at its start, as far as Gestor relies on it: gives the data directory to postgres and becomes
# that user; makes a new cluster with POSTGRES_PASSWORD or POSTGRES_PASSWORD_FILE, and runs the scripts of
# /docker-entrypoint-initdb.d on it, over a socket alone; then becomes the server.
set -euo pipefail

if [[ $1 != postgres ]]; then exec "$@"; fi
if ((EUID == 0)); then
	mkdir -p "$PGDATA" /var/run/postgresql
	chmod 700 "$PGDATA"
	chmod 3777 /var/run/postgresql || :
	find "$PGDATA" \! -user postgres -exec chown postgres '{}' +
	find /var/run/postgresql \! -user postgres -exec chown postgres '{}' +
	exec setpriv --reuid=postgres --regid=postgres --init-groups "$0" "$@"
fi
if [[ ! -s $PGDATA/PG_VERSION ]]; then
	if [[ ${POSTGRES_PASSWORD_FILE-} ]]; then
		[[ ! ${POSTGRES_PASSWORD-} ]] || { echo 'POSTGRES_PASSWORD and POSTGRES_PASSWORD_FILE are exclusive' >&2; exit 1; }
		POSTGRES_PASSWORD=$(<"$POSTGRES_PASSWORD_FILE")
	fi
	[[ ${POSTGRES_PASSWORD-} ]] || { echo 'no superuser password: POSTGRES_PASSWORD' >&2; exit 1; }
	export POSTGRES_USER=${POSTGRES_USER:-postgres}
	eval "initdb --username='$POSTGRES_USER' --pwfile=<(printf '%s\n' \"\$POSTGRES_PASSWORD\") ${POSTGRES_INITDB_ARGS-}"
	printf '\nhost all all all scram-sha-256\n' >>"$PGDATA/pg_hba.conf"
	export PGPASSWORD=$POSTGRES_PASSWORD
	PGUSER=$POSTGRES_USER pg_ctl -D "$PGDATA" -o "-c listen_addresses='' -p 5432" -w start
	# shellcheck disable=SC1090 # whatever is mounted there
	for file in /docker-entrypoint-initdb.d/*; do
		case $file in
		*.sh) if [[ -x $file ]]; then "$file"; else . "$file"; fi ;;
		*.sql) psql -v ON_ERROR_STOP=1 --no-psqlrc --username "$POSTGRES_USER" --dbname "${POSTGRES_DB:-$POSTGRES_USER}" -f "$file" ;;
		esac
	done
	PGUSER=$POSTGRES_USER pg_ctl -D "$PGDATA" -m fast -w stop
	unset PGPASSWORD
fi
exec "$@"
