# shellcheck shell=sh disable=SC2034,SC2154 # the lists of needs are used, and `top` is set, by who sources it
# What script/build, script/server and script/test share: a clean environment, the packages of Debian 12 that are
# missing, and the build. To be sourced, with `top` set to the root of the tree.

# Nothing of the machine's own settings may change what is built.
unset LIBRARY_PATH LD_LIBRARY_PATH LD_PRELOAD CPATH C_INCLUDE_PATH CFLAGS CPPFLAGS LDFLAGS CC CXX MAKEFLAGS \
    PKG_CONFIG_PATH PKG_CONFIG_LIBDIR CMAKE_PREFIX_PATH CMAKE_GENERATOR CMAKE_BUILD_TYPE CMAKE_BUILD_PARALLEL_LEVEL \
    DESTDIR GCC_EXEC_PREFIX COMPILER_PATH CDPATH
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
LC_ALL=C.UTF-8
export PATH LC_ALL

die() {
    echo "${0##*/}: $*" >&2
    exit 1
}

# Needs, one a line: how it is found, what is looked for, the package that brings it.
needs_build='
file /usr/include/stdio.h        libc6-dev
tool gcc                         gcc
tool cmake                       cmake
tool ninja                       ninja-build
tool pkg-config                  pkg-config
lib  libpq                       libpq-dev
lib  libuv                       libuv1-dev
lib  libcurl                     libcurl4-openssl-dev
lib  jansson                     libjansson-dev
lib  yaml-0.1                    libyaml-dev
lib  zlib                        zlib1g-dev
file /usr/include/bzlib.h        libbz2-dev
lib  liblzma                     liblzma-dev
lib  libmicrohttpd               libmicrohttpd-dev
lib  gnutls                      libgnutls28-dev
lib  hiredis                     libhiredis-dev
lib  check                       check
lib  rdkafka                     librdkafka-dev
'
needs_server='
file /etc/ssl/certs/ca-certificates.crt      ca-certificates
file /usr/share/zoneinfo/Europe/Paris        tzdata
file /usr/lib/postgresql/*/bin/initdb        postgresql
'
needs_test='
tool clang                       clang
tool clang-tidy                  clang-tidy
file /usr/lib/llvm-14/lib/clang/*/lib/linux/libclang_rt.fuzzer-*.a  libclang-rt-14-dev
tool cppcheck                    cppcheck
tool shellcheck                  shellcheck
tool systemd-analyze             systemd
tool pgbouncer                   pgbouncer
tool redis-server                redis-server
file /usr/lib/python3/dist-packages/celery  python3-celery
file /usr/lib/python3/dist-packages/redis   python3-redis
file /usr/lib/python3/dist-packages/django  python3-django
file /usr/lib/python3/dist-packages/django_celery_beat     python3-django-celery-beat
file /usr/lib/python3/dist-packages/django_celery_results  python3-django-celery-results
file /usr/share/postgresql/*/extension/postgis.control  postgresql-15-postgis-3
'

# Is the need "$1 $2" met? A pattern is met by any file that matches it.
is_met() {
    case $1 in
    tool) command -v "$2" > /dev/null ;;
    lib) pkg-config --exists "$2" 2> /dev/null ;;
    file)
        for found in $2; do
            [ ! -e "$found" ] || return 0
        done
        return 1
        ;;
    esac
}

# Print the packages for the needs in "$1" that are not met.
missing_packages() {
    echo "$1" | while read -r how what package; do
        [ -z "$how" ] || is_met "$how" "$what" || echo "$package"
    done
}

# Run a command as root. Only a sudo that really needs a password may ask, and only on a terminal.
as_root() {
    if [ "$(id -u)" -eq 0 ]; then
        "$@"
    elif sudo -n true 2> /dev/null; then
        sudo -n "$@"
    elif [ -t 0 ] && command -v sudo > /dev/null; then
        sudo "$@"
    else
        return 1
    fi
}

apt_get() {
    as_root env DEBIAN_FRONTEND=noninteractive PATH="$PATH" \
        apt-get -qq -y -o DPkg::Lock::Timeout=300 -o Dpkg::Use-Pty=0 "$@" < /dev/null
}

# Debian's postgresql package creates and starts a cluster of its own unless it is told not to. The two files that
# tell it are there only during the install, and one that an administrator has made is left alone.
# shellcheck disable=SC2016 # expanded by the shell that root runs
quiet_install='
set -eu
no_cluster=/etc/postgresql-common/createcluster.d/drumbeat.conf
no_start=/usr/sbin/policy-rc.d
made=
trap "rm -f \$made; rmdir --ignore-fail-on-non-empty \${no_cluster%/*}" EXIT
trap "exit 1" HUP INT TERM
mkdir -p "${no_cluster%/*}"
made=$no_cluster
echo "create_main_cluster = false" > "$no_cluster"
if [ ! -e "$no_start" ]; then
    made="$no_cluster $no_start"
    printf "#!/bin/sh\nexit 101\n" > "$no_start"
    chmod 755 "$no_start"
fi
apt-get -qq -y -o DPkg::Lock::Timeout=300 -o Dpkg::Use-Pty=0 -o Dpkg::Options::=--force-confold install \
    --no-install-recommends --no-remove "$@" < /dev/null
'

install_quietly() {
    as_root env DEBIAN_FRONTEND=noninteractive PATH="$PATH" sh -c "$quiet_install" install "$@"
}

# Install the packages for the needs "$1" that are not met; does nothing, and asks for no rights, when all are.
install_missing() {
    # shellcheck disable=SC2046 # one word a package
    set -- "$1" $(missing_packages "$1" | sort -u)
    needs=$1
    shift
    [ $# -gt 0 ] || return 0
    echo "installing $*"
    as_root true || die "these packages are missing, and only root or sudo can install them: apt-get install $*"
    install_log=$(mktemp)
    apt_get update > "$install_log" 2>&1 || true # lists from an earlier day may do; the install decides
    if ! install_quietly "$@" >> "$install_log" 2>&1; then
        tail -n 15 "$install_log" >&2
        rm -f "$install_log"
        die "apt-get could not install: $*"
    fi
    rm -f "$install_log"
    left=$(missing_packages "$needs" | sort -u | tr '\n' ' ')
    [ -z "$left" ] || die "still missing after apt-get: $left"
}

# Configure (once) and build preset "$1" in folder "$2"; what follows are targets.
build() {
    preset=$1
    folder=$2
    shift 2
    if [ ! -e "$folder/build.ninja" ]; then
        cmake --preset "$preset" -B "$folder" -S "$top" > /dev/null || return 1
    fi
    cmake --build "$folder" -- --quiet -j "${jobs:-2}" "$@"
}
