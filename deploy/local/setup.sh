#!/bin/sh
# Install what flowatlas takes on Debian 12: `setup.sh` for running it, `setup.sh kafka` for running
# Apache Kafka beside it as well, `setup.sh test` for the tests too, `setup.sh bench` for the benchmarks.
# Each step looks first, so a second run changes and says nothing.
set -eu
cd "$(dirname "$0")/../.."

say() { echo "setup: $*"; }
fail() { say "$*" >&2; exit 1; }

# Run a command whose output matters only if it fails.
quietly() {
    log=$(mktemp)
    if ! "$@" >"$log" 2>&1; then
        tail -n 20 "$log" >&2
        fail "failed: $* (all of its output is in $log)"
    fi
    rm -f "$log"
}

# Names in the given packages.txt files that dpkg does not have installed.
missing_packages() {
    sed -e 's/#.*//' -e '/^[[:space:]]*$/d' "$@" | sort -u | while read -r package; do
        dpkg-query --show --showformat='${db:Status-Status}\n' "$package" 2>/dev/null |
            grep -qx installed || echo "$package"
    done
}

# Debian starts a server when it is installed; a host that only wants the programs must not find an
# nginx or redis listening. invoke-rc.d asks this script first; 101 means "not now".
POLICY=/usr/sbin/policy-rc.d
install_packages() {
    [ "$(id -u)" = 0 ] || fail "these Debian packages are missing; as root: apt-get install $*"
    say "installing Debian packages: $*"
    if [ ! -e "$POLICY" ]; then
        trap 'rm -f "$POLICY"' EXIT INT TERM
        printf '#!/bin/sh\nexit 101\n' >"$POLICY"
        chmod +x "$POLICY"
        apt_install "$@"
        rm -f "$POLICY"
        trap - EXIT INT TERM
    else
        apt_install "$@"
    fi
}

apt_install() {
    export DEBIAN_FRONTEND=noninteractive
    before=$(enabled_services)
    quietly apt-get update
    quietly apt-get install -y --no-install-recommends "$@"
    # Nor should they be there after the next boot.
    for service in $(enabled_services); do
        echo "$before" | grep -qxF "$service" || rm "$service"
    done
}

enabled_services() {
    find /etc/systemd/system -path '*.wants/*.service' 2>/dev/null || true
}

debian_packages() {
    missing=$(missing_packages "$@")
    # shellcheck disable=SC2086  # one word a package
    [ -z "$missing" ] || install_packages $missing
}

# bcc looks for headers in /lib/modules/$(uname -r). Kernels without packaged headers are lent those of
# Debian's: the BPF programs touch only the kernel's stable interface, so any version's will do.
kernel_headers() {
    wanted=/lib/modules/$(uname -r)
    [ -e "$wanted/build" ] && return
    [ ! -L "$wanted" ] || rm "$wanted"
    if apt-cache show "linux-headers-$(uname -r)" >/dev/null 2>&1; then
        install_packages "linux-headers-$(uname -r)"
        return
    fi
    generic=linux-headers-$(dpkg --print-architecture)
    dpkg-query --show "$generic" >/dev/null 2>&1 || install_packages "$generic"
    lent=$(find /lib/modules -mindepth 2 -maxdepth 2 -name build | sort -V | tail -n 1)
    [ -n "$lent" ] || fail "$generic brought no headers to /lib/modules; install some by hand"
    if [ -d "$wanted" ]; then
        ln -s "$(dirname "$lent")/build" "$wanted/build"
        [ ! -e "$(dirname "$lent")/source" ] || ln -sf "$(dirname "$lent")/source" "$wanted/source"
    else
        ln -s "$(dirname "$lent")" "$wanted"
    fi
    say "the kernel $(uname -r) has no headers of its own and uses $(dirname "$lent")"
}

mount_cgroup2() {
    grep -q ' cgroup2 ' /proc/self/mounts && return
    mkdir -p /run/flowatlas/cgroup2
    mount -t cgroup2 cgroup2 /run/flowatlas/cgroup2
    say "mounted cgroup2 on /run/flowatlas/cgroup2"
}

python_environment() {
    wanted=$(cat requirements.lock pyproject.toml agent/wire/*.c stream/*.c | sha256sum)
    [ "$(cat .venv/installed 2>/dev/null)" = "$wanted" ] && return
    say "installing Python packages into .venv"
    [ -x .venv/bin/pip ] || python3 -m venv --clear .venv
    quietly .venv/bin/pip install --disable-pip-version-check -r requirements.lock
    quietly .venv/bin/pip install --disable-pip-version-check --no-deps -e .
    echo "$wanted" >.venv/installed
}

kafka_jars() {
    wanted=$(sha256sum <deploy/kafka/pom.xml)
    [ "$(cat .cache/kafka/installed 2>/dev/null)" = "$wanted" ] && return
    say "fetching Apache Kafka's jars into .cache/kafka"
    rm -rf .cache/kafka
    quietly mvn -B -f deploy/kafka/pom.xml dependency:copy-dependencies \
        -DincludeScope=runtime -DoutputDirectory="$PWD/.cache/kafka"
    echo "$wanted" >.cache/kafka/installed
}

# ClickHouse's client for JavaScript, which the embedded server is tested with.
node_packages() {
    there=tests/contract/node
    wanted=$(sha256sum <$there/package-lock.json)
    [ "$(cat $there/node_modules/installed 2>/dev/null)" = "$wanted" ] && return
    say "installing the tests' npm packages into $there/node_modules"
    quietly npm ci --ignore-scripts --prefix $there --no-audit --no-fund
    echo "$wanted" >$there/node_modules/installed
}

# The console's page: libraries from npm, bundled into sql/console/web/dist. Node may be there without
# Debian's packages for it.
console_page() {
    there=sql/console/web
    # shellcheck disable=SC2046  # no path has a space
    wanted=$(cat $there/package-lock.json $there/build.mjs $(find $there/src -type f | sort) | sha256sum)
    [ "$(cat $there/dist/built 2>/dev/null)" = "$wanted" ] && return
    command -v npm >/dev/null || install_packages nodejs npm
    say "building the console's page into $there/dist"
    locked=$(sha256sum <$there/package-lock.json)
    if [ "$(cat $there/node_modules/installed 2>/dev/null)" != "$locked" ]; then
        quietly npm ci --ignore-scripts --prefix $there --no-audit --no-fund
        echo "$locked" >$there/node_modules/installed
    fi
    rm -rf $there/dist
    quietly npm run --prefix $there build
    echo "$wanted" >$there/dist/built
}

# quixstreams, which the stream is measured against, wants an older confluent-kafka than flowatlas,
# so it has an environment of its own.
bench_environments() {
    wanted=$(sha256sum <benchmarks/requirements.lock)
    if [ "$(cat .venv/bench 2>/dev/null)" != "$wanted" ]; then
        say "installing the benchmarks' Python packages into .venv"
        quietly .venv/bin/pip install --disable-pip-version-check -r benchmarks/requirements.lock
        echo "$wanted" >.venv/bench
    fi
    wanted=$(sha256sum <benchmarks/rivals/requirements.lock)
    if [ "$(cat .cache/quixstreams/installed 2>/dev/null)" != "$wanted" ]; then
        say "installing quixstreams into .cache/quixstreams"
        python3 -m venv --clear .cache/quixstreams
        quietly .cache/quixstreams/bin/pip install --disable-pip-version-check \
            -r benchmarks/rivals/requirements.lock
        echo "$wanted" >.cache/quixstreams/installed
    fi
}

case "${1:-}" in
"") debian_packages deploy/local/packages.txt ;;
kafka | bench) debian_packages deploy/local/packages.txt deploy/kafka/packages.txt ;;
test) debian_packages deploy/local/packages.txt deploy/kafka/packages.txt tests/browser/packages.txt ;;
*) fail "usage: setup.sh [kafka|test|bench]" ;;
esac
kernel_headers
mount_cgroup2
python_environment
console_page
[ -z "${1:-}" ] || kafka_jars
[ "${1:-}" != test ] || node_packages
[ "${1:-}" != bench ] || bench_environments
