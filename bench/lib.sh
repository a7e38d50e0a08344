# shellcheck shell=bash
# Shared by the scripts of bench/: the cluster under build/bench, and its data. Source it from bash in the repository's root,
# after tools/lib.sh.

cluster=$PWD/build/bench/cluster

# set_up - starts the cluster with the settings of all measurements; FRESH makes a new one. fsync, full_page_writes and
# synchronous_commit keep PostgreSQL's default, on.
set_up() {
	mkdir -p build/bench
	if [[ ${FRESH-} ]]; then
		tools/cluster.sh stop "$cluster" || :
		rm -rf "$cluster" "$cluster".*
	fi
	tools/cluster.sh start "$cluster"
	trap 'tools/cluster.sh stop "$cluster"' EXIT
	read_urls
	# So that a checkpoint comes at most every half hour.
	run_psql "$SUPERUSER_URL" <<-END
		alter system reset all;
		alter system set shared_buffers = '${SHARED_BUFFERS:-1GB}';
		alter system set max_wal_size = '8GB';
		alter system set checkpoint_timeout = '30min';
	END
	tools/cluster.sh stop "$cluster"
	tools/cluster.sh start "$cluster"
	read_urls
}
read_urls() {
	# shellcheck disable=SC2034 # the sourcing script uses SERVE_URL
	OWNER_URL='' SERVE_URL='' SUPERUSER_URL=''
	# shellcheck source=/dev/null
	. "$cluster.env"
}

# database N - the name of the database with N opportunities.
database() { printf 'gestor_%d\n' "$1"; }

# url URL N - the URL with its database replaced by that of N opportunities.
url() { printf '%s/%s\n' "${1%/*}" "$(database "$2")"; }

# The password of bench's advisors. No secret, for the data are made up.
password=bench-advisor-of-made-up-data

# load N [SUFFIX PROGRAM SCRIPT] - makes a database with N opportunities, unless there is one of the current schema. With
# SUFFIX, which is added to its name: by the build PROGRAM of the service and its SCRIPT that loads the data.
load() {
	local name key owner was program=${3:-build/gestor} script=${4:-bench/load.sql}
	name=$(database "$1")${2-}
	owner=${OWNER_URL%/*}/$name
	if [[ ${2-} ]]; then
		key=$(cat "$program" "$script" | sha256sum | cut -c1-16)
	else
		key=$(cat db/grants.sql db/migrations/*.sql bench/load.sql | sha256sum | cut -c1-16)
	fi
	# Counts up when the advisors below change.
	key+=-2
	was=$(run_psql "$SUPERUSER_URL" -Atc "select shobj_description(oid, 'pg_database') from pg_database where datname = '$name'")
	if [[ $was == "$key" ]]; then
		warm "$name"
		return
	fi
	say "loading $1 opportunities ..."
	run_psql "$SUPERUSER_URL" -c 'set client_min_messages = warning' -c "drop database if exists $name" \
		-c "create database $name owner gestor_owner"
	# Without fsync, because the data can be generated again after a crash.
	run_psql "$SUPERUSER_URL" -c 'alter system set fsync = off' -c 'select pg_reload_conf()' >/dev/null
	DATABASE_URL=$owner "$program" migrate >/dev/null
	run_psql "$owner" -o /dev/null -v opportunities="$1" -f "$script"
	DATABASE_URL=$owner "$program" advisor add --username E8153375 --name 'ASESOR DE MEDICION' --role advisor <<<"$password" >/dev/null
	DATABASE_URL=$owner "$program" advisor add --username E8153376 --name 'SUPERVISOR DE MEDICION' --role supervisor <<<"$password" >/dev/null
	run_psql "$SUPERUSER_URL" -c 'alter system reset fsync' -c 'select pg_reload_conf()' -c checkpoint >/dev/null
	sync
	run_psql "$SUPERUSER_URL" -c "comment on database $name is '$key'"
	warm "$name"
	say "loaded: $(run_psql "$SUPERUSER_URL" -Atc "select pg_size_pretty(pg_database_size('$name'))")"
}

# copy FROM TO - makes the database TO as a copy of FROM.
copy() {
	run_psql "$SUPERUSER_URL" -c 'set client_min_messages = warning' -c "drop database if exists $2" \
		-c "create database $2 template $1 owner gestor_owner strategy file_copy"
}

# warm NAME - reads the whole database once, so that no round waits for the disk.
warm() {
	run_psql "${SUPERUSER_URL%/*}/$1" -o /dev/null <<-'END'
		set client_min_messages = warning;
		create extension if not exists pg_prewarm;
		select sum(pg_prewarm(c.oid, 'read')) from pg_class c
		 where c.relnamespace = 'gestor'::regnamespace and c.relkind in ('r', 'i', 't');
	END
}
