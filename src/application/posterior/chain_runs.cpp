#include "application/posterior/chain_runs.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <exception>

#include "application/report/usage.hpp"
#include "application/session/signals.hpp"
#include "kronwerk/core/text.hpp"
#include "kronwerk/operators/base/random.hpp"

namespace kronwerk::application {
namespace {

using models::Chain;

// Chains begin as if drawn from about twice the width of the posterior.
constexpr double overdispersion = 2;
constexpr int start_attempts = 20;
// Lines of a chain.
constexpr Index lines_per_chain = 4;

std::string name_of(const char* what, Index chain) {
  return fmt::format("posterior_{}_{}", what, chain);
}

}  // namespace

models::DensityFunction watched(JobContext& context, models::DensityFunction log_density) {
  return [&context, log_density = std::move(log_density)](std::span<const double> x) {
    models::Evaluation found;
    try {
      context.stages.run("evaluate", [&] { found = log_density(x); });
    } catch (const core::ConvergenceError& error) {
      throw core::DataError(error.what());  // not defined here, as where a factor is singular
    }
    return found;
  };
}

ChainRuns::Apart::Apart(JobContext& job, const communication::Communicator& group)
    : file(io::ResultFile::discarding(group, job.job.output.file)),
      checkpoint(Checkpoint::none(group, job.job, job.stages)),
      context{group, job.job, job.stages, report, file, checkpoint} {}

ChainRuns::ChainRuns(JobContext& context, PosteriorProblem& problem,
                     const models::Coordinates& coordinates, bool found, PosteriorDraws& draws)
    : context_(context),
      request_(*context.job.posterior),
      coordinates_(coordinates),
      found_(found),
      draws_(draws),
      groups_(context.comm, request_.chains, problem.copy_needs),
      courses_(static_cast<std::size_t>(request_.chains)) {
  recall();
  if (groups_.apart()) {
    side_by_side([&] {
      apart_.emplace(context, groups_.own());
      model_ = problem.copy(apart_->context);
    });
    check_termination(context.comm);
  } else {
    model_ = problem.model;
  }
  density_.emplace(groups_.own(), watched(apart_ ? apart_->context : context, model_.log_density),
                   problem.parameters);
}

/// Every group does the same; what one of them throws, all throw. Collective on all ranks.
void ChainRuns::side_by_side(const std::function<void()>& work) {
  std::exception_ptr failure;
  context_.stages.apart(groups_.own(), [&] {
    try {
      work();
    } catch (const core::Terminated&) {
      // All ranks come to know of it where they agree on it.
    } catch (...) {
      failure = std::current_exception();
    }
  });
  communication::collectively(context_.comm, [&] {
    if (failure) std::rethrow_exception(failure);
  });
}

models::TargetDensity ChainRuns::target() {
  return coordinates_.transformed(
      [this](std::span<const double> u) { return density_->evaluate(u); });
}

models::ChainSettings ChainRuns::settings_of(Index chain) const {
  return {request_.warmup,
          request_.draws,
          request_.seed,
          chain,
          request_.target_acceptance,
          request_.max_depth,
          request_.metric == configuration::PosteriorMetric::diagonal ? models::MetricKind::diagonal
                                                                      : models::MetricKind::dense};
}

Index ChainRuns::iterations() const {
  return request_.warmup + request_.draws;
}

/// Nearer to the middle with every attempt, and there with the last.
std::vector<double> ChainRuns::beginning_of(Index chain, int attempt) const {
  const std::size_t n = density_->dimension();
  std::vector<double> v(n, 0.0);
  if (attempt + 1 == start_attempts) return v;
  const auto stream = (std::uint64_t{1} << 31) + static_cast<std::uint64_t>(chain);
  const auto kind = found_ ? operators::RandomKind::normal : operators::RandomKind::uniform;
  operators::fill_random(kind, request_.seed, stream, attempt * static_cast<Index>(n), v);
  const double scale = overdispersion * std::pow(0.8, attempt);
  for (double& each : v) each = scale * (found_ ? each : each - 0.5);
  return v;
}

Chain ChainRuns::begin(Index number) {
  const auto scaled = target();
  std::vector<double> v;
  for (int attempt = 0; attempt < start_attempts; ++attempt) {
    v = beginning_of(number, attempt);
    if (scaled(v)) break;
  }
  return {scaled, std::move(v), settings_of(number)};
}

/// What an earlier run has kept.
void ChainRuns::recall() {
  Index resumed = 0;
  for (Index number = 0; number < request_.chains; ++number) {
    const auto* state = context_.checkpoint.numbers(name_of("chain", number));
    const auto* rows = context_.checkpoint.numbers(name_of("values", number));
    if (state == nullptr || rows == nullptr) continue;
    constexpr std::size_t own = 2;  // numbers behind the chain's
    Course& known = course(number);
    known.state.assign(state->begin(), state->end() - own);
    known.iteration = known.first = static_cast<Index>(state->end()[-2]);
    known.warmup_divergences = static_cast<Index>(state->back());
    draws_.rows(number) = *rows;
    resumed += known.iteration;
  }
  if (resumed == 0) return;
  context_.checkpoint.goes_on_with(
      fmt::format("{} of {} iterations of all chains", resumed, request_.chains * iterations()));
}

Chain ChainRuns::take_up(Index number) {
  const Course& known = course(number);
  if (known.state.empty()) return begin(number);
  return {target(), settings_of(number), density_->dimension(), known.state};
}

/// Where the chain is between two iterations: a trajectory that is interrupted is made again with
/// the same random numbers.
void ChainRuns::note(const Chain& chain, Index number) {
  Course& known = course(number);
  known.state = chain.state();
  known.iteration = chain.iteration();
  known.step_size = chain.step_size();
  known.seconds = measure_usage().elapsed - started_;
  context_.stages.progress().set(fmt::format("chain {}, iteration", number + 1), known.iteration,
                                 iterations());
}

/// The same on all ranks of the group.
std::vector<double> ChainRuns::values_at(const models::Draw& draw, Index number) {
  const auto x = density_->from_free(coordinates_.at(draw.position));
  if (!model_.draw) return x;
  // Streams beyond those of the chains.
  const auto stream = (std::uint64_t{1} << 32) +
                      static_cast<std::uint64_t>(number * request_.draws + draws_.made(number));
  auto values = model_.draw(x, request_.seed, stream);
  groups_.own().broadcast(std::span<double>(values));
  return values;
}

void ChainRuns::advance(Chain& chain, Index number) {
  const bool kept = !chain.warming_up();
  const auto draw = chain.advance();
  if (kept) {
    draws_.add(number, values_at(draw, number), draw);
  } else if (draw.diverging) {
    ++course(number).warmup_divergences;
  }
  note(chain, number);
}

/// This group's chains, until they are done or it is time to keep what there is.
void ChainRuns::advance() {
  const auto& group = groups_.own();
  for (Index number = 0; number < request_.chains; ++number) {
    if (!groups_.runs(number) || course(number).iteration == iterations()) continue;
    if (!chain_) {
      started_ = measure_usage().elapsed;
      chain_ = take_up(number);
      note(*chain_, number);
    }
    while (!chain_->finished()) {
      advance(*chain_, number);
      const bool late = group.is_root() && context_.checkpoint.overdue(Checkpoint::Cost::small);
      if (group.any(late)) break;
    }
    if (!chain_->finished()) return;
    chain_.reset();
  }
}

/// Every rank learns how far all chains are: one message from each group.
void ChainRuns::exchange() {
  if (!groups_.apart()) return;
  constexpr std::size_t width = 6;
  std::vector<std::vector<double>> packed(static_cast<std::size_t>(groups_.count()));
  std::vector<Index> sizes(packed.size(), 0);
  for (Index number = 0; number < request_.chains; ++number) {
    if (context_.comm.rank() != groups_.root_of(number)) continue;
    const auto group = static_cast<std::size_t>(number % groups_.count());
    const Course& known = course(number);
    const auto& rows = draws_.rows(number);
    auto& values = packed[group];
    values.insert(values.end(),
                  {static_cast<double>(known.iteration),
                   static_cast<double>(known.warmup_divergences), known.step_size, known.seconds,
                   static_cast<double>(known.state.size()), static_cast<double>(rows.size())});
    values.insert(values.end(), known.state.begin(), known.state.end());
    values.insert(values.end(), rows.begin(), rows.end());
    sizes[group] = std::ssize(values);
  }
  context_.comm.sum(std::span<Index>(sizes));
  for (std::size_t group = 0; group < packed.size(); ++group) {
    packed[group].resize(static_cast<std::size_t>(sizes[group]));
    context_.comm.broadcast(std::span<double>(packed[group]),
                            groups_.root_of(static_cast<Index>(group)));
    auto next = packed[group].cbegin();
    for (auto number = static_cast<Index>(group); number < request_.chains;
         number += groups_.count()) {
      Course& known = course(number);
      known.iteration = static_cast<Index>(next[0]);
      known.warmup_divergences = static_cast<Index>(next[1]);
      known.step_size = next[2];
      known.seconds = next[3];
      const auto state = next + width;
      const auto rows = state + static_cast<Index>(next[4]);
      const auto end = rows + static_cast<Index>(next[5]);
      known.state.assign(state, rows);
      draws_.rows(number).assign(rows, end);
      next = end;
    }
  }
}

void ChainRuns::keep() {
  auto& checkpoint = context_.checkpoint;
  if (!checkpoint.keeps()) return;
  for (Index number = 0; number < request_.chains; ++number) {
    const Course& known = course(number);
    if (known.state.empty()) continue;
    std::vector<double> state = known.state;
    state.push_back(static_cast<double>(known.iteration));
    state.push_back(static_cast<double>(known.warmup_divergences));
    checkpoint.set(name_of("chain", number), std::move(state));
    checkpoint.set(name_of("values", number), draws_.rows(number));
  }
}

/// Of the chains that have come past another part of their iterations.
void ChainRuns::print_lines() {
  const Index all = iterations();
  for (Index number = 0; number < request_.chains; ++number) {
    Course& known = course(number);
    const Index lines = known.iteration * lines_per_chain / all;
    if (lines == known.lines || known.iteration == known.first) continue;
    known.lines = lines;
    Index left = 0;  // for its group
    for (Index other = number; other < request_.chains; other += groups_.count()) {
      left += all - course(other).iteration;
    }
    const double each = known.seconds / static_cast<double>(known.iteration - known.first);
    const bool warming_up = known.iteration < request_.warmup;
    context_.stages.print(fmt::format(
        "chain {:<3} {:>7} of {} iterations{}, {} divergences, step {:.3g}, {}{}", number + 1,
        known.iteration, all, warming_up ? " (warm-up)" : "",
        warming_up ? known.warmup_divergences : draws_.divergences(number), known.step_size,
        core::format_seconds(known.seconds),
        left == 0 ? ""
                  : ", about " + core::format_seconds(each * static_cast<double>(left)) + " left"));
  }
}

void ChainRuns::run() {
  const auto done = [this](const Course& known) { return known.iteration == iterations(); };
  while (!std::ranges::all_of(courses_, done)) {
    side_by_side([&] { advance(); });
    exchange();
    print_lines();
    keep();
    check_termination(context_.comm);
    if (!context_.checkpoint.keeps() || std::ranges::all_of(courses_, done)) continue;
    context_.stages.run("checkpoint", [this] { context_.checkpoint.save(); });
  }
}

Index ChainRuns::evaluations() const {
  const Index own = groups_.own().is_root() ? density_->evaluations() : 0;
  return context_.comm.sum(own);
}

}  // namespace kronwerk::application
