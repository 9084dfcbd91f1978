# Finds every library by its own CMake configuration, pkg-config or the environment, and makes one target
# of each. Installed beside the package file, which finds the libraries again with it: hence IMPORTED,
# which CMake lets exported libraries name.
include(${CMAKE_CURRENT_LIST_DIR}/KronwerkParts.cmake)
find_package(PkgConfig QUIET)
if(NOT PkgConfig_FOUND)
  kronwerk_missing(pkg-config "PKG_CONFIG_EXECUTABLE" pkg-config)
  kronwerk_stop_if_missing()
endif()

# MPI 3.1, of any make; the libraries that use MPI have to be of the same.
find_package(MPI QUIET COMPONENTS C CXX)
if(NOT MPI_FOUND)
  kronwerk_missing(MPI "PATH so that mpicc and mpicxx are found, or MPI_C_COMPILER and MPI_CXX_COMPILER, or MPI_HOME"
                   "libopenmpi-dev or libmpich-dev")
  kronwerk_stop_if_missing()
elseif(MPI_C_VERSION VERSION_LESS 3.1)
  message(FATAL_ERROR "MPI ${MPI_C_VERSION} is too old: set MPI_C_COMPILER and MPI_CXX_COMPILER to the "
                      "wrappers of one of version 3.1 or later\n")
endif()
kronwerk_header_file(kronwerk_mpi_header mpi.h ${MPI_C_INCLUDE_DIRS} ${MPI_CXX_INCLUDE_DIRS})
kronwerk_header_value(kronwerk_open_mpi "${kronwerk_mpi_header}" OMPI_MAJOR_VERSION)
kronwerk_header_value(kronwerk_mpich "${kronwerk_mpi_header}" MPICH_VERSION)
set(kronwerk_mpi_family other)
if(kronwerk_open_mpi)
  set(kronwerk_mpi_family "Open MPI")
elseif(kronwerk_mpich)
  set(kronwerk_mpi_family MPICH)
endif()

find_package(fmt QUIET)
if(NOT fmt_FOUND)
  kronwerk_missing(fmt "fmt_ROOT or CMAKE_PREFIX_PATH" libfmt-dev)
endif()
find_package(yaml-cpp QUIET)
if(TARGET yaml-cpp::yaml-cpp)  # since 0.8
  kronwerk_import(kronwerk_yaml LINK yaml-cpp::yaml-cpp)
elseif(TARGET yaml-cpp)
  kronwerk_import(kronwerk_yaml LINK yaml-cpp)
else()
  kronwerk_missing(yaml-cpp "yaml-cpp_ROOT or CMAKE_PREFIX_PATH" libyaml-cpp-dev)
endif()
find_package(CLI11 QUIET)
if(NOT CLI11_FOUND)
  kronwerk_missing(CLI11 "CLI11_ROOT or CMAKE_PREFIX_PATH" libcli11-dev)
endif()

include(${CMAKE_CURRENT_LIST_DIR}/KronwerkPetsc.cmake)
include(${CMAKE_CURRENT_LIST_DIR}/KronwerkHdf5.cmake)
include(${CMAKE_CURRENT_LIST_DIR}/KronwerkBlas.cmake)

# Direct solves with sparse factors.
kronwerk_root(kronwerk_suitesparse_hints SUITESPARSE_ROOT SuiteSparse_ROOT)
find_path(SUITESPARSE_INCLUDE_DIR umfpack.h HINTS ${kronwerk_suitesparse_hints}
          PATH_SUFFIXES include/suitesparse include suitesparse)
set(kronwerk_suitesparse_libraries)
foreach(name umfpack cholmod amd)
  string(TOUPPER ${name} upper)
  find_library(${upper}_LIBRARY ${name} HINTS ${kronwerk_suitesparse_hints} PATH_SUFFIXES lib lib64)
  list(APPEND kronwerk_suitesparse_libraries ${${upper}_LIBRARY})
endforeach()
if(SUITESPARSE_INCLUDE_DIR AND NOT kronwerk_suitesparse_libraries MATCHES "NOTFOUND")
  kronwerk_import(kronwerk_suitesparse INCLUDES ${SUITESPARSE_INCLUDE_DIR}
                  LINK ${kronwerk_suitesparse_libraries})
else()
  kronwerk_missing("SuiteSparse (UMFPACK, CHOLMOD, AMD)" "SUITESPARSE_ROOT or CMAKE_PREFIX_PATH"
                   libsuitesparse-dev)
endif()

# Vector code of several instruction sets.
pkg_check_modules(HIGHWAY QUIET libhwy)
if(HIGHWAY_FOUND)
  kronwerk_import(kronwerk_highway INCLUDES ${HIGHWAY_INCLUDE_DIRS} LINK ${HIGHWAY_LINK_LIBRARIES})
else()
  find_package(hwy QUIET CONFIG)
  set(HIGHWAY_VERSION ${hwy_VERSION})
  if(TARGET hwy::hwy)
    kronwerk_import(kronwerk_highway LINK hwy::hwy)
  else()
    kronwerk_missing(Highway "CMAKE_PREFIX_PATH or PKG_CONFIG_PATH (libhwy.pc)" libhwy-dev)
  endif()
endif()

# The exponential of a factor; headers only.
find_package(Eigen3 QUIET CONFIG)
if(TARGET Eigen3::Eigen)
  get_target_property(kronwerk_eigen_hints Eigen3::Eigen INTERFACE_INCLUDE_DIRECTORIES)
endif()
find_path(EIGEN_INCLUDE_DIR unsupported/Eigen/MatrixFunctions HINTS ${kronwerk_eigen_hints}
          PATH_SUFFIXES eigen3)
if(EIGEN_INCLUDE_DIR)
  kronwerk_import(kronwerk_eigen INCLUDES ${EIGEN_INCLUDE_DIR})
else()
  kronwerk_missing(Eigen "Eigen3_ROOT or CMAKE_PREFIX_PATH" libeigen3-dev)
endif()

# Incomplete gamma and beta functions, normal quantiles; headers only.
find_path(BOOST_INCLUDE_DIR boost/math/special_functions/gamma.hpp HINTS ${Boost_ROOT} $ENV{Boost_ROOT}
                                                                    $ENV{BOOST_ROOT}
          PATH_SUFFIXES include)
if(BOOST_INCLUDE_DIR)
  kronwerk_import(kronwerk_boost INCLUDES ${BOOST_INCLUDE_DIR})
else()
  kronwerk_missing("Boost.Math" "Boost_ROOT or CMAKE_PREFIX_PATH" libboost-dev)
endif()

# Packed text files and NumPy's archives.
find_package(ZLIB QUIET)
if(ZLIB_FOUND)
  kronwerk_import(kronwerk_zlib LINK ZLIB::ZLIB)
else()
  kronwerk_missing(zlib "ZLIB_ROOT or CMAKE_PREFIX_PATH" zlib1g-dev)
endif()

kronwerk_stop_if_missing()
include(${CMAKE_CURRENT_LIST_DIR}/KronwerkScalapack.cmake)
