#include "application/command_line/version.hpp"

#include "kronwerk_version.hpp"

namespace kronwerk::application {

std::string version() {
  return KRONWERK_VERSION;
}

std::string git_commit() {
  return KRONWERK_GIT_COMMIT;
}

std::string version_text() {
  return "kronwerk " + version() + " (commit " + git_commit() + ")";
}

}  // namespace kronwerk::application
