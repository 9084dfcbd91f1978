#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "kronwerk/kernels/engine/program.hpp"

namespace kronwerk::kernels {

/// Over the column index j, for every row i and component of F. Lists are ascending for kmin and
/// descending for kmax, and stable: the lowest index wins ties. NaN propagates in sum, mean, norm,
/// logsumexp and softmax; the others leave it out and count it. Over no columns: sum, norm, count
/// and any 0, all 1, mean and softmax NaN, logsumexp -inf, min +inf and max -inf with the index -1.
enum class ReductionKind {
  sum,
  mean,
  norm,       ///< sqrt(Σ F²)
  count,      ///< how many are not 0
  any,        ///< 1 or 0: one is not 0
  all,        ///< 1 or 0: none is 0
  logsumexp,  ///< log Σ w exp(F), w = 1 without a weight; -inf if all are -inf
  softmax,    ///< Σ exp(F) w / Σ exp(F)
  min,
  max,
  argmin,
  argmax,
  min_argmin,
  max_argmax,
  kmin,
  argkmin,
  kmin_argkmin,
  kmax,
  argkmax,
  kmax_argkmax,
};

/// "min_argmin" ↔ ReductionKind::min_argmin.
const std::string& to_text(ReductionKind kind);
std::optional<ReductionKind> find_reduction(const std::string& name);
std::vector<std::string> reduction_names();
bool gives_values(ReductionKind kind);
bool gives_indices(ReductionKind kind);

struct ReductionRequest {
  ReductionKind kind = ReductionKind::sum;
  Index k = 1;  ///< length of the lists
  /// w of logsumexp and softmax; F is then scalar and the result has w's dimension.
  std::optional<Expression> weight{};
};

/// One reduction's result for consecutive rows: (rows, k, dimension), row-major.
struct ReductionResult {
  Index rows = 0;
  Index k = 1;
  int dimension = 1;
  std::vector<double> values;         ///< if gives_values
  std::vector<std::int64_t> indices;  ///< if gives_indices; -1 where there is none (no column, or
                                      ///< NaN everywhere)
};

/// Reductions of one formula over blocks of columns that arrive one after the other in any order;
/// the arg reductions are the same for every order, sums agree to rounding. Local.
class LocalReduction {
 public:
  /// @param rows  kept; must outlive the reduction
  LocalReduction(const Expression& formula, Constants constants, Precision precision,
                 std::vector<ReductionRequest> requests, const Side& rows);
  ~LocalReduction();
  LocalReduction(LocalReduction&&) noexcept;

  /// The rows [begin, end) of the side take part (all by default); for block-sparse evaluation.
  void add(const Side& columns);
  void add(const Side& columns, Index begin, Index end);
  std::vector<ReductionResult> finish();
  /// Pairs whose value was NaN, so far (for the reductions other than sums, which leave them out).
  Index nan_count() const noexcept;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace kronwerk::kernels
