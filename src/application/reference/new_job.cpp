// Declared in application/reference/reference.hpp.
#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "application/command_line/shared_files.hpp"
#include "application/reference/reference.hpp"
#include "kronwerk/core/error.hpp"
#include "kronwerk/core/text.hpp"

namespace kronwerk::application {
namespace {

namespace fs = std::filesystem;

std::vector<std::string> tasks_in(const fs::path& folder) {
  std::vector<std::string> tasks;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(folder, error)) {
    if (entry.path().extension() == ".yaml") tasks.push_back(entry.path().stem().string());
  }
  std::ranges::sort(tasks);
  return tasks;
}

}  // namespace

std::string examples_folder() {
  const auto [folder, installed] = find_shared("configs", "configs");
  if (!folder.empty()) return folder;
  throw core::ConfigurationError(
      fmt::format("new: the examples, whose data a new job takes, are not at {}; install kronwerk "
                  "with them (cmake --install, or its package)",
                  installed));
}

std::string new_job(const std::string& task, const std::string& examples) {
  const fs::path folder = fs::path(examples) / "templates";
  const auto tasks = tasks_in(folder);
  if (std::ranges::find(tasks, task) == tasks.end()) {
    throw core::ConfigurationError(fmt::format("new: there is no task '{}'{}; expected one of {}",
                                               task, core::suggestion(task, tasks),
                                               core::join(tasks, ", ")));
  }
  std::ifstream stream(folder / (task + ".yaml"));
  std::ostringstream text;
  text << stream.rdbuf();
  std::string job = text.str();
  // In the folder of the templates, the data are beside it.
  const std::string beside = "file: ../";
  const std::string data = "file: " + (fs::path(examples) / "").string();
  for (auto at = job.find(beside); at != std::string::npos;
       at = job.find(beside, at + data.size())) {
    job.replace(at, beside.size(), data);
  }
  return job;
}

}  // namespace kronwerk::application
