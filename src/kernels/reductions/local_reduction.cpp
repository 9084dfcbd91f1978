// Declared in kronwerk/kernels/reductions/reduction.hpp.
#include <algorithm>
#include <cmath>
#include <limits>

#include "kernels/engine/pair_evaluator.hpp"
#include "kernels/reductions/reduction_plan.hpp"
#include "kernels/tiles/running_sums.hpp"
#include "kronwerk/core/error.hpp"
#include "kronwerk/core/interruption.hpp"

namespace kronwerk::kernels {

namespace {

/// Some milliseconds, even of expensive formulas.
constexpr Index groups_between_checks = 64;

constexpr double infinity = std::numeric_limits<double>::infinity();

/// What does not depend on the type the pairs are computed in.
class Reduction {
 public:
  virtual ~Reduction() = default;
  virtual void add(const Side& columns, Index begin, Index end) = 0;
  virtual std::vector<ReductionResult> finish() = 0;
  virtual Index nan_count() const = 0;
};

template <typename T>
class TypedReduction final : public Reduction {
 public:
  TypedReduction(ReductionPlan plan, std::vector<ReductionRequest> requests, const Side& rows)
      : plan_(std::move(plan)),
        requests_(std::move(requests)),
        rows_(rows.count),
        pairs_(plan_.compiled, rows, 0, false),
        sums_(core::multiply(plan_.compiled.sums(), rows_)),
        shifts_(static_cast<std::size_t>(plan_.compiled.shifts * rows_),
                std::numeric_limits<T>::quiet_NaN()),
        seen_(static_cast<std::size_t>(rows_), 0),
        lists_of_sink_(plan_.compiled.sinks.size(), -1),
        run_shifts_(static_cast<std::size_t>(plan_.compiled.shifts * row_group)),
        run_sums_(static_cast<std::size_t>(plan_.compiled.sums() * row_group)) {
    std::vector<std::size_t> sink_of_selection(static_cast<std::size_t>(plan_.compiled.selections));
    for (std::size_t s = 0; s < plan_.compiled.sinks.size(); ++s) {
      if (plan_.list_lengths[s] == 0) continue;
      const int selection = plan_.compiled.sinks[s].selection;
      sink_of_selection[static_cast<std::size_t>(selection)] = s;
      lists_of_sink_[s] = selection;
    }
    lists_.reserve(sink_of_selection.size());
    for (const std::size_t s : sink_of_selection) {
      lists_.emplace_back(rows_, plan_.list_lengths[s]);
      selections_.add(&lists_.back(), plan_.counts_nan[s] != 0);
    }
  }

  void add(const Side& columns, Index begin, Index end) override {
    if (begin >= end || columns.count == 0) return;
    // Where columns come in order, an equal value that comes later never replaces an earlier one.
    const bool ties = columns.first <= last_column_;
    last_column_ = std::max(last_column_, columns.first + columns.count - 1);
    context_.shifts = run_shifts_.data();
    context_.selections = &selections_;
    context_.thresholds = selections_.thresholds();
    for (Index first = 0; first < columns.count; first += pairs_.stride()) {
      const Index count = std::min(pairs_.stride(), columns.count - first);
      pairs_.load_columns(columns, first, count);
      selections_.begin_tile(columns.first + first);
      const Index first_group = begin / row_group;
      for (Index group = first_group; group * row_group < end; ++group) {
        if ((group - first_group) % groups_between_checks == 0) core::check_interruption();
        add_group(group, begin, end, ties);
      }
    }
    for (Index row = begin; row < end; ++row) seen_[static_cast<std::size_t>(row)] += columns.count;
  }

  std::vector<ReductionResult> finish() override {
    std::vector<ReductionResult> results;
    for (std::size_t r = 0; r < requests_.size(); ++r) results.push_back(result_of(r));
    return results;
  }

  Index nan_count() const override {
    double counted = 0;
    for (const Sink& sink : plan_.compiled.sinks) {
      if (sink.kind != Sink::Kind::count_nan) continue;
      for (Index row = 0; row < rows_; ++row) counted += sums_[sink.accumulator * rows_ + row];
    }
    return selections_.nan_count() + static_cast<Index>(counted);
  }

 private:
  void add_group(Index group, Index begin, Index end, bool ties) {
    const Index first = group * row_group;
    const Index low = std::max(begin, first);
    const Index high = std::min(end, first + row_group);
    for (Index s = 0; s < plan_.compiled.shifts; ++s) {
      for (Index row = low; row < high; ++row) run_shift(s, row) = shift(s, row);
    }
    selections_.begin_rows(first, begin, end);
    pairs_.run(group, ties, context_, run_sums_.data());
    for (const Sink& sink : plan_.compiled.sinks) {
      if (sink.kind == Sink::Kind::exponentials) rescale(sink, low, high);
    }
    for (Index k = 0; k < plan_.compiled.sums(); ++k) {
      for (Index row = low; row < high; ++row) {
        sums_.add(k * rows_ + row,
                  run_sums_[static_cast<std::size_t>(k * row_group + row - first)]);
      }
    }
  }

  // The sums so far are relative to the shift from before the tile.
  void rescale(const Sink& sink, Index low, Index high) {
    for (Index row = low; row < high; ++row) {
      const T before = shift(sink.shift, row);
      const T after = run_shift(sink.shift, row);
      if (before == after || std::isnan(before)) {
        shift(sink.shift, row) = after;
        continue;
      }
      const double factor = std::exp(static_cast<double>(before) - static_cast<double>(after));
      for (std::size_t k = 0; k <= sink.weights.size(); ++k) {
        sums_.scale((sink.accumulator + static_cast<Index>(k)) * rows_ + row, factor);
      }
      shift(sink.shift, row) = after;
    }
  }

  T& shift(Index s, Index row) { return shifts_[static_cast<std::size_t>(s * rows_ + row)]; }
  T& run_shift(Index s, Index row) {
    return run_shifts_[static_cast<std::size_t>(s * row_group + row % row_group)];
  }

  ReductionResult result_of(std::size_t request) {
    const ReductionRequest& asked = requests_[request];
    ReductionResult result;
    result.rows = rows_;
    result.dimension = asked.weight ? asked.weight->dimension() : plan_.dimension;
    const Index length = plan_.list_lengths[plan_.sinks[request][0]];
    result.k = length == 0 ? 1 : asked.k;
    const auto size = static_cast<std::size_t>(rows_ * result.k * result.dimension);
    if (gives_values(asked.kind)) result.values.resize(size);
    if (gives_indices(asked.kind)) result.indices.resize(size);
    for (Index row = 0; row < rows_; ++row) {
      for (int c = 0; c < result.dimension; ++c) {
        const std::size_t sink =
            plan_.sinks[request][asked.weight ? 0U : static_cast<std::size_t>(c)];
        if (length == 0) {
          result.values[static_cast<std::size_t>(row * result.dimension + c)] =
              value_of(asked, plan_.compiled.sinks[sink], row, c);
        } else {
          put_list(result, lists_[static_cast<std::size_t>(lists_of_sink_[sink])],
                   plan_.compiled.sinks[sink].kind == Sink::Kind::least ? 1.0 : -1.0, row, c);
        }
      }
    }
    return result;
  }

  void put_list(ReductionResult& result, const SelectionLists<T>& lists, double sign, Index row,
                int component) const {
    for (Index place = 0; place < result.k; ++place) {
      const auto at =
          static_cast<std::size_t>((row * result.k + place) * result.dimension + component);
      const bool there = place < lists.size(row);
      if (!result.values.empty()) {
        result.values[at] =
            sign * (there ? static_cast<double>(lists.value(row, place)) : infinity);
      }
      if (!result.indices.empty()) result.indices[at] = there ? lists.index(row, place) : -1;
    }
  }

  double value_of(const ReductionRequest& asked, const Sink& sink, Index row, int component) {
    const auto sum = [&](int offset) { return sums_[(sink.accumulator + offset) * rows_ + row]; };
    switch (asked.kind) {
      case ReductionKind::mean:
        return sum(0) / static_cast<double>(seen_[static_cast<std::size_t>(row)]);
      case ReductionKind::norm:
        return std::sqrt(sum(0));
      case ReductionKind::any:
        return sum(0) > 0 ? 1 : 0;
      case ReductionKind::all:
        return sum(0) > 0 ? 0 : 1;
      case ReductionKind::softmax:
        return sum(1 + component) / sum(0);
      case ReductionKind::logsumexp: {
        const auto above = static_cast<double>(shift(sink.shift, row));
        return std::log(sum(asked.weight ? 1 + component : 0)) + (std::isnan(above) ? 0 : above);
      }
      default:
        return sum(0);
    }
  }

  ReductionPlan plan_;
  std::vector<ReductionRequest> requests_;
  Index rows_;
  PairEvaluator<T> pairs_;
  RunningSums sums_;
  std::vector<T> shifts_;  // [shift][row]; NaN: no finite value so far
  std::vector<Index> seen_;
  std::vector<int> lists_of_sink_;
  std::vector<SelectionLists<T>> lists_;
  Selections<T> selections_;
  Index last_column_ = -1;
  Context<T> context_;
  std::vector<T> run_shifts_;
  std::vector<double> run_sums_;
};

}  // namespace

struct LocalReduction::State {
  Index rows = 0;
  std::unique_ptr<Reduction> reduction;
};

LocalReduction::LocalReduction(const Expression& formula, Constants constants, Precision precision,
                               std::vector<ReductionRequest> requests, const Side& rows)
    : state_(std::make_unique<State>()) {
  ReductionPlan plan = plan_reductions(formula, constants, precision, requests);
  state_->rows = rows.count;
  if (precision == Precision::float64) {
    state_->reduction =
        std::make_unique<TypedReduction<double>>(std::move(plan), std::move(requests), rows);
  } else {
    state_->reduction =
        std::make_unique<TypedReduction<float>>(std::move(plan), std::move(requests), rows);
  }
}

LocalReduction::~LocalReduction() = default;
LocalReduction::LocalReduction(LocalReduction&&) noexcept = default;

void LocalReduction::add(const Side& columns) {
  state_->reduction->add(columns, 0, state_->rows);
}

void LocalReduction::add(const Side& columns, Index begin, Index end) {
  if (begin < 0 || end > state_->rows) {
    throw core::InternalError("rows outside of a reduction");
  }
  state_->reduction->add(columns, begin, end);
}

std::vector<ReductionResult> LocalReduction::finish() {
  return state_->reduction->finish();
}

Index LocalReduction::nan_count() const noexcept {
  return state_->reduction->nan_count();
}

}  // namespace kronwerk::kernels
