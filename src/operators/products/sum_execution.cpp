// See src/MATHEMATICS.md, "Sums of products".
#include "operators/products/sum_execution.hpp"

#include <algorithm>

#include "kronwerk/communication/redistribution.hpp"
#include "kronwerk/factors/base/scratch.hpp"
#include "operators/base/local_vectors.hpp"

namespace kronwerk::operators {

using communication::Redistribution;
using distribution::Layout;
using distribution::SumOrder;
using distribution::SumSchedule;
using factors::ConstView;
using factors::Scratch;
using factors::View;

namespace {

using Terms = std::vector<LocalCombination::Term>;

Extents extents_of(const SumTerms& terms, std::size_t first, std::size_t last,
                   Index distribution::ModeCost::*side) {
  Extents result;
  for (std::size_t mode = first; mode < last; ++mode) {
    result.push_back(terms.shape.modes[mode].front().*side);
  }
  return result;
}

Extents joined(Extents first, const Extents& second) {
  first.insert(first.end(), second.begin(), second.end());
  return first;
}

/// The trailing parts with a weight.
template <typename Weight>
Terms trailing_terms(const SumTerms& terms, const SumSchedule& schedule, const Weight& weight) {
  Terms result;
  for (std::size_t r = 0; r < schedule.trailing.size(); ++r) {
    if (weight(r) == 0) continue;
    result.push_back({weight(r), terms.chains(static_cast<std::size_t>(schedule.leading_modes),
                                              schedule.trailing[r])});
  }
  return result;
}

Terms local_terms(const SumTerms& terms, const SumSchedule& schedule) {
  return trailing_terms(terms, schedule, [&](std::size_t r) { return schedule.local[r]; });
}

Terms vector_terms(const SumTerms& terms, const SumSchedule& schedule, int vector) {
  return trailing_terms(terms, schedule,
                        [&](std::size_t r) { return schedule.right_of(vector, r); });
}

/// The vector whose trailing parts are the most that the local terms need too.
int best_company(const SumSchedule& schedule) {
  const auto shared = [&](int vector) {
    int count = 0;
    for (std::size_t r = 0; r < schedule.trailing.size(); ++r) {
      count += schedule.local[r] != 0 && schedule.right_of(vector, r) != 0;
    }
    return count;
  };
  int best = 0;
  for (int vector = 1; vector < schedule.rank; ++vector) {
    if (shared(vector) > shared(best)) best = vector;
  }
  return best;
}

}  // namespace

SumExecution::SumExecution(const communication::Communicator& comm,
                           std::shared_ptr<Workspace> workspace, const SumTerms& terms,
                           const SumSchedule& schedule)
    : comm_(&comm),
      workspace_(std::move(workspace)),
      order_(schedule.order),
      has_local_(schedule.has_local_terms()) {
  const auto split = static_cast<std::size_t>(schedule.leading_modes);
  const std::size_t modes = terms.shape.modes.size();
  const auto leading_in = extents_of(terms, 0, split, &distribution::ModeCost::cols);
  const auto leading_out = extents_of(terms, 0, split, &distribution::ModeCost::rows);
  const auto trailing_in = extents_of(terms, split, modes, &distribution::ModeCost::cols);
  const auto trailing_out = extents_of(terms, split, modes, &distribution::ModeCost::rows);
  const auto layout = [&](const Extents& leading, const Extents& trailing) {
    return Layout(joined(leading, trailing), schedule.leading_modes, comm.size());
  };
  input_ = layout(leading_in, trailing_in);
  output_ = layout(leading_out, trailing_out);
  const auto& travelling = order_ == SumOrder::trailing_first ? trailing_out : trailing_in;
  away_in_ = layout(leading_in, travelling);
  away_out_ = layout(leading_out, travelling);
  if (order_ == SumOrder::trailing_first) {
    make_trailing_first(terms, schedule);
  } else {
    make_leading_first(terms, schedule);
  }
}

LocalCombination SumExecution::leading_work(const SumTerms& terms, const SumSchedule& schedule,
                                            int vector) const {
  Terms result;
  for (std::size_t l = 0; l < schedule.leading.size(); ++l) {
    const double weight = schedule.left_of(l, vector);
    if (weight != 0) result.push_back({weight, terms.chains(0, schedule.leading[l])});
  }
  return LocalCombination(std::vector<Terms>{std::move(result)});
}

void SumExecution::make_trailing_first(const SumTerms& terms, const SumSchedule& schedule) {
  if (schedule.rank == 0) {
    if (has_local_)
      before_.push_back({LocalCombination(std::vector<Terms>{local_terms(terms, schedule)}), true});
    return;
  }
  const int company = best_company(schedule);
  for (int vector = 0; vector < schedule.rank; ++vector) {
    std::vector<Terms> outputs{vector_terms(terms, schedule, vector)};
    const bool local = has_local_ && vector == company;
    if (local) outputs.push_back(local_terms(terms, schedule));
    before_.push_back({LocalCombination(outputs), local});
    leading_.push_back(leading_work(terms, schedule, vector));
  }
}

void SumExecution::make_leading_first(const SumTerms& terms, const SumSchedule& schedule) {
  // What goes away is x itself; the local terms are done on the way.
  std::vector<Terms> outputs;
  if (has_local_) outputs.push_back(local_terms(terms, schedule));
  if (has_local_) before_.push_back({LocalCombination(outputs), true});
  for (int vector = 0; vector < schedule.rank; ++vector) {
    leading_.push_back(leading_work(terms, schedule, vector));
    after_.emplace_back(std::vector<Terms>{vector_terms(terms, schedule, vector)});
  }
}

View SumExecution::rows_of(std::span<double> y, Index first, Index count) const {
  return View::contiguous(y.data() + first * output_.trailing(), count, output_.trailing(), 1);
}

void SumExecution::apply(std::span<const double> x, std::span<double> y, bool accumulate) const {
  if (leading_.empty()) {
    apply_locally(x, y, accumulate);
  } else if (order_ == SumOrder::trailing_first) {
    apply_trailing_first(x, y, accumulate);
  } else {
    apply_leading_first(x, y, accumulate);
  }
}

void SumExecution::apply_locally(std::span<const double> x, std::span<double> y,
                                 bool accumulate) const {
  if (before_.empty()) {
    if (!accumulate) std::fill(y.begin(), y.end(), 0.0);
    return;
  }
  const LocalCombination& work = before_.front().work;
  const Index rows = input_.home().count(comm_->rank());
  const Index chunk = work.piece(std::max<Index>(1, rows));
  for (Index first = 0; first < rows; first += chunk) {
    const Index count = std::min(chunk, rows - first);
    const LocalCombination::Output output{rows_of(y, first, count), accumulate};
    work.apply(
        ConstView::contiguous(x.data() + first * input_.trailing(), count, input_.trailing(), 1),
        {&output, 1});
  }
}

void SumExecution::apply_trailing_first(std::span<const double> x, std::span<double> y,
                                        bool accumulate) const {
  const auto vectors = leading_.size();
  // One vector is worked on in place; the results of several are added up in a second block.
  const Index block = std::max(away_in_.largest_away_size(), away_out_.largest_away_size());
  const Index sum_offset = vectors > 1 ? block : 0;
  workspace_->reserve(sum_offset + block);
  for (std::size_t vector = 0; vector < vectors; ++vector) {
    send_away(before_[vector], x, y, accumulate);
    apply_leading(leading_[vector], sum_offset, vector > 0);
    // The next vector overwrites what other ranks may still be reading.
    if (vector + 1 < vectors) comm_->node().barrier();
  }
  add_at_home(nullptr, sum_offset, y, accumulate || has_local_);
}

void SumExecution::apply_leading_first(std::span<const double> x, std::span<double> y,
                                       bool accumulate) const {
  const auto vectors = leading_.size();
  const Index block = std::max(away_in_.largest_away_size(), away_out_.largest_away_size());
  const Index result_offset = vectors > 1 ? block : 0;
  workspace_->reserve(result_offset + block);
  if (before_.empty()) {
    Redistribution(*workspace_, away_in_)
        .to_away(std::max<Index>(1, input_.home().largest()),
                 [&](Index first, Index) { return x.data() + first * input_.trailing(); });
  } else {
    send_away(before_.front(), x, y, accumulate);
  }
  for (std::size_t vector = 0; vector < vectors; ++vector) {
    apply_leading(leading_[vector], result_offset, false);
    add_at_home(&after_[vector], result_offset, y, accumulate || has_local_ || vector > 0);
  }
}

void SumExecution::send_away(const Pass& pass, std::span<const double> x, std::span<double> y,
                             bool accumulate) const {
  const Index trailing = away_in_.trailing();
  Redistribution redistribution(*workspace_, away_in_);
  redistribution.to_away(pass.work.piece(std::max<Index>(1, input_.home().largest())),
                         [&](Index first, Index count) -> const double* {
                           const double* from = x.data() + first * input_.trailing();
                           const ConstView rows =
                               ConstView::contiguous(from, count, input_.trailing(), 1);
                           const LocalCombination::Output local{
                               pass.local ? rows_of(y, first, count) : View{}, accumulate};
                           if (order_ == SumOrder::leading_first) {
                             pass.work.apply(rows, {&local, 1});
                             return from;
                           }
                           if (!pass.local && pass.work.is_input(0)) return from;
                           double* result = factors::scratch(Scratch::strip, count * trailing);
                           const LocalCombination::Output outputs[] = {
                               {View::contiguous(result, count, trailing, 1), false}, local};
                           pass.work.apply(rows, std::span(outputs).first(pass.local ? 2 : 1));
                           return result;
                         });
}

void SumExecution::apply_leading(const LocalCombination& work, Index to_offset,
                                 bool accumulate) const {
  const Index columns = away_in_.away().count(comm_->rank());
  const double* from = workspace_->local();
  double* to = workspace_->local() + to_offset;
  const Index width = work.piece(std::max<Index>(1, columns));
  for (Index first = 0; first < columns; first += width) {
    const Index count = std::min(width, columns - first);
    const LocalCombination::Output output{View{to + first, 1, work.rows(), count, 0, columns},
                                          accumulate};
    work.apply(ConstView{from + first, 1, work.cols(), count, 0, columns}, {&output, 1});
  }
}

void SumExecution::add_at_home(const LocalCombination* work, Index offset, std::span<double> y,
                               bool accumulate) const {
  const bool straight = work == nullptr && !accumulate;
  const Index trailing = away_out_.trailing();
  const Index available = std::max<Index>(1, output_.home().largest());
  constexpr Index rows_in_cache = Index{1} << 15;  // doubles
  const Index chunk =
      work != nullptr
          ? work->piece(available)
          : std::clamp<Index>(rows_in_cache / std::max<Index>(1, trailing), 1, available);
  double* rows = nullptr;
  Redistribution redistribution(*workspace_, away_out_, offset);
  redistribution.to_home(
      chunk,
      [&](Index first, Index count) {
        rows = straight ? y.data() + first * trailing
                        : factors::scratch(Scratch::strip, count * trailing);
        return rows;
      },
      [&](Index first, Index count) {
        if (straight) return;
        const View place = rows_of(y, first, count);
        if (work == nullptr) {
          store_scaled(1.0, rows, place.data, count * trailing, accumulate);
          return;
        }
        const LocalCombination::Output output{place, accumulate};
        work->apply(ConstView::contiguous(rows, count, trailing, 1), {&output, 1});
      },
      !straight);
}

}  // namespace kronwerk::operators
