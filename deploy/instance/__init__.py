"""One instance of Kaigong as plain processes on this machine."""

import sys
from importlib.util import find_spec

if sys.version_info < (3, 11) or find_spec("psycopg") is None:
    raise SystemExit(
        f"{sys.executable} 缺少依赖或版本过低: 请用 make run, 或先运行 make venv 再用 .venv/bin/python\n"
        f"{sys.executable} is too old or lacks what we need: use `make run`, or `make venv` and"
        " then .venv/bin/python"
    )
