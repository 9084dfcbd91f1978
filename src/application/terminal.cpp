#include "application/terminal.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cstdlib>

namespace kronwerk::application {

bool output_is_watched() {
  if (isatty(STDOUT_FILENO) == 0) return false;
  if (std::getenv("OMPI_COMM_WORLD_SIZE") == nullptr) return true;
  const std::string parent = fmt::format("/proc/{}/fd/1", getppid());
  const int descriptor = open(parent.c_str(), O_WRONLY | O_NOCTTY | O_CLOEXEC | O_NONBLOCK);
  if (descriptor < 0) return false;
  const bool watched = isatty(descriptor) != 0;
  close(descriptor);
  return watched;
}

}  // namespace kronwerk::application
