# shellcheck shell=bash disable=SC2154 # variables of tests/lib.sh
# walk - tests/http/walk.sh, a whole call with curl.

run_walk() {
	local base word
	serve walk || return 0
	BASE_URL=$base API=$base USERNAME=E8153375 PASSWORD=$word step walk 600 bash tests/http/walk.sh
	((status == 0)) || { say '-- the server said:'; tail -n 20 "$tmp/walk.log"; }
	unserve
}
