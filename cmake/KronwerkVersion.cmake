# Included by CMakeLists.txt, it adds a target that keeps kronwerk_version.hpp up to date; run with
# cmake -P at build time, it writes that header when its contents have changed.
if(CMAKE_SCRIPT_MODE_FILE)
  set(commit "unknown")
  execute_process(COMMAND git -C ${SOURCE_DIR} rev-parse --short=12 HEAD
                  OUTPUT_VARIABLE found ERROR_QUIET RESULT_VARIABLE status
                  OUTPUT_STRIP_TRAILING_WHITESPACE)
  if(status EQUAL 0 AND EXISTS ${SOURCE_DIR}/.git)
    set(commit ${found})
  endif()
  set(text "#pragma once\n#define KRONWERK_VERSION \"${VERSION}\"\n")
  string(APPEND text "#define KRONWERK_GIT_COMMIT \"${commit}\"\n")
  file(CONFIGURE OUTPUT ${HEADER} CONTENT "${text}" @ONLY)
  return()
endif()

function(kronwerk_add_version_header target)
  set(directory ${PROJECT_BINARY_DIR}/generated)
  add_custom_target(kronwerk_version
    COMMAND ${CMAKE_COMMAND} -DSOURCE_DIR=${PROJECT_SOURCE_DIR} -DVERSION=${PROJECT_VERSION}
            -DHEADER=${directory}/kronwerk_version.hpp -P ${CMAKE_CURRENT_FUNCTION_LIST_FILE}
    BYPRODUCTS ${directory}/kronwerk_version.hpp
    COMMENT "Noting the version" VERBATIM)
  add_dependencies(${target} kronwerk_version)
  # What the libraries do not say themselves when they are loaded.
  kronwerk_header_file(header SuiteSparse_config.h ${SUITESPARSE_INCLUDE_DIR})
  set(suitesparse)
  foreach(part MAIN SUB SUBSUB)
    kronwerk_header_value(number "${header}" SUITESPARSE_${part}_VERSION)
    list(APPEND suitesparse ${number})
  endforeach()
  list(JOIN suitesparse "." suitesparse)
  kronwerk_header_file(header boost/version.hpp ${BOOST_INCLUDE_DIR})
  kronwerk_header_value(boost "${header}" BOOST_LIB_VERSION)
  string(REPLACE "_" "." boost "${boost}")
  set(text "#pragma once\n")
  foreach(entry "SCALAPACK=${KRONWERK_SCALAPACK_VERSION}" "ELPA=${ELPA_VERSION}" "SUITESPARSE=${suitesparse}"
          "EIGEN=${Eigen3_VERSION}" "BOOST=${boost}" "HIGHWAY=${HIGHWAY_VERSION}" "YAML=${yaml-cpp_VERSION}")
    string(REGEX REPLACE "=(.*)" "_VERSION \"\\1\"" definition "${entry}")
    string(APPEND text "#define KRONWERK_${definition}\n")
  endforeach()
  string(APPEND text "#define KRONWERK_COMPILER \"${CMAKE_CXX_COMPILER_ID} ${CMAKE_CXX_COMPILER_VERSION}\"\n")
  file(CONFIGURE OUTPUT ${directory}/kronwerk_libraries.hpp CONTENT "${text}" @ONLY)
  target_include_directories(${target} PRIVATE ${directory})
endfunction()
