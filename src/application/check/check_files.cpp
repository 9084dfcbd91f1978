// Files that all ranks write. Declared in check.hpp.
#include <fmt/format.h>

#include <filesystem>
#include <numeric>

#include "application/check/check.hpp"
#include "kronwerk/core/error.hpp"
#include "kronwerk/core/text.hpp"
#include "kronwerk/io/files/result_file.hpp"
#include "kronwerk/io/files/scratch_folder.hpp"
#include "kronwerk/io/hdf5/read.hpp"

namespace kronwerk::application {

using communication::Communicator;
using core::Index;

std::string check_files(const Communicator& comm, const std::string& folder) {
  constexpr Index count = Index{1} << 19;  // 4 MB of each rank
  const io::ScratchFolder scratch(comm, folder, "kronwerk-check");
  const std::string target = (scratch.path() / "values.h5").string();
  std::vector<double> values;
  communication::collectively(comm, [&] {
    values.resize(static_cast<std::size_t>(count));
    std::iota(values.begin(), values.end(), static_cast<double>(count * comm.rank()));
  });
  const double begin = MPI_Wtime();
  {
    io::ResultFile file(comm, target, true);
    file.create_dataset("/values", core::Extents{count * comm.size()});
    file.write_range("/values", count * comm.rank(), values);
    file.commit();
  }
  const double seconds = comm.max(MPI_Wtime() - begin);
  // Another rank's part, of another host if there are several.
  const Index other = (comm.rank() + comm.size() / 2) % comm.size();
  std::vector<double> found(values.size());
  io::read_range(comm, {target, "/values"}, count * other, found);
  communication::collectively(comm, [&] {
    std::iota(values.begin(), values.end(), static_cast<double>(count * other));
    if (found == values) return;
    throw core::InternalError(fmt::format("{}: rank {} does not read what rank {} has written",
                                          target, comm.rank(), other));
  });
  return fmt::format("HDF5 {} written by all ranks to {} and read again, {}/s", io::hdf5_version(),
                     std::filesystem::absolute(folder).lexically_normal().string(),
                     core::format_bytes(8.0 * static_cast<double>(count) * comm.size() / seconds));
}

}  // namespace kronwerk::application
