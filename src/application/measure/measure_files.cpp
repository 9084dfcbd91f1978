#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>

#include "application/measure/measure.hpp"
#include "kronwerk/io/files/result_file.hpp"
#include "kronwerk/io/files/scratch_folder.hpp"
#include "kronwerk/io/hdf5/read.hpp"

namespace kronwerk::application {
namespace {

using communication::Communicator;

constexpr core::Index values = core::Index{1} << 21;  ///< of each rank: 16 MB
constexpr double gigabytes = 8e-9 * static_cast<double>(values);

struct Seconds {
  double create = 0, write = 0, sync = 0, open = 0, read = 0;
};

double now() {
  return MPI_Wtime();
}

/// A result of the ranks of `comm` as jobs write it, read again and removed. Collective on comm.
Seconds write_and_read(const Communicator& comm, const std::string& target) {
  Seconds seconds;
  std::vector<double> block;
  communication::collectively(comm, [&] { block.assign(static_cast<std::size_t>(values), 1.0); });
  const core::Index first = values * comm.rank();
  double begin = now();
  const auto lap = [&](double& part) {
    comm.barrier();
    const double end = now();
    part = end - begin;
    begin = end;
  };
  {
    io::ResultFile file(comm, target, true);
    lap(seconds.create);
    const core::Extents shape{values * comm.size()};
    file.create_dataset("/values", shape);
    file.write_range("/values", first, block);
    lap(seconds.write);
    file.flush();
    lap(seconds.sync);
    file.commit();
    double commit = 0;
    lap(commit);
    seconds.create += commit;
  }
  static_cast<void>(io::inspect(comm, {target, "/values"}));
  lap(seconds.open);
  io::read_range(comm, {target, "/values"}, first, block);
  lap(seconds.read);
  communication::on_root(comm, [&] { std::filesystem::remove(target); });
  return seconds;
}

/// The best of some times. Collective on comm.
Seconds best_of(const Communicator& comm, const std::string& target) {
  constexpr int rounds = 3;
  Seconds best = write_and_read(comm, target);
  for (int round = 1; round < rounds; ++round) {
    const Seconds next = write_and_read(comm, target);
    for (double Seconds::*part :
         {&Seconds::create, &Seconds::write, &Seconds::sync, &Seconds::open, &Seconds::read}) {
      best.*part = std::min(best.*part, next.*part);
    }
  }
  return best;
}

}  // namespace

void measure_files(const Bench& bench, const std::string& folder, configuration::Machine& machine) {
  const Communicator& comm = bench.comm();
  const io::ScratchFolder scratch(comm, folder, "kronwerk-measure");
  const std::string target = (scratch.path() / "values.h5").string();
  const Seconds all = best_of(comm, target);
  machine.file_create_milliseconds = 1e3 * comm.max(all.create);
  machine.file_open_milliseconds = 1e3 * comm.max(all.open);
  machine.file_write.all_ranks = gigabytes / comm.max(all.write);
  machine.file_read.all_ranks = gigabytes / comm.max(all.read);
  machine.file_write.one_rank = machine.file_write.all_ranks;
  machine.file_read.one_rank = machine.file_read.all_ranks;
  machine.file_sync_milliseconds = 1e3 * comm.max(all.sync);
  machine.file_sync_gigabytes_per_second = gigabytes * comm.size() / comm.max(all.sync);
  if (comm.size() == 1) return;
  Seconds one;
  communication::on_root(comm, [&] { one = best_of(bench.self(), target); });
  machine.file_write.one_rank = gigabytes / comm.max(one.write);
  machine.file_read.one_rank = gigabytes / comm.max(one.read);
}

}  // namespace kronwerk::application
