# shellcheck shell=bash
# tsan - the http tests against build/gestor-tsan: ThreadSanitizer.

# shellcheck source=tests/steps/asan.sh
. tests/steps/asan.sh
run_tsan() { http_with tsan; }
