#pragma once

#include <cblas.h>
#include <mpi.h>
#include <petscsys.h>
#include <sys/resource.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <string>
#include <vector>

#include "kronwerk/communication/communicator.hpp"
#include "kronwerk/core/extents.hpp"
#include "kronwerk/factors/base/blas_library.hpp"
#include "kronwerk/operators/petsc/petsc_options.hpp"

/// What the benchmark programs share. They print lines `key value` on rank 0; the table is made of
/// them by table.py, which also runs the peers.
namespace kronwerk::benchmarks {

using core::Index;

/// MPI, PETSc and one BLAS thread for the life of a benchmark program.
class Session {
 public:
  Session(int* argc, char*** argv) {
    factors::set_blas_threads(1);
    if (PetscInitialize(argc, argv, nullptr, nullptr) != 0) std::exit(1);
    if (operators::keep_inner_products_alike() != 0) std::exit(1);
  }
  ~Session() { static_cast<void>(PetscFinalize()); }
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;
};

/// Seconds of the slowest rank; all start together. Collective.
inline double seconds(const communication::Communicator& comm, const std::function<void()>& work) {
  comm.barrier();
  const double start = MPI_Wtime();
  work();
  return comm.max(MPI_Wtime() - start);
}

inline double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  const std::size_t half = values.size() / 2;
  return values.size() % 2 == 1 ? values[half] : (values[half - 1] + values[half]) / 2;
}

/// Medians of several pieces of work done in turns, so that what disturbs the machine disturbs all
/// of them. Each is done once before the clock runs. Collective.
inline std::vector<double> medians_in_turns(const communication::Communicator& comm, int repeats,
                                            const std::vector<std::function<void()>>& works) {
  for (const auto& work : works) work();
  std::vector<std::vector<double>> times(works.size());
  for (int repeat = 0; repeat < repeats; ++repeat) {
    for (std::size_t i = 0; i < works.size(); ++i) times[i].push_back(seconds(comm, works[i]));
  }
  std::vector<double> result;
  for (auto& each : times) result.push_back(median(std::move(each)));
  return result;
}

/// Runs the program's body; says what went wrong.
inline int guarded(const std::function<void()>& body) {
  try {
    body();
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    MPI_Abort(MPI_COMM_WORLD, 1);
    return 1;
  }
}

/// What a benchmark program was called with; arguments count from 1.
class Arguments {
 public:
  Arguments(int argc, char** argv) : values_(argv + 1, argv + argc) {}

  int count() const { return static_cast<int>(values_.size()); }
  /// `otherwise` if there are not so many.
  std::string text(int at, const std::string& otherwise = {}) const {
    return at <= count() ? values_[static_cast<std::size_t>(at - 1)] : otherwise;
  }
  bool says(int at, const char* word) const { return text(at) == word; }
  double number(int at) const { return std::stod(text(at)); }
  Index index(int at, Index otherwise = 0) const {
    return at <= count() ? std::stoll(text(at)) : otherwise;
  }
  int times(int at, int otherwise = 1) const { return core::narrow<int>(index(at, otherwise)); }
  /// All from there on.
  std::vector<Index> extents(int from) const {
    std::vector<Index> result;
    for (int at = from; at <= count(); ++at) result.push_back(index(at));
    return result;
  }

 private:
  std::vector<std::string> values_;
};

/// The main function of a benchmark program: MPI and PETSc for its life, errors printed.
/// @param usage  printed if there are fewer than `least` arguments
inline int run_program(int argc, char** argv, int least, const char* usage,
                       const std::function<void(const Arguments&)>& body) {
  const Arguments arguments(argc, argv);
  if (arguments.count() < least) {
    std::fprintf(stderr, "usage: %s\n", usage);
    return 2;
  }
  const Session session(&argc, &argv);
  return guarded([&] { body(arguments); });
}

inline void report(const communication::Communicator& comm, const char* key, double value) {
  if (comm.is_root()) std::printf("%s %.9g\n", key, value);
}

/// Largest resident size of any rank so far, pages of shared memory that it touched included.
inline double peak_bytes(const communication::Communicator& comm) {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return comm.max(1024.0 * static_cast<double>(usage.ru_maxrss));
}

/// A one-thread dgemm of m x k by k x n on every rank at once: what the processor can do.
class ConcurrentGemm {
 public:
  ConcurrentGemm(int m, int n, int k)
      : m_(m), n_(n), k_(k), a_(size(m, k), 1.0), b_(size(k, n), 1.0), c_(size(m, n), 0.0) {}
  void operator()() {
    cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, m_, n_, k_, 1.0, a_.data(), k_,
                b_.data(), n_, 0.0, c_.data(), n_);
  }
  double flops() const { return 2.0 * m_ * n_ * k_; }

 private:
  static std::size_t size(int rows, int columns) {
    return static_cast<std::size_t>(rows) * static_cast<std::size_t>(columns);
  }
  int m_, n_, k_;
  std::vector<double> a_, b_, c_;
};

/// An MPI_Alltoall that moves as much as one redistribution of a vector of `size` entries.
class BareExchange {
 public:
  BareExchange(const communication::Communicator& comm, Index size)
      : comm_(&comm),
        count_(core::narrow<int>(size / comm.size() / comm.size())),
        send_(static_cast<std::size_t>(count_) * static_cast<std::size_t>(comm.size()), 1.0),
        receive_(send_.size(), 0.0) {}
  void operator()() {
    communication::check_mpi(MPI_Alltoall(send_.data(), count_, MPI_DOUBLE, receive_.data(), count_,
                                          MPI_DOUBLE, comm_->get()));
  }

 private:
  const communication::Communicator* comm_;
  int count_;
  std::vector<double> send_, receive_;
};

}  // namespace kronwerk::benchmarks
