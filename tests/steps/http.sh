# shellcheck shell=bash disable=SC2154 # variables of tests/lib.sh
# http - tests/http/*.test.js against real processes; timing.test.js runs alone, for it compares times, and feed.test.js, for a transaction
# that is open in any database of the cluster holds back events. Then: the tests
# saw every answer that openapi.yaml declares, and no log holds personal data.
# TEST=contact runs the files with that in their names, NAME=serial the tests with that in their titles; neither looks for
# answers that were not seen.

http_ran=''
run_http() {
	local file beside=()
	[[ ! $http_ran ]] || return 0
	http_ran=yes
	compgen -G 'tests/http/*.test.js' >/dev/null || { missing http 'tests/http holds no test'; return; }
	migrate
	if [[ ${TEST:-}${NAME:-} ]]; then
		http_some
		return
	fi
	for file in tests/http/*.test.js; do
		[[ $file == */timing.* || $file == */feed.* ]] || beside+=("$file")
	done
	rm -rf build/test/{http-ran,seen.txt,privacy,exchanges}
	TEST_RECORDS=$PWD/build/test step_node http 1800 node --test-concurrency=3 "${beside[@]}"
	TEST_RECORDS=$PWD/build/test step_node 'http: timing' 600 node tests/http/timing.test.js
	TEST_RECORDS=$PWD/build/test step_node 'http: feed' 600 node tests/http/feed.test.js
	touch build/test/http-ran
	step 'http: every answer seen' 60 node tests/http/coverage.js
	step 'http: nothing personal in the logs' 60 node tests/http/privacy.js
}

# http_some - the files whose name holds $TEST, and of those the tests whose title holds $NAME.
http_some() {
	local files
	readarray -t files < <(compgen -G "tests/http/*${TEST:-}*.test.js")
	((${#files[@]})) || { missing "http: $TEST" "no file of tests/http has this in its name"; return; }
	step_node "http: ${TEST:-all}${NAME:+, $NAME}" 900 node --test-concurrency=3 ${NAME:+--test-name-pattern="$NAME"} "${files[@]}"
}
