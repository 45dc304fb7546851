#!/usr/bin/env bash
# Installs what dashi is built from: Debian packages by apt, some of them only unpacked into .deps/,
# and LibTorch (a Python wheel) into .deps/.
# Usage: tools/setup.sh GROUP...    (groups of tools/packages.txt; ./run calls this)
# Does nothing, in well under a second, when all is there. With DASHI_TORCH_ROOT set, LibTorch is
# taken from there (the folder that holds torch/ and nvidia/).
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
log="$root/.deps/setup.log"
torch_version=2.11.0
torch_wheels=("torch==$torch_version")
# libtorch_cpu.so needs these two of the CUDA toolkit, on a machine without a GPU too.
cpu_wheels=(nvidia-cuda-runtime==13.0.96 nvidia-cuda-cupti==13.0.85)
cuda_wheels=(nvidia-cuda-nvcc==13.0.88 nvidia-cuda-crt==13.0.88 nvidia-nvvm==13.0.88)

fail() {
  echo "setup: $*" >&2
  exit 1
}

check_distribution() {
  local ID="" VERSION_ID="" PRETTY_NAME="this system"
  [[ -r /etc/os-release ]] && . /etc/os-release
  distribution="$ID $VERSION_ID"
  case $distribution in
    "debian 12" | "ubuntu 24.04") ;;
    *) fail "$PRETTY_NAME is not Debian 12 or Ubuntu 24.04, whose packages dashi is built from;" \
            "install what tools/packages.txt names by hand, then set DASHI_SKIP_PACKAGES=1." ;;
  esac
}

# Stops unless the folder $1 has $2 gigabytes free, which $3 says who takes.
check_space() {
  local free_kb
  free_kb=$(df -Pk "$1" | awk 'NR == 2 { print $4 }')
  ((free_kb >= $2 * 1000000)) ||
    fail "not enough disk space: $1 has $((free_kb / 1000000)) GB free, $3 $2 GB."
}

# Prints "name wanted-version" of each package of the groups $@.
wanted_packages() {
  local group name version
  while read -r group name version; do
    [[ " $* " == *" $group "* ]] || continue
    if [[ $distribution != "debian 12" ]]; then
      version=-  # The pins are Debian 12's.
      name=${name/libboost1.81-dev/libboost-dev}
    fi
    echo "$name $version"
  done < <(grep -v '^#' "$root/tools/packages.txt")
}

# Sets as_root to what makes a command root's, for the packages $@.
become_root() {
  as_root=()
  ((EUID == 0)) && return
  command -v sudo > /dev/null ||
    fail "missing packages ($*) need root or sudo: run this as root, or install them by hand."
  sudo -v || fail "missing packages ($*) need sudo, and sudo refused."
  as_root=(sudo)
}

apt_update() {
  "${as_root[@]}" apt-get update -o APT::Update::Error-Mode=any >> "$log" 2>&1 ||
    fail "no network: apt-get update failed (see $log)."
}

apt_install() {
  local options=(-y --no-install-recommends -o Dpkg::Use-Pty=0)
  become_root "$@"
  check_space /usr 2 "the Debian packages take"
  echo "setup: installing $# Debian packages" >&2
  export DEBIAN_FRONTEND=noninteractive
  if "${as_root[@]}" apt-get install "${options[@]}" "$@" >> "$log" 2>&1; then
    return
  fi
  apt_update
  "${as_root[@]}" apt-get install "${options[@]}" "$@" >> "$log" 2>&1 ||
    fail "apt-get could not install the packages: $(grep -E '^E:' "$log" | tail -1) (see $log)."
}

# Whether the version $1 is that of the pin $2.
is_pinned() {
  local have=${1#*:}  # Without the epoch.
  [[ $2 == - || $have == "$2" || $have == "$2"[.+~:-]* ]]
}

# Unpacks the packages of the group unpacked into .deps/unpacked, as any user.
setup_unpacked() {
  local wanted name version names archive have target="$root/.deps/unpacked"
  local partial="$root/.deps/unpacked.partial"
  wanted=$(wanted_packages unpacked)
  [[ -f $target/stamp && $(< "$target/stamp") == "$wanted" ]] && return
  names=$(cut -d' ' -f1 <<< "$wanted")
  rm -rf "$partial" "$target"
  mkdir -p "$partial/archives"
  # shellcheck disable=SC2086  # One word a package.
  if ! (cd "$partial/archives" && apt-get download $names) >> "$log" 2>&1; then
    become_root $names
    apt_update
    (cd "$partial/archives" && apt-get download $names) >> "$log" 2>&1 ||
      fail "apt-get could not download $(xargs <<< "$names") (see $log)."
  fi
  while read -r name version; do
    archive=$(echo "$partial/archives/${name}"_*.deb)
    have=$(dpkg-deb --field "$archive" Version)
    is_pinned "$have" "$version" ||
      fail "$name has version $have, dashi is tested with $version."
    dpkg-deb --extract "$archive" "$partial"
  done <<< "$wanted"
  rm -r "$partial/archives"
  echo "$wanted" > "$partial/stamp"
  mv "$partial" "$target"
}

setup_packages() {
  local wanted missing name version have
  wanted=$(wanted_packages "$@")
  read_installed "$wanted"
  missing=$(missing_packages "$wanted")
  if [[ -n $missing ]]; then
    mkdir -p "$root/.deps"
    # shellcheck disable=SC2086  # One word a package.
    apt_install $missing
    read_installed "$wanted"
    missing=$(missing_packages "$wanted")
    [[ -z $missing ]] || fail "still missing after apt-get install:" $missing
  fi
  while read -r name version; do
    have=${installed[$name]#*:}
    is_pinned "$have" "$version" || fail "$name has version $have, dashi is built with $version."
  done <<< "$wanted"
}

# Prints the packages of $1 (lines of "name version") that are not installed.
missing_packages() {
  local name version
  while read -r name version; do
    [[ -n ${installed[$name]:-} ]] || echo "$name"
  done <<< "$1"
}

# Fills the map installed: package -> version.
declare -A installed
read_installed() {
  local name version status
  installed=()
  while read -r name version status; do
    if [[ $status == installed ]]; then installed[$name]=$version; fi
  done < <(dpkg-query -W -f '${Package} ${Version} ${db:Status-Status}\n' \
             $(cut -d' ' -f1 <<< "$1") 2> /dev/null || true)
}

wants_cuda() {
  [[ ${DASHI_CUDA:-} == ON ]] && return 0
  [[ -z ${DASHI_CUDA:-} ]] && command -v nvidia-smi > /dev/null && nvidia-smi > /dev/null 2>&1
}

setup_torch() {
  local variant=cpu gigabytes=4 target="$root/.deps/torch" partial="$root/.deps/torch.partial"
  local options=(--disable-pip-version-check --no-warn-script-location --progress-bar off)
  local wheels=("${torch_wheels[@]}" "${cpu_wheels[@]}")
  if wants_cuda; then
    variant=cuda gigabytes=14
    wheels=("${torch_wheels[@]}" "${cuda_wheels[@]}")
  else
    options+=(--no-deps)
  fi
  local stamp="torch $torch_version $variant ${wheels[*]}"
  if [[ -f $target/stamp && $(< "$target/stamp") == "$stamp" &&
        -f $target/torch/lib/libtorch_cpu.so && -f $target/torch/lib/libc10.so &&
        -f $target/torch/include/ATen/ATen.h ]]; then
    return
  fi
  check_space "$root" $gigabytes "LibTorch and the build take"
  echo "setup: unpacking LibTorch $torch_version ($variant) into .deps/" >&2
  rm -rf "$partial"
  mkdir -p "$partial.tmp"
  TMPDIR="$partial.tmp" python3 -m pip install "${options[@]}" --target "$partial" "${wheels[@]}" \
    >> "$log" 2>&1 || {
    rm -rf "$partial" "$partial.tmp"
    if grep -qiE 'no space left' "$log"; then
      fail "not enough disk space for LibTorch (see $log)."
    fi
    fail "no network: pip could not fetch LibTorch (see $log)."
  }
  rm -rf "$target" "$partial.tmp"
  echo "$stamp" > "$partial/stamp"
  mv "$partial" "$target"
}

if [[ -z ${DASHI_SKIP_PACKAGES:-} ]]; then
  check_distribution
  setup_packages "$@"
  if [[ " $* " == *" lint "* ]]; then
    mkdir -p "$root/.deps"
    setup_unpacked
  fi
fi
if [[ ${DASHI_TORCH:-ON} != OFF && -z ${DASHI_TORCH_ROOT:-} ]]; then
  mkdir -p "$root/.deps"
  setup_torch
fi
