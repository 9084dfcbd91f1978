#include "application/session/launcher.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <sstream>

#include "kronwerk/core/error.hpp"

namespace kronwerk::application {
namespace {

constexpr const char* rule = "--------------------";
constexpr const char* idle_messages[] = {"Primary job  terminated normally",
                                         "detected that one or more processes exited",
                                         "MPI_ABORT was invoked"};

volatile std::sig_atomic_t launched = 0;
volatile std::sig_atomic_t received = 0;

extern "C" void hand_on(int signal) {
  received = signal;
  if (launched > 0) kill(static_cast<pid_t>(launched), signal);
}

int number_of_ranks(const std::string& text) {
  int ranks = 0;
  const auto result = std::from_chars(text.data(), text.data() + text.size(), ranks);
  if (result.ec == std::errc{} && result.ptr == text.data() + text.size() && ranks > 0)
    return ranks;
  throw core::ConfigurationError(
      fmt::format("command line: -n {}: expected a number of ranks, such as -n 4", text));
}

}  // namespace

std::optional<std::vector<std::string>> launch_command(int argc, char** argv,
                                                       const std::string& program,
                                                       const Environment& environment) {
  if (argc < 2 || std::string(argv[1]) != "run") return std::nullopt;
  std::vector<std::string> others;
  int ranks = 0;
  for (int i = 1; i < argc; ++i) {
    const std::string word = argv[i];
    if (word == "--") {
      others.insert(others.end(), argv + i, argv + argc);
      break;
    }
    if (word == "-n" || word == "--ranks") {
      ranks = number_of_ranks(i + 1 < argc ? argv[i + 1] : "");
      ++i;
    } else if (word.starts_with("-n") && word.size() > 2 && word[2] != '-') {
      ranks = number_of_ranks(word.substr(2));
    } else {
      others.push_back(word);
    }
  }
  if (ranks == 0) return std::nullopt;
  for (const char* name : {"OMPI_COMM_WORLD_SIZE", "PMI_SIZE"}) {
    if (environment(name) == nullptr) continue;
    throw core::ConfigurationError(fmt::format(
        "command line: -n {} starts the ranks itself, but they are started already ({}={}); leave "
        "one of the two out",
        ranks, name, environment(name)));
  }
  const char* const given = environment("KRONWERK_MPIRUN");
  std::istringstream words(given != nullptr && *given != '\0' ? given : "mpirun");
  std::vector<std::string> command;
  for (std::string word; words >> word;) command.push_back(word);
  command.insert(command.end(), {"-n", std::to_string(ranks), program});
  command.insert(command.end(), others.begin(), others.end());
  return command;
}

std::string LauncherMessages::take(const std::string& text) {
  std::string out;
  unfinished_ += text;
  std::size_t begin = 0;
  for (auto end = unfinished_.find('\n'); end != std::string::npos;
       end = unfinished_.find('\n', begin)) {
    take_line(unfinished_.substr(begin, end + 1 - begin), out);
    begin = end + 1;
  }
  unfinished_.erase(0, begin);
  return out;
}

std::string LauncherMessages::rest() {
  return std::exchange(block_, {}) + std::exchange(unfinished_, {});
}

void LauncherMessages::take_line(const std::string& line, std::string& out) {
  const bool ruled = line.starts_with(rule);
  if (!within_ && !ruled) {
    out += line;
    return;
  }
  block_ += line;
  within_ = !(within_ && ruled);
  if (within_) return;
  bool idle = false;
  for (const char* message : idle_messages) {
    idle = idle || block_.find(message) != std::string::npos;
  }
  if (!idle) out += block_;
  block_.clear();
}

int launch(const std::vector<std::string>& command, const std::string& advice) {
  std::vector<char*> words;
  for (const auto& word : command) words.push_back(const_cast<char*>(word.c_str()));
  words.push_back(nullptr);
  std::array<int, 2> pipe{};
  if (pipe2(pipe.data(), O_CLOEXEC) != 0) throw core::ResourceError("no pipe can be made");
  const pid_t child = fork();
  if (child < 0) throw core::ResourceError("no process can be made");
  if (child == 0) {
    // A group of its own: an interrupt at the terminal comes through us, once.
    setpgid(0, 0);
    const int nothing = open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (nothing >= 0) dup2(nothing, STDIN_FILENO);
    dup2(pipe[1], STDERR_FILENO);
    execvp(words.front(), words.data());
    const auto message = fmt::format("kronwerk: {} cannot be started ({}); {}\n", command.front(),
                                     std::strerror(errno), advice);
    [[maybe_unused]] const auto written = write(STDERR_FILENO, message.data(), message.size());
    _exit(static_cast<int>(core::ExitCode::configuration));
  }
  close(pipe[1]);
  launched = child;
  struct sigaction action {};
  action.sa_handler = hand_on;
  sigaction(SIGTERM, &action, nullptr);
  sigaction(SIGINT, &action, nullptr);
  LauncherMessages messages;
  std::array<char, 4096> buffer{};
  for (;;) {
    const auto count = read(pipe[0], buffer.data(), buffer.size());
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) break;
    std::fputs(messages.take({buffer.data(), static_cast<std::size_t>(count)}).c_str(), stderr);
    std::fflush(stderr);
  }
  std::fputs(messages.rest().c_str(), stderr);
  close(pipe[0]);
  int status = 0;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  launched = 0;
  // mpirun that is ended itself returns 1.
  if (received != 0 && status != 0) return 128 + received;
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

}  // namespace kronwerk::application
