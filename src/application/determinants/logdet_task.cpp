#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>

#include "application/determinants/estimate_text.hpp"
#include "application/determinants/log_determinant.hpp"
#include "application/inputs/vector_reader.hpp"
#include "application/tasks/scalar_cotangent.hpp"

namespace kronwerk::application {
namespace {

using expressions::LoweredProduct;
using expressions::SumOfProducts;
using factors::Determinant;
using operators::KroneckerProduct;
using operators::StochasticValue;

/// One product: from the determinants of the factors (and of diagonals over the whole grid).
class ProductDeterminant final : public LogDeterminant {
 public:
  explicit ProductDeterminant(TaskContext& context) : context_(context) {
    const LoweredProduct& product = context.products.front();
    add(product.scale, product.chains);
    for (const LoweredProduct::Step& step : product.steps) {
      add(1, step.chains);
      for (const auto& diagonal : step.diagonals) add(diagonal);
    }
    announce_factors(context.products, context.stages, context.report);
  }
  StochasticValue value() override { return {.value = determinant_.log_abs}; }
  std::optional<int> sign() const override { return determinant_.sign; }
  std::string why() const override { return "direct: from the determinants of the factors"; }

  StochasticValue derivative(const std::string& parameter) override {
    double value = 0;
    for (const LoweredProduct& term : context_.derivatives.at(parameter)) {
      value += trace_of_ratio_with(term);
    }
    return {.value = value};
  }

 private:
  void add(double scale, const std::vector<factors::Chain>& chains) {
    parts_.emplace_back(context_.comm, context_.builder.workspace(), scale, chains);
    include(parts_.back().determinant());
  }

  void add(const expressions::GridDiagonal& diagonal) {
    const auto& layout = parts_.front().input_layout();
    Determinant result;
    Index negative = 0;
    for (const double v : context_.data.grid_vector(diagonal.name, diagonal.inverse, layout)) {
      result.log_abs += std::log(std::abs(v));
      negative += v < 0 ? 1 : 0;
    }
    result.log_abs = context_.comm.sum(result.log_abs);
    result.sign = std::isinf(result.log_abs) ? 0 : (context_.comm.sum(negative) % 2 == 0 ? 1 : -1);
    include(result);
  }

  /// tr(Op⁻¹ T) for a term T of the derivative. With diagonals between products, T has one product
  /// other than Op's at most, by the product rule; what stands before and behind it cancels.
  double trace_of_ratio_with(const LoweredProduct& term) const {
    const LoweredProduct& op = context_.products.front();
    bool alike = term.steps.size() == op.steps.size();
    std::size_t changed = 0, changes = 0;
    for (std::size_t i = 0; alike && i < parts_.size(); ++i) {
      alike = i == 0 || same_diagonals(term.steps[i - 1], op.steps[i - 1]);
      if (same_chains(i == 0 ? term.chains : term.steps[i - 1].chains, parts_[i].chains()))
        continue;
      changed = i;
      ++changes;
    }
    if (!alike || changes > 1) {
      throw core::ConfigurationError(fmt::format(
          "{}: 'logdet' has no derivative of this product with diagonals over the whole grid",
          context_.job.where(context_.job.formula.position)));
    }
    const auto& chains = changed == 0 ? term.chains : term.steps[changed - 1].chains;
    const KroneckerProduct& bottom = parts_[changed];
    const KroneckerProduct top(context_.comm, context_.builder.workspace(),
                               term.scale / op.scale * bottom.scale(), chains,
                               bottom.input_layout().leading_modes());
    return operators::trace_of_ratio(bottom, top);
  }

  static bool same_chains(const std::vector<factors::Chain>& a,
                          const std::vector<factors::Chain>& b) {
    return std::ranges::equal(a, b, [](const factors::Chain& one, const factors::Chain& other) {
      return std::ranges::equal(one, other, [](const factors::Link& x, const factors::Link& y) {
        return x.factor == y.factor && x.transposed == y.transposed && x.inverse == y.inverse;
      });
    });
  }

  static bool same_diagonals(const LoweredProduct::Step& a, const LoweredProduct::Step& b) {
    return std::ranges::equal(a.diagonals, b.diagonals, [](const auto& one, const auto& other) {
      return one.name == other.name && one.inverse == other.inverse;
    });
  }

  void include(const Determinant& part) {
    determinant_.log_abs += part.log_abs;
    determinant_.sign *= part.sign;
  }

  TaskContext& context_;
  std::vector<KroneckerProduct> parts_;
  Determinant determinant_;
};

/// Sums whose factors are brought to simple form together: from the eigenvalues.
class SpectralDeterminant final : public LogDeterminant {
 public:
  SpectralDeterminant(TaskContext& context, methods::SpectralForm form)
      : context_(context), form_(std::move(form)) {
    operators::check_regular(context.comm, *form_.sum);
    determinant_ = operators::spectral_determinant(context.comm, *form_.sum);
  }
  StochasticValue value() override { return {.value = determinant_.log_abs}; }
  std::optional<int> sign() const override { return determinant_.sign; }
  std::string why() const override {
    return "direct: from the eigenvalues (" + form_.description() + ")";
  }

  StochasticValue derivative(const std::string& parameter) override {
    const SumOfProducts& top = context_.problem.derivatives.at(parameter);
    if (auto terms = in_bases_of(context_.data, form_, top)) {
      return {.value = operators::trace_of_inverse(context_.comm, *form_.sum, *terms)};
    }
    if (!full_) full_ = find_spectral_form(context_.data, context_.problem.sum, false);
    if (!*full_ || !full_->sum) {
      throw core::ConfigurationError(fmt::format(
          "{}: the derivative of 'logdet' by '{}' needs eigenvectors of moderate condition: {}",
          context_.job.where(context_.job.formula.position), parameter,
          full_->why_not.empty() ? "only a Schur form exists" : full_->why_not));
    }
    std::vector<operators::ScaledProduct> products;
    for (const LoweredProduct& term : context_.derivatives.at(parameter)) {
      products.push_back({term.scale, term.chains});
    }
    return {.value = operators::trace_of_inverse(context_.comm, *full_->sum, products)};
  }

 private:
  TaskContext& context_;
  methods::SpectralForm form_;
  std::optional<methods::SpectralForm> full_;
  Determinant determinant_;
};

std::unique_ptr<LogDeterminant> make_log_determinant(TaskContext& context) {
  const auto wanted = context.job.solver.method;
  const int ranks = context.comm.size();
  methods::DeterminantChoice choice = foresee_determinant(context.problem, wanted, ranks);
  if (choice.kind == methods::DeterminantKind::product)
    return std::make_unique<ProductDeterminant>(context);
  if (wanted != configuration::Method::krylov) {
    // The values of the matrices may allow what their names do not.
    methods::SpectralForm form = find_spectral_form(context.data, context.problem.sum, true);
    if (form) return std::make_unique<SpectralDeterminant>(context, std::move(form));
    choice = determinant_without_structure(context.problem, wanted, ranks, form.why_not);
  }
  return choice.kind == methods::DeterminantKind::dense
             ? make_dense_determinant(context, choice.why)
             : make_estimated_determinant(context, choice.why);
}

/// A derivative and, of an estimate, its errors.
void write_derivative(TaskContext& context, const LogDeterminant& determinant,
                      const std::string& path, const std::string& errors, const std::string& label,
                      const StochasticValue& value) {
  check_finite(value.value, path);
  context.file.write_scalar(path, value.value);
  std::string text = fmt::format("{} {:.12g}", label, value.value);
  if (!determinant.exact()) {
    context.file.write_scalar(fmt::format(fmt::runtime(errors), "standard_error"),
                              value.standard_error);
    context.file.write_scalar(fmt::format(fmt::runtime(errors), "bias_bound"), value.bias_bound);
    text += " " + bias_text(value);
  }
  context.report.line(text);
}

void write_derivatives(TaskContext& context, LogDeterminant& determinant, double result) {
  const auto& job = context.job;
  const auto scaled = [](StochasticValue value, double factor) {
    value.value *= factor;
    value.standard_error *= std::abs(factor);
    value.bias_bound *= std::abs(factor);
    return value;
  };
  if (job.gradient) {
    const double cotangent = read_scalar_cotangent(context.comm, context.job, result);
    for (const auto& parameter : job.gradient->parameters) {
      const std::string& name = parameter.value;
      write_derivative(context, determinant, "/gradient/" + name, "/gradient_{}/" + name,
                       fmt::format("gradient    {} =", name),
                       scaled(determinant.derivative(name), cotangent));
    }
  }
  if (job.tangent) {
    // The probes of all parameters are the same ones, so that their errors may add up.
    StochasticValue change;
    for (const auto& [name, direction] : job.tangent->parameters) {
      const StochasticValue part = scaled(determinant.derivative(name), direction.value);
      change.value += part.value;
      change.standard_error += part.standard_error;
      change.bias_bound += part.bias_bound;
    }
    write_derivative(context, determinant, "/tangent", "/tangent_{}", "tangent    ", change);
  }
}

std::string value_text(const LogDeterminant& determinant, const StochasticValue& value) {
  std::string text = fmt::format("result      log|det| = {:.15g}", value.value);
  if (!determinant.exact()) text += " " + error_text(value);
  if (const auto sign = determinant.sign()) text += fmt::format(", sign {:+d}", *sign);
  return text;
}

void write_value(TaskContext& context, const LogDeterminant& determinant,
                 const StochasticValue& value) {
  context.file.write_scalar("/result", value.value);
  if (const auto sign = determinant.sign()) context.file.write_scalar("/sign", *sign);
  context.report.set("method", determinant.why());
  if (const auto condition = determinant.condition()) {
    context.report.set("condition", *condition);
    context.report.set("error_estimate", *condition * std::numeric_limits<double>::epsilon());
  }
  if (determinant.exact()) return;
  context.file.write_scalar("/standard_error", value.standard_error);
  context.file.write_scalar("/quadrature_error", value.quadrature_error);
  context.report.set("iterations", value.steps);
  if (!value.settled) context.failure = not_settled_text(value);
}

}  // namespace

void run_logdet(TaskContext& context) {
  Stages& stages = context.stages;
  std::unique_ptr<LogDeterminant> determinant;
  StochasticValue value;
  stages.run("factorise", [&] {
    determinant = make_log_determinant(context);
    value = determinant->value();
  });
  check_finite(value.value, "/result");
  stages.report("factorise", determinant->why());
  context.report.line(value_text(*determinant, value));
  write_value(context, *determinant, value);
  stages.run("gradient", [&] { write_derivatives(context, *determinant, value.value); });
  if (context.job.gradient) stages.report("gradient", "traces");
  context.report.set("converged", Index{context.failure.empty() ? 1 : 0});
}

}  // namespace kronwerk::application
