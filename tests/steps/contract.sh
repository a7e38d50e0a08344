# shellcheck shell=bash disable=SC2154 # variables of tests/lib.sh
# contract - lints openapi.yaml, sends bodies that ajv and fast-check generate from it, gets tokens with OAuth client libraries, and compiles its TypeScript types.

run_contract() {
	have_tools contract || return 0
	migrate
	step 'contract: lint' 600 tests/contract/lint.sh
	step_node 'contract: generated bodies' 300 "$node22" tests/contract/generate.test.js
	step_node 'contract: OAuth libraries' 300 "$node22" tests/contract/oauth.test.js
	step 'contract: types' 600 tests/contract/types.sh "$tmp"
}
