# shellcheck shell=bash disable=SC2154 # variables of tests/lib.sh
# asan - the http tests, or the files with TEST in their names, against build/gestor-asan: AddressSanitizer, LeakSanitizer and UBSan.

run_asan() { http_with asan; }

# http_with KIND - the http tests against build/gestor-KIND. Each process reports into a file, for a test may kill it.
http_with() {
	local reports=$tmp/$1 options
	migrate
	step "$1: build" 600 make --no-print-directory -j"$(nproc)" "build/gestor-$1"
	((status == 0)) || return 0
	mkdir "$reports"
	options=log_path=$reports/report:exitcode=66
	# By default ThreadSanitizer sleeps for a second at the end, and some tests measure how long the end takes.
	ASAN_OPTIONS=$ASAN_OPTIONS:$options UBSAN_OPTIONS=$UBSAN_OPTIONS:$options \
		TSAN_OPTIONS=$options:suppressions=$PWD/tests/tsan.supp:history_size=4:second_deadlock_stack=1:atexit_sleep_ms=300 \
		GESTOR_BIN=$PWD/build/gestor-$1 step_node "$1" 900 node --test-concurrency=2 tests/http/*"${TEST:-}"*.test.js
	step "$1: nothing reported" 300 tests/reports.sh "$reports"
}
