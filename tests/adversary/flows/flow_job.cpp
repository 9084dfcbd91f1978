#include "adversary/flows/flow_job.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace kronwerk::adversary {
namespace {

/// Of all interactions of a filter together, in units where 1 makes rows of weights singular.
constexpr double most_interaction = 0.85;
constexpr Index most_cells = 36;

/// A chain of regions, each the neighbour of the next: one Jordan block, or nearly one.
Factor chain(Random& random, Index n) {
  Factor result{"chain of regions", n, n, std::vector<double>(static_cast<std::size_t>(n * n))};
  for (Index i = 0; i + 1 < n; ++i) result(i, i + 1) = 1;
  if (random.one_in(2)) return result;
  result.kind = "nearly defective chain";
  for (Index i = 0; i < n; ++i) {
    for (Index j = 0; j < n; ++j) result(i, j) += i == j ? 0 : 1e-9 * random.unit();
  }
  return result;
}

}  // namespace

FlowJob::FlowJob(std::uint64_t seed) {
  Random random(seed);
  task_ = random.pick(
      std::vector<std::string>{"fit", "fit", "fit", "fit", "effects", "predict", "sample"});
  family_ =
      random.pick(std::vector<std::string>{"gaussian", "gaussian", "poisson", "negative_binomial"});
  on_errors_ = gaussian() && random.one_in(3);
  const Index most = task_ == "sample" ? 16 : most_cells;
  do {
    extents_ = {2 + random.below(5), 2 + random.below(6)};
    if (task_ == "effects" || random.one_in(2)) extents_[1] = extents_[0];
  } while (cells() > most || cells() < 6);
  choose_weights(random);
  choose_filter(random);
  choose_columns(random);
  choose_truth(random);
  if (observes()) {
    choose_observations(random);
  } else if (!gaussian() && random.one_in(2)) {
    choose_exposure(random);
  }
  if (task_ == "fit") {
    choose_fit(random);
    return;
  }
  if (task_ == "effects") choose_shock(random);
  choose_given(random);
  if (task_ == "sample") draws_ = 2000;
}

std::string FlowJob::random_weights(Random& random, Index n) {
  Factor weights = random.one_in(6) ? chain(random, n) : random_square(random, n, Wish::weights);
  if (random.one_in(4)) {  // a region without neighbours, sometimes nobody's neighbour too
    const Index island = random.below(n);
    const bool alone = random.one_in(2);
    for (Index i = 0; i < n; ++i) {
      weights(island, i) = 0;
      if (alone) weights(i, island) = 0;
    }
    weights.kind += " with an island";
  }
  return material_.add_matrix(weights, random.one_in(2));
}

void FlowJob::choose_weights(Random& random) {
  weights_[0] = random_weights(random, extents_[0]);
  const bool same = extents_[0] == extents_[1] && !random.one_in(3);
  weights_[1] = same ? weights_[0] : random_weights(random, extents_[1]);
}

NodePtr FlowJob::unit(std::size_t mode) const {
  return eye(std::to_string(extents_[mode]), extents_[mode]);
}

/// Of origins, of destinations, or of both.
NodePtr FlowJob::lag(std::size_t interaction) const {
  const auto weights = [&](std::size_t mode) {
    return matrix(weights_[mode], extents_[mode], extents_[mode]);
  };
  return adversary::kron(
      {interaction == 1 ? unit(0) : weights(0), interaction == 0 ? unit(1) : weights(1)});
}

void FlowJob::add_interaction(const std::string& name, std::size_t interaction) {
  filter_ = difference(filter_, product(parameter(name), lag(interaction)));
}

void FlowJob::choose_separable(Random& random) {
  form_ = "separable";
  std::vector<NodePtr> modes;
  for (const std::size_t mode : {0U, 1U}) {
    const auto name = material_.add_parameter(random.between(-0.6, 0.6), "r");
    free_.push_back({name, {}, {}, {}});
    modes.push_back(difference(
        identity({extents_[mode]}),
        product(parameter(name), matrix(weights_[mode], extents_[mode], extents_[mode]))));
  }
  filter_ = adversary::kron(modes);
}

/// The family of LeSage and Pace (2008), and what else the formula may be.
void FlowJob::choose_filter(Random& random) {
  const auto form = random.below(12);
  if (form < 3) {
    choose_separable(random);
    return choose_free(random);
  }
  const auto name = [&](double most) {
    const auto result = material_.add_parameter(random.between(-most, most), "r");
    free_.push_back({result, {}, {}, {}});
    return result;
  };
  filter_ = adversary::kron({unit(0), unit(1)});
  form_ = fmt::format("form {}", form);
  if (form < 6) {
    for (const std::size_t interaction : {0U, 1U, 2U}) {
      if (form == 5 && interaction == 2) continue;
      add_interaction(name(most_interaction / 3), interaction);
    }
  } else if (form == 6) {
    add_interaction(name(most_interaction), static_cast<std::size_t>(random.below(3)));
  } else if (form == 7) {  // one name for two or three interactions
    const auto shared = name(most_interaction / 3);
    for (const std::size_t interaction : {0U, 1U, 2U}) {
      if (interaction < 2 || random.one_in(2)) add_interaction(shared, interaction);
    }
  } else if (form == 8) {  // a separable filter that is multiplied out
    const auto first = name(0.4);
    const auto second = name(0.4);
    add_interaction(first, 0);
    add_interaction(second, 1);
    filter_ = sum(filter_, product(product(parameter(first), parameter(second)), lag(2)));
  } else if (form == 9) {  // a parameter that does not stand linearly
    const auto decay = material_.add_parameter(random.between(1.2, 2.5), "r");
    free_.push_back({decay, 1, 4, {}});
    const auto weight = make(adversary::Kind::exponential, {negation(parameter(decay))}, {}, {});
    filter_ = difference(filter_, product(weight, lag(0)));
    add_interaction(name(0.4), 1);
  } else if (form == 10) {  // neighbours of neighbours
    add_interaction(name(0.4), 1);
    const NodePtr weights = matrix(weights_[0], extents_[0], extents_[0]);
    second_weights_ = random.one_in(3) ? random_weights(random, extents_[0]) : "";
    const NodePtr second = second_weights_.empty()
                               ? product(weights, weights)
                               : matrix(second_weights_, extents_[0], extents_[0]);
    add_interaction(name(0.2), 0);
    filter_ =
        difference(filter_, product(parameter(name(0.2)), adversary::kron({second, unit(1)})));
  }
  choose_free(random);
}

/// Which parameters a fit estimates, and within which bounds.
void FlowJob::choose_free(Random& random) {
  if (gaussian() && task_ == "fit" && free_.empty()) {
    const auto name = material_.add_parameter(random.between(-0.6, 0.6), "r");
    free_.push_back({name, {}, {}, {}});
    add_interaction(name, 0);
  }
  if (task_ != "fit") return;
  if (free_.size() > 1 && random.one_in(5)) free_.pop_back();
  for (FreeParameter& free : free_) {
    const double value = material_.parameters().at(free.name);
    if (free.lower) continue;
    if (random.one_in(4)) free.lower = value - random.between(0.02, 0.3);
    if (random.one_in(4)) free.upper = value + random.between(0.02, 0.3);
    if (random.one_in(8)) free.prior_deviation = random.between(0.3, 1);
  }
}

std::string FlowJob::random_vector(Random& random, Index n) {
  std::vector<double> values;
  for (Index i = 0; i < n; ++i) values.push_back(random.between(-1, 1));
  return material_.add_vector(values, {n});
}

ColumnSide FlowJob::random_side(Random& random, std::size_t mode) {
  ColumnSide side;
  if (random.one_in(3)) return side;
  for (const FlowColumn& column : columns_) {  // the same attribute in another column
    const bool fits = column.kind != FlowColumn::Kind::grid;
    for (const ColumnSide* known : {&column.origin, &column.destination}) {
      const std::size_t of = known == &column.origin ? 0 : 1;
      if (fits && known->vector != "1" && extents_[of] == extents_[mode] && random.one_in(3)) {
        side.vector = known->vector;
      }
    }
  }
  if (side.vector == "1") side.vector = random_vector(random, extents_[mode]);
  const Index lags = random.one_in(2) ? 0 : 1 + random.below(2);
  for (Index k = 0; k < lags; ++k) side.matrices.push_back({weights_[mode], random.one_in(4)});
  return side;
}

FlowColumn FlowJob::random_column(Random& random) {
  FlowColumn column;
  const auto kind = random.below(6);
  if (kind == 0) {
    column.kind = FlowColumn::Kind::grid;
    std::vector<double> values;
    for (Index i = 0; i < cells(); ++i) values.push_back(random.between(-1, 1));
    column.origin.vector = material_.add_vector(values, {extents_[0], extents_[1]});
  } else if (kind == 1 && extents_[0] == extents_[1]) {
    column.kind = FlowColumn::Kind::diagonal;
    column.origin = random_side(random, 0);
  } else {
    column.origin = random_side(random, 0);
    if (column.origin.vector == "1" || random.one_in(4)) {
      column.destination = random_side(random, 1);
    }
  }
  return column;
}

void FlowJob::choose_effects(Random& random) {
  if (!random.one_in(5) || cells() < 12) return;
  const auto which = random.below(3);
  effects_ = {which != 1, which != 0};
}

void FlowJob::choose_columns(Random& random) {
  choose_effects(random);
  const bool any = effects_[0] || effects_[1];
  if (!any && !random.one_in(5)) columns_.emplace_back();
  const Index more = random.below(cells() < 12 ? 3 : 5) + (columns_.empty() && !any ? 1 : 0);
  for (Index k = 0; k < more; ++k) {
    FlowColumn column = random_column(random);
    bool known = false;
    for (const FlowColumn& other : columns_) known = known || other.text() == column.text();
    // Columns that the effects contain are refused; a few of them are enough.
    const bool contained = column.kind == FlowColumn::Kind::kron &&
                           ((effects_[0] && column.destination.vector == "1") ||
                            (effects_[1] && column.origin.vector == "1"));
    if (known || (contained && !random.one_in(10))) continue;
    columns_.push_back(std::move(column));
  }
  // Something is to be estimated beside the effects.
  if (columns_.empty() && (!any || free_.empty())) columns_.emplace_back();
}

void FlowJob::choose_truth(Random& random) {
  for (const FlowColumn& column : columns_) {
    const bool ones = column.kind == FlowColumn::Kind::kron && column.names().empty();
    coefficients_.push_back(ones ? random.between(0.5, 1.5) : random.between(-1, 1));
  }
  for (const std::size_t mode : {0U, 1U}) {
    if (!effects_[mode]) continue;
    for (Index i = 0; i < extents_[mode]; ++i) {
      fixed_effects_[mode].push_back(random.between(-0.5, 1.5));
    }
  }
  sigma2_ = random.between(0.1, 2);
  theta_ = random.between(1, 5);
}

void FlowJob::choose_fit(Random& random) {
  jacobian_ = gaussian() && random.one_in(4);
  if (!gaussian() && random.one_in(4)) method_ = random.one_in(2) ? "newton" : "quasi_newton";
  if (random.one_in(10)) starts_ = 2;
}

/// Estimates that a fit may have written, or numbers in the configuration.
void FlowJob::choose_given(Random& random) {
  from_file_ = effects_[0] || effects_[1] || random.one_in(2);
  if (!from_file_) return;
  for (const auto& [name, value] : material_.parameters()) {
    material_.add_estimate("/parameters/" + name, {}, {value});
  }
  std::vector<std::string> texts;
  for (const FlowColumn& column : columns_) texts.push_back(column.text());
  if (!columns_.empty()) {
    material_.add_estimate("/coefficients", {std::ssize(coefficients_)}, coefficients_);
    material_.add_estimate("/coefficients_ids", texts);
  }
  for (const std::size_t mode : {0U, 1U}) {
    if (!effects_[mode]) continue;
    material_.add_estimate(mode == 0 ? "/fixed_effects/origin" : "/fixed_effects/destination",
                           {extents_[mode]}, fixed_effects_[mode]);
  }
  material_.add_estimate("/sigma2", {}, {sigma2_});
  material_.add_estimate("/theta", {}, {theta_});
}

void FlowJob::choose_shock(Random& random) {
  on_mean_ = !gaussian() && random.one_in(2);
  std::vector<std::string> attributes;
  for (const FlowColumn& column : columns_) {
    if (column.kind == FlowColumn::Kind::grid) continue;
    for (const ColumnSide* side : {&column.origin, &column.destination}) {
      if (side->vector != "1") attributes.push_back(side->vector);
    }
  }
  if (attributes.empty()) {  // effects are of something
    columns_.emplace_back().origin.vector = random_vector(random, extents_[0]);
    coefficients_.push_back(random.between(-1, 1));
    attributes.push_back(columns_.back().origin.vector);
  }
  attribute_ = random.pick(attributes);
  if (!on_mean_) exposure_.clear();
}

bool FlowJob::any_missing() const {
  return std::ranges::find(observed_, false) != observed_.end();
}

std::unique_ptr<RandomJob> random_flow_job(std::uint64_t seed) {
  return std::make_unique<FlowJob>(seed);
}

}  // namespace kronwerk::adversary
