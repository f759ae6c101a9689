#!/usr/bin/env bash
# Tests the engine for 64-bit ARM on Debian, under qemu, against the hashes in crates/models/tests/platforms.rs, computed on x86-64.
#
# Usage: tools/arm_under_qemu.sh [--all]
#     Run it as root if apt must install packages. --all also runs the tests of the kernels, of `tensor` and of `nn`, and
#     compares the hashes of three systems of `train` with this machine's own build; that takes half an hour of one core.
#
# qemu gives the results of an ARM CPU, but says nothing about its speed.
set -euo pipefail
cd "$(dirname "$0")/.."
triple=aarch64-unknown-linux-gnu

fail() { printf 'error: %s\n' "$*" >&2; exit 1; }
say() { printf '== %s\n' "$*"; }
skip() { printf 'SKIPPED: %s\n' "$*" >&2; exit 0; }

command -v rustup >/dev/null || skip "there is no rustup to add the target $triple"
if ! command -v aarch64-linux-gnu-gcc >/dev/null || ! command -v qemu-aarch64 >/dev/null; then
    command -v apt-get >/dev/null || skip "this needs Debian's packages"
    [ "$(id -u)" = 0 ] || skip "a linker for ARM and qemu are not installed, and only root can do that"
    say "installing a linker and qemu with apt"
    (apt-get update -q && apt-get install -qy --no-install-recommends gcc-aarch64-linux-gnu libc6-dev-arm64-cross qemu-user) \
        >/dev/null 2>&1 || skip "a linker for ARM and qemu could not be installed"
fi
timeout 120 rustup target add "$triple" >/dev/null 2>&1 || skip "rustup cannot add the target $triple"
export CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER=aarch64-linux-gnu-gcc
export CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_RUNNER="qemu-aarch64 -L /usr/aarch64-linux-gnu"
arm() { cargo "$@" --target "$triple" --target-dir target/arm; }
program() { # a cargo command that builds `train`; prints the path of the program
    "$@" -p train --message-format json-render-diagnostics | sed -n 's/.*"executable":"\([^"]*\)".*/\1/p'
}

say "hashes"
arm test -p backdraw-models --test platforms
[ "${1:-}" = --all ] || exit 0

say "kernels, tensor, nn"
arm test -p backdraw-kernels -p backdraw-tensor -p backdraw-nn --lib --tests

say "three steps of three systems, here and there"
here=$(program cargo build)
there=$(program arm build)
runs=$(mktemp -d)
trap 'rm -rf "$runs"' EXIT
failed=0
for system in mnist dcgan wgan-gp; do
    options=("$system" --preset cpu --data built-in --steps 3 --batch 4 --out)
    "$here" "${options[@]}" "$runs/$system-own" >"$runs/own" 2>"$runs/messages" ||
        fail "train $system has failed on this machine:
$(cat "$runs/messages")"
    $CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_RUNNER "$there" "${options[@]}" "$runs/$system-arm" >"$runs/other" 2>"$runs/messages" ||
        fail "train $system has failed on ARM:
$(cat "$runs/messages")"
    own=$(tail -n 1 "$runs/own") other=$(tail -n 1 "$runs/other")
    if [ "$own" = "$other" ] && [ "${own#weights hash: }" != "$own" ]; then
        printf '%-8s %.16s  equal\n' "$system" "${own#weights hash: }"
    else
        printf '%-8s DIFFERS: %s here, %s on ARM\n' "$system" "$own" "$other"
        failed=1
    fi
done
exit $failed
