#pragma once

#include <mpi.h>

#include "fuzz/scratch_folder.hpp"
#include "io/hdf5/hdf5_input.hpp"
#include "kronwerk/io/files/stack.hpp"
#include "kronwerk/io/hdf5/read.hpp"
#include "kronwerk/io/hdf5/show.hpp"

namespace kronwerk::fuzz {

/// More than this is not read in one case; a job compares sizes with the memory that is there.
inline constexpr core::Index most_values = 100'000;

inline constexpr core::Index most_strings = 1'000;

/// MPI for the process, without which the readers have no communicator.
class MpiProcess {
 public:
  MpiProcess() {
    MPI_Init(nullptr, nullptr);
    comm_.emplace(communication::Communicator::duplicate(MPI_COMM_SELF));
  }
  MpiProcess(const MpiProcess&) = delete;
  MpiProcess& operator=(const MpiProcess&) = delete;
  ~MpiProcess() {
    comm_.reset();
    MPI_Finalize();
  }
  const communication::Communicator& comm() const { return *comm_; }

 private:
  std::optional<communication::Communicator> comm_;
};

/// Everything that a job may read at one place of a file.
inline void read_everything(const communication::Communicator& comm, const io::Location& place) {
  io::DatasetInfo info;
  if (!accepted([&] { info = io::inspect(comm, place); })) return;
  core::Index size = 0;
  if (!accepted([&] { size = core::product(info.shape); })) return;
  if (info.sparse) {
    if (info.stored > most_values || info.shape[0] > most_values) return;
    accepted([&] { io::read_sparse(comm, place); });
    const core::Index length = info.shape[1];
    if (length < 1 || length > most_values) return;
    accepted([&] { io::read_sparse_fibres(comm, place, length, 0, info.shape[0]); });
    return;
  }
  if (size > most_values) return;
  std::vector<double> values(static_cast<std::size_t>(size));
  accepted([&] { io::read_range(comm, place, 0, values, true); });
  accepted([&] { io::read_dense(comm, place); });
  accepted([&] { io::read_vector(comm, place); });
  if (size <= most_strings) accepted([&] { io::read_strings(comm, place); });
  accepted([&] { io::read_number(place); });
}

/// `show` of a file, and everything in it read.
inline void read_file(const communication::Communicator& comm, const std::string& file) {
  accepted([&] { static_cast<void>(io::describe_file(file)); });
  accepted([&] { static_cast<void>(io::configuration_of(file)); });
  std::vector<std::string> paths;
  accepted([&] { paths = io::dataset_paths(io::open_input(file)); });
  paths.resize(std::min<std::size_t>(paths.size(), 20));
  for (const char* group : {"/", "/S", "/parameters", "/missing/x"}) {
    accepted([&] { io::read_numbers(comm, {file, group}); });
    paths.emplace_back(group);
  }
  for (const std::string& path : paths) read_everything(comm, {file, path});
}

}  // namespace kronwerk::fuzz
