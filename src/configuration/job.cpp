#include "kronwerk/configuration/job.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "configuration/tree_reader.hpp"
#include "kronwerk/core/error.hpp"
#include "kronwerk/core/text.hpp"

namespace kronwerk::configuration {
namespace {

using core::ConfigurationError;

/// Builds the typed job from a tree that the schema has accepted.
class Reader : private TreeReader {
 public:
  Reader(const Tree& tree, Job& job) : TreeReader(tree, job), tree_(tree), job_(job) {}

  void read() {
    job_.task = choice<Task>(*tree_.find("task"), "task");
    if (has_operator(job_.task)) job_.formula = placed(require("operator"));
    const bool flow =
        job_.task == Task::effects ||
        (is_gaussian(job_.task) && job_.task != Task::logpdf && tree_.find("filter") != nullptr);
    if (is_gaussian(job_.task)) job_.formula = placed(require(flow ? "filter" : "covariance"));
    if (const Tree* data = tree_.find("data")) {
      if (const Tree* external = data->find("external")) {
        job_.external_data = *to_boolean(*external);
      }
    }
    read_names();
    if (job_.task == Task::reduce) {
      read_reduce(*this, job_);
    } else {
      read_kernels(*this, job_);
    }
    if (flow) {
      read_flow(*this, job_);
    } else if (is_gaussian(job_.task)) {
      refuse_flow_keys();
      read_gaussian(*this, job_);
    }
    read_posterior(*this, job_);
    read_sweep();
    if (const Tree* input = tree_.find("input")) job_.input = vector_source(*input, "input");
    read_gradient();
    read_tangent();
    read_projection();
    if (job_.task == Task::graph) read_graph(*this, job_);
    read_solver();
    read_output();
    if (const Tree* time = tree_.find("time")) job_.time = *to_number(*time);
    if (const Tree* batch = tree_.find("batch")) job_.batch = to_integer(*batch);
    read_repeat();
    if (const Tree* checkpoint = tree_.find("checkpoint")) {
      if (const Tree* every = checkpoint->find("every")) {
        job_.checkpoint_seconds = to_number(*every);
      }
    }
    if (const Tree* threads = tree_.find("blas_threads")) {
      job_.blas_threads = static_cast<int>(*to_integer(*threads));
    }
    if (const Tree* petsc = tree_.find("petsc")) job_.petsc_options = petsc->text;
    collect_files(tree_, "");
    check_task();
  }

 private:
  /// They mean nothing without a filter.
  void refuse_flow_keys() const {
    for (const char* key : {"family", "acts_on", "exposure", "sigma2", "theta"}) {
      const Tree* tree = tree_.find(key);
      const auto& tasks = find_entry(key)->tasks;
      if (tree == nullptr || std::ranges::find(tasks, job_.task) == tasks.end()) continue;
      fail(tree->position,
           fmt::format("'{}' is for flow models, which have a 'filter' and no 'covariance'", key));
    }
  }

  void read_repeat() {
    const Tree* repeat = tree_.find("repeat");
    if (repeat == nullptr) return;
    job_.repeat = *to_integer(*repeat);
    if (job_.repeat == 1 || job_.sweep.empty()) return;
    fail(
        repeat->position,
        "'repeat' is for one computation: the points of a sweep share what they have in common, so "
        "that their times would be those of what is left. Take 'sweep' out, or repeat one point");
  }

  /// By the keys' name, so that no way of naming a file is forgotten.
  void collect_files(const Tree& tree, const std::string& parent) {
    for (const TreeEntry& item : tree.entries) {
      const std::string path = join_path(parent, item.key);
      if (path == "output") continue;
      if (find_entry(path)->path.ends_with(".file")) {
        job_.files.push_back({resolve(item.value), parent, item.value.position});
      }
      collect_files(item.value, path);
    }
  }

  void read_names() {
    if (const Tree* parameters = tree_.find("parameters")) {
      for (const TreeEntry& entry : parameters->entries) {
        const Position& position =
            entry.value.position.override_text.empty() ? entry.position : entry.value.position;
        if (entry.key == "file") {
          job_.parameter_file = {resolve(entry.value), position};
        } else {
          job_.parameters[entry.key] = {*to_number(entry.value), position};
        }
      }
    }
    const Tree* matrices = tree_.find("matrices");
    if (matrices == nullptr) return;
    for (const TreeEntry& entry : matrices->entries) {
      if (job_.parameters.contains(entry.key)) {
        fail(entry.position,
             fmt::format("'{}' names both a parameter and a matrix; rename one", entry.key));
      }
      MatrixReference matrix{dataset(entry.value, "matrices." + entry.key)};
      if (const Tree* given_as = entry.value.find("given_as")) {
        matrix.given_as = choice<GivenAs>(*given_as, "matrices.*.given_as");
      }
      job_.matrices[entry.key] = {std::move(matrix), entry.position};
    }
  }

  /// Values of one swept parameter.
  std::vector<double> sweep_values(const Tree& tree, const std::string& name) const {
    std::vector<double> values;
    if (tree.kind == Tree::Kind::list) {
      for (const Tree& item : tree.items) values.push_back(*to_number(item));
      if (values.empty()) {
        fail(tree.position, fmt::format("'sweep.{}' is empty: give it at least one value", name));
      }
      return values;
    }
    const double from = *to_number(*tree.find("from"));
    const double to = *to_number(*tree.find("to"));
    const core::Index count = *to_integer(*tree.find("count"));
    for (core::Index i = 0; i < count; ++i) {
      const double part =
          count == 1 ? 0.0 : static_cast<double>(i) / static_cast<double>(count - 1);
      values.push_back(i > 0 && i + 1 == count ? to : (1 - part) * from + part * to);
    }
    return values;
  }

  void read_sweep() {
    const Tree* sweep = tree_.find("sweep");
    const auto& sweeping = find_entry("sweep")->tasks;
    if (sweep == nullptr || std::ranges::find(sweeping, job_.task) == sweeping.end()) return;
    if (sweep->entries.empty()) {
      fail(sweep->position, "'sweep' is empty: name a parameter and its values");
    }
    constexpr core::Index most_points = 100'000;
    for (const TreeEntry& entry : sweep->entries) {
      const Position& position =
          entry.value.position.override_text.empty() ? entry.position : entry.value.position;
      if (job_.matrices.contains(entry.key) || job_.kernels.contains(entry.key)) {
        fail(position, fmt::format("'sweep' names '{}', which is a matrix; only parameters, which "
                                   "are numbers, can be swept",
                                   entry.key));
      }
      if (entry.key == "solver") {
        for (const TreeEntry& key : entry.value.entries) add_key_axis("solver." + key.key, key);
      } else if (is_time(entry.key)) {
        add_key_axis(entry.key, entry);
      } else {
        job_.sweep.push_back({entry.key, sweep_values(entry.value, entry.key), position});
        // A value below `parameters` is replaced; it is useful to switch the sweep off.
        job_.parameters[entry.key] = {job_.sweep.back().values.front(), position};
      }
    }
    core::Index points = 1;
    for (const SweepAxis& axis : job_.sweep) {
      points = core::multiply(points, std::ssize(axis.values));
      if (points <= most_points) continue;
      fail(axis.position, fmt::format("the sweep has more than {} points", most_points));
    }
  }

  /// The key of `expm`, unless a parameter is called so.
  bool is_time(const std::string& name) const {
    return name == "time" && job_.task == Task::expm && !job_.parameters.contains(name);
  }

  /// Values of a key of the job: each is one that may stand there.
  void add_key_axis(const std::string& name, const TreeEntry& entry) {
    const SchemaEntry& key = *find_entry(name);
    SweepAxis axis{name, sweep_values(entry.value, name), entry.position};
    for (const double value : axis.values) {
      const bool whole = (key.types & number) != 0 || value == std::floor(value);
      const bool above = key.minimum_excluded ? value > key.minimum : value >= key.minimum;
      if (whole && above && value <= key.maximum) continue;
      fail(entry.position, fmt::format("'sweep.{}' holds {}, which '{}' cannot be: {}", name, value,
                                       name, key.documentation));
    }
    job_.sweep.push_back(std::move(axis));
  }

  void check_parameter(const std::string& name, const Position& position, const char* key) const {
    // Which parameters a result file has is seen when it is read.
    if (job_.parameters.contains(name) || job_.parameter_file) return;
    std::vector<std::string> known;
    for (const auto& [parameter, value] : job_.parameters) known.push_back(parameter);
    fail(position, fmt::format("'{}' names '{}', which is not among the parameters{}", key, name,
                               core::suggestion(name, known)));
  }

  void read_gradient_parameters(const Tree& tree, GradientRequest& gradient) const {
    const Tree* parameters = tree.find("parameters");
    if (parameters == nullptr) return;
    for (const Tree& item : parameters->items) {
      check_parameter(item.text, item.position, "gradient.parameters");
      for (const auto& earlier : gradient.parameters) {
        if (earlier.value == item.text) {
          fail(item.position,
               fmt::format("'{}' is named twice in 'gradient.parameters'", item.text));
        }
      }
      gradient.parameters.push_back(placed(item));
    }
  }

  void read_gradient() {
    const Tree* tree = tree_.find("gradient");
    if (tree == nullptr) return;
    GradientRequest gradient;
    if (const Tree* cotangent = tree->find("cotangent")) {
      gradient.cotangent.position = cotangent->position;
      if (cotangent->kind == Tree::Kind::map) {
        gradient.cotangent.kind = CotangentKind::dataset;
        gradient.cotangent.dataset = dataset(*cotangent, "gradient.cotangent");
      } else {
        gradient.cotangent.kind =
            cotangent->text == "result" ? CotangentKind::result : CotangentKind::ones;
      }
    } else if (job_.task != Task::logdet && job_.task != Task::trace && job_.task != Task::logpdf) {
      fail(tree->position, "missing key 'cotangent' in 'gradient' (a dataset, 'result' or 'ones')");
    }
    read_gradient_parameters(*tree, gradient);
    if (const Tree* points = tree->find("points")) {
      for (const Tree& item : points->items) gradient.points.push_back(placed(item));
    }
    if (const Tree* input = tree->find("input")) gradient.input = *to_boolean(*input);
    if (gradient.parameters.empty() && gradient.points.empty() && !gradient.input) {
      fail(tree->position,
           "'gradient' asks for nothing: name 'parameters' (or 'points') or set 'input: true'");
    }
    job_.gradient = std::move(gradient);
  }

  void read_tangent() {
    const Tree* tree = tree_.find("tangent");
    if (tree == nullptr) return;
    TangentRequest tangent;
    if (const Tree* parameters = tree->find("parameters")) {
      for (const TreeEntry& entry : parameters->entries) {
        check_parameter(entry.key, entry.position, "tangent.parameters");
        tangent.parameters[entry.key] = {*to_number(entry.value), entry.position};
      }
    }
    if (const Tree* input = tree->find("input")) {
      tangent.input = vector_source(*input, "tangent.input");
    }
    if (tangent.parameters.empty() && !tangent.input) {
      fail(tree->position, "'tangent' gives no direction: name 'parameters' or 'input'");
    }
    job_.tangent = std::move(tangent);
  }

  void read_projection() {
    if (job_.task != Task::project) return;
    ProjectionRequest projection;
    const Tree* rows = &require("extents");
    projection.extents = {extents(*rows, "extents"), rows->position};
    projection.columns = projection.extents.value;
    if (const Tree* onto = tree_.find("onto")) {
      projection.onto = choice<ProjectionTarget>(*onto, "onto");
    }
    if (const Tree* of = tree_.find("of")) projection.of = choice<ProjectionSource>(*of, "of");
    if (const Tree* trace = tree_.find("trace")) {
      projection.trace = choice<TraceChoice>(*trace, "trace");
    }
    const bool product = projection.onto == ProjectionTarget::kron;
    if (const Tree* columns = tree_.find("columns")) {
      if (!product) fail(columns->position, "'columns' needs 'onto: kron'");
      projection.columns = extents(*columns, "columns");
    }
    if (product && projection.of == ProjectionSource::gram) {
      fail(tree_.find("of")->position, "'of: gram' needs 'onto: kronsum'");
    }
    if (product && (projection.extents.value.size() != 2 || projection.columns.size() != 2)) {
      fail(rows->position,
           fmt::format("'onto: kron' takes two factors; 'extents' has {} and 'columns' {}",
                       projection.extents.value.size(), projection.columns.size()));
    }
    job_.projection = std::move(projection);
  }

  void read_solver() {
    const Tree* tree = tree_.find("solver");
    SolverSettings& solver = job_.solver;
    if (job_.task == Task::graph) {
      solver.tolerance = 1e-8;
      solver.max_iterations = 3000;
    }
    if (tree == nullptr) return;
    if (const Tree* method = tree->find("method")) {
      solver.method = choice<Method>(*method, "solver.method");
    }
    if (const Tree* preconditioner = tree->find("preconditioner")) {
      solver.preconditioner =
          choice<KernelPreconditioner>(*preconditioner, "solver.preconditioner");
    }
    if (const Tree* rank = tree->find("rank")) solver.rank = to_integer(*rank);
    if (const Tree* tolerance = tree->find("tolerance")) solver.tolerance = *to_number(*tolerance);
    if (const Tree* iterations = tree->find("max_iterations")) {
      solver.max_iterations = *to_integer(*iterations);
    }
    if (const Tree* probes = tree->find("probes")) solver.probes = *to_integer(*probes);
    if (const Tree* seed = tree->find("seed")) {
      solver.seed = static_cast<std::uint64_t>(*to_integer(*seed));
    }
    if (const Tree* guess = tree->find("initial_guess")) {
      solver.initial_guess = {dataset(*guess, "solver.initial_guess"), guess->position};
    }
  }

  void read_output() {
    const Tree& tree = *tree_.find("output");
    const Tree& file = tree.kind == Tree::Kind::map ? *tree.find("file") : tree;
    job_.output.file = resolve(file);
    job_.output.position = file.position;
    if (const Tree* overwrite = tree.find("overwrite")) {
      job_.output.overwrite = *to_boolean(*overwrite);
    }
  }

  void check_task() {
    const std::string& task = task_name(job_.task);
    const auto& with_input = find_entry("input")->tasks;
    const bool needs_input = job_.task != Task::graph &&  // which may have Grams instead
                             std::ranges::find(with_input, job_.task) != with_input.end();
    if (needs_input && !job_.input) {
      throw ConfigurationError(fmt::format(
          "{}: missing key 'input', which the task '{}' is applied to", job_.file, task));
    }
    warn_unused(tree_, "");
  }

  /// A key that belongs to other tasks may stay, so that --set task=… is enough to switch; it is
  /// reported because the job ignores it.
  void warn_unused(const Tree& tree, const std::string& parent) {
    for (const TreeEntry& item : tree.entries) {
      const std::string path = join_path(parent, item.key);
      const SchemaEntry& entry = *find_entry(path);
      if (!entry.tasks.empty() && std::ranges::find(entry.tasks, job_.task) == entry.tasks.end()) {
        job_.warnings.push_back(fmt::format("{}: '{}' is not used by the task '{}'",
                                            job_.where(item.position), path, task_name(job_.task)));
      } else {
        warn_unused(item.value, path);
      }
    }
  }

  const Tree& tree_;
  Job& job_;
};

}  // namespace

const std::map<std::string, FitParameter>& Job::varied() const {
  static const std::map<std::string, FitParameter> none;
  if (posterior) return posterior->parameters;
  if (task != Task::fit) return none;
  return flow ? flow->fit.parameters : gaussian->fit.parameters;
}

Job parse_job(const std::string& text, const std::string& file,
              std::span<const std::string> overrides) {
  Tree tree = parse_tree(text, file);
  Job job;
  job.file = file;
  job.text = text;
  if (!overrides.empty()) {
    for (const std::string& item : overrides) {
      if (tree.kind == Tree::Kind::map) apply_override(tree, item, file);
    }
    job.text = emit(tree);
  }
  validate(tree, file);
  Reader(tree, job).read();
  return job;
}

}  // namespace kronwerk::configuration
