#include "kronwerk/methods/operator_builder.hpp"

#include <algorithm>

#include "kronwerk/factors/base/make.hpp"

namespace kronwerk::methods {

using expressions::LoweredProduct;
using operators::ProductSum;
using operators::ScaledProduct;

std::vector<factors::Chain> batched(std::vector<factors::Chain> chains, Index batch) {
  if (batch > 1) {
    chains.insert(chains.begin(), factors::Chain{{factors::make_identity(batch), false, false}});
  }
  return chains;
}

bool solve_inside(std::span<const LoweredProduct> terms) {
  const auto any = [](const std::vector<factors::Chain>& chains) {
    return std::ranges::any_of(chains, operators::solves);
  };
  return std::ranges::any_of(terms, [&](const LoweredProduct& term) {
    return any(term.chains) || std::ranges::any_of(term.steps, any, &LoweredProduct::Step::chains);
  });
}

OperatorPtr OperatorBuilder::build(std::span<const LoweredProduct> terms, Index batch,
                                   std::optional<int> leading_modes,
                                   const operators::Judging* judging) const {
  std::vector<ScaledProduct> plain;
  std::vector<const LoweredProduct*> with_steps;  // or with judged solves
  for (const LoweredProduct& term : terms) {
    const bool judged = judging != nullptr && solve_inside(std::span(&term, 1));
    if (term.steps.empty() && !judged) {
      plain.push_back({term.scale, batched(term.chains, batch)});
    } else {
      with_steps.push_back(&term);
    }
  }
  std::vector<OperatorPtr> parts;
  if (!plain.empty()) {
    parts.push_back(
        std::make_shared<ProductSum>(*comm_, workspace_, std::move(plain), leading_modes));
  }
  for (const LoweredProduct* term : with_steps) {
    if (!leading_modes && !parts.empty()) {
      leading_modes = parts.front()->input_layout().leading_modes();
    }
    parts.push_back(build_with_steps(*term, batch, leading_modes, judging));
  }
  return parts.size() == 1 ? parts.front() : operators::add(std::move(parts));
}

OperatorPtr OperatorBuilder::build_with_steps(const LoweredProduct& term, Index batch,
                                              std::optional<int> leading_modes,
                                              const operators::Judging* judging) const {
  std::vector<OperatorPtr> parts;
  const auto add_product = [&](const std::vector<factors::Chain>& chains) {
    std::vector<ScaledProduct> product{{1.0, batched(chains, batch)}};
    if (judging != nullptr && std::ranges::any_of(chains, operators::solves)) {
      parts.push_back(operators::make_judged_product(*comm_, workspace_, product.front(), batch,
                                                     leading_modes, *judging));
    } else {
      parts.push_back(
          std::make_shared<ProductSum>(*comm_, workspace_, std::move(product), leading_modes));
    }
    leading_modes = parts.back()->input_layout().leading_modes();
  };
  add_product(term.chains);
  for (const LoweredProduct::Step& step : term.steps) {
    const auto layout = parts.back()->input_layout();
    for (const expressions::GridDiagonal& diagonal : step.diagonals) {
      parts.push_back(operators::make_grid_diagonal(
          *comm_, layout, data_->grid_vector(diagonal.name, diagonal.inverse, layout)));
    }
    add_product(step.chains);
  }
  return operators::compose(term.scale, std::move(parts));
}

OperatorPtr OperatorBuilder::build_inverse(const LoweredProduct& term, Index batch,
                                           std::optional<int> leading_modes) const {
  // (P_0 D_1 P_1 …)⁻¹ = … P_1⁻¹ D_1⁻¹ P_0⁻¹
  const auto inverted = [&](std::vector<factors::Chain> chains) {
    for (factors::Chain& chain : chains) {
      chain = factors::inverse(factors::with_square_links(*comm_, chain));
    }
    return chains;
  };
  if (term.scale == 0) throw core::SingularError("an operator that is zero cannot be inverted");
  LoweredProduct inverse;
  inverse.scale = 1 / term.scale;
  std::vector<factors::Chain> chains = inverted(term.chains);
  for (const LoweredProduct::Step& step : term.steps) {
    LoweredProduct::Step turned{step.diagonals, std::move(chains)};
    for (auto& diagonal : turned.diagonals) diagonal.inverse = !diagonal.inverse;
    inverse.steps.insert(inverse.steps.begin(), std::move(turned));
    chains = inverted(step.chains);
  }
  inverse.chains = std::move(chains);
  return build(std::span(&inverse, 1), batch, leading_modes);
}

}  // namespace kronwerk::methods
