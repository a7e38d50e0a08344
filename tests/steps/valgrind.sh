# shellcheck shell=bash disable=SC2154 # variables of tests/lib.sh
# valgrind - a whole call while memcheck watches build/gestor, and its orderly end.

# Memory that is lost at the end is an error; memory that is still reachable is not.
run_valgrind() {
	local base word ended
	# The default of 512 threads would only make it slow.
	GESTOR_THREADS=16 serve valgrind valgrind --quiet --leak-check=full --show-leak-kinds=definite,indirect \
		--errors-for-leak-kinds=definite,indirect --error-exitcode=99 --log-file="$tmp/valgrind.report" || return 0
	BASE_URL=$base API=$base USERNAME=E8153375 PASSWORD=$word step 'valgrind: walk' 300 bash tests/http/walk.sh
	kill -TERM "$server" 2>/dev/null || :
	step 'valgrind: ended within its time' 60 tail --pid="$server" -f /dev/null
	ended=0
	wait "$server" || ended=$?
	server=''
	printf '\n== valgrind: at the end\n-- exit status %s\n' "$ended"
	cat "$tmp/valgrind.report"
	[[ ! -s $tmp/valgrind.report ]] || ended=99
	record 'valgrind: exit status 0, no error, nothing lost' "$ended" 0
}
