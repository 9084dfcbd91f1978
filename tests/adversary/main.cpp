// adversary --cases N --seed S [--family operators|models|flows] [--folder DIR]
//
// Runs N random jobs of each family on all ranks of MPI_COMM_WORLD; jobs/adversary.sh starts it.
#include <fmt/format.h>
#include <petscsys.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "adversary/jobs/runner.hpp"
#include "kronwerk/operators/petsc/petsc_options.hpp"

namespace {

using kronwerk::adversary::all_families;
using kronwerk::adversary::Family;
using kronwerk::adversary::name_of;
using kronwerk::adversary::Runner;
using kronwerk::adversary::Verdict;

struct Options {
  std::uint64_t cases = 1000;
  std::uint64_t seed = 1;
  std::string family;
  std::string folder = "adversary";
};

bool read(int argc, char** argv, Options& options) {
  for (int i = 1; i < argc; i += 2) {
    const std::string name = argv[i];
    if (i + 1 >= argc) return false;
    const std::string value = argv[i + 1];
    if (name == "--cases") {
      options.cases = std::strtoull(value.c_str(), nullptr, 10);
    } else if (name == "--seed") {
      options.seed = std::strtoull(value.c_str(), nullptr, 10);
    } else if (name == "--family") {
      options.family = value;
      bool known = false;
      for (const Family family : all_families) known = known || name_of(family) == value;
      if (!known) return false;
    } else if (name == "--folder") {
      options.folder = value;
    } else {
      return false;
    }
  }
  return true;
}

/// The number of jobs that were wrong.
std::size_t run(const Options& options) {
  Runner runner(options.folder);
  const bool root = runner.comm().is_root();
  for (const Family family : all_families) {
    if (!options.family.empty() && options.family != name_of(family)) continue;
    for (std::uint64_t k = 0; k < options.cases; ++k) {
      if (runner.run(family, options.seed + k) == Verdict::wrong && root) {
        std::fputs(("WRONG " + runner.findings().back().text + "\n").c_str(), stdout);
      }
      if (root && (k + 1) % 500 == 0) {
        std::fputs(
            fmt::format("{} of {}; {}\n", k + 1, options.cases, runner.counts(family)).c_str(),
            stdout);
      }
      std::fflush(stdout);
    }
    if (root) std::fputs((runner.counts(family) + "\n").c_str(), stdout);
  }
  return runner.findings().size();
}

}  // namespace

int main(int argc, char** argv) {
  Options options;
  if (!read(argc, argv, options)) {
    std::fputs(
        "adversary [--cases N] [--seed S] [--family operators|models|flows] [--folder DIR]\n",
        stderr);
    return 2;
  }
  int none = 1;
  if (PetscInitialize(&none, &argv, nullptr, nullptr) != 0) return 1;
  if (kronwerk::operators::keep_inner_products_alike() != 0) return 1;
  int wrong = run(options) == 0 ? 0 : 1;
  MPI_Allreduce(MPI_IN_PLACE, &wrong, 1, MPI_INT, MPI_MAX, PETSC_COMM_WORLD);
  PetscFinalize();
  return wrong;
}
