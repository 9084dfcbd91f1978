// Fast diagonalisation (Lynch, Rice and Thomas 1964): to the basis mode by mode, one division per
// entry, back. Trailing modes go to the basis in the home layout, leading modes go there and back
// in the away layout, where the division is done, and trailing modes come back at home.
// See src/MATHEMATICS.md, "Fast diagonalisation".
#include "kronwerk/operators/spectral/spectral_operator.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "kronwerk/communication/redistribution.hpp"
#include "kronwerk/factors/base/make.hpp"
#include "kronwerk/factors/base/scratch.hpp"
#include "operators/base/local_vectors.hpp"
#include "operators/spectral/spectral_scaling.hpp"

namespace kronwerk::operators {
namespace {

using communication::Redistribution;
using distribution::Layout;
using factors::Chain;
using factors::ConstView;
using factors::LocalProduct;
using factors::Scratch;
using factors::View;
using spectral::Block;
using spectral::Range;
using spectral::SpectralGrid;
using spectral::Values;

/// The modes of the operator, a batch first.
struct Modes {
  Values values;
  std::vector<Chain> to_basis;
  std::vector<Chain> from_basis;
};

Modes modes_of(const SpectralSum& sum, Index batch) {
  Modes modes;
  modes.values = spectral::values_of(sum);
  for (const auto& basis : sum.bases) {
    if (basis->to_basis.empty() || basis->from_basis.empty()) {
      throw core::InternalError("a spectral operator of bases that are eigenvalues only");
    }
    modes.to_basis.push_back(basis->to_basis);
    modes.from_basis.push_back(basis->from_basis);
  }
  if (batch == 1) return modes;
  const Chain identity{{factors::make_identity(batch), false, false}};
  modes.to_basis.insert(modes.to_basis.begin(), identity);
  modes.from_basis.insert(modes.from_basis.begin(), identity);
  modes.values.extents.insert(modes.values.extents.begin(), batch);
  modes.values.pairs.insert(modes.values.pairs.begin(), 0);
  const auto add_batch = [](std::vector<SpectralTerm>& terms) {
    for (SpectralTerm& term : terms) {
      term.eigenvalues.insert(term.eigenvalues.begin(), std::vector<std::complex<double>>{});
    }
  };
  add_batch(modes.values.terms);
  for (SpectralReciprocal& reciprocal : modes.values.reciprocals) add_batch(reciprocal.terms);
  return modes;
}

int choose_leading_modes(const communication::Communicator& comm, const Modes& modes) {
  std::vector<distribution::ModeCost> costs;
  for (std::size_t mode = 0; mode < modes.to_basis.size(); ++mode) {
    const Chain& to = modes.to_basis[mode];
    const Chain& from = modes.from_basis[mode];
    costs.push_back(
        {.rows = modes.values.extents[mode],
         .cols = modes.values.extents[mode],
         .flops_per_fibre = factors::flops_per_fibre(to) + factors::flops_per_fibre(from),
         .identity = factors::is_identity(to) && factors::is_identity(from)});
  }
  return distribution::choose_split(costs, comm.size()).leading_modes;
}

/// What the trailing indices of an away block must be a multiple of so that entries which pairs
/// couple have one owner: pairs of the first trailing mode that has some, whole later modes.
Index coupled_columns(const Values& values, int leading_modes) {
  const auto split = static_cast<std::size_t>(leading_modes);
  Index unit = 1;
  Index after = 1;
  for (std::size_t mode = values.extents.size(); mode-- > split;) {
    const Index extent = values.extents[mode];
    // With an odd extent the pairs of one index of the mode before do not begin at multiples of 2.
    if (values.pairs[mode] > 0) unit = (mode == split || extent % 2 == 0 ? 2 : extent) * after;
    after *= extent;
  }
  return unit;
}

/// Rows or columns at a time: what the local product prefers, within a bounded buffer.
Index piece(const LocalProduct& product, Index available) {
  constexpr Index largest_buffer = Index{4} << 20;  // doubles
  const Index bounded =
      std::min(product.preferred_fibres(), largest_buffer / std::max<Index>(1, product.rows()));
  return std::clamp<Index>(bounded, 1, std::max<Index>(1, available));
}

std::vector<Chain> transposed(const std::vector<Chain>& chains) {
  std::vector<Chain> result;
  for (const Chain& chain : chains) result.push_back(factors::transposed(chain));
  return result;
}

/// Local products of one direction: the operator or its transpose.
struct Direction {
  LocalProduct trailing_to, leading_to, leading_from, trailing_from;

  Direction(const std::vector<Chain>& to, const std::vector<Chain>& from, int leading_modes)
      : trailing_to(trailing(to, leading_modes)),
        leading_to(leading(to, leading_modes)),
        leading_from(leading(from, leading_modes)),
        trailing_from(trailing(from, leading_modes)) {}

 private:
  static std::vector<Chain> leading(const std::vector<Chain>& chains, int count) {
    return {chains.begin(), chains.begin() + count};
  }
  static std::vector<Chain> trailing(const std::vector<Chain>& chains, int first) {
    return {chains.begin() + first, chains.end()};
  }
};

class SpectralOperator final : public LinearOperator {
 public:
  /// @param function  null for the inverse
  SpectralOperator(const communication::Communicator& communicator,
                   std::shared_ptr<Workspace> workspace, Modes modes, SpectralFunction function,
                   int leading_modes)
      : LinearOperator(communicator,
                       Layout(modes.values.extents, leading_modes, communicator.size()),
                       Layout(modes.values.extents, leading_modes, communicator.size())),
        workspace_(std::move(workspace)),
        function_(std::move(function)),
        unit_(coupled_columns(modes.values, leading_modes)),
        away_(modes.values.extents, leading_modes, communicator.size(), unit_),
        directions_{
            Direction(modes.to_basis, modes.from_basis, leading_modes),
            Direction(transposed(modes.from_basis), transposed(modes.to_basis), leading_modes)},
        local_(directions_[0].leading_to.is_identity() &&
               directions_[0].leading_from.is_identity()),
        grid_(make_grid(modes.values)) {}

 private:
  SpectralGrid make_grid(const Values& values) const {
    const int rank = comm().rank();
    const int leading_modes = away_.leading_modes();
    if (!local_) {
      return {values,
              leading_modes,
              {0, away_.leading()},
              {away_.away().begin(rank), away_.away().end(rank)}};
    }
    return {values, spectral::balanced_split(values.extents, leading_modes)};
  }

  void do_apply(std::span<const double> x, std::span<double> y, bool transposed,
                bool accumulate) const override {
    const Direction& direction = directions_[transposed ? 1 : 0];
    if (local_) {
      apply_locally(direction, x, y, transposed, accumulate);
      return;
    }
    to_away(direction, x);
    apply_leading(direction, transposed);
    to_home(direction, y, accumulate);
  }

  void scale(const Block& block, bool transposed) const {
    if (function_) {
      spectral::multiply_by_function(grid_, function_, block);
    } else {
      spectral::divide_by(grid_, block, transposed);
    }
  }

  void apply_locally(const Direction& direction, std::span<const double> x, std::span<double> y,
                     bool transposed, bool accumulate) const {
    const Layout& layout = input_layout();
    const Index trailing = layout.trailing();
    const Index first_row = layout.home().begin(comm().rank());
    const Index local_rows = layout.home().count(comm().rank());
    const Index chunk = piece(direction.trailing_to, local_rows);
    for (Index first = 0; first < local_rows; first += chunk) {
      const Index count = std::min(chunk, local_rows - first);
      double* rows = factors::scratch(Scratch::chunk, count * trailing);
      direction.trailing_to.apply(
          ConstView::contiguous(x.data() + first * trailing, count, trailing, 1),
          View::contiguous(rows, count, trailing, 1));
      const Index width = grid_.inner_extent();
      const Index per_row = width == 0 ? 0 : trailing / width;
      scale({rows,
             width,
             {(first_row + first) * per_row, (first_row + first + count) * per_row},
             {0, width}},
            transposed);
      finish(direction, rows, first, count, y, accumulate);
    }
  }

  /// The trailing modes of some rows out of the basis.
  void finish(const Direction& direction, const double* rows, Index first, Index count,
              std::span<double> y, bool accumulate) const {
    const Index trailing = input_layout().trailing();
    double* place = y.data() + first * trailing;
    double* result = accumulate ? factors::scratch(Scratch::strip, count * trailing) : place;
    direction.trailing_from.apply(ConstView::contiguous(rows, count, trailing, 1),
                                  View::contiguous(result, count, trailing, 1));
    if (accumulate) store_scaled(1, result, place, count * trailing, true);
  }

  void to_away(const Direction& direction, std::span<const double> x) const {
    const LocalProduct& product = direction.trailing_to;
    const Index trailing = away_.trailing();
    Redistribution redistribution(*workspace_, away_);
    redistribution.to_away(piece(product, away_.home().largest()),
                           [&](Index first, Index count) -> const double* {
                             const double* rows = x.data() + first * trailing;
                             if (product.is_identity()) return rows;
                             double* result = factors::scratch(Scratch::chunk, count * trailing);
                             product.apply(ConstView::contiguous(rows, count, trailing, 1),
                                           View::contiguous(result, count, trailing, 1));
                             return result;
                           });
  }

  /// Leading modes to the basis, division, and back, strip by strip in cache as far as possible.
  void apply_leading(const Direction& direction, bool transposed) const {
    const Index columns = away_.away().count(comm().rank());
    const Index leading = away_.leading();
    const Index first_column = away_.away().begin(comm().rank());
    double* block = workspace_->local();
    const Index width = std::max(unit_, piece(direction.leading_to, columns) / unit_ * unit_);
    constexpr Index largest_strip = Index{1} << 20;  // doubles
    const bool whole_strips = unit_ == 1 || width * leading <= largest_strip;
    for (Index first = 0; whole_strips && first < columns; first += width) {
      const Index count = std::min(width, columns - first);
      const View place{block + first, 1, leading, count, 0, columns};
      double* strip = factors::scratch(Scratch::strip, leading * count);
      const View view = View::contiguous(strip, 1, leading, count);
      direction.leading_to.apply(place, view);
      scale({strip, count, {0, leading}, {first_column + first, first_column + first + count}},
            transposed);
      direction.leading_from.apply(view, place);
    }
    if (whole_strips) return;
    // Coupled entries lie too far apart for a strip: the block as it is.
    apply_in_strips(direction.leading_to);
    scale({block, columns, {0, leading}, {first_column, first_column + columns}}, transposed);
    apply_in_strips(direction.leading_from);
  }

  void apply_in_strips(const LocalProduct& product) const {
    const Index columns = away_.away().count(comm().rank());
    const Index leading = away_.leading();
    const Index width = piece(product, columns);
    for (Index first = 0; first < columns; first += width) {
      const Index count = std::min(width, columns - first);
      const View place{workspace_->local() + first, 1, leading, count, 0, columns};
      double* strip = factors::scratch(Scratch::strip, leading * count);
      product.apply(place, View::contiguous(strip, 1, leading, count));
      for (Index row = 0; row < leading; ++row) {
        std::copy_n(strip + row * count, count, place.data + row * columns);
      }
    }
  }

  void to_home(const Direction& direction, std::span<double> y, bool accumulate) const {
    const LocalProduct& product = direction.trailing_from;
    const Index trailing = away_.trailing();
    const bool straight = product.is_identity() && !accumulate;
    double* rows = nullptr;
    Redistribution redistribution(*workspace_, away_);
    redistribution.to_home(
        piece(product, away_.home().largest()),
        [&](Index first, Index count) {
          rows = straight ? y.data() + first * trailing
                          : factors::scratch(Scratch::chunk, count * trailing);
          return rows;
        },
        [&](Index first, Index count) {
          if (!straight) finish(direction, rows, first, count, y, accumulate);
        },
        !straight);
  }

  std::shared_ptr<Workspace> workspace_;
  SpectralFunction function_;
  Index unit_;
  Layout away_;
  std::array<Direction, 2> directions_;
  bool local_;
  SpectralGrid grid_;
};

OperatorPtr make_operator(const communication::Communicator& comm,
                          std::shared_ptr<Workspace> workspace, const SpectralSum& sum,
                          SpectralFunction function, Index batch,
                          std::optional<int> leading_modes) {
  Modes modes = modes_of(sum, batch);
  std::vector<factors::FactorPtr> list;
  for (const auto* chains : {&modes.to_basis, &modes.from_basis}) {
    for (const Chain& chain : *chains) {
      for (auto& factor : factors::to_factorise(chain)) list.push_back(std::move(factor));
    }
  }
  factors::factorise(comm, list);
  std::shared_ptr<const LinearOperator> result;
  communication::collectively(comm, [&] {
    const int split = leading_modes ? *leading_modes : choose_leading_modes(comm, modes);
    result = std::make_shared<SpectralOperator>(comm, std::move(workspace), std::move(modes),
                                                std::move(function), split);
  });
  return result;
}

}  // namespace

OperatorPtr make_spectral_inverse(const communication::Communicator& comm,
                                  std::shared_ptr<Workspace> workspace, const SpectralSum& sum,
                                  Index batch, std::optional<int> leading_modes) {
  check_regular(comm, sum);
  return make_operator(comm, std::move(workspace), sum, nullptr, batch, leading_modes);
}

OperatorPtr make_spectral_function(const communication::Communicator& comm,
                                   std::shared_ptr<Workspace> workspace, const SpectralSum& sum,
                                   SpectralFunction function, Index batch,
                                   std::optional<int> leading_modes) {
  for (std::size_t mode = 0; mode < sum.bases.size(); ++mode) {
    const factors::Basis& basis = *sum.bases[mode];
    if (!basis.real()) {
      throw core::ConfigurationError(fmt::format(
          "a function of the operator needs real eigenvalues, but mode {} has {} complex pairs; "
          "symmetric factors have real ones",
          mode + 1, basis.pairs));
    }
    if (basis.kind == factors::BasisKind::pair) {
      throw core::ConfigurationError(fmt::format(
          "a function of the operator needs one basis per mode, but the two matrices of mode {} "
          "are diagonal in a basis that is not orthonormal",
          mode + 1));
    }
  }
  return make_operator(comm, std::move(workspace), sum, std::move(function), batch, leading_modes);
}

}  // namespace kronwerk::operators
