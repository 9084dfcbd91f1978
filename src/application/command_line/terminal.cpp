#include "application/command_line/terminal.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "kronwerk/core/error.hpp"

namespace kronwerk::application {
namespace {

// Of the first text that could not be written: the stream forgets what it failed with.
std::atomic<int> print_error = 0;

}  // namespace

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

void print_now(const std::string& text) {
  errno = 0;
  if (std::fputs(text.c_str(), stdout) >= 0 && std::fflush(stdout) == 0) return;
  int none = 0;
  print_error.compare_exchange_strong(none, errno);
}

void require_printed() {
  print_now();
  if (std::ferror(stdout) == 0) return;
  const int error = print_error;
  // Whoever read it, such as head, has gone.
  pollfd reader{.fd = STDOUT_FILENO, .events = POLLOUT, .revents = 0};
  if (error == EPIPE || (poll(&reader, 1, 0) > 0 && (reader.revents & POLLERR) != 0)) return;
  throw core::ResourceError(
      fmt::format("the standard output cannot be written ({}); what was printed is incomplete, "
                  "files that were written are whole",
                  error != 0 ? std::strerror(error) : "its device may be full"));
}

}  // namespace kronwerk::application
