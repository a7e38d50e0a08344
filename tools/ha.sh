#!/bin/bash
# tools/ha.sh start|stop|status|backup|restore DIR [WORD...] - deploy/ha/ on this one machine, in DIR.
#
# start            three etcd, three PostgreSQL under Patroni, two Gestor, HAProxy; what runs already is left alone. The
#                  first start makes the passwords (DIR/secrets, mode 0700), the roles, the schema and the sample data
# stop             ends all of it; nothing to do is fine
# status           says who is primary; exit status 0, or 3: not all is well
# backup [TYPE]    pgBackRest on the primary: full, diff or incr
# restore INSTANT  the state of that instant in place of today's, on all three nodes: docs/operations.md says when
#
# Each node has an address of its own, 127.A.B.1 to .3, where A and B follow from DIR's name, and the same ports. The tests
# put the nodes into network namespaces: HA_ADDRESSES="ONE TWO THREE FRONT" are their addresses and HAProxy's, and
# HA_ENTER_one, HA_ENTER_two, HA_ENTER_three the words that run a command there.
# Nothing runs as root: started by root, all of it runs as DIR's owner, postgres at first.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
# shellcheck source=tools/lib.sh
. "$root/tools/lib.sh"

usage() { die "usage: tools/ha.sh start|stop|status|backup|restore DIR [WORD...]"; }
(($# >= 2)) || usage
action=$1
parent=$(cd "$(dirname "$2")" && pwd) || exit 1
dir=$parent/$(basename "$2")
shift 2
need_postgresql
unset "${!PG@}" "${!PATRONI_@}" "${!ETCD_@}" "${!PGBACKREST_@}"
export LC_ALL=C.UTF-8
umask 077
cd /

# deploy/ha/node.env says why.
patroni_version=$(patroni --version)
etcd_api=etcd3
[[ $(printf '%s\n' 3.0.3 "${patroni_version##* }" | sort -V | head -n1) == 3.0.3 ]] || etcd_api=etcd
nodes=(one two three)
pg_port=15432 api_port=18008 client_port=12379 peer_port=12380 gestor_port=18080 https_port=${HA_HTTPS_PORT:-18443}
read -r -a address <<<"${HA_ADDRESSES:-$(cksum <<<"$dir" | awk '{ a = 1 + $1 % 250; b = int($1 / 250) % 250; p = "127." a "." b "."; print p 1, p 2, p 3, p 4 }')}"
at() { case $1 in one) echo "${address[0]}" ;; two) echo "${address[1]}" ;; three) echo "${address[2]}" ;; front) echo "${address[3]}" ;; esac; }

# The words that make a command run as the user of all this.
as=()
if ((EUID == 0)); then
	if [[ -d $dir ]]; then owner=$(stat -c %u "$dir"); else owner=$(id -u postgres); fi
	((owner)) || die "$dir belongs to root, and PostgreSQL does not run as root: remove it or give it to postgres"
	as=(setpriv --reuid="$owner" --regid="$(id -g "$owner")" --init-groups)
	# Below /root, say, that user is shut out of the path to its own directory.
	"${as[@]}" test -e "$parent/." || as+=(--inh-caps=+dac_override --ambient-caps=+dac_override)
elif [[ -e $dir && ! -O $dir ]]; then
	die "$dir belongs to $(stat -c %U "$dir"): run this as that user or as root, or remove it"
fi
me() { "${as[@]}" "$@" 8>&-; }
put() { me tee "$1" >/dev/null; }

# in_node NODE COMMAND... - in the node's network namespace, if it has one.
in_node() {
	local enter=HA_ENTER_$1
	# shellcheck disable=SC2086
	${!enter-} "${as[@]}" "${@:2}" 8>&-
}

# ---- Processes. Each has the directory in its command line, by which stop finds it.

# The directory's name in a regular expression. What follows it is a slash or nothing: "ha" is no part of "ha2".
# shellcheck disable=SC2001
dir_pattern=$(sed 's#[].[*^$+?(){}|\\]#\\&#g' <<<"$dir")
# ours [PATTERN] - the process ids of the programs of this directory of which an argument has PATTERN, a regular expression.
ours() {
	local file
	for file in $(grep -lzsE -- "^$dir_pattern(/.*)?(${1:-(/|\$)})" /proc/[0-9]*/cmdline || :); do
		file=${file%/cmdline}
		case $(cat "$file/comm" 2>/dev/null || :) in
		bash | sleep | env | setpriv | etcd | patroni | postgres | gestor | haproxy | pgbackrest) printf '%s\n' "${file#/proc/}" ;;
		esac
	done
}

# keep NODE NAME COMMAND... - runs it until DIR/run/NAME.down exists, again and again, as systemd does with Restart=always.
keep() {
	local node=$1 name=$2
	me rm -f "$dir/run/$name.down"
	[[ ! $(ours "/run/$name$") ]] || return 0
	# shellcheck disable=SC2016
	setsid "$root/tools/ha.sh" node "$dir" "$node" bash -c '
		while [[ ! -e $0.down ]]; do
			"$@" >>"$0.log" 2>&1 </dev/null &
			echo $! >"$0.pid"
			wait $!
			[[ -e $0.down ]] || sleep 1
		done' "$dir/run/$name" "${@:3}" </dev/null >/dev/null 2>&1 8>&- &
}

# ---- Secrets and settings

secret() { me cat "$dir/secrets/$1"; }
has_data() { local node; for node in "${nodes[@]}"; do me test -e "$dir/$node/data/PG_VERSION" && return 0; done; return 1; }
make_secrets() {
	local name word
	for word in postgres_password:32 replication_password:32 rewind_password:32 owner_password:32 serve_password:32 demo_password:20 jwt_secret:64 patroni_password:32; do
		name=${word%:*}
		! me test -s "$dir/secrets/$name" || continue
		# A new one would open nothing: the databases know the old one. Patroni's is in no database.
		[[ $name == patroni_password ]] || ! has_data ||
			die "$dir/secrets/$name is missing, and the data in $dir were made with what it said: put it back, or remove $dir to begin anew"
		random_word "${word#*:}" | put "$dir/secrets/$name"
	done
	if ! me test -s "$dir/secrets/tls.pem" || ! me openssl x509 -noout -checkend 86400 -in "$dir/secrets/ca.pem" >/dev/null 2>&1; then
		me openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 365 -subj /CN=localhost \
			-addext "subjectAltName=DNS:localhost,IP:$(at front)" -keyout "$dir/secrets/key" -out "$dir/secrets/ca.pem" 2>/dev/null
		me cat "$dir/secrets/ca.pem" "$dir/secrets/key" | put "$dir/secrets/tls.pem"
		me rm "$dir/secrets/key"
		# It has read the one of before.
		[[ ! -d $dir/run ]] || { down front.haproxy && end '/haproxy.cfg$'; }
	fi
	# One line for all nodes and databases.
	for name in postgres:postgres owner:gestor_owner serve:gestor_serve; do
		printf '*:*:*:%s:%s\n' "${name#*:}" "$(secret "${name%:*}_password")"
	done | put "$dir/secrets/pgpass"
}

# hosts PORT - "A:PORT,B:PORT,C:PORT"
hosts() { printf '%s:%s,%s:%s,%s:%s\n' "${address[0]}" "$1" "${address[1]}" "$1" "${address[2]}" "$1"; }
url() { printf 'postgresql://%s:%s@%s/%s?target_session_attrs=%s&connect_timeout=2\n' "$1" "$(secret "$2")" "$(hosts "$pg_port")" "$3" "${4:-read-write}"; }

# write_settings - what deploy/ha/*.env and pgbackrest.conf are on real machines.
write_settings() {
	local node ip members=''
	for node in "${nodes[@]}"; do members+=,$node=http://$(at "$node"):$peer_port; done
	for node in "${nodes[@]}"; do
		ip=$(at "$node")
		me mkdir -p "$dir/$node"
		put "$dir/$node/etcd.env" <<-END
			ETCD_NAME=$node
			ETCD_LISTEN_PEER_URLS=http://$ip:$peer_port
			ETCD_LISTEN_CLIENT_URLS=http://$ip:$client_port
			ETCD_INITIAL_ADVERTISE_PEER_URLS=http://$ip:$peer_port
			ETCD_ADVERTISE_CLIENT_URLS=http://$ip:$client_port
			ETCD_INITIAL_CLUSTER=${members#,}
			$(sed -n '/^ETCD_INITIAL_CLUSTER_TOKEN=/p; /^ETCD_INITIAL_CLUSTER_STATE=/p; /^ETCD_HEARTBEAT/p; /^ETCD_ELECTION/p; /^ETCD_AUTO/p; /^ETCD_LOG_LEVEL=/p'"$([[ $etcd_api != etcd ]] || echo '; /^ETCD_ENABLE_V2=/p')" "$root/deploy/ha/etcd.env")
		END
		put "$dir/$node/node.env" <<-END
			PATRONI_NAME=$node
			PATRONI_RESTAPI_LISTEN=$ip:$api_port
			PATRONI_RESTAPI_CONNECT_ADDRESS=$ip:$api_port
			PATRONI_RESTAPI_USERNAME=patroni
			PATRONI_RESTAPI_PASSWORD=$(secret patroni_password)
			PATRONI_${etcd_api^^}_HOSTS='${address[0]}:$client_port','${address[1]}:$client_port','${address[2]}:$client_port'
			PATRONI_POSTGRESQL_LISTEN=$ip:$pg_port
			PATRONI_POSTGRESQL_CONNECT_ADDRESS=$ip:$pg_port
			PATRONI_POSTGRESQL_DATA_DIR=$dir/$node/data
			PATRONI_POSTGRESQL_BIN_DIR=$POSTGRESQL_BIN
			PATRONI_POSTGRESQL_PGPASS=$dir/$node/pgpass
			PATRONI_SUPERUSER_USERNAME=postgres
			PATRONI_SUPERUSER_PASSWORD=$(secret postgres_password)
			PATRONI_REPLICATION_USERNAME=replicator
			PATRONI_REPLICATION_PASSWORD=$(secret replication_password)
			PATRONI_REWIND_USERNAME=rewind
			PATRONI_REWIND_PASSWORD=$(secret rewind_password)
			PGBACKREST_CONFIG=$dir/$node/pgbackrest.conf
			PGPASSFILE=$dir/secrets/pgpass
		END
		sed -E "s#^repo1-path=.*#repo1-path=$dir/backup#; s#^pg1-path=.*#pg1-path=$dir/$node/data#; s#^pg1-port=.*#pg1-port=$pg_port#
			s#^pg1-socket-path=.*#pg1-socket-path=$dir/$node#
			s#^\[gestor\]#lock-path=$dir/$node/lock\nspool-path=$dir/$node/spool\nlog-path=$dir/$node\n&#" "$root/deploy/ha/pgbackrest.conf" |
			put "$dir/$node/pgbackrest.conf"
	done
	# The socket's directory is the one thing of patroni.yml that differs between nodes and has no variable. And the user of all this
	# need not be called postgres, so it needs a password there (PGPASSFILE).
	for node in "${nodes[@]}"; do
		sed "s#^    shared_buffers:.*#&\n    unix_socket_directories: $dir/$node#; s#^    - local all postgres peer#    - local all postgres scram-sha-256#" "$root/deploy/ha/patroni.yml" | put "$dir/$node/patroni.yml"
	done
	put "$dir/env" <<-END
		# Written by tools/ha.sh, for a shell to source.
		GESTOR_URL='https://$(at front):$https_port'
		GESTOR_CA='$dir/secrets/ca.pem'
		DATABASE_URL='$(url gestor_owner owner_password gestor)'
		SERVE_URL='$(url gestor_serve serve_password gestor)'
		SUPERUSER_URL='$(url postgres postgres_password postgres)'
		PATRONICTL_CONFIG_FILE='$dir/patronictl.yml'
		DEMO_USERNAME='E8153375'
		DEMO_PASSWORD='$(secret demo_password)'
	END
	put "$dir/patronictl.yml" <<-END
		scope: gestor
		namespace: /service/
		$etcd_api: {hosts: ['${address[0]}:$client_port', '${address[1]}:$client_port', '${address[2]}:$client_port']}
		restapi: {}
		ctl: {authentication: {username: patroni, password: '$(secret patroni_password)'}}
	END
	me sed -i '/^restapi/d; s/^ctl: .*/restapi: {authentication: {username: patroni, password: '"$(secret patroni_password)"'}}/' "$dir/patronictl.yml"
	me mkdir -p "$dir/bin" "$dir/run" "$dir/backup"
	# Copies, which that user may read wherever this repository is, and which a build does not change under a running process.
	for name in deploy/haproxy.cfg deploy/roles.sh deploy/ha/{disk-check,fence,backup}.sh db/demo.sql build/gestor; do
		put "$dir/bin/${name##*/}.new" <"$root/$name"
		me chmod 700 "$dir/bin/${name##*/}.new"
		me mv "$dir/bin/${name##*/}.new" "$dir/bin/${name##*/}"
	done
}

# ---- Asking

api() { in_node "$1" curl -s -m 2 -o /dev/null -w '%{http_code}' "http://$(at "$1"):$api_port/$2" || :; }
leader() {
	local node
	for node in "${nodes[@]}"; do
		[[ $(api "$node" primary) != 200 ]] || { printf '%s\n' "$node"; return 0; }
	done
	return 1
}
# until_true SECONDS WHAT COMMAND...
until_true() {
	local end=$((SECONDS + $1))
	until "${@:3}"; do
		((SECONDS < end)) || die "$2: not within $1 s; see $dir/run/*.log"
		sleep 0.2
	done
}
# member NODE - whether its etcd answers, with most of the others; etcd_healthy: whether any does.
member() { [[ $(in_node "$1" curl -s -m 2 "http://$(at "$1"):$client_port/health") == *'"health":"true"'* ]]; }
etcd_healthy() {
	local node
	for node in "${nodes[@]}"; do ! member "$node" || return 0; done
	return 1
}
synchronous() {
	local node
	for node in "${nodes[@]}"; do [[ $(api "$node" synchronous) != 200 ]] || return 0; done
	return 1
}
standbys() {
	local node n=0
	for node in "${nodes[@]}"; do [[ $(api "$node" replica) != 200 ]] || n=$((n + 1)); done
	((n >= 2))
}
https() { curl -s -m 3 -o /dev/null -w '%{http_code}' --cacert <(me cat "$dir/secrets/ca.pem") "https://$(at front):$https_port$1" || :; }
serves() { [[ $(https /readyz) == 200 ]]; }
sql() { PGPASSFILE=$dir/secrets/pgpass in_node one "$POSTGRESQL_BIN/psql" -X -q -v ON_ERROR_STOP=1 "$@"; }
conninfo() { printf 'host=%s port=%s user=%s dbname=%s target_session_attrs=read-write connect_timeout=5' "$(tr ' ' , <<<"${address[*]:0:3}")" "$pg_port" "$1" "$2"; }
# ctl WORD... - patronictl, with the environment of a node: it would ask whether that user may read a file without its capabilities.
ctl() {
	local variables
	mapfile -t variables < <(me cat "$dir/one/node.env")
	in_node one env "${variables[@]}" HOME=/nonexistent patronictl "$@"
}
writable() { [[ $(sql -d "$(conninfo postgres postgres)" -Atc 'select pg_is_in_recovery()' 2>/dev/null) == f ]]; }

# ---- Starting

start_node() {
	keep "$1" "$1.patroni" with "$dir/$1/node.env" patroni "$dir/$1/patroni.yml"
	keep "$1" "$1.disk" with "$dir/$1/node.env" bash "$dir/bin/disk-check.sh"
	keep "$1" "$1.fence" with "$dir/$1/node.env" bash "$dir/bin/fence.sh"
}
start_etcd() { keep "$1" "$1.etcd" with "$dir/$1/etcd.env" etcd --data-dir "$dir/$1/etcd"; }
# start_gestor NODE
start_gestor() {
	put "$dir/$1/gestor.env" <<-END
		DATABASE_URL=$(url gestor_serve serve_password gestor)
		DATABASE_READ_URL=$(url gestor_serve serve_password gestor standby)
		GESTOR_JWT_SECRET_FILE=$dir/secrets/jwt_secret
		GESTOR_LISTEN=$(at "$1"):$gestor_port
		GESTOR_TRUSTED_PROXIES=$(at front),127.0.0.1
		GESTOR_DRAIN_DELAY_MS=3000
		${HA_GESTOR_SETTINGS-}
	END
	keep "$1" "$1.gestor" with "$dir/$1/gestor.env" "$dir/bin/gestor" serve
}
start_front() {
	put "$dir/run/front.env" <<-END
		GESTOR_BIND=$(at front):$https_port
		GESTOR_SERVER=$(at one):$gestor_port
		GESTOR_SERVER_2=$(at two):$gestor_port
		GESTOR_TLS_PEM=$dir/secrets/tls.pem
	END
	keep front front.haproxy with "$dir/run/front.env" haproxy -db -f "$dir/bin/haproxy.cfg"
}

# database_counted - sets made: 1 if make_database has been here. The right to connect is the last that roles.sh gives, and that to postgres the last of all.
# A primary that has just been elected may not answer for a moment, which says nothing of the database.
database_counted() {
	made=$(sql -d "$(conninfo postgres postgres)" -Atc "select count(*) from pg_database where datname = 'gestor' and datacl::text ~ '[{,]gestor_api=c/'
		and exists (select from pg_database where datname = 'postgres' and datacl::text ~ '[{,]rewind=c/')" 2>/dev/null) && [[ $made ]]
}
# make_database - once: roles, schema, sample data.
make_database() {
	local made
	until_true 60 'the primary tells of its databases' database_counted
	((made == 0)) || return 0
	PGPASSFILE=$dir/secrets/pgpass PGHOST=$(tr ' ' , <<<"${address[*]:0:3}") PGPORT=$pg_port PGTARGETSESSIONATTRS=read-write \
		SECRETS=$dir/secrets in_node one bash "$dir/bin/roles.sh"
	# roles.sh keeps everybody out of this database, in which Patroni and pg_rewind look at the primary.
	sql -d "$(conninfo postgres postgres)" -c 'grant connect on database postgres to rewind'
}
# database_known - whether each node that answers has the database. libpq asks the nodes in turn, and does not go on behind a standby that has not heard of it yet.
database_known() {
	local node said
	for node in "${nodes[@]}"; do
		said=$(sql -d "host=$(at "$node") port=$pg_port user=gestor_owner dbname=gestor connect_timeout=5" -Atc 'select 1' 2>&1) ||
			[[ $said != *'"gestor" does not exist'* ]] || return 1
	done
}
make_schema() {
	local account username role name have
	until_true 60 'the standbys have the database' database_known
	DATABASE_URL=$(url gestor_owner owner_password gestor) in_node one "$dir/bin/gestor" migrate
	have=$(sql -d "$(conninfo gestor_owner gestor)" -Atc "select count(*) from gestor.client")
	((have == 0)) || return 0
	# An interruption leaves some of the accounts, and no client.
	for account in 'E8153375 advisor ASESOR DE MUESTRA' 'E8000001 supervisor SUPERVISOR DE MUESTRA' 'E8000002 admin ADMINISTRADOR DE MUESTRA'; do
		read -r username role name <<<"$account"
		[[ ! $(sql -d "$(conninfo gestor_owner gestor)" -Atc "select 1 from gestor.advisor where username = '$username'") ]] || continue
		DATABASE_URL=$(url gestor_owner owner_password gestor) in_node one "$dir/bin/gestor" advisor add --username "$username" \
			--name "$name" --role "$role" < <(secret demo_password) >/dev/null
	done
	sql -d "$(conninfo gestor_owner gestor)" -1 -o /dev/null -f "$dir/bin/demo.sql"
}
stanza() {
	local node
	node=$(leader) || return 1
	in_node "$node" env PGBACKREST_CONFIG="$dir/$node/pgbackrest.conf" PGPASSFILE="$dir/secrets/pgpass" pgbackrest --stanza=gestor stanza-create
}
# unarchived - the segment that the primary could not hand over, if the archive stands still.
unarchived() {
	sql -d "$(conninfo postgres postgres)" -Atc "select last_failed_wal from pg_stat_archiver where last_failed_time > coalesce(last_archived_time, '-infinity')" 2>/dev/null || :
}
# wake_archiver - before there was a stanza nothing could be archived, and PostgreSQL tries again only a minute later, or when a segment ends.
wake_archiver() {
	local try
	for ((try = 0; try < 10; try++)); do
		[[ $(unarchived) ]] || return 0
		((try)) || sql -d "$(conninfo postgres postgres)" -o /dev/null -c 'select pg_switch_wal()' || :
		sleep 0.5
	done
}

start() {
	local node
	[[ -d $dir ]] || mkdir -m 700 "$dir"
	((EUID)) || chown "$owner:$(id -g "$owner")" "$dir"
	! me test -e "$dir/restoring" || die "a restore was broken off: tools/ha.sh restore $dir INSTANT begins it anew, from the data before it ($dir/*/data.before)"
	me mkdir -p -m 700 "$dir/secrets" "$dir/run"
	make_secrets
	write_settings
	for node in "${nodes[@]}"; do start_etcd "$node"; done
	until_true 60 'etcd is healthy' etcd_healthy
	for node in "${nodes[@]}"; do start_node "$node"; done
	until_true 120 'a primary' leader >/dev/null
	until_true 120 'a synchronous standby' synchronous
	until_true 60 'a primary that takes writes' writable
	make_database
	make_schema
	for node in one two; do start_gestor "$node"; done
	start_front
	until_true 120 'two standbys' standbys
	until_true 60 'HAProxy and Gestor serve' serves
	until_true 30 'a stanza of pgBackRest' stanza
	wake_archiver
}

# end PATTERN... - ends the programs that have it, one pattern after the other, each with its time.
end() {
	local pids stage try
	for stage; do
		mapfile -t pids < <(ours "$stage")
		((${#pids[@]})) || continue
		case $stage in
		# Patroni would wait to be released as a synchronous standby, by a primary that is ending, too.
		/patroni*) kill -KILL "${pids[@]}" 2>/dev/null || : ;;
		/data*) kill -INT "${pids[@]}" 2>/dev/null || : ;;
		*) kill -TERM "${pids[@]}" 2>/dev/null || : ;;
		esac
		kill -CONT "${pids[@]}" 2>/dev/null || :
		for ((try = 0; try < 150; try++)); do
			[[ $(ours "$stage") ]] || break
			sleep 0.1
		done
	done
}
# down NAME... - keep starts them no more.
down() { for name; do me touch "$dir/run/$name.down"; done; }

stop() {
	local try pids
	[[ -d $dir/run ]] || return 0
	down front.haproxy {one,two}.gestor {one,two,three}.{disk,fence,patroni,etcd}
	# Clients, Gestor, PostgreSQL, etcd.
	end '/haproxy.cfg$|/disk-check.sh$|/fence.sh$' '/bin/gestor$' '/patroni.yml$' '/data$' ''
	mapfile -t pids < <(ours)
	((${#pids[@]} == 0)) || kill -KILL "${pids[@]}" 2>/dev/null || :
	for ((try = 0; try < 50; try++)); do
		[[ $(ours) ]] || return 0
		sleep 0.1
	done
	die "these processes do not end: $(ours | tr '\n' ' ')"
}

# shellcheck source=tools/ha-restore.sh
. "$root/tools/ha-restore.sh"

status() {
	local node answer well=0
	[[ $(ours '/run/one.etcd$|/run/two.etcd$|/run/three.etcd$') ]] || { say 'not running'; exit 3; }
	ctl list gestor || well=3
	leader >/dev/null || { well=3 && say 'no primary answers'; }
	standbys || { well=3 && say 'fewer than two standbys answer'; }
	answer=$(unarchived)
	[[ ! $answer ]] || { well=3 && say "the primary cannot archive $answer, nor what comes after it: its log says why ($dir/run/*.patroni.log)"; }
	for node in "${nodes[@]}"; do
		member "$node" || { well=3 && say "etcd on $node ($(at "$node"):$client_port): no answer, or none from most of the three"; }
	done
	for node in one two; do
		answer=$(in_node "$node" curl -s -m 2 -o /dev/null -w '%{http_code}' "http://$(at "$node"):$gestor_port/readyz" || :)
		[[ $answer == 200 ]] || well=3
		say "Gestor on $node ($(at "$node"):$gestor_port): /readyz $answer"
	done
	serves || well=3
	say "HAProxy (https://$(at front):$https_port): /readyz $(https /readyz)"
	exit "$well"
}

explain() {
	cat <<-END

		Gestor serves at https://$(at front):$https_port        (make ha-stop ends all of it; make ha starts what does not run)

		  Sign in     E8153375 (advisor), E8000001 (supervisor), E8000002 (administrator)
		  Password    $(secret demo_password)
		  Try it      curl -sS --cacert $dir/secrets/ca.pem https://$(at front):$https_port/v1/sessions \\
		                  -H 'Content-Type: application/json' -d '{"username":"E8153375","password":"$(secret demo_password)"}'
		  URLs        set -a; . $dir/env; set +a    (DATABASE_URL, SUPERUSER_URL, GESTOR_URL, …)
		  Nodes       tools/ha.sh status $dir; logs in $dir/run
		  Switchover  patronictl -c $dir/patronictl.yml switchover --force
		  A failure   pkill -9 -f '$dir/one[/.]'    (the leader's node, which status names)
		  Backup      tools/ha.sh backup $dir full

	END
}

# The helper of keep: enters the node's namespace and user, and there the command, where "with FILE" sets its environment.
if [[ $action == node ]]; then
	node=$1
	shift
	words=("$@")
	# bash -c SCRIPT NAME with FILE COMMAND...
	mapfile -t variables < <(me grep = "${words[5]}")
	enter=HA_ENTER_$node
	# shellcheck disable=SC2086
	exec ${!enter-} "${as[@]}" env "${variables[@]}" "${words[@]:0:4}" "${words[@]:6}"
fi

[[ -d $parent ]] && exec 8>"$dir.lock"
flock -n 8 || { say "waiting for another tools/ha.sh at work in $dir" >&2 && flock 8; }
case $action in
start)
	start
	explain
	;;
stop) stop ;;
status) status ;;
backup)
	node=$(leader) || die 'there is no primary'
	mapfile -t variables < <(me cat "$dir/$node/node.env")
	in_node "$node" env "${variables[@]}" bash "$dir/bin/backup.sh" "${1:-incr}"
	;;
restore)
	(($# == 1)) || usage
	restore "$1"
	;;
*) usage ;;
esac
