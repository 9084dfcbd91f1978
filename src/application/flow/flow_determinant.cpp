#include "application/flow/flow_determinant.hpp"

#include <fmt/format.h>

#include <cmath>

namespace kronwerk::application {
namespace {

using expressions::ModeStructure;

/// All terms with coefficient 1: what the structure of the filter is for all parameters.
expressions::SumOfProducts sum_of(const models::FlowFilter& filter) {
  expressions::SumOfProducts sum{filter.extents(), filter.extents(), {}};
  for (const auto& term : filter.terms()) {
    sum.terms.push_back(
        {1, {filter.matrices(0)[term.origin], filter.matrices(1)[term.destination]}});
  }
  return sum;
}

models::ModeSpectrum spectrum_of(OperatorData& data, const ModeStructure& structure,
                                 const std::vector<expressions::FactorNodePtr>& matrices) {
  models::ModeSpectrum spectrum;
  std::vector<std::complex<double>> eigenvalues;
  if (structure.kind == ModeStructure::Kind::functions) {
    const auto found = data.bases({{structure.first, nullptr, true, true}});
    eigenvalues = found.bases[0]->eigenvalues;
  }
  for (const auto& matrix : matrices) {
    auto& values = spectrum.values.emplace_back();
    if (matrix->is_identity()) {
      values.assign(static_cast<std::size_t>(matrix->rows), 1.0);
    } else if (structure.kind == ModeStructure::Kind::diagonal) {
      for (const double value : data.lowering().explicit_factor(*matrix)->diagonal()) {
        values.emplace_back(value);
      }
    } else {
      values = expressions::evaluate_at(*matrix, *structure.first, eigenvalues,
                                        data.symmetric_matrices());
    }
  }
  return spectrum;
}

}  // namespace

FlowDeterminant make_flow_determinant(const communication::Communicator& comm, OperatorData& data,
                                      const Problem& problem, const models::FlowFilter& filter) {
  const auto structure = expressions::find_structure(sum_of(filter), data.symmetric_matrices());
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
    spectra[mode] = spectrum_of(data, structure.modes[mode], filter.matrices(mode));
  }
  return {models::make_eigenvalue_determinant(comm, filter.terms(), std::move(spectra)), {}};
}

}  // namespace kronwerk::application
