# shellcheck shell=bash
# sbom - build/sbom.json, as `make sbom` writes it, lists the libraries that the loader takes.

run_sbom() { step sbom 300 tests/sbom.sh build/gestor; }
