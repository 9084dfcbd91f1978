#include "kronwerk/operators/product_sum.hpp"

#include "kronwerk/core/error.hpp"

namespace kronwerk::operators {

struct ProductSum::State {
  std::vector<KroneckerProduct> products;
  std::vector<KroneckerProduct> transposed;
};

namespace {

std::vector<KroneckerProduct> make_products(const communication::Communicator& comm,
                                            const std::shared_ptr<Workspace>& workspace,
                                            const std::vector<ScaledProduct>& terms,
                                            std::optional<int> leading_modes) {
  std::vector<KroneckerProduct> products;
  for (const ScaledProduct& term : terms) {
    products.emplace_back(comm, workspace, term.scale, term.chains, leading_modes);
    leading_modes = products.front().input_layout().leading_modes();
  }
  return products;
}

}  // namespace

ProductSum::ProductSum(const communication::Communicator& comm,
                       std::shared_ptr<Workspace> workspace, std::vector<ScaledProduct> terms,
                       std::optional<int> leading_modes)
    : ProductSum(make_products(comm, workspace, terms, leading_modes)) {}

ProductSum::ProductSum(KroneckerProduct product)
    : ProductSum(std::vector<KroneckerProduct>{std::move(product)}) {}

ProductSum::ProductSum(std::vector<KroneckerProduct> products)
    : LinearOperator(products.front().comm(), products.front().input_layout(),
                     products.front().output_layout()),
      state_(std::make_shared<State>()) {
  for (const auto& product : products) terms_.push_back({product.scale(), product.chains()});
  state_->products = std::move(products);
}

void ProductSum::do_apply(std::span<const double> x, std::span<double> y, bool transposed,
                          bool accumulate) const {
  if (transposed && state_->transposed.empty()) {
    for (const auto& product : state_->products) state_->transposed.push_back(product.transposed());
  }
  for (const auto& product : transposed ? state_->transposed : state_->products) {
    product.apply(x, y, accumulate);
    accumulate = true;
  }
}

int ProductSum::exchanges() const noexcept {
  return state_->products.front().estimate().exchanges;
}
int ProductSum::vectors_moved() const noexcept {
  return 2 * static_cast<int>(state_->products.size());
}

void ProductSum::diagonal(std::span<double> values) const {
  std::vector<double> one(values.size());
  std::fill(values.begin(), values.end(), 0.0);
  for (const auto& product : state_->products) {
    product.diagonal(one);
    for (std::size_t i = 0; i < one.size(); ++i) values[i] += one[i];
  }
}

double ProductSum::trace() const {
  double sum = 0;
  for (const auto& product : state_->products) sum += product.trace();
  return sum;
}

}  // namespace kronwerk::operators
