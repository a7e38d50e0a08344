# shellcheck shell=bash
# ha - tests/fault/ha.js in its short form: the primary killed, its network cut, a switchover, and a restore. Without the packages
# of `tools/deps.sh ha`, or without network namespaces, it says that it was skipped.

run_ha() { step ha 900 node tests/fault/run.js --short ha; }
