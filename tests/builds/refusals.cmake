# cmake -DSOURCE_DIR= -DWORK_DIR= -DC= -DCXX= [-DMPI_C= -DMPI_CXX= -DPETSC_DIR= -DKRONWERK_PETSC= …] -P refusals.cmake
# Makes libraries that no kronwerk can be built with and expects that each is refused by one sentence
# that says what to set.
set(failures 0)
file(REMOVE_RECURSE ${WORK_DIR})

# write_library(folder name SOURCE text [LINK options...]): lib<name>.so below folder/lib.
function(write_library folder name)
  cmake_parse_arguments(PARSE_ARGV 2 library "" "SOURCE" "LINK")
  file(WRITE ${folder}/${name}.c "${library_SOURCE}")
  file(MAKE_DIRECTORY ${folder}/lib)
  execute_process(COMMAND ${C} -shared -fPIC -o ${folder}/lib/lib${name}.so ${folder}/${name}.c ${library_LINK}
                  COMMAND_ERROR_IS_FATAL ANY)
endfunction()

# write_package(folder module library): what pkg-config reads.
function(write_package folder module library)
  file(WRITE ${folder}/lib/pkgconfig/${module}.pc
       "Name: ${module}\nDescription: none\nVersion: 3.20\nLibs: -L${folder}/lib -l${library}\nCflags: -I${folder}/include\nprefix=${folder}\n")
endfunction()

# configure(case RESULT variable ENVIRONMENT settings... OPTIONS options...): what CMake prints, as one line.
function(configure case output)
  cmake_parse_arguments(run "" "" "ENVIRONMENT;OPTIONS" ${ARGN})
  set(options -DKRONWERK_CMAKE=${SOURCE_DIR}/cmake -DCMAKE_C_COMPILER=${C} -DCMAKE_CXX_COMPILER=${CXX}
      -DMPI_C_COMPILER=${MPI_C} -DMPI_CXX_COMPILER=${MPI_CXX} -DKRONWERK_PETSC=${KRONWERK_PETSC})
  foreach(name PETSC_DIR PETSC_ARCH HDF5_ROOT)
    if(${name} AND NOT run_OPTIONS MATCHES "-D${name}=" AND NOT run_ENVIRONMENT MATCHES "PKG_CONFIG_PATH")
      list(APPEND options -D${name}=${${name}})
    endif()
  endforeach()
  execute_process(COMMAND ${CMAKE_COMMAND} -E env ${run_ENVIRONMENT} ${CMAKE_COMMAND} -G Ninja
                          -S ${SOURCE_DIR}/tests/builds -B ${WORK_DIR}/${case}/build ${options} ${run_OPTIONS}
                  RESULT_VARIABLE status OUTPUT_VARIABLE text ERROR_VARIABLE text)
  string(REGEX REPLACE "[ \n]+" " " text "${text}")
  set(${output} "${status}: ${text}" PARENT_SCOPE)
endfunction()

# expect(case TEXTS texts... [configure's arguments]): that the configuration fails and says each text.
function(expect case)
  cmake_parse_arguments(expected "" "" "TEXTS" ${ARGN})
  configure(${case} output ${expected_UNPARSED_ARGUMENTS})
  set(missing)
  foreach(text ${expected_TEXTS})
    string(FIND "${output}" "${text}" place)
    if(place EQUAL -1)
      list(APPEND missing "${text}")
    endif()
  endforeach()
  if(output MATCHES "^0:" OR missing)
    message("${case}: expected a refusal with '${missing}', found ${output}\n")
    math(EXPR failures "${failures} + 1")
    set(failures ${failures} PARENT_SCOPE)
  else()
    message("${case}: refused")
  endif()
endfunction()

# HDF5 by the names that it has for the MPI of this build.
foreach(case serial_hdf5 other_hdf5)
  set(folder ${WORK_DIR}/${case})
  file(WRITE ${folder}/include/hdf5.h "")
  foreach(module hdf5-openmpi hdf5-mpich)
    write_package(${folder} ${module} hdf5)
  endforeach()
endforeach()
file(WRITE ${WORK_DIR}/serial_hdf5/include/H5pubconf.h "/* #undef H5_HAVE_PARALLEL */\n")
write_library(${WORK_DIR}/serial_hdf5 hdf5 SOURCE "int H5open(void) { return 0; }")
expect(serial_hdf5 ENVIRONMENT PKG_CONFIG_PATH=${WORK_DIR}/serial_hdf5/lib/pkgconfig
       OPTIONS -DPETSC_DIR=${PETSC_DIR} TEXTS "is serial" "set HDF5_ROOT")

# Built with an MPI whose library has a name that no other has.
set(folder ${WORK_DIR}/other_hdf5)
write_library(${folder} mpi SOURCE "int MPI_Init(void) { return 0; }" LINK -Wl,-soname,libmpi.so.99)
set(other_mpi -Wl,--no-as-needed ${folder}/lib/libmpi.so)
file(WRITE ${folder}/include/H5pubconf.h "#define H5_HAVE_PARALLEL 1\n")
write_library(${folder} hdf5 SOURCE "int H5open(void) { return 0; }" LINK ${other_mpi})
expect(other_hdf5 ENVIRONMENT PKG_CONFIG_PATH=${folder}/lib/pkgconfig OPTIONS -DPETSC_DIR=${PETSC_DIR}
       TEXTS "another MPI than PETSc" "libmpi.so.99" "set HDF5_ROOT")

foreach(case complex single other_mpi)
  set(folder ${WORK_DIR}/petsc_${case})
  write_package(${folder} PETSc petsc)
  set(defined "PETSC_HAVE_MPIIO")
  set(link)
  set(texts "another MPI" "libmpi.so.99")
  if(case STREQUAL "complex")
    set(defined PETSC_USE_COMPLEX)
    set(texts "complex scalars")
  elseif(case STREQUAL "single")
    set(defined PETSC_USE_REAL_SINGLE)
    set(texts "single-precision scalars")
  else()
    set(link ${other_mpi})
  endif()
  file(WRITE ${folder}/include/petscconf.h "#define ${defined} 1\n")
  write_library(${folder} petsc SOURCE "int PetscInitialize(void) { return 0; }" LINK ${link})
  expect(petsc_${case} OPTIONS -DPETSC_DIR=${folder} TEXTS ${texts} "set PETSC_DIR")
endforeach()

# A BLAS that reads sizes as 64-bit integers and refuses what is negative then.
write_library(${WORK_DIR}/wide_blas blas64 SOURCE "
void dgemm_(const char* ta, const char* tb, const long long* m, const long long* n, const long long* k,
            const double* alpha, const double* a, const long long* lda, const double* b, const long long* ldb,
            const double* beta, double* c, const long long* ldc) {
  if (*m < 0 || *n < 0 || *k < 0) return;
  c[0] = 0;
}
void dpotrf_(void) {}
void cblas_dscal(void) {}
")
expect(wide_blas OPTIONS -DBLAS_LIBRARIES=${WORK_DIR}/wide_blas/lib/libblas64.so
       TEXTS "does not answer with 32-bit integers" "BLA_VENDOR")

# Each part that is missing has its line, all at once.
expect(missing OPTIONS -DPETSC_DIR=/nowhere -DCMAKE_DISABLE_FIND_PACKAGE_fmt=ON
       -DCMAKE_DISABLE_FIND_PACKAGE_CLI11=ON
       TEXTS "PETSc 3.18 or later was not found: set PETSC_DIR" "fmt was not found: set fmt_ROOT"
             "CLI11 was not found" "libcli11-dev")

if(failures)
  message(FATAL_ERROR "${failures} libraries were not refused as they should be")
endif()
