#!/bin/bash
# tools/lint.sh - style, static analysis, and the rules that docs/architecture.md draws.
# The compilers' warnings are errors in every build already.
set -euo pipefail
cd "$(dirname "$0")/.."

failed=0
fail() { printf 'lint: %s\n' "$*" >&2; failed=1; }

# Not what others wrote and npm brought: tests/contract/node_modules.
readarray -t c_files < <(find api tests bench -name node_modules -prune -o -name '*.[ch]' -print 2>/dev/null | sort)
readarray -t scripts < <(find .ci tools tests bench deploy examples -name node_modules -prune -o -type f \( -name '*.sh' -o -path .ci/run \) -print 2>/dev/null | sort)

# Another version formats otherwise, so one decides: Debian 12's.
if tools/formatter.sh; then
	for file in "${c_files[@]}"; do
		clang-format "$file" | cmp -s - "$file" || fail "$file is not formatted: make format"
	done
else
	printf 'lint: the formatting was not looked at\n' >&2
fi

shellcheck -x "${scripts[@]}" || fail 'shellcheck found something in a script'

# style: is left out, for taste is clang-format's and the reader's. What is
# suppressed: assertions of the tool about itself and the system's headers.
# Each version finds other things; the comments and suppressions in the sources are for Debian 12's.
if [[ $(cppcheck --version) == 'Cppcheck 2.10'* ]]; then
	cppcheck -q -j "$(nproc)" --std=c11 --language=c -D_GNU_SOURCE -D__linux__ -Iapi -Ibuild \
		--enable=warning,performance,portability --inline-suppr --error-exitcode=1 \
		--suppress=missingIncludeSystem --suppress=unmatchedSuppression --suppress=internalAstError \
		api || fail 'cppcheck found something'
else
	printf 'lint: this is %s, and not 2.10 (Debian 12): cppcheck was not run\n' "$(cppcheck --version)" >&2
fi

# ---- What clients read: one table, its page, and the contract's lists of codes

tools/errors.py --check || fail 'api/base/messages.def is not followed elsewhere (make format writes docs/errors.md)'
tools/haproxy.py --check || fail 'deploy/haproxy.cfg says something else than api/base/messages.def (make format writes its texts)'

# ---- Statements are fixed texts

tools/sqltext.py || fail 'SQL text is built at run time'

# ---- Nothing with an effect where PostgreSQL may move, repeat or skip it

tools/sqlpredicate.py --self-test tests/tools/sqlpredicate.sql || fail 'tools/sqlpredicate.py does not find what it is to find'
tools/sqlpredicate.py || fail 'a statement has an effect in a predicate'

# ---- What docs/security.md claims

tools/security.py || fail 'docs/security.md names what is not there, or leaves a requirement out'

# ---- One list of what is personal

tools/privacy.py || fail 'db/privacy.txt is not followed elsewhere (make format writes the table of docs/privacy.md)'

# ---- Who may include whom: main -> http -> resource, event, transfer -> auth, catalog, db, spec -> field -> base

# only WHERE WHAT FILES... - of FILES, none but those that the regular expression WHERE matches include WHAT.
only() {
	local found
	found=$(grep -nE "^[[:space:]]*#[[:space:]]*include[[:space:]]*[<\"]($2)" "${@:3}" /dev/null | grep -vE "^($1):" || :)
	[[ ! $found ]] || fail "$1 may include $2, and here it is done elsewhere:"$'\n'"$found"
}
readarray -t api < <(find api -name '*.[ch]' | sort)
in_dirs() { printf '%s\n' "${api[@]}" | grep -E "^api/($1)/" || :; }

only 'api/http/(server|exchange|guard)\.c' 'civetweb\.h' "${api[@]}"
only 'api/auth/token\.c' 'jwt\.h' "${api[@]}"
only 'api/auth/[a-z0-9_]+\.[ch]' 'sodium' "${api[@]}"
only 'api/db/[a-z0-9_]+\.[ch]' '(postgresql/)?libpq' "${api[@]}"
only 'api/event/[a-z0-9_]+\.[ch]' 'curl/' "${api[@]}"
only 'api/field/unicode\.c' 'uni(case|conv|ctype|lbrk|name|norm|stdio|str|types|width|wbrk)\.h' "${api[@]}"

# shellcheck disable=SC2046 # names of source files have no spaces
{
	only 'nothing in base' '(http|resource|event|transfer|auth|catalog|db|spec|field)/|config\.h|sql\.h' $(in_dirs base)
	only 'nothing in field' '(http|resource|event|transfer|auth|catalog|db|spec)/|config\.h|sql\.h' $(in_dirs field)
	only 'nothing below resource' '(http|resource|event|transfer)/|config\.h' $(in_dirs 'spec|catalog|db|auth')
	only 'nothing in resource, event or transfer' 'http/(server|exchange|guard)' $(in_dirs 'resource|event|transfer')
	only 'nothing else' 'event/' $(in_dirs 'resource|transfer')
	only 'nothing else' 'transfer/' $(in_dirs 'resource|event')
	only 'nothing in command' '(http|resource|event)/' $(in_dirs command)
	only 'nothing but main' '(command/|serve\.h)' $(printf '%s\n' "${api[@]}" | grep -vE '^api/(main\.c|serve\.c|command/.*)$')
	only 'no setting' '(http|resource|event|transfer|auth|catalog|db|spec|field)/|sql\.h' api/config.c api/config.h
}

# ---- No circles among modules (x.c and x.h of one folder)

tools/circles.py --self-test tests/tools/circles.txt || fail 'tools/circles.py does not find what it is to find'
tools/circles.py || fail 'modules of api/ include each other'

# ---- Files of at most 400 lines, functions of at most 70

for file in "${api[@]}"; do
	lines=$(wc -l <"$file")
	((lines <= 400)) || fail "$file has $lines lines, and 400 is the most"
done
# In this style a function's braces are the only ones that stand in column 0,
# but for those of types and tables, whose opening one does not.
long=$(awk '
	/^\{/ { start = FNR }
	/^\}/ { if (start && FNR - start > 71) print FILENAME ":" start ": a function of " FNR - start - 1 " lines, and 70 are the most"; start = 0 }
	FNR == 1 { if (!/^\{/) start = 0 }' "${api[@]}")
[[ ! $long ]] || fail "$long"

# ---- What the link must have kept (see docs/architecture.md, decisions)

if [[ -x build/gestor ]] && grep -rqs 'pthread_attr_setstacksize(' api; then
	nm -D --defined-only build/gestor | grep -q ' T pthread_attr_setstacksize$' ||
		fail 'build/gestor does not export pthread_attr_setstacksize: the HTTP library will not use it'
	for name in recv send poll; do
		nm -D --defined-only build/gestor | grep -q " T $name\$" ||
			fail "build/gestor does not export $name: the HTTP library will not use it"
	done
fi

# ---- The unit: systemd understands it, and finds little that it leaves open (of 100, 0 is nothing)

unit=$(mktemp -d)
trap 'rm -rf "$unit"' EXIT
# The program that it starts has to be there.
sed 's#^ExecStart=/usr/local/bin/gestor #ExecStart=/bin/true #' deploy/gestor.service >"$unit/gestor.service"
complaints=$(systemd-analyze verify "$unit/gestor.service" 2>&1) || fail "deploy/gestor.service: $complaints"
[[ ! $complaints ]] || fail "deploy/gestor.service: $complaints"
exposure=$(systemd-analyze security --no-pager --offline=yes --threshold=15 "$unit/gestor.service") ||
	fail "deploy/gestor.service leaves too much open:"$'\n'"$(grep '^✗' <<<"$exposure")"

# ---- What make runs can be run

# shellcheck disable=SC2013 # words
for script in $(grep -oE '(tools|tests|bench|deploy)/[a-z0-9_/-]+\.(sh|py)' Makefile | sort -u); do
	[[ ! $(sed -n "1{/^#!/p;}" "$script") || -x $script ]] || fail "$script has a first line #!, and may not be executed"
done

# ---- What the program is built with stands in two places

# shellcheck disable=SC2013 # words
for library in $(sed -n "/^build='/,/'/p" tools/deps.sh | grep -oE 'lib[a-z0-9-]+-dev' | grep -v '^libc6-dev$'); do
	grep -qE "[ ,]$library(,|\$)" debian/control || fail "debian/control: Build-Depends lacks $library, which tools/deps.sh installs"
done

# ---- HAProxy understands its configuration, with and without what may be left out

openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=localhost \
	-keyout "$unit/tls.key" -out "$unit/tls.crt" 2>/dev/null
cat "$unit/tls.crt" "$unit/tls.key" >"$unit/tls.pem"
for more in '' 'GESTOR_SERVER_2=127.0.0.1:2 GESTOR_CORS_ORIGINS=https://desk.example'; do
	# shellcheck disable=SC2086 # words, or none
	complaints=$(env $more GESTOR_BIND=127.0.0.1:1 GESTOR_SERVER=127.0.0.1:1 GESTOR_TLS_PEM="$unit/tls.pem" \
		haproxy -c -dW -f deploy/haproxy.cfg 2>&1) || fail "deploy/haproxy.cfg${more:+ with $more}: $complaints"
done

# ---- What the compiler and the linker were to harden

# has WHAT REGEX TEXT - TEXT has a line like REGEX; else the program is without WHAT.
has() { grep -qE -- "$2" <<<"$3" || fail "build/gestor: $1 is missing (HARDEN and HARDLINK of the Makefile)"; }

if [[ -x build/gestor ]]; then
	segments=$(readelf -hlW build/gestor) dynamic=$(readelf -dW build/gestor) symbols=$(nm -D build/gestor)
	has 'a position of its own at every start (PIE)' 'Type: +DYN' "$segments"
	has 'PIE' 'FLAGS_1.* PIE' "$dynamic"
	has 'RELRO' '^ +GNU_RELRO ' "$segments"
	has 'binding at start, which makes RELRO full' 'FLAGS_1.* NOW' "$dynamic"
	has 'a stack that is not executable' '^ +GNU_STACK .* RW +0x' "$segments"
	has 'a text that is not writable' '^ +LOAD .* R E +0x' "$segments"
	[[ ! $segments =~ LOAD[^$'\n']*RWE ]] || fail 'build/gestor has a segment that is writable and executable'
	[[ ! $dynamic =~ TEXTREL|RPATH|RUNPATH ]] || fail 'build/gestor has text relocations, or looks for libraries in places of its own'
	has 'the guard of stack frames' ' U __stack_chk_fail@' "$symbols"
	has '_FORTIFY_SOURCE' ' U __(memcpy|snprintf|vsnprintf)_chk@' "$symbols"
	# What leaves no mark in a program as small as this one, gcc notes with the debugging data, source by source.
	noted=$(readelf -p .debug_str build/gestor | grep -E ' GNU C17 ')
	for flag in -fstack-clash-protection -fstack-protector-strong -fPIE; do
		! without=$(grep -vE -- " $flag( |\$)" <<<"$noted") || fail "built without $flag: $without"
	done
	if [[ $(uname -m) == x86_64 ]]; then
		! without=$(grep -vE -- ' -fcf-protection=full' <<<"$noted") || fail "built without -fcf-protection=full: $without"
		has 'the mark of a branch target at the start of main' 'endbr64' "$(objdump -d --disassemble=main build/gestor)"
	fi
fi

((failed == 0)) || exit 1
printf 'lint: %d C files and %d scripts are in order\n' "${#c_files[@]}" "${#scripts[@]}"
