#include "adversary/operators/operator_job.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

namespace kronwerk::adversary {
namespace {

const std::vector<std::string>& tasks() {
  static const std::vector<std::string> names{
      "apply",  "apply", "solve",    "solve", "solve",       "solve",   "logdet",
      "logdet", "trace", "diagonal", "expm",  "eigenvalues", "assemble"};
  return names;
}

/// The parameters that a formula depends on, through its kernels too.
std::vector<std::string> parameters_of(const std::set<std::string>& used,
                                       const Material& material) {
  std::set<std::string> names;
  for (const std::string& name : used) {
    if (material.parameters().contains(name)) names.insert(name);
    const auto leaf = material.leaves().find(name);
    if (leaf == material.leaves().end()) continue;
    if (const auto* kernel = dynamic_cast<const KernelLeaf*>(leaf->second.get())) {
      names.insert(kernel->scale());
    }
  }
  return {names.begin(), names.end()};
}

/// Whether a formula says what modes its grid has: a diagonal over the whole grid does not.
bool names_modes(const Node& node) {
  if (node.kind == Kind::kron || node.kind == Kind::kronsum) return true;
  return std::any_of(node.arguments.begin(), node.arguments.end(),
                     [](const NodePtr& argument) { return names_modes(*argument); });
}

bool is_scale(const std::string& parameter) {
  return parameter.starts_with("l");
}

}  // namespace

OperatorJob::OperatorJob(std::uint64_t seed) {
  Random random(seed);
  task_ = random.pick(tasks());
  choose_formula(random);
  used_ = names_in(formula_.tree);
  parameters_ = parameters_of(used_, material_);
  choose_vectors(random);
  if (task_ == "solve" || task_ == "logdet") {
    method_ = random.pick(std::vector<std::string>{"auto", "auto", "auto", "direct", "krylov"});
    if (random.one_in(4)) tolerance_ = std::pow(10, -random.between(4, 12));
  }
  if (task_ == "expm") time_ = random.pick(std::vector<double>{1, 0.1, -0.5, 3, 0});
  if (takes_vectors() && random.one_in(3)) batch_ = 1 + random.below(3);
  if (has_derivatives()) choose_derivatives(random);
  if (random.one_in(5)) choose_sweep(random);
}

void OperatorJob::choose_formula(Random& random) {
  FormulaMaker maker(random, material_);
  const Index most = random.one_in(6) ? 200 : 60;
  const Grid grid = maker.grid(most);
  if (task_ == "apply" || task_ == "assemble") {
    Grid rows = grid;
    if (random.one_in(2)) {
      for (Index& extent : rows) extent = random.one_in(2) ? extent : 1 + random.below(6);
    }
    formula_ = random.one_in(4) ? maker.structured(grid) : maker.tree(rows, grid);
  } else if (task_ == "expm") {
    formula_ = maker.structured(
        random.one_in(5) ? Structure::shifted_product : Structure::kronecker_sum, grid);
  } else if (task_ == "trace" || task_ == "diagonal") {
    formula_ = random.one_in(2) ? maker.structured(grid) : maker.tree(grid, grid);
  } else {
    formula_ = maker.structured(grid);
  }
}

Vectors OperatorJob::vectors(Random& random, const std::string& stem, const Grid& grid, Index count,
                             bool scaled) {
  Vectors result{"", count, points(grid), {}};
  static const std::vector<double> scales{1, 1, 1e-8, 1e8, 1e-100, 1e60, 0};
  for (Index v = 0; v < count; ++v) {
    const double scale = scaled ? random.pick(scales) : 1;
    for (Index i = 0; i < result.size; ++i) {
      result.values.push_back(scale * random.between(-1, 1));
    }
  }
  const bool separate = random.one_in(2) && (grid.size() < 2 || names_modes(*formula_.tree));
  Grid shape = separate ? grid : Grid{result.size};
  if (!one_vector_) shape.insert(shape.begin(), count);
  result.path = material_.add_dataset(stem, shape, result.values);
  return result;
}

void OperatorJob::choose_vectors(Random& random) {
  if (!takes_vectors()) return;
  const NodePtr& op = formula_.tree;
  one_vector_ = random.one_in(2);
  const Index count = one_vector_ ? 1 : 1 + random.below(4);
  input_ = vectors(random, "x", task_ == "solve" ? op->rows : op->cols, count, random.one_in(2));
}

void OperatorJob::choose_derivatives(Random& random) {
  const bool with_vectors = takes_vectors();
  if (random.one_in(2) && (with_vectors || !parameters_.empty())) {
    has_gradient_ = true;
    for (const std::string& name : parameters_) {
      if (!random.one_in(4)) gradient_.push_back(name);
    }
    gradient_input_ = with_vectors && !random.one_in(4);
    has_gradient_ = gradient_input_ || !gradient_.empty();
    const bool scalar = task_ == "logdet" || task_ == "trace";
    static const std::vector<std::string> kinds{"ones", "result", "dataset"};
    cotangent_ = scalar ? random.pick(std::vector<std::string>{"", "ones"}) : random.pick(kinds);
    if (cotangent_ == "dataset") {
      const Grid& grid = task_ == "solve" ? formula_.tree->cols : formula_.tree->rows;
      if (!with_vectors) one_vector_ = true;
      cotangent_values_ = vectors(random, "g", grid, with_vectors ? input_.count : 1, false);
    }
  }
  if (!random.one_in(4)) return;
  for (const std::string& name : parameters_) {
    if (random.one_in(2)) tangent_[name] = random.between(-1, 1);
  }
  if (with_vectors && random.one_in(2)) {
    has_direction_ = true;
    direction_ = vectors(random, "t", task_ == "solve" ? formula_.tree->rows : formula_.tree->cols,
                         input_.count, false);
  }
  has_tangent_ = has_direction_ || !tangent_.empty();
}

void OperatorJob::choose_sweep(Random& random) {
  for (const std::string& name : parameters_) {
    if (std::ssize(sweep_) == 2 || random.one_in(3)) continue;
    std::vector<double> values;
    for (Index i = 0; i < 1 + random.below(3); ++i) {
      values.push_back(is_scale(name) ? random.between(0.3, 1.5) : random.between(-0.95, 0.95));
    }
    sweep_.emplace_back(name, values);
  }
}

std::vector<Parameters> OperatorJob::sweep_points() const {
  std::vector<Parameters> result{material_.parameters()};
  for (const auto& [name, values] : sweep_) {
    std::vector<Parameters> all;
    for (const Parameters& parameters : result) {
      for (const double value : values) {
        all.push_back(parameters);
        all.back()[name] = value;
      }
    }
    result = std::move(all);
  }
  return result;
}

std::string OperatorJob::gradient_yaml() const {
  if (!has_gradient_) return "";
  std::string text = "gradient:\n";
  if (cotangent_ == "dataset") {
    text += fmt::format("  cotangent: {{file: data.h5, dataset: {}}}\n", cotangent_values_.path);
  } else if (!cotangent_.empty()) {
    text += fmt::format("  cotangent: {}\n", cotangent_);
  }
  text += fmt::format("  parameters: [{}]\n", fmt::join(gradient_, ", "));
  if (gradient_input_) text += "  input: true\n";
  return text;
}

std::string OperatorJob::tangent_yaml() const {
  if (!has_tangent_) return "";
  std::string text = "tangent:\n";
  if (!tangent_.empty()) {
    text += "  parameters:\n";
    for (const auto& [name, value] : tangent_) text += fmt::format("    {}: {}\n", name, value);
  }
  if (has_direction_) {
    text += fmt::format("  input: {{file: data.h5, dataset: {}}}\n", direction_.path);
  }
  return text;
}

std::string OperatorJob::yaml() const {
  std::string text = fmt::format("task: {}\n", task_) + material_.yaml(used_);
  text += fmt::format("operator: \"{}\"\n", formula_.tree->text());
  if (takes_vectors()) text += fmt::format("input: {{file: data.h5, dataset: {}}}\n", input_.path);
  if (task_ == "expm") text += fmt::format("time: {}\n", time_);
  text += gradient_yaml() + tangent_yaml();
  if (!sweep_.empty()) text += "sweep:\n";
  for (const auto& [name, values] : sweep_) {
    text += fmt::format("  {}: {}\n", name, list_text(values));
  }
  if (task_ == "solve" || task_ == "logdet") {
    text += fmt::format("solver: {{method: {}, tolerance: {}}}\n", method_, tolerance_);
  }
  if (batch_ > 0) text += fmt::format("batch: {}\n", batch_);
  return text + "output: {file: result.h5, overwrite: true}\n";
}

std::string OperatorJob::summary() const {
  const auto grid = [](const Grid& extents) {
    return fmt::format("({})", fmt::join(extents, ", "));
  };
  return fmt::format("{} of a {}{}, {} x {}: {}\n  {}", task_, name_of(formula_.structure),
                     sweep_.empty() ? "" : ", swept", grid(formula_.tree->rows),
                     grid(formula_.tree->cols), formula_.tree->text(), material_.kinds(used_));
}

std::unique_ptr<RandomJob> random_operator_job(std::uint64_t seed) {
  return std::make_unique<OperatorJob>(seed);
}

}  // namespace kronwerk::adversary
