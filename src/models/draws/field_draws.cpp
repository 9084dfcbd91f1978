#include "models/draws/field_draws.hpp"

#include <algorithm>
#include <cmath>

#include "kronwerk/operators/base/random.hpp"
#include "models/covariance/chains.hpp"
#include "models/covariance/grid_values.hpp"

namespace kronwerk::models {

using factors::Chain;

namespace {

/// Numbers of a stream per draw for the flat indices from `first` on of draws one after the other.
void fill(const DrawStreams& streams, Index part, Index size, Index first,
          std::span<double> values) {
  while (!values.empty()) {
    const Index draw = streams.first + first / size;
    const Index place = first % size;
    const Index count = std::min(size - place, std::ssize(values));
    const auto stream = static_cast<std::uint64_t>(draw * streams.parts + part);
    operators::fill_random(operators::RandomKind::normal, streams.seed, stream, place,
                           values.first(static_cast<std::size_t>(count)));
    values = values.subspan(static_cast<std::size_t>(count));
    first += count;
  }
}

}  // namespace

void add_field(const communication::Communicator& comm, const std::shared_ptr<Workspace>& workspace,
               double scale, const std::vector<Chain>& roots, int leading_modes,
               const DrawStreams& streams, Index part, std::span<double> values) {
  std::vector<Chain> chains = roots;
  Index size = 1;
  for (const Chain& root : roots) size = core::multiply(size, factors::cols(root));
  if (streams.count > 1) chains.insert(chains.begin(), identity_chain(streams.count));
  const operators::KroneckerProduct product(comm, workspace, scale, std::move(chains),
                                            leading_modes);
  const Layout& layout = product.input_layout();
  std::vector<double> normal(static_cast<std::size_t>(layout.home_size(comm.rank())));
  if (size > 0) fill(streams, part, size, layout.home_begin(comm.rank()), normal);
  product.apply(normal, values, true);
}

void add_field(const OperatorPtr& root, Index size, const DrawStreams& streams, Index part,
               std::span<double> values) {
  const Layout& layout = root->input_layout();
  const int rank = root->comm().rank();
  std::vector<double> normal(static_cast<std::size_t>(layout.home_size(rank)));
  fill(streams, part, size, layout.home_begin(rank), normal);
  root->apply(normal, values, true);
}

void add_noise(const ScaledProduct& noise, const Extents& extents, const DrawStreams& streams,
               Index part, Index first, std::span<double> values) {
  GridTerm variance{noise.scale, {}};
  for (const Chain& chain : noise.chains) {
    variance.lists.push_back(factors::is_identity(chain) ? std::vector<double>{}
                                                         : diagonal_of(chain));
  }
  const GridValues variances(extents, {std::move(variance)});
  double normal[GridValues::run_length];
  variances.for_runs(first, std::ssize(values), [&](const double* v, Index offset, Index count) {
    fill(streams, part, variances.size(), first + offset,
         {normal, static_cast<std::size_t>(count)});
    double* place = values.data() + offset;
    for (Index i = 0; i < count; ++i) place[i] += std::sqrt(v[i]) * normal[i];
  });
}

}  // namespace kronwerk::models
