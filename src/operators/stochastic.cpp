// Stochastic Lanczos quadrature (Ubaru, Chen and Saad 2017): with random signs z, the mean of
// zᵀ log(Op) z is tr log(Op) = log det Op; each zᵀ log(Op) z is a Gauss quadrature whose nodes and
// weights come from the tridiagonal matrix of a Lanczos process started at z.
#include "kronwerk/operators/stochastic.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <vector>

#include "kronwerk/operators/kronecker_product.hpp"
#include "operators/small_lapack.hpp"
#include "operators/vector_kernels.hpp"

namespace kronwerk::operators {
namespace {

// A quadrature has settled when two steps change it by less than this part of it.
constexpr double settled = 1e-10;
// A new direction shorter than this part of the operator's size is rounding error.
constexpr double exhausted = 1e-13;

void check(const StochasticSettings& settings) {
  if (settings.probes >= 1 && settings.steps >= 1) return;
  throw core::ConfigurationError(
      fmt::format("a stochastic estimate needs at least one probe and one step; found {} and {}",
                  settings.probes, settings.steps));
}

/// The signs of probe number `probe`: those of its part of one sequence, the same for every np.
void fill_signs(const distribution::Layout& layout, int rank, std::uint64_t seed, Index probe,
                std::span<double> z) {
  fill_random(RandomKind::uniform, seed, probe * layout.size() + layout.home_begin(rank), z);
  for (double& each : z) each = each < 0.5 ? -1 : 1;
}

class LanczosQuadrature {
 public:
  LanczosQuadrature(const LinearOperator& op, bool squared, const StochasticSettings& settings)
      : op_(&op), comm_(&op.comm()), squared_(squared), settings_(settings), next_(local_size()) {
    if (squared) middle_.resize(static_cast<std::size_t>(op.output_layout().home_size(rank())));
  }

  /// zᵀ log(Op) z, or zᵀ log(OpᵀOp) z, of one probe. Collective.
  double operator()(Index probe) {
    const auto points = static_cast<double>(op_->input_layout().size());
    diagonal_.clear();
    off_diagonal_.clear();
    auto& first = direction(0);
    fill_signs(op_->input_layout(), rank(), settings_.seed, probe, first);
    for (double& each : first) each /= std::sqrt(points);
    double estimate = 0;
    int unchanged = 0;
    for (std::size_t step = 0; step < static_cast<std::size_t>(settings_.steps); ++step) {
      const double length = advance(step);
      const double before = estimate;
      const double size = quadrature(estimate);
      const bool small_change = std::abs(estimate - before) <= settled * size;
      unchanged = step > 0 && small_change ? unchanged + 1 : 0;
      if (unchanged >= 2 || !(length > exhausted * largest_entry())) break;
      off_diagonal_.push_back(length);
      auto& following = direction(step + 1);
      for (std::size_t i = 0; i < next_.size(); ++i) following[i] = next_[i] / length;
    }
    return points * estimate;
  }

 private:
  int rank() const { return comm_->rank(); }
  std::size_t local_size() const {
    return static_cast<std::size_t>(op_->input_layout().home_size(rank()));
  }

  std::vector<double>& direction(std::size_t number) {
    if (number == basis_.size()) basis_.emplace_back(local_size());
    return basis_[number];
  }

  /// next_ = Op q_step without its parts along all q so far; returns its length.
  double advance(std::size_t step) {
    if (squared_) {
      op_->apply(basis_[step], middle_);
      op_->apply_transposed(middle_, next_);
    } else {
      op_->apply(basis_[step], next_);
    }
    double coefficient = 0;
    for (int pass = 0; pass < 2; ++pass) {  // twice is enough (Kahan; Parlett 1998, section 6.9)
      std::vector<double> parts(step + 1);
      for (std::size_t k = 0; k <= step; ++k) {
        parts[k] = local_dot(basis_[k].data(), next_.data(), next_.size());
      }
      comm_->sum(parts);
      for (std::size_t k = 0; k <= step; ++k) {
        for (std::size_t i = 0; i < next_.size(); ++i) next_[i] -= parts[k] * basis_[k][i];
      }
      coefficient += parts[step];
    }
    const double length = std::sqrt(dot(*comm_, next_, next_));
    if (!std::isfinite(coefficient) || !std::isfinite(length)) {
      throw core::DataError(
          "logdet by stochastic Lanczos quadrature: applying the operator gave numbers that are "
          "not finite; look for overflow in the factors and coefficients");
    }
    diagonal_.push_back(coefficient);
    return length;
  }

  double largest_entry() const {
    double largest = 0;
    for (const double each : diagonal_) largest = std::max(largest, std::abs(each));
    for (const double each : off_diagonal_) largest = std::max(largest, each);
    return largest;
  }

  /// Sets `estimate` to Σ weight log(node) and returns Σ weight |log(node)|. Rank 0 decides for
  /// all, so that the last bits of different processors cannot part the ranks.
  double quadrature(double& estimate) const {
    const GaussRule rule = gauss_rule(diagonal_, off_diagonal_);
    const auto [least, most] = std::minmax_element(rule.nodes.begin(), rule.nodes.end());
    std::array<double, 4> values{0, 0, *least, *most};
    for (std::size_t i = 0; i < rule.nodes.size() && *least > 0; ++i) {
      const double logarithm = std::log(rule.nodes[i]);
      values[0] += rule.weights[i] * logarithm;
      values[1] += rule.weights[i] * std::abs(logarithm);
    }
    comm_->broadcast(values);
    const double rounding = squared_ ? std::numeric_limits<double>::epsilon() * values[3] : 0;
    if (!(values[2] > rounding)) refuse(values[2], values[3]);
    estimate = values[0];
    return values[1];
  }

  [[noreturn]] void refuse(double least, double most) const {
    if (squared_) {
      throw core::SingularError(fmt::format(
          "logdet by stochastic Lanczos quadrature: the operator is singular to working precision "
          "(a singular value of about {:.2g} beside {:.2g})",
          std::sqrt(std::max(0.0, least)), std::sqrt(std::max(0.0, most))));
    }
    throw core::DataError(fmt::format(
        "logdet by stochastic Lanczos quadrature: the operator is not positive definite: a Ritz "
        "value is {:.3g}, and an eigenvalue is at or below it; where only regularity is known, "
        "half of "
        "log det(OpᵀOp) is what can be estimated",
        least));
  }

  const LinearOperator* op_;
  const communication::Communicator* comm_;
  bool squared_;
  StochasticSettings settings_;
  std::vector<std::vector<double>> basis_;  ///< kept from probe to probe
  std::vector<double> next_, middle_;
  std::vector<double> diagonal_, off_diagonal_;
};

}  // namespace

StochasticValue mean_of(std::span<const double> samples) {
  const auto count = static_cast<double>(samples.size());
  double mean = 0;
  for (const double each : samples) mean += each / count;
  double squares = 0;
  for (const double each : samples) squares += (each - mean) * (each - mean);
  if (samples.size() == 1) return {mean, std::numeric_limits<double>::infinity()};
  return {mean, std::sqrt(squares / (count - 1) / count)};
}

StochasticValue stochastic_logdet(const LinearOperator& op, bool squared,
                                  const StochasticSettings& settings) {
  check(settings);
  const auto& in = op.input_layout();
  const auto& out = op.output_layout();
  if (in.extents() != out.extents() || in.leading_modes() != out.leading_modes()) {
    throw core::ShapeError(fmt::format("log det needs a square operator; this one maps {} to {}",
                                       core::to_text(in.extents()), core::to_text(out.extents())));
  }
  LanczosQuadrature quadrature(op, squared, settings);
  std::vector<double> samples;
  for (Index probe = 0; probe < settings.probes; ++probe) {
    samples.push_back(quadrature(probe) / (squared ? 2 : 1));
  }
  return mean_of(samples);
}

StochasticValue stochastic_trace(const LinearOperator& inverse, const LinearOperator& derivative,
                                 const StochasticSettings& settings) {
  check(settings);
  const auto& comm = derivative.comm();
  const auto& layout = derivative.input_layout();
  const auto& last = inverse.output_layout();
  if (layout.extents() != last.extents() || layout.leading_modes() != last.leading_modes()) {
    throw core::ShapeError(fmt::format("tr(Op⁻¹ D) needs D and Op with one grid; found {} and {}",
                                       core::to_text(layout.extents()),
                                       core::to_text(last.extents())));
  }
  const auto size = [&](const distribution::Layout& of) {
    return static_cast<std::size_t>(of.home_size(comm.rank()));
  };
  std::vector<double> z(size(layout)), image(size(derivative.output_layout()));
  std::vector<double> solved(size(last));
  std::vector<double> samples;
  for (Index probe = 0; probe < settings.probes; ++probe) {
    fill_signs(layout, comm.rank(), settings.seed, probe, z);
    derivative.apply(z, image);
    inverse.apply(image, solved);
    samples.push_back(dot(comm, z, solved));
  }
  return mean_of(samples);
}

}  // namespace kronwerk::operators
