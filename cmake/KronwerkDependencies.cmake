# Every dependency is a Debian package; each becomes one target. Installed beside the package file,
# which finds the dependencies again with it: hence IMPORTED, which CMake lets exported libraries name.
find_package(PkgConfig REQUIRED)
find_package(MPI REQUIRED COMPONENTS C CXX)
find_package(fmt REQUIRED)
find_package(yaml-cpp REQUIRED)
find_package(CLI11 REQUIRED)

# PETSc: Debian keeps every flavour below /usr/lib/petscdir; another build is found by PETSC_DIR
# and PETSC_ARCH.
set(kronwerk_petsc_paths "/usr/lib/petscdir/${KRONWERK_PETSC}/lib/pkgconfig")
if(DEFINED ENV{PETSC_DIR})
  list(PREPEND kronwerk_petsc_paths "$ENV{PETSC_DIR}/$ENV{PETSC_ARCH}/lib/pkgconfig")
endif()
list(JOIN kronwerk_petsc_paths ":" kronwerk_petsc_path)
set(ENV{PKG_CONFIG_PATH} "${kronwerk_petsc_path}:$ENV{PKG_CONFIG_PATH}")
pkg_check_modules(PETSC REQUIRED PETSc>=3.18)
add_library(kronwerk_petsc INTERFACE IMPORTED GLOBAL)
target_include_directories(kronwerk_petsc SYSTEM INTERFACE ${PETSC_INCLUDE_DIRS})
target_link_libraries(kronwerk_petsc INTERFACE ${PETSC_LINK_LIBRARIES} MPI::MPI_CXX)

pkg_check_modules(HDF5 REQUIRED hdf5-openmpi)
add_library(kronwerk_hdf5 INTERFACE IMPORTED GLOBAL)
target_include_directories(kronwerk_hdf5 SYSTEM INTERFACE ${HDF5_INCLUDE_DIRS})
target_link_libraries(kronwerk_hdf5 INTERFACE ${HDF5_LINK_LIBRARIES} MPI::MPI_CXX)

# OpenBLAS with 32-bit integers. Debian's 64-bit-index PETSc also loads the 64-bit-integer one,
# whose symbols have the same names: every program links kronwerk_blas_first, which puts ours at
# the head of the search order (application/session/blas_check.cpp verifies it at start-up).
pkg_check_modules(OPENBLAS REQUIRED openblas)
add_library(kronwerk_openblas INTERFACE IMPORTED GLOBAL)
target_include_directories(kronwerk_openblas SYSTEM INTERFACE ${OPENBLAS_INCLUDE_DIRS})
target_link_libraries(kronwerk_openblas INTERFACE ${OPENBLAS_LINK_LIBRARIES})
add_library(kronwerk_blas_first INTERFACE IMPORTED GLOBAL)
target_link_options(kronwerk_blas_first INTERFACE
  "LINKER:--push-state,--no-as-needed,${OPENBLAS_LINK_LIBRARIES},--pop-state")

find_path(SUITESPARSE_INCLUDE_DIR umfpack.h PATH_SUFFIXES suitesparse REQUIRED)
find_library(UMFPACK_LIBRARY umfpack REQUIRED)
find_library(CHOLMOD_LIBRARY cholmod REQUIRED)
find_library(AMD_LIBRARY amd REQUIRED)
add_library(kronwerk_suitesparse INTERFACE IMPORTED GLOBAL)
target_include_directories(kronwerk_suitesparse SYSTEM INTERFACE ${SUITESPARSE_INCLUDE_DIR})
target_link_libraries(kronwerk_suitesparse INTERFACE ${UMFPACK_LIBRARY} ${CHOLMOD_LIBRARY} ${AMD_LIBRARY})

pkg_check_modules(HIGHWAY REQUIRED libhwy)
add_library(kronwerk_highway INTERFACE IMPORTED GLOBAL)
target_include_directories(kronwerk_highway SYSTEM INTERFACE ${HIGHWAY_INCLUDE_DIRS})
target_link_libraries(kronwerk_highway INTERFACE ${HIGHWAY_LINK_LIBRARIES})

# Eigenvalues of large dense factors by all ranks: ELPA (symmetric) and ScaLAPACK (the rest).
pkg_check_modules(ELPA REQUIRED elpa)
pkg_check_modules(SCALAPACK REQUIRED scalapack-openmpi)
add_library(kronwerk_scalapack INTERFACE IMPORTED GLOBAL)
target_include_directories(kronwerk_scalapack SYSTEM INTERFACE ${ELPA_INCLUDE_DIRS})
find_library(ELPA_LIBRARY elpa REQUIRED)
find_library(SCALAPACK_LIBRARY scalapack-openmpi REQUIRED)
target_link_libraries(kronwerk_scalapack INTERFACE ${ELPA_LIBRARY} ${SCALAPACK_LIBRARY} MPI::MPI_CXX)

# The exponential of a factor.
find_path(EIGEN_INCLUDE_DIR unsupported/Eigen/MatrixFunctions PATH_SUFFIXES eigen3 REQUIRED)
add_library(kronwerk_eigen INTERFACE IMPORTED GLOBAL)
target_include_directories(kronwerk_eigen SYSTEM INTERFACE ${EIGEN_INCLUDE_DIR})
