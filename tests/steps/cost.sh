# shellcheck shell=bash disable=SC2154,SC2034 # variables of tests/lib.sh
# cost - counts instructions, allocations and system calls of the most frequent requests and compares them
# with tests/cost/figures.json. COST=--update writes that file.

run_cost() {
	local base word
	serve cost || return 0
	unserve
	mkdir "$tmp/cost"
	COST_DIR=$tmp/cost COST_DATABASE_URL=$(on "$SERVE_URL" cost) USERNAME=E8153375 PASSWORD=$word \
		step cost 300 tests/cost/cost.py ${COST:+"$COST"}
	((status == 0)) || tail -n 20 "$tmp/cost/service.log"
}
