#include "models/flow_effects/spectral_effects.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "kronwerk/core/interruption.hpp"
#include "kronwerk/distribution/partition.hpp"
#include "kronwerk/factors/dense/dense_values.hpp"
#include "kronwerk/operators/base/random.hpp"
#include "models/flow_effects/spectral_regions.hpp"

namespace kronwerk::models {
namespace {

/// Of a product with the eigenvectors next to that with the matrix.
constexpr double largest_error = 1e-11;

double norm(std::span<const double> x) {
  return cblas_dnrm2(static_cast<int>(x.size()), x.data(), 1);
}

/// The chain as one dense matrix, where possible without products of n x n matrices.
factors::FactorPtr as_table(const communication::Communicator& comm, const std::string& name,
                            const factors::Chain& chain) {
  const factors::FactorPtr product = factors::multiply(comm, name, chain);
  return product->kind() == factors::Kind::dense ? product
                                                 : factors::materialise(comm, name, {{product}});
}

}  // namespace

SpectralEffects::SpectralEffects(const communication::Communicator& comm, const FlowFilter& filter,
                                 FilterBases bases)
    : comm_(&comm), filter_(&filter), bases_(std::move(bases)) {
  const bool same = bases_.bases[0] == bases_.bases[1];
  for (const std::size_t mode : {0U, 1U}) {
    const factors::Basis& basis = *bases_.bases[mode];
    SpectralMode& made = modes_[mode];
    if (mode == 1 && same) {
      made.right = modes_[0].right;
      made.left = modes_[0].left;
    } else {
      made.right = as_table(comm, "P", basis.from_basis);
      made.left = as_table(comm, "P⁻ᵀ", factors::transposed(basis.to_basis));
    }
    // Of two conjugate eigenvalues of the origins one is enough: its sums are twice the real part.
    for (Index p = 0; p < basis.pairs; ++p) {
      const auto place = static_cast<std::size_t>(2 * p);
      made.values.push_back({place, 1, mode == 0 ? 2.0 : 1.0});
      if (mode == 1) made.values.push_back({place, -1, 1});
    }
    for (Index i = 2 * basis.pairs; i < basis.extent; ++i) {
      made.values.push_back({static_cast<std::size_t>(i), 0, 1});
    }
    for (const auto& all : bases_.spectra[mode].values) {
      auto& list = made.matrices.emplace_back();
      for (const SpectralMode::Value& value : made.values) {
        list.push_back(all[value.place + (value.sign < 0 ? 1 : 0)]);
      }
    }
  }
}

std::unique_ptr<SpectralEffects> SpectralEffects::make(const communication::Communicator& comm,
                                                       const FlowFilter& filter,
                                                       const FlowMatrices& matrices,
                                                       FilterBases bases) {
  std::unique_ptr<SpectralEffects> made(new SpectralEffects(comm, filter, std::move(bases)));
  if (comm.any(!made->is_accurate(matrices))) return nullptr;
  return made;
}

/// Tries the eigenvectors at one random vector.
bool SpectralEffects::is_accurate(const FlowMatrices& matrices) const {
  for (const std::size_t mode : {0U, 1U}) {
    const factors::Basis& basis = *bases_.bases[mode];
    std::vector<double> z(static_cast<std::size_t>(basis.extent));
    operators::fill_random(operators::RandomKind::normal, 1, 0, z);
    const std::vector<double> coordinates = models::multiply(basis.to_basis, z);
    for (std::size_t m = 0; m < matrices[mode].size(); ++m) {
      const auto& values = bases_.spectra[mode].values[m];
      std::vector<double> scaled = coordinates;
      for (std::size_t i = 0; i < scaled.size(); ++i) {
        scaled[i] *= values[i].real();
        if (static_cast<Index>(i) >= 2 * basis.pairs) continue;
        const bool second = i % 2 == 1;
        // [a b; -b a] for a + bi at the first place.
        scaled[i] += (second ? -1 : 1) * values[i - (second ? 1 : 0)].imag() *
                     coordinates[second ? i - 1 : i + 1];
      }
      const std::vector<double> expected = models::multiply(matrices[mode][m], z);
      std::vector<double> found = models::multiply(basis.from_basis, scaled);
      for (std::size_t i = 0; i < found.size(); ++i) found[i] -= expected[i];
      if (!(norm(found) <= largest_error * norm(z))) return false;
    }
  }
  return true;
}

template <typename Scalar>
void SpectralEffects::add_in(const std::vector<const AttributeUse*>& uses,
                             std::span<const double> coefficients, std::span<const double> c,
                             const CellWeights& weights, FlowEffects& effects) const {
  const std::size_t n = effects.total.size();
  const distribution::BlockPartition regions(static_cast<Index>(n), comm_->size());
  const Index begin = regions.begin(comm_->rank());
  std::vector<RegionSums> own;
  communication::collectively(*comm_, [&] {
    if (regions.count(comm_->rank()) == 0) return;
    SpectralRegions<Scalar> sums(modes_, filter_->terms(), c, weights, begin,
                                 regions.end(comm_->rank()));
    own = sums.find(uses, coefficients);
  });
  add_region_sums(*comm_, weights, begin, own, effects);
}

void SpectralEffects::add(const std::vector<const AttributeUse*>& uses,
                          std::span<const double> coefficients, std::span<const double> c,
                          const CellWeights& weights, FlowEffects& effects) const {
  if (bases_.bases[0]->pairs + bases_.bases[1]->pairs == 0) {
    add_in<double>(uses, coefficients, c, weights, effects);
  } else {
    add_in<std::complex<double>>(uses, coefficients, c, weights, effects);
  }
}

std::string SpectralEffects::description() const {
  std::string text = bases_.bases[0]->description;
  if (bases_.bases[1]->description != text) text += "; " + bases_.bases[1]->description;
  return "in eigenvectors of both modes (" + text + ")";
}

}  // namespace kronwerk::models
