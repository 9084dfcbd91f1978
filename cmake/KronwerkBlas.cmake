# BLAS and LAPACK with 32-bit integers, and CBLAS: OpenBLAS unless BLA_VENDOR (see CMake's FindBLAS) or
# BLAS_LIBRARIES and LAPACK_LIBRARIES say otherwise.
kronwerk_root(kronwerk_blas_vendor BLA_VENDOR)
set(kronwerk_blas_libraries)
if(BLAS_LIBRARIES)
  set(kronwerk_blas_libraries ${LAPACK_LIBRARIES} ${BLAS_LIBRARIES})
else()
  if(NOT kronwerk_blas_vendor)
    pkg_check_modules(OPENBLAS QUIET openblas)
    set(kronwerk_blas_libraries ${OPENBLAS_LINK_LIBRARIES})
  endif()
  if(NOT kronwerk_blas_libraries)
    set(BLA_SIZEOF_INTEGER 4)
    find_package(BLAS QUIET)
    find_package(LAPACK QUIET)
    if(BLAS_FOUND AND LAPACK_FOUND)
      set(kronwerk_blas_libraries ${LAPACK_LIBRARIES} ${BLAS_LIBRARIES})
    endif()
  endif()
endif()
list(REMOVE_DUPLICATES kronwerk_blas_libraries)

# The header beside the library, or where headers are; MKL's has a name of its own.
set(kronwerk_blas_folders ${OPENBLAS_INCLUDE_DIRS})
foreach(library ${kronwerk_blas_libraries})
  if(IS_ABSOLUTE "${library}")
    get_filename_component(folder "${library}" DIRECTORY)
    list(APPEND kronwerk_blas_folders "${folder}/../include" "${folder}/../../include")
  endif()
endforeach()
if(DEFINED ENV{MKLROOT})
  list(APPEND kronwerk_blas_folders "$ENV{MKLROOT}/include")
endif()
find_path(KRONWERK_CBLAS_INCLUDE_DIR NAMES cblas.h mkl_cblas.h HINTS ${kronwerk_blas_folders}
          PATH_SUFFIXES openblas blis flexiblas mkl)
mark_as_advanced(KRONWERK_CBLAS_INCLUDE_DIR)
set(kronwerk_cblas_includes ${KRONWERK_CBLAS_INCLUDE_DIR})
if(KRONWERK_CBLAS_INCLUDE_DIR AND NOT EXISTS "${KRONWERK_CBLAS_INCLUDE_DIR}/cblas.h")
  file(WRITE ${CMAKE_CURRENT_BINARY_DIR}/cblas/cblas.h "#include <mkl_cblas.h>\n")
  list(PREPEND kronwerk_cblas_includes ${CMAKE_CURRENT_BINARY_DIR}/cblas)
endif()

# Sizes whose next four bytes are set are negative when they are read as 64-bit integers, which is refused
# or leaves the result alone.
set(kronwerk_blas_program [[
#include <cblas.h>
#include <stdio.h>
void dgemm_(const char*, const char*, const int*, const int*, const int*, const double*,
            const double*, const int*, const double*, const int*, const double*, double*,
            const int*, size_t, size_t);
void dpotrf_(const char*, const int*, double*, const int*, int*, size_t);
int main(int argc, char** argv) {
  const int two[] = {2, -1};
  const double one = 1, zero = 0, a[] = {1, 3, 2, 4}, b[] = {5, 7, 6, 8};
  double c[] = {0, 0, 0, 0};
  int info = 0;
  (void)argv;
  if (argc > 1000) {
    dpotrf_("L", two, c, two, &info, 1);
    cblas_dscal(2, 1.0, c, 1);
  }
  dgemm_("N", "N", two, two, two, &one, a, two, b, two, &zero, c, two, 1, 1);
  puts(c[0] == 19 && c[1] == 43 && c[2] == 22 && c[3] == 50 ? "right" : "wrong");
  return 0;
}
]])

# Links and runs the program; sets kronwerk_blas_links and kronwerk_blas_answers (the latter is taken for
# granted where programs cannot be run).
function(kronwerk_try_blas)
  set(source ${CMAKE_CURRENT_BINARY_DIR}/CMakeFiles/kronwerk_blas.c)
  file(WRITE ${source} "${kronwerk_blas_program}")
  set(answers TRUE)
  set(options LINK_LIBRARIES ${ARGN} CMAKE_FLAGS
      "-DINCLUDE_DIRECTORIES=${kronwerk_cblas_includes}")
  if(CMAKE_CROSSCOMPILING)
    try_compile(links ${CMAKE_CURRENT_BINARY_DIR} ${source} ${options})
  else()
    unset(kronwerk_blas_status CACHE)
    try_run(kronwerk_blas_status links ${CMAKE_CURRENT_BINARY_DIR} ${source} ${options}
            RUN_OUTPUT_VARIABLE output)
    if(links AND NOT output MATCHES "right")
      set(answers FALSE)
    endif()
  endif()
  set(kronwerk_blas_links ${links} PARENT_SCOPE)
  set(kronwerk_blas_answers ${answers} PARENT_SCOPE)
endfunction()

if(NOT kronwerk_blas_libraries)
  kronwerk_missing("BLAS and LAPACK" "CMAKE_PREFIX_PATH or BLA_VENDOR, or BLAS_LIBRARIES and LAPACK_LIBRARIES"
                   libopenblas-dev)
elseif(NOT KRONWERK_CBLAS_INCLUDE_DIR)
  kronwerk_missing("The header cblas.h of BLAS" "CMAKE_INCLUDE_PATH to its folder" libopenblas-dev)
elseif(NOT "${KRONWERK_BLAS_CHECKED}" STREQUAL "${kronwerk_blas_libraries}")
  kronwerk_try_blas(${kronwerk_blas_libraries})
  if(NOT kronwerk_blas_links)  # CBLAS may be a library of its own
    find_library(KRONWERK_CBLAS_LIBRARY NAMES cblas HINTS ${kronwerk_blas_folders})
    mark_as_advanced(KRONWERK_CBLAS_LIBRARY)
    if(KRONWERK_CBLAS_LIBRARY)
      list(PREPEND kronwerk_blas_libraries ${KRONWERK_CBLAS_LIBRARY})
      kronwerk_try_blas(${kronwerk_blas_libraries})
    endif()
  endif()
  list(JOIN kronwerk_blas_libraries " " kronwerk_blas_text)
  if(NOT kronwerk_blas_links)
    message(FATAL_ERROR
            "No program can be linked with BLAS, CBLAS and LAPACK in ${kronwerk_blas_text}: set BLA_VENDOR to "
            "a complete one, or BLAS_LIBRARIES and LAPACK_LIBRARIES to libraries that have all three\n")
  endif()
  if(NOT kronwerk_blas_answers)
    message(FATAL_ERROR
            "The BLAS ${kronwerk_blas_text} does not answer with 32-bit integers (64-bit ones have names such "
            "as openblas64, blas64 or ilp64): set BLA_VENDOR or BLAS_LIBRARIES to the one with 32-bit integers\n")
  endif()
  set(KRONWERK_BLAS_CHECKED "${kronwerk_blas_libraries}" CACHE INTERNAL "answers with 32-bit integers")
endif()

if(kronwerk_blas_libraries AND KRONWERK_CBLAS_INCLUDE_DIR)
  kronwerk_import(kronwerk_blas INCLUDES ${kronwerk_cblas_includes} LINK ${kronwerk_blas_libraries})
  # Debian's 64-bit-index PETSc also loads a BLAS with 64-bit integers, whose symbols have the same names:
  # every program links kronwerk_blas_first, which puts ours at the head of the search order
  # (application/session/blas_check.cpp verifies it at start-up).
  set(kronwerk_blas_files ${kronwerk_blas_libraries})
  list(FILTER kronwerk_blas_files INCLUDE REGEX "^/")
  list(JOIN kronwerk_blas_files "," kronwerk_blas_list)
  add_library(kronwerk_blas_first INTERFACE IMPORTED GLOBAL)
  if(kronwerk_blas_files)
    target_link_options(kronwerk_blas_first INTERFACE
                        "LINKER:--push-state,--no-as-needed,${kronwerk_blas_list},--pop-state")
    # As libraries too, so that programs look for them where they are.
    target_link_libraries(kronwerk_blas_first INTERFACE ${kronwerk_blas_files})
  endif()
endif()
