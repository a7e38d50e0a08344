#!/bin/bash
# bench/peers/build.sh [NAME...] - builds these peers: gin, hyper, bun, fastify.
#
# gin and hyper need only Debian's packages, and are built into build/bench/peers without network. npm installs the packages of
# fastify and bun from their package-lock.json, without running the packages' scripts.
set -euo pipefail
cd "$(dirname "$0")/../.."
# shellcheck source=tools/lib.sh
. tools/lib.sh
out=$PWD/build/bench/peers
mkdir -p "$out"

build_gin() (
	cd bench/peers/gin
	GO111MODULE=off GOPATH=/usr/share/gocode GOCACHE=$out/go-cache GOFLAGS='' /usr/bin/go build -o "$out/gin" .
)

# With Debian's compiler, and its crates instead of the registry's.
build_hyper() {
	mkdir -p "$out/cargo-home"
	cat >"$out/cargo-home/config.toml" <<-END
		[source.crates-io]
		replace-with = "debian"
		[source.debian]
		directory = "/usr/share/cargo/registry"
	END
	CARGO_HOME=$out/cargo-home RUSTC=/usr/bin/rustc CARGO_TARGET_DIR=$out/cargo /usr/bin/cargo build --quiet --release --offline \
		--manifest-path bench/peers/hyper/Cargo.toml && cp "$out/cargo/release/hyper-peer" "$out/hyper"
}

install_npm() { NPM_DIR=bench/peers/$1 tools/npm.sh; }
build_fastify() { install_npm fastify; }
build_bun() { install_npm bun; }

for peer; do
	[[ $(type -t "build_$peer") == function ]] || die "bench/peers has no $peer: gin, hyper, bun, fastify"
	"build_$peer" || die "the peer $peer cannot be built"
done
