#pragma once

#include <vector>

#include "kronwerk/kernels/reductions/reduction.hpp"

namespace kronwerk::kernels {

/// How reductions over all columns are made of reductions over parts of them: what to ask of each
/// part, how to merge two parts' results, and what to make of the whole's.
///
/// Means are sums until the end, indices keep their values, weighted logsumexp and softmax are a
/// weighted mean together with the logarithm of its denominator. All merges are associative and,
/// but for the rounding of sums, independent of the order.
class PartialResults {
 public:
  explicit PartialResults(const std::vector<ReductionRequest>& requests);

  /// What to ask of every part.
  const std::vector<ReductionRequest>& requests() const noexcept { return partial_; }
  /// Makes `into` the results of both parts.
  void merge(std::vector<ReductionResult>& into, const std::vector<ReductionResult>& from) const;
  /// The results of the requests that were given. @param columns  of all parts together
  std::vector<ReductionResult> finish(const std::vector<ReductionResult>& merged,
                                      Index columns) const;

 private:
  struct Source {
    ReductionKind kind;
    std::size_t result;                                ///< which partial result it is made of
    std::size_t scale = static_cast<std::size_t>(-1);  ///< the logsumexp that goes with it
  };
  std::size_t ask(const ReductionRequest& request);

  std::vector<ReductionRequest> partial_;
  std::vector<Source> sources_;
  std::size_t scale_ = static_cast<std::size_t>(-1);  ///< where the unweighted logsumexp is
};

/// Results of the rows [begin, end) alone.
ReductionResult rows_of(const ReductionResult& result, Index begin, Index end);

}  // namespace kronwerk::kernels
