// Products of Kronecker products and of their inverses, whose solves are judged one by one.
#include "kronwerk/operators/products/judged_product.hpp"

#include <algorithm>

#include "kronwerk/factors/base/make.hpp"

namespace kronwerk::operators {
namespace {

using factors::Chain;
using factors::Link;

/// The chains in parts, the first to be applied first: products in even places, solves in odd ones.
std::vector<std::vector<Chain>> alternate(const std::vector<Chain>& chains) {
  std::vector<std::vector<Chain>> modes;  // runs of links, per mode
  std::size_t parts = 0;
  for (const Chain& chain : chains) {
    auto& runs = modes.emplace_back();
    for (auto link = chain.rbegin(); link != chain.rend(); ++link) {
      const std::size_t parity = factors::is_solve(*link) ? 1 : 0;
      while (runs.empty() || (runs.size() - 1) % 2 != parity) runs.emplace_back();
      runs.back().insert(runs.back().begin(), *link);
    }
    parts = std::max(parts, runs.size());
  }
  std::vector<std::vector<Chain>> result(parts);
  for (std::size_t k = 0; k < chains.size(); ++k) {
    Index extent = factors::cols(chains[k]);
    modes[k].resize(parts);
    for (std::size_t part = 0; part < parts; ++part) {
      Chain& run = modes[k][part];
      if (run.empty()) run = {Link{factors::make_identity(extent)}};
      extent = factors::rows(run);
      result[part].push_back(std::move(run));
    }
  }
  return result;
}

bool are_identities(const std::vector<Chain>& chains) {
  return std::ranges::all_of(chains,
                             [](const Chain& chain) { return factors::is_identity(chain); });
}

class JudgedSolve final : public LinearOperator {
 public:
  /// @param matrix, inverse  M and M⁻¹, with one split
  JudgedSolve(OperatorPtr matrix, OperatorPtr inverse, Index batch, Judging judging)
      : LinearOperator(inverse->comm(), inverse->input_layout(), inverse->output_layout()),
        inverse_(inverse),
        tell_(std::move(judging.tell)),
        judge_({map_of(std::move(matrix)), map_of(inverse),
                ColumnNorms::one_after_another(comm(), input_layout(), batch),
                input_layout().home_begin(comm().rank()), judging.tolerance}) {}

 private:
  void do_apply(std::span<const double> x, std::span<double> y, bool transposed,
                bool accumulate) const override {
    communication::collectively(comm(), [&] {
      right_side_.assign(x.begin(), x.end());
      solution_.resize(y.size());
    });
    if (transposed) {
      inverse_->apply_transposed(x, solution_);
    } else {
      inverse_->apply(x, solution_);
    }
    const auto again = [&](std::span<double> b) { std::ranges::copy(x, b.begin()); };
    const Verdict verdict = judge_.judge(right_side_, solution_, transposed, again);
    if (tell_) tell_(verdict);
    for (std::size_t i = 0; i < y.size(); ++i) {
      y[i] = accumulate ? y[i] + solution_[i] : solution_[i];
    }
  }

  OperatorPtr inverse_;
  std::function<void(const Verdict&)> tell_;
  mutable SolveJudge judge_;
  mutable std::vector<double> right_side_, solution_;
};

std::vector<Chain> inverted(const std::vector<Chain>& chains) {
  std::vector<Chain> result;
  for (const Chain& chain : chains) result.push_back(factors::inverse(chain));
  return result;
}

}  // namespace

bool solves(const Chain& chain) {
  return std::ranges::any_of(chain, factors::is_solve);
}

OperatorPtr make_judged_product(const communication::Communicator& comm,
                                std::shared_ptr<Workspace> workspace, const ScaledProduct& product,
                                Index batch, std::optional<int> leading_modes,
                                const Judging& judging) {
  const auto make = [&](std::vector<Chain> chains) {
    std::vector<ScaledProduct> terms{{1.0, std::move(chains)}};
    return std::make_shared<ProductSum>(comm, workspace, std::move(terms), leading_modes);
  };
  if (!leading_modes) leading_modes = make(product.chains)->input_layout().leading_modes();
  std::vector<std::vector<Chain>> parts;
  communication::collectively(comm, [&] { parts = alternate(product.chains); });
  std::vector<OperatorPtr> operators;  // the last acts first
  for (std::size_t part = 0; part < parts.size(); ++part) {
    if (are_identities(parts[part])) continue;
    OperatorPtr op = make(parts[part]);
    if (part % 2 == 1) {
      op = std::make_shared<JudgedSolve>(make(inverted(parts[part])), op, batch, judging);
    }
    operators.insert(operators.begin(), std::move(op));
  }
  if (operators.empty()) operators.push_back(make(product.chains));
  return compose(product.scale, std::move(operators));
}

}  // namespace kronwerk::operators
