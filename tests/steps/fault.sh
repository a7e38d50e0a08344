# shellcheck shell=bash
# fault - tests/fault/run.js: every scenario of failures under load, in its short form.

run_fault() { step fault 900 node tests/fault/run.js --short; }
