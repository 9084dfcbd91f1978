#include "application/report/placement.hpp"

#include <gtest/gtest.h>

namespace kronwerk::application {
namespace {

TEST(Placement, NamesTheVersionsOfMpis) {
  EXPECT_EQ(mpi_version("Open MPI v4.1.4, package: Debian OpenMPI, ident: 4.1.4"),
            "Open MPI v4.1.4");
  EXPECT_EQ(mpi_version("MPICH Version:\t4.0.2\nMPICH Release date:\tThu"), "MPICH 4.0.2");
  EXPECT_EQ(mpi_version("MVAPICH2 Version      :\t2.3.7\nMVAPICH2 Release"), "MVAPICH2 2.3.7");
  EXPECT_EQ(mpi_version("Intel(R) MPI Library 2021.9 for Linux* OS\n"),
            "Intel(R) MPI Library 2021.9 for Linux* OS");
  EXPECT_EQ(mpi_version("MPI Version:"), "MPI ");
}

}  // namespace
}  // namespace kronwerk::application
