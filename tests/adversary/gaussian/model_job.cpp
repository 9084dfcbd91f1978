#include "adversary/gaussian/model_job.hpp"

#include <fmt/format.h>

#include <cmath>
#include <limits>
#include <utility>

namespace kronwerk::adversary {
namespace {

constexpr double not_a_number = std::numeric_limits<double>::quiet_NaN();

}  // namespace

ModelJob::ModelJob(std::uint64_t seed) {
  Random random(seed);
  static const std::vector<std::string> tasks{"logpdf",  "logpdf",  "logpdf", "logpdf",   "predict",
                                              "predict", "predict", "sample", "posterior"};
  task_ = random.pick(tasks);
  choose_modes(random);
  choose_covariance(random);
  choose_mean(random);
  if (task_ == "sample") {
    draws_ = 3000;
    return;
  }
  choose_observations(random);
  choose_missing(random);
  if (task_ == "predict") {
    choose_prediction(random);
  } else if (task_ == "posterior") {
    normal_coefficients_ = !columns_.empty() && random.one_in(2);
  } else {
    gradient_ = random.one_in(2);
    gradient_input_ = random.one_in(2);
  }
}

NodePtr ModelJob::covariance_matrix(Random& random, Index extent) {
  switch (random.below(5)) {
    case 0:
      return matrix(
          material_.add_given(random, random_square(random, extent, Wish::any), "cholesky"), extent,
          extent);
    case 1:
      return matrix(material_.add_given(random, random_square(random, extent, Wish::any), "eigen"),
                    extent, extent);
    case 2:
      return eye(std::to_string(extent), extent);
    default:
      return matrix(
          material_.add_matrix(random_square(random, extent, Wish::positive), random.one_in(4)),
          extent, extent);
  }
}

CovarianceMode ModelJob::choose_mode(Random& random, Index extent) {
  CovarianceMode mode;
  if (random.one_in(2)) {
    const double jitter = task_ != "predict" && random.one_in(4) ? 0.01 : 0;
    const auto scale = material_.add_parameter(random.between(0.3, 1.5), "l");
    mode.kernel = material_.add_kernel(random.pick(kernel_functions()),
                                       random_points(random, extent), scale, jitter);
    mode.factor = matrix(mode.kernel, extent, extent);
  } else {
    mode.factor = covariance_matrix(random, extent);
  }
  mode.second = random.one_in(2) ? eye(std::to_string(extent), extent) : mode.factor;
  return mode;
}

void ModelJob::choose_modes(Random& random) {
  static const std::vector<Index> extents{1, 2, 2, 3, 3, 4, 5, 7};
  const Index most = task_ == "sample" ? 15 : 48;
  do {
    grid_.clear();
    const Index count = 1 + random.below(3);
    for (Index k = 0; k < count; ++k) grid_.push_back(random.pick(extents));
  } while (points(grid_) > most || points(grid_) < 2);
  for (const Index extent : grid_) modes_.push_back(choose_mode(random, extent));
  // What is diagonal in every mode is noise: one mode of the signal must not be.
  const std::size_t first = grid_.front() > 1 ? 0 : grid_.size() > 1 && grid_[1] > 1 ? 1 : 2;
  const Index extent = grid_[first];
  while (modes_[first].factor->kind != Kind::matrix) modes_[first] = choose_mode(random, extent);
}

NodePtr ModelJob::variance(Random& random, const std::string& stem) {
  const auto deviation = parameter(material_.add_parameter(random.between(0.2, 1.5), stem));
  return make(adversary::Kind::power, {deviation, number(2)}, {}, {});
}

NodePtr ModelJob::choose_noise(Random& random) {
  if (random.one_in(5)) return nullptr;
  NodePtr unit = identity(grid_);
  scalar_noise_ = true;
  if (random.one_in(3)) {
    std::vector<NodePtr> factors;
    for (const Index extent : grid_) factors.push_back(identity({extent}));
    unit = kron(factors);
  }
  if (random.one_in(4)) {
    std::vector<NodePtr> factors;
    for (const Index extent : grid_) {
      factors.push_back(random.one_in(4) ? identity({extent})
                                         : diagonal(material_.add_vector(
                                                        random_positive(random, extent), {extent}),
                                                    {extent}));
      scalar_noise_ = scalar_noise_ && factors.back()->kind == Kind::identity;
    }
    unit = kron(factors);
  }
  return product(variance(random, "s"), unit);
}

/// The inverse of two products, each of a matrix in every mode.
NodePtr ModelJob::choose_inverse_of_pairs(Random& random) {
  std::vector<NodePtr> first, second;
  for (std::size_t k = 0; k < modes_.size(); ++k) {
    first.push_back(modes_[k].factor);
    second.push_back(
        matrix(material_.add_matrix(random_square(random, grid_[k], Wish::positive), false),
               grid_[k], grid_[k]));
  }
  const NodePtr whole = sum(product(variance(random, "a"), kron(first)), kron(second));
  return product(variance(random, "e"), inverse(whole));
}

/// The inverse of a Kronecker sum of the modes' matrices, perhaps squared, and a multiple of I. Of
/// fewer than two matrices it would be one product.
NodePtr ModelJob::choose_inverse(Random& random) {
  Index matrices = 0;
  std::vector<NodePtr> factors;
  for (std::size_t k = 0; k < modes_.size(); ++k) {
    NodePtr factor = modes_[k].factor;
    matrices += factor->kind == Kind::matrix && grid_[k] > 1 ? 1 : 0;
    if (random.one_in(3)) factor = product(variance(random, "a"), factor);
    factors.push_back(factor);
  }
  if (matrices < 2 || !random.one_in(3)) return nullptr;
  NodePtr whole = sum(kronsum(factors), product(variance(random, "k"), identity(grid_)));
  if (random.one_in(3)) whole = product(whole, whole);
  return product(variance(random, "e"), inverse(whole));
}

/// Main effects of the modes, some interactions, and noise: terms with ones in the other modes.
void ModelJob::choose_effects(Random& random) {
  form_ = "terms of ones";
  for (std::size_t k = 0; k < modes_.size(); ++k) {
    // One name for each mode, as extents may change for new points.
    modes_[k].ones = fmt::format("ones({} + {} - {})", grid_[k], k, k);
    material_.add_ones(modes_[k].ones, grid_[k]);
    modes_[k].second = modes_[k].factor;
  }
  const std::size_t all = std::size_t{1} << modes_.size();
  std::vector<std::size_t> effects;
  for (std::size_t set = 1; set < all; ++set) {
    const bool main = (set & (set - 1)) == 0;
    if (main || random.one_in(4)) effects.push_back(set);
  }
  for (const std::size_t set : effects) {
    std::vector<NodePtr> factors;
    for (std::size_t k = 0; k < modes_.size(); ++k) {
      const bool own = (set >> k & 1) != 0;
      factors.push_back(own ? modes_[k].factor : matrix(modes_[k].ones, grid_[k], grid_[k]));
    }
    const NodePtr effect = product(variance(random, "e"), kron(factors));
    signal_ = signal_ == nullptr ? effect : sum(signal_, effect);
  }
  noise_ = product(variance(random, "s"), identity(grid_));
  scalar_noise_ = true;
}

void ModelJob::choose_covariance(Random& random) {
  if (grid_.size() > 1 && random.one_in(12)) {
    form_ = "inverse of a sum of pairs";
    signal_ = inverse_ = choose_inverse_of_pairs(random);
    return;
  }
  if (grid_.size() > 1 && random.one_in(4)) return choose_effects(random);
  std::vector<NodePtr> first;
  for (const CovarianceMode& mode : modes_) first.push_back(mode.factor);
  signal_ = product(variance(random, "e"), kron(first));
  if (grid_.size() == 1 && random.one_in(2)) signal_ = product(variance(random, "e"), first[0]);
  form_ = "one term";
  if (random.one_in(3) && grid_.size() > 1) {
    form_ = "two terms";
    std::vector<NodePtr> second;
    bool diagonal = true;
    for (std::size_t k = 0; k < modes_.size(); ++k) {
      NodePtr factor = modes_[k].second;
      if (random.one_in(12)) {
        factor =
            matrix(material_.add_matrix(random_square(random, grid_[k], Wish::positive), false),
                   grid_[k], grid_[k]);
        many_matrices_ = true;
      }
      second.push_back(factor);
      diagonal = diagonal && (factor->kind == Kind::eye || grid_[k] == 1);
    }
    if (diagonal) {
      form_ = "one term";
    } else {
      signal_ = sum(signal_,
                    random.one_in(3) ? kron(second) : product(variance(random, "e"), kron(second)));
    }
  }
  inverse_ = choose_inverse(random);
  if (inverse_ != nullptr) {
    form_ += ", inverse of a sum";
    signal_ = random.one_in(2) ? inverse_ : sum(signal_, inverse_);
    // Those of a second term are a matrix more only where that term is.
    if (signal_ == inverse_) many_matrices_ = false;
  }
  // Without noise a posterior may have no bound where cells repeat each other.
  do {
    noise_ = choose_noise(random);
  } while (noise_ == nullptr && task_ == "posterior");
  // Diagonals in the noise are a matrix more in their modes.
  if (noise_ != nullptr && !scalar_noise_ && (form_ == "two terms" || inverse_ != nullptr)) {
    many_matrices_ = true;
  }
}

void ModelJob::choose_mean(Random& random) {
  switch (random.below(4)) {
    case 0:
      mean_kind_ = MeanKind::parameter;
      mean_parameter_ = material_.add_parameter(random.between(-1, 1), "m");
      return;
    case 1:
      break;
    default:
      mean_ = random.one_in(2) ? 0 : random.between(-2, 2);
      return;
  }
  mean_kind_ = MeanKind::regression;
  const Index count = std::min<Index>(1 + random.below(2), points(grid_) - 1);
  for (Index c = 0; c < count; ++c) {
    auto& column = columns_.emplace_back();
    for (const Index extent : grid_) {
      if (c == 0 || extent == 1 || random.one_in(2)) {
        column.push_back("1");
      } else {
        std::vector<double> values;
        for (Index i = 0; i < extent; ++i) values.push_back(random.between(-1, 1));
        column.push_back(material_.add_vector(values, {extent}));
      }
    }
    if (c > 0 && column == columns_.front()) columns_.pop_back();
  }
  for (std::size_t c = 0; c < columns_.size(); ++c) coefficients_.push_back(random.between(-1, 1));
}

void ModelJob::choose_observations(Random& random) {
  const Index cells = points(grid_);
  several_ = random.one_in(2);
  count_ = several_ ? 1 + random.below(4) : 1;
  // A posterior has one β for all observations.
  per_observation_ = !columns_.empty() && task_ != "posterior" && random.one_in(3);
  transform_ = random.pick(std::vector<std::string>{"none", "none", "none", "log1p", "sqrt"});
  const double scale = random.one_in(5) ? std::pow(10, random.between(-4, 4)) : 1;
  for (Index i = 0; i < count_ * cells; ++i) {
    y_.push_back(transform_ == "none" ? scale * random.normal() : std::abs(random.normal()) + 0.05);
    observed_.push_back(true);
  }
}

/// No missing cells, the same ones in every observation, or different ones; as NaN, in a mask, or
/// both.
void ModelJob::choose_missing(Random& random) {
  const Index cells = points(grid_);
  const auto pattern = random.below(3);
  if (pattern > 0) {
    const double share = random.between(0.05, 0.5);
    for (Index o = 0; o < count_; ++o) {
      for (Index i = 0; i < cells; ++i) {
        const auto place = static_cast<std::size_t>(o * cells + i);
        observed_[place] =
            pattern == 1 && o > 0 ? observed_[static_cast<std::size_t>(i)] : !random.chance(share);
      }
      // Something is left of every observation, more than there are columns.
      for (Index i = 0; i < std::min<Index>(cells, 4); ++i) {
        observed_[static_cast<std::size_t>(o * cells + (pattern == 1 ? i : (i + o) % cells))] =
            true;
      }
    }
  }
  if (pattern == 0 && !random.one_in(4)) {
    observations_ = "";
  } else if (random.one_in(3)) {
    std::vector<double> mask;
    for (const bool here : observed_) mask.push_back(here ? 1 : 0);
    // One mask for all observations where they miss the same.
    Grid shape = grid_;
    const bool one = several_ && pattern < 2 && random.one_in(2);
    if (one) mask.resize(static_cast<std::size_t>(cells));
    if (several_ && !one) shape.insert(shape.begin(), count_);
    mask_ = material_.add_dataset("mask", shape, mask);
  } else {
    nan_ = true;
    for (std::size_t i = 0; i < y_.size(); ++i) {
      if (!observed_[i]) y_[i] = not_a_number;
    }
  }
  Grid shape = grid_;
  if (several_) shape.insert(shape.begin(), count_);
  observations_ = material_.add_dataset("y", shape, y_);
}

void ModelJob::choose_prediction(Random& random) {
  for (std::size_t k = 0; k < modes_.size(); ++k) {
    CovarianceMode& mode = modes_[k];
    // A second matrix of the mode has to be the same kernel.
    const bool possible = !mode.kernel.empty() && mode.second == mode.factor && !many_matrices_ &&
                          inverse_ == nullptr;
    if (!possible || random.one_in(3)) continue;
    const auto* kernel = dynamic_cast<const KernelLeaf*>(material_.leaves().at(mode.kernel).get());
    mode.new_points = random_points(random, 1 + random.below(4));
    mode.new_points.dimension = kernel->points().dimension;
    mode.new_points.values.clear();
    for (Index i = 0; i < mode.new_points.count * mode.new_points.dimension; ++i) {
      mode.new_points.values.push_back(random.between(-0.5, 2.5));
    }
    mode.new_path = material_.add_dataset("new", {mode.new_points.count, mode.new_points.dimension},
                                          mode.new_points.values);
    for (const auto& column : columns_) {
      if (column[k] == "1") continue;
      std::vector<double> values;
      for (Index i = 0; i < mode.new_points.count; ++i) values.push_back(random.between(-1, 1));
      const std::string path = material_.add_dataset("at", {mode.new_points.count}, values);
      mode.new_columns[column[k]] = {path, values};
    }
  }
  noisy_prediction_ = scalar_noise_ && noise_ != nullptr && random.one_in(3);
  if (random.one_in(3)) draws_ = 2;
}

Grid ModelJob::new_grid() const {
  Grid result = grid_;
  for (std::size_t k = 0; k < modes_.size(); ++k) {
    if (modes_[k].new_points.count > 0) result[k] = modes_[k].new_points.count;
  }
  return result;
}

bool ModelJob::is_missing(Index observation, Index cell) const {
  return !observed_[static_cast<std::size_t>(observation * points(grid_) + cell)];
}

std::set<std::string> ModelJob::used() const {
  std::set<std::string> names = names_in(signal_);
  if (noise_ != nullptr) names.merge(names_in(noise_));
  if (!mean_parameter_.empty()) names.insert(mean_parameter_);
  for (const auto& column : columns_) names.insert(column.begin(), column.end());
  for (const CovarianceMode& mode : modes_) {
    if (mode.kernel.empty()) continue;
    const auto& leaf = material_.leaves().at(mode.kernel);
    names.insert(dynamic_cast<const KernelLeaf&>(*leaf).scale());
  }
  return names;
}

std::string ModelJob::mean_yaml() const {
  if (mean_kind_ == MeanKind::number) return fmt::format("mean: {}\n", mean_);
  if (mean_kind_ == MeanKind::parameter) return fmt::format("mean: {}\n", mean_parameter_);
  std::string text = "mean:\n  columns:\n";
  for (const auto& column : columns_) {
    text += fmt::format("    - \"kron({})\"\n", fmt::join(column, ", "));
  }
  if (per_observation_) text += "  per_observation: true\n";
  if (task_ == "sample") text += fmt::format("  coefficients: {}\n", list_text(coefficients_));
  return text;
}

std::string ModelJob::observations_yaml() const {
  std::string text = fmt::format("observations:\n  file: data.h5\n  dataset: {}\n", observations_);
  if (transform_ != "none") text += fmt::format("  transform: {}\n", transform_);
  if (nan_) text += "  missing: nan\n";
  if (!mask_.empty()) text += fmt::format("  mask: {{file: data.h5, dataset: {}}}\n", mask_);
  return text;
}

std::vector<std::string> ModelJob::parameter_names() const {
  std::vector<std::string> names;
  for (const std::string& name : used()) {
    if (material_.parameters().contains(name)) names.push_back(name);
  }
  return names;
}

/// As short as a posterior may be: the judge asks for the densities of its draws.
std::string ModelJob::posterior_yaml() const {
  std::string text = "posterior:\n  parameters:\n";
  for (const std::string& name : parameter_names()) {
    const std::string prior = name == mean_parameter_
                                  ? fmt::format("normal(0, {})", PosteriorPriors::mean_deviation)
                                  : fmt::format("half_normal({})", PosteriorPriors::scale);
    text += fmt::format("    {}: {{prior: \"{}\"}}\n", name, prior);
  }
  if (normal_coefficients_) {
    text += fmt::format("  coefficient_prior: \"normal({}, {})\"\n",
                        PosteriorPriors::coefficient_mean, PosteriorPriors::coefficient_deviation);
  }
  return text + "  chains: 2\n  warmup: 2\n  draws: 8\n  max_depth: 2\n";
}

std::string ModelJob::yaml() const {
  std::string text = fmt::format("task: {}\n", task_) + material_.yaml(used());
  const NodePtr covariance = noise_ == nullptr ? signal_ : sum(signal_, noise_);
  text += fmt::format("covariance: \"{}\"\n", covariance->text()) + mean_yaml();
  if (task_ != "sample") text += observations_yaml();
  if (draws_ > 0) text += fmt::format("draws: {}\nseed: 5\n", draws_);
  std::string points;
  for (const CovarianceMode& mode : modes_) {
    if (mode.new_points.count == 0) continue;
    points +=
        fmt::format("  {}:\n    file: data.h5\n    dataset: {}\n", mode.kernel, mode.new_path);
    if (!mode.new_columns.empty()) points += "    columns:\n";
    for (const auto& [name, column] : mode.new_columns) {
      points += fmt::format("      {}: {{file: data.h5, dataset: {}}}\n", name, column.first);
    }
  }
  if (!points.empty()) text += "new_points:\n" + points;
  if (noisy_prediction_) text += "noise: true\n";
  if (gradient_ || gradient_input_) text += "gradient:\n";
  if (gradient_) text += fmt::format("  parameters: [{}]\n", fmt::join(parameter_names(), ", "));
  if (gradient_input_) text += "  input: true\n";
  if (task_ == "posterior") text += posterior_yaml();
  return text + "output: {file: result.h5, overwrite: true}\n";
}

std::string ModelJob::summary() const {
  const NodePtr covariance = noise_ == nullptr ? signal_ : sum(signal_, noise_);
  return fmt::format("{} over ({}), {}, {} observations{}{}, transform {}, covariance {}\n  {}",
                     task_, fmt::join(grid_, ", "), form_, count_, nan_ ? ", with NaN" : "",
                     mask_.empty() ? "" : ", masked", transform_, covariance->text(),
                     material_.kinds(used()));
}

std::unique_ptr<RandomJob> random_model_job(std::uint64_t seed) {
  return std::make_unique<ModelJob>(seed);
}

}  // namespace kronwerk::adversary
