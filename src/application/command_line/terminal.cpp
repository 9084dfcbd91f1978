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

OutputStyle style_of_process = OutputStyle::text;
std::FILE* log_file = nullptr;

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

void set_output_style(OutputStyle style) {
  style_of_process = style;
}

OutputStyle output_style() {
  return style_of_process;
}

void set_log(const std::string& file) {
  if (log_file != nullptr) std::fclose(log_file);
  log_file = nullptr;
  if (file.empty()) return;
  errno = 0;
  log_file = std::fopen(file.c_str(), "a");
  if (log_file != nullptr) return;
  throw core::ResourceError(
      fmt::format("--log {}: the file cannot be written ({})", file, std::strerror(errno)));
}

bool log_is_open() {
  return log_file != nullptr;
}

void print_to_log(const std::string& text) {
  if (log_file == nullptr) return;
  std::fputs(text.c_str(), log_file);
  std::fflush(log_file);
}

void print_now(const std::string& text) {
  print_to_log(text);
  print_in_place(text);
}

void print_in_place(const std::string& text) {
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
