#include "application/flow_filter/flow_bases.hpp"

#include "kronwerk/factors/base/make.hpp"

namespace kronwerk::application {
namespace {

using expressions::ModeStructure;

/// Of a mode without any matrix, or with diagonal ones.
factors::BasisPtr diagonal_basis(core::Index extent) {
  auto basis = std::make_shared<factors::Basis>();
  basis->extent = extent;
  basis->to_basis = {{factors::make_identity(extent)}};
  basis->from_basis = basis->to_basis;
  basis->description = "diagonal";
  return basis;
}

}  // namespace

expressions::SpectralStructure structure_of(methods::OperatorData& data,
                                            const models::FlowFilter& filter) {
  expressions::SumOfProducts sum{filter.extents(), filter.extents(), {}};
  for (const auto& term : filter.terms()) {
    sum.terms.push_back(
        {1, {filter.matrices(0)[term.origin], filter.matrices(1)[term.destination]}});
  }
  return expressions::find_structure(sum, data.symmetric_matrices());
}

models::ModeSpectrum spectrum_of(methods::OperatorData& data, const ModeStructure& structure,
                                 const std::vector<expressions::FactorNodePtr>& matrices,
                                 std::span<const std::complex<double>> eigenvalues) {
  models::ModeSpectrum spectrum;
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

bool bases_are_costly(methods::OperatorData& data, const models::FlowFilter& filter) {
  constexpr core::Index small_extent = 500;
  const auto structure = structure_of(data, filter);
  if (!structure.complete()) return false;
  for (const std::size_t mode : {0U, 1U}) {
    const ModeStructure& of_mode = structure.modes[mode];
    if (of_mode.kind != ModeStructure::Kind::functions) continue;
    if (filter.extents()[mode] < small_extent) continue;
    const factors::Chain matrix = data.lowering().lower(*of_mode.first);
    const bool sparse =
        matrix.size() == 1 && matrix.front().factor->kind() == factors::Kind::sparse;
    if (sparse || data.symmetry(*of_mode.first).scale.empty()) return true;
  }
  return false;
}

std::optional<models::FilterBases> find_filter_bases(methods::OperatorData& data,
                                                     const models::FlowFilter& filter) {
  const auto structure = structure_of(data, filter);
  if (!structure.complete()) return std::nullopt;
  models::FilterBases result;
  std::vector<methods::OperatorData::BasisQuestion> questions;
  std::vector<std::size_t> asked;
  for (const std::size_t mode : {0U, 1U}) {
    const ModeStructure& of_mode = structure.modes[mode];
    if (of_mode.kind == ModeStructure::Kind::pair) return std::nullopt;
    if (of_mode.kind == ModeStructure::Kind::functions) {
      questions.push_back({of_mode.first, nullptr});
      asked.push_back(mode);
    } else {
      result.bases[mode] = diagonal_basis(filter.extents()[mode]);
    }
  }
  const auto found = data.bases(questions);
  for (std::size_t k = 0; k < asked.size(); ++k) {
    if (!found.bases[k]) return std::nullopt;
    result.bases[asked[k]] = found.bases[k];
  }
  for (const std::size_t mode : {0U, 1U}) {
    result.spectra[mode] = spectrum_of(data, structure.modes[mode], filter.matrices(mode),
                                       result.bases[mode]->eigenvalues);
  }
  return result;
}

}  // namespace kronwerk::application
