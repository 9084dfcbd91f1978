// Runs commands of the program one after the other in one MPI job, so that the tests of hundreds of
// refusals do not wait for hundreds of starts. Rank 0 reads a line per command, the directory and
// the arguments, separated by spaces; what is printed goes to out.txt and err.txt there, and the
// exit code to standard output.
#include <fcntl.h>
#include <mpi.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <iostream>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "application/session/run_command.hpp"
#include "application/session/session.hpp"
#include "kronwerk/core/error.hpp"

namespace kronwerk::application {
namespace {

using communication::Communicator;

/// Waits for the other ranks without taking the processors from the jobs of other tests: the longer
/// it has waited, the less often it looks.
void wait_politely(MPI_Request request) {
  using std::chrono::microseconds;
  constexpr microseconds longest(20'000);
  microseconds pause(200);
  int done = 0;
  while (MPI_Test(&request, &done, MPI_STATUS_IGNORE) == MPI_SUCCESS && done == 0) {
    std::this_thread::sleep_for(pause);
    pause = std::min(longest, pause + pause / 8);
  }
}

/// The next line of rank 0's standard input; empty at its end. Collective.
std::string next_line(const Communicator& comm) {
  std::array<char, 4096> line{};
  if (comm.is_root()) std::cin.getline(line.data(), line.size());
  MPI_Request request = MPI_REQUEST_NULL;
  communication::check_mpi(MPI_Ibcast(line.data(), line.size(), MPI_CHAR, 0, comm.get(), &request));
  wait_politely(request);
  return line.data();
}

/// What the process prints, from construction to destruction.
class Redirection {
 public:
  Redirection(std::FILE* stream, const std::string& file)
      : stream_(stream), before_(dup(fileno(stream))) {
    std::fflush(stream);
    const int descriptor = open(file.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    dup2(descriptor, fileno(stream));
    close(descriptor);
  }
  Redirection(const Redirection&) = delete;
  Redirection& operator=(const Redirection&) = delete;
  ~Redirection() {
    std::fflush(stream_);
    dup2(before_, fileno(stream_));
    close(before_);
  }

 private:
  std::FILE* stream_;
  int before_;
};

int serve(const Communicator& comm, const Communicator& failures, const std::string& line) {
  std::istringstream stream(line);
  std::vector<std::string> words{"kronwerk"};
  std::string directory;
  stream >> directory;
  for (std::string word; stream >> word;) words.push_back(word);
  std::vector<char*> arguments;
  for (std::string& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);

  std::filesystem::current_path(directory);
  int code = 0;
  {
    const Redirection output(stdout, "out.txt");
    const Redirection errors(stderr, "err.txt");
    code = run_command(comm, failures, static_cast<int>(words.size()), arguments.data(), {});
  }
  comm.barrier();  // all have printed
  std::filesystem::current_path("/");
  return code;
}

int serve_all() {
  const Communicator comm = Communicator::duplicate(MPI_COMM_WORLD);
  const Communicator failures = Communicator::duplicate(MPI_COMM_WORLD);
  for (std::string line; !(line = next_line(comm)).empty();) {
    const int code = serve(comm, failures, line);
    if (comm.is_root()) std::cout << code << std::endl;
  }
  return 0;
}

}  // namespace
}  // namespace kronwerk::application

int main(int argc, char** argv) {
  const kronwerk::application::MpiSession session(&argc, &argv);
  return kronwerk::application::serve_all();
}
