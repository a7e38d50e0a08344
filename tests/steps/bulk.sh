# shellcheck shell=bash disable=SC2154 # variables of tests/lib.sh
# bulk - the http tests that need many rows (lib.many), with all of them; in the step http they have a twentieth.
# Some measure times, so they run one after the other.

run_bulk() {
	migrate
	TEST_BULK=1 step_node bulk 600 node --test-concurrency=1 --test-name-pattern='[0-9],000' \
		tests/http/import.test.js tests/http/erasure.test.js tests/http/sign_outs.test.js tests/http/form_property.test.js tests/http/export_bulk.test.js tests/http/report_bulk.test.js
}
