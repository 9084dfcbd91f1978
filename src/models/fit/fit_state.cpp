// What kronwerk/models/fit/fit.hpp declares of a state is defined here too.
#include "models/fit/fit_state.hpp"

#include <fmt/format.h>

#include <cstdlib>
#include <iomanip>
#include <sstream>

#include "kronwerk/core/error.hpp"

namespace kronwerk::models {
namespace {

// Hexadecimal numbers come back to the last bit.
std::string numbers(const std::vector<double>& values) {
  std::string text;
  for (const double each : values) text += fmt::format(" {:a}", each);
  return text;
}

// Columns of a mean are names too, with spaces in them: "kron(1, 1)".
std::string quoted(const std::string& name) {
  std::ostringstream text;
  text << std::quoted(name);
  return text.str();
}

class StateReader {
 public:
  explicit StateReader(const std::string& text) : text_(text) {}

  FitState read() {
    FitState state;
    expect("kronwerk fit state 2");
    std::istringstream seed(after("seed"));
    if (!(seed >> state.seed)) fail("a seed");
    std::istringstream names(after("parameters"));
    for (std::string name; names >> std::quoted(name);) state.names.push_back(name);
    std::istringstream count(after("starts"));
    std::size_t starts = 0;
    if (!(count >> starts)) fail("a number of starts");
    while (state.starts.size() < starts) state.starts.push_back(read_start());
    std::istringstream calls(after("evaluations"));
    std::size_t evaluations = 0;
    if (!(calls >> evaluations)) fail("a number of evaluations");
    while (state.evaluations.size() < evaluations) state.evaluations.push_back(read_evaluation());
    expect("end");
    return state;
  }

 private:
  StartState read_start() {
    StartState start;
    std::istringstream counts(after("start"));
    if (!(counts >> start.iterations >> start.evaluations >> start.finished >> start.converged)) {
      fail("the four numbers of a start");
    }
    const auto values = doubles(after("objective"));
    if (values.size() != 2) fail("an objective and a gradient");
    start.objective = values[0];
    start.gradient_norm = values[1];
    start.parameters = doubles(after("values"));
    start.history = doubles(after("history"));
    start.outcome = after("outcome");
    return start;
  }

  RecordedEvaluation read_evaluation() {
    RecordedEvaluation evaluation;
    evaluation.parameters = doubles(after("at"));
    const auto values = doubles(after("gave"));
    if (values.empty()) return evaluation;
    evaluation.defined = true;
    const std::size_t gradient = evaluation.parameters.size();
    if (values.size() != 1 + gradient && values.size() != 1 + 2 * gradient) {
      fail(fmt::format("a value, {} derivatives and perhaps their standard errors", gradient));
    }
    const auto derivatives = values.begin() + 1;
    const auto errors = derivatives + static_cast<std::ptrdiff_t>(gradient);
    evaluation.result = {values[0], {derivatives, errors}, {errors, values.end()}};
    return evaluation;
  }

  std::string line() {
    std::string text;
    if (!std::getline(text_, text)) fail("another line");
    ++number_;
    return text;
  }

  void expect(const std::string& wanted) {
    if (line() != wanted) fail("'" + wanted + "'");
  }

  /// What follows the word that a line begins with.
  std::string after(const std::string& word) {
    const auto text = line();
    if (text == word) return {};
    if (!text.starts_with(word + " ")) fail("'" + word + "'");
    return text.substr(word.size() + 1);
  }

  std::vector<double> doubles(const std::string& text) {
    std::vector<double> values;
    std::istringstream words(text);
    for (std::string word; words >> word;) {
      char* end = nullptr;
      values.push_back(std::strtod(word.c_str(), &end));
      if (*end != '\0') fail("a number instead of '" + word + "'");
    }
    return values;
  }

  [[noreturn]] void fail(const std::string& wanted) const {
    throw core::DataError(fmt::format(
        "line {} of a fit's checkpoint: expected {}; remove the checkpoint to begin anew", number_,
        wanted));
  }

  std::istringstream text_;
  int number_ = 0;
};

}  // namespace

std::string to_text(const FitState& state) {
  std::string text = fmt::format("kronwerk fit state 2\nseed {}\nparameters", state.seed);
  for (const auto& name : state.names) text += " " + quoted(name);
  text += fmt::format("\nstarts {}\n", state.starts.size());
  for (const auto& start : state.starts) {
    text += fmt::format("start {} {} {:d} {:d}\nobjective{}\nvalues{}\nhistory{}\noutcome {}\n",
                        start.iterations, start.evaluations, start.finished, start.converged,
                        numbers({start.objective, start.gradient_norm}), numbers(start.parameters),
                        numbers(start.history), start.outcome);
  }
  text += fmt::format("evaluations {}\n", state.evaluations.size());
  for (const auto& [parameters, defined, result] : state.evaluations) {
    text += "at" + numbers(parameters) + "\ngave";
    if (defined) {
      text += numbers({result.value}) + numbers(result.gradient) + numbers(result.gradient_errors);
    }
    text += "\n";
  }
  return text + "end\n";
}

FitState parse_fit_state(const std::string& text) {
  return StateReader(text).read();
}

void check_same_fit(const FitState& kept, const FitState& now) {
  bool same =
      kept.names == now.names && kept.seed == now.seed && kept.starts.size() == now.starts.size();
  for (const auto& start : kept.starts) {
    same = same && (start.parameters.empty() || start.parameters.size() == now.names.size());
  }
  if (same) return;
  throw core::ConfigurationError(
      "the fit to resume had other parameters, another seed or another number of starts; "
      "remove its checkpoint to begin anew");
}

}  // namespace kronwerk::models
