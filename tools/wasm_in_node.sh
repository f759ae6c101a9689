#!/usr/bin/env bash
# Tests the engine as WebAssembly, in node and in a browser, against the hashes in crates/models/tests/platforms.rs, computed on x86-64.
#
# Usage: tools/wasm_in_node.sh [--all]
#     --all also tests every kernel against its plain loop on each instruction set of WebAssembly, and runs clippy for the browser
#     target; that takes five more minutes.
# Needs node 20 or newer, and rustup, which adds the target wasm32-wasip1. If chromium is installed, the hashes are tested there too.
set -euo pipefail
cd "$(dirname "$0")/.."
triple=wasm32-wasip1
features=+simd128,+relaxed-simd

fail() { printf 'error: %s\n' "$*" >&2; exit 1; }
say() { printf '== %s\n' "$*"; }
skip() { printf 'SKIPPED: %s\n' "$*" >&2; exit 0; }

command -v node >/dev/null || skip "there is no node to run WebAssembly"
[ "$(node -p 'parseInt(process.versions.node) >= 20')" = true ] || skip "node $(node --version) is too old: 20 is needed"
command -v rustup >/dev/null || skip "there is no rustup to add the target $triple"
timeout 120 rustup target add "$triple" >/dev/null 2>&1 || skip "rustup cannot add the target $triple"

# Before V8 11.4, relaxed SIMD was an experiment.
node=(node --no-warnings)
if ! "${node[@]}" -e 'process.exit(parseFloat(process.versions.v8) >= 11.4 ? 0 : 1)'; then
    node+=(--experimental-wasm-relaxed-simd)
fi

build() { # the options of cargo test; prints the paths of the programs
    CARGO_TARGET_WASM32_WASIP1_RUSTFLAGS="-Ctarget-feature=$features" \
        cargo test "$@" --target "$triple" --target-dir target/wasm --no-run --message-format json-render-diagnostics |
        sed -n 's/.*"executable":"\([^"]*\.wasm\)".*/\1/p'
}
run() { # a program and its arguments, in node
    "${node[@]}" ${flags[@]+"${flags[@]}"} tools/wasi_in_node.mjs "$@"
}

say "building"
hashes=$(build -p backdraw-models --test platforms)

flags=()
say "hashes: relaxed SIMD, if this CPU fuses it"
run "$hashes"
# V8's switch for CPUs of x86-64. On others it changes nothing.
say "hashes: relaxed SIMD on a CPU without fused multiply-add"
flags=(--no-enable-fma3)
run "$hashes"
flags=()
for isa in wasm128 portable; do
    say "hashes: BACKDRAW_ISA=$isa"
    BACKDRAW_ISA=$isa run "$hashes"
done

if [ "${1:-}" = --all ]; then
    say "kernels"
    kernels=$(build -p backdraw-kernels --lib)
    run "$kernels"
    flags=(--no-enable-fma3)
    run "$kernels" simd::
    flags=()
    say "lints"
    browsers=wasm32-unknown-unknown
    timeout 120 rustup target add "$browsers" >/dev/null 2>&1 || fail "rustup cannot add the target $browsers, which clippy needs"
    for features in -simd128 +simd128 +simd128,+relaxed-simd; do
        CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUSTFLAGS="-Ctarget-feature=$features" \
            cargo clippy -p backdraw-models --target "$browsers" --target-dir target/wasm -- -D warnings
    done
fi

browser=$(command -v chromium chromium-browser google-chrome | head -n 1 || true)
[ -n "$browser" ] || skip "there is no chromium to test the hashes in"
say "hashes: in a browser"
page=$(mktemp -d)
trap 'rm -rf "$page"' EXIT
node tools/wasi_in_browser.mjs "$hashes" >"$page/index.html"
"$browser" --headless --no-sandbox --disable-gpu --user-data-dir="$page/profile" --virtual-time-budget=600000 --timeout=600000 \
    --dump-dom "file://$page/index.html" >"$page/dump" 2>"$page/messages" || fail "$browser has failed:
$(cat "$page/messages")"
sed -n '/^test /p;/^exit /p' "$page/dump"
grep -q '^exit 0' "$page/dump" || fail "the tests have failed in $browser, or did not end in ten minutes"
