#include "application/forecast/priced_operator.hpp"

#include <algorithm>

#include "kronwerk/core/text.hpp"
#include "kronwerk/factors/sparse/sparse_entries.hpp"

namespace kronwerk::application {
namespace {

using core::Index;
using distribution::BlockPartition;
using distribution::NeighbourNeeds;
using expressions::FactorNode;
using expressions::FactorNodePtr;
using prediction::Action;
using prediction::PricedMode;
using prediction::PricedSum;

/// Matrices above this are not read, and sparse ones with more entries not factorised.
constexpr double most_bytes = 1e9;
constexpr Index most_entries = 2'000'000;

double bytes_of(const io::DatasetInfo& info) {
  const auto stored = static_cast<double>(info.stored);
  return info.sparse ? 12 * stored + 8 * static_cast<double>(info.shape.at(0)) : 8 * stored;
}

/// By blocks of rows: which of other blocks they need.
NeighbourNeeds needs_of(const factors::StoredEntries& pattern, int parts, int matrices) {
  const Index n = pattern.rows();
  const BlockPartition blocks(n, parts);
  NeighbourNeeds busiest;
  std::vector<Index> given(static_cast<std::size_t>(parts), 0);
  std::vector<int> seen(static_cast<std::size_t>(n), -1);
  for (int part = 0; part < parts && blocks.count(part) > 0; ++part) {
    Index received = 0;
    const Index begin = blocks.begin(part);
    const Index end = blocks.end(part);
    for (Index e = pattern.offsets[static_cast<std::size_t>(begin)];
         e < pattern.offsets[static_cast<std::size_t>(end)]; ++e) {
      const Index column = pattern.columns[static_cast<std::size_t>(e)];
      int& last = seen[static_cast<std::size_t>(column)];
      if ((column >= begin && column < end) || last == part) continue;
      last = part;
      ++received;
      ++given[static_cast<std::size_t>(blocks.owner(column))];
    }
    const Index entries = pattern.offsets[static_cast<std::size_t>(end)] -
                          pattern.offsets[static_cast<std::size_t>(begin)];
    busiest.entries = std::max(busiest.entries, matrices * entries);
    busiest.rows_received = std::max(busiest.rows_received, received);
  }
  busiest.rows_given = *std::ranges::max_element(given);
  return busiest;
}

/// The distinct factors of a mode and which of them each term has.
struct Distinct {
  std::vector<std::vector<FactorNodePtr>> modes;
  std::vector<distribution::SumShape::Term> terms;

  explicit Distinct(const expressions::SumOfProducts& sum) : modes(sum.row_extents.size()) {
    for (const auto& term : sum.terms) {
      auto& places =
          terms.emplace_back(distribution::SumShape::Term{term.coefficient, {}}).matrices;
      for (std::size_t k = 0; k < term.factors.size(); ++k) {
        auto& mode = modes[k];
        auto found = std::ranges::find(mode, term.factors[k]->text, &FactorNode::text);
        if (found == mode.end()) found = mode.insert(mode.end(), term.factors[k]);
        places.push_back(static_cast<int>(found - mode.begin()));
      }
    }
  }
};

Action action_of(const factors::Factor& factor, bool inverse) {
  switch (factor.kind()) {
    case factors::Kind::sparse:
      return inverse ? Action::substitution : Action::sparse;
    case factors::Kind::identity:
    case factors::Kind::diagonal:
    case factors::Kind::rank_one:
      return Action::diagonal;
    case factors::Kind::dense:
    case factors::Kind::kernel:
      break;
  }
  return Action::dense;
}

}  // namespace

PricedOperator::PricedOperator(const communication::Communicator& comm, const Problem& problem)
    : comm_(&comm), problem_(&problem) {
  bool small = matrix_bytes() <= most_bytes && problem.kernel_factors.empty();
  for (const auto& [name, info] : problem.data) small = small && info.stored <= most_entries;
  if (small) data_ = std::make_unique<ProblemData>(comm, problem);
  assumption_ = small ? "flops of the factors are counted, sparse ones factorised for that"
                      : "flops of sparse factors are estimated from their sizes";
}

double PricedOperator::matrix_bytes() const {
  double bytes = 0;
  for (const auto& [name, info] : problem_->data) {
    if (problem_->factor_names.contains(name)) bytes += bytes_of(info);
  }
  return bytes;
}

double PricedOperator::datasets() const {
  return static_cast<double>(problem_->data.size());
}

PricedMode PricedOperator::price(const FactorNode& factor, bool inverse) const {
  if (factor.is_identity()) return {factor.rows, factor.cols, {}};
  return data_ ? counted(factor, inverse) : estimated(factor, inverse);
}

PricedMode PricedOperator::counted(const FactorNode& factor, bool inverse) const {
  factors::Chain chain = data_->lowering().lower(factor);
  if (inverse) chain = factors::inverse(factors::with_square_links(*comm_, chain));
  const auto wanted = factors::to_factorise(chain);
  factors::factorise(*comm_, wanted);
  for (const auto& each : wanted) {
    if (!factorised_.insert(each->name()).second) continue;
    if (each->kind() == factors::Kind::sparse) {
      entries_.push_back(each->flops_per_fibre() / 2);
    } else {
      dense_.push_back(static_cast<double>(each->rows()));
    }
  }
  PricedMode mode{factors::rows(chain), factors::cols(chain), {}};
  for (const auto& link : chain) {
    if (link.factor->kind() == factors::Kind::identity) continue;
    mode.actions.push_back(
        {action_of(*link.factor, factors::is_solve(link)), link.flops_per_fibre()});
  }
  return mode;
}

PricedMode PricedOperator::estimated(const FactorNode& factor, bool inverse) const {
  const expressions::ProductTerm term{1, {std::make_shared<FactorNode>(factor)}, {}};
  const auto cost = expressions::estimate_modes(term, problem_->symbols, inverse).front();
  const auto n = static_cast<double>(factor.rows);
  const bool solves =
      inverse || std::ranges::any_of(factor.links, &expressions::FactorLink::inverse);
  const bool dense = cost.flops_per_fibre >= 0.5 * n * n;
  const Action action = dense ? Action::dense : solves ? Action::substitution : Action::sparse;
  if (solves && factorised_.insert(factor.text).second) {
    const auto stored = expressions::estimate_modes(term, problem_->symbols, !inverse).front();
    (dense ? dense_ : entries_).push_back(dense ? n : stored.flops_per_fibre / 2);
  }
  return {factor.rows, factor.cols, {{action, cost.flops_per_fibre}}};
}

PricedSum PricedOperator::sum() const {
  const Distinct distinct(problem_->sum);
  PricedSum sum;
  sum.terms = distinct.terms;
  for (const auto& mode : distinct.modes) {
    auto& priced = sum.modes.emplace_back();
    for (const auto& factor : mode) priced.push_back(price(*factor, false));
  }
  if (!data_) return sum;
  // The first mode's matrices together, if all are sparse.
  std::vector<std::pair<double, FactorNodePtr>> all;
  for (const auto& factor : distinct.modes.front())
    all.emplace_back(1.0 + 0.1 * static_cast<double>(all.size()), factor);
  const bool plain = std::ranges::all_of(
      distinct.modes.front(), [](const auto& factor) { return expressions::is_plain(*factor); });
  if (!plain) return sum;
  const auto together = data_->lowering().lower(*expressions::sum(all).factor);
  auto pattern = factors::stored_entries(together);
  const double entries =
      pattern ? static_cast<double>(sum.terms.size() * pattern->values.size()) : 0;
  if (!pattern || 8 * entries > sum.points()) return sum;
  const int matrices = static_cast<int>(distinct.modes.back().size());
  sum.needs = [pattern = std::move(*pattern), matrices](int parts) {
    return needs_of(pattern, parts, matrices);
  };
  return sum;
}

std::vector<PricedMode> PricedOperator::inverses() const {
  std::vector<PricedMode> modes;
  for (const auto& factor : problem_->sum.terms.front().factors) {
    modes.push_back(price(*factor, true));
  }
  return modes;
}

PricedMode PricedOperator::near_inverse(std::size_t mode) const {
  std::vector<std::pair<double, FactorNodePtr>> terms;
  const Distinct distinct(problem_->sum);
  for (const auto& factor : distinct.modes[mode]) {
    terms.emplace_back(terms.empty() ? 1.0 : -0.1, factor);
  }
  return price(*expressions::sum(terms).factor, true);
}

prediction::IterationWork PricedOperator::iteration() const {
  const Distinct distinct(problem_->sum);
  const bool few =
      std::ranges::all_of(distinct.modes, [](const auto& mode) { return mode.size() <= 2; });
  prediction::IterationWork work;
  std::vector<PricedMode> near;
  for (std::size_t k = 0; k < distinct.modes.size(); ++k) near.push_back(near_inverse(k));
  if (!few) {
    work.op = sum();
    work.preconditioner = prediction::as_sum(std::move(near));
    return work;
  }
  // Op P⁻¹ in 1 and P_k⁻¹: W P⁻¹ is a combination of the two.
  work.op.terms = distinct.terms;
  for (std::size_t k = 0; k < near.size(); ++k) {
    auto& mode = work.op.modes.emplace_back();
    mode.push_back({near[k].rows, near[k].cols, {}});
    if (distinct.modes[k].size() > 1) mode.push_back(near[k]);
  }
  return work;
}

}  // namespace kronwerk::application
