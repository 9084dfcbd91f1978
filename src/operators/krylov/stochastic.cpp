// Stochastic Lanczos quadrature (Ubaru, Chen and Saad 2017): with random signs z, the mean of
// zᵀ log(Op) z is tr log(Op) = log det Op; each zᵀ log(Op) z is a Gauss quadrature whose nodes and
// weights come from the tridiagonal matrix of a Lanczos process started at z.
#include "kronwerk/operators/krylov/stochastic.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <utility>
#include <vector>

#include "kronwerk/core/progress.hpp"
#include "kronwerk/operators/base/dot.hpp"
#include "kronwerk/operators/base/random.hpp"
#include "kronwerk/operators/products/kronecker_product.hpp"
#include "operators/base/local_vectors.hpp"
#include "operators/krylov/log_quadrature.hpp"

namespace kronwerk::operators {
namespace {

// A new direction shorter than this part of the operator's size is rounding error.
constexpr double exhausted = 1e-13;
// Operators with at most so many rows keep all directions.
constexpr Index small = 500;

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

void check_finite(double value) {
  if (std::isfinite(value)) return;
  throw core::DataError(
      "logdet by stochastic Lanczos quadrature: applying the operator gave numbers that are not "
      "finite; look for overflow in the factors and coefficients");
}

/// The vectors of a Lanczos process: the first `kept` of them, and of later ones the last two.
class Directions {
 public:
  Directions(const communication::Communicator& comm, std::size_t local_size, Index kept)
      : comm_(&comm),
        size_(local_size),
        kept_(static_cast<std::size_t>(std::max<Index>(kept, 0))) {}

  std::vector<double>& operator[](std::size_t step) {
    const std::size_t place = step < kept_ ? step : kept_ + step % 2;
    while (vectors_.size() <= place) vectors_.emplace_back(size_);
    return vectors_[place];
  }

  /// Takes the parts along directions 0 … last out of x; returns the one along the last, and puts
  /// the length of what is left into `length`. Collective.
  double remove_from(std::vector<double>& x, std::size_t last, double& length) {
    const std::size_t first = last < kept_ || last == 0 ? 0 : last - 1;
    std::vector<double> parts(last - first + 1);
    double along_last = 0;
    for (int pass = 0; pass < 2; ++pass) {  // twice is enough (Kahan; Parlett 1998, section 6.9)
      for (std::size_t k = first; k <= last; ++k) {
        parts[k - first] = local_dot((*this)[k].data(), x.data(), x.size());
      }
      comm_->sum(std::span<double>(parts));
      for (std::size_t k = first; k <= last; ++k) {
        const std::vector<double>& q = (*this)[k];
        for (std::size_t i = 0; i < x.size(); ++i) x[i] -= parts[k - first] * q[i];
      }
      along_last += parts.back();
    }
    length = std::sqrt(dot(*comm_, x, x));
    check_finite(along_last + length);
    return along_last;
  }

  /// Direction `step` becomes x / length.
  void set(std::size_t step, const std::vector<double>& x, double length) {
    std::vector<double>& q = (*this)[step];
    for (std::size_t i = 0; i < x.size(); ++i) q[i] = x[i] / length;
  }

 private:
  const communication::Communicator* comm_;
  std::size_t size_, kept_;
  std::vector<std::vector<double>> vectors_;  // kept from probe to probe
};

class ProbeQuadrature {
 public:
  ProbeQuadrature(const LinearOperator& op, bool squared, const StochasticSettings& settings)
      : op_(&op),
        comm_(&op.comm()),
        squared_(squared),
        settings_(settings),
        complete_(op.input_layout().size() <= small),
        right_(op.comm(), size(op.input_layout()), directions()),
        left_(op.comm(), size(op.output_layout()), squared ? directions() : 0),
        next_(size(op.input_layout())),
        image_(squared ? size(op.output_layout()) : 0) {}

  /// zᵀ log(Op) z / zᵀz, or zᵀ log(OpᵀOp) z / zᵀz, of one probe. Collective.
  QuadratureEstimate operator()(Index probe, Index& steps) {
    start(probe);
    LogQuadrature rule(squared_ ? 0 : settings_.least_eigenvalue, settings_.tolerance);
    QuadratureEstimate result;
    double largest = 0;
    for (std::size_t step = 0;; ++step) {
      double length =
          squared_ ? advance_bidiagonal(step, rule, largest) : advance(step, rule, largest);
      const bool exhausting = complete_ && std::cmp_equal(step + 1, op_->input_layout().size());
      if (exhausting || !(length > exhausted * largest)) length = 0;
      squared_ ? rule.couple_bidiagonal(length) : rule.couple(length);
      const bool last = length == 0 || std::cmp_greater_equal(step + 1, settings_.steps);
      if (last || rule.due()) result = agreed(rule);
      if (last || result.settled) {
        steps = static_cast<Index>(rule.steps());
        return result;
      }
      right_.set(step + 1, next_, length);
    }
  }

 private:
  std::size_t size(const distribution::Layout& layout) const {
    return static_cast<std::size_t>(layout.home_size(comm_->rank()));
  }
  Index directions() const { return complete_ ? op_->input_layout().size() : settings_.directions; }

  void start(Index probe) {
    const auto& layout = op_->input_layout();
    std::vector<double>& first = right_[0];
    fill_signs(layout, comm_->rank(), settings_.seed, probe, first);
    for (double& each : first) each /= std::sqrt(static_cast<double>(layout.size()));
  }

  /// next_ = Op q_step without its parts along the q so far; returns its length.
  double advance(std::size_t step, LogQuadrature& rule, double& largest) {
    op_->apply(right_[step], next_);
    double length = 0;
    const double diagonal = right_.remove_from(next_, step, length);
    largest = std::max({largest, std::abs(diagonal), length});
    if (rule.extend(diagonal)) return length;
    throw core::DataError(fmt::format(
        "logdet by stochastic Lanczos quadrature: the operator is not positive definite to working "
        "precision: after {} steps a Ritz value is 0 or below, beside {:.3g}",
        step + 1, largest));
  }

  /// One step of Golub and Kahan (1965): u_step along Op v_step, then next_ along Opᵀ u_step;
  /// returns its length.
  double advance_bidiagonal(std::size_t step, LogQuadrature& rule, double& largest) {
    op_->apply(right_[step], image_);
    double diagonal = 0;
    if (step > 0) {
      left_.remove_from(image_, step - 1, diagonal);
    } else {
      diagonal = std::sqrt(dot(*comm_, image_, image_));
      check_finite(diagonal);
    }
    largest = std::max(largest, diagonal);
    if (!rule.extend_bidiagonal(diagonal)) refuse_singular(diagonal, largest);
    left_.set(step, image_, diagonal);
    op_->apply_transposed(left_[step], next_);
    double length = 0;
    right_.remove_from(next_, step, length);
    largest = std::max(largest, length);
    return length;
  }

  /// Rank 0 decides for all, so that the last bits of different processors cannot part the ranks.
  QuadratureEstimate agreed(LogQuadrature& rule) const {
    QuadratureEstimate found = rule.estimate();
    std::array<double, 6> values{found.value, found.error,    found.size,
                                 found.least, found.greatest, found.settled ? 1.0 : 0.0};
    comm_->broadcast(std::span<double>(values));
    found = {values[0], values[1], values[2], values[3], values[4], values[5] != 0};
    const double least = std::sqrt(found.least);
    const double greatest = std::sqrt(found.greatest);
    constexpr double epsilon = std::numeric_limits<double>::epsilon();
    if (squared_ && !(least > epsilon * greatest)) refuse_singular(least, greatest);
    return found;
  }

  [[noreturn]] void refuse_singular(double least, double greatest) const {
    throw core::SingularError(fmt::format(
        "logdet by stochastic Lanczos quadrature: the operator is singular to working precision (a "
        "singular value of about {:.2g} beside {:.2g})",
        least, greatest));
  }

  const LinearOperator* op_;
  const communication::Communicator* comm_;
  bool squared_;
  StochasticSettings settings_;
  bool complete_;     ///< all directions are kept
  Directions right_;  ///< q, or v
  Directions left_;   ///< u
  std::vector<double> next_, image_;
};

}  // namespace

StochasticValue mean_of(std::span<const double> samples) {
  const auto count = static_cast<double>(samples.size());
  double mean = 0;
  for (const double each : samples) mean += each / count;
  double squares = 0;
  for (const double each : samples) squares += (each - mean) * (each - mean);
  StochasticValue result;
  result.value = mean;
  result.standard_error = samples.size() == 1 ? std::numeric_limits<double>::infinity()
                                              : std::sqrt(squares / (count - 1) / count);
  return result;
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
  ProbeQuadrature quadrature(op, squared, settings);
  const double scale = static_cast<double>(in.size()) * (squared ? 0.5 : 1.0);
  std::vector<double> samples;
  StochasticValue found;
  for (Index probe = 0; probe < settings.probes; ++probe) {
    Index steps = 0;
    const QuadratureEstimate one = quadrature(probe, steps);
    samples.push_back(scale * one.value);
    found.quadrature_error += scale * one.error / static_cast<double>(settings.probes);
    found.steps = std::max(found.steps, steps);
    found.settled = found.settled && one.settled;
    core::report_progress("probe", probe + 1, settings.probes);
  }
  const StochasticValue mean = mean_of(samples);
  found.value = mean.value;
  found.standard_error = mean.standard_error;
  return found;
}

StochasticValue stochastic_trace(const LinearOperator& op, const LinearOperator& inverse,
                                 const LinearOperator& derivative, double norm,
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
  double residuals = 0;
  for (Index probe = 0; probe < settings.probes; ++probe) {
    fill_signs(layout, comm.rank(), settings.seed, probe, z);
    derivative.apply(z, image);
    inverse.apply(image, solved);
    samples.push_back(dot(comm, z, solved));
    for (double& each : image) each = -each;
    op.apply(solved, image, true);
    residuals += std::sqrt(dot(comm, image, image));
    core::report_progress("probe", probe + 1, settings.probes);
  }
  StochasticValue result = mean_of(samples);
  result.bias_bound = norm * residuals / static_cast<double>(settings.probes);
  return result;
}

double probe_norm(const LinearOperator& op, const StochasticSettings& settings) {
  check(settings);
  const auto& comm = op.comm();
  std::vector<double> z(static_cast<std::size_t>(op.output_layout().home_size(comm.rank())));
  std::vector<double> image(static_cast<std::size_t>(op.input_layout().home_size(comm.rank())));
  fill_signs(op.output_layout(), comm.rank(), settings.seed, 0, z);
  op.apply_transposed(z, image);
  return std::sqrt(dot(comm, image, image));
}

}  // namespace kronwerk::operators
