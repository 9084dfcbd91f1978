#include "kronwerk/models/flow/best_predictor.hpp"

#include <cmath>
#include <numeric>

#include "kronwerk/core/interruption.hpp"
#include "kronwerk/distribution/partition.hpp"
#include "kronwerk/models/flow_missing/missing_flows.hpp"
#include "kronwerk/operators/products/product_sum.hpp"
#include "kronwerk/operators/products/sum_diagonal.hpp"
#include "models/flow/leave_one_out.hpp"

namespace kronwerk::models {
namespace {

using operators::ProductSum;
using operators::ScaledProduct;

std::vector<ScaledProduct> terms_of(const FlowFilter& filter, const FlowMatrices& matrices,
                                    std::span<const double> c) {
  std::vector<ScaledProduct> terms;
  for (std::size_t t = 0; t < c.size(); ++t) {
    const auto& term = filter.terms()[t];
    terms.push_back({c[t], {matrices[0][term.origin], matrices[1][term.destination]}});
  }
  return terms;
}

/// Of AᵀA: Σ_st c_s c_t diag(O_sᵀO_t) ⊗ diag(D_sᵀD_t).
operators::SumDiagonal gram_diagonal(const communication::Communicator& comm,
                                     const FlowFilter& filter,
                                     const std::vector<ScaledProduct>& terms) {
  std::vector<ScaledProduct> products;
  for (const ScaledProduct& s : terms) {
    for (const ScaledProduct& t : terms) {
      ScaledProduct product{s.scale * t.scale, {}};
      for (std::size_t mode = 0; mode < 2; ++mode) {
        factors::Chain chain = factors::transposed(s.chains[mode]);
        chain.insert(chain.end(), t.chains[mode].begin(), t.chains[mode].end());
        product.chains.push_back(std::move(chain));
      }
      products.push_back(std::move(product));
    }
  }
  return {comm, filter.extents(), products};
}

/// The cells of all ranks that are marked, ascending. Collective.
std::vector<Index> cells_of(const communication::Communicator& comm, const std::vector<char>& marks,
                            Index first) {
  std::vector<Index> mine;
  for (std::size_t i = 0; i < marks.size(); ++i) {
    if (marks[i] != 0) mine.push_back(first + static_cast<Index>(i));
  }
  std::vector<Index> counts(static_cast<std::size_t>(comm.size()), 0);
  counts[static_cast<std::size_t>(comm.rank())] = std::ssize(mine);
  comm.sum(std::span<Index>(counts));
  const auto own = counts.begin() + comm.rank();
  std::vector<Index> all(
      static_cast<std::size_t>(std::accumulate(counts.begin(), counts.end(), Index{0})), 0);
  std::ranges::copy(mine, all.begin() + std::accumulate(counts.begin(), own, Index{0}));
  comm.sum(std::span<Index>(all));
  return all;
}

}  // namespace

BestPrediction predict_best(const communication::Communicator& comm,
                            const std::shared_ptr<Workspace>& workspace, const FlowFilter& filter,
                            const FlowMatrices& matrices, std::span<const double> parameters,
                            std::span<const double> y, std::span<const double> trend,
                            double tolerance, Index max_iterations) {
  const auto c = filter.coefficients(parameters).value;
  const auto terms = terms_of(filter, matrices, c);
  const ProductSum a(comm, workspace, terms, 1);
  const std::size_t size = y.size();
  BestPrediction result;
  std::vector<double> values, image, gradient, direction, product;
  std::vector<char> missing;
  communication::collectively(comm, [&] {
    values.assign(y.begin(), y.end());
    missing.assign(size, 0);
    for (auto* vector : {&image, &gradient, &direction, &product}) vector->assign(size, 0.0);
  });
  for (std::size_t i = 0; i < size; ++i) {
    if (!std::isnan(y[i])) continue;
    missing[i] = 1;
    values[i] = 0;
    ++result.unobserved;
  }
  result.unobserved = comm.sum(result.unobserved);

  // Aᵀ (A y − trend), which is Q (y − E y).
  const auto find_gradient = [&] {
    a.apply(values, image);
    for (std::size_t i = 0; i < size; ++i) image[i] -= trend[i];
    a.apply_transposed(image, gradient);
  };
  find_gradient();
  // What was not observed makes ‖A y − trend‖ least: conjugate gradients in these cells alone.
  const auto masked_square = [&](std::span<const double> x) {
    double sum = 0;
    for (std::size_t i = 0; i < size; ++i) sum += missing[i] != 0 ? x[i] * x[i] : 0.0;
    return comm.sum(sum);
  };
  const double begin = masked_square(gradient);
  double square = begin;
  if (begin > 0) {
    for (std::size_t i = 0; i < size; ++i) direction[i] = missing[i] != 0 ? -gradient[i] : 0.0;
    while (square > tolerance * tolerance * begin && result.iterations < max_iterations) {
      a.apply(direction, image);
      a.apply_transposed(image, product);
      double curvature = 0;
      for (std::size_t i = 0; i < size; ++i) curvature += direction[i] * product[i];
      const double step = square / comm.sum(curvature);
      for (std::size_t i = 0; i < size; ++i) {
        values[i] += step * direction[i];
        gradient[i] += step * product[i];
      }
      const double next = masked_square(gradient);
      for (std::size_t i = 0; i < size; ++i) {
        direction[i] = missing[i] != 0 ? -gradient[i] + next / square * direction[i] : 0.0;
      }
      square = next;
      ++result.iterations;
    }
    find_gradient();  // the true residual, not the recursion's
    square = masked_square(gradient);
    result.residual = std::sqrt(square / begin);
    result.converged = result.residual <= 10 * tolerance;
  }
  if (result.unobserved <= most_missing_flows) {
    const operators::SumDiagonal diagonal = gram_diagonal(comm, filter, terms);
    const distribution::BlockPartition rows(filter.extents()[0], comm.size());
    const Index first = rows.begin(comm.rank());
    const Index cell = first * filter.extents()[1];
    const std::vector<Index> cells = cells_of(comm, missing, cell);
    communication::collectively(comm, [&] {
      diagonal.evaluate(cell, image);
      if (!cells.empty()) {
        LeaveOneOut(filter, matrices, c, cells).subtract(first, rows.end(comm.rank()), image);
      }
      result.leave_one_out = values;
      for (std::size_t i = 0; i < size; ++i) {
        if (missing[i] == 0) result.leave_one_out[i] -= gradient[i] / image[i];
      }
    });
  }
  result.completed = std::move(values);
  return result;
}

}  // namespace kronwerk::models
