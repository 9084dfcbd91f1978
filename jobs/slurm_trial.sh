#!/usr/bin/env bash
# Runs jobs/slurm.sh under a Slurm of its own: munge, slurmctld and three slurmd on this machine, which
# pretend to be nodes. Submits the flights example and others, and checks results, exit codes, what happens
# when the time is up and at scancel, array jobs, and starts that have to be refused.
#
#   jobs/slurm_trial.sh             takes about ten minutes: time limits are minutes of real time
#   KRONWERK_PROGRAM=…/kronwerk     the program (default: build/release/kronwerk)
#
# Needs root, and Debian's packages munge, slurmctld, slurmd and slurm-client (jobs/setup.sh slurm).
# Returns 1 if a check fails, 2 if it cannot begin.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/environment.sh"
program=$(readlink -f "${KRONWERK_PROGRAM:-$KRONWERK_ROOT/build/release/kronwerk}")

fail() {
  echo "jobs/slurm_trial.sh: $1" >&2
  exit 2
}
[ -x "$program" ] || fail "no program '$program'; build it first"
[ "$(id -u)" -eq 0 ] || fail "needs root, as Slurm's daemons do"
for tool in munged slurmctld slurmd sbatch h5dump; do
  command -v "$tool" >/dev/null || fail "needs '$tool' (jobs/setup.sh slurm)"
done

work=$(mktemp -d "${TMPDIR:-/tmp}/kronwerk-slurm-XXXXXX")
chmod 755 "$work"
daemons=()
clean_up() {
  local status=$?
  trap - EXIT
  scancel --state=RUNNING,PENDING --user=root 2>/dev/null || true
  sleep 2
  kill "${daemons[@]}" 2>/dev/null || true
  wait 2>/dev/null || true
  if [ "$status" -eq 0 ]; then rm -rf "$work"; else echo "logs are kept in $work"; fi
  exit "$status"
}
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# start NAME COMMAND...: a daemon in the foreground of a background process.
start() {
  local name=$1
  shift
  "$@" >"$work/$name.log" 2>&1 </dev/null &
  daemons+=("$!")
}

# 1. The daemons. Credentials expire soon, so that a job that is put back need not wait for two minutes.
dd if=/dev/urandom of="$work/munge.key" bs=1024 count=1 status=none
chmod 600 "$work/munge.key"
start munged munged --foreground --force --key-file="$work/munge.key" --socket="$work/munge.socket" \
  --pid-file="$work/munged.pid" --log-file="$work/munged.log" --seed-file="$work/munge.seed"
host=$(hostname -s)
cores=$(OMP_NUM_THREADS= nproc) # which looks at that variable
cat >"$work/slurm.conf" <<END
ClusterName=trial
SlurmctldHost=$host(127.0.0.1)
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket=$work/munge.socket,cred_expire=15
CredType=cred/munge
SlurmctldPort=26817
StateSaveLocation=$work/state
SlurmdSpoolDir=$work/spool-%n
SlurmdLogFile=$work/step-%n.log
SlurmdDebug=verbose
SlurmdPidFile=$work/slurmd-%n.pid
SlurmctldPidFile=$work/slurmctld.pid
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
MpiDefault=none
ReturnToService=2
MinJobAge=7200
KillWait=10
SchedulerParameters=sched_interval=5
NodeName=node[1-3] NodeHostname=$host NodeAddr=127.0.0.1 Port=[26821-26823] CPUs=$cores State=UNKNOWN
PartitionName=trial Nodes=ALL Default=YES MaxTime=INFINITE OverSubscribe=NO State=UP
END
mkdir "$work/state" "$work/pmix"
echo "PMIxCliTmpDirBase=$work/pmix" >"$work/mpi.conf"
export SLURM_CONF=$work/slurm.conf
for _ in $(seq 50); do [ -S "$work/munge.socket" ] && break || sleep 0.1; done
start slurmctld slurmctld -D -f "$SLURM_CONF"
for node in node1 node2 node3; do
  mkdir "$work/spool-$node"
  # Each with a name, shared memory and a folder for PMIx of its own; networks and processors are shared.
  start "slurmd-$node" unshare --mount --uts --ipc bash -euc '
    echo "$1" >/proc/sys/kernel/hostname
    mount -t tmpfs -o mode=1777 tmpfs /dev/shm
    mount -t tmpfs tmpfs "$2/pmix"
    exec slurmd -D -N "$1" -f "$SLURM_CONF"' bash "$node" "$work"
done
for _ in $(seq 60); do
  [ "$(sinfo -h -t idle -o %D 2>/dev/null | head -1)" = 3 ] && break || sleep 1
done
[ "$(sinfo -h -t idle -o %D)" = 3 ] || { tail -n 5 "$work"/*.log; fail "the nodes do not come up"; }
sinfo --version

# 2. What jobs see: as on a cluster, nothing that mpirun needs on a small machine but this.
export KRONWERK=$program
unset OMPI_MCA_rmaps_base_oversubscribe PRTE_MCA_rmaps_default_mapping_policy
cp -r "$KRONWERK_ROOT/configs/flights" "$work/flights"
rm -rf "$work/flights/results"
cd "$work/flights"
failures=0

# expect TEXT COMMAND...: a line with ok or FAILED.
expect() {
  local text=$1
  shift
  if "$@" >"$work/expect.log" 2>&1; then
    echo "ok      $text"
  else
    echo "FAILED  $text"
    failures=$((failures + 1))
  fi
}

# submit NAME OPTIONS...: prints the job's number. Its output goes to NAME.log.
submit() {
  local name=$1
  shift
  sbatch --parsable --job-name="$name" --output="$work/$name.log" --mem=0 "$@"
}
field() { scontrol show job "$1" | grep -o "\b$2=[^ ]*" | head -1 | cut -d= -f2; }

# finished NUMBER SECONDS: waits until the job is over.
finished() {
  local state
  for _ in $(seq "$2"); do
    state=$(field "$1" JobState)
    case "$state" in PENDING | RUNNING | CONFIGURING | COMPLETING | REQUEUED) sleep 1 ;; *) return 0 ;; esac
  done
  return 1
}
until_running() {
  for _ in $(seq "$2"); do [ "$(field "$1" JobState)" != RUNNING ] || return 0; sleep 1; done
  return 1
}
ended() { [ "$(field "$1" JobState) $(field "$1" ExitCode)" = "$2" ]; }
says() { grep -q "$2" "$work/$1.log"; }
holds() { h5dump -A -d "$2" "$1" >/dev/null; }

echo "--- a job on three nodes by srun --mpi=pmix"
job=$(submit flights --nodes=3 --ntasks-per-node="$cores" --time=10 "$KRONWERK_ROOT/jobs/slurm.sh" flights.yaml)
expect "ends" finished "$job" 300
expect "COMPLETED with 0" ended "$job" "COMPLETED 0:0"
expect "ran on all ranks and nodes" says flights "$((3 * cores)) ranks, 3 nodes"
expect "wrote its result" holds results/flights.h5 /result

echo "--- wrong configurations"
job=$(submit wrong --nodes=1 --ntasks-per-node=2 --time=10 "$KRONWERK_ROOT/jobs/slurm.sh" flights.yaml --set tusk=solve)
expect "ends" finished "$job" 120
expect "FAILED with 2" ended "$job" "FAILED 2:0"
expect "says why, once" test "$(grep -c "unknown key 'tusk'" "$work/wrong.log")" = 1

echo "--- an array job over the values of a parameter"
job=$(submit array --array=1-3 --output="$work/array-%a.log" --nodes=1 --ntasks-per-node="$cores" --time=10 \
  "$KRONWERK_ROOT/jobs/slurm.sh" flights.yaml --set parameters.rho_o=0.%a --set output.file=results/rho%a.h5)
for task in 1 2 3; do
  expect "task $task ends" finished "${job}_$task" 300
  expect "task $task: COMPLETED with 0" ended "${job}_$task" "COMPLETED 0:0"
  expect "task $task: rho_o = 0.$task" grep -q "rho_o: 0.$task" <(h5dump -a /configuration "results/rho$task.h5")
done

echo "--- starts of other kinds"
sbatch --parsable --wait --output="$work/foreign.log" --nodes=1 --ntasks=2 --time=10 \
  --wrap "srun --mpi=none $program show results/flights.h5" >/dev/null || true
# Open MPI sees it itself and other MPIs do not, where kronwerk counts.
expect "ranks that srun starts without PMI are refused" \
  says foreign 'direct launched using "srun"\|started as 2 copies of one rank each'
sbatch --parsable --wait --output="$work/allocation.log" --nodes=1 --ntasks=2 --time=10 \
  --wrap "$program plan flights.yaml && $program check" >/dev/null || true
expect "within an allocation one rank is started without srun" says allocation "all 7 checks passed"
job=$(submit check --nodes=3 --ntasks-per-node=1 --time=10 --wrap "srun --mpi=pmix $program check")
expect "the self-test ends" finished "$job" 120
expect "the self-test passes on three nodes" says check "all 7 checks passed"

# A sweep that takes about two and a half minutes on one rank.
cat >"$work/flights/long.yaml" <<'END'
task: solve
parameters: {rho_o: 0.35, rho_d: 0.40}
matrices:
  W: {file: flights.h5, dataset: /W}
operator: "kron(I - rho_o*W, I - rho_d*W)"
sweep: {rho_o: {from: 0.1, to: 0.6, count: 40}}
input: {file: flights.h5, dataset: /flights, transform: log1p}
output: {file: results/long.h5, overwrite: true}
END
begin=$(date +%s%N)
"$program" run --quiet long.yaml
count=$((40 * 150000 / (($(date +%s%N) - begin) / 1000000) + 1))
rm -rf results/long.h5*
long=(long.yaml --set "sweep.rho_o.count=$count")

echo "--- a sweep of $count points whose time is up after a minute (TERM@60 of two)"
job=$(submit long --nodes=1 --ntasks-per-node=1 --time=2 "$KRONWERK_ROOT/jobs/slurm.sh" "${long[@]}")
expect "begins" until_running "$job" 60
for _ in $(seq 180); do says long "goes back into the queue" && break || sleep 1; done
expect "is told and put back into the queue" says long "goes back into the queue"
expect "keeps what it has done" test -d results/long.h5.state
expect "leaves no result" test ! -e results/long.h5
expect "ends in the end" finished "$job" 600
expect "COMPLETED with 0" ended "$job" "COMPLETED 0:0"
expect "was restarted" test "$(field "$job" Restarts)" -ge 1
expect "went on where it was" says long "goes on\|resumed"
expect "has all points" grep -q "( $count " <(h5dump -H -d /sweep/rho_o results/long.h5)
expect "and no state any more" test ! -e results/long.h5.state

echo "--- scancel"
rm -f results/long.h5
job=$(submit cancelled --nodes=1 --ntasks-per-node=1 --time=10 "$KRONWERK_ROOT/jobs/slurm.sh" "${long[@]}")
expect "begins" until_running "$job" 60
for _ in $(seq 30); do [ -d results/long.h5.state ] && break || sleep 1; done
sleep 5
scancel "$job"
expect "ends" finished "$job" 60
expect "CANCELLED, not put back" test "$(field "$job" JobState)" = CANCELLED
expect "keeps what it has done" test -d results/long.h5.state
expect "leaves no result" test ! -e results/long.h5

echo "$failures checks failed"
[ "$failures" -eq 0 ]
