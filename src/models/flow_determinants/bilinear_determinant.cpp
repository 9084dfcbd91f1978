// log det Σ_kl C_kl W_o^k ⊗ W_d^l, k, l ∈ {0, 1}: Σ_ij log(C_00 + C_10 a_i + (C_01 + C_11 a_i) b_j)
// over the eigenvalues (Ord 1975; for flows LeSage and Pace 2008, section 4), or over nodes that
// stand for them.
#include "kronwerk/models/flow_determinants/bilinear_determinant.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "kronwerk/distribution/partition.hpp"
#include "models/flow/moment_error.hpp"
#include "models/flow_determinants/pair_sums_simd.hpp"

namespace kronwerk::models {
namespace {

using Complex = std::complex<double>;
using pair_sums::PairSums;

constexpr double epsilon = std::numeric_limits<double>::epsilon();
/// Relative; beyond it the eigenvalues are used.
constexpr double largest_error = 1e-8;

/// What is added up over the ranks: log|det|, negative factors, Σ 1/|q|, and Re Σ a^k b^l / q
/// and Re Σ a^k b^l / q² with k and l up to 1 and 2.
struct Totals {
  double numbers[3 + 4 + 9] = {};
  double& log_abs() { return numbers[0]; }
  double& negative() { return numbers[1]; }
  double& magnitude() { return numbers[2]; }
  double& first(int k, int l) { return numbers[3 + 2 * k + l]; }
  double& second(int k, int l) { return numbers[7 + 3 * k + l]; }

  /// One a with all its b. @param weight  2 for a pair
  void add(Complex a, double weight, const PairSums& row) {
    log_abs() += weight * row.log_abs;
    negative() += static_cast<double>(row.negative);
    magnitude() += std::abs(weight) * row.magnitude;
    const Complex firsts[] = {{row.reciprocal[0], row.reciprocal[1]}, {row.first[0], row.first[1]}};
    const Complex seconds[] = {{row.squared[0], row.squared[1]},
                               {row.first_squared[0], row.first_squared[1]},
                               {row.second_squared[0], row.second_squared[1]}};
    Complex power = weight;
    for (int k = 0; k < 3; ++k) {
      for (int l = 0; l < 2 && k < 2; ++l) first(k, l) += (power * firsts[l]).real();
      for (int l = 0; l < 3; ++l) second(k, l) += (power * seconds[l]).real();
      power *= a;
    }
  }
};

/// The b of the destinations as the vector code takes them.
struct Destinations {
  explicit Destinations(const SpectralNodes& nodes) : nodes_(&nodes) {
    for (const Complex b : nodes.pairs) {
      pair_re_.push_back(b.real());
      pair_im_.push_back(b.imag());
    }
    all_re_ = nodes.real;
    all_im_.assign(nodes.real.size(), 0.0);
    for (const double sign : {1.0, -1.0}) {
      for (const Complex b : nodes.pairs) {
        all_re_.push_back(b.real());
        all_im_.push_back(sign * b.imag());
      }
    }
  }

  void add_real(double a, double weight, const Bilinear& q, Totals& totals) const {
    const double p = q.c00 + q.c10 * a;
    const double s = q.c01 + q.c11 * a;
    if (!nodes_->weights.empty()) {
      totals.add(a, weight, pair_sums::sum_weighted(p, s, nodes_->real, nodes_->weights, true));
    } else if (!nodes_->real.empty()) {
      const pair_sums::Reals reals{nodes_->real, nodes_->real.front(), nodes_->real.back()};
      totals.add(a, weight, pair_sums::sum_real(p, s, reals, true));
    }
    if (pair_re_.empty()) return;
    PairSums pairs = pair_sums::sum_complex({p, 0}, {s, 0}, pair_re_, pair_im_, true);
    // The conjugates' sums are the conjugates.
    for (double* sum : {pairs.reciprocal, pairs.first, pairs.squared, pairs.first_squared,
                        pairs.second_squared}) {
      sum[1] = 0;
    }
    totals.add(a, 2 * weight, pairs);
  }

  void add_pair(Complex a, const Bilinear& q, Totals& totals) const {
    const Complex p = q.c00 + q.c10 * a;
    const Complex s = q.c01 + q.c11 * a;
    if (nodes_->weights.empty()) {
      totals.add(a, 2,
                 pair_sums::sum_complex({p.real(), p.imag()}, {s.real(), s.imag()}, all_re_,
                                        all_im_, true));
      return;
    }
    for (std::size_t j = 0; j < nodes_->real.size(); ++j) {
      const double b[] = {nodes_->real[j]};
      const double zero[] = {0};
      totals.add(a, 2 * nodes_->weights[j],
                 pair_sums::sum_complex({p.real(), p.imag()}, {s.real(), s.imag()}, b, zero, true));
    }
  }

 private:
  const SpectralNodes* nodes_;
  std::vector<double> pair_re_, pair_im_;
  std::vector<double> all_re_, all_im_;
};

double largest_modulus(const SpectralNodes& nodes) {
  double largest = 0;
  for (const Complex vertex : nodes.outline) largest = std::max(largest, std::abs(vertex));
  return largest;
}

double absolute_sum(const SpectralNodes& nodes) {
  double sum = 0;
  for (const double w : nodes.weights) sum += std::abs(w);
  return nodes.weights.empty() ? static_cast<double>(nodes.extent) : sum;
}

/// The numbers of moments to choose from.
constexpr Index moment_counts[] = {8, 12, 16, 24, 32, 48, 64, 80, 96};

/// The nodes of one mode: eigenvalues, or moments of which some are used.
class Mode {
 public:
  explicit Mode(SpectralNodes nodes) : nodes_(std::move(nodes)) {
    if (!nodes_.moments) return;
    for (const Index count : moment_counts) {
      if (count > nodes_.moments->size()) break;
      choices_.push_back(nodes_of(*nodes_.moments, "", count));
    }
    if (choices_.empty()) choices_.push_back(nodes_);
  }

  bool approximate() const { return !choices_.empty(); }
  const SpectralNodes& nodes() const { return approximate() ? choices_[chosen_] : nodes_; }
  const std::string& description() const { return nodes_.description; }

  /// Takes the moments that make the error least, and returns its bound.
  /// @param rounding  of a sum of absolute weights 1
  double choose(const SpectralNodes& other, const Bilinear& q, double rounding) {
    if (!approximate()) return 0;
    const MomentError error(nodes_, other, q);
    double least = std::numeric_limits<double>::infinity();
    for (std::size_t i = 0; i < choices_.size(); ++i) {
      const double bound = error.with(static_cast<Index>(choices_[i].real.size())) +
                           rounding * absolute_sum(choices_[i]);
      if (bound >= least) continue;
      least = bound;
      chosen_ = i;
    }
    return least;
  }

 private:
  SpectralNodes nodes_;
  std::vector<SpectralNodes> choices_;
  std::size_t chosen_ = 0;
};

class BilinearDeterminant final : public FilterDeterminant {
 public:
  BilinearDeterminant(const communication::Communicator& comm, std::vector<TermPowers> terms,
                      std::array<SpectralNodes, 2> nodes, std::function<SpectralNodes(int)> exact)
      : comm_(&comm),
        terms_(std::move(terms)),
        modes_{Mode(std::move(nodes[0])), Mode(std::move(nodes[1]))},
        exact_(std::move(exact)) {}

  DeterminantValue evaluate(std::span<const double> coefficients, bool hessian) const override {
    const Bilinear q = collect(coefficients);
    double error = choose_moments(q);
    Totals totals = sum(q);
    if (exact_ && approximate() && !(error <= largest_error * std::abs(totals.log_abs()))) {
      for (int mode = 0; mode < 2; ++mode) {
        Mode& replaced = modes_[static_cast<std::size_t>(mode)];
        if (replaced.approximate()) replaced = Mode(exact_(mode));
      }
      error = 0;
      totals = sum(q);
    }
    return value_of(totals, error + rounding(q, totals), hessian);
  }

  std::string description() const override {
    const std::string kind = approximate() ? "" : "exact, ";
    std::string text = modes_[0].description();
    if (modes_[1].description() != text) text += " and " + modes_[1].description();
    return kind + "from " + text;
  }

 private:
  bool approximate() const { return modes_[0].approximate() || modes_[1].approximate(); }

  Bilinear collect(std::span<const double> coefficients) const {
    Bilinear q;
    for (std::size_t t = 0; t < terms_.size(); ++t) {
      const auto [k, l] = terms_[t];
      (k == 0 ? (l == 0 ? q.c00 : q.c01) : (l == 0 ? q.c10 : q.c11)) += coefficients[t];
    }
    return q;
  }

  double choose_moments(const Bilinear& q) const {
    if (!approximate()) return 0;
    const SpectralNodes& origins = modes_[0].nodes();
    const SpectralNodes& destinations = modes_[1].nodes();
    double extreme = 0;
    for (const double a : {origins.outline.front().real(), origins.outline.back().real()}) {
      for (const double b :
           {destinations.outline.front().real(), destinations.outline.back().real()}) {
        const double value = q.c00 + q.c10 * a + q.c01 * b + q.c11 * a * b;
        extreme = std::max(extreme, std::abs(std::log(std::abs(value))));
      }
    }
    const auto n_o = static_cast<double>(origins.extent);
    const auto n_d = static_cast<double>(destinations.extent);
    const double first = modes_[0].choose(destinations, q, epsilon * extreme * n_d);
    return first + modes_[1].choose(modes_[0].nodes(), {q.c00, q.c10, q.c01, q.c11},
                                    epsilon * extreme * n_o);
  }

  Totals sum(const Bilinear& q) const {
    Totals totals;
    communication::collectively(*comm_, [&] {
      const SpectralNodes& origins = modes_[0].nodes();
      const Destinations destinations(modes_[1].nodes());
      const auto range = [&](std::size_t count) {
        const distribution::BlockPartition rows(static_cast<Index>(count), comm_->size());
        return std::pair(static_cast<std::size_t>(rows.begin(comm_->rank())),
                         static_cast<std::size_t>(rows.end(comm_->rank())));
      };
      const auto [first, last] = range(origins.real.size());
      for (std::size_t i = first; i < last; ++i) {
        const double weight = origins.weights.empty() ? 1.0 : origins.weights[i];
        destinations.add_real(origins.real[i], weight, q, totals);
      }
      const auto [first_pair, last_pair] = range(origins.pairs.size());
      for (std::size_t i = first_pair; i < last_pair; ++i) {
        destinations.add_pair(origins.pairs[i], q, totals);
      }
    });
    comm_->sum(std::span<double>(totals.numbers));
    return totals;
  }

  // To first order the eigenvalues' errors, a few ε times the matrix's norm, and the rounding of q
  // change log q by that over |q|.
  double rounding(const Bilinear& q, Totals& totals) const {
    if (approximate()) return 0;
    constexpr double units = 16;
    const double a = largest_modulus(modes_[0].nodes());
    const double b = largest_modulus(modes_[1].nodes());
    const double size =
        std::abs(q.c00) + std::abs(q.c10) * a + std::abs(q.c01) * b + 2 * std::abs(q.c11) * a * b;
    return units * epsilon * size * totals.magnitude();
  }

  DeterminantValue value_of(Totals& totals, double error, bool hessian) const {
    if (!std::isfinite(totals.log_abs())) {
      throw core::SingularError(
          approximate() ? "the filter has no positive determinant here: a parameter is outside "
                          "the feasible region"
                        : "the filter is singular here: a parameter is outside the feasible region "
                          "or on its border");
    }
    if (std::fmod(totals.negative(), 2.0) != 0) {
      throw core::DataError(
          "the determinant of the filter is negative here: a parameter is outside the feasible "
          "region");
    }
    DeterminantValue value;
    value.log_abs = totals.log_abs();
    value.error = error;
    for (const auto& [k, l] : terms_) value.gradient.push_back(totals.first(k, l));
    if (!hessian) return value;
    for (const auto& [k, l] : terms_) {
      for (const auto& [m, n] : terms_) value.hessian.push_back(-totals.second(k + m, l + n));
    }
    return value;
  }

  const communication::Communicator* comm_;
  std::vector<TermPowers> terms_;
  mutable std::array<Mode, 2> modes_;
  std::function<SpectralNodes(int)> exact_;
};

}  // namespace

std::unique_ptr<FilterDeterminant> make_bilinear_determinant(
    const communication::Communicator& comm, std::vector<TermPowers> terms,
    std::array<SpectralNodes, 2> nodes, std::function<SpectralNodes(int mode)> exact) {
  return std::make_unique<BilinearDeterminant>(comm, std::move(terms), std::move(nodes),
                                               std::move(exact));
}

}  // namespace kronwerk::models
