// See src/MATHEMATICS.md, "Kronecker products".
#include "kronwerk/operators/products/kronecker_product.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "kronwerk/communication/redistribution.hpp"
#include "kronwerk/factors/base/make.hpp"
#include "kronwerk/factors/base/scratch.hpp"
#include "operators/base/local_vectors.hpp"

namespace kronwerk::operators {

using communication::Redistribution;
using distribution::Layout;
using factors::Chain;
using factors::ConstView;
using factors::LocalProduct;
using factors::Scratch;
using factors::View;

namespace {

std::vector<distribution::ModeCost> mode_costs(const std::vector<Chain>& chains) {
  std::vector<distribution::ModeCost> costs;
  for (const Chain& chain : chains) {
    costs.push_back({.rows = factors::rows(chain),
                     .cols = factors::cols(chain),
                     .flops_per_fibre = factors::flops_per_fibre(chain),
                     .identity = factors::is_identity(chain)});
  }
  return costs;
}

void factorise_chains(const communication::Communicator& comm, const std::vector<Chain>& chains) {
  std::vector<factors::FactorPtr> list;
  for (const Chain& chain : chains) {
    for (auto& factor : factors::to_factorise(chain)) list.push_back(std::move(factor));
  }
  factors::factorise(comm, list);
}

/// Rows or columns at a time: what the local product prefers, within a bounded buffer.
Index piece(const LocalProduct& product, Index available) {
  constexpr Index largest_buffer = Index{4} << 20;  // doubles
  const Index longest = std::max<Index>({1, product.rows(), product.cols()});
  const Index bounded =
      std::max<Index>(1, std::min(product.preferred_fibres(), largest_buffer / longest));
  return std::max<Index>(1, std::min(bounded, available));
}

}  // namespace

/// What one application does, in order: trailing modes that do not grow, exchange, leading modes,
/// exchange, trailing modes that grow.
struct KroneckerProduct::Stages {
  LocalProduct before;
  LocalProduct leading;
  LocalProduct after;
};

KroneckerProduct::KroneckerProduct(const communication::Communicator& comm,
                                   std::shared_ptr<Workspace> workspace, double scale,
                                   std::vector<Chain> chains, std::optional<int> leading_modes)
    : comm_(&comm), workspace_(std::move(workspace)), scale_(scale), chains_(std::move(chains)) {
  factorise_chains(comm, chains_);
  const auto costs = mode_costs(chains_);
  estimate_ = leading_modes ? distribution::estimate_product(costs, *leading_modes, comm.size())
                            : distribution::choose_split(costs, comm.size());
  const auto split = static_cast<std::size_t>(estimate_.leading_modes);

  Extents in, out, middle_in, middle_out;
  std::vector<Chain> before, leading, after;
  for (std::size_t mode = 0; mode < chains_.size(); ++mode) {
    const Chain& chain = chains_[mode];
    const Index rows = factors::rows(chain);
    const Index cols = factors::cols(chain);
    in.push_back(cols);
    out.push_back(rows);
    if (mode < split) {
      leading.push_back(chain);
      middle_in.push_back(cols);
      middle_out.push_back(rows);
      continue;
    }
    const Chain identity{{factors::make_identity(std::min(rows, cols)), false, false}};
    before.push_back(rows <= cols ? chain : identity);
    after.push_back(rows <= cols ? identity : chain);
    middle_in.push_back(std::min(rows, cols));
    middle_out.push_back(std::min(rows, cols));
  }
  input_ = Layout(in, estimate_.leading_modes, comm.size());
  output_ = Layout(out, estimate_.leading_modes, comm.size());
  middle_ = Layout(middle_in, estimate_.leading_modes, comm.size());
  middle_out_ = Layout(middle_out, estimate_.leading_modes, comm.size());
  stages_ = std::make_shared<const Stages>(Stages{LocalProduct(std::move(before)),
                                                  LocalProduct(std::move(leading)),
                                                  LocalProduct(std::move(after))});
}

void KroneckerProduct::apply(std::span<const double> x, std::span<double> y,
                             bool accumulate) const {
  const int rank = comm_->rank();
  const bool fits =
      std::ssize(x) == input_.home_size(rank) && std::ssize(y) == output_.home_size(rank);
  sizes_.check(*comm_, fits, [&] {
    return fmt::format(
        "a product from the grid {} to the grid {} was applied to {} values with room for {}; "
        "this rank owns {} and {}",
        core::to_text(input_.extents()), core::to_text(output_.extents()), x.size(), y.size(),
        input_.home_size(rank), output_.home_size(rank));
  });
  if (stages_->leading.is_identity()) {
    apply_locally(x, y, accumulate);
    return;
  }
  to_away(x);
  apply_leading();
  to_home(y, accumulate);
}

void KroneckerProduct::apply_locally(std::span<const double> x, std::span<double> y,
                                     bool accumulate) const {
  // `before` and `after` act on different modes; the one that is an identity is skipped.
  const auto finish = [&](const double* rows, Index first, Index count) {
    double* place = y.data() + first * output_.trailing();
    store_scaled(scale_, rows, place, count * output_.trailing(), accumulate);
  };
  const Index local_rows = input_.home().count(comm_->rank());
  const LocalProduct& before = stages_->before;
  const LocalProduct& after = stages_->after;
  const Index chunk = std::min(piece(before, local_rows), piece(after, local_rows));
  const bool direct = scale_ == 1.0 && !accumulate;
  for (Index first = 0; first < local_rows; first += chunk) {
    const Index count = std::min(chunk, local_rows - first);
    const double* rows = x.data() + first * input_.trailing();
    double* place = y.data() + first * output_.trailing();
    if (!before.is_identity()) {
      double* result = direct && after.is_identity()
                           ? place
                           : factors::scratch(Scratch::chunk, count * before.rows());
      before.apply(ConstView::contiguous(rows, count, before.cols(), 1),
                   View::contiguous(result, count, before.rows(), 1));
      rows = result;
    }
    if (!after.is_identity()) {
      double* result = direct ? place : factors::scratch(Scratch::strip, count * after.rows());
      after.apply(ConstView::contiguous(rows, count, after.cols(), 1),
                  View::contiguous(result, count, after.rows(), 1));
      rows = result;
    }
    if (rows != place) finish(rows, first, count);
  }
}

void KroneckerProduct::to_away(std::span<const double> x) const {
  // Grown for both directions at once: growing loses the contents.
  workspace_->reserve(std::max(middle_.largest_away_size(), middle_out_.largest_away_size()));
  Redistribution redistribution(*workspace_, middle_);
  const LocalProduct& before = stages_->before;
  redistribution.to_away(piece(before, input_.home().largest()),
                         [&](Index first, Index count) -> const double* {
                           const double* rows = x.data() + first * input_.trailing();
                           if (before.is_identity()) return rows;
                           double* result = factors::scratch(Scratch::chunk, count * before.rows());
                           before.apply(ConstView::contiguous(rows, count, before.cols(), 1),
                                        View::contiguous(result, count, before.rows(), 1));
                           return result;
                         });
}

void KroneckerProduct::apply_leading() const {
  const LocalProduct& leading = stages_->leading;
  const Index columns = middle_.away().count(comm_->rank());
  const Index width = piece(leading, columns);
  double* block = workspace_->local();
  for (Index first = 0; first < columns; first += width) {
    const Index count = std::min(width, columns - first);
    const ConstView in{block + first, 1, leading.cols(), count, 0, columns};
    const View out{block + first, 1, leading.rows(), count, 0, columns};
    if (leading.works_in_place()) {
      leading.apply(in, out);
      continue;
    }
    double* strip = factors::scratch(Scratch::strip, leading.rows() * count);
    leading.apply(in, View::contiguous(strip, 1, leading.rows(), count));
    for (Index row = 0; row < leading.rows(); ++row) {
      std::copy_n(strip + row * count, count, out.data + row * columns);
    }
  }
}

void KroneckerProduct::to_home(std::span<double> y, bool accumulate) const {
  const LocalProduct& after = stages_->after;
  const bool direct = scale_ == 1.0 && !accumulate;
  const bool straight = after.is_identity() && direct;
  double* rows = nullptr;
  Redistribution redistribution(*workspace_, middle_out_);
  redistribution.to_home(
      piece(after, output_.home().largest()),
      [&](Index first, Index count) {
        rows = straight ? y.data() + first * output_.trailing()
                        : factors::scratch(Scratch::chunk, count * after.cols());
        return rows;
      },
      [&](Index first, Index count) {
        if (straight) return;
        double* place = y.data() + first * output_.trailing();
        const double* result = rows;
        if (!after.is_identity()) {
          double* grown = direct ? place : factors::scratch(Scratch::strip, count * after.rows());
          after.apply(ConstView::contiguous(rows, count, after.cols(), 1),
                      View::contiguous(grown, count, after.rows(), 1));
          result = grown;
        }
        if (result != place) {
          store_scaled(scale_, result, place, count * output_.trailing(), accumulate);
        }
      },
      !straight);
}

KroneckerProduct KroneckerProduct::transposed() const {
  std::vector<Chain> chains;
  for (const Chain& chain : chains_) chains.push_back(factors::transposed(chain));
  return {*comm_, workspace_, scale_, std::move(chains), estimate_.leading_modes};
}

KroneckerProduct KroneckerProduct::inverse() const {
  if (scale_ == 0) throw core::DataError("an operator that is zero cannot be inverted");
  std::vector<Chain> chains;
  for (const Chain& chain : chains_)
    chains.push_back(factors::inverse(factors::with_square_links(*comm_, chain)));
  return {*comm_, workspace_, 1 / scale_, std::move(chains), estimate_.leading_modes};
}

KroneckerProduct KroneckerProduct::batched(Index batch) const {
  std::vector<Chain> chains{{{factors::make_identity(batch), false, false}}};
  chains.insert(chains.end(), chains_.begin(), chains_.end());
  return {*comm_, workspace_, scale_, std::move(chains)};
}

}  // namespace kronwerk::operators
