# shellcheck shell=bash disable=SC2154 # variables of tests/lib.sh
# prism - shows the requests and answers of the http tests to Prism, a proxy that holds both to openapi.yaml.
# It takes those of the last whole run of the step http if that run tested this build; else it runs http first.

# shellcheck source=tests/steps/http.sh
. tests/steps/http.sh
run_prism() {
	have_tools prism || return 0
	[[ build/test/http-ran -nt build/gestor ]] || run_http
	step prism 900 "$node22" tests/contract/prism.js
}
