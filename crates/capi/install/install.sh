#!/usr/bin/env bash
# install.sh PREFIX BUILT: puts the C face, as cargo left it in the folder BUILT, under PREFIX.
set -euo pipefail

prefix=$1
built=$2
here=$(cd "$(dirname "$0")" && pwd)
root=$here/../../..
cargo=${CARGO:-cargo}

version=$("$cargo" pkgid --locked --manifest-path "$here/../Cargo.toml")
version=${version##*[@#]}
soname=$(objdump -p "$built/libmonobloc_capi.so" | awk '$1 == "SONAME" { print $2 }')
library=libmonobloc.so.$version
if [[ $library != "$soname".* ]]; then
    echo "install.sh: $built/libmonobloc_capi.so is $soname; expected a library of version $version. Build it anew." >&2
    exit 1
fi

# What a static library of Rust's needs of the system; a program that is linked by it holds that it is enough.
empty=$(mktemp -d)
trap 'rm -rf "$empty"' EXIT
native=$(echo | "${RUSTC:-rustc}" --crate-type staticlib --print native-static-libs -o "$empty/empty.a" - 2>&1 |
    sed -n 's/^note: native-static-libs: //p')

fill() {
    sed -e "s/@VERSION@/$version/g; s/@SONAME@/$soname/g; s/@LIBRARY@/$library/g" \
        -e "s/@NATIVE@/$native/g; s/@NATIVE_LIST@/${native// /;}/g" "$here/$1.in" >"$2/$1"
    chmod 644 "$2/$1"
}

mkdir -p "$prefix"/{include,lib/pkgconfig,lib/cmake/Monobloc}
install -m 644 "$root/include/monobloc.h" "$root/include/monobloc.hpp" "$prefix/include"
install -m 755 "$built/libmonobloc_capi.so" "$prefix/lib/$library"
strip --strip-unneeded "$prefix/lib/$library"
ln -sfn "$library" "$prefix/lib/$soname"
ln -sfn "$soname" "$prefix/lib/libmonobloc.so"
install -m 644 "$built/libmonobloc_capi.a" "$prefix/lib/libmonobloc.a"
strip --strip-debug "$prefix/lib/libmonobloc.a"
fill monobloc.pc "$prefix/lib/pkgconfig"
fill MonoblocConfig.cmake "$prefix/lib/cmake/Monobloc"
fill MonoblocConfigVersion.cmake "$prefix/lib/cmake/Monobloc"
