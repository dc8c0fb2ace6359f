#!/bin/sh
# Makes the two bases from Debian's packages, under the official images' names: for where no registry
# can be reached. Their digests are not the official ones'.
#   base.sh <tar folder> <seconds since 1970: no file is newer>
set -eu
out=$1 epoch=$2
mirror=${DEBIAN_MIRROR:-http://deb.debian.org/debian}
mkdir -p "$out"
stage=$(mktemp -d /var/tmp/kaigong-base.XXXXXX)
trap 'rm -rf "$stage"' EXIT

pack() { # pack <root> <image>
    tar -C "$1" --sort=name --mtime="@$epoch" --clamp-mtime --numeric-owner --one-file-system \
        --exclude='./var/cache/*' --exclude='./var/log/*' --exclude='./var/lib/apt/lists/*' --exclude='./dev/*' \
        --exclude='./etc/resolv.conf' --exclude='./etc/hostname' --exclude='./etc/machine-id' -cf "$out/$2.tar" .
}

debootstrap --variant=minbase --include=ca-certificates bookworm "$stage/tree" "$mirror" >"$out/debootstrap.log"
# Security updates, as the official images have them.
cat >"$stage/tree/etc/apt/sources.list" <<LIST
deb $mirror bookworm main
deb $mirror bookworm-updates main
deb ${DEBIAN_SECURITY:-http://deb.debian.org/debian-security} bookworm-security main
LIST
chroot "$stage/tree" sh -c 'apt-get -q update && apt-get -q -y upgrade' >>"$out/debootstrap.log"
pack "$stage/tree" debian
chroot "$stage/tree" env DEBIAN_FRONTEND=noninteractive \
    apt-get -q -y install --no-install-recommends python3 python3-venv >>"$out/debootstrap.log"
pack "$stage/tree" python
