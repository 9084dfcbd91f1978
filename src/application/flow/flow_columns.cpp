#include "application/flow/flow_columns.hpp"

#include <fmt/format.h>

#include "application/inputs/vector_reader.hpp"
#include "kronwerk/core/text.hpp"
#include "kronwerk/factors/base/make.hpp"
#include "kronwerk/models/flow/moments.hpp"

namespace kronwerk::application {
namespace {

using formulas::BinaryOperator;
using formulas::Syntax;
using formulas::SyntaxKind;

constexpr const char* grammar =
    "a column of the mean is kron(u, v), diagonal(u) or grid(g), where u and v are 1, the name of "
    "a vector, or a matrix times one, such as W*pop";

const Syntax& without_parentheses(const Syntax& syntax) {
  return syntax.kind == SyntaxKind::parentheses ? without_parentheses(*syntax.arguments[0])
                                                : syntax;
}

/// Puts numbers in for the vectors and matrices of one column.
class VectorFormula {
 public:
  VectorFormula(const formulas::Source& source, const std::map<std::string, io::DatasetInfo>& data,
                const std::map<std::string, factors::FactorPtr>& factors)
      : source_(source), data_(data), factors_(factors) {}

  std::vector<double> vector(const Syntax& given, core::Index extent) const {
    const Syntax& syntax = without_parentheses(given);
    if (syntax.kind == SyntaxKind::number) {
      if (syntax.value != 1) fail(syntax, grammar);
      return std::vector<double>(static_cast<std::size_t>(extent), 1.0);
    }
    if (syntax.kind == SyntaxKind::name) return named(syntax, extent);
    if (!is_product(syntax)) fail(syntax, grammar);
    const factors::Chain chain = matrix(*syntax.arguments[0]);
    check(syntax, factors::rows(chain), extent, "rows");
    return models::multiply(chain, vector(*syntax.arguments[1], factors::cols(chain)));
  }

 private:
  static bool is_product(const Syntax& syntax) {
    return syntax.kind == SyntaxKind::binary && syntax.operation == BinaryOperator::multiply;
  }

  [[noreturn]] void fail(const Syntax& syntax, const std::string& message) const {
    formulas::fail_at(source_, syntax.span, message);
  }

  void check(const Syntax& syntax, core::Index found, core::Index expected,
             const char* what) const {
    if (found == expected) return;
    throw core::ShapeError(fmt::format("{}: '{}' in the column {} has {} {}; expected {}",
                                       source_.where, formulas::excerpt(source_, syntax.span),
                                       source_.text, found, what, expected));
  }

  const io::DatasetInfo& info_of(const Syntax& syntax) const {
    const auto found = data_.find(syntax.text);
    if (found != data_.end()) return found->second;
    std::vector<std::string> known;
    for (const auto& [name, info] : data_) known.push_back(name);
    fail(syntax, fmt::format("'{}' is not among the matrices{}", syntax.text,
                             core::suggestion(syntax.text, known)));
  }

  std::vector<double> named(const Syntax& syntax, core::Index extent) const {
    const io::DatasetInfo& info = info_of(syntax);
    if (info.sparse || info.shape.size() != 1) {
      fail(syntax, fmt::format("'{}' is a matrix of {}; here a vector is expected, such as {}*v",
                               syntax.text, core::to_text(info.shape), syntax.text));
    }
    check(syntax, info.shape[0], extent, "numbers");
    return factors_.at(syntax.text)->diagonal();
  }

 public:
  /// M of M x, x the vector of this name, which the formula has; the identity for x itself.
  factors::Chain before(const Syntax& given, const std::string& name, core::Index extent) const {
    const Syntax& syntax = without_parentheses(given);
    if (syntax.kind == SyntaxKind::name) return {{factors::make_identity(extent)}};
    factors::Chain chain = matrix(*syntax.arguments[0]);
    if (const Syntax& rest = without_parentheses(*syntax.arguments[1]);
        rest.kind != SyntaxKind::name) {
      const factors::Chain more = before(rest, name, extent);
      chain.insert(chain.end(), more.begin(), more.end());
    }
    return chain;
  }

 private:
  factors::Chain matrix(const Syntax& given) const {
    const Syntax& syntax = without_parentheses(given);
    if (syntax.kind == SyntaxKind::transpose) {
      return factors::transposed(matrix(*syntax.arguments[0]));
    }
    if (is_product(syntax)) {
      factors::Chain left = matrix(*syntax.arguments[0]);
      const factors::Chain right = matrix(*syntax.arguments[1]);
      check(*syntax.arguments[1], factors::rows(right), factors::cols(left), "rows");
      left.insert(left.end(), right.begin(), right.end());
      return left;
    }
    if (syntax.kind != SyntaxKind::name) fail(syntax, grammar);
    const io::DatasetInfo& info = info_of(syntax);
    if (info.shape.size() != 2) {
      fail(syntax, fmt::format("'{}' has the shape {}; a vector is multiplied by matrices only",
                               syntax.text, core::to_text(info.shape)));
    }
    return {{factors_.at(syntax.text), false, false}};
  }

  const formulas::Source& source_;
  const std::map<std::string, io::DatasetInfo>& data_;
  const std::map<std::string, factors::FactorPtr>& factors_;
};

/// The names of a product in their order, the last of which is a vector.
void collect_product(const Syntax& given, bool transposed,
                     std::vector<NameAlongModes::Matrix>& names) {
  const Syntax& syntax = without_parentheses(given);
  if (syntax.kind == SyntaxKind::transpose) {
    collect_product(*syntax.arguments[0], !transposed, names);
  } else if (syntax.kind == SyntaxKind::binary) {
    collect_product(*syntax.arguments[transposed ? 1 : 0], transposed, names);
    collect_product(*syntax.arguments[transposed ? 0 : 1], transposed, names);
  } else if (syntax.kind == SyntaxKind::name) {
    names.push_back({syntax.text, transposed});
  }
}

}  // namespace

FlowColumnReader::FlowColumnReader(const communication::Communicator& comm,
                                   const configuration::Job& job,
                                   const std::vector<configuration::Placed<std::string>>& columns)
    : comm_(&comm), job_(&job) {
  for (const auto& column : columns) {
    formulas::Source source{column.value, job.where(column.position)};
    auto syntax = formulas::parse(source);
    columns_.push_back({column.value, std::move(source), std::move(syntax)});
    collect_names(columns_.back());
  }
}

void FlowColumnReader::collect_names(const Column& column) {
  const Syntax& syntax = *column.syntax;
  const std::size_t expected = syntax.text == "kron" ? 2 : 1;
  const bool known = syntax.kind == SyntaxKind::call &&
                     (syntax.text == "kron" || syntax.text == "diagonal" || syntax.text == "grid");
  if (!known || syntax.arguments.size() != expected) {
    formulas::fail_at(column.source, syntax.span, grammar);
  }
  if (syntax.text != "grid") {
    for (const std::string& name : formulas::names(syntax)) factors_.insert(name);
  } else if (syntax.arguments[0]->kind != SyntaxKind::name) {
    formulas::fail_at(column.source, syntax.arguments[0]->span,
                      "grid() takes the name of a dataset with a number for every pair");
  }
}

std::vector<NameAlongModes> FlowColumnReader::names_along_modes() const {
  std::vector<NameAlongModes> names;
  for (const Column& column : columns_) {
    const auto& arguments = column.syntax->arguments;
    for (std::size_t k = 0; k < arguments.size(); ++k) {
      NameAlongModes name;
      collect_product(*arguments[k], false, name.matrices);
      if (name.matrices.empty()) continue;
      name.name = name.matrices.back().name;
      name.matrices.pop_back();
      name.modes = arguments.size() == 1 ? std::vector<std::size_t>{0, 1} : std::vector{k};
      names.push_back(std::move(name));
    }
  }
  return names;
}

std::vector<double> FlowColumnReader::read_grid(const Problem& problem, const Column& column,
                                                const core::Extents& extents) const {
  const std::string& name = column.syntax->arguments[0]->text;
  const auto found = job_->matrices.find(name);
  if (found == job_->matrices.end()) {
    formulas::fail_at(column.source, column.syntax->arguments[0]->span,
                      fmt::format("'{}' is not among the matrices", name));
  }
  const io::DatasetInfo& info = problem.data.at(name);
  if (info.sparse || info.shape != extents) {
    throw core::ShapeError(fmt::format(
        "{}: '{}' in the column {} is {} of {}; expected a dataset of {}, a number for every pair",
        column.source.where, name, column.text, info.sparse ? "a sparse matrix" : "a dataset",
        core::to_text(info.shape), core::to_text(extents)));
  }
  const VectorReader reader(
      *comm_, *job_, {found->second.value, configuration::Transform::none, found->second.position},
      "matrices." + name, extents);
  const distribution::Layout layout(extents, 1, comm_->size());
  std::vector<double> values;
  communication::collectively(
      *comm_, [&] { values.resize(static_cast<std::size_t>(layout.home_size(comm_->rank()))); });
  reader.read(0, layout, values);
  return values;
}

std::vector<models::FlowColumn> FlowColumnReader::read(const Problem& problem,
                                                       methods::OperatorData& data,
                                                       const core::Extents& extents) const {
  std::vector<models::FlowColumn> result;
  for (const Column& column : columns_) {
    models::FlowColumn& read = result.emplace_back();
    read.text = column.text;
    const VectorFormula formula(column.source, problem.data, data.matrices());
    const auto& arguments = column.syntax->arguments;
    if (column.syntax->text == "grid") {
      read.kind = models::FlowColumn::Kind::grid;
      read.grid = read_grid(problem, column, extents);
    } else if (column.syntax->text == "kron") {
      read.origin = formula.vector(*arguments[0], extents[0]);
      read.destination = formula.vector(*arguments[1], extents[1]);
    } else {
      if (extents[0] != extents[1]) {
        throw core::ShapeError(
            fmt::format("{}: the column {} is for flows between the same regions; here are {}",
                        column.source.where, column.text, core::to_text(extents)));
      }
      read.kind = models::FlowColumn::Kind::diagonal;
      read.origin = formula.vector(*arguments[0], extents[0]);
    }
  }
  return result;
}

std::vector<models::AttributeUse> FlowColumnReader::uses(
    const configuration::Placed<std::string>& attribute, const Problem& problem,
    const methods::OperatorData& data, const core::Extents& extents) const {
  using Place = models::AttributeUse::Place;
  std::vector<models::AttributeUse> result;
  std::set<std::string> known;
  for (std::size_t c = 0; c < columns_.size(); ++c) {
    const Column& column = columns_[c];
    if (column.syntax->text == "grid") continue;
    const auto& arguments = column.syntax->arguments;
    std::vector<std::size_t> places;
    for (std::size_t side = 0; side < arguments.size(); ++side) {
      const auto names = formulas::names(*arguments[side]);
      known.insert(names.begin(), names.end());
      if (std::ranges::find(names, attribute.value) != names.end()) places.push_back(side);
    }
    if (places.empty()) continue;
    if (places.size() > 1) {
      formulas::fail_at(column.source, column.syntax->span,
                        fmt::format("effects are of columns that are linear in the attribute; "
                                    "'{}' stands on both sides of this one",
                                    attribute.value));
    }
    const VectorFormula formula(column.source, problem.data, data.matrices());
    const bool diagonal = arguments.size() == 1;
    const std::size_t side = places[0];
    result.push_back(
        {diagonal    ? Place::diagonal
         : side == 0 ? Place::origin
                     : Place::destination,
         formula.before(*arguments[side], attribute.value, extents[side]),
         diagonal ? std::vector<double>{} : formula.vector(*arguments[1 - side], extents[1 - side]),
         c});
  }
  if (!result.empty()) return result;
  throw core::ConfigurationError(fmt::format(
      "{}: no column of the mean has the attribute '{}'{}", job_->where(attribute.position),
      attribute.value,
      core::suggestion(attribute.value, std::vector<std::string>(known.begin(), known.end()))));
}

}  // namespace kronwerk::application
