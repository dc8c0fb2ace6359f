#!/bin/sh
# Makes .venv from requirements.lock, every file checked by its hash.
set -eu
cd "$(dirname "$0")/.."

python=${PYTHON:-python3}
if ! "$python" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 14))' 2>/dev/null; then
    found=$("$python" --version 2>&1 || true)
    echo "需要 Python 3.11 至 3.13, 而 $python 是: $found。可用 make PYTHON=python3.11 指定" >&2
    echo "Python 3.11 to 3.13 is needed, $python is: $found. Name another with make PYTHON=python3.11" >&2
    exit 1
fi
if [ ! -x .venv/bin/python ]; then
    echo "正在创建 creating .venv"
    if ! "$python" -m venv .venv; then
        rm -rf .venv
        echo "无法创建 .venv: 请先运行 make packages (python3-venv)" >&2
        echo "cannot make .venv: run \`make packages\` first (python3-venv)" >&2
        exit 1
    fi
fi
echo "正在安装 Python 依赖 installing what requirements.lock names"
.venv/bin/python -m pip install --quiet --disable-pip-version-check --no-input \
    --require-hashes --no-deps -r requirements.lock
site=$(.venv/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
for folder in services gateway build/gen deploy; do echo "$PWD/$folder"; done >"$site/kaigong.pth"
touch .venv/.stamp
