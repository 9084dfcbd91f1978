// Known answers: decompositions by all ranks, and a job. Declared in check.hpp.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <fstream>

#include "application/check/check.hpp"
#include "application/command_line/commands.hpp"
#include "kronwerk/core/error.hpp"
#include "kronwerk/factors/base/distributed_libraries.hpp"
#include "kronwerk/factors/base/make.hpp"
#include "kronwerk/factors/dense/distributed_system.hpp"
#include "kronwerk/factors/spectra/bases.hpp"
#include "kronwerk/io/files/data_file.hpp"
#include "kronwerk/io/files/scratch_folder.hpp"
#include "kronwerk/io/hdf5/read.hpp"

namespace kronwerk::application {
namespace {

using communication::Communicator;
using core::Index;

/// min(i, j) counted from 1: its determinant is 1, and its inverse the second difference.
double minimum(Index i, Index j) {
  return static_cast<double>(std::min(i, j) + 1);
}

double known(Index i) {
  return std::sin(static_cast<double>(i));
}

/// Rows i and i + 1 of a ring: (W x)_i = x_{i+1}.
io::SparseMatrix ring(Index n) {
  io::SparseMatrix w;
  w.rows = w.cols = n;
  for (Index i = 0; i <= n; ++i) w.row_offsets.push_back(i);
  for (Index i = 0; i < n; ++i) w.column_indices.push_back(static_cast<std::int32_t>((i + 1) % n));
  w.values.assign(static_cast<std::size_t>(n), 1.0);
  return w;
}

}  // namespace

std::string check_decompositions(const Communicator& comm, const std::string&) {
  constexpr Index extent = 200;
  const factors::DistributedSystem system(
      comm, extent, "known", true,
      [](std::span<const Index> rows, std::span<const Index> columns, std::span<double> out) {
        std::size_t place = 0;
        for (const Index i : rows) {
          for (const Index j : columns) out[place++] = minimum(i, j);
        }
      });
  std::vector<double> values(static_cast<std::size_t>(extent), 0.0);
  for (Index i = 0; i < extent; ++i) {
    for (Index j = 0; j < extent; ++j)
      values[static_cast<std::size_t>(i)] += minimum(i, j) * known(j);
  }
  system.solve(values, 1, false);
  communication::collectively(comm, [&] {
    for (Index i = 0; i < extent; ++i) {
      require(std::abs(values[static_cast<std::size_t>(i)] - known(i)) < 1e-8,
              "a dense system was not solved");
    }
    require(std::abs(system.determinant().log_abs) < 1e-8, "a determinant is not the known one");
  });
  return fmt::format("{}; built with{} ScaLAPACK and with{} ELPA", system.description(),
                     factors::has_scalapack() ? "" : "out", factors::has_elpa() ? "" : "out");
}

// (I - 0.3 W) ⊗ (I - 0.2 V) x = b with rings W and V and a known x, by way of files as a user's
// job.
std::string check_solve(const Communicator& comm, const std::string& folder) {
  constexpr Index rows = 37;
  constexpr Index columns = 29;
  const io::ScratchFolder scratch(comm, folder, "kronwerk-check");
  const std::string data = (scratch.path() / "data.h5").string();
  const std::string result = (scratch.path() / "result.h5").string();
  const std::string text = (scratch.path() / "job.yaml").string();
  communication::on_root(comm, [&] {
    std::vector<double> b;
    const auto x = [&](Index i, Index j) { return known(i % rows * columns + j % columns); };
    for (Index i = 0; i < rows; ++i) {
      for (Index j = 0; j < columns; ++j) {
        b.push_back(x(i, j) - 0.2 * x(i, j + 1) - 0.3 * x(i + 1, j) + 0.06 * x(i + 1, j + 1));
      }
    }
    io::DataFile file(data, true);
    file.write_sparse("/W", ring(rows));
    file.write_sparse("/V", ring(columns));
    file.write_dense("/b", core::Extents{rows, columns}, b);
    file.commit();
    std::ofstream job(text);
    job << "task: solve\n"
           "matrices:\n"
           "  W: {file: data.h5, dataset: /W}\n"
           "  V: {file: data.h5, dataset: /V}\n"
           "operator: \"kron(I - 0.3*W, I - 0.2*V)\"\n"
           "input: {file: data.h5, dataset: /b}\n"
           "output: result.h5\n";
    require(static_cast<bool>(job.flush()), text + ": cannot be written");
  });
  CommandLine line;
  line.command = Command::run;
  line.file = text;
  line.quiet = true;
  run_job(comm, load_job(comm, line), true);
  std::vector<double> found(static_cast<std::size_t>(rows * columns));
  io::read_range(comm, {result, "/result"}, 0, found);
  double error = 0;
  for (Index i = 0; i < rows * columns; ++i) {
    error = std::max(error, std::abs(found[static_cast<std::size_t>(i)] - known(i)));
  }
  communication::collectively(comm, [&] {
    require(error < 1e-12, fmt::format("the solution of a known job is wrong by {:.1e}", error));
  });
  return fmt::format("a job of {} unknowns gives the known solution to {:.1e}", rows * columns,
                     comm.max(error));
}

}  // namespace kronwerk::application
