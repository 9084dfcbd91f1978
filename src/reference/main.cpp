// Writes what is installed beside the program from the same tables as it reads: the schema of job
// files, the completion of bash and the manual page. Without MPI, since it runs while building.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <exception>
#include <fstream>
#include <string>

#include "application/command_line/command_line.hpp"
#include "reference/installed_texts.hpp"

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fputs("usage: kronwerk_reference FOLDER\n", stderr);
    return 2;
  }
  using namespace kronwerk::reference;
  const std::string folder = std::string(argv[1]) + "/";
  try {
    const auto write = [&](const char* name, const std::string& text) {
      std::ofstream stream(folder + name);
      stream << text;
      stream.flush();
      if (!stream) throw std::runtime_error(folder + name + " cannot be written");
    };
    kronwerk::application::CommandLine line;
    CLI::App program("kronwerk");
    kronwerk::application::add_commands(program, line);
    write("kronwerk.schema.json", json_schema());
    write("kronwerk.bash", bash_completion(program));
    write("kronwerk.1", manual_page(program));
  } catch (const std::exception& error) {
    std::fprintf(stderr, "kronwerk_reference: %s\n", error.what());
    return 1;
  }
  return 0;
}
