#!/usr/bin/env bash
# thread_sanitizer.sh HOST: calls of the C face from eight threads, and the core's own tests of what threads share, under
# ThreadSanitizer. It has to see what std does, which is built anew from rustup's component rust-src.
set -euo pipefail

host=$1
cd "$(dirname "$0")/../../.."
cargo=${CARGO:-cargo}
export RUSTC_BOOTSTRAP=1 RUSTFLAGS="-Zsanitizer=thread"
common=(-Zbuild-std --locked --quiet --no-default-features --target "$host" --target-dir target/tsan)

"$cargo" build "${common[@]}" --package monobloc-capi --features ipc --lib
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

# links SOURCE PROGRAM, with the sanitizer that the compiler of the library brings.
links() {
    gcc -std=c99 -g -fsanitize=thread -Iinclude -c "$1" -o "$2.o"
    gcc "$2.o" "target/tsan/$host/debug/libmonobloc_capi.a" \
        -Wl,--whole-archive "$(rustc --print target-libdir --target "$host")"/librustc-*_rt.tsan.a -Wl,--no-whole-archive \
        -rdynamic -lgcc_s -lutil -lrt -lpthread -lm -ldl -o "$2"
}

cat >"$folder/race.c" <<'C'
#include "monobloc.h"
#include <pthread.h>
static int shared;
static void *add(void *unused) { return shared += (int)monobloc_abi_version(), unused; }
int main(void) {
  pthread_t one, two;
  return pthread_create(&one, 0, add, 0) || pthread_create(&two, 0, add, 0) || pthread_join(one, 0) || pthread_join(two, 0);
}
C
links "$folder/race.c" "$folder/race"
if TSAN_OPTIONS=halt_on_error=1 "$folder/race" 2>"$folder/race.txt" || ! grep -q 'data race' "$folder/race.txt"; then
    echo "thread_sanitizer.sh: a race on purpose was not seen" >&2
    exit 1
fi

links crates/capi/tests/c/calls.c "$folder/calls"
TSAN_OPTIONS=halt_on_error=1 "$folder/calls" crates/core/tests/data/sample.bloc 8

TSAN_OPTIONS=halt_on_error=1 "$cargo" test "${common[@]}" --package monobloc --lib -- pool:: per_process:: monitor:: engine::
