#include "kronwerk/methods/spectral_form.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <functional>
#include <map>

#include "kronwerk/core/text.hpp"
#include "kronwerk/factors/base/make.hpp"
#include "kronwerk/factors/dense/shared_dense.hpp"

namespace kronwerk::methods {
namespace {

using core::Index;
using expressions::FactorNode;
using expressions::FactorNodePtr;
using expressions::ModeStructure;
using expressions::SumOfProducts;
using factors::BasisKind;
using factors::BasisPtr;
using operators::SchurSum;
using operators::SpectralTerm;
using Values = std::vector<std::complex<double>>;
using Kind = ModeStructure::Kind;

BasisPtr identity_basis(Index extent) {
  auto basis = std::make_shared<factors::Basis>();
  basis->kind = BasisKind::identity;
  basis->extent = extent;
  const factors::Chain identity{{factors::make_identity(extent), false, false}};
  basis->to_basis = identity;
  basis->from_basis = identity;
  basis->eigenvalues.assign(static_cast<std::size_t>(extent), 1.0);
  basis->description = "diagonal";
  return basis;
}

/// The modes that need a basis, and what is asked for them.
struct Questions {
  std::vector<std::size_t> modes;
  std::vector<OperatorData::BasisQuestion> list;
};

/// Symmetric pairs whose basis has at least this condition lose digits (it is the root of the
/// definite matrix' condition); with two modes, QZ takes their place up to an extent for which it
/// is quick on one rank.
constexpr double largest_condition = 1e3;
constexpr Index largest_by_qz = 2000;

/// The basis of a pair of symmetric matrices of which the first is the definite one, or neither is
/// and a combination of them in the formula is, which then takes the place of the second.
BasisPtr find_definite(OperatorData& data, ModeStructure& mode,
                       const OperatorData::BasisQuestion& asked,
                       const std::function<bool(const BasisPtr&)>& is_good) {
  auto question = asked;
  std::swap(question.matrix, question.partner);
  if (const BasisPtr swapped = data.bases({question}).bases[0]; is_good(swapped)) {
    std::swap(mode.first, mode.second);
    return swapped;
  }
  constexpr std::size_t most_tried = 4;  // each is assembled as a dense matrix
  for (std::size_t k = 0; k < std::min(most_tried, mode.combinations.size()); ++k) {
    question.matrix = mode.first;
    question.partner = mode.combinations[k];
    if (const BasisPtr basis = data.bases({question}).bases[0]; is_good(basis)) {
      mode.second = mode.combinations[k];
      return basis;
    }
  }
  return nullptr;
}

/// Pairs of symmetric matrices of which another one than the second is definite; with two modes,
/// any other pairs by QZ, all at once.
void find_other_pairs(OperatorData& data, SpectralForm& form, Questions& questions,
                      factors::BasisResult& found) {
  auto& modes = form.structure.modes;
  const bool qz_allowed = modes.size() == 2;
  const auto is_good = [&](const BasisPtr& basis) {
    return basis &&
           (basis->condition < largest_condition || !qz_allowed || basis->extent > largest_by_qz);
  };
  std::vector<std::size_t> general;
  for (std::size_t i = 0; i < questions.modes.size(); ++i) {
    ModeStructure& mode = modes[questions.modes[i]];
    if (mode.kind != Kind::pair || is_good(found.bases[i])) continue;
    if (BasisPtr basis = find_definite(data, mode, questions.list[i], is_good)) {
      found.bases[i] = std::move(basis);
    } else if (qz_allowed) {
      general.push_back(i);
    }
  }
  std::vector<OperatorData::BasisQuestion> list;
  for (const std::size_t i : general) {
    list.push_back(questions.list[i]);
    list.back().generalised_schur = true;
  }
  if (list.empty()) return;
  const auto bases = data.bases(list);
  for (std::size_t i = 0; i < general.size(); ++i) {
    found.bases[general[i]] = bases.bases[i];
    found.why_not[general[i]] = bases.why_not[i];
  }
}

/// Bases of the modes that need one; why_not tells which has none.
std::vector<BasisPtr> find_mode_bases(OperatorData& data, SpectralForm& form,
                                      const core::Extents& extents, bool eigenvalues_only) {
  const auto& modes = form.structure.modes;
  std::vector<BasisPtr> bases(modes.size());
  Questions questions;
  for (std::size_t k = 0; k < modes.size(); ++k) {
    if (modes[k].kind == Kind::identity || modes[k].kind == Kind::diagonal) {
      bases[k] = identity_basis(extents[k]);
      continue;
    }
    OperatorData::BasisQuestion question{modes[k].first, nullptr, modes.size() == 2,
                                         eigenvalues_only};
    if (modes[k].kind == Kind::pair) question.partner = modes[k].second;
    questions.modes.push_back(k);
    questions.list.push_back(std::move(question));
  }
  auto found = data.bases(questions.list);
  find_other_pairs(data, form, questions, found);
  for (std::size_t i = 0; i < questions.modes.size(); ++i) {
    if (!found.bases[i]) {
      form.why_not = fmt::format("mode {}: {}", questions.modes[i] + 1, found.why_not[i]);
      return {};
    }
    bases[questions.modes[i]] = found.bases[i];
  }
  return bases;
}

/// The diagonal of a factor that is a product of diagonal matrices and their inverses.
Values diagonal_values(OperatorData& data, const FactorNode& factor) {
  Values values(static_cast<std::size_t>(factor.rows), 1.0);
  for (const factors::Link& link : data.lowering().lower(factor)) {
    const std::vector<double> diagonal = link.factor->diagonal();
    for (std::size_t i = 0; i < values.size(); ++i) {
      if (link.inverse && diagonal[i] == 0) {
        throw core::SingularError(
            fmt::format("the factor '{}' ({} x {}) is singular: element {} of "
                        "its diagonal is zero",
                        link.factor->name(), factor.rows, factor.cols, i));
      }
      values[i] = link.inverse ? values[i] / diagonal[i] : values[i] * diagonal[i];
    }
  }
  return values;
}

/// x α + y β for the factor x A + y B of a pair.
std::optional<Values> pair_eigenvalues(OperatorData& data, const ModeStructure& mode,
                                       const factors::Basis& basis, const FactorNode& factor) {
  const auto weights =
      expressions::weights_in_pair(factor, *mode.first, *mode.second, data.symmetric_matrices());
  if (!weights) return std::nullopt;
  const auto& beta = basis.partner_eigenvalues;
  if (weights->first == 0 && weights->second == 1 && beta.empty()) return Values{};
  Values values;
  for (std::size_t i = 0; i < basis.eigenvalues.size(); ++i) {
    values.push_back(weights->first * basis.eigenvalues[i] +
                     weights->second * (beta.empty() ? 1.0 : beta[i]));
  }
  return values;
}

/// What a factor is in the basis of its mode; nothing if it is no function of the mode's matrix.
std::optional<Values> eigenvalues_of(OperatorData& data, const ModeStructure& mode,
                                     const BasisPtr& basis, const FactorNode& factor) {
  if (factor.is_identity() && mode.kind != Kind::pair) return Values{};
  switch (mode.kind) {
    case Kind::diagonal:
      return diagonal_values(data, factor);
    case Kind::pair:
      return pair_eigenvalues(data, mode, *basis, factor);
    case Kind::functions:
      return expressions::evaluate_at(factor, *mode.first, basis->eigenvalues,
                                      data.symmetric_matrices());
    case Kind::identity:
    case Kind::none:
      break;
  }
  return std::nullopt;
}

std::optional<std::vector<SpectralTerm>> spectral_terms(OperatorData& data,
                                                        const SpectralForm& form,
                                                        const SumOfProducts& sum) {
  std::vector<SpectralTerm> terms;
  for (const auto& product : sum.terms) {
    SpectralTerm term{product.coefficient, {}};
    for (std::size_t k = 0; k < product.factors.size(); ++k) {
      auto values =
          eigenvalues_of(data, form.structure.modes[k], form.bases[k], *product.factors[k]);
      if (!values) return std::nullopt;
      term.eigenvalues.push_back(std::move(*values));
    }
    terms.push_back(std::move(term));
  }
  return terms;
}

factors::FactorPtr dense_factor(const communication::Communicator& comm, const std::string& name,
                                Index extent, const std::function<void(std::span<double>)>& fill) {
  return factors::make_shared_dense(comm, name, extent, extent, [&](std::span<double> values) {
    if (!comm.node().is_root()) return;
    std::ranges::fill(values, 0.0);
    fill(values);
  });
}

bool is_triangular(const factors::Basis& basis) {
  return basis.kind == BasisKind::schur || basis.kind == BasisKind::generalised_schur;
}

/// A basis of eigenvectors as a quasi-triangular one: its Λ has 2 x 2 blocks only. For a symmetric
/// pair, the second matrix is the identity.
BasisPtr as_schur(const communication::Communicator& comm, const BasisPtr& basis) {
  if (is_triangular(*basis)) return basis;
  auto result = std::make_shared<factors::Basis>(*basis);
  result->triangular = dense_factor(comm, "Λ", basis->extent, [&](std::span<double> values) {
    const auto n = static_cast<std::size_t>(basis->extent);
    for (std::size_t i = 0; i < n; ++i) {
      values[i * n + i] = basis->eigenvalues[i].real();
      if (static_cast<Index>(i) >= 2 * basis->pairs) continue;
      const std::size_t partner = i % 2 == 0 ? i + 1 : i - 1;
      values[i * n + partner] = basis->eigenvalues[i].imag();
    }
  });
  result->kind = BasisKind::schur;
  result->pairs = 0;
  return result;
}

/// x S + y T for the factor x A + y B of a pair; null for the identity.
factors::FactorPtr pair_matrix(OperatorData& data, const ModeStructure& mode, const BasisPtr& basis,
                               const FactorNode& factor) {
  const auto weights =
      expressions::weights_in_pair(factor, *mode.first, *mode.second, data.symmetric_matrices());
  if (!weights) throw core::InternalError("a factor is no combination of its mode's matrices");
  if (weights->first == 0 && weights->second == 1) return basis->partner_triangular;
  if (weights->first == 1 && weights->second == 0) return basis->triangular;
  const auto partner =
      basis->partner_triangular ? basis->partner_triangular : factors::make_identity(basis->extent);
  return factors::linear_combination(
      data.comm(), factor.text,
      std::vector<std::pair<double, factors::FactorPtr>>{{weights->first, basis->triangular},
                                                         {weights->second, partner}});
}

/// p(T) for a factor p(A) of a mode with A = Q T Qᵀ; null for the identity.
factors::FactorPtr triangular_matrix(OperatorData& data, const ModeStructure& mode,
                                     const BasisPtr& basis, const FactorNode& factor) {
  if (mode.kind == Kind::pair) return pair_matrix(data, mode, basis, factor);
  if (factor.is_identity()) return nullptr;
  const auto& comm = data.comm();
  if (mode.kind == Kind::functions) {
    const expressions::FactorLink& generator = mode.first->links[0];
    auto triangular = basis->triangular;
    if (generator.transposed) triangular = factors::transpose(comm, "T'", triangular);
    expressions::Lowering in_basis(comm, {{generator.leaf->text, triangular}});
    return in_basis.explicit_factor(factor);
  }
  const auto values = eigenvalues_of(data, mode, basis, factor);
  return dense_factor(comm, factor.text, basis->extent, [&](std::span<double> matrix) {
    const auto n = static_cast<std::size_t>(basis->extent);
    for (std::size_t i = 0; i < n; ++i) matrix[i * n + i] = (*values)[i].real();
  });
}

std::optional<SchurSum> schur_sum(OperatorData& data, SpectralForm& form,
                                  const SumOfProducts& sum) {
  SchurSum result;
  for (std::size_t k = 0; k < 2; ++k) {
    const ModeStructure& mode = form.structure.modes[k];
    const bool plain = mode.kind != Kind::functions ||
                       (mode.first->links.size() == 1 && !mode.first->links[0].inverse &&
                        mode.first->links[0].leaf->kind == expressions::FactorLeaf::Kind::matrix);
    if (!plain) return std::nullopt;
    form.bases[k] = as_schur(data.comm(), form.bases[k]);
    result.bases[k] = form.bases[k];
  }
  // Equal factors become one matrix.
  std::array<std::map<std::string, factors::FactorPtr>, 2> made;
  for (const auto& product : sum.terms) {
    SchurSum::Term term{product.coefficient, {}};
    for (std::size_t k = 0; k < 2; ++k) {
      const auto& factor = *product.factors[k];
      const auto [place, is_new] = made[k].try_emplace(factor.text);
      if (is_new) {
        place->second = triangular_matrix(data, form.structure.modes[k], form.bases[k], factor);
      }
      term.matrices[k] = place->second;
    }
    result.terms.push_back(std::move(term));
  }
  return result;
}

}  // namespace

std::string SpectralForm::description() const {
  std::vector<std::string> parts;
  for (const auto& basis : bases) {
    if (basis->kind == BasisKind::identity) continue;
    if (std::ranges::find(parts, basis->description) == parts.end()) {
      parts.push_back(basis->description);
    }
  }
  return parts.empty() ? "diagonal factors" : core::join(parts, "; ");
}

SpectralForm find_spectral_form(OperatorData& data, const SumOfProducts& sum,
                                bool eigenvalues_only) {
  SpectralForm form;
  form.structure = expressions::find_structure(sum, data.symmetric_matrices());
  form.why_not = form.structure.why_not;
  if (!form.structure.complete()) return form;
  form.bases = find_mode_bases(data, form, sum.row_extents, eigenvalues_only);
  if (!form.why_not.empty()) return form;
  const bool triangular = !eigenvalues_only && std::ranges::any_of(form.bases, [](const auto& b) {
    return is_triangular(*b);
  });
  if (triangular) {
    form.triangular = schur_sum(data, form, sum);
    if (!form.triangular) {
      form.why_not = "the Schur form is used for functions of one plain matrix per mode only";
    }
    return form;
  }
  auto terms = spectral_terms(data, form, sum);
  if (!terms) throw core::InternalError("a factor is no function of its mode's matrix");
  form.sum = operators::SpectralSum{form.bases, std::move(*terms)};
  return form;
}

std::optional<std::vector<SpectralTerm>> in_bases_of(OperatorData& data, const SpectralForm& form,
                                                     const SumOfProducts& other) {
  const auto both = expressions::find_structure(other, data.symmetric_matrices());
  for (std::size_t k = 0; k < both.modes.size(); ++k) {
    const ModeStructure& mode = form.structure.modes[k];
    const ModeStructure& theirs = both.modes[k];
    const bool same = theirs.kind == Kind::identity || mode.kind == Kind::pair ||
                      (theirs.kind == mode.kind &&
                       (mode.kind == Kind::diagonal || theirs.first->text == mode.first->text));
    if (!same) return std::nullopt;
  }
  return spectral_terms(data, form, other);
}

}  // namespace kronwerk::methods
