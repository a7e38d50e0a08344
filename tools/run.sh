#!/bin/bash
# tools/run.sh - serves on this machine, as `make run` does after building.
#
# Without DATABASE_URL: on a private PostgreSQL in .local/pg, with the sample
# data. With it: on that database, which is migrated and else left alone.
# Ctrl-C or SIGTERM stops what it started.
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=tools/lib.sh
. tools/lib.sh

program=build/gestor
[[ -x $program ]] || die "$program is not built: make build"
[[ -d .local ]] || mkdir -m 755 .local
[[ -w .local ]] || die "$(id -un) may not write in .local, which belongs to $(stat -c %U .local): run as that user, or remove it"
exec 9>.local/lock
flock -n 9 || die "already running from this directory (.local/lock is held)"

private='' service=''
# shellcheck disable=SC2317 # a trap calls it
clean_up() {
	trap '' INT QUIT TERM HUP PIPE
	if [[ $service ]] && stop_process "$service"; then rm -f .local/service.pid; fi
	if [[ $private ]]; then setsid -w tools/cluster.sh stop .local/pg 9>&- || :; fi
}
trap clean_up EXIT
stopped=130
trap 'exit $stopped' INT QUIT
trap 'exit $((stopped ? 143 : 0))' TERM HUP
trap 'exit 141' PIPE

# stop_process PID - SIGTERM, time to finish its answers, and no more time than that.
stop_process() {
	local try
	kill -TERM "$1" 2>/dev/null || return 0
	for ((try = 0; try < 400; try++)); do
		alive "$1" || return 0
		sleep 0.05
	done
	kill -KILL "$1" 2>/dev/null || :
}
# A zombie is not alive: it has no program any more.
alive() { [[ $({ tr '\0' ' ' <"/proc/$1/cmdline"; } 2>/dev/null) == *"$program serve "* ]]; }

# ours FILE - of whoever .local belongs to, though root made it.
ours() { ((EUID)) || chown --reference=.local "$1"; }
[[ ! -e .local/env || -r .local/env ]] || die ".local/env belongs to $(stat -c %U .local/env): chown it to $(id -un)"

# value NAME - from .local/env, as the last run left it.
value() { sed -n "s/^$1='\(.*\)'\$/\1/p" .local/env 2>/dev/null || :; }

GESTOR_LISTEN=${GESTOR_LISTEN:-127.0.0.1:8080}
export GESTOR_LISTEN
[[ $GESTOR_LISTEN =~ ^[0-9.]+:[1-9][0-9]{0,4}$ ]] || die "GESTOR_LISTEN is '$GESTOR_LISTEN' and not an IPv4 address and a port, such as 127.0.0.1:8080"
host=${GESTOR_LISTEN%:*} port=${GESTOR_LISTEN##*:}
[[ $host != 0.0.0.0 ]] || host=127.0.0.1
url=http://$host:$port

# A service that outlived its script (killed with SIGKILL) is of no use to anybody.
if left=$(cat .local/service.pid 2>/dev/null) && [[ $left ]] && alive "$left" &&
	[[ $(readlink "/proc/$left/cwd") == "$PWD" ]]; then
	stop_process "$left"
fi
if port_taken "$host" "$port"; then
	printf '%s\n' "run.sh: $host:$port is taken by another program" >&2
	# Which one, where iproute2 is installed.
	ss -Hltnp "sport = :$port" 2>/dev/null | sed 's/^/    /' >&2 || :
	printf '%s\n' "Stop that one, or serve elsewhere:  GESTOR_LISTEN=127.0.0.1:$((port < 65535 ? port + 1 : port - 1)) make run" >&2
	exit 1
fi

umask 077
if [[ ! ${GESTOR_JWT_SECRET-}${GESTOR_JWT_SECRET_FILE-} ]]; then
	if [[ ! -s .local/jwt_secret ]]; then
		head -c 48 /dev/urandom | base64 -w0 >.local/jwt_secret.new
		ours .local/jwt_secret.new
		mv .local/jwt_secret.new .local/jwt_secret
	fi
	export GESTOR_JWT_SECRET_FILE=$PWD/.local/jwt_secret
fi

# write_env PASSWORD - for other shells: . .local/env
write_env() {
	cat >.local/env.new <<-END
		# Written by make run. DATABASE_URL is the schema's owner; the service itself
		# signs in as gestor_serve, who owns nothing (SERVE_URL in .local/pg.env).
		DATABASE_URL='$OWNER_URL'
		GESTOR_LISTEN='$GESTOR_LISTEN'
		DEMO_USERNAME='E8153375'
		DEMO_PASSWORD='$1'
	END
	ours .local/env.new
	mv .local/env.new .local/env
}

# sample_data - the manual's client and four accounts, where they are not there yet.
sample_data() {
	local have account username role name
	have=" $(run_psql "$OWNER_URL" -Atc "select coalesce(string_agg(username, ' '), '') from gestor.advisor") "
	password=$(value DEMO_PASSWORD)
	if [[ ! $password && $have == *' E8153375 '* ]]; then
		die "the password of the sample accounts stood in .local/env, which is gone: remove .local to begin anew"
	fi
	[[ $password ]] || password=$(random_word 20)
	write_env "$password"
	[[ $have != *' E8000002 '* ]] || return 0
	run_psql "$OWNER_URL" -o /dev/null -f db/demo.sql
	# The last one made is the one that is asked for above.
	for account in 'E8153375 advisor ASESOR DE MUESTRA E8153375' 'E8123497 advisor ASESOR DE MUESTRA E8123497' \
		'E8000001 supervisor SUPERVISOR DE MUESTRA' 'E8000002 admin ADMINISTRADOR DE MUESTRA'; do
		read -r username role name <<<"$account"
		[[ $have != *" $username "* ]] || continue
		DATABASE_URL=$OWNER_URL "$program" advisor add --username "$username" --name "$name" --role "$role" \
			<<<"$password" >/dev/null 9>&-
	done
}

password=''
if [[ ${DATABASE_URL-} && $DATABASE_URL != "$(value DATABASE_URL)" ]] || [[ ! ${DATABASE_URL-} && ${DATABASE_URL_FILE-} ]]; then
	"$program" migrate 9>&-
else
	unset "${!PG@}" DATABASE_URL_FILE
	# In a session of its own, so that Ctrl-C finds it done or not begun.
	private=yes
	setsid -w tools/cluster.sh start .local/pg 9>&-
	OWNER_URL='' SERVE_URL=''
	# shellcheck source=/dev/null
	. .local/pg.env
	# 2 is a setting that is wrong, which has been said.
	DATABASE_URL=$OWNER_URL "$program" migrate 9>&- || {
		status=$?
		((status == 2)) && exit 1
		die "the private database was not migrated; if another version made it: rm -rf .local to begin anew"
	}
	sample_data
	export DATABASE_URL=$SERVE_URL
fi

# Should this script be killed, the service is told to stop by the kernel.
setsid setpriv --pdeathsig TERM -- "$program" serve </dev/null 9>&- &
service=$!
printf '%s\n' "$service" >.local/service.pid
ours .local/service.pid
for ((try = 0; ; try++)); do
	if ready "$url"; then break; fi
	if ! kill -0 "$service" 2>/dev/null; then
		status=0
		wait "$service" || status=$?
		service=
		die "the service ended at once, with status $status; what it said stands above"
	fi
	((try < 600)) || die "the service does not become ready: $url/readyz"
	sleep 0.05
done

cat <<END

Gestor serves at $url        (Ctrl-C stops it); to read and to try: $url/docs

END
if [[ $private ]]; then
	cat <<END
  Sign in     E8153375, E8123497 (advisors), E8000001 (supervisor), E8000002 (administrator)
  Password    $password    (for all four; also in .local/env)
  Try it      curl -sS $url/v1/sessions -H 'Content-Type: application/json' -d '{"username":"E8153375","password":"$password"}'

END
else
	cat <<END
  The database that DATABASE_URL names is migrated; no sample data were loaded.
  The first advisor, whose password is asked for, is made in another terminal by
      DATABASE_URL='...' $program advisor add --username E1234567 --name 'FULL NAME' --role admin

END
fi

stopped=0
status=0
wait "$service" || status=$?
service=
die "the service ended by itself, with status $status"
