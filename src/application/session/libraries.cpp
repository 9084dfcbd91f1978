#include "application/session/libraries.hpp"

#include <fmt/format.h>
#include <petscsys.h>

#include <CLI/Version.hpp>

#include "application/command_line/version.hpp"
#include "application/report/placement.hpp"
#include "kronwerk/factors/base/blas_library.hpp"
#include "kronwerk/factors/base/distributed_libraries.hpp"
#include "kronwerk/io/files/result_file.hpp"
#include "kronwerk_libraries.hpp"

namespace kronwerk::application {
namespace {

std::string or_none(bool has, const char* version, const char* without) {
  if (!has) return fmt::format("none: {}", without);
  return *version != '\0' ? version : "of unknown version";
}

std::string describe_blas() {
  const factors::BlasLibrary blas = factors::find_blas();
  return blas.version.empty() ? blas.file : fmt::format("{} ({})", blas.version, blas.file);
}

}  // namespace

std::string petsc_version() {
  PetscInt major = 0, minor = 0, subminor = 0;
  PetscGetVersionNumber(&major, &minor, &subminor, nullptr);
  return fmt::format("{}.{}.{}", major, minor, subminor);
}

std::vector<LinkedLibrary> linked_libraries() {
  return {
      {"MPI", mpi_version()},
      {"PETSc", fmt::format("{}, {}-bit indices", petsc_version(), 8 * sizeof(PetscInt))},
      {"HDF5", io::hdf5_version()},
      {"BLAS", describe_blas()},
      {"LAPACK", factors::lapack_version()},
      {"ScaLAPACK", or_none(factors::has_scalapack(), KRONWERK_SCALAPACK_VERSION,
                            "one rank computes each dense decomposition")},
      {"ELPA", or_none(factors::has_elpa(), KRONWERK_ELPA_VERSION,
                       "eigenvalues of large matrices by ScaLAPACK, or one rank")},
      {"SuiteSparse", KRONWERK_SUITESPARSE_VERSION},
      {"Eigen", KRONWERK_EIGEN_VERSION},
      {"Boost", KRONWERK_BOOST_VERSION},
      {"Highway", KRONWERK_HIGHWAY_VERSION},
      {"yaml-cpp", KRONWERK_YAML_VERSION},
      {"fmt",
       fmt::format("{}.{}.{}", FMT_VERSION / 10000, FMT_VERSION / 100 % 100, FMT_VERSION % 100)},
      {"CLI11", CLI11_VERSION},
      {"compiler", KRONWERK_COMPILER},
  };
}

std::string program_identity() {
  std::string text = version_text();
  for (const auto& [name, found] : linked_libraries()) {
    if (name != "BLAS") text += fmt::format("\n{} {}", name, found);
  }
  return text;
}

std::string full_version_text() {
  std::string text = version_text();
  for (const auto& [name, found] : linked_libraries()) {
    text += fmt::format("\n{:<12}{}", name, found);
  }
  return text;
}

}  // namespace kronwerk::application
