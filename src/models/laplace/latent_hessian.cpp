// Declared in models/laplace/laplace_state.hpp.
#include <cmath>

#include "models/laplace/laplace_state.hpp"

namespace kronwerk::models {

LatentHessian::LatentHessian(const Communicator& comm, const LatentBasis& basis, bool scaled)
    : LinearOperator(comm, basis.root().input_layout(), basis.root().input_layout()),
      basis_(basis),
      roots_(static_cast<std::size_t>(input_layout().home_size(comm.rank())), 1.0) {
  field_.resize(static_cast<std::size_t>(basis.root().output_layout().home_size(comm.rank())));
  scaled_.resize(roots_.size());
  if (!scaled) return;
  basis.spectrum().evaluate(input_layout().home_begin(comm.rank()), std::ssize(roots_),
                            roots_.data());
  for (double& value : roots_) value = 1 / std::sqrt(1 + value);
}

void LatentHessian::scale(std::span<double> x) const {
  for (std::size_t i = 0; i < x.size(); ++i) x[i] *= roots_[i];
}

Vector LatentHessian::reciprocals() const {
  Vector result = roots_;
  scale(result);
  return result;
}

double LatentHessian::log_scale() const {
  double sum = 0;
  for (const double root : roots_) sum -= 2 * std::log(root);
  return comm().sum(sum);
}

void LatentHessian::do_apply(std::span<const double> x, std::span<double> y, bool,
                             bool accumulate) const {
  for (std::size_t i = 0; i < x.size(); ++i) scaled_[i] = roots_[i] * x[i];
  basis_.root().apply(scaled_, field_);
  for (std::size_t i = 0; i < field_.size(); ++i) field_[i] *= weights_[i];
  basis_.root().apply_transposed(field_, scaled_);
  for (std::size_t i = 0; i < x.size(); ++i) {
    const double value = roots_[i] * (roots_[i] * x[i] + scaled_[i]);
    y[i] = accumulate ? y[i] + value : value;
  }
}

}  // namespace kronwerk::models
