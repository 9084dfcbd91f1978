#include "application/flow_filter/flow_determinant.hpp"

#include <fmt/format.h>

#include <cmath>
#include <optional>

#include "application/flow_filter/flow_bases.hpp"
#include "kronwerk/models/flow_determinants/bilinear_determinant.hpp"

namespace kronwerk::application {
namespace {

using expressions::ModeStructure;

/// Below this extent eigenvalues cost nothing.
constexpr Index small_extent = 500;
/// Operations a second of sparse factorisations, of the eigenvalues of symmetric matrices and of
/// others.
constexpr double factorisation_rate = 1.5e9;
constexpr double symmetric_rate = 5e9;
constexpr double general_rate = 2e9;

/// A filter with the identity and at most one other matrix for each mode.
struct Bilinear {
  std::vector<models::TermPowers> powers;
  std::array<expressions::FactorNodePtr, 2> matrices;  ///< null: the identity alone

  std::string name(std::size_t mode) const { return matrices[mode] ? matrices[mode]->text : "I"; }
};

std::optional<Bilinear> as_bilinear(const models::FlowFilter& filter) {
  Bilinear result;
  for (const std::size_t mode : {0U, 1U}) {
    for (const auto& matrix : filter.matrices(mode)) {
      if (matrix->is_identity()) continue;
      if (result.matrices[mode]) return std::nullopt;
      result.matrices[mode] = matrix;
    }
  }
  for (const auto& term : filter.terms()) {
    result.powers.push_back({filter.matrices(0)[term.origin]->is_identity() ? 0 : 1,
                             filter.matrices(1)[term.destination]->is_identity() ? 0 : 1});
  }
  return result;
}

/// How the spectra of a filter's matrices are found, each matrix once.
class Spectra {
 public:
  Spectra(const communication::Communicator& comm, methods::OperatorData& data,
          const Bilinear& filter, core::Extents extents)
      : comm_(&comm), data_(&data), filter_(filter), extents_(std::move(extents)) {}

  models::SpectralNodes eigenvalues(std::size_t mode) const {
    const auto& matrix = filter_.matrices[mode];
    if (!matrix) {
      const auto n = static_cast<std::size_t>(extents_[mode]);
      return models::nodes_of(std::vector<std::complex<double>>(n, 0.0), "I");
    }
    const auto found = data_->bases({{matrix, nullptr, true, true}});
    return models::nodes_of(found.bases[0]->eigenvalues, matrix->text);
  }

  models::SpectralNodes cheapest(std::size_t mode) {
    if (mode == 1 && filter_.name(0) == filter_.name(1) && first_) return *first_;
    auto nodes = moments_are_cheaper(mode) ? moments(mode) : eigenvalues(mode);
    if (mode == 0) first_ = nodes;
    return nodes;
  }

  models::SpectralNodes outline(std::size_t mode) const {
    const auto& matrix = filter_.matrices[mode];
    if (matrix && extents_[mode] >= small_extent) {
      if (const auto extent = factors::find_spectrum_extent(*comm_, chain(mode))) {
        return models::nodes_of(*extent, extents_[mode]);
      }
    }
    return eigenvalues(mode);
  }

 private:
  factors::Chain chain(std::size_t mode) const {
    return data_->lowering().lower(*filter_.matrices[mode]);
  }
  bool moments_are_cheaper(std::size_t mode) const {
    if (!filter_.matrices[mode] || extents_[mode] < small_extent) return false;
    const factors::Chain matrix = chain(mode);
    const auto estimate = factors::estimate_chebyshev_moments(*comm_, matrix);
    if (!estimate) return false;
    const bool symmetric = !data_->symmetry(*filter_.matrices[mode]).scale.empty();
    const auto n = static_cast<double>(extents_[mode]);
    const double decomposition =
        symmetric ? 4 * n * n * n / 3 / symmetric_rate : 10 * n * n * n / general_rate;
    return estimate->flops / factorisation_rate < decomposition;
  }
  models::SpectralNodes moments(std::size_t mode) const {
    return models::nodes_of(factors::chebyshev_moments(*comm_, chain(mode)), filter_.name(mode));
  }

  const communication::Communicator* comm_;
  methods::OperatorData* data_;
  Bilinear filter_;
  core::Extents extents_;
  std::optional<models::SpectralNodes> first_;
};

FlowDeterminant make_bilinear(const communication::Communicator& comm, methods::OperatorData& data,
                              const models::FlowFilter& filter, const Bilinear& bilinear) {
  Spectra spectra(comm, data, bilinear, filter.extents());
  std::array<models::SpectralNodes, 2> nodes{spectra.cheapest(0), spectra.cheapest(1)};
  FlowDeterminant result;
  result.region =
      models::find_feasible_region(bilinear.powers, nodes, {bilinear.name(0), bilinear.name(1)});
  result.determinant = models::make_bilinear_determinant(
      comm, bilinear.powers, std::move(nodes),
      [spectra](int mode) { return spectra.eigenvalues(static_cast<std::size_t>(mode)); });
  return result;
}

}  // namespace

models::FeasibleRegion find_flow_region(const communication::Communicator& comm,
                                        methods::OperatorData& data,
                                        const models::FlowFilter& filter) {
  const auto bilinear = as_bilinear(filter);
  if (!bilinear) return {};
  const Spectra spectra(comm, data, *bilinear, filter.extents());
  return models::find_feasible_region(bilinear->powers, {spectra.outline(0), spectra.outline(1)},
                                      {bilinear->name(0), bilinear->name(1)});
}

FlowDeterminant make_flow_determinant(const communication::Communicator& comm,
                                      methods::OperatorData& data, const Problem& problem,
                                      const models::FlowFilter& filter) {
  if (const auto bilinear = as_bilinear(filter))
    return make_bilinear(comm, data, filter, *bilinear);
  const auto structure = structure_of(data, filter);
  std::string reason = structure.why_not;
  for (const ModeStructure& mode : structure.modes) {
    if (mode.kind != ModeStructure::Kind::pair || !reason.empty()) continue;
    reason = fmt::format("one mode has two matrices, '{}' and '{}'", mode.first->text,
                         mode.second->text);
  }
  if (!reason.empty()) {
    throw core::ConfigurationError(fmt::format(
        "{}: the log determinant of a filter is exact where the matrices of each mode are "
        "functions of one; here {}",
        problem.job.where(problem.job.formula.position), reason));
  }
  std::array<models::ModeSpectrum, 2> spectra;
  for (std::size_t mode = 0; mode < 2; ++mode) {
    const ModeStructure& of_mode = structure.modes[mode];
    std::vector<std::complex<double>> eigenvalues;
    if (of_mode.kind == ModeStructure::Kind::functions) {
      eigenvalues = data.bases({{of_mode.first, nullptr, true, true}}).bases[0]->eigenvalues;
    }
    spectra[mode] = spectrum_of(data, of_mode, filter.matrices(mode), eigenvalues);
  }
  return {models::make_eigenvalue_determinant(comm, filter.terms(), std::move(spectra)), {}};
}

}  // namespace kronwerk::application
