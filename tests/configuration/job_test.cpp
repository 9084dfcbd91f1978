#include "kronwerk/configuration/job.hpp"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>

#include "configuration/job_text.hpp"
#include "kronwerk/core/error.hpp"
#include "kronwerk/core/text.hpp"

namespace kronwerk::configuration {
namespace {

const std::string good = R"yaml(task: solve
parameters: {rho_o: 0.35, rho_d: 0.40}
matrices:
  W: {file: flights.h5, dataset: /W}
operator: "kron(I - rho_o*W, I - rho_d*W)"
input: {file: flights.h5, dataset: /y, transform: log1p}
gradient:
  cotangent: {file: /data/g.h5, dataset: /g}
  parameters: [rho_o, rho_d]
  input: true
tangent: {parameters: {rho_o: 1}, input: {random: uniform, seed: 7}}
solver: {method: krylov, tolerance: 1.0e-8, max_iterations: 50}
output: {file: results/flights.h5, overwrite: true}
batch: 3
petsc: "-ksp_monitor"
)yaml";

std::string with(const std::string& from, const std::string& to) {
  return replaced(good, from, to);
}

TEST(Job, ReadsEveryKey) {
  const Job job = parse_job(good, "configs/x.yaml");
  EXPECT_EQ(job.task, Task::solve);
  EXPECT_EQ(job.parameters.at("rho_d").value, 0.40);
  EXPECT_EQ(job.where(job.parameters.at("rho_d").position), "configs/x.yaml:2:27");
  EXPECT_EQ(job.matrices.at("W").value.file, "configs/flights.h5");
  EXPECT_EQ(job.matrices.at("W").value.dataset, "/W");
  EXPECT_EQ(job.formula.value, "kron(I - rho_o*W, I - rho_d*W)");
  EXPECT_EQ(job.formula.position.line, 5);
  EXPECT_EQ(job.input->transform, Transform::log1p);
  EXPECT_EQ(std::get<DatasetReference>(job.input->source).dataset, "/y");
  EXPECT_EQ(job.gradient->cotangent.kind, CotangentKind::dataset);
  EXPECT_EQ(job.gradient->cotangent.dataset.file, "/data/g.h5");
  ASSERT_EQ(job.gradient->parameters.size(), 2U);
  EXPECT_EQ(job.gradient->parameters[1].value, "rho_d");
  EXPECT_TRUE(job.gradient->input);
  EXPECT_EQ(job.tangent->parameters.at("rho_o").value, 1);
  const auto random = std::get<RandomReference>(job.tangent->input->source);
  EXPECT_EQ(random.kind, RandomKind::uniform);
  EXPECT_EQ(random.seed, 7U);
  EXPECT_EQ(job.solver.method, Method::krylov);
  EXPECT_EQ(job.solver.tolerance, 1e-8);
  EXPECT_EQ(job.solver.max_iterations, 50);
  EXPECT_EQ(job.output.file, "configs/results/flights.h5");
  EXPECT_TRUE(job.output.overwrite);
  EXPECT_EQ(job.batch, 3);
  EXPECT_EQ(job.petsc_options, "-ksp_monitor");
  EXPECT_TRUE(job.warnings.empty());
  EXPECT_EQ(job.text, good);
}

TEST(Job, HasDefaults) {
  const Job job = parse_job(
      "{task: solve, operator: 'kron(2, 3)', input: {random: normal}, output: r.h5}", "x.yaml");
  EXPECT_EQ(job.output.file, "r.h5");
  EXPECT_FALSE(job.output.overwrite);
  EXPECT_EQ(job.solver.method, Method::automatic);
  EXPECT_EQ(job.solver.tolerance, 1e-10);
  EXPECT_EQ(job.solver.max_iterations, 1000);
  EXPECT_EQ(job.blas_threads, 1);
  EXPECT_EQ(std::get<RandomReference>(job.input->source).seed, 1U);
  EXPECT_FALSE(job.batch);
}

TEST(Job, RefusesUnknownKeysWithTheNearestName) {
  EXPECT_EQ(
      message(with("tolerance: 1.0e-8", "toleranse: 1.0e-8")),
      "configs/x.yaml:12:26: unknown key 'toleranse' in 'solver' (did you mean 'tolerance'?)");
  EXPECT_EQ(message(with("gradient:\n", "gradiant:\n")),
            "configs/x.yaml:7:1: unknown key 'gradiant' (did you mean 'gradient'?)");
  EXPECT_EQ(message(with("dataset: /W", "zzz: /W")),
            "configs/x.yaml:4:25: unknown key 'zzz' in 'matrices.W' (known are: file, dataset, "
            "transpose, given_as)");
}

TEST(Job, NamesATabAsTheCause) {
  EXPECT_EQ(message(with("  input: true", "\tinput: true")),
            "configs/x.yaml:10: a tab indents this line; YAML takes blanks only");
  EXPECT_EQ(message(with("  W: {", "\tW: {")),
            "configs/x.yaml:4: a tab indents this line; YAML takes blanks only");
  EXPECT_EQ(message(with("batch: 3", "batch:\t3")), "accepted");
}

TEST(Job, NamesAFormulaThatBracesCut) {
  const std::string advice =
      " is cut at its comma, since it stands within braces or brackets: write it in quotes, ";
  EXPECT_EQ(message("{task: apply, operator: kron(A, B), input: {file: x.h5, dataset: /x}, "
                    "output: o.h5}"),
            "configs/x.yaml:1:25: the formula 'kron(A, B)'" + advice + "\"kron(A, B)…\"");
  EXPECT_EQ(message("task: fit\nmean: {columns: [kron(1, 1), kron(pop, 1)]}\n"),
            "configs/x.yaml:2:18: the formula 'kron(1, 1)'" + advice + "\"kron(1, 1)…\"");
  EXPECT_EQ(message(with("\"kron(I - rho_o*W, I - rho_d*W)\"", "kron(I - rho_o*W, I - W)")),
            "accepted");
}

TEST(Job, FilesOfTheCommandLineAreWhereItsUserStands) {
  const auto here = std::filesystem::current_path();
  Job job = parse_job(good, "configs/x.yaml", std::vector<std::string>{"output.file=r/o.h5"});
  EXPECT_EQ(job.output.file, (here / "r/o.h5").string());
  // What is kept with the result means the same.
  EXPECT_EQ(parse_job(job.text, "configs/x.yaml").output.file, job.output.file);
  job = parse_job(good, "x.yaml", std::vector<std::string>{"output.file=r/o.h5"});
  EXPECT_EQ(job.output.file, "r/o.h5");
  job = parse_job(good, "configs/x.yaml", std::vector<std::string>{"output=../o.h5"});
  EXPECT_EQ(job.output.file, (here.parent_path() / "o.h5").string());
  job = parse_job(good, "configs/x.yaml", std::vector<std::string>{"matrices.W.file=w.h5"});
  EXPECT_EQ(job.matrices.at("W").value.file, (here / "w.h5").string());
}

TEST(Job, ATildeIsTheHomeOfItsUser) {
  ASSERT_EQ(setenv("HOME", "/home/somebody", 1), 0);
  EXPECT_EQ(
      parse_job(good, "configs/x.yaml", std::vector<std::string>{"output.file=~/o.h5"}).output.file,
      "/home/somebody/o.h5");
  EXPECT_EQ(parse_job(with("results/flights.h5", "~/o.h5"), "configs/x.yaml").output.file,
            "/home/somebody/o.h5");
}

TEST(Job, RefusesDuplicateKeys) {
  EXPECT_EQ(message(good + "task: apply\n"),
            "configs/x.yaml:16:1: duplicate key 'task' (first given on line 1)");
  EXPECT_EQ(message(with("rho_d: 0.40", "rho_o: 0.40")),
            "configs/x.yaml:2:27: duplicate key 'rho_o' in 'parameters' (first given on line 2)");
}

TEST(Job, RefusesMissingKeys) {
  EXPECT_EQ(message(with("task: solve\n", "")),
            "configs/x.yaml: missing key 'task' (what to compute)");
  EXPECT_EQ(message(with(", dataset: /W", "")),
            "configs/x.yaml:4:6: missing key 'dataset' in 'matrices.W' (dataset (dense matrix, "
            "vector) or CSR group (sparse matrix) in it)");
  EXPECT_EQ(message(with(", dataset: /y", "")),
            "configs/x.yaml:6:8: missing key 'dataset' in 'input'");
  EXPECT_EQ(message(with("input: {file: flights.h5, dataset: /y, transform: log1p}\n", "")),
            "configs/x.yaml: missing key 'input', which the task 'solve' is applied to");
  EXPECT_EQ(message(with("  cotangent: {file: /data/g.h5, dataset: /g}\n", "")),
            "configs/x.yaml:8:3: missing key 'cotangent' in 'gradient' (a dataset, 'result' or "
            "'ones')");
  EXPECT_EQ(message(with("{file: results/flights.h5, overwrite: true}", "{overwrite: true}")),
            "configs/x.yaml:13:9: missing key 'file' in 'output' (the result file, "
            "relative to the configuration file)");
}

TEST(Job, RefusesWrongTypes) {
  EXPECT_EQ(message(with("1.0e-8", "small")),
            "configs/x.yaml:12:37: 'solver.tolerance' must be a number, found the text 'small'");
  EXPECT_EQ(message(with("0.35", "\"0.35\"")),
            "configs/x.yaml:2:21: 'parameters.rho_o' must be a number, found the text '0.35'");
  EXPECT_EQ(message(with("0.35", ".inf")),
            "configs/x.yaml:2:21: 'parameters.rho_o' must be a number, found the text '.inf'");
  EXPECT_EQ(message(with("max_iterations: 50", "max_iterations: 50.5")),
            "configs/x.yaml:12:61: 'solver.max_iterations' must be an integer, found the number "
            "50.5");
  EXPECT_EQ(message(with("input: true", "input: maybe")),
            "configs/x.yaml:10:10: 'gradient.input' must be true or false, found the text 'maybe'");
  EXPECT_EQ(message(with("{file: flights.h5, dataset: /W}", "flights.h5")),
            "configs/x.yaml:4:6: 'matrices.W' must be a map, found the text 'flights.h5'");
  EXPECT_EQ(message(with("[rho_o, rho_d]", "rho_o")),
            "configs/x.yaml:9:15: 'gradient.parameters' must be a list, found the text 'rho_o'");
  EXPECT_EQ(message(with("\"-ksp_monitor\"", "")),
            "configs/x.yaml:15:1: 'petsc' must be text, found nothing");
  EXPECT_EQ(
      message("- task\n"),
      "configs/x.yaml: the configuration must be a map of keys such as 'task: solve', found a "
      "list");
}

TEST(Job, RefusesValuesOutOfRange) {
  EXPECT_EQ(
      message(with("1.0e-8", "0")),
      "configs/x.yaml:12:37: 'solver.tolerance' must be greater than 0 and at most 1, found 0");
  EXPECT_EQ(message(with("batch: 3", "batch: 0")),
            "configs/x.yaml:14:8: 'batch' must be at least 1 and at most 2147483647, found 0");
  EXPECT_EQ(message(with("seed: 7", "seed: -7")),
            "configs/x.yaml:11:66: 'tangent.input.seed' must be at least 0, found -7");
}

TEST(Job, RefusesUnknownChoices) {
  EXPECT_EQ(message(with("task: solve", "task: sove")),
            "configs/x.yaml:1:7: 'task' must be one of " + core::join(task_names(), ", ") +
                "; found 'sove' "
                "(did you mean 'solve'?)");
  EXPECT_EQ(message(with("log1p", "log2")),
            "configs/x.yaml:6:51: 'input.transform' must be one of none, log1p, log, sqrt, square, "
            "exp; found 'log2' (did you mean 'log'?)");
  EXPECT_EQ(message(with("{file: /data/g.h5, dataset: /g}", "results")),
            "configs/x.yaml:8:14: 'gradient.cotangent' must be one of result, ones or a map; found "
            "'results' (did you mean 'result'?)");
}

TEST(Job, RefusesContradictions) {
  EXPECT_EQ(message(with("{random: uniform, seed: 7}", "{random: uniform, file: x.h5}")),
            "configs/x.yaml:11:66: 'tangent.input.file' and 'tangent.input.random' exclude each "
            "other");
  EXPECT_EQ(message(with("transform: log1p}", "seed: 3}")),
            "configs/x.yaml:6:46: 'input.seed' needs 'input.random'");
  EXPECT_EQ(
      message(with("{file: flights.h5, dataset: /y, transform: log1p}", "{transform: log1p}")),
      "configs/x.yaml:6:8: 'input' needs either 'file' and 'dataset' or 'random'");
  EXPECT_EQ(message(with("  W:", "  rho_o:")),
            "configs/x.yaml:4:3: 'rho_o' names both a parameter and a matrix; rename one");
  EXPECT_EQ(message(with("[rho_o, rho_d]", "[rho_o, rho_q]")),
            "configs/x.yaml:9:23: 'gradient.parameters' names 'rho_q', which is not among the "
            "parameters (did you mean 'rho_d'?)");
  EXPECT_EQ(message(with("[rho_o, rho_d]", "[rho_o, rho_o]")),
            "configs/x.yaml:9:23: 'rho_o' is named twice in 'gradient.parameters'");
  EXPECT_EQ(message(with("{parameters: {rho_o: 1}, input: {random: uniform, seed: 7}}",
                         "{parameters: {rho: 1}}")),
            "configs/x.yaml:11:24: 'tangent.parameters' names 'rho', which is not among the "
            "parameters");
  EXPECT_EQ(message(with("  W:", "  2W:")),
            "configs/x.yaml:4:3: '2W' in 'matrices' is no name: expected letters, digits and '_', "
            "beginning with a letter or '_'");
}

TEST(Job, RefusesGradientsAndTangentsThatAskForNothing) {
  EXPECT_EQ(
      message(with("  parameters: [rho_o, rho_d]\n  input: true\n", "")),
      "configs/x.yaml:8:3: 'gradient' asks for nothing: name 'parameters' (or 'points') or set "
      "'input: true'");
  EXPECT_EQ(message(with("{parameters: {rho_o: 1}, input: {random: uniform, seed: 7}}",
                         "{parameters: {}}")),
            "configs/x.yaml:11:10: 'tangent' gives no direction: name 'parameters' or 'input'");
}

TEST(Job, RefusesTextThatIsNoSingleYamlDocument) {
  EXPECT_EQ(message(""), "configs/x.yaml: the configuration is empty");
  EXPECT_EQ(message("task: [solve\n"),
            "configs/x.yaml:2:1: this is not YAML: end of sequence flow not found");
  const auto lines = std::count(good.begin(), good.end(), '\n');
  EXPECT_EQ(message(good + "---\n" + good),
            "configs/x.yaml:" + std::to_string(lines + 1) +
                ":1: a second YAML document begins here; expected one: remove the '---'");
  EXPECT_EQ(message("---\n" + good), "accepted");
  EXPECT_EQ(message(good + "...\n"), "accepted");
  EXPECT_EQ(message("? {a: b}\n: c\n"), "configs/x.yaml:1:3: a key must be a plain name");
}

// yaml-cpp finds one empty document after the other where it finds a comma, for ever.
TEST(Job, RefusesACommaThatBelongsToNothing) {
  const std::string what =
      ": this is not YAML: expected 'key: value', or the end of the configuration";
  EXPECT_EQ(message(","), "configs/x.yaml:1:1" + what);
  EXPECT_EQ(message(",\n" + good), "configs/x.yaml:1:1" + what);
}

TEST(Job, RefusesTextThatIsTooLong) {
  const std::string comment =
      good + "#" + std::string(longest_configuration - good.size() - 1, 'x');
  EXPECT_EQ(message(comment), "accepted");
  EXPECT_EQ(message(comment + "x"),
            "configs/x.yaml: has 4194305 bytes; at most 4194304 are allowed. Data belong into HDF5 "
            "files");
}

TEST(Job, RefusesAliasesThatContainThemselves) {
  EXPECT_EQ(message("task: solve\nparameters: &a {b: *a}\n"),
            "configs/x.yaml:2:20: this alias stands within what it repeats");
}

TEST(Job, RefusesAliasesThatMultiply) {
  std::string text = "a: &a [x, x, x, x, x, x, x, x, x, x]\n";
  for (char name = 'b'; name < 'm'; ++name) {
    const std::string item = std::string("*") + static_cast<char>(name - 1);
    text += std::string(1, name) + ": &" + name + " [" + item;
    for (int i = 1; i < 10; ++i) text += ", " + item;
    text += "]\n";
  }
  EXPECT_NE(message(text).find("nested too deeply or too large"), std::string::npos);
  EXPECT_NE(message("a: " + std::string(40, '[') + std::string(40, ']')).find("nested too deeply"),
            std::string::npos);
}

TEST(Job, WarnsOfKeysThatTheTaskDoesNotUse) {
  const std::vector<std::string> overrides{"task=logdet"};
  const Job job = parse_job(good, "x.yaml", overrides);
  EXPECT_EQ(job.task, Task::logdet);
  const std::vector<std::string> expected{
      "x.yaml:6:1: 'input' is not used by the task 'logdet'",
      "x.yaml:10:3: 'gradient.input' is not used by the task 'logdet'",
      "x.yaml:11:35: 'tangent.input' is not used by the task 'logdet'",
      "x.yaml:14:1: 'batch' is not used by the task 'logdet'"};
  EXPECT_EQ(job.warnings, expected);
}

TEST(Overrides, ReplaceAndAddScalars) {
  const std::vector<std::string> overrides{"parameters.rho_o=-0.2",       "solver.tolerance=1e-6",
                                           "operator='kron(W, W)'",       "gradient.cotangent=ones",
                                           "gradient.parameters=[rho_d]", "parameters.extra=3",
                                           "parameters.rho_o=-0.25"};
  const Job job = parse_job(good, "configs/x.yaml", overrides);
  EXPECT_EQ(job.parameters.at("rho_o").value, -0.25);
  EXPECT_EQ(job.parameters.at("extra").value, 3);
  EXPECT_EQ(job.where(job.parameters.at("extra").position), "--set parameters.extra=3");
  EXPECT_EQ(job.where(job.formula.position), "--set operator='kron(W, W)'");
  EXPECT_EQ(job.solver.tolerance, 1e-6);
  EXPECT_EQ(job.gradient->cotangent.kind, CotangentKind::ones);
  ASSERT_EQ(job.gradient->parameters.size(), 1U);
}

TEST(Overrides, AreInTheTextThatRepeatsTheJob) {
  const std::vector<std::string> overrides{"parameters.rho_o=0.125", "petsc='12'"};
  const Job job = parse_job(good, "configs/x.yaml", overrides);
  const Job again = parse_job(job.text, "configs/x.yaml");
  EXPECT_EQ(again.parameters.at("rho_o").value, 0.125);
  EXPECT_EQ(again.petsc_options, "12");
  EXPECT_EQ(again.formula.value, job.formula.value);
  EXPECT_EQ(again.output.overwrite, true);
}

TEST(Overrides, OfAnOutputGivenAsTextAddToIt) {
  const std::string text =
      "{task: apply, operator: 'kron(2, 3)', input: {random: normal}, output: r.h5}";
  const std::vector<std::string> overwrite{"output.overwrite=true"};
  const Job job = parse_job(text, "x.yaml", overwrite);
  EXPECT_EQ(job.output.file, "r.h5");
  EXPECT_TRUE(job.output.overwrite);
}

TEST(Overrides, AddMapsWithoutKeys) {
  const std::string text =
      "task: fit\nparameters: {a: 1, b: 1}\nmatrices: {S: {file: m.h5, dataset: /S}}\n"
      "covariance: \"a*kron(S, S) + b*I\"\nobservations: {file: m.h5, dataset: /y}\n"
      "fit: {parameters: {a: {}}}\noutput: r.h5\n";
  const std::vector<std::string> more{"fit.parameters.b={}"};
  const Job job = parse_job(text, "x.yaml", more);
  EXPECT_EQ(job.gaussian->fit.parameters.size(), 2U);
  EXPECT_EQ(parse_job(job.text, "x.yaml").gaussian->fit.parameters.size(), 2U);
  EXPECT_EQ(message(text, {"task={}"}), "--set task={}: 'task' must be text, found a map");
}

TEST(Overrides, AreRefusedLikeTheFile) {
  EXPECT_EQ(message(good, {"solver.toleranse=1"}),
            "--set solver.toleranse=1: unknown key 'toleranse' in 'solver' (did you mean "
            "'tolerance'?)");
  EXPECT_EQ(message(good, {"nonsense.x=1"}), "--set nonsense.x=1: unknown key 'nonsense'");
  EXPECT_EQ(message(good, {"task"}), "--set task: expected key=value, such as parameters.rho=0.2");
  EXPECT_EQ(message(good, {"parameters.rho_o=many"}),
            "--set parameters.rho_o=many: 'parameters.rho_o' must be a number, found the text "
            "'many'");
  EXPECT_EQ(message(good, {"solver=direct"}),
            "--set solver=direct: 'solver' is a map; set one of its keys, such as 'solver.method'");
  EXPECT_EQ(message(good, {"task.x=1"}), "--set task.x=1: unknown key 'x' in 'task'");
  EXPECT_EQ(message(good, {"task={a: b}"}),
            "--set task={a: b}: only a single value, a list of values or {} can be set");
  EXPECT_EQ(message(good, {"task=[a"}),
            "--set task=[a: this value is not YAML: end of sequence flow not found");
  EXPECT_EQ(message(good + "task: apply\n", {"task=solve"}),
            "configs/x.yaml:16:1: duplicate key 'task' (first given on line 1)");
}

TEST(Job, ReadsProjections) {
  const std::string head = "task: project\ninput: {file: x.h5, dataset: /x}\noutput: r.h5\n";
  const Job job = parse_job(head + "extents: [3, 4]\ntrace: none\nof: gram\n", "x.yaml");
  ASSERT_TRUE(job.projection.has_value());
  EXPECT_EQ(job.projection->extents.value, (core::Extents{3, 4}));
  EXPECT_EQ(job.projection->columns, (core::Extents{3, 4}));
  EXPECT_EQ(job.projection->onto, ProjectionTarget::kronsum);
  EXPECT_EQ(job.projection->of, ProjectionSource::gram);
  EXPECT_EQ(job.projection->trace, TraceChoice::none);
  EXPECT_TRUE(job.warnings.empty());
  const Job product = parse_job(head + "extents: [3, 4]\nonto: kron\ncolumns: [5, 6]\n", "x.yaml");
  EXPECT_EQ(product.projection->onto, ProjectionTarget::kron);
  EXPECT_EQ(product.projection->columns, (core::Extents{5, 6}));
}

TEST(Job, RefusesProjectionsThatDoNotFit) {
  const std::string head = "task: project\ninput: {file: x.h5, dataset: /x}\noutput: r.h5\n";
  const auto refusal = [&](const std::string& rest) {
    try {
      parse_job(head + rest, "x.yaml");
    } catch (const core::ConfigurationError& error) {
      return std::string(error.what());
    }
    return std::string("accepted");
  };
  EXPECT_EQ(refusal(""), "x.yaml: missing key 'extents' (rows of the factors: n_1, …, n_K)");
  EXPECT_EQ(refusal("extents: []\n"),
            "x.yaml:4:10: 'extents' is empty: name the extent of each mode");
  EXPECT_EQ(refusal("extents: [3, 0]\n"), "x.yaml:4:14: 'extents[]' must be at least 1, found 0");
  EXPECT_EQ(refusal("extents: [3, 4]\ncolumns: [3, 4]\n"),
            "x.yaml:5:10: 'columns' needs 'onto: kron'");
  EXPECT_EQ(refusal("extents: [3, 4, 5]\nonto: kron\n"),
            "x.yaml:4:10: 'onto: kron' takes two factors; 'extents' has 3 and 'columns' 3");
  EXPECT_EQ(refusal("extents: [3, 4]\nonto: kron\nof: gram\n"),
            "x.yaml:6:5: 'of: gram' needs 'onto: kronsum'");
}

// yaml-cpp would store another character with the result, which then repeats another run.
TEST(Job, TextThatIsNotUtf8IsRefused) {
  EXPECT_EQ(message(with("kron(I - rho_o", "kron(I - r\xE9")),
            "configs/x.yaml:5: is not UTF-8 text; convert the file (for example by iconv)");
  EXPECT_EQ(message(good, {"output.file=\xE9.h5"}),
            "--set: this is not UTF-8 text: output.file=\xE9.h5");
  EXPECT_EQ(parse_job(with("results/flights.h5", "Flüge.h5"), "x.yaml").output.file, "Flüge.h5");
}

}  // namespace
}  // namespace kronwerk::configuration
