#include "application/tasks/diagonal_values.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "kronwerk/io/hdf5/read.hpp"

namespace kronwerk::application {
namespace {

using expressions::GridDiagonal;
using expressions::LoweredProduct;
using operators::ScaledProduct;
using operators::SumDiagonal;

/// Values of a piece: few enough to stay in cache on the way to the file.
constexpr Index piece_points = Index{1} << 18;

std::vector<ScaledProduct> without_steps(std::span<const LoweredProduct> terms) {
  std::vector<ScaledProduct> result;
  for (const LoweredProduct& term : terms) {
    if (term.steps.empty()) result.push_back({term.scale, term.chains});
  }
  return result;
}

bool is_diagonal(const std::vector<factors::Chain>& chains) {
  return std::ranges::all_of(chains, [](const factors::Chain& chain) {
    return std::ranges::all_of(chain, [](const factors::Link& link) {
      return link.factor->kind() == factors::Kind::identity ||
             link.factor->kind() == factors::Kind::diagonal;
    });
  });
}

/// The Kronecker products of a term, from the left. For a trace, the last one goes round to the
/// first.
std::vector<std::vector<factors::Chain>> products_of(const LoweredProduct& term,
                                                     DiagonalValues::Purpose purpose) {
  std::vector<std::vector<factors::Chain>> result{term.chains};
  for (const LoweredProduct::Step& step : term.steps) result.push_back(step.chains);
  if (purpose == DiagonalValues::Purpose::diagonal) return result;
  for (std::size_t k = 0; k < term.chains.size(); ++k) {
    factors::Chain chain = result.back()[k];
    chain.insert(chain.end(), term.chains[k].begin(), term.chains[k].end());
    result.front()[k] = std::move(chain);
  }
  result.pop_back();
  return result;
}

}  // namespace

void for_pieces_of_grid(const communication::Communicator& comm, const Extents& extents,
                        const std::function<void(Index begin, Index count)>& work) {
  const distribution::BlockPartition share(core::product(extents), comm.size());
  const Index begin = share.begin(comm.rank());
  const Index end = share.end(comm.rank());
  const Index pieces = comm.max((end - begin + piece_points - 1) / piece_points);
  for (Index piece = 0; piece < pieces; ++piece) {
    const Index first = std::min(end, begin + piece * piece_points);
    work(first, std::min(piece_points, end - first));
  }
}

DiagonalValues::DiagonalValues(TaskContext& context, std::span<const LoweredProduct> terms,
                               Purpose purpose)
    : context_(context),
      extents_(context.problem.sum.row_extents),
      plain_(context.comm, extents_, without_steps(terms)) {
  for (const LoweredProduct& term : terms) {
    if (term.steps.empty()) {
      has_plain_ = true;
    } else {
      grid_terms_.push_back(make_grid_term(term, purpose));
    }
  }
}

DiagonalValues::GridTerm DiagonalValues::make_grid_term(const LoweredProduct& term,
                                                        Purpose purpose) const {
  GridTerm result;
  result.scale = term.scale;
  Index not_diagonal = 0;
  for (const auto& chains : products_of(term, purpose)) {
    if (!is_diagonal(chains)) ++not_diagonal;
    const ScaledProduct product{1, chains};
    result.products.emplace_back(context_.comm, extents_, std::span(&product, 1));
  }
  if (not_diagonal > 1) {
    const auto& job = context_.job;
    throw core::ConfigurationError(fmt::format(
        "{}: the task '{}' has no method for '{}', where a diagonal over the whole grid stands "
        "between Kronecker products; 'task: assemble' gives the matrix of a small operator",
        job.where(job.formula.position), configuration::task_name(job.task), term.text));
  }
  for (const LoweredProduct::Step& step : term.steps) {
    result.diagonals.insert(result.diagonals.end(), step.diagonals.begin(), step.diagonals.end());
  }
  return result;
}

void DiagonalValues::multiply_by(const GridDiagonal& diagonal, Index begin,
                                 std::span<double> values) const {
  const io::Location& location = context_.problem.data.at(diagonal.name).location;
  std::vector<double> factors(values.size());
  io::read_range(context_.comm, location, begin, factors);
  communication::collectively(context_.comm, [&] {
    for (std::size_t i = 0; i < values.size(); ++i) {
      if (diagonal.inverse && factors[i] == 0) {
        throw core::DataError(fmt::format("diag({}) is singular: element {} of {}:{} is zero",
                                          diagonal.name, begin + static_cast<Index>(i),
                                          location.file, location.dataset));
      }
      values[i] = diagonal.inverse ? values[i] / factors[i] : values[i] * factors[i];
    }
  });
}

void DiagonalValues::evaluate(Index begin, std::span<double> values) const {
  if (has_plain_) {
    plain_.evaluate(begin, values);
  } else {
    std::ranges::fill(values, 0.0);
  }
  std::vector<double> product(grid_terms_.empty() ? 0 : values.size());
  std::vector<double> factor(product.size());
  for (const GridTerm& term : grid_terms_) {
    std::ranges::fill(product, term.scale);
    for (const SumDiagonal& diagonal : term.products) {
      diagonal.evaluate(begin, factor);
      for (std::size_t i = 0; i < product.size(); ++i) product[i] *= factor[i];
    }
    for (const GridDiagonal& diagonal : term.diagonals) multiply_by(diagonal, begin, product);
    for (std::size_t i = 0; i < values.size(); ++i) values[i] += product[i];
  }
}

double DiagonalValues::sum() const {
  if (grid_terms_.empty()) return plain_.sum();
  double result = 0;
  std::vector<double> values;
  for_pieces_of_grid(context_.comm, extents_, [&](Index begin, Index count) {
    values.resize(static_cast<std::size_t>(count));
    evaluate(begin, values);
    result += std::accumulate(values.begin(), values.end(), 0.0);
  });
  return context_.comm.sum(result);
}

}  // namespace kronwerk::application
