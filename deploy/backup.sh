#!/bin/sh
# A consistent copy of the database while the platform runs; the copies of the last 14 days are kept.
# usage: deploy/backup.sh FOLDER     MariaDB is read from IRONBULL_DATABASE_URL, else SQLite from IRONBULL_HOME.
# The copy holds exchange keys sealed with IRONBULL_MASTER_KEY: keep that key elsewhere, or the keys are lost with the machine.
set -eu
umask 077
folder=${1:?usage: deploy/backup.sh FOLDER}
mkdir -p "$folder"
target=$folder/ironbull-$(date -u +%Y%m%d-%H%M%S)
part=$target.part
trap 'rm -f "$part"' EXIT

url=${IRONBULL_DATABASE_URL:-}
case $url in
  mysql+pymysql://* | mariadb+pymysql://*)
    eval "$(
      python3 - <<'PY'
import os, shlex
from urllib.parse import unquote, urlsplit
url = urlsplit(os.environ["IRONBULL_DATABASE_URL"])
parts = {"host": url.hostname, "port": url.port or 3306, "user": url.username or "", "password": url.password or "", "name": url.path[1:]}
for name, value in parts.items():
    print(f"{name}={shlex.quote(unquote(str(value)))}")
PY
    )"
    # The password goes by the environment: arguments can be read by everybody on the machine.
    MYSQL_PWD=$password mariadb-dump --single-transaction --quick --routines --host "$host" --port "$port" --user "$user" "$name" >"$part"
    end=.sql
    ;;
  *)
    python3 - "${IRONBULL_HOME:-./var}/ironbull.db" "$part" <<'PY'
import sqlite3, sys
source = sqlite3.connect(f"file:{sys.argv[1]}?mode=ro", uri=True)
with sqlite3.connect(sys.argv[2]) as copy:
    source.backup(copy)
PY
    end=.sqlite
    ;;
esac
gzip -c "$part" >"$target$end.gz"
find "$folder" -name 'ironbull-*.gz' -mtime +14 -delete
echo "$target$end.gz"
