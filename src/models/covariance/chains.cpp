#include "models/covariance/chains.hpp"

#include <algorithm>

#include "kronwerk/factors/base/make.hpp"

namespace kronwerk::models {

using factors::Chain;
using factors::Kind;
using factors::Link;

std::optional<int> power_of(const Chain& chain, const Chain& base) {
  if (base.empty() || chain.size() % base.size() != 0) return std::nullopt;
  const bool inverted = base.size() == 1 && chain.front().factor == base[0].factor &&
                        chain.front().transposed == base[0].transposed &&
                        chain.front().inverse != base[0].inverse;
  Chain repeated;
  const auto times = static_cast<int>(chain.size() / base.size());
  for (int i = 0; i < times; ++i) repeated.insert(repeated.end(), base.begin(), base.end());
  for (Link& link : repeated) link.inverse = link.inverse != inverted;
  if (chain != repeated) return std::nullopt;
  return inverted ? -times : times;
}

std::string name_of(const Chain& chain) {
  if (is_cholesky(chain) || is_eigendecomposition(chain)) return chain.front().factor->name();
  return factors::product_name(without_identities(chain));
}

bool is_cholesky(const Chain& chain) {
  return chain.size() == 2 && chain[0].factor == chain[1].factor && !chain[0].transposed &&
         chain[1].transposed && !chain[0].inverse && !chain[1].inverse;
}

bool is_eigendecomposition(const Chain& chain) {
  return chain.size() == 3 && chain[0].factor == chain[2].factor && !chain[0].transposed &&
         chain[2].transposed && chain[1].factor->kind() == Kind::diagonal &&
         std::ranges::none_of(chain, &Link::inverse);
}

std::vector<double> diagonal_of(const Chain& chain) {
  std::vector<double> result(static_cast<std::size_t>(factors::rows(chain)), 1.0);
  for (const Link& link : chain) {
    if (link.factor->kind() == Kind::identity) continue;
    const std::vector<double> values = link.factor->diagonal();
    for (std::size_t i = 0; i < result.size(); ++i) {
      result[i] = link.inverse ? result[i] / values[i] : result[i] * values[i];
    }
  }
  return result;
}

std::vector<double> dense_matrix(const Chain& chain) {
  const Index rows = factors::rows(chain);
  const Index cols = factors::cols(chain);
  std::vector<double> result(static_cast<std::size_t>(core::multiply(rows, cols)), 0.0);
  if (chain.size() == 1 && !chain[0].transposed && !chain[0].inverse) {
    chain[0].factor->add_to_dense(1, result);
    return result;
  }
  factors::for_column_panels(
      chain, 0, cols, [&](Index first, Index count, std::span<const double> panel) {
        for (Index row = 0; row < rows; ++row) {
          std::copy_n(panel.data() + row * count, count, result.data() + row * cols + first);
        }
      });
  return result;
}

std::vector<double> image_of(const Chain& chain, const std::vector<double>& x) {
  std::vector<double> y(static_cast<std::size_t>(factors::rows(chain)));
  factors::LocalProduct({chain}).apply(
      factors::ConstView::contiguous(x.data(), 1, factors::cols(chain), 1),
      factors::View::contiguous(y.data(), 1, factors::rows(chain), 1));
  return y;
}

Chain identity_chain(Index extent) {
  return {Link{factors::make_identity(extent)}};
}

}  // namespace kronwerk::models
