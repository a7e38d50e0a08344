#!/bin/bash
# tools/cluster.sh start|stop|status DIR [--fast-unsafe] - a private PostgreSQL in DIR.
#
# start    makes the cluster if DIR is not there, starts it if it does not run, and writes
#          DIR.env (mode 600, for a shell to source): OWNER_URL, SERVE_URL, SUPERUSER_URL
# stop     stops it; nothing to do is fine
# status   says whether it runs: exit status 0 or 3
#
# It listens on 127.0.0.1 alone, on a port of its own, and knows nothing of the
# system's clusters. PostgreSQL refuses to run as root: started by root it runs
# as DIR's owner, postgres at first; started by anybody else, as that user.
# --fast-unsafe is for tests: a crash of the machine may destroy the data.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
# shellcheck source=tools/lib.sh
. "$root/tools/lib.sh"

usage() { die "usage: tools/cluster.sh start|stop|status DIR [--fast-unsafe]"; }
(($# == 2)) || { (($# == 3)) && [[ $3 == --fast-unsafe ]]; } || usage
action=$1 unsafe=${3-}
parent=$(cd "$(dirname "$2")" && pwd) || exit 1
dir=$parent/$(basename "$2")
need_postgresql
unset "${!PG@}"
export LC_ALL=C.UTF-8
umask 077
# PostgreSQL's programs want a working directory that they may be in.
cd /

# The words that make a command run as the cluster's user.
as=()
if ((EUID == 0)); then
	if [[ -d $dir ]]; then owner=$(stat -c %u "$dir"); else owner=$(id -u postgres); fi
	((owner)) || die "$dir belongs to root, and PostgreSQL does not run as root: remove it or give it to postgres"
	as=(setpriv --reuid="$owner" --regid="$(id -g "$owner")" --init-groups)
	# Below /root, say, that user is shut out of the path to its own directory.
	if ! "${as[@]}" test -e "$parent/."; then
		as+=(--inh-caps=+dac_override --ambient-caps=+dac_override)
		"${as[@]}" test -e "$parent/." ||
			die "user $(id -un "$owner") cannot get into $parent, where the cluster is to live"
	fi
elif [[ -e $dir && ! -O $dir ]]; then
	die "$dir belongs to $(stat -c %U "$dir"): run this as that user or as root, or remove it"
elif [[ ! -w $parent ]]; then
	die "$(id -un) may not write in $parent"
fi
pg() { "${as[@]}" "$@" 8>&-; }
put() { pg tee "$1" >/dev/null; }

# The programs of the version that made the cluster, which alone can run it, or of the newest for a new one.
bin=$POSTGRESQL_BIN
made_by=$(pg cat "$dir/PG_VERSION" 2>/dev/null) || made_by=''
if [[ $made_by && $("$bin/postgres" --version) != *" $made_by."* ]]; then
	bin=/usr/lib/postgresql/$made_by/bin
	[[ -x $bin/postgres ]] || die "$dir was made by PostgreSQL $made_by, which is not installed any more:" \
		"install it, or remove $dir, the data with it, to begin anew"
fi

# The postmaster's process id. A pid file may be left over, and its number taken by
# another process by now; a postmaster's working directory is its cluster.
running_pid() {
	local pid
	[[ -d $dir ]] || return 1
	pid=$(pg head -n1 "$dir/postmaster.pid" 2>/dev/null) || return 1
	works_here "$pid" || return 1
	printf '%s\n' "$pid"
}
works_here() { [[ $(pg readlink "/proc/$1/cwd" 2>/dev/null) == "$dir" ]]; }

# forget_stranger - removes a pid file whose number another process has by now, which
# PostgreSQL would take for a running server. Any other left-over it sees through by
# itself, and needs, to find processes of a killed server that still use the data.
forget_stranger() {
	local pid
	pid=$(pg head -n1 "$dir/postmaster.pid" 2>/dev/null) || return 0
	if [[ -e /proc/$pid ]] && ! running_pid >/dev/null; then pg rm -f "$dir/postmaster.pid"; fi
}

# make_cluster - beside DIR, and put in its place when it is whole.
make_cluster() {
	local new=$dir.new owner_word serve_word super_word out
	owner_word=$(random_word 32) serve_word=$(random_word 32) super_word=$(random_word 32)
	rm -rf "$new"
	mkdir "$new"
	((EUID)) || chown "$owner:$(id -g "$owner")" "$new"
	# Nobody is let in until the file with the real rules is there.
	out=$(pg "$bin/initdb" -D "$new" -U postgres --auth=reject --locale=C.UTF-8 \
		--encoding=UTF8 --no-sync --no-instructions 2>&1) || die "initdb failed:"$'\n'"$out"
	put "$new/pg_hba.conf" <<<'host all all 127.0.0.1/32 scram-sha-256'
	pg tee -a "$new/postgresql.conf" >/dev/null <<<"include 'private.conf'"
	put "$new/private.conf" </dev/null
	out=$(pg "$bin/postgres" --single -D "$new" -c fsync=off -c log_min_messages=error template1 2>&1 >/dev/null <<-END
		REVOKE EXECUTE ON FUNCTION lo_creat(integer), lo_create(oid), lo_from_bytea(oid, bytea), lo_open(oid, integer), lo_put(oid, bigint, bytea), lowrite(integer, bytea), lo_unlink(oid), lo_truncate(integer, integer), lo_truncate64(integer, bigint) FROM public;
	END
	) || die "large objects could not be refused:"$'\n'"$out"
	[[ $out != *ERROR* ]] || die "large objects could not be refused:"$'\n'"$out"
	# A statement a line, read from standard input: no password is an argument. deploy/roles.sh makes the same.
	out=$(pg "$bin/postgres" --single -D "$new" -c fsync=off -c log_min_messages=error postgres 2>&1 >/dev/null <<-END
		ALTER ROLE postgres PASSWORD '$super_word';
		CREATE ROLE gestor_api NOLOGIN;
		CREATE ROLE gestor_owner LOGIN PASSWORD '$owner_word';
		CREATE ROLE gestor_serve LOGIN PASSWORD '$serve_word' IN ROLE gestor_api;
		ALTER ROLE gestor_serve SET search_path = gestor, pg_temp;
		ALTER ROLE gestor_serve SET statement_timeout = '5s';
		ALTER ROLE gestor_serve SET lock_timeout = '1s';
		ALTER ROLE gestor_serve SET idle_in_transaction_session_timeout = '5s';
		ALTER ROLE gestor_owner SET search_path = gestor, pg_temp;
		ALTER ROLE gestor_owner SET idle_in_transaction_session_timeout = '10min';
		REVOKE CONNECT, TEMPORARY ON DATABASE postgres, template1 FROM public;
		CREATE DATABASE gestor OWNER gestor_owner;
		REVOKE ALL ON DATABASE gestor FROM public;
		GRANT CONNECT ON DATABASE gestor TO gestor_api;
	END
	) || die "the roles could not be made:"$'\n'"$out"
	[[ $out != *ERROR* ]] || die "the roles could not be made:"$'\n'"$out"
	write_env "$owner_word" "$serve_word" "$super_word" "$(free_port)"
	[[ ! -d $dir ]] || rmdir "$dir" || die "$dir is neither empty nor a cluster"
	mv -T "$new" "$dir"
}

# write_env OWNER_WORD SERVE_WORD SUPER_WORD PORT
write_env() {
	local at="127.0.0.1:$4"
	cat >"$dir.env.new" <<-END
		OWNER_URL='postgresql://gestor_owner:$1@$at/gestor'
		SERVE_URL='postgresql://gestor_serve:$2@$at/gestor'
		SUPERUSER_URL='postgresql://postgres:$3@$at/postgres'
	END
	((EUID)) || chown --reference="$(dirname "$dir")" "$dir.env.new"
	mv "$dir.env.new" "$dir.env"
}

# move_port - the URLs with another port, for the remembered one is taken.
move_port() {
	local port
	port=$(free_port)
	sed -E "s/@127\.0\.0\.1:[0-9]+/@127.0.0.1:$port/" "$dir.env" >"$dir.env.new"
	((EUID)) || chown --reference="$(dirname "$dir")" "$dir.env.new"
	mv "$dir.env.new" "$dir.env"
}
port() { sed -nE 's/^OWNER_URL=.*@127\.0\.0\.1:([0-9]+).*/\1/p' "$dir.env"; }

settings() {
	cat <<-END
		# Written at every start by tools/cluster.sh.
		listen_addresses = '127.0.0.1'
		port = $(port)
		unix_socket_directories = ''
		max_connections = 100
		shared_buffers = 64MB
		max_wal_size = 256MB
		min_wal_size = 64MB
		timezone = 'UTC'
		log_timezone = 'UTC'
		log_line_prefix = '%m [%p] %u@%d '
		# Personal data stay out of the log: no DETAIL, no parameters, no texts of statements.
		log_error_verbosity = terse
		log_parameter_max_length = 0
		log_parameter_max_length_on_error = 0
		log_min_error_statement = panic
	END
	if [[ $unsafe ]]; then
		cat <<-END
			fsync = off
			full_page_writes = off
		END
	fi
}

start() {
	local try size
	pg test -e "$dir/PG_VERSION" || make_cluster
	[[ -r $dir.env ]] || die "$dir.env, which holds the cluster's passwords, is not there: remove $dir to begin anew"
	if running_pid >/dev/null; then return; fi
	if port_taken 127.0.0.1 "$(port)"; then move_port; fi
	size=$(pg stat -c %s "$dir/log" 2>/dev/null || echo 0)
	((size < 10000000)) || pg mv "$dir/log" "$dir/log.old"
	for try in 1 2 3 4 5 6 7 8; do
		settings | put "$dir/private.conf"
		forget_stranger
		size=$(pg stat -c %s "$dir/log" 2>/dev/null || echo 0)
		# pg_ctl puts the server into a session of its own, out of a terminal's Ctrl-C.
		if pg "$bin/pg_ctl" start -s -w -t 60 -D "$dir" -l "$dir/log" </dev/null >/dev/null 2>&1; then return; fi
		case $(pg tail -c "+$((size + 1))" "$dir/log") in
		*"could not bind"* | *"could not create any TCP/IP sockets"*) move_port ;;
		# The children of a killed server take a moment to notice.
		*"is still in use"* | *"another server might be running"*) sleep 0.$try ;;
		*) break ;;
		esac
	done
	say "PostgreSQL did not start; its log $dir/log ends so:" >&2
	pg tail -n 15 "$dir/log" >&2
	exit 1
}

stop() {
	local pid try
	pid=$(running_pid) || return 0
	pg "$bin/pg_ctl" stop -s -w -t 20 -m fast -D "$dir" >/dev/null 2>&1 ||
		pg "$bin/pg_ctl" stop -s -w -t 20 -m immediate -D "$dir" >/dev/null 2>&1 || :
	for try in 1 2 3 4 5; do
		works_here "$pid" || return 0
		sleep 0.$try
	done
	die "PostgreSQL (process $pid) does not stop"
}

# One at a time.
exec 8>"$dir.lock"
flock 8
case $action in
start) start ;;
stop) stop ;;
status)
	if pid=$(running_pid); then
		say "running: process $pid, 127.0.0.1:$(port)"
	else
		say "not running"
		exit 3
	fi
	;;
*) usage ;;
esac
