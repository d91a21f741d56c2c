#!/bin/sh
# Makes the images of this folder again: one small tree, in the formats that
# are read. Wants squashfs-tools, e2fsprogs, erofs-utils, qemu-utils.
set -eu
cd "$(dirname "$0")"
tree=$(mktemp -d)
mkdir -p "$tree/etc" "$tree/usr/lib" "$tree/many"
printf 'ID=fedora\nVERSION_ID=44\n' >"$tree/usr/lib/os-release"
ln -s ../usr/lib/os-release "$tree/etc/os-release"
i=0
while [ $i -lt 40 ]; do printf '%d' $i >"$tree/many/file-$i"; i=$((i + 1)); done
seq 1 4000 >"$tree/numbers"
seq 1 300 | sha256sum >"$tree/small"
find "$tree" -exec touch -h -d @1767225600 {} +
export SOURCE_DATE_EPOCH=1767225600
made() { gzip -9n <"$tree.img" >"$1.img.gz"; rm -f "$tree.img"; }
for c in gzip xz zstd lz4; do
	mksquashfs "$tree" "$tree.img" -quiet -no-progress -all-root -comp $c && made squashfs-$c
done
mkfs.ext4 -q -F -O ^has_journal -N 64 -E hash_seed=11111111-1111-1111-1111-111111111111 -U 11111111-1111-1111-1111-111111111111 -d "$tree" "$tree.img" 512K && made ext4
mkfs.ext4 -q -F -t ext2 -N 64 -E hash_seed=11111111-1111-1111-1111-111111111111 -U 11111111-1111-1111-1111-111111111111 -d "$tree" "$tree.img" 512K && made ext2
# Disks: zeros, plain and packed clusters, large and small ones, both versions.
mkfs.ext4 -q -F -O ^has_journal -N 64 -E hash_seed=11111111-1111-1111-1111-111111111111 -U 11111111-1111-1111-1111-111111111111 -d "$tree" "$tree.raw" 512K
disk() { name=$1; shift; qemu-img convert -f raw -O qcow2 "$@" "$tree.raw" "$tree.img" && made "qcow2-$name"; }
disk plain
disk deflate -c -o cluster_size=4096
disk zstd -c -o compression_type=zstd
disk old -c -o compat=0.10
disk small -o cluster_size=512
rm -f "$tree.raw"
for o in plain:-T1767225600 lz4:-zlz4 big:-zlz4hc\ -C16384 tails:-zlz4hc\ -Eztailpacking full:-zlz4\ -Elegacy-compress; do
	# shellcheck disable=SC2086 # a list of options
	mkfs.erofs -T1767225600 -U 11111111-1111-1111-1111-111111111111 ${o#*:} "$tree.img" "$tree" >/dev/null 2>&1 && made "erofs-${o%%:*}"
done
rm -rf "$tree"
