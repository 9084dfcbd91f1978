// What tells about jobs: 'help', 'new', the schema for editors, the completion and the manual page,
// all from the table of keys.
#include "application/reference/reference.hpp"

#include <fmt/format.h>
#include <yaml-cpp/yaml.h>

#include <CLI/CLI.hpp>
#include <filesystem>
#include <sstream>

#include "application/job_test.hpp"
#include "kronwerk/configuration/schema.hpp"
#include "reference/installed_texts.hpp"

namespace kronwerk::application {
namespace {

const std::string examples = std::string(KRONWERK_SOURCE_DIR) + "/configs";

std::string message(const std::function<void()>& work) {
  try {
    work();
  } catch (const core::ConfigurationError& error) {
    return error.what();
  }
  return "nothing was thrown";
}

TEST(KeyHelp, TellsAboutAPathOrAboutAllOfAName) {
  const std::string one = help_of_key("solver.method");
  EXPECT_EQ(one.find("solver.method\n"), 0U);
  EXPECT_NE(one.find("one of   auto, direct, krylov"), std::string::npos) << one;
  EXPECT_NE(help_of_key("matrices.W.file").find("matrices.*.file\n"), std::string::npos);
  const std::string several = help_of_key("transform");
  EXPECT_NE(several.find("input.transform\n"), std::string::npos) << several;
  EXPECT_NE(several.find("observations.transform\n"), std::string::npos) << several;
  EXPECT_NE(message([] { help_of_key("toleranse"); }).find("(did you mean 'tolerance'?)"),
            std::string::npos);
}

class NewJob : public JobTest {};

TEST_F(NewJob, OfEveryTaskRunsOnTheExamples) {
  std::size_t found = 0;
  for (const std::string& task : configuration::task_names()) {
    if (!std::filesystem::exists(examples + "/templates/" + task + ".yaml")) continue;
    ++found;
    // All of them take seconds: once is enough.
    if (comm_.size() > 1 && task != "solve" && task != "effects" && task != "reduce") continue;
    SCOPED_TRACE(task);
    std::string text = new_job(task, examples);
    EXPECT_EQ(text.find("../"), std::string::npos);
    EXPECT_EQ(text.find("# "), 0U);
    std::vector<std::string> less;
    if (task == "posterior") {
      less = {"posterior.chains=2", "posterior.warmup=150", "posterior.draws=20"};
    }
    const Outcome outcome = run(text, less);
    // Few draws are not enough for the diagnostics.
    EXPECT_TRUE(outcome.code == 0 || (task == "posterior" && outcome.code == 3)) << outcome.message;
    EXPECT_TRUE(std::filesystem::exists(path(task + ".h5")));
    if (task == "fit") {
      EXPECT_EQ(read("/mean/coefficients", "fit.h5").size(), 1U);
    }
  }
  EXPECT_GE(found, 16U);
  EXPECT_NE(message([] { new_job("slove", examples); }).find("did you mean 'solve'?"),
            std::string::npos);
}

/// What a schema refuses of a value, "" for nothing: of draft 7 what is used here.
std::string refusal(const YAML::Node& schema, const YAML::Node& value, const std::string& path) {
  const auto is = [&](const std::string& type) {
    if (type == "object") return value.IsMap();
    if (type == "array") return value.IsSequence();
    if (!value.IsScalar()) return false;
    double number = 0;
    bool truth = false;
    const bool quoted = value.Tag() == "!";
    if (type == "number" || type == "integer") {
      return !quoted && YAML::convert<double>::decode(value, number);
    }
    if (type == "boolean") return !quoted && YAML::convert<bool>::decode(value, truth);
    return true;
  };
  if (schema["type"]) {
    const YAML::Node types = schema["type"];
    bool fits = types.IsScalar() && is(types.Scalar());
    for (const auto& type : types) fits = fits || is(type.Scalar());
    if (!fits) return path + ": has another type";
  }
  if (schema["enum"]) {
    bool fits = false;
    for (const auto& choice : schema["enum"]) fits = fits || choice.Scalar() == value.Scalar();
    if (!fits) return path + ": is none of the choices";
  }
  if (schema["anyOf"]) {
    bool fits = false;
    for (const auto& part : schema["anyOf"]) fits = fits || refusal(part, value, path).empty();
    if (!fits) return path + ": fits none of the alternatives";
  }
  if (value.IsMap()) {
    for (const auto& name : schema["required"]) {
      if (!value[name.Scalar()]) return path + ": has no " + name.Scalar();
    }
    for (const auto& entry : value) {
      const std::string key = entry.first.Scalar();
      const YAML::Node known = schema["properties"][key];
      const YAML::Node other = schema["additionalProperties"];
      if (!known.IsDefined() && !other.IsMap()) return path + "." + key + ": is not known";
      const auto inside =
          refusal(known.IsDefined() ? known : other, entry.second, path + "." + key);
      if (!inside.empty()) return inside;
    }
  }
  if (value.IsSequence() && schema["items"]) {
    for (const auto& item : value) {
      const auto inside = refusal(schema["items"], item, path + "[]");
      if (!inside.empty()) return inside;
    }
  }
  return "";
}

TEST(JsonSchema, TakesEveryExampleAndHasEveryKey) {
  const YAML::Node schema = YAML::Load(reference::json_schema());
  std::size_t jobs = 0;
  for (const auto& file : std::filesystem::recursive_directory_iterator(examples)) {
    if (file.path().extension() != ".yaml") continue;
    const YAML::Node job = YAML::LoadFile(file.path().string());
    if (!job["task"]) continue;  // of a scaling study, a machine
    ++jobs;
    EXPECT_EQ(refusal(schema, job, file.path().filename().string()), "");
  }
  EXPECT_GT(jobs, 30U);
  for (const auto& entry : configuration::schema()) {
    YAML::Node node;  // which assignment would change
    node.reset(schema);
    std::istringstream parts(entry.path);
    for (std::string part; std::getline(parts, part, '.');) {
      const bool items = part.ends_with("[]");
      if (items) part.resize(part.size() - 2);
      if (!part.empty()) {
        node.reset(part == "*" ? node["additionalProperties"] : node["properties"][part]);
      }
      if (items) node.reset(node["items"]);
    }
    EXPECT_EQ(node["description"].Scalar(), entry.documentation) << entry.path;
  }
}

TEST(JsonSchema, RefusesWhatTheProgramRefuses) {
  const YAML::Node schema = YAML::Load(reference::json_schema());
  const auto of = [&](const std::string& text) { return refusal(schema, YAML::Load(text), "job"); };
  EXPECT_EQ(of("{task: solve, solver: {tolerance: 1e-8}, output: x.h5}"), "");
  EXPECT_EQ(of("{solver: {tolerance: 1e-8}}"), "job: has no task");
  EXPECT_EQ(of("{task: slove, output: x.h5}"), "job.task: is none of the choices");
  EXPECT_EQ(of("{task: solve, output: x.h5, solver: {toleranse: 1}}"),
            "job.solver.toleranse: is not known");
  EXPECT_EQ(of("{task: solve, output: x.h5, solver: {tolerance: [1]}}"),
            "job.solver.tolerance: has another type");
}

TEST(Completion, KnowsCommandsOptionsTasksAndKeys) {
  CommandLine line;
  CLI::App program;
  add_commands(program, line);
  const std::string script = reference::bash_completion(program);
  for (const char* part :
       {"\"run\") options=\"--help --set --quiet", "\"import table\") options=\"--help",
        "--row-ids", " eigenvalues ", " solver.tolerance=", "complete -F"}) {
    EXPECT_NE(script.find(part), std::string::npos) << part << '\n' << script;
  }
  const auto file =
      std::filesystem::temp_directory_path() / fmt::format("kronwerk-{}.bash", getpid());
  std::ofstream(file) << script;
  const std::string command = fmt::format(
      "bash -c 'source {}; COMP_WORDS=(kronwerk run --set solver.tol); COMP_CWORD=3; _kronwerk; "
      "[ \"${{COMPREPLY[0]}}\" = solver.tolerance= ]'",
      file.string());
  EXPECT_EQ(std::system(command.c_str()), 0);
  std::filesystem::remove(file);
}

TEST(ManualPage, HasEveryCommandAndKey) {
  CommandLine line;
  CLI::App program;
  add_commands(program, line);
  const std::string page = reference::manual_page(program);
  for (const char* part : {".TH KRONWERK 1", ".SS kronwerk import table", "\\-\\-set",
                           ".B solver.tolerance\n", ".SH EXIT STATUS"}) {
    EXPECT_NE(page.find(part), std::string::npos) << part;
  }
}

}  // namespace
}  // namespace kronwerk::application
