#pragma once

// The client of server/main.cpp.

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace kronwerk::end_to_end {

/// An MPI job that runs commands of the program one after the other, until it is destroyed.
class CommandServer {
 public:
  /// @param program  kronwerk; the server is beside its tests
  CommandServer(const std::filesystem::path& program, int np) {
    std::array<int, 2> to{}, from{};
    if (pipe2(to.data(), O_CLOEXEC) != 0 || pipe2(from.data(), O_CLOEXEC) != 0) return;
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, to[0], STDIN_FILENO);
    posix_spawn_file_actions_adddup2(&actions, from[1], STDOUT_FILENO);
    std::vector<std::string> words{"mpirun", "-n", std::to_string(np),
                                   program.parent_path() / "tests" / "command_server"};
    std::vector<char*> arguments;
    for (std::string& word : words) arguments.push_back(word.data());
    arguments.push_back(nullptr);
    posix_spawnp(&process_, "mpirun", &actions, nullptr, arguments.data(), environ);
    posix_spawn_file_actions_destroy(&actions);
    close(to[0]);
    close(from[1]);
    commands_ = fdopen(to[1], "w");
    codes_ = fdopen(from[0], "r");
  }
  CommandServer(const CommandServer&) = delete;
  CommandServer& operator=(const CommandServer&) = delete;
  ~CommandServer() { end(); }

  /// @return the command's exit code, or that of mpirun if the command ended the whole job
  int run(const std::filesystem::path& directory, const std::string& arguments) {
    std::fprintf(commands_, "%s %s\n", directory.c_str(), arguments.c_str());
    std::fflush(commands_);
    int code = -1;
    return std::fscanf(codes_, "%d", &code) == 1 ? code : end();
  }

  /// That of this process for so many ranks; started when it is first asked for.
  static CommandServer& of(const std::filesystem::path& program, int np) {
    static std::map<int, std::unique_ptr<CommandServer>> servers;
    auto& server = servers[np];
    if (!server || server->process_ < 0) server = std::make_unique<CommandServer>(program, np);
    return *server;
  }

 private:
  int end() {
    if (process_ < 0) return -1;
    std::fclose(commands_);
    std::fclose(codes_);
    int status = 0;
    waitpid(process_, &status, 0);
    process_ = -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }

  pid_t process_ = -1;
  std::FILE* commands_ = nullptr;
  std::FILE* codes_ = nullptr;
};

}  // namespace kronwerk::end_to_end
