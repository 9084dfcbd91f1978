// Inner products of lagged flows and factored columns: a column u ⊗ v needs the products of the
// rows with v only, ⟨u vᵀ, X⟩ = Σ_i u_i ⟨v, X_i⟩.
#include "kronwerk/models/flow/moments.hpp"

#include <cblas.h>

#include <algorithm>
#include <numeric>

#include "kronwerk/core/interruption.hpp"
#include "models/flow/effect_sums.hpp"
#include "models/flow/lagged_rows.hpp"

namespace kronwerk::models {
namespace {

// Numbers of a panel of all lags together: what a core's cache holds.
constexpr Index panel_size = Index{1} << 16;

double dot(std::span<const double> x, std::span<const double> y) {
  return std::inner_product(x.begin(), x.end(), y.begin(), 0.0);
}

double dot(Index size, const double* x, const double* y) {
  return cblas_ddot(core::narrow<int>(size), x, 1, y, 1);
}

/// A column's lag of the form u ⊗ v.
struct Product {
  std::size_t regressor;  ///< its place among all lags of all columns
  std::vector<double> origin;
  std::size_t destination;  ///< place among the distinct vectors v
};
struct Diagonal {
  std::size_t regressor;
  const std::vector<double>* values;
};
struct Grid {
  std::size_t column;
  std::vector<double> expanded;  ///< of a diagonal that is lagged
  const std::vector<double>* block;
};

/// The lags of all columns by their form.
class Regressors {
 public:
  Regressors(const communication::Communicator& comm, const FlowFilter& filter,
             const FlowMatrices& matrices, const std::vector<FlowColumn>& columns, bool lagged)
      : lags_(lagged ? filter.terms().size() : 1) {
    const Index width = filter.extents()[1];
    const distribution::BlockPartition owned(filter.extents()[0], comm.size());
    for (std::size_t j = 0; j < columns.size(); ++j) {
      const FlowColumn& column = columns[j];
      if (column.kind == FlowColumn::Kind::kron) {
        for (std::size_t s = 0; s < lags_; ++s) {
          const FlowFilter::Term term = filter.terms()[s];
          products_.push_back(
              {j * lags_ + s,
               lagged ? multiply(matrices[0][term.origin], column.origin) : column.origin,
               place_of(lagged ? multiply(matrices[1][term.destination], column.destination)
                               : column.destination)});
        }
      } else if (column.kind == FlowColumn::Kind::diagonal && !lagged) {
        diagonals_.push_back({j, &column.origin});
      } else {
        Grid& grid = grids_.emplace_back(Grid{j, {}, &column.grid});
        if (column.kind == FlowColumn::Kind::grid) continue;
        communication::collectively(comm, [&] {
          grid.expanded.resize(static_cast<std::size_t>(owned.count(comm.rank()) * width));
          add_column(column, 1, owned.begin(comm.rank()), width, grid.expanded);
        });
      }
    }
  }

  std::size_t lags() const { return lags_; }
  const std::vector<Product>& products() const { return products_; }
  const std::vector<Diagonal>& diagonals() const { return diagonals_; }
  const std::vector<Grid>& grids() const { return grids_; }
  const std::vector<std::vector<double>>& destinations() const { return destinations_; }

 private:
  std::size_t place_of(std::vector<double> vector) {
    const auto found = std::ranges::find(destinations_, vector);
    if (found != destinations_.end()) {
      return static_cast<std::size_t>(found - destinations_.begin());
    }
    destinations_.push_back(std::move(vector));
    return destinations_.size() - 1;
  }

  std::size_t lags_;
  std::vector<Product> products_;
  std::vector<Diagonal> diagonals_;
  std::vector<Grid> grids_;
  std::vector<std::vector<double>> destinations_;
};

/// This rank's inner products of lagged rows with each other and with the factored regressors.
class RowSums {
 public:
  /// @param effects  get the rows of every vector, at the places `among`
  RowSums(const Regressors& regressors, std::size_t vectors, std::size_t count, Index width,
          EffectSums& effects, std::vector<std::size_t> among)
      : regressors_(regressors),
        vectors_(vectors),
        count_(count),
        width_(width),
        effects_(effects),
        among_(std::move(among)) {
    sums_.resize(vectors * vectors + vectors * count);
  }

  /// @param places  of each lagged vector: `rows` rows of origins from `origin` on
  void add(const std::vector<const double*>& places, Index origin, Index rows) {
    const Index size = rows * width_;
    for (std::size_t a = 0; a < vectors_; ++a) {
      for (std::size_t b = 0; b <= a; ++b) {
        sums_[a * vectors_ + b] += dot(size, places[a], places[b]);
      }
      double* mine = sums_.data() + vectors_ * vectors_ + a * count_;
      for (Index i = 0; i < rows; ++i) add_row(places[a] + i * width_, origin + i, mine);
      for (Index i = 0; effects_.needed() && i < rows; ++i) {
        effects_.add_row(among_[a], origin + i, places[a] + i * width_);
      }
    }
  }

  /// Over all ranks. Collective.
  void finish(const communication::Communicator& comm) {
    comm.sum(std::span<double>(sums_));
    for (std::size_t a = 0; a < vectors_; ++a) {
      for (std::size_t b = 0; b < a; ++b) sums_[b * vectors_ + a] = sums_[a * vectors_ + b];
    }
  }
  double between(std::size_t a, std::size_t b) const { return sums_[a * vectors_ + b]; }
  double with(std::size_t a, std::size_t regressor) const {
    return sums_[vectors_ * vectors_ + a * count_ + regressor];
  }

 private:
  void add_row(const double* row, Index origin, double* sums) {
    const auto at = static_cast<std::size_t>(origin);
    along_.clear();
    for (const auto& vector : regressors_.destinations()) {
      along_.push_back(dot(width_, row, vector.data()));
    }
    for (const Product& product : regressors_.products()) {
      sums[product.regressor] += product.origin[at] * along_[product.destination];
    }
    for (const Diagonal& diagonal : regressors_.diagonals()) {
      sums[diagonal.regressor] += (*diagonal.values)[at] * row[origin];
    }
  }

  const Regressors& regressors_;
  std::size_t vectors_;
  std::size_t count_;
  Index width_;
  EffectSums& effects_;
  std::vector<std::size_t> among_;
  std::vector<double> sums_;
  std::vector<double> along_;
};

/// Sums of the factored regressors, `weight` times.
void add_factored(const Regressors& regressors, double weight, EffectSums& effects) {
  for (const Product& product : regressors.products()) {
    effects.add_product(product.regressor, weight, product.origin,
                        regressors.destinations()[product.destination]);
  }
  for (const Diagonal& diagonal : regressors.diagonals()) {
    effects.add_diagonal(diagonal.regressor, weight, *diagonal.values);
  }
}

/// Inner products of factored regressors with each other, from vectors of the modes alone.
void add_factored(const Regressors& regressors, std::size_t count, std::vector<double>& zz) {
  const auto set = [&](std::size_t a, std::size_t b, double value) {
    zz[a * count + b] = value;
    zz[b * count + a] = value;
  };
  for (const Product& a : regressors.products()) {
    const auto& v = regressors.destinations()[a.destination];
    for (const Product& b : regressors.products()) {
      set(a.regressor, b.regressor,
          dot(a.origin, b.origin) * dot(v, regressors.destinations()[b.destination]));
    }
    for (const Diagonal& b : regressors.diagonals()) {
      double sum = 0;
      for (std::size_t i = 0; i < v.size(); ++i) sum += (*b.values)[i] * a.origin[i] * v[i];
      set(a.regressor, b.regressor, sum);
    }
  }
  for (const Diagonal& a : regressors.diagonals()) {
    for (const Diagonal& b : regressors.diagonals()) {
      set(a.regressor, b.regressor, dot(*a.values, *b.values));
    }
  }
}

}  // namespace

std::vector<double> multiply(const factors::Chain& matrix, std::span<const double> vector) {
  std::vector<double> result(static_cast<std::size_t>(factors::rows(matrix)));
  factors::LocalProduct({matrix}).apply(
      factors::ConstView::contiguous(vector.data(), 1, std::ssize(vector), 1),
      factors::View::contiguous(result.data(), 1, std::ssize(result), 1));
  return result;
}

FlowMoments find_moments(const communication::Communicator& comm,
                         const std::shared_ptr<Workspace>& workspace, const FlowFilter& filter,
                         const FlowMatrices& matrices, const std::vector<FlowColumn>& columns,
                         std::span<const std::vector<double>> years, FilterActsOn acts_on,
                         FixedEffects effects) {
  const bool lagged = acts_on == FilterActsOn::errors;
  const Regressors regressors(comm, filter, matrices, columns, lagged);
  const std::size_t count = columns.size() * regressors.lags();
  const Index width = filter.extents()[1];
  const distribution::BlockPartition owned(filter.extents()[0], comm.size());
  const Index mine = owned.count(comm.rank());
  FlowMoments moments;
  moments.cells = core::product(filter.extents()) * std::ssize(years);
  moments.lags = filter.terms().size();
  moments.columns = columns.size();
  moments.filtered = lagged;
  moments.column_lags = regressors.lags();
  moments.yy.assign(moments.lags * moments.lags, 0.0);
  moments.zy.assign(count * moments.lags, 0.0);
  moments.zz.assign(count * count, 0.0);
  moments.years = std::ssize(years);
  add_factored(regressors, count, moments.zz);

  // The lags of the grid columns, then those of the year.
  const std::size_t grids = regressors.grids().size() * regressors.lags();
  const auto regressor = [&](std::size_t a) {
    return regressors.grids()[a / regressors.lags()].column * regressors.lags() +
           a % regressors.lags();
  };
  EffectSums effect_sums(effects, filter.extents(), count + moments.lags);
  std::vector<std::size_t> among;
  for (std::size_t a = 0; a < grids; ++a) among.push_back(regressor(a));
  for (std::size_t t = 0; t < moments.lags; ++t) among.push_back(count + t);

  std::vector<LaggedRows> vectors;
  for (const Grid& grid : regressors.grids()) {
    vectors.emplace_back(comm, workspace, filter, matrices,
                         grid.expanded.empty() ? *grid.block : grid.expanded, lagged);
  }
  for (const std::vector<double>& year : years) {
    vectors.emplace_back(comm, workspace, filter, matrices, year, true);
    RowSums sums(regressors, grids + moments.lags, count, width, effect_sums, among);
    const Index panel =
        std::max<Index>(8, panel_size / (width * static_cast<Index>(grids + moments.lags)));
    std::vector<const double*> places;
    for (Index first = 0; first < mine; first += panel) {
      const Index rows = std::min(panel, mine - first);
      places.clear();
      for (LaggedRows& vector : vectors) {
        const auto more = vector.rows(first, rows);
        places.insert(places.end(), more.begin(), more.end());
      }
      sums.add(places, owned.begin(comm.rank()) + first, rows);
    }
    vectors.back().finish();
    core::check_interruption();
    sums.finish(comm);
    vectors.pop_back();
    for (std::size_t t = 0; t < moments.lags; ++t) {
      for (std::size_t u = 0; u < moments.lags; ++u) {
        moments.yy[t * moments.lags + u] += sums.between(grids + t, grids + u);
      }
      for (std::size_t a = 0; a < grids; ++a) {
        moments.zy[regressor(a) * moments.lags + t] += sums.between(a, grids + t);
      }
      const auto add = [&](std::size_t r) {
        moments.zy[r * moments.lags + t] += sums.with(grids + t, r);
      };
      for (const Product& product : regressors.products()) add(product.regressor);
      for (const Diagonal& diagonal : regressors.diagonals()) add(diagonal.regressor);
    }
    for (std::size_t a = 0; a < grids; ++a) {
      const std::size_t row = regressor(a);
      for (std::size_t b = 0; b < grids; ++b) {
        moments.zz[row * count + regressor(b)] = sums.between(a, b);
      }
      const auto set = [&](std::size_t r) {
        moments.zz[row * count + r] = sums.with(a, r);
        moments.zz[r * count + row] = sums.with(a, r);
      };
      for (const Product& product : regressors.products()) set(product.regressor);
      for (const Diagonal& diagonal : regressors.diagonals()) set(diagonal.regressor);
    }
  }
  for (LaggedRows& vector : vectors) vector.finish();
  const auto weight = static_cast<double>(years.size());
  for (double& value : moments.zz) value *= weight;
  if (!effects.any()) return moments;
  effect_sums.finish(comm);
  add_factored(regressors, weight, effect_sums);
  std::move(effect_sums).take_out(moments);
  return moments;
}

}  // namespace kronwerk::models
