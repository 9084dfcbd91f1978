#include "kronwerk/factors/dense/distributed_system.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <optional>
#include <vector>

#include "factors/base/local_factorisation.hpp"
#include "factors/base/process_grid.hpp"
#include "factors/base/scalapack.hpp"
#include "kronwerk/core/error.hpp"

namespace kronwerk::factors {

using communication::Communicator;

namespace {

constexpr int one = 1;

void transpose(std::span<const double> from, Index rows, Index columns, std::span<double> to) {
  for (Index i = 0; i < rows; ++i) {
    for (Index j = 0; j < columns; ++j) {
      to[static_cast<std::size_t>(j * rows + i)] = from[static_cast<std::size_t>(i * columns + j)];
    }
  }
}

}  // namespace

// What ScaLAPACK sees, column-major, is Aᵀ.
struct DistributedSystem::State {
  State(const Communicator& of, Index n, std::string called, int block)
      : comm(&of), extent(n), name(std::move(called)), grid(of, n, block) {}

  const Communicator* comm;
  Index extent;
  std::string name;
  ProcessGrid grid;
  std::optional<BlockCyclic> part;  ///< of the grid's members
  std::vector<Index> rows;          ///< of Aᵀ that this process has
  std::vector<Index> columns;
  std::vector<int> pivots;  ///< empty with Cholesky
  double norm = 0;
  double reciprocal_condition = 1;
  Determinant found{};
  bool cholesky = false;

  int n() const { return core::narrow<int>(extent); }
  void evaluate(const Entries& entries);
  void find_norm();
  bool factorise_cholesky();
  void factorise_lu();
  void find_determinant();
  void estimate_condition();
};

void DistributedSystem::State::evaluate(const Entries& entries) {
  communication::collectively(*comm, [&] {
    if (!grid.is_member()) return;
    try {
      if (!part) part.emplace(grid, extent);
    } catch (const std::bad_alloc&) {
      throw core::ResourceError(
          fmt::format("memory is short for the share of a rank in the matrix '{}' ({} x {}); use "
                      "more nodes or fewer ranks per node",
                      name, extent, extent));
    }
    rows.clear();
    columns.clear();
    for (int i = 0; i < part->local_rows(); ++i) rows.push_back(part->global_row(i));
    for (int j = 0; j < part->local_columns(); ++j) columns.push_back(part->global_column(j));
    if (rows.empty() || columns.empty()) return;
    entries(columns, rows, {part->data(), rows.size() * columns.size()});
  });
}

/// The 1-norm of A, the largest sum of a row of Aᵀ.
void DistributedSystem::State::find_norm() {
  std::vector<double> sums(static_cast<std::size_t>(extent), 0.0);
  for (std::size_t j = 0; j < columns.size(); ++j) {
    for (std::size_t i = 0; i < rows.size(); ++i) {
      sums[static_cast<std::size_t>(rows[i])] += std::abs(part->data()[j * rows.size() + i]);
    }
  }
  comm->sum(std::span(sums));
  norm = sums.empty() ? 0 : *std::max_element(sums.begin(), sums.end());
}

bool DistributedSystem::State::factorise_cholesky() {
  int info = 0;
  if (part) {
    const int size = n();
    pdpotrf_("L", &size, part->data(), &one, &one, part->descriptor(), &info, 1);
  }
  cholesky = !comm->any(info != 0);
  return cholesky;
}

void DistributedSystem::State::factorise_lu() {
  int info = 0;
  if (part) {
    pivots.assign(static_cast<std::size_t>(part->local_rows() + grid.block()), 0);
    const int size = n();
    pdgetrf_(&size, &size, part->data(), &one, &one, part->descriptor(), pivots.data(), &info);
  }
  if (comm->any(info != 0)) throw_singular(name, extent, 0.0);
}

void DistributedSystem::State::find_determinant() {
  double log_abs = 0;
  Index negative = 0;
  for (std::size_t j = 0; j < columns.size(); ++j) {
    const auto at = std::lower_bound(rows.begin(), rows.end(), columns[j]);
    if (at == rows.end() || *at != columns[j]) continue;
    const auto i = static_cast<std::size_t>(at - rows.begin());
    const double pivot = part->data()[j * rows.size() + i];
    log_abs += (cholesky ? 2 : 1) * std::log(std::abs(pivot));
    if (pivot < 0) ++negative;
  }
  // Every column of the grid knows the row exchanges.
  if (!cholesky && grid.is_member() && grid.column() == 0) {
    for (std::size_t i = 0; i < rows.size(); ++i) negative += pivots[i] != rows[i] + 1 ? 1 : 0;
  }
  found.log_abs = comm->sum(log_abs);
  found.sign = comm->sum(negative) % 2 == 0 ? 1 : -1;
}

void DistributedSystem::State::estimate_condition() {
  double reciprocal = 0;
  if (part) {
    const int size = n();
    int info = 0;
    int query = -1;
    double work_size = 0;
    int int_size = 0;
    // The infinity norm of ScaLAPACK's transposed matrix is the 1-norm of ours.
    const auto estimate = [&](double* work, const int* count, int* int_work, const int* int_count) {
      if (cholesky) {
        pdpocon_("L", &size, part->data(), &one, &one, part->descriptor(), &norm, &reciprocal, work,
                 count, int_work, int_count, &info, 1);
      } else {
        pdgecon_("I", &size, part->data(), &one, &one, part->descriptor(), &norm, &reciprocal, work,
                 count, int_work, int_count, &info, 1);
      }
    };
    estimate(&work_size, &query, &int_size, &query);
    const int count = static_cast<int>(work_size);
    std::vector<double> work(static_cast<std::size_t>(count));
    std::vector<int> int_work(static_cast<std::size_t>(int_size));
    estimate(work.data(), &count, int_work.data(), &int_size);
    if (info != 0) reciprocal = 0;
  }
  double shared[] = {reciprocal};
  comm->broadcast(std::span<double>(shared));
  reciprocal_condition = shared[0];
}

DistributedSystem::DistributedSystem(const Communicator& comm, Index extent, std::string name,
                                     bool symmetric, const Entries& entries, int block)
    : state_(std::make_unique<State>(comm, extent, std::move(name), block)) {
  State& state = *state_;
  state.evaluate(entries);
  state.find_norm();
  if (!symmetric || !state.factorise_cholesky()) {
    if (symmetric) state.evaluate(entries);
    state.factorise_lu();
  }
  state.find_determinant();
  state.estimate_condition();
  if (!(state.reciprocal_condition >= singular_threshold)) {
    throw_singular(state.name, extent,
                   std::isnan(state.reciprocal_condition) ? 0.0 : state.reciprocal_condition);
  }
}

DistributedSystem::~DistributedSystem() = default;
DistributedSystem::DistributedSystem(DistributedSystem&&) noexcept = default;
DistributedSystem& DistributedSystem::operator=(DistributedSystem&&) noexcept = default;

void DistributedSystem::solve(std::span<double> values, Index width, bool transposed) const {
  State& state = *state_;
  std::vector<double> whole(values.size());
  std::optional<BlockCyclic> right;
  communication::collectively(*state.comm, [&] {
    transpose(values, state.extent, width, whole);
    if (!state.part) return;
    right.emplace(state.grid, state.extent, width);
    right->read(whole.data());
  });
  std::fill(whole.begin(), whole.end(), 0.0);
  if (right) {
    const int n = state.n();
    const int columns = core::narrow<int>(width);
    int info = 0;
    if (state.cholesky) {
      pdpotrs_("L", &n, &columns, state.part->data(), &one, &one, state.part->descriptor(),
               right->data(), &one, &one, right->descriptor(), &info, 1);
    } else {
      pdgetrs_(transposed ? "N" : "T", &n, &columns, state.part->data(), &one, &one,
               state.part->descriptor(), state.pivots.data(), right->data(), &one, &one,
               right->descriptor(), &info, 1);
    }
    right->write(whole.data());
  }
  state.comm->sum(std::span(whole));
  transpose(whole, width, state.extent, values);
}

Determinant DistributedSystem::determinant() const noexcept {
  return state_->found;
}

double DistributedSystem::condition() const noexcept {
  return 1 / state_->reciprocal_condition;
}

std::string DistributedSystem::description() const {
  return fmt::format("dense {} spread over {} ranks", state_->cholesky ? "Cholesky" : "LU",
                     state_->comm->size());
}

}  // namespace kronwerk::factors
