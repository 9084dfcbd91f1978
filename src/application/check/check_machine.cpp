// What the machine does: the checks of program, BLAS, messages and memory. Declared in check.hpp.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numbers>
#include <numeric>

#include "application/check/check.hpp"
#include "application/report/placement.hpp"
#include "application/session/blas_check.hpp"
#include "application/session/libraries.hpp"
#include "application/session/start_check.hpp"
#include "factors/base/lapack.hpp"
#include "kronwerk/communication/shared_array.hpp"
#include "kronwerk/core/error.hpp"
#include "kronwerk/core/text.hpp"
#include "kronwerk/factors/base/blas_library.hpp"
#include "kronwerk/methods/memory.hpp"

namespace kronwerk::application {
namespace {

using communication::Communicator;
using core::Index;

/// A reflection H = I - 2 v vᵀ/(vᵀv) is its own inverse.
void check_products(int n) {
  std::vector<double> v(static_cast<std::size_t>(n));
  std::iota(v.begin(), v.end(), 1.0);
  const double square = std::inner_product(v.begin(), v.end(), v.begin(), 0.0);
  std::vector<double> h(v.size() * v.size());
  std::vector<double> product(h.size());
  for (std::size_t i = 0; i < v.size(); ++i) {
    for (std::size_t j = 0; j < v.size(); ++j) {
      h[i * v.size() + j] = (i == j ? 1 : 0) - 2 * v[i] * v[j] / square;
    }
  }
  const double one = 1, zero = 0;
  dgemm_("N", "N", &n, &n, &n, &one, h.data(), &n, h.data(), &n, &zero, product.data(), &n, 1, 1);
  for (std::size_t i = 0; i < v.size(); ++i) product[i * v.size() + i] -= 1;
  for (const double value : product) {
    require(std::abs(value) < 1e-12, "dgemm does not give the known product");
  }
}

/// min(i, j) = L Lᵀ with ones in L.
void check_cholesky(int n) {
  std::vector<double> a;
  for (int i = 0; i < n; ++i) {
    for (int j = 0; j < n; ++j) a.push_back(std::min(i, j) + 1);
  }
  int info = 0;
  dpotrf_("L", &n, a.data(), &n, &info, 1);
  require(info == 0, "dpotrf fails on a positive definite matrix");
  for (int column = 0; column < n; ++column) {
    for (int row = column; row < n; ++row) {
      require(std::abs(a[static_cast<std::size_t>(column * n + row)] - 1) < 1e-10,
              "dpotrf does not give the known factor");
    }
  }
}

/// The second difference has the eigenvalues 2 - 2 cos(k π/(n + 1)).
void check_eigenvalues(int n) {
  const auto extent = static_cast<std::size_t>(n);
  std::vector<double> a(extent * extent, 0.0);
  for (std::size_t i = 0; i < extent; ++i) {
    a[i * extent + i] = 2;
    if (i > 0) a[i * extent + i - 1] = a[(i - 1) * extent + i] = -1;
  }
  std::vector<double> values(extent);
  std::vector<double> work(1 + 6 * extent + 2 * extent * extent);
  std::vector<int> int_work(3 + 5 * extent);
  const int work_size = static_cast<int>(work.size());
  const int int_size = static_cast<int>(int_work.size());
  int info = 0;
  dsyevd_("V", "L", &n, a.data(), &n, values.data(), work.data(), &work_size, int_work.data(),
          &int_size, &info, 1, 1);
  require(info == 0, "dsyevd fails on a symmetric matrix");
  for (std::size_t k = 0; k < extent; ++k) {
    const double angle = static_cast<double>(k + 1) * std::numbers::pi / (n + 1);
    require(std::abs(values[k] - (2 - 2 * std::cos(angle))) < 1e-12,
            "dsyevd does not give the known eigenvalues");
  }
}

}  // namespace

std::string check_program(const Communicator& comm, const std::string&) {
  check_same_program(comm, program_identity());
  std::vector<std::string> hosts;
  for (const NodePlacement& node : find_placement(comm)) hosts.push_back(node.host);
  return fmt::format("the same on {}; {}", core::join(hosts, ", "), mpi_version());
}

std::string check_blas(const Communicator& comm, const std::string&) {
  double seconds = 0;
  constexpr int extent = 300;
  communication::collectively(comm, [&] {
    prepare_blas(1);
    check_products(extent);
    check_cholesky(extent);
    check_eigenvalues(extent);
    const double begin = MPI_Wtime();
    check_products(extent);
    seconds = MPI_Wtime() - begin;
  });
  const factors::BlasLibrary blas = factors::find_blas();
  return fmt::format("products, Cholesky and eigenvalues as known, in {} a product ({}{}{})",
                     core::format_seconds(comm.max(seconds)), blas.file,
                     blas.core.empty() ? "" : ", ", blas.core);
}

std::string check_messages(const Communicator& comm, const std::string&) {
  constexpr int count = 1 << 17;  // a megabyte
  const int next = (comm.rank() + 1) % comm.size();
  const int previous = (comm.rank() + comm.size() - 1) % comm.size();
  std::vector<double> sent(count, comm.rank());
  std::vector<double> received(count, -1.0);
  comm.barrier();
  const double begin = MPI_Wtime();
  constexpr int rounds = 8;
  for (int round = 0; round < rounds; ++round) {
    communication::check_mpi(MPI_Sendrecv(sent.data(), count, MPI_DOUBLE, next, 7, received.data(),
                                          count, MPI_DOUBLE, previous, 7, comm.get(),
                                          MPI_STATUS_IGNORE));
  }
  const double seconds = comm.max(MPI_Wtime() - begin);
  std::vector<int> to_all(static_cast<std::size_t>(comm.size()), comm.rank());
  std::vector<int> from_all(to_all.size(), -1);
  communication::check_mpi(
      MPI_Alltoall(to_all.data(), 1, MPI_INT, from_all.data(), 1, MPI_INT, comm.get()));
  const Index sum = comm.sum(Index{comm.rank()});
  communication::collectively(comm, [&] {
    require(received == std::vector<double>(count, previous),
            fmt::format("rank {} did not receive what rank {} has sent", comm.rank(), previous));
    for (int rank = 0; rank < comm.size(); ++rank) {
      require(
          from_all[static_cast<std::size_t>(rank)] == rank,
          fmt::format("rank {} received from rank {} what another has sent", comm.rank(), rank));
    }
    require(sum == Index{comm.size()} * (comm.size() - 1) / 2, "a sum over the ranks is wrong");
  });
  return fmt::format("a ring of {} rank{} on {} node{} moves {}/s from each, sums are right",
                     comm.size(), comm.size() == 1 ? "" : "s", comm.node_count(),
                     comm.node_count() == 1 ? "" : "s",
                     core::format_bytes(rounds * 8.0 * count / seconds));
}

std::string check_shared_memory(const Communicator& comm, const std::string&) {
  constexpr Index count = 1 << 20;
  communication::SharedArray<double> array(comm, count);
  if (comm.node().is_root()) {
    std::iota(array.mutable_span().begin(), array.mutable_span().end(), 1.0);
  }
  array.publish();
  const double sum = std::accumulate(array.span().begin(), array.span().end(), 0.0);
  communication::collectively(comm, [&] {
    require(sum == 0.5 * static_cast<double>(count) * static_cast<double>(count + 1),
            fmt::format("rank {} does not see what the first rank of its node has written",
                        comm.rank()));
  });
  const methods::MemoryLimits limits = methods::read_memory_limits();
  return fmt::format("shared by the ranks of each node; at least {} free, {} in /dev/shm",
                     core::format_bytes(comm.min(limits.bytes)),
                     core::format_bytes(comm.min(limits.shared_bytes)));
}

}  // namespace kronwerk::application
