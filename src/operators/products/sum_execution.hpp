#pragma once

#include <memory>
#include <span>
#include <vector>

#include "kronwerk/operators/products/product_sum.hpp"
#include "operators/products/partial_products.hpp"
#include "operators/products/sum_terms.hpp"

namespace kronwerk::operators {

/// One application of a sum with a given split: local terms while rows go away, the leading parts
/// in the away layout, the rest while rows come home.
class SumExecution {
 public:
  /// Local. @param workspace  on the comm of the operator
  SumExecution(const communication::Communicator& comm, std::shared_ptr<Workspace> workspace,
               const SumTerms& terms, const distribution::SumSchedule& schedule);

  const distribution::Layout& input() const noexcept { return input_; }
  const distribution::Layout& output() const noexcept { return output_; }

  /// Collective.
  void apply(std::span<const double> x, std::span<double> y, bool accumulate) const;

 private:
  /// What one vector that goes away takes with it, or what is done with one that came home.
  struct Pass {
    LocalCombination work;
    bool local = false;  ///< its last output is y
  };

  void make_trailing_first(const SumTerms& terms, const distribution::SumSchedule& schedule);
  void make_leading_first(const SumTerms& terms, const distribution::SumSchedule& schedule);
  LocalCombination leading_work(const SumTerms& terms, const distribution::SumSchedule& schedule,
                                int vector) const;

  void apply_locally(std::span<const double> x, std::span<double> y, bool accumulate) const;
  void apply_trailing_first(std::span<const double> x, std::span<double> y, bool accumulate) const;
  void apply_leading_first(std::span<const double> x, std::span<double> y, bool accumulate) const;
  void send_away(const Pass& pass, std::span<const double> x, std::span<double> y,
                 bool accumulate) const;
  void apply_leading(const LocalCombination& work, Index to_offset, bool accumulate) const;
  void add_at_home(const LocalCombination* work, Index offset, std::span<double> y,
                   bool accumulate) const;
  /// Rows of y from local row `first` on, as a view along the trailing modes.
  factors::View rows_of(std::span<double> y, Index first, Index count) const;

  const communication::Communicator* comm_;
  std::shared_ptr<Workspace> workspace_;
  distribution::Layout input_;
  distribution::Layout output_;
  distribution::Layout away_in_;   ///< what goes away
  distribution::Layout away_out_;  ///< what comes home
  distribution::SumOrder order_ = distribution::SumOrder::trailing_first;
  bool has_local_ = false;
  std::vector<Pass> before_;               ///< per vector that goes away
  std::vector<LocalCombination> leading_;  ///< per vector
  std::vector<LocalCombination> after_;    ///< per vector that comes home; leading_first only
};

}  // namespace kronwerk::operators
