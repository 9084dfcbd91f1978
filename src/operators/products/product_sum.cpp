// See src/MATHEMATICS.md, "Sums of products".
#include "kronwerk/operators/products/product_sum.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <numeric>

#include "operators/products/chain_diagonal.hpp"
#include "operators/products/sum_execution.hpp"
#include "operators/products/sum_neighbours.hpp"

namespace kronwerk::operators {
namespace {

distribution::SumEstimate as_sum(const distribution::ProductEstimate& product, bool several_ranks) {
  distribution::SumEstimate estimate;
  estimate.leading_modes = product.leading_modes;
  estimate.exchanges = product.exchanges;
  estimate.vectors_moved = several_ranks ? product.exchanges : 0;
  estimate.flops_busiest_rank = product.flops_busiest_rank;
  estimate.exchanged_bytes_per_rank = product.exchanged_bytes_per_rank;
  estimate.vector_bytes_per_rank = product.vector_bytes_per_rank;
  estimate.result_bytes_per_rank = product.result_bytes_per_rank;
  estimate.away_bytes_per_rank = product.away_bytes_per_rank;
  estimate.seconds = product.seconds;
  return estimate;
}

void factorise_terms(const communication::Communicator& comm,
                     const std::vector<ScaledProduct>& terms) {
  std::vector<factors::FactorPtr> list;
  for (const ScaledProduct& term : terms) {
    for (const auto& chain : term.chains) {
      for (auto& factor : factors::to_factorise(chain)) {
        if (std::find(list.begin(), list.end(), factor) == list.end()) {
          list.push_back(std::move(factor));
        }
      }
    }
  }
  factors::factorise(comm, list);
}

}  // namespace

struct ProductSum::State {
  const communication::Communicator* comm;
  std::shared_ptr<Workspace> workspace;
  distribution::SumEstimate estimate;
  // One of the three: a single product, the plan of several, or an exchange between neighbours.
  std::optional<KroneckerProduct> product;
  std::optional<SumExecution> execution;
  std::optional<SumNeighbours> neighbours;
  std::shared_ptr<const ProductSum> transposed;

  const distribution::Layout& input() const {
    if (neighbours) return neighbours->input();
    return product ? product->input_layout() : execution->input();
  }
  const distribution::Layout& output() const {
    if (neighbours) return neighbours->output();
    return product ? product->output_layout() : execution->output();
  }
  void apply(std::span<const double> x, std::span<double> y, bool accumulate) const {
    if (neighbours) {
      neighbours->apply(x, y, accumulate);
    } else if (product) {
      product->apply(x, y, accumulate);
    } else {
      execution->apply(x, y, accumulate);
    }
  }
};

ProductSum::ProductSum(std::vector<ScaledProduct> terms, std::shared_ptr<State> state)
    : LinearOperator(*state->comm, state->input(), state->output()),
      terms_(std::move(terms)),
      state_(std::move(state)) {}

ProductSum::ProductSum(const communication::Communicator& comm,
                       std::shared_ptr<Workspace> workspace, std::vector<ScaledProduct> terms,
                       std::optional<int> leading_modes)
    : ProductSum(terms, make_state(comm, std::move(workspace), terms, leading_modes)) {}

ProductSum::ProductSum(KroneckerProduct product)
    : ProductSum({{product.scale(), product.chains()}}, [&] {
        auto state = std::make_shared<State>();
        state->comm = &product.comm();
        state->estimate = as_sum(product.estimate(), product.comm().size() > 1);
        state->product = product;
        return state;
      }()) {}

std::shared_ptr<ProductSum::State> ProductSum::make_state(const communication::Communicator& comm,
                                                          std::shared_ptr<Workspace> workspace,
                                                          const std::vector<ScaledProduct>& terms,
                                                          std::optional<int> leading_modes) {
  check_terms(terms);
  factorise_terms(comm, terms);
  const SumTerms collected = collect_terms(terms);
  const auto& shape = collected.shape;
  auto state = std::make_shared<State>();
  state->comm = &comm;
  state->workspace = workspace;
  std::map<int, SumNeighbours> neighbours;
  const auto needs = [&](int split) -> std::optional<distribution::NeighbourNeeds> {
    auto made = SumNeighbours::make(comm, workspace, collected, split);
    if (!made) return std::nullopt;
    return neighbours.emplace(split, *std::move(made)).first->second.needs();
  };
  state->estimate = leading_modes
                        ? distribution::estimate_either(shape, *leading_modes, comm.size(), needs)
                        : distribution::choose_sum_split(shape, comm.size(), needs);
  const int split = state->estimate.leading_modes;
  if (state->estimate.neighbours) {
    state->neighbours = std::move(neighbours.at(split));
    return state;
  }
  if (shape.terms.size() == 1 && shape.terms.front().coefficient != 0) {
    const auto& only = shape.terms.front();
    state->product.emplace(comm, std::move(workspace), only.coefficient,
                           collected.chains(0, only.matrices), split);
    state->estimate = as_sum(state->product->estimate(), comm.size() > 1);
  } else {
    state->execution.emplace(comm, std::move(workspace), collected,
                             distribution::schedule_sum(shape, split));
  }
  return state;
}

const distribution::SumEstimate& ProductSum::estimate() const noexcept {
  return state_->estimate;
}

void ProductSum::do_apply(std::span<const double> x, std::span<double> y, bool transposed,
                          bool accumulate) const {
  State& state = *state_;
  if (!transposed) {
    state.apply(x, y, accumulate);
    return;
  }
  if (!state.transposed) {
    if (state.product) {
      state.transposed = std::make_shared<const ProductSum>(state.product->transposed());
    } else {
      std::vector<ScaledProduct> terms;
      for (const ScaledProduct& term : terms_) {
        auto& result = terms.emplace_back(ScaledProduct{term.scale, {}});
        for (const auto& chain : term.chains) {
          result.chains.push_back(factors::transposed(chain));
        }
      }
      state.transposed = std::make_shared<const ProductSum>(
          comm(), state.workspace, std::move(terms), state.estimate.leading_modes);
    }
  }
  state.transposed->do_apply(x, y, false, accumulate);
}

bool ProductSum::has_diagonal() const noexcept {
  return input_layout().extents() == output_layout().extents();
}

std::string ProductSum::description() const {
  return fmt::format("{} exchanges, {} vectors moved", exchanges(), vectors_moved());
}

void ProductSum::do_diagonal(std::span<double> values) const {
  const SumTerms collected = collect_terms(terms_);
  std::vector<std::vector<std::vector<double>>> diagonals;
  for (const auto& matrices : collected.matrices) {
    auto& mode = diagonals.emplace_back();
    for (const auto& chain : matrices) mode.push_back(chain_diagonal(comm(), chain));
  }
  const auto& layout = input_layout();
  // The last mode changes fastest: along it, a term is a multiple of one factor's diagonal.
  const auto& extents = layout.extents();
  const std::size_t last = extents.size() - 1;
  Index position = layout.home_begin(comm().rank());
  for (std::size_t done = 0; done < values.size();) {
    const Index begin = position % extents[last];
    const auto count =
        std::min(values.size() - done, static_cast<std::size_t>(extents[last] - begin));
    const auto run = values.subspan(done, count);
    std::fill(run.begin(), run.end(), 0.0);
    for (const auto& term : collected.shape.terms) {
      double weight = term.coefficient;
      Index rest = position / extents[last];
      for (std::size_t mode = last; mode-- > 0;) {
        const auto matrix = static_cast<std::size_t>(term.matrices[mode]);
        weight *= diagonals[mode][matrix][static_cast<std::size_t>(rest % extents[mode])];
        rest /= extents[mode];
      }
      const double* fast =
          diagonals[last][static_cast<std::size_t>(term.matrices[last])].data() + begin;
      for (std::size_t i = 0; i < count; ++i) run[i] += weight * fast[i];
    }
    done += count;
    position += static_cast<Index>(count);
  }
}

double ProductSum::trace() const {
  const SumTerms collected = collect_terms(terms_);
  std::vector<std::vector<double>> traces;
  for (const auto& matrices : collected.matrices) {
    auto& mode = traces.emplace_back();
    for (const auto& chain : matrices) {
      const auto diagonal = chain_diagonal(comm(), chain);
      mode.push_back(std::accumulate(diagonal.begin(), diagonal.end(), 0.0));
    }
  }
  double sum = 0;
  for (const auto& term : collected.shape.terms) {
    double product = term.coefficient;
    for (std::size_t mode = 0; mode < traces.size(); ++mode) {
      product *= traces[mode][static_cast<std::size_t>(term.matrices[mode])];
    }
    sum += product;
  }
  return sum;
}

}  // namespace kronwerk::operators
