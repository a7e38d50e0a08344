# shellcheck shell=bash disable=SC2154 # variables of tests/lib.sh
# fuzz - runs every target of tests/fuzz on its corpus and FUZZ_SECONDS (60) longer. The targets run in the background,
# two at a time and at nice 19, from the first step on; run_fuzz waits for them.

# begin_fuzz - starts them. Each leaves $tmp/fuzz/NAME.status and NAME.log.
begin_fuzz() {
	step 'fuzz: build' 900 make --no-print-directory -j"$(nproc)" fuzz-build
	((status == 0)) || return 0
	mkdir "$tmp/fuzz"
	setsid setpriv --pdeathsig TERM -- nice -n 19 tests/fuzz.sh "$tmp/fuzz" </dev/null >/dev/null 2>&1 9>&- &
	fuzzing=$!
}

run_fuzz() {
	local source name came_to
	[[ $fuzzing ]] || return 0
	wait "$fuzzing" || :
	fuzzing=''
	for source in tests/fuzz/*.c; do
		name=$(basename "$source" .c)
		printf '\n== fuzz: %s\n' "$name"
		cat "$tmp/fuzz/$name.log" || :
		came_to=$(cat "$tmp/fuzz/$name.status" || echo 1)
		record "fuzz: $name" "$came_to" "${FUZZ_SECONDS:-60}"
	done
}
