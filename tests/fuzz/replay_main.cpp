// Runs a fuzz target without libFuzzer: on the files of its corpus, then on seeded mutations of
// them.
//
//   fuzz_TARGET FILE or FOLDER... [--cases N] [--seed S]
//
// So the corpora are tests with every compiler. What ends the process, takes ten seconds of the
// processor or waits for minutes, is left in fuzz-failure-TARGET in the working directory. Folders
// without files are refused, so that a corpus that is not found does not pass.
#include <fcntl.h>
#include <signal.h>
#include <sys/time.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <vector>

#include "fuzz/fuzz.hpp"
#include "fuzz/mutation.hpp"

// Of the sanitizers, where the program has them.
extern "C" __attribute__((weak)) void __sanitizer_set_death_callback(void (*callback)());

namespace {

namespace fs = std::filesystem;

constexpr int longest_seconds = 10;
// For one that waits. A busy machine may give a process a second in a minute.
constexpr int longest_wait = 900;

std::string failure_file;
std::string current;  // the input under test

// Only what a signal handler may do.
extern "C" void keep_input() {
  const int file = ::open(failure_file.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0666);
  ssize_t written = file < 0 ? 0 : ::write(file, current.data(), current.size());
  constexpr std::string_view text = "the input is kept in ";
  written += ::write(STDERR_FILENO, text.data(), text.size());
  written += ::write(STDERR_FILENO, failure_file.data(), failure_file.size());
  written += ::write(STDERR_FILENO, "\n", 1);
  static_cast<void>(written);
}

extern "C" void keep_input_and_end(int signal_number) {
  keep_input();
  ::signal(signal_number, SIG_DFL);
  ::raise(signal_number);
}

/// Ends what takes more; 0 for no limit.
void set_limits(int seconds, int wait) {
  const itimerval processor{{0, 0}, {seconds, 0}};
  ::setitimer(ITIMER_PROF, &processor, nullptr);
  ::alarm(static_cast<unsigned>(wait));
}

void run(std::string input) {
  current = std::move(input);
  set_limits(longest_seconds, longest_wait);
  LLVMFuzzerTestOneInput(reinterpret_cast<const std::uint8_t*>(current.data()), current.size());
  set_limits(0, 0);
}

struct Request {
  std::vector<fs::path> files;
  std::uint64_t cases = 0;
  std::uint64_t seed = 1;
};

Request read_arguments(int count, char** words) {
  Request request;
  for (int i = 1; i < count; ++i) {
    const std::string word = words[i];
    if ((word == "--cases" || word == "--seed") && i + 1 < count) {
      (word == "--cases" ? request.cases : request.seed) = std::stoull(words[++i]);
    } else if (fs::is_directory(word)) {
      for (const auto& entry : fs::recursive_directory_iterator(word)) {
        if (entry.is_regular_file()) request.files.push_back(entry.path());
      }
    } else {
      request.files.emplace_back(word);
    }
  }
  std::sort(request.files.begin(), request.files.end());
  return request;
}

}  // namespace

int main(int argc, char** argv) {
  const Request request = read_arguments(argc, argv);
  if (request.files.empty()) {
    std::fprintf(stderr,
                 "usage: %s FILE or FOLDER... [--cases N] [--seed S]; no files were found\n",
                 argv[0]);
    return 2;
  }
  failure_file = "fuzz-failure-" + fs::path(argv[0]).filename().string();
  for (const int signal_number : {SIGABRT, SIGSEGV, SIGFPE, SIGBUS, SIGILL, SIGALRM, SIGPROF}) {
    ::signal(signal_number, keep_input_and_end);
  }
  if (__sanitizer_set_death_callback != nullptr) __sanitizer_set_death_callback(keep_input);
  std::vector<std::string> corpus;
  for (const auto& file : request.files) {
    std::ifstream stream(file, std::ios::binary);
    if (!stream.is_open()) {
      std::fprintf(stderr, "%s: cannot be read\n", file.c_str());
      return 2;
    }
    corpus.emplace_back(std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>());
    // Named beforehand: what fails is the last that was named.
    std::printf("%s\n", file.c_str());
    std::fflush(stdout);
    run(corpus.back());
  }
  kronwerk::fuzz::Mutation mutation(corpus, request.seed);
  for (std::uint64_t i = 0; i < request.cases; ++i) run(mutation.next());
  std::printf("%zu files, %llu mutations\n", corpus.size(),
              static_cast<unsigned long long>(request.cases));
  return 0;
}
