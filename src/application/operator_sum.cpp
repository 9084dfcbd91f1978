#include "application/operator_sum.hpp"

#include "kronwerk/factors/make.hpp"

namespace kronwerk::application {

KroneckerProduct make_product(const communication::Communicator& comm,
                              const std::shared_ptr<operators::Workspace>& workspace,
                              const expressions::LoweredProduct& product, Index batch,
                              std::optional<int> leading_modes) {
  std::vector<factors::Chain> chains = product.chains;
  if (batch > 1) {
    chains.insert(chains.begin(), factors::Chain{{factors::make_identity(batch), false, false}});
  }
  return {comm, workspace, product.scale, std::move(chains), leading_modes};
}

KroneckerProduct make_inverse(const communication::Communicator& comm,
                              const std::shared_ptr<operators::Workspace>& workspace,
                              const expressions::LoweredProduct& product, Index batch) {
  expressions::LoweredProduct inverse = product;
  inverse.scale = 1 / product.scale;
  for (factors::Chain& chain : inverse.chains) chain = factors::inverse(chain);
  return make_product(comm, workspace, inverse, batch);
}

KroneckerProduct rescaled(const KroneckerProduct& product,
                          const std::shared_ptr<operators::Workspace>& workspace, double scale) {
  return {product.comm(), workspace, scale, product.chains(),
          product.input_layout().leading_modes()};
}

OperatorSum::OperatorSum(const communication::Communicator& comm,
                         const std::shared_ptr<operators::Workspace>& workspace,
                         std::span<const expressions::LoweredProduct> products, Index batch,
                         std::optional<int> leading_modes) {
  for (const auto& product : products) {
    terms_.push_back(make_product(comm, workspace, product, batch, leading_modes));
    leading_modes = terms_.front().input_layout().leading_modes();
  }
}

void OperatorSum::apply(std::span<const double> x, std::span<double> y) const {
  bool accumulate = false;
  for (const KroneckerProduct& term : terms_) {
    term.apply(x, y, accumulate);
    accumulate = true;
  }
}

OperatorSum OperatorSum::transposed() const {
  OperatorSum result;
  for (const KroneckerProduct& term : terms_) result.terms_.push_back(term.transposed());
  return result;
}

}  // namespace kronwerk::application
