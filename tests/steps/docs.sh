# shellcheck shell=bash disable=SC2154 # variables of tests/lib.sh
# docs - tests/contract/docs.test.js: the page at /docs in Chromium.

run_docs() {
	have_tools docs || return 0
	migrate
	step_node docs 600 "$node22" tests/contract/docs.test.js
}
