#!/usr/bin/env bash
# Builds `train` for Windows (x86_64-pc-windows-gnu) on Debian, runs it under wine, and compares with this machine's own build: the
# hash of the weights of every system after three steps, and of one run that goes back and forth between the two.
#
# Usage: tools/windows_under_wine.sh [TEST...]
#     as root, because it installs packages by apt. TEST names files of crates/train/tests to run under wine as well.
# Takes about ten minutes of one core and 3 GB below target/windows, of which most is used again the next time.
#
# wine is not Windows: its locks do not keep others from reading (Windows' do), and its wine 8 has no bcryptprimitives.dll.
set -euo pipefail
cd "$(dirname "$0")/.."
triple=x86_64-pc-windows-gnu
here=$PWD/target/windows
mkdir -p "$here/bin" "$here/deb"

say() { printf '== %s\n' "$*"; }
skip() { printf 'SKIPPED: %s\n' "$*" >&2; exit 0; }

command -v apt-get >/dev/null || skip "this needs Debian's packages"
if ! command -v x86_64-w64-mingw32-gcc >/dev/null || [ ! -x /usr/lib/wine/wine64 ]; then
    [ "$(id -u)" = 0 ] || skip "mingw-w64 and wine64 are not installed, and only root can do that"
    say "a linker and wine, by apt"
    apt-get update -q >/dev/null
    apt-get install -qy --no-install-recommends gcc-mingw-w64-x86-64-posix mingw-w64-x86-64-dev wine64 >/dev/null
fi
export WINEPREFIX=$here/prefix WINEDEBUG=-all
wine=/usr/lib/wine/wine64

# Rust's standard library for Windows: from rustup where that can be reached, or built from Debian's sources by the compiler that
# they belong to (unpacked, not installed, as that would put another rustc on the PATH).
build=()
if timeout 60 rustup target add "$triple" >/dev/null 2>&1; then
    say "the standard library is rustup's"
else
    if [ ! -x "$here/rust/usr/bin/rustc" ]; then
        say "a compiler and the sources of its standard library, from Debian"
        needs() { apt-cache depends "$1" | sed -n "s/.*Depends: \($2.*\)/\1/p"; }
        std=$(needs libstd-rust-web-dev 'libstd-rust-web-[0-9]')
        (cd "$here/deb" && apt-get -q download rustc-web libstd-rust-web-dev rust-web-src "$std" "$(needs "$std" libllvm)" \
            >/dev/null 2>&1)
        for package in "$here"/deb/*.deb; do dpkg -x "$package" "$here/rust"; done
    fi
    cat >"$here/bin/rustc" <<END
#!/bin/sh
export LD_LIBRARY_PATH=$here/rust/usr/lib:$here/rust/usr/lib/x86_64-linux-gnu
exec $here/rust/usr/bin/rustc "\$@"
END
    chmod +x "$here/bin/rustc"
    export RUSTC=$here/bin/rustc RUSTC_BOOTSTRAP=1
    # What stands before and after all code in a program; rustup brings these two ready made.
    for object in rsbegin rsend; do
        "$RUSTC" --target "$triple" -O --emit=obj -o "$here/bin/$object.o" \
            "$here"/rust/usr/lib/rustlib/src/rust/library/rtstartup/$object.rs
    done
    build=("-Zbuild-std=std,panic_unwind")
    export CARGO_TARGET_X86_64_PC_WINDOWS_GNU_RUSTFLAGS="-Clink-arg=-B$here/bin"
fi

say "building"
export CARGO_TARGET_X86_64_PC_WINDOWS_GNU_RUNNER=$wine
cargo build -p train --target "$triple" --target-dir "$here/target" ${build[@]+"${build[@]}"}
(unset RUSTC RUSTC_BOOTSTRAP && cargo build -p train)
programs=$here/target/$triple/debug

# wine 8 lacks a library of Windows 10 that Rust's random keys come from.
if [ ! -e /usr/lib/x86_64-linux-gnu/wine/x86_64-windows/bcryptprimitives.dll ]; then
    cat >"$here/bin/shim.c" <<'END'
#include <windows.h>
BOOLEAN NTAPI SystemFunction036(PVOID buffer, ULONG length);
__declspec(dllexport) BOOL WINAPI ProcessPrng(PBYTE buffer, SIZE_T length) { return SystemFunction036(buffer, (ULONG)length); }
END
    x86_64-w64-mingw32-gcc -shared -O2 -o "$here/bin/bcryptprimitives.dll" "$here/bin/shim.c" -ladvapi32
    mkdir -p "$programs/deps"
    cp "$here/bin/bcryptprimitives.dll" "$programs/"
    cp "$here/bin/bcryptprimitives.dll" "$programs/deps/"
fi

say "three steps of every system, here and there"
runs=$(mktemp -d)
trap 'rm -rf "$runs"' EXIT
cd "$runs"
own() { "$here/../debug/train" "$@" 2>>messages | tail -n 1; }
other() { "$wine" "$programs/train.exe" "$@" 2>>messages | tail -n 1 | tr -d '\r'; }
failed=0
# $1: what is compared, $2 and $3: the last lines of the two programs
compare() {
    if [ "$2" = "$3" ] && [ "${2#weights hash: }" != "$2" ]; then
        printf '%-12s %.16s  equal\n' "$1" "${2#weights hash: }"
    else
        printf '%-12s DIFFERS: %s here, %s under wine\n' "$1" "$2" "$3"
        failed=1
    fi
}
compare_runs() { # $1: the system, then its options
    local system=$1
    compare "$system" "$(own "$@" --steps 3 --out "$system-own")" "$(other "$@" --steps 3 --out "$system-other")"
}
compare_runs quickdraw --preset cpu --batch 2 --set depth=2
for system in mnist vanilla cifar dcgan faces folder wgan-gp; do
    compare_runs "$system" --preset cpu --batch 4
done
compare_runs cyclegan --set size=32 --set blocks=1 --set generator_width=2 --set discriminator_width=2
for system in progan stylegan stylegan2; do
    compare_runs "$system" --batch 4 --set size=16 --set fmap_base=32 --set fmap_max=8
done

say "one run, begun here, gone on with there, and finished here"
tiny=(quickdraw --preset cpu --batch 2 --set depth=2)
straight=$(own "${tiny[@]}" --steps 9 --out straight)
own "${tiny[@]}" --steps 3 --out moved >/dev/null
other quickdraw --resume moved --steps 6 >/dev/null
compare "back, forth" "$straight" "$(own quickdraw --resume moved --steps 9)"
[ "$failed" = 0 ] || { cat messages >&2; exit 1; }

cd "$here/../.."
for test in "$@"; do
    say "tests of $test"
    cargo test -p train --test "$test" --target "$triple" --target-dir "$here/target" ${build[@]+"${build[@]}"}
done
say "done"
