#!/usr/bin/env bash
# Runs a command with MPI across several hosts that this machine pretends to be.
#
#   jobs/hosts.sh 2 2 1 -- build/release/kronwerk run configs/flights/flights.yaml
#
# makes three hosts and starts two, two and one ranks there. A host is a set of Linux namespaces: it
# has its own name, network, System V and POSIX shared memory; hosts are connected by a bridge that
# nothing else is connected to. They share file systems and processors. Open MPI starts its daemons
# there by an agent in place of ssh. Hosts and what runs there end with this script, however it ends.
#
# Needs root (for the namespaces), and ip, nsenter, setpriv, unshare (packages iproute2, util-linux).
#
#   KRONWERK_HOST_SHM=64m    the size of each host's /dev/shm (default: half of the memory)
#
# Returns what mpirun returns; 2 if it is used wrongly.
set -euo pipefail
self=$(readlink -f "${BASH_SOURCE[0]}")

fail() {
  echo "jobs/hosts.sh: $1" >&2
  exit 2
}

# In place of ssh: HOST COMMAND... in the namespaces of that host. $KRONWERK_HOSTS/<host> holds the
# number of the process that keeps them.
if [ "${1:-}" = --agent ]; then
  host=$2
  shift 2
  exec nsenter --target "$(cat "$KRONWERK_HOSTS/$host")" --net --uts --ipc --mount \
    -- bash -c 'cd "$1" && eval "$2"' agent "$PWD" "$*"
fi

counts=()
while [ "$#" -gt 0 ] && [ "$1" != -- ]; do
  case "$1" in
    *[!0-9]* | '' | 0*) fail "'$1' is no number of ranks; usage: jobs/hosts.sh 2 2 1 -- COMMAND" ;;
  esac
  counts+=("$1")
  shift
done
[ "${#counts[@]}" -gt 0 ] && [ "$#" -gt 1 ] || fail "usage: jobs/hosts.sh 2 2 1 -- COMMAND"
shift
[ "${#counts[@]}" -le 250 ] || fail "at most 250 hosts"
[ "$(id -u)" -eq 0 ] || fail "needs root to make network namespaces; run it as root"
for tool in ip nsenter setpriv unshare; do
  command -v "$tool" >/dev/null ||
    fail "needs '$tool'; install the packages iproute2 and util-linux (jobs/setup.sh hosts)"
done
source "$(dirname "$self")/environment.sh"

KRONWERK_HOSTS=$(mktemp -d "${TMPDIR:-/tmp}/kronwerk-hosts-XXXXXX")
export KRONWERK_HOSTS
keepers=()
job=

# The processes in the hosts' networks, which nobody else uses.
inhabitants() {
  local keeper network process
  for keeper in "${keepers[@]}"; do
    network=$(readlink "/proc/$keeper/ns/net" 2>/dev/null) || continue
    [ "$network" != "$(readlink /proc/self/ns/net)" ] || continue
    for process in /proc/[0-9]*; do
      [ "$(readlink "$process/ns/net" 2>/dev/null)" != "$network" ] || echo "${process#/proc/}"
    done
  done
}

clean_up() {
  local status=$?
  trap - EXIT
  trap '' INT TERM HUP
  if [ -n "$job" ] && kill -TERM "$job" 2>/dev/null; then
    for _ in $(seq 50); do
      kill -0 "$job" 2>/dev/null || break
      sleep 0.1
    done
  fi
  # The kernel removes networks and their devices with the last process there.
  inhabitants | xargs -r kill -KILL 2>/dev/null || true
  rm -rf "$KRONWERK_HOSTS"
  exit "$status"
}
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
trap 'exit 129' HUP

# keep NAME OPTION...: a process in new namespaces that ends with this script.
keep() {
  local name=$1
  shift
  setpriv --pdeathsig KILL unshare --net "$@" sleep infinity </dev/null >/dev/null 2>&1 &
  local keeper=$!
  for _ in $(seq 100); do
    [ "$(cat "/proc/$keeper/comm" 2>/dev/null)" != sleep ] || break
    sleep 0.02
  done
  [ "$(cat "/proc/$keeper/comm" 2>/dev/null)" = sleep ] ||
    fail "the system allows no new namespaces (unshare --net $*)"
  disown "$keeper"
  keepers+=("$keeper")
  echo "$keeper" >"$KRONWERK_HOSTS/$name"
}

inside() {
  local name=$1
  shift
  nsenter --target "$(cat "$KRONWERK_HOSTS/$name")" --net --uts --ipc --mount -- "$@"
}

keep switch --mount
inside switch ip link add bridge type bridge || fail "the system allows no network bridges"
inside switch ip link set bridge up

ranks=0
list=
echo "127.0.0.1 localhost" >"$KRONWERK_HOSTS/hosts"
for index in "${!counts[@]}"; do
  number=$((index + 1))
  echo "10.0.0.$number host$number" >>"$KRONWERK_HOSTS/hosts"
done
for index in "${!counts[@]}"; do
  number=$((index + 1))
  host=host$number
  keep "$host" --uts --ipc --mount
  inside "$host" bash -euc '
    echo "$1" >/proc/sys/kernel/hostname
    mount --bind "$2" /etc/hosts
    mount -t tmpfs -o "mode=1777${3:+,size=$3}" tmpfs /dev/shm
    ip link set lo up' bash "$host" "$KRONWERK_HOSTS/hosts" "${KRONWERK_HOST_SHM:-}"
  inside switch ip link add "port$number" type veth peer name eth0 \
    netns "$(cat "$KRONWERK_HOSTS/$host")"
  inside switch ip link set "port$number" master bridge up
  inside "$host" ip address add "10.0.0.$number/24" dev eth0
  inside "$host" ip link set eth0 up
  ranks=$((ranks + counts[index]))
  list+=${list:+,}$host:${counts[index]}
done

# Messages between hosts by TCP over the bridge, within a host through its shared memory; what other
# transports take for one machine does not matter then.
export OMPI_MCA_plm=rsh OMPI_MCA_plm_rsh_agent="$self --agent" OMPI_MCA_plm_rsh_no_tree_spawn=1
export OMPI_MCA_pml=ob1 OMPI_MCA_btl=self,vader,tcp
export OMPI_MCA_oob_tcp_if_include=eth0 OMPI_MCA_btl_tcp_if_include=eth0
export OMPI_MCA_orte_tmpdir_base=$KRONWERK_HOSTS
unset OMPI_MCA_rmaps_base_oversubscribe
forward=()
for variable in $(compgen -e | grep '^KRONWERK_' || true); do forward+=(-x "$variable"); done
inside host1 setpriv --pdeathsig TERM bash -c 'cd "$1" && shift && exec "$@"' bash "$PWD" \
  mpirun -n "$ranks" --host "$list" --map-by slot --bind-to none "${forward[@]}" "$@" &
job=$!
status=0
wait "$job" || status=$?
job=
exit "$status"
