// Declared in operators/krylov/krylov_state.hpp.
// See src/MATHEMATICS.md, "Krylov methods and the nearest product".
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "operators/krylov/failure_summary.hpp"
#include "operators/krylov/krylov_state.hpp"

namespace kronwerk::operators {
namespace {

using End = KrylovRun::End;

// A method may lose sight of the true residual. Another start from the present x has been of use if
// it left less than this part of it.
constexpr double progress = 0.5;

/// Where the columns' pieces of one column's layout, or of the batch's, begin and end.
std::vector<Index> bounds(const distribution::Layout& layout, Index first, Index length) {
  std::vector<Index> result;
  for (int part = 0; part <= layout.parts(); ++part) {
    const Index begin = part < layout.parts() ? layout.home_begin(part) : layout.size();
    result.push_back(std::clamp<Index>(begin - first, 0, length));
  }
  return result;
}

}  // namespace

void KrylovSolver::State::check_sizes(std::span<const double> b, std::span<const double> x) const {
  const auto& comm = system.op().comm();
  const auto& layout = system.op().input_layout();
  const auto size = static_cast<std::size_t>(layout.home_size(comm.rank()));
  communication::collectively(comm, [&] {
    if (b.size() == size && x.size() == size) return;
    throw core::ShapeError(fmt::format(
        "Krylov solve: this rank's blocks of right-hand side and solution have {} and {} entries; "
        "its part of the grid {} has {}",
        b.size(), x.size(), core::to_text(layout.extents()), size));
  });
}

/// Right-hand sides so small or large that their squares would under- or overflow are scaled by a
/// power of two, which is exact.
KrylovOutcome KrylovSolver::State::solve_scaled(std::span<const double> b, std::span<double> x,
                                                bool transposed, double sharper) {
  constexpr double least = 1e-120;
  constexpr double greatest = 1e120;
  constexpr int most = 1000;  // 2^1000 and its inverse are numbers
  const auto columns = ColumnNorms::one_after_another(map.comm(), system.op().input_layout(),
                                                      static_cast<Index>(map.columns()));
  std::vector<double> down, up;
  bool plain = true;
  for (const double norm : columns.norms(b)) {
    const bool usual = !(norm > 0) || !std::isfinite(norm) || (norm > least && norm < greatest);
    const int power = usual ? 0 : std::clamp(std::ilogb(norm), -most, most);
    plain = plain && usual;
    down.push_back(std::ldexp(1.0, -power));
    up.push_back(std::ldexp(1.0, power));
  }
  if (plain) return solve(b, x, transposed, sharper);
  std::vector<double> right;
  communication::collectively(map.comm(), [&] { right.assign(b.begin(), b.end()); });
  columns.scale(down, right);
  columns.scale(down, x);
  unscale = [&](std::span<double> block) { columns.scale(up, block); };
  KrylovOutcome outcome = solve(right, x, transposed, sharper);
  unscale = {};
  columns.scale(up, x);
  return outcome;
}

KrylovOutcome KrylovSolver::State::solve(std::span<const double> b, std::span<double> x,
                                         bool transposed, double sharper) {
  KrylovRun run;
  run.b = b;
  run.x = x;
  run.r = residual;
  run.transposed = transposed;
  run.tolerance = choice.tolerance * sharper;
  run.max_iterations = choice.max_iterations;
  run.on_iteration = settings.on_iteration;
  if (settings.on_iterate) run.on_iterate = [this](const KrylovIterate& iterate) { tell(iterate); };
  start(run);
  std::vector<double> before = run.residual;
  judge(run, before, true);
  if (run.any_active()) {
    run.divergence = 1e10 * std::max(1.0, run.largest_residual());
    run.report();
  }
  while (run.any_active()) {
    const std::vector<char> worked_on = run.active;
    improve(run);
    run.zero_start = false;
    system.residual(transposed, b, x, residual);
    const PerColumn squares = map.dots<1>(worked_on, {{{residual.data(), residual.data()}}})[0];
    for (std::size_t column = 0; column < squares.size(); ++column) {
      if (worked_on[column] == 0) continue;
      run.residual[column] = std::sqrt(squares[column]) / run.scale[column];
      run.active[column] = 1;
    }
    judge(run, before, false);
  }
  return outcome(run);
}

/// Passes an iterate on, of the system as it was given.
void KrylovSolver::State::tell(const KrylovIterate& iterate) const {
  if (!unscale) return settings.on_iterate(iterate);
  settings.on_iterate([&](std::vector<double>& room) -> std::span<const double> {
    const auto scaled = iterate(room);
    if (scaled.data() != room.data()) room.assign(scaled.begin(), scaled.end());
    unscale(room);
    return room;
  });
}

/// Norms and the residual of the start. Columns without a right-hand side are solved here.
void KrylovSolver::State::start(KrylovRun& run) {
  const std::size_t columns = map.columns();
  run.active.assign(columns, 1);
  run.end.assign(columns, End::running);
  run.failure.assign(columns, {});
  const auto [right, begin] =
      map.dots<2>(run.active, {{{run.b.data(), run.b.data()}, {run.x.data(), run.x.data()}}});
  run.scale.resize(columns);
  std::vector<char> zero(columns, 0);
  run.zero_start = true;
  for (std::size_t column = 0; column < columns; ++column) {
    run.scale[column] = right[column] > 0 ? std::sqrt(right[column]) : 1;
    if (right[column] == 0) {
      zero[column] = 1;
    } else if (begin[column] != 0) {
      run.zero_start = false;
    }
  }
  map.for_each(zero, [&](std::size_t /*column*/, std::size_t first, std::size_t count) {
    std::fill_n(run.x.data() + first, count, 0.0);
  });
  if (run.zero_start) {
    std::copy(run.b.begin(), run.b.end(), run.r.begin());
  } else {
    system.residual(run.transposed, run.b, run.x, run.r);
  }
  const PerColumn squares = map.dots<1>(run.active, {{{run.r.data(), run.r.data()}}})[0];
  run.residual.resize(columns);
  for (std::size_t column = 0; column < columns; ++column) {
    run.residual[column] = std::sqrt(squares[column]) / run.scale[column];
    if (!std::isfinite(right[column])) {
      run.finish(column, End::failed,
                 "DIVERGED_NANORINF: the right-hand side has entries that are not finite");
    }
  }
}

/// One run of the iteration from the present x.
void KrylovSolver::State::improve(KrylovRun& run) {
  if (!combined) return iteration->run(run);
  const std::span<double> x = run.x;
  const std::span<const double> b = run.b;
  const PerColumn scale = run.scale;
  if (run.transposed) {
    // (Op M)ᵀ y = Mᵀ r: the residual that is watched is the preconditioned one.
    system.precondition(true, residual, correction);
    std::swap(residual, correction);
    const PerColumn squares = map.dots<1>(run.active, {{{residual.data(), residual.data()}}})[0];
    for (std::size_t column = 0; column < scale.size(); ++column) {
      if (run.active[column] == 0) continue;
      run.scale[column] = std::sqrt(squares[column]) / run.residual[column];
    }
  }
  run.solution = [this, &run, x](std::vector<double>& room) -> std::span<const double> {
    std::vector<double> inner;
    const auto present = run.present(inner);
    room.resize(x.size());
    const auto step = run.transposed ? present : system.precondition(false, present, room);
    for (std::size_t i = 0; i < x.size(); ++i) room[i] = x[i] + step[i];
    return room;
  };
  std::fill(correction.begin(), correction.end(), 0.0);
  run.r = residual;
  run.b = residual;
  run.x = correction;
  run.zero_start = true;
  iteration->run(run);
  run.solution = {};
  run.b = b;
  run.x = x;
  run.scale = scale;
  const auto step = run.transposed ? std::span<const double>(correction)
                                   : system.precondition(false, correction, residual);
  for (std::size_t i = 0; i < x.size(); ++i) x[i] += step[i];
}

/// Decides from the true residuals which columns are done.
/// @param before  the residuals of the last time
void KrylovSolver::State::judge(KrylovRun& run, std::vector<double>& before, bool first) const {
  for (std::size_t column = 0; column < before.size(); ++column) {
    if (run.active[column] == 0) continue;
    const double now = run.residual[column];
    const bool no_progress = !first && !(now <= progress * before[column]);
    const bool no_time = run.iterations >= run.max_iterations;
    const End end = run.end[column];
    const std::string why = run.failure[column];
    before[column] = now;
    if (!std::isfinite(now)) {
      run.finish(column, End::failed,
                 why.empty() ? "DIVERGED_NANORINF: the residual is not a finite number" : why);
    } else if (now <= run.tolerance || end == End::accepted) {
      run.accepted_by_option = run.accepted_by_option || !(now <= run.tolerance);
      run.finish(column, End::converged);
    } else if (end == End::failed) {
      run.finish(column, End::failed, why);
    } else if (end == End::final) {
      run.finish(column, End::failed,
                 fmt::format("{}, with a true relative residual of {:.2g}", why, now));
    } else if (!no_progress && !no_time) {
      run.end[column] = End::running;
      run.failure[column].clear();
    } else if (end == End::breakdown) {
      run.finish(column, End::failed, fmt::format("{} (relative residual {:.2g})", why, now));
    } else if (end == End::running) {
      run.finish(column, End::failed,
                 fmt::format("DIVERGED_ITS: a relative residual of {:.2g} after {} iterations", now,
                             run.iterations));
    } else {
      run.finish(column, End::failed,
                 fmt::format("stagnation at a relative residual of {:.2g}", now));
    }
  }
}

KrylovOutcome KrylovSolver::State::outcome(KrylovRun& run) const {
  KrylovOutcome result;
  result.reason = failure_summary(run.failure);
  result.converged = result.reason.empty();
  result.iterations = run.iterations;
  result.accepted_by_option = run.accepted_by_option;
  result.residuals = std::move(run.residual);
  result.history = std::move(run.history);
  return result;
}

KrylovOutcome KrylovSolver::State::solve_by_columns(std::span<const double> b, std::span<double> x,
                                                    bool transposed, double sharper) {
  const auto& comm = system.op().comm();
  const auto& batched = system.op().input_layout();
  const Index length = column_layout.size();
  const auto own = bounds(column_layout, 0, length);
  const auto local = static_cast<std::size_t>(column_layout.home_size(comm.rank()));
  std::vector<double> column_b(local);
  std::vector<double> column_x(local);
  KrylovOutcome result;
  std::vector<std::string> failures;
  for (Index number = 0; number < static_cast<Index>(map.columns()); ++number) {
    const auto theirs = bounds(batched, number * length, length);
    const auto mine = static_cast<std::size_t>(comm.rank());
    const auto first = static_cast<std::size_t>(std::clamp<Index>(
        number * length - batched.home_begin(comm.rank()), 0, batched.home_size(comm.rank())));
    const auto count = static_cast<std::size_t>(theirs[mine + 1] - theirs[mine]);
    move_pieces(comm, theirs, b.subspan(first, count), own, column_b);
    move_pieces(comm, theirs, x.subspan(first, count), own, column_x);
    const KrylovOutcome one = column_solver->solve(column_b, column_x, transposed, sharper);
    move_pieces(comm, own, column_x, theirs, x.subspan(first, count));
    if (settings.on_iterate) settings.on_iterate([&](std::vector<double>&) { return x; });
    failures.push_back(one.converged ? "" : one.reason);
    result.accepted_by_option = result.accepted_by_option || one.accepted_by_option;
    result.iterations = std::max(result.iterations, one.iterations);
    result.residuals.push_back(one.residuals.front());
    result.history.resize(std::max(result.history.size(), one.history.size()));
    for (std::size_t i = 0; i < one.history.size(); ++i) {
      result.history[i] = std::max(result.history[i], one.history[i]);
    }
  }
  result.reason = failure_summary(failures);
  result.converged = result.reason.empty();
  return result;
}

}  // namespace kronwerk::operators
