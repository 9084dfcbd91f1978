// Missing flows as regressors A e_m that are integrated out: their moments.
#include "kronwerk/models/flow_missing/missing_flows.hpp"

#include <optional>

#include "models/flow_missing/missing_state.hpp"

namespace kronwerk::models {
namespace {

/// AᵀB of two chains.
factors::Chain product_of(const factors::Chain& a, const factors::Chain& b) {
  if (factors::is_identity(a)) return b;
  factors::Chain product = factors::transposed(a);
  if (factors::is_identity(b)) return product;
  product.insert(product.end(), b.begin(), b.end());
  return product;
}

/// Products of (O_a ⊗ D_a)ᵀ(O_b ⊗ D_b) x at the missing cells.
class CellProducts {
 public:
  CellProducts(const communication::Communicator& comm, const std::shared_ptr<Workspace>& workspace,
               const FlowFilter& filter, const FlowMatrices& matrices)
      : comm_(comm), workspace_(workspace), filter_(filter), matrices_(matrices) {}

  /// @param u  absent for x itself in the place of its lag
  std::vector<double> at(std::span<const double> x, std::size_t t, std::optional<std::size_t> u,
                         std::span<const Index> cells) {
    const FlowFilter::Term a = filter_.terms()[t];
    std::vector<factors::Chain> chains{factors::transposed(matrices_[0][a.origin]),
                                       factors::transposed(matrices_[1][a.destination])};
    if (u) {
      const FlowFilter::Term b = filter_.terms()[*u];
      chains = {product_of(matrices_[0][a.origin], matrices_[0][b.origin]),
                product_of(matrices_[1][a.destination], matrices_[1][b.destination])};
    }
    const operators::KroneckerProduct product(comm_, workspace_, 1, std::move(chains), 1);
    communication::collectively(comm_, [&] { image_.resize(x.size()); });
    product.apply(x, image_);
    const Index begin = product.input_layout().home_begin(comm_.rank());
    std::vector<double> values;
    for (const Index cell : cells) {
      const Index local = cell - begin;
      const bool here = local >= 0 && local < std::ssize(image_);
      values.push_back(here ? image_[static_cast<std::size_t>(local)] : 0);
    }
    comm_.sum(std::span<double>(values));
    return values;
  }

 private:
  const communication::Communicator& comm_;
  const std::shared_ptr<Workspace>& workspace_;
  const FlowFilter& filter_;
  const FlowMatrices& matrices_;
  std::vector<double> image_;
};

}  // namespace

MissingFlows::MissingFlows(const communication::Communicator& comm,
                           const std::shared_ptr<Workspace>& workspace, const FlowFilter& filter,
                           const FlowMatrices& matrices, const std::vector<FlowColumn>& columns,
                           std::span<const std::vector<double>> years,
                           std::vector<std::vector<Index>> cells, FilterActsOn acts_on) {
  const bool filtered = acts_on == FilterActsOn::errors;
  const std::size_t lags = filter.terms().size();
  const std::size_t column_lags = filtered ? lags : 1;
  auto state = std::make_shared<State>(State{
      &comm, MissingGram(filter, matrices, cells), lags, columns.size() * column_lags, {}, {}});
  count_ = state->gram.size();
  const auto m = static_cast<std::size_t>(count_);
  state->with_y.resize(m * lags * lags);
  state->with_z.resize(m * lags * state->regressors);
  CellProducts products(comm, workspace, filter, matrices);
  std::size_t first = 0;
  for (std::size_t year = 0; year < years.size(); ++year) {
    if (cells[year].empty()) continue;
    for (std::size_t t = 0; t < lags; ++t) {
      for (std::size_t u = 0; u < lags; ++u) {
        const auto values = products.at(years[year], t, u, cells[year]);
        for (std::size_t k = 0; k < values.size(); ++k) {
          state->with_y[((first + k) * lags + t) * lags + u] = values[k];
        }
      }
    }
    first += cells[year].size();
  }
  std::vector<Index> all;
  for (Index k = 0; k < count_; ++k) all.push_back(state->gram.cell(k));
  const distribution::BlockPartition owned(filter.extents()[0], comm.size());
  const Index width = filter.extents()[1];
  for (std::size_t j = 0; j < columns.size(); ++j) {
    const FlowColumn& column = columns[j];
    std::vector<double> block = column.grid;
    if (column.kind == FlowColumn::Kind::diagonal) {
      block.assign(static_cast<std::size_t>(owned.count(comm.rank()) * width), 0.0);
      add_column(column, 1, owned.begin(comm.rank()), width, block);
    }
    for (std::size_t t = 0; t < lags; ++t) {
      const FlowFilter::Term a = filter.terms()[t];
      for (std::size_t s = 0; s < column_lags; ++s) {
        const FlowFilter::Term b = filter.terms()[s];
        std::vector<double> values;
        if (column.kind == FlowColumn::Kind::kron) {
          const auto along = [&](std::size_t mode, std::size_t x, std::size_t y,
                                 const std::vector<double>& vector) {
            return multiply(filtered ? product_of(matrices[mode][x], matrices[mode][y])
                                     : factors::transposed(matrices[mode][x]),
                            vector);
          };
          const auto o = along(0, a.origin, b.origin, column.origin);
          const auto d = along(1, a.destination, b.destination, column.destination);
          for (const Index cell : all) {
            values.push_back(o[static_cast<std::size_t>(cell / width)] *
                             d[static_cast<std::size_t>(cell % width)]);
          }
        } else {
          values = products.at(block, t, filtered ? std::optional(s) : std::nullopt, all);
        }
        for (std::size_t k = 0; k < m; ++k) {
          state->with_z[(k * lags + t) * state->regressors + j * column_lags + s] = values[k];
        }
      }
    }
  }
  state_ = std::move(state);
}

}  // namespace kronwerk::models
