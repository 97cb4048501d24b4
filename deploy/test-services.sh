#!/bin/sh
# Makes sure that tests find a browser, MariaDB and Redis: those given by the environment, those on this machine, Debian packages when
# root, else Docker Compose. Tests start their own private servers from the programs found; nothing is left running.
set -eu
cd "$(dirname "$0")/.."

has() { command -v "$1" >/dev/null 2>&1; }
say() { printf '%s\n' "$*"; }

missing=""
packages=""
if [ -z "${IRONBULL_TEST_CHROMIUM:-}" ] && ! has chromium && ! has chromium-browser && ! has google-chrome &&
  [ ! -x "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome" ]; then
  missing="$missing chromium" packages="$packages chromium fonts-noto-cjk"
fi
if [ -z "${IRONBULL_TEST_MYSQL_URL:-}" ] && ! has mariadbd && ! [ -x /usr/sbin/mariadbd ]; then
  missing="$missing mariadb" packages="$packages mariadb-server"
fi
if [ -z "${IRONBULL_TEST_REDIS_URL:-}" ] && ! has redis-server; then
  missing="$missing redis" packages="$packages redis-server"
fi
rm -f .cache/test.env
[ -n "$missing" ] || exit 0

if [ "$(id -u)" = 0 ] && has apt-get; then
  say "Installing for the tests:$packages"
  # Packages must not start services: tests run their own.
  policy=/usr/sbin/policy-rc.d
  made=""
  if [ ! -e "$policy" ]; then printf '#!/bin/sh\nexit 101\n' >"$policy" && chmod +x "$policy" && made=1; fi
  apt-get update -qq
  # shellcheck disable=SC2086
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $packages >/dev/null
  [ -z "$made" ] || rm -f "$policy"
  exit 0
fi
say "Missing for the tests:$missing"
case $missing in
*chromium*) ;;
*)
  if has docker && docker info >/dev/null 2>&1; then
    docker compose -f deploy/compose.test.yml up -d --wait
    mkdir -p .cache
    printf '%s\n' "export IRONBULL_TEST_MYSQL_URL=mysql+pymysql://root:test@127.0.0.1:33306" \
      "export IRONBULL_TEST_REDIS_URL=redis://127.0.0.1:36379/0" >.cache/test.env
    exit 0
  fi
  ;;
esac
say "They come from Docker Compose where Docker runs (chromium does not), from Debian packages when you are root,"
say "or install them (macOS: brew install --cask google-chrome; brew install mariadb redis) and run make test again."
exit 1
