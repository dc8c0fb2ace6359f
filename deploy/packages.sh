#!/bin/sh
# Installs what packages.txt, or another list, names and this machine lacks. The servers that come with the
# packages are not started: Kaigong starts its own, on its own ports.
set -eu

list=${1:-$(dirname "$0")/packages.txt}
missing=$(sed 's/#.*//' "$list" | while read -r name; do
    [ -n "$name" ] || continue
    state=$(dpkg-query -W -f '${db:Status-Status}' "$name" 2>/dev/null) || state=absent
    [ "$state" = installed ] || printf '%s ' "$name"
done)
[ -n "$missing" ] || exit 0

if [ "$(id -u)" = 0 ]; then as_root=; elif command -v sudo >/dev/null; then as_root=sudo; else
    echo "缺少系统软件包, 且不是 root: 请安装 $missing" >&2
    echo "packages are missing and you are not root: please install $missing" >&2
    exit 1
fi
if ! command -v apt-get >/dev/null; then
    echo "缺少软件包 $missing, 本机没有 apt-get: 请自行安装" >&2
    echo "packages are missing ($missing) and there is no apt-get here: please install them" >&2
    exit 1
fi

echo "正在安装 installing: $missing"
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
    # 101 means: do not start services during this installation.
    printf '#!/bin/sh\nexit 101\n' | $as_root tee "$policy" >/dev/null
    $as_root chmod 755 "$policy"
    trap '$as_root rm -f "$policy"' EXIT
    trap 'exit 1' INT TERM
fi
log=$(mktemp)
# shellcheck disable=SC2086
if ! { $as_root apt-get -q update && $as_root env DEBIAN_FRONTEND=noninteractive \
    apt-get -q install -y --no-install-recommends $missing; } >"$log" 2>&1; then
    tail -n 20 "$log" >&2
    echo "安装失败, 完整日志: $log" >&2
    echo "the installation failed, its full log is $log" >&2
    exit 1
fi
rm -f "$log"
