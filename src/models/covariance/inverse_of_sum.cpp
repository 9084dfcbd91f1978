#include "models/covariance/inverse_of_sum.hpp"

#include <fmt/format.h>

#include <cmath>
#include <limits>

#include "kronwerk/core/text.hpp"
#include "models/covariance/chains.hpp"
#include "models/covariance/spectral_values.hpp"

namespace kronwerk::models {
namespace {

class RefinedInverse final : public operators::LinearOperator {
 public:
  RefinedInverse(double scale, OperatorPtr sum, OperatorPtr inverse)
      : LinearOperator(sum->comm(), sum->input_layout(), sum->output_layout()),
        scale_(scale),
        sum_(std::move(sum)),
        inverse_(std::move(inverse)) {}

 private:
  void do_apply(std::span<const double> x, std::span<double> y, bool,
                bool accumulate) const override {
    solution_.resize(x.size());
    residual_.resize(x.size());
    inverse_->apply(x, solution_);
    sum_->apply(solution_, residual_);
    for (std::size_t i = 0; i < residual_.size(); ++i) residual_[i] = x[i] - residual_[i];
    inverse_->apply(residual_, solution_, true);
    for (std::size_t i = 0; i < y.size(); ++i) {
      y[i] = (accumulate ? y[i] : 0) + scale_ * solution_[i];
    }
  }

  double scale_;
  OperatorPtr sum_;
  OperatorPtr inverse_;
  mutable std::vector<double> solution_, residual_;
};

/// The least value of a grid and its flat index, the first of several. Collective.
struct Least {
  double value = std::numeric_limits<double>::infinity();
  Index place = std::numeric_limits<Index>::max();
};
Least least_of(const communication::Communicator& comm, const GridValues& values) {
  const distribution::BlockPartition part(values.size(), comm.size());
  const Index first = part.begin(comm.rank());
  Least least;
  values.for_runs(first, part.count(comm.rank()), [&](const double* v, Index offset, Index count) {
    for (Index i = 0; i < count; ++i) {
      if (v[i] < least.value) least = {v[i], first + offset + i};
    }
  });
  const double value = comm.min(least.value);
  const Index none = std::numeric_limits<Index>::max();
  return {value, comm.min(least.value == value ? least.place : none)};
}

/// "kronsum(P, Q)"-like: the products of the sum with their coefficients.
std::string text_of(const InverseOfSum& inverse) {
  std::string text;
  for (const ScaledProduct& term : inverse.sum) {
    std::vector<std::string> names;
    for (const auto& chain : term.chains) {
      names.push_back(factors::is_identity(chain) ? "I" : name_of(chain));
    }
    text += text.empty() ? (term.scale < 0 ? "-" : "") : (term.scale < 0 ? " - " : " + ");
    if (std::abs(term.scale) != 1) text += fmt::format("{:.6g}*", std::abs(term.scale));
    text += fmt::format("kron({})", core::join(names, ", "));
  }
  return text;
}

/// "eigenvalue 1 of mode 1 (-0.5) and eigenvalue 3 of mode 2 (0.2)"
std::string place_text(const operators::SpectralSum& spectrum, Index place) {
  std::vector<std::string> parts;
  for (std::size_t mode = spectrum.bases.size(); mode-- > 0;) {
    const auto& basis = *spectrum.bases[mode];
    const auto index = static_cast<std::size_t>(place % basis.extent);
    place /= basis.extent;
    parts.insert(parts.begin(), fmt::format("eigenvalue {} of mode {} ({:.6g})", index + 1,
                                            mode + 1, basis.eigenvalues[index].real()));
  }
  return core::join(parts, ", ");
}

}  // namespace

void check_positive_definite(const communication::Communicator& comm,
                             const operators::SpectralSum& spectrum, const InverseOfSum& inverse) {
  try {
    operators::check_regular(comm, spectrum);
  } catch (const core::SingularError& error) {
    throw core::DataError(fmt::format("the precision {}: {}", text_of(inverse), error.what()));
  }
  const Least least = least_of(comm, grid_values(spectrum));
  if (least.value > 0) return;
  throw core::DataError(fmt::format(
      "the precision {} is not positive definite: its smallest eigenvalue is {:.6g}, from {}; "
      "change its parameters, or add a multiple of the identity to it",
      text_of(inverse), least.value, place_text(spectrum, least.place)));
}

OperatorPtr make_refined_inverse(double scale, OperatorPtr sum, OperatorPtr inverse) {
  return std::make_shared<RefinedInverse>(scale, std::move(sum), std::move(inverse));
}

}  // namespace kronwerk::models
