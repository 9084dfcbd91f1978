// Declared in application/posterior/posterior_problem.hpp.
#include <fmt/format.h>

#include <algorithm>

#include "application/posterior/chain_runs.hpp"
#include "kronwerk/core/text.hpp"

namespace kronwerk::application {
namespace {

class Sampling {
 public:
  Sampling(JobContext& context, PosteriorProblem& problem)
      : context_(context),
        problem_(problem),
        request_(*context.job.posterior),
        density_(context.comm, watched(context, problem.model.log_density), problem.parameters),
        draws_(problem.entries(), request_.chains, request_.draws) {}

  std::string run() {
    note_chains();
    find_coordinates();
    Stages& stages = context_.stages;
    stages.run("sample", [&] {
      ChainRuns runs(context_, problem_, coordinates_, found_, draws_);
      runs.run();
      gradients_ = density_.evaluations() + runs.evaluations();
      groups_ = runs.groups().count();
      method_ = runs.method();
    });
    stages.report("sample",
                  fmt::format("{} chains of {} + {} iterations{}, {} gradients; {}",
                              request_.chains, request_.warmup, request_.draws,
                              groups_ > 1 ? fmt::format(" by {} groups of ranks", groups_) : "",
                              core::format_count(gradients_), method_));
    return finish();
  }

 private:
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

  void revisit() {
    if (!problem_.revisit) return;
    context_.stages.run("revisit", [&] {
      for (Index chain = 0; chain < draws_.chains(); ++chain) {
        for (Index draw = 0; draw < draws_.draws(); ++draw) {
          problem_.revisit(chain * draws_.draws() + draw, draws_.values(chain, draw));
        }
      }
    });
  }

  std::string finish() {
    revisit();
    const auto values = values_of(problem_, draws_);
    const std::string failure = report_draws(context_, draws_, values);
    write_draws(context_.file, draws_, values, context_.comm.is_root());
    context_.report.set("method", "No-U-Turn sampler; " + method_);
    context_.report.set("converged", Index{failure.empty() ? 1 : 0});
    context_.report.set("gradients", gradients_);
    context_.report.set("chain_groups", Index{groups_});
    return failure;
  }

  JobContext& context_;
  PosteriorProblem& problem_;
  const configuration::PosteriorRequest& request_;
  models::PosteriorDensity density_;
  PosteriorDraws draws_;
  models::Coordinates coordinates_;
  bool found_ = false;
  Index gradients_ = 0;
  int groups_ = 1;
  std::string method_;
};

}  // namespace

std::string sample_posterior(JobContext& context, PosteriorProblem& problem) {
  return Sampling(context, problem).run();
}

}  // namespace kronwerk::application
