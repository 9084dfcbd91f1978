#include "application/kernels/kernel_scales.hpp"

#include <fmt/format.h>

#include <functional>

#include "kronwerk/formulas/syntax.hpp"

namespace kronwerk::application {
namespace {

struct Argument {
  std::size_t place;
  const char* name;
};

/// The arguments of covariance functions that must be positive.
const std::map<std::string, std::vector<Argument>>& positive_arguments() {
  static const std::map<std::string, std::vector<Argument>> arguments{
      {"rbf", {{1, "length scale"}}},
      {"exponential", {{1, "length scale"}}},
      {"matern32", {{1, "length scale"}}},
      {"matern52", {{1, "length scale"}}},
      {"rational_quadratic", {{1, "length scale"}, {2, "shape"}}},
      {"periodic", {{1, "length scale"}, {2, "period"}}},
      {"cosine", {{1, "period"}}},
  };
  return arguments;
}

/// Calls visit(argument's name, its text) for each of them in a formula.
void visit_arguments(const std::string& formula, const formulas::Syntax& syntax,
                     const std::function<void(const char*, const std::string&)>& visit) {
  for (const auto& argument : syntax.arguments) visit_arguments(formula, *argument, visit);
  const auto found = positive_arguments().find(syntax.text);
  if (syntax.kind != formulas::SyntaxKind::call || found == positive_arguments().end()) return;
  for (const auto& [place, name] : found->second) {
    const formulas::Span span = syntax.arguments.at(place)->span;
    visit(name, formula.substr(span.begin, span.end - span.begin));
  }
}

/// F of no index at all.
double value_of(const kernels::Expression& formula, const kernels::Constants& constants) {
  const kernels::Program program(formula, constants, kernels::Precision::float64);
  const kernels::Side one{0, 1, {}};
  double value = 0;
  kernels::evaluate(program, one, one, std::span(&value, 1), 1);
  return value;
}

}  // namespace

KernelScales::KernelScales(const communication::Communicator& comm, const configuration::Job& job,
                           const std::map<std::string, KernelMatrix>& kernels)
    : comm_(&comm), job_(&job), kernels_(&kernels) {
  for (const auto& [name, kernel] : kernels) {
    const auto& formula = job.kernels.at(name).formula;
    const std::string where = job.where(formula.position);
    kernels::Symbols symbols;
    if (kernel.one_cloud) {
      symbols.first_point = "x";
      symbols.second_point = "y";
    }
    for (const auto& [variable, points] : kernel.variables) {
      symbols.variables[variable] = points.symbol;
    }
    for (const auto& [parameter, value] : job.parameters) symbols.parameters.insert(parameter);
    auto& scales = scales_[name];
    const auto syntax = formulas::parse({formula.value, where});
    visit_arguments(formula.value, *syntax, [&](const char* what, const std::string& text) {
      const auto whole = kernels::analyse(text, symbols, where);
      if (whole.varies(kernels::both_axes)) return;
      const std::string title = fmt::format("{} '{}'", what, text);
      if (whole.dimension() == 1) {
        scales.push_back({title, whole});
        return;
      }
      for (int c = 0; c < whole.dimension(); ++c) {
        scales.push_back({fmt::format("{}, component {},", title, c),
                          kernels::analyse(fmt::format("elem({}, {})", text, c), symbols, where)});
      }
    });
  }
}

void KernelScales::check(const std::map<std::string, double>& parameters) const {
  for (const auto& [name, scales] : scales_) {
    const auto constants = read_constants(*comm_, kernels_->at(name).variables, parameters);
    for (const auto& [title, formula] : scales) {
      const double value = value_of(formula, constants);
      if (value > 0) continue;
      throw core::DataError(
          fmt::format("{}: the {} of the kernel '{}' is {:.6g}; expected a positive number",
                      job_->where(job_->kernels.at(name).formula.position), title, name, value));
    }
  }
}

}  // namespace kronwerk::application
