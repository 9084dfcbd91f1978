#include "application/session/start_check.hpp"

#include <gtest/gtest.h>

#include <map>

#include "application/session/libraries.hpp"
#include "kronwerk/core/error.hpp"

namespace kronwerk::application {
namespace {

using Variables = std::map<std::string, std::string>;

ForeignStart find(int ranks, const Variables& variables) {
  return find_foreign_start(ranks, [&](const char* name) -> const char* {
    const auto found = variables.find(name);
    return found == variables.end() ? nullptr : found->second.c_str();
  });
}

TEST(Start, ByAnotherLauncherIsRefused) {
  const Variables starts[] = {
      {{"OMPI_COMM_WORLD_SIZE", "4"}, {"OMPI_COMM_WORLD_RANK", "0"}},
      {{"PMI_SIZE", "4"}, {"PMI_RANK", "0"}},
      {{"SLURM_STEP_NUM_TASKS", "4"}, {"SLURM_STEP_ID", "0"}, {"SLURM_PROCID", "0"}},
  };
  for (const Variables& start : starts) {
    const ForeignStart found = find(1, start);
    EXPECT_NE(found.message.find("4 copies of one rank"), std::string::npos) << found.message;
    EXPECT_TRUE(found.first);
    EXPECT_EQ(find(4, start).message, "");  // MPI knows of all of them
  }
}

TEST(Start, OnlyTheFirstCopySpeaks) {
  const ForeignStart found = find(1, {{"PMI_SIZE", "4"}, {"PMI_RANK", "3"}});
  EXPECT_NE(found.message, "");
  EXPECT_FALSE(found.first);
}

TEST(Start, WithinAnAllocationIsNone) {
  EXPECT_EQ(find(1, {}).message, "");
  EXPECT_EQ(find(1, {{"SLURM_NTASKS", "64"}, {"SLURM_JOB_ID", "7"}, {"SLURM_PROCID", "0"}}).message,
            "");
  // mpirun -n 1 within a step of Slurm's, whose daemons mpirun is started by.
  EXPECT_EQ(
      find(1,
           {{"OMPI_COMM_WORLD_SIZE", "1"}, {"SLURM_STEP_NUM_TASKS", "4"}, {"SLURM_STEP_ID", "0"}})
          .message,
      "");
  EXPECT_EQ(find(1, {{"PMI_SIZE", "many"}}).message, "");
}

TEST(Start, OfDifferentProgramsIsRefusedByEveryRank) {
  const auto comm = communication::Communicator::duplicate(MPI_COMM_WORLD);
  EXPECT_NO_THROW(check_same_program(comm, program_identity()));
  if (comm.size() == 1) return;
  const bool last = comm.rank() == comm.size() - 1;
  try {
    check_same_program(comm, last ? "kronwerk 0.2.0\nMPI 3" : "kronwerk 0.1.0\nMPI 3");
    ADD_FAILURE() << "was not refused";
  } catch (const core::ConfigurationError& error) {
    const std::string message = error.what();
    EXPECT_NE(message.find("kronwerk 0.2.0 on "), std::string::npos) << message;
    EXPECT_NE(message.find("kronwerk 0.1.0 on "), std::string::npos) << message;
    EXPECT_EQ(message.find("MPI 3"), std::string::npos) << message;
  }
}

TEST(Version, NamesEveryLinkedLibrary) {
  for (const auto& [name, version] : linked_libraries()) {
    EXPECT_FALSE(version.empty()) << name;
  }
  EXPECT_NE(full_version_text().find("\nPETSc       " + petsc_version()), std::string::npos);
}

}  // namespace
}  // namespace kronwerk::application
