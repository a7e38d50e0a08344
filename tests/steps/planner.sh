# shellcheck shell=bash disable=SC2154 # variables of tests/lib.sh
# planner - no answer may depend on the plan. Three runs; PLANNER=hashed, nested or erased chooses one of them, and TEST
# and NAME choose tests as for http:
#   hashed  the http tests with generic plans, no indexes and no nested loops
#   nested  the http tests with custom plans, no indexes and no hash or merge joins
#   erased  erased.test.js, which sets ten settings of the planner by itself, one after the other

# A plan that uses something switched off costs 10^10, so PostgreSQL would compile every one (jit=off), which takes 0.1 s.
run_planner() {
	local common=(enable_indexscan=off enable_bitmapscan=off enable_indexonlyscan=off jit=off)
	migrate
	[[ ${PLANNER:-hashed} != hashed ]] || planner_set hashed "${common[@]}" plan_cache_mode=force_generic_plan enable_nestloop=off
	[[ ${PLANNER:-nested} != nested ]] || planner_set nested "${common[@]}" plan_cache_mode=force_custom_plan \
		enable_hashjoin=off enable_mergejoin=off
	[[ ${PLANNER:-erased} != erased ]] || planner_erased
}

planner_erased() {
	[[ erased == *"${TEST:-}"* ]] || return 0
	TEST_PLANS=every step_node 'planner: erased' 300 node \
		${NAME:+--test-name-pattern="$NAME"} tests/http/erased.test.js
}

# planner_set NAME SETTING=VALUE... - runs the http tests while these settings hold for the whole cluster. A database does not
# inherit what `alter database` set for its template.
planner_set() {
	local name=$1 setting file try now bad='' files=() set=() reset=()
	shift
	for setting; do
		set+=(-c "alter system set ${setting%%=*} = ${setting#*=}")
		reset+=(-c "alter system reset ${setting%%=*}")
	done
	run_psql "$SUPERUSER_URL" -o /dev/null "${set[@]}" -c 'select pg_reload_conf()'
	# The postmaster reads them a moment later: wait until a session of the serving role shows them.
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
		*/erased.*) ;;        # has a run of its own
		*/timing.*) ;;        # compares times
		*/report_bulk.*) ;;   # thousands of rows, joined by SQL of its own
		*/bulk.*) ;;          # measures times, with 100,000 contacts; smaller erasures are elsewhere
		*/sign_outs.*) ;;     # measures times
		*/feed.*) ;;          # runs alone; tests/plans.py holds its statements
		*/webhook*) ;;        # receivers that wait, fail and hang: the senders' clocks
		*/import.* | */export*) ;; # thousands of rows, and connections that are cut
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
		TEST_PLANNER=$name TEST_RECORDS=$tmp/planner-$name step_node "planner: $name" 900 node --test-concurrency=3 \
			${NAME:+--test-name-pattern="$NAME"} "${files[@]}"
	fi
	run_psql "$SUPERUSER_URL" -o /dev/null "${reset[@]}" -c 'select pg_reload_conf()'
}
