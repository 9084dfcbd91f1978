#include "application/posterior/posterior_draws.hpp"

#include <fmt/format.h>

#include <cmath>
#include <numeric>

namespace kronwerk::application {
namespace {

struct StatisticText {
  PosteriorDraws::Statistic which;
  const char* name;
  bool whole;  ///< a whole number
};

constexpr StatisticText statistics[] = {
    {PosteriorDraws::lp, "lp", false},
    {PosteriorDraws::energy, "energy", false},
    {PosteriorDraws::tree_depth, "tree_depth", true},
    {PosteriorDraws::n_steps, "n_steps", true},
    {PosteriorDraws::acceptance_rate, "acceptance_rate", false},
    {PosteriorDraws::step_size, "step_size", false},
    {PosteriorDraws::diverging, "diverging", true},
};

void write_integers(io::ResultFile& file, const std::string& path, const core::Extents& shape,
                    std::span<const double> values, bool root) {
  std::vector<std::int64_t> whole;
  for (const double value : values) whole.push_back(static_cast<std::int64_t>(value));
  file.create_integer_dataset(path, shape);
  file.write_integer_range(path, 0, root ? whole : std::vector<std::int64_t>());
}

}  // namespace

void write_coordinates(io::ResultFile& file, const std::string& group, Index chains, Index draws,
                       bool root) {
  const auto count = [&](const char* name, Index length) {
    std::vector<double> values(static_cast<std::size_t>(length));
    std::iota(values.begin(), values.end(), 0.0);
    write_integers(file, group + "/" + name, core::Extents{length}, values, root);
  };
  count("chain", chains);
  count("draw", draws);
}

void PosteriorDraws::add(Index chain, std::span<const double> values, const models::Draw& draw) {
  auto& row = rows(chain);
  row.insert(row.end(), values.begin(), values.end());
  row.insert(row.end(), {draw.log_density, draw.energy, static_cast<double>(draw.depth),
                         static_cast<double>(draw.steps), draw.acceptance, draw.step_size,
                         draw.diverging ? 1.0 : 0.0});
}

std::span<const double> PosteriorDraws::values(Index chain, Index draw) const {
  return std::span(rows_[static_cast<std::size_t>(chain)])
      .subspan(static_cast<std::size_t>(draw) * width(), entries_);
}

double PosteriorDraws::statistic(Index chain, Index draw, Statistic which) const {
  return rows_[static_cast<std::size_t>(chain)]
              [static_cast<std::size_t>(draw) * width() + entries_ + which];
}

std::vector<double> PosteriorDraws::statistics(Statistic which) const {
  std::vector<double> values;
  for (Index c = 0; c < chains(); ++c) {
    for (Index d = 0; d < draws_; ++d) values.push_back(statistic(c, d, which));
  }
  return values;
}

Index PosteriorDraws::made(Index chain) const {
  return static_cast<Index>(rows_[static_cast<std::size_t>(chain)].size() / width());
}

Index PosteriorDraws::divergences(Index chain) const {
  Index sum = 0;
  for (Index d = 0; d < made(chain); ++d) sum += statistic(chain, d, diverging) != 0 ? 1 : 0;
  return sum;
}

std::vector<std::string> PosteriorValues::names() const {
  std::vector<std::string> names;
  for (const auto& variable : variables) {
    if (variable.labels.empty()) names.push_back(variable.name);
    for (const auto& label : variable.labels) {
      names.push_back(fmt::format("{}[{}]", variable.name, label));
    }
  }
  return names;
}

std::size_t PosteriorProblem::entries() const {
  std::size_t sum = 0;
  for (const auto& variable : variables) sum += variable.width();
  return sum;
}

PosteriorValues values_of(const PosteriorProblem& problem, const PosteriorDraws& draws) {
  PosteriorValues result{problem.variables, {}};
  for (Index c = 0; c < draws.chains(); ++c) {
    for (Index d = 0; d < draws.draws(); ++d) {
      const auto values = draws.values(c, d);
      result.entries.resize(values.size());
      for (std::size_t i = 0; i < values.size(); ++i) result.entries[i].push_back(values[i]);
    }
  }
  return result;
}

void write_draws(io::ResultFile& file, const PosteriorDraws& draws, const PosteriorValues& values,
                 bool root) {
  const core::Extents shape{draws.chains(), draws.draws()};
  write_coordinates(file, "/posterior", draws.chains(), draws.draws(), root);
  std::size_t entry = 0;
  for (const auto& variable : values.variables) {
    const std::string path = "/posterior/" + variable.name;
    const std::size_t width = variable.width();
    if (variable.labels.empty()) {
      file.write_array(path, shape, values.entries[entry]);
      file.name_axes(path, {"chain", "draw"});
    } else {
      std::vector<double> all;
      for (std::size_t i = 0; i < values.entries[entry].size(); ++i) {
        for (std::size_t k = 0; k < width; ++k) all.push_back(values.entries[entry + k][i]);
      }
      file.write_array(
          path, core::Extents{draws.chains(), draws.draws(), static_cast<Index>(width)}, all);
      file.write_labels("/posterior/" + variable.axis, variable.labels);
      file.name_axes(path, {"chain", "draw", variable.axis});
    }
    entry += width;
  }
  write_coordinates(file, "/sample_stats", draws.chains(), draws.draws(), root);
  for (const auto& [which, name, whole] : statistics) {
    const std::string path = std::string("/sample_stats/") + name;
    const auto numbers = draws.statistics(which);
    if (whole) {
      write_integers(file, path, shape, numbers, root);
    } else {
      file.write_array(path, shape, numbers);
    }
    file.name_axes(path, {"chain", "draw"});
  }
  // How xarray writes truth values.
  file.write_attribute("/sample_stats/diverging", "dtype", std::string("bool"));
  for (const char* group : {"/posterior", "/sample_stats"}) {
    file.write_attribute(group, "inference_library", std::string("kronwerk"));
  }
}

}  // namespace kronwerk::application
