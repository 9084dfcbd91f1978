# PETSc, by PETSC_DIR and PETSC_ARCH (of CMake or of the environment), else by pkg-config and
# CMAKE_PREFIX_PATH, else Debian's flavour KRONWERK_PETSC. Real, double precision, with a real MPI.
kronwerk_root(kronwerk_petsc_dir PETSC_DIR)
kronwerk_root(kronwerk_petsc_arch PETSC_ARCH)
set(kronwerk_petsc_path)
set(kronwerk_pkg_config_path "$ENV{PKG_CONFIG_PATH}")
if(kronwerk_petsc_dir)
  list(GET kronwerk_petsc_dir 0 kronwerk_petsc_dir)
  foreach(arch ${kronwerk_petsc_arch} "")
    foreach(file PETSc.pc petsc.pc)
      if(EXISTS "${kronwerk_petsc_dir}/${arch}/lib/pkgconfig/${file}" AND NOT kronwerk_petsc_path)
        set(kronwerk_petsc_path "${kronwerk_petsc_dir}/${arch}/lib/pkgconfig")
        set(kronwerk_petsc_used_arch "${arch}")
      endif()
    endforeach()
  endforeach()
  set(ENV{PKG_CONFIG_PATH} "${kronwerk_petsc_path}:$ENV{PKG_CONFIG_PATH}")
else()
  set(ENV{PKG_CONFIG_PATH}
      "$ENV{PKG_CONFIG_PATH}:/usr/lib/petscdir/${KRONWERK_PETSC}/lib/pkgconfig")
endif()
if(kronwerk_petsc_path OR NOT kronwerk_petsc_dir)
  pkg_search_module(PETSC QUIET PETSc>=3.18 petsc>=3.18)
endif()
set(ENV{PKG_CONFIG_PATH} "${kronwerk_pkg_config_path}")

if(NOT PETSC_FOUND)
  kronwerk_missing("PETSc 3.18 or later"
                   "PETSC_DIR (and PETSC_ARCH) to the directory that has lib/pkgconfig/PETSc.pc, or PKG_CONFIG_PATH"
                   "libpetsc64-real-dev, or libpetsc-real-dev with -DKRONWERK_PETSC=petsc-real")
  return()
endif()

kronwerk_header_file(kronwerk_petscconf petscconf.h ${PETSC_INCLUDE_DIRS})
foreach(refused PETSC_USE_COMPLEX PETSC_USE_REAL_SINGLE PETSC_USE_REAL___FLOAT128
        PETSC_USE_REAL___FP16 PETSC_HAVE_MPIUNI)
  kronwerk_header_value(value "${kronwerk_petscconf}" ${refused})
  if(value)
    set(kronwerk_petsc_kind "scalars of another precision")
    if(refused STREQUAL "PETSC_USE_COMPLEX")
      set(kronwerk_petsc_kind "complex scalars")
    elseif(refused STREQUAL "PETSC_USE_REAL_SINGLE")
      set(kronwerk_petsc_kind "single-precision scalars")
    elseif(refused STREQUAL "PETSC_HAVE_MPIUNI")
      set(kronwerk_petsc_kind "no MPI")
    endif()
    message(FATAL_ERROR
            "PETSc in ${PETSC_PREFIX} was built with ${kronwerk_petsc_kind}: set PETSC_DIR and PETSC_ARCH to one "
            "with real double-precision scalars and MPI (configure --with-scalar-type=real --with-precision=double)\n")
  endif()
endforeach()
set(kronwerk_petsc_libraries ${PETSC_LINK_LIBRARIES})
if(kronwerk_petsc_libraries MATCHES "\\.a(;|$)")  # which says what else it needs for static programs only
  set(kronwerk_petsc_libraries ${PETSC_STATIC_LINK_LIBRARIES} ${PETSC_STATIC_LDFLAGS})
endif()
kronwerk_other_mpi(kronwerk_mixed ${kronwerk_petsc_libraries})
if(kronwerk_mixed)
  message(FATAL_ERROR
          "PETSc in ${PETSC_PREFIX} was built with another MPI than the one found "
          "(${kronwerk_mixed}): set PETSC_DIR to one of this MPI, or MPI_C_COMPILER and "
          "MPI_CXX_COMPILER to the wrappers of PETSc's\n")
endif()
kronwerk_import(kronwerk_petsc INCLUDES ${PETSC_INCLUDE_DIRS}
                LINK ${kronwerk_petsc_libraries} MPI::MPI_CXX)
# Built without C++, it does not say what its headers ask for there.
kronwerk_header_value(kronwerk_petsc_c "${kronwerk_petscconf}" PETSC_FUNCTION_NAME_C)
kronwerk_header_value(kronwerk_petsc_cxx "${kronwerk_petscconf}" PETSC_FUNCTION_NAME_CXX)
if(kronwerk_petsc_c AND NOT kronwerk_petsc_cxx)
  target_compile_definitions(kronwerk_petsc INTERFACE PETSC_FUNCTION_NAME_CXX=__func__
                                                      PETSC_CXX_RESTRICT=__restrict)
endif()
