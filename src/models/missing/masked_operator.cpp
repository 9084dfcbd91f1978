#include "models/missing/masked_operator.hpp"

namespace kronwerk::models {
namespace {

class MaskedOperator final : public operators::LinearOperator {
 public:
  MaskedOperator(operators::OperatorPtr op, std::shared_ptr<const std::vector<char>> mask)
      : LinearOperator(op->comm(), op->input_layout(), op->output_layout()),
        op_(std::move(op)),
        mask_(std::move(mask)) {}

 private:
  void do_apply(std::span<const double> x, std::span<double> y, bool transposed,
                bool accumulate) const override {
    from_.assign(x.begin(), x.end());
    to_.resize(y.size());
    keep_only(true, *mask_, from_);
    if (transposed) {
      op_->apply_transposed(from_, to_);
    } else {
      op_->apply(from_, to_);
    }
    for (std::size_t i = 0; i < y.size(); ++i) {
      const double value = (*mask_)[i] != 0 ? to_[i] : x[i];
      y[i] = accumulate ? y[i] + value : value;
    }
  }

  operators::OperatorPtr op_;
  std::shared_ptr<const std::vector<char>> mask_;
  mutable std::vector<double> from_, to_;
};

}  // namespace

operators::OperatorPtr make_masked(operators::OperatorPtr op,
                                   std::shared_ptr<const std::vector<char>> mask) {
  return std::make_shared<MaskedOperator>(std::move(op), std::move(mask));
}

void keep_only(bool kept, const std::vector<char>& mask, std::span<double> values) {
  for (std::size_t i = 0; i < values.size(); ++i) {
    if ((mask[i] != 0) != kept) values[i] = 0;
  }
}

}  // namespace kronwerk::models
