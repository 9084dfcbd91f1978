#include "application/forecast/predict_times.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <sstream>

#include "application/command_line/json_text.hpp"
#include "application/command_line/terminal.hpp"
#include "application/session/job_families.hpp"
#include "kronwerk/core/text.hpp"

namespace kronwerk::application {
namespace {

using prediction::Forecast;
using prediction::Model;
using prediction::Stage;

/// More ranks than this are not looked for.
constexpr int most_ranks = 1 << 17;
constexpr std::size_t most_obstacles = 8;

std::string entry(const std::string& name, const std::string& text) {
  return fmt::format("{:<12}{}", name, text);
}

std::string ranks_text(int ranks) {
  return fmt::format("{} {}", core::format_count(ranks), ranks == 1 ? "rank" : "ranks");
}

std::vector<std::string> table(const Model& model, const std::vector<Forecast>& forecasts) {
  std::vector<std::string> lines;
  const auto row = [&](const std::string& name, const auto& seconds) {
    std::string line = fmt::format("{:<16}", name);
    for (const Forecast& forecast : forecasts) {
      line += fmt::format(" {:>10}", core::format_seconds(seconds(forecast)));
    }
    lines.push_back(line);
  };
  std::string head = fmt::format("{:<16}", "stage, ranks");
  for (const Forecast& forecast : forecasts) {
    head += fmt::format(" {:>10}", core::format_count(forecast.ranks.count));
  }
  lines.push_back(head);
  for (std::size_t s = 0; s < forecasts.front().stages.size(); ++s) {
    const Stage& stage = forecasts.front().stages[s];
    row(stage.name, [&](const Forecast& f) { return f.of(f.stages[s]).total(); });
    if (!(stage.per_unit.total() > 0)) continue;
    row("  per " + model.unit, [&](const Forecast& f) { return f.stages[s].per_unit.total(); });
  }
  row("total", [](const Forecast& f) { return f.total(); });
  return lines;
}

Forecast forecast_of(const Model& model, const configuration::Machine& machine,
                     const ForecastRequest& request, int ranks) {
  return prediction::forecast(model, machine,
                              {ranks, std::min(ranks, request.per_node), request.threads});
}

void add_obstacles(const Model& model, const configuration::Machine& machine,
                   const ForecastRequest& request, std::vector<std::string>& lines) {
  const int ranks = *std::ranges::max_element(request.ranks);
  const auto obstacles = prediction::find_obstacles(
      forecast_of(model, machine, request, ranks), forecast_of(model, machine, request, 2 * ranks));
  lines.push_back(entry("stays", fmt::format("from {} to twice as many{}", ranks_text(ranks),
                                             obstacles.empty() ? ": nothing of importance" : ":")));
  for (std::size_t i = 0; i < std::min(obstacles.size(), most_obstacles); ++i) {
    const auto& each = obstacles[i];
    lines.push_back(entry("", fmt::format("{}: {}, {} ({:.0f} %)", each.stage, each.what,
                                          core::format_seconds(each.seconds), 100 * each.share)));
  }
}

void add_outlook(const Model& model, const configuration::Machine& machine,
                 const ForecastRequest& request, std::vector<std::string>& lines) {
  const auto outlook =
      prediction::find_outlook(model, machine, request.per_node, request.threads, most_ranks);
  lines.push_back(entry("best", fmt::format("{}: {} without the start", ranks_text(outlook.best),
                                            core::format_seconds(outlook.best_seconds))));
  lines.push_back(entry(
      "enough",
      fmt::format("{}: {}; more gain less than {:.0f} %", ranks_text(outlook.enough),
                  core::format_seconds(outlook.enough_seconds), 100 * prediction::Outlook::gain)));
  lines.push_back(entry("efficient", fmt::format("up to {}, which reach half of the ideal speed-up",
                                                 ranks_text(outlook.efficient))));
}

void add_assumptions(const Model& model, const configuration::Machine& machine,
                     const ForecastRequest& request, std::vector<std::string>& lines) {
  std::vector<std::string> texts = model.assumptions;
  if (!model.unit.empty()) {
    texts.push_back(fmt::format("{:.0f} {}s, whose number is not known", model.units, model.unit));
  }
  texts.push_back(fmt::format("{} on a node", ranks_text(request.per_node)));
  if (request.threads > 1) texts.emplace_back("BLAS as fast as its threads are many");
  if (request.per_node > machine.ranks_per_node) {
    texts.push_back(fmt::format("each of them as fast as the {:.0f} that were measured",
                                machine.ranks_per_node));
  }
  const int most = *std::ranges::max_element(request.ranks);
  if (most > request.per_node && machine.between_nodes.gigabytes_per_second == 0) {
    texts.emplace_back("messages between nodes as fast as within the node that was measured");
  }
  texts.push_back(fmt::format("the start as of the {:.0f} {} that were measured", machine.ranks,
                              machine.ranks > 1 ? "ranks" : "rank"));
  texts.emplace_back("files in the system's memory, an idle machine, ranks bound to cores");
  for (std::size_t i = 0; i < texts.size(); ++i) {
    lines.push_back(entry(i == 0 ? "assumed" : "", texts[i]));
  }
}

}  // namespace

configuration::Machine read_machine(const communication::Communicator& comm,
                                    const std::string& file) {
  std::string text;
  communication::on_root(comm, [&] {
    std::ifstream stream(file, std::ios::binary);
    std::ostringstream all;
    all << stream.rdbuf();
    text = all.str();
    if (!stream) {
      throw core::ConfigurationError(
          fmt::format("--machine {0}: the file cannot be read; 'mpirun kronwerk measure --output "
                      "{0}' writes it",
                      file));
    }
  });
  return configuration::parse_machine(comm.broadcast(std::move(text)), file);
}

std::vector<std::string> forecast_lines(const Model& model, const configuration::Machine& machine,
                                        const ForecastRequest& request) {
  std::vector<std::string> lines{
      entry("machine", fmt::format("{}, {}, measured on {} at {}", machine.processor, machine.mpi,
                                   ranks_text(static_cast<int>(machine.ranks)), machine.date))};
  if (!model.why_not.empty()) {
    lines.push_back(entry("seconds", "not predicted for " + model.why_not));
    return lines;
  }
  std::vector<Forecast> forecasts;
  for (const int ranks : request.ranks) {
    forecasts.push_back(forecast_of(model, machine, request, ranks));
  }
  std::ranges::move(table(model, forecasts), std::back_inserter(lines));
  add_obstacles(model, machine, request, lines);
  add_outlook(model, machine, request, lines);
  add_assumptions(model, machine, request, lines);
  return lines;
}

std::vector<std::string> forecast_csv(const Model& model, const configuration::Machine& machine,
                                      const ForecastRequest& request) {
  std::vector<std::string> lines{"ranks,threads,stage,seconds,first_seconds,unit,unit_seconds"};
  if (!model.why_not.empty()) return lines;
  for (const int ranks : request.ranks) {
    const Forecast forecast = forecast_of(model, machine, request, ranks);
    for (const Stage& stage : forecast.stages) {
      const double unit = stage.per_unit.total();
      lines.push_back(fmt::format("{},{},{},{:.6g},{:.6g},{},{:.6g}", ranks, request.threads,
                                  stage.name, stage.once.total(), stage.first.total(),
                                  unit > 0 ? model.unit : "", unit));
    }
  }
  return lines;
}

std::vector<std::string> forecast_json(const Model& model, const configuration::Machine& machine,
                                       const ForecastRequest& request) {
  if (!model.why_not.empty()) {
    return {fmt::format("{{\"not_predicted\": {}}}", json_text(model.why_not))};
  }
  std::vector<std::string> lines;
  for (const int ranks : request.ranks) {
    const Forecast forecast = forecast_of(model, machine, request, ranks);
    std::vector<std::pair<std::string, std::string>> stages;
    for (const Stage& stage : forecast.stages) {
      stages.emplace_back(stage.name, json_number(forecast.of(stage).total()));
    }
    lines.push_back(fmt::format(
        "{{\"predicted\": {{\"ranks\": {}, \"threads\": {}, \"stages\": {}, \"seconds\": {}}}}}",
        ranks, request.threads, json_object(stages), json_number(forecast.total())));
  }
  return lines;
}

void predict_times(const PlanRequest& request, const CommandLine& line,
                   const configuration::Machine& machine) {
  const Model model = family_of(request.job).forecast(request);
  ForecastRequest asked;
  asked.ranks = line.ranks.empty() ? std::vector<int>{request.ranks} : line.ranks;
  const int most = *std::ranges::max_element(asked.ranks);
  asked.per_node = line.nodes ? (most + request.nodes - 1) / request.nodes
                              : static_cast<int>(machine.ranks_per_node);
  asked.threads = line.threads.value_or(request.job.blas_threads);
  communication::on_root(request.comm, [&] {
    const auto lines = line.csv    ? forecast_csv(model, machine, asked)
                       : line.json ? forecast_json(model, machine, asked)
                                   : forecast_lines(model, machine, asked);
    for (const std::string& each : lines) print_now(each + "\n");
  });
}

}  // namespace kronwerk::application
