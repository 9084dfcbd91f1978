// Declared in application/posterior/posterior_problem.hpp.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "application/posterior/posterior_draws.hpp"
#include "application/report/usage.hpp"
#include "kronwerk/core/text.hpp"
#include "kronwerk/operators/base/random.hpp"

namespace kronwerk::application {
namespace {

using models::Chain;

// Chains begin as if drawn from about twice the width of the posterior.
constexpr double overdispersion = 2;
constexpr int start_attempts = 20;
// Lines of a chain, beside those of its ends.
constexpr Index lines_per_chain = 4;

class Sampling {
 public:
  Sampling(JobContext& context, PosteriorProblem& problem)
      : context_(context),
        problem_(problem),
        request_(*context.job.posterior),
        density_(
            context.comm, [this](std::span<const double> x) { return evaluate(x); },
            problem.parameters),
        draws_(density_.dimension(), request_.chains, request_.draws) {}

  std::string run() {
    note_chains();
    find_coordinates();
    Stages& stages = context_.stages;
    stages.run("sample", [&] {
      for (Index chain = 0; chain < request_.chains; ++chain) run_chain(chain);
    });
    stages.report("sample",
                  fmt::format("{} chains of {} + {} iterations, {} gradients; {}", request_.chains,
                              request_.warmup, request_.draws,
                              core::format_count(density_.evaluations()), problem_.method));
    return finish();
  }

 private:
  models::Evaluation evaluate(std::span<const double> x) {
    models::Evaluation found;
    // Where a termination that was asked for takes effect.
    try {
      context_.stages.run("evaluate", [&] { found = problem_.log_density(x); });
    } catch (const core::ConvergenceError& error) {
      throw core::DataError(error.what());  // not defined here, as where a factor is singular
    }
    return found;
  }

  models::TargetDensity target() {
    return [this](std::span<const double> u) { return density_.evaluate(u); };
  }

  void note_chains() const {
    if (request_.chains > 1) return;
    context_.stages.warn(
        "one chain is compared only with itself: R-hat takes its halves; several chains tell "
        "whether where they begin matters");
  }

  bool diagonal() const { return request_.metric == configuration::PosteriorMetric::diagonal; }

  /// Where chains begin, and in which coordinates; as an earlier run found them, if there was one.
  void find_coordinates() {
    const std::size_t n = density_.dimension();
    auto& checkpoint = context_.checkpoint;
    if (const auto* kept = checkpoint.numbers("posterior_mode")) {
      found_ = kept->at(0) != 0;
      coordinates_.centre.assign(kept->begin() + 1, kept->begin() + 1 + static_cast<Index>(n));
      coordinates_.factor.assign(kept->begin() + 1 + static_cast<Index>(n), kept->end());
      return;
    }
    models::PosteriorMode mode;
    context_.stages.run("mode", [&] {
      const auto start = density_.initial();
      mode = models::find_mode(context_.comm, target(), start, free_information(start), diagonal());
    });
    found_ = mode.found;
    coordinates_ = mode.coordinates;
    context_.stages.report("mode", mode.found
                                       ? at_text(density_.from_free(coordinates_.centre))
                                       : mode.outcome + "; chains begin around the initial values");
    std::vector<double> kept{found_ ? 1.0 : 0.0};
    kept.insert(kept.end(), coordinates_.centre.begin(), coordinates_.centre.end());
    kept.insert(kept.end(), coordinates_.factor.begin(), coordinates_.factor.end());
    checkpoint.set("posterior_mode", std::move(kept));
  }

  /// The model's information of its parameters as one of the free coordinates.
  std::vector<double> free_information(const std::vector<double>& start) const {
    std::vector<double> information = problem_.information;
    const auto slopes = density_.derivatives(start);
    const std::size_t n = slopes.size();
    for (std::size_t i = 0; i < information.size(); ++i) {
      information[i] *= slopes[i / n] * slopes[i % n];
    }
    return information;
  }

  std::string at_text(const std::vector<double>& x) const {
    constexpr std::size_t most = 6;
    std::vector<std::string> parts;
    for (std::size_t i = 0; i < std::min(most, x.size()); ++i) {
      parts.push_back(fmt::format("{} = {:.5g}", problem_.parameters[i].name, x[i]));
    }
    if (x.size() > most) parts.emplace_back("…");
    return "at " + core::join(parts, ", ");
  }

  models::ChainSettings settings_of(Index chain) const {
    return {request_.warmup,
            request_.draws,
            request_.seed,
            chain,
            request_.target_acceptance,
            request_.max_depth,
            diagonal() ? models::MetricKind::diagonal : models::MetricKind::dense};
  }

  /// Nearer to the middle with every attempt, and there with the last.
  std::vector<double> beginning_of(Index chain, int attempt) const {
    const std::size_t n = density_.dimension();
    std::vector<double> v(n, 0.0);
    if (attempt + 1 == start_attempts) return v;
    const auto stream = (std::uint64_t{1} << 31) + static_cast<std::uint64_t>(chain);
    const auto kind = found_ ? operators::RandomKind::normal : operators::RandomKind::uniform;
    operators::fill_random(kind, request_.seed, stream, attempt * static_cast<Index>(n), v);
    const double scale = overdispersion * std::pow(0.8, attempt);
    for (double& each : v) each = scale * (found_ ? each : each - 0.5);
    return v;
  }

  Chain begin(Index number) {
    const auto scaled = coordinates_.transformed(target());
    std::vector<double> v;
    for (int attempt = 0; attempt < start_attempts; ++attempt) {
      v = beginning_of(number, attempt);
      if (scaled(v)) break;
    }
    return {scaled, std::move(v), settings_of(number)};
  }

  static std::string name_of(const char* what, Index chain) {
    return fmt::format("posterior_{}_{}", what, chain);
  }

  /// @param state  of the chain between two iterations
  void keep(std::vector<double> state, Index number) {
    auto& checkpoint = context_.checkpoint;
    state.push_back(static_cast<double>(warmup_divergences_));
    checkpoint.set(name_of("chain", number), std::move(state));
    checkpoint.set(name_of("draws", number), draws_.rows(number));
  }

  /// The chain of an earlier run, or a new one.
  Chain take_up(Index number) {
    warmup_divergences_ = 0;
    const auto* state = context_.checkpoint.numbers(name_of("chain", number));
    const auto* rows = context_.checkpoint.numbers(name_of("draws", number));
    if (state == nullptr || rows == nullptr) return begin(number);
    draws_.rows(number) = *rows;
    warmup_divergences_ = static_cast<Index>(state->back());
    Chain chain(coordinates_.transformed(target()), settings_of(number), density_.dimension(),
                std::span(*state).first(state->size() - 1));
    resumed_ += chain.iteration();
    return chain;
  }

  void run_chain(Index number) {
    Chain chain = take_up(number);
    if (resumed_ > 0 && context_.checkpoint.resumed().empty()) {
      context_.checkpoint.goes_on_with(
          fmt::format("{} iterations of chain {}", chain.iteration(), number + 1));
    }
    const Index first = chain.iteration();
    started_ = measure_usage().elapsed;
    const Index all = request_.warmup + request_.draws;
    context_.stages.progress().set(fmt::format("chain {}, iteration", number + 1),
                                   chain.iteration(), all);
    std::vector<double> between = chain.state();
    try {
      while (!chain.finished()) {
        const bool kept = !chain.warming_up();
        const auto draw = chain.advance();
        if (kept) {
          draws_.add(number, density_.from_free(coordinates_.at(draw.position)), draw);
        } else if (draw.diverging) {
          ++warmup_divergences_;
        }
        // A trajectory that is interrupted is made again with the same random numbers.
        between = chain.state();
        context_.stages.progress().set(fmt::format("chain {}, iteration", number + 1),
                                       chain.iteration(), all);
        if (context_.checkpoint.due(Checkpoint::Cost::small)) {
          keep(between, number);
          context_.stages.run("checkpoint", [this] { context_.checkpoint.save(); });
        }
        if (chain.iteration() % std::max<Index>(1, all / lines_per_chain) == 0 ||
            chain.finished()) {
          print_line(chain, number, first);
        }
      }
    } catch (const core::Terminated&) {
      keep(std::move(between), number);
      throw;
    }
    keep(std::move(between), number);
  }

  void print_line(const Chain& chain, Index number, Index first) {
    const Index all = request_.warmup + request_.draws;
    const double seconds = measure_usage().elapsed - started_;
    const double each =
        seconds / static_cast<double>(std::max<Index>(1, chain.iteration() - first));
    const Index left = all - chain.iteration() + (request_.chains - number - 1) * all;
    context_.stages.print(fmt::format(
        "chain {:<3} {:>7} of {} iterations{}, {} divergences, step {:.3g}, {}{}", number + 1,
        chain.iteration(), all, chain.warming_up() ? " (warm-up)" : "",
        chain.warming_up() ? warmup_divergences_ : draws_.divergences(number), chain.step_size(),
        core::format_seconds(seconds),
        left == 0 ? ""
                  : ", about " + core::format_seconds(each * static_cast<double>(left)) + " left"));
  }

  std::string finish() {
    const auto values = values_of(problem_, draws_, request_.seed);
    const std::string failure = report_draws(context_, draws_, values);
    write_draws(context_.file, draws_, values, context_.comm.is_root());
    context_.report.set("method", "No-U-Turn sampler; " + problem_.method);
    context_.report.set("converged", Index{failure.empty() ? 1 : 0});
    context_.report.set("gradients", density_.evaluations());
    return failure;
  }

  JobContext& context_;
  PosteriorProblem& problem_;
  const configuration::PosteriorRequest& request_;
  models::PosteriorDensity density_;
  PosteriorDraws draws_;
  models::Coordinates coordinates_;
  bool found_ = false;
  Index warmup_divergences_ = 0;  ///< of the present chain
  Index resumed_ = 0;
  double started_ = 0;
};

}  // namespace

std::string sample_posterior(JobContext& context, PosteriorProblem& problem) {
  return Sampling(context, problem).run();
}

}  // namespace kronwerk::application
