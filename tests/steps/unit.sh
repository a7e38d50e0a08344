# shellcheck shell=bash
# unit - tests/unit/test_*.c, built with ASan and UBSan. TEST_DATABASE_URL is an empty database for each, as superuser.

run_unit() {
	local source name
	compgen -G 'tests/unit/test_*.c' >/dev/null || { missing unit 'tests/unit holds no test'; return; }
	step 'unit: build' 600 make --no-print-directory -k -j"$(nproc)" unit
	for source in tests/unit/test_*.c; do
		name=$(basename "$source" .c)
		if [[ ! -x build/unit/$name || build/unit/$name -ot $source ]]; then
			missing "unit: $name" 'was not built'
			continue
		fi
		database "unit_$name"
		TEST_DATABASE_URL=$(on "$SUPERUSER_URL" "unit_$name") step "unit: $name" 600 "build/unit/$name"
	done
}
