// Declared in application/posterior/posterior_draws.hpp.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "application/posterior/posterior_draws.hpp"
#include "kronwerk/core/text.hpp"
#include "kronwerk/models/posterior/diagnostics.hpp"

namespace kronwerk::application {
namespace {

using models::DrawSummary;

// Beyond these the draws are not to be used (Vehtari et al. 2021; Betancourt 2016).
constexpr double largest_rhat = 1.05;
constexpr double most_divergences = 0.01;
constexpr double least_size_per_chain = 100;
constexpr double least_energy_fraction = 0.3;

std::string size_text(double size) {
  return std::isfinite(size) ? fmt::format("{:.0f}", size) : "-";
}

void print_table(Report& report, const std::vector<std::string>& names,
                 const std::vector<DrawSummary>& summaries) {
  std::size_t width = 9;
  for (const auto& name : names) width = std::max(width, name.size());
  report.line(fmt::format("{:<{}}  {:>11} {:>10} {:>11} {:>11} {:>11} {:>7} {:>7} {:>7}",
                          "posterior", width, "mean", "sd", "5 %", "50 %", "95 %", "R-hat", "bulk",
                          "tail"));
  for (std::size_t i = 0; i < names.size(); ++i) {
    const auto& s = summaries[i];
    report.line(
        fmt::format("{:<{}}  {:>11.5g} {:>10.4g} {:>11.5g} {:>11.5g} {:>11.5g} {:>7} {:>7} {:>7}{}",
                    names[i], width, s.mean, s.sd, s.low, s.median, s.high,
                    std::isfinite(s.rhat) ? fmt::format("{:.3f}", s.rhat) : "-", size_text(s.bulk),
                    size_text(s.tail), s.rhat <= largest_rhat ? "" : "  not converged"));
  }
}

/// A dataset of each statistic, in the order of /summary/names.
void write_table(io::ResultFile& file, const std::vector<std::string>& names,
                 const std::vector<DrawSummary>& summaries) {
  file.write_labels("/summary/names", names);
  const auto write = [&](const char* name, double DrawSummary::*member) {
    std::vector<double> values;
    for (const auto& summary : summaries) values.push_back(summary.*member);
    file.write_vector(std::string("/summary/") + name, values);
    file.name_axes(std::string("/summary/") + name, {"names"});
  };
  write("mean", &DrawSummary::mean);
  write("sd", &DrawSummary::sd);
  write("monte_carlo_error", &DrawSummary::monte_carlo_error);
  write("quantile_5", &DrawSummary::low);
  write("quantile_50", &DrawSummary::median);
  write("quantile_95", &DrawSummary::high);
  write("r_hat", &DrawSummary::rhat);
  write("ess_bulk", &DrawSummary::bulk);
  write("ess_tail", &DrawSummary::tail);
}

/// The energies' fractions of all chains, and a warning of those that are low.
void report_energies(JobContext& context, const PosteriorDraws& draws) {
  const auto energies = draws.statistics(PosteriorDraws::energy);
  std::vector<double> fractions;
  std::vector<std::string> low;
  for (Index c = 0; c < draws.chains(); ++c) {
    fractions.push_back(models::energy_fraction(std::span(energies).subspan(
        static_cast<std::size_t>(c * draws.draws()), static_cast<std::size_t>(draws.draws()))));
    if (fractions.back() < least_energy_fraction) low.push_back(fmt::format("{}", c + 1));
  }
  context.file.write_vector("/summary/e_bfmi", fractions);
  const auto [least, most] = std::ranges::minmax(fractions);
  context.report.line(fmt::format(
      "{:<11} E-BFMI {:.2f} to {:.2f}, acceptance {:.3f}", "chains", least, most,
      models::summarise({draws.statistics(PosteriorDraws::acceptance_rate), draws.chains()}).mean));
  if (low.empty()) return;
  context.stages.warn(fmt::format(
      "the energy of {} {} is explored slowly (E-BFMI below {}): heavy tails are not; give the "
      "parameters tighter priors, or others",
      low.size() == 1 ? "chain" : "chains", core::join(low, ", "), least_energy_fraction));
}

void warn_of_sizes(JobContext& context, const std::vector<std::string>& names,
                   const std::vector<DrawSummary>& summaries, Index chains) {
  const double wanted = least_size_per_chain * static_cast<double>(chains);
  std::vector<std::string> few;
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (std::min(summaries[i].bulk, summaries[i].tail) < wanted) few.push_back(names[i]);
  }
  if (few.empty()) return;
  context.stages.warn(
      fmt::format("the effective sample size of {} is below {:.0f} (100 for each chain), too few "
                  "for its quantiles and its R-hat: raise posterior.draws",
                  core::join(few, ", "), wanted));
}

}  // namespace

std::string report_draws(JobContext& context, const PosteriorDraws& draws,
                         const PosteriorValues& values) {
  const auto names = values.names();
  std::vector<DrawSummary> summaries;
  for (const auto& entry : values.entries) {
    summaries.push_back(models::summarise({entry, draws.chains()}));
  }
  print_table(context.report, names, summaries);
  write_table(context.file, names, summaries);
  report_energies(context, draws);
  warn_of_sizes(context, names, summaries, draws.chains());
  Index divergences = 0;
  for (Index c = 0; c < draws.chains(); ++c) divergences += draws.divergences(c);
  const Index all = draws.chains() * draws.draws();
  context.report.line(fmt::format("{:<11} {} of {} draws", "divergences", divergences, all));
  context.report.set("divergences", divergences);
  std::vector<std::string> apart;
  double worst = 0;
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (!(summaries[i].rhat <= largest_rhat)) apart.push_back(names[i]);
    worst = std::max(worst, summaries[i].rhat);
  }
  context.report.set("largest_r_hat", worst);
  std::vector<std::string> failures;
  if (!apart.empty()) {
    failures.push_back(
        fmt::format("R-hat of {} is above {}", core::join(apart, ", "), largest_rhat));
  }
  if (static_cast<double>(divergences) > most_divergences * static_cast<double>(all)) {
    failures.push_back(fmt::format("{} of {} trajectories diverged", divergences, all));
  }
  if (failures.empty()) return "";
  return fmt::format(
      "the chains have not converged: {}; the draws were written to {} with converged = 0. Raise "
      "posterior.warmup or posterior.target_acceptance, or give the parameters tighter priors",
      core::join(failures, ", and "), context.job.output.file);
}

}  // namespace kronwerk::application
